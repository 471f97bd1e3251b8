/* The metrics of the heat map: found by name, and unknown where a row does not have them. */
#include "test.h"

#include "tui/session/grid.h"

#include <math.h>

static void names_are_found(void **state)
{
    (void)state;
    static const char *const names[METRIC_COUNT] = {
        "snr",       "mp",          "gavish-donoho",  "frobenius",
        "sigma-max", "stable-rank", "effective-rank", "spikes"};
    enum metric metric;
    for (int i = 0; i < METRIC_COUNT; i++) {
        assert_true(metric_find(&metric, names[i]));
        assert_int_equal(metric, i);
    }
    assert_true(metric_find(&metric, "eff"));
    assert_int_equal(metric, METRIC_EFFECTIVE_RANK);
    /* Not found, or not one alone: what was chosen stays. */
    assert_false(metric_find(&metric, "s") || metric_find(&metric, "rank"));
    assert_false(metric_find(&metric, "") || metric_find(&metric, "snrs"));
    assert_int_equal(metric, METRIC_EFFECTIVE_RANK);
}

static void values_are_the_rows(void **state)
{
    (void)state;
    const struct scan_row row = {.known = true,
                                 .detailed = true,
                                 .snr = 1,
                                 .null_snr = 10,
                                 .snr_mp = 2,
                                 .null_snr_mp = 20,
                                 .snr_gavish_donoho = 3,
                                 .null_snr_gavish_donoho = 30,
                                 .frobenius = 4,
                                 .sigma_max = 5,
                                 .stable_rank = 6,
                                 .effective_rank = 7,
                                 .spikes = 8};
    for (int i = 0; i < METRIC_COUNT; i++) {
        assert_true(metric_value(&row, (enum metric)i) == i + 1);
        if (i < 3)
            assert_true(metric_null(&row, (enum metric)i) == 10 * (i + 1));
        else
            assert_true(isnan(metric_null(&row, (enum metric)i)));
    }
}

static void unknown_is_no_number(void **state)
{
    (void)state;
    const struct scan_row bare = {.known = true, .snr = 1}, none = {.snr = 1};
    const struct scan_row old = {.known = true, .detailed = true, .spikes = -1};
    for (int i = 0; i < METRIC_COUNT; i++) {
        assert_true(isnan(metric_value(&none, (enum metric)i)));
        assert_true(isnan(metric_value(&bare, (enum metric)i)) == (i != METRIC_SNR));
        assert_true(isnan(metric_null(&bare, (enum metric)i)));
    }
    assert_true(isnan(metric_value(&old, METRIC_SPIKES)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(values_are_the_rows),
        cmocka_unit_test(unknown_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
