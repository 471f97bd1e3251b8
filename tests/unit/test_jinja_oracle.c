/* Templates as jinja2 renders them in transformers' environment (tests/oracle/make_jinja.py): what
 * it renders is equal, what it refuses is refused. */
#include "test.h"

#include "base/json.h"
#include "jinja/jinja.h"

#include <string.h>

static cJSON *oracle(void)
{
    char path[1024];
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/text/jinja.json", getenv("SPECTRUM_TEST_DATA"));
    cJSON *tree = json_read_file(path, 64 << 20, JSON_KEEP_NUMBERS, &err);
    if (!tree)
        fail_msg("%s", err.text);
    return tree;
}

static int render(const char *source, const cJSON *context, struct jinja_output *out,
                  struct error *err)
{
    struct jinja_template *parsed = NULL;
    struct jinja_heap *heap = jinja_heap_new((size_t)64 << 20, err);
    struct jinja_options options = {.heap = heap, .now = 1700000000};
    struct jinja_value variables;
    assert_non_null(heap);
    assert_int_equal(jinja_from_json(heap, context, &variables, err), 0);
    int result = jinja_parse(&parsed, source, strlen(source), err);
    if (result == 0)
        result = jinja_render(parsed, &options, variables, out, err);
    jinja_template_free(parsed);
    jinja_heap_free(heap);
    return result;
}

static void equals_jinja2(void **state)
{
    (void)state;
    cJSON *all = oracle();
    const cJSON *one;
    int differ = 0, count = 0;
    cJSON_ArrayForEach(one, json_get(all, "cases"))
    {
        const char *source = cJSON_GetArrayItem(one, 0)->valuestring;
        const cJSON *text = cJSON_GetArrayItem(one, 1), *error = cJSON_GetArrayItem(one, 2);
        struct jinja_output out = {0};
        struct error err = ERROR_INIT;
        int result = render(source, json_get(all, "context"), &out, &err);
        const char *got = buffer_string(&out.text);
        bool same = error ? result != 0 : result == 0 && strcmp(got, text->valuestring) == 0;
        if (!same) {
            print_message("%s\n  ours:   %s\n  jinja2: %s\n", source, result ? err.text : got,
                          error ? error->valuestring : text->valuestring);
            differ++;
        }
        count++;
        jinja_output_free(&out);
    }
    cJSON_Delete(all);
    assert_true(count > 600);
    assert_int_equal(differ, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_jinja2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
