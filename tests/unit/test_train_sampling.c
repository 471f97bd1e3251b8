/* What may be drawn, compared with transformers' warpers (tests/oracle/make_generation.py). */
#include "train_data.h"

#include "train/generate.h"

static double option(const cJSON *options, const char *key, double otherwise)
{
    json_get_double(options, key, &otherwise);
    return otherwise;
}

static void warpers_keep_what_transformers_keeps(void **state)
{
    (void)state;
    enum { MOST = 16 };
    cJSON *cases = train_data_json("sampling.json");
    const cJSON *one, *item;
    int count = 0;
    cJSON_ArrayForEach(one, cases)
    {
        const cJSON *options = json_get(one, "options"), *want = json_get(one, "probabilities");
        const struct sampling sampling = {.temperature = option(options, "temperature", 1),
                                          .top_k = (int64_t)option(options, "top_k", 0),
                                          .top_p = option(options, "top_p", 1),
                                          .min_p = option(options, "min_p", 0)};
        float logits[MOST];
        double weights[MOST], total = 0;
        struct candidate scratch[MOST];
        int64_t n = 0, at = 0;
        cJSON_ArrayForEach(item, json_get(one, "logits")) logits[n++] = (float)item->valuedouble;
        sampling_weigh(weights, logits, n, &sampling, scratch);
        for (int64_t i = 0; i < n; i++)
            total += weights[i];
        cJSON_ArrayForEach(item, want)
        {
            double got = weights[at++] / total;
            if ((item->valuedouble > 0) != (got > 0) || fabs(got - item->valuedouble) > 1e-6) {
                char *text = cJSON_PrintUnformatted(options);
                fail_msg("%s, token %lld: %g, not %g", text, (long long)at - 1, got,
                         item->valuedouble);
            }
        }
        assert_int_equal(at, n);
        count++;
    }
    assert_true(count >= 48);
    cJSON_Delete(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warpers_keep_what_transformers_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
