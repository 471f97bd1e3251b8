#include "test.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

static cJSON *parse(const char *text, enum json_flags flags, struct error *err)
{
    return json_parse(text, strlen(text), flags, "test", err);
}

static void refuses_what_cjson_accepts(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"a\":1,\"a\":2}", "{} x", "{\"a\":[{\"b\":1,\"b\":1}]}", "", "{\"a\":NaN}", "\"\xff\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = ERROR_INIT;
        assert_null(parse(bad[i], JSON_STRICT, &err));
        assert_int_equal(err.kind, ERROR_FAILED);
    }
}

static void refuses_deep_nesting(void **state)
{
    (void)state;
    char text[200];
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    struct error err = ERROR_INIT;
    assert_null(json_parse(text, sizeof text, JSON_STRICT, "deep", &err));
    assert_non_null(strstr(err.text, "nested"));
}

static void reads_python_numbers(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    cJSON *tree =
        parse("{\"a\":Infinity,\"b\":-Infinity,\"c\":NaN,\"d\":\"NaN\"}", JSON_LOOSE_NUMBERS, &err);
    assert_non_null(tree);
    double value = 0;
    assert_true(json_get_double(tree, "a", &value) && isinf(value) && value > 0);
    assert_true(json_get_double(tree, "b", &value) && isinf(value) && value < 0);
    assert_true(json_get_double(tree, "c", &value) && isnan(value));
    const char *text = NULL;
    assert_true(json_get_string(tree, "d", &text));
    assert_string_equal(text, "NaN");
    cJSON_Delete(tree);
}

static void numbers_read_back(void **state)
{
    (void)state;
    static const double values[] = {0.1, 1.0 / 3, 1e300, 5e-324, -0.0, 123456789012345678.0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buffer out = BUFFER_INIT;
        json_put_number(&out, values[i]);
        assert_true(strtod(buffer_string(&out), NULL) == values[i]);
        buffer_free(&out);
    }
}

static void integers_are_exact(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    cJSON *tree = parse("{\"big\":4294967297,\"half\":0.5}", JSON_STRICT, &err);
    int64_t value = 0;
    assert_true(json_get_int64(tree, "big", &value));
    assert_true(value == 4294967297);
    assert_false(json_get_int64(tree, "half", &value));
    assert_int_equal(json_need_int64(tree, "big", &value, 0, 10, "here", &err), -1);
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_cjson_accepts), cmocka_unit_test(refuses_deep_nesting),
        cmocka_unit_test(reads_python_numbers),       cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(integers_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
