#include "test.h"

#include "base/json.h"
#include "base/json_writer.h"

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
        "{\"a\":1,\"a\":2}",
        "{} x",
        "{\"a\":[{\"b\":1,\"b\":1}]}",
        "",
        "{\"a\":NaN}",
        "\"\xff\"",
        "\"a\\u0000b\"",
        "{\"\\u0000\":1}",
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

static void says_where_a_nul_is(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_null(parse("[\"\\\\\", \"ab\\u0000\"]", JSON_STRICT, &err));
    assert_non_null(strstr(err.text, "byte 10"));
    cJSON *tree = parse("[\"\\\\u0000\", \"\\u00001\"]", JSON_STRICT, &err);
    assert_null(tree); /* the second one; the first is a backslash and letters */
    tree = parse("[\"\\\\u0000\"]", JSON_STRICT, &err);
    assert_string_equal(tree->child->valuestring, "\\u0000");
    cJSON_Delete(tree);
}

/* [0,0,0,...] would take forty bytes of memory for each of the file's. */
static void refuses_values_without_end(void **state)
{
    (void)state;
    enum { COUNT = 5 << 20 };
    char *text = malloc(2 * COUNT + 1);
    for (int i = 0; i < COUNT; i++)
        memcpy(text + 2 * i, ",0", 2);
    text[0] = '[';
    text[2 * COUNT] = ']';
    struct error err = ERROR_INIT;
    assert_null(json_parse(text, 2 * COUNT + 1, JSON_STRICT, "many", &err));
    assert_non_null(strstr(err.text, "many: more than"));
    text[2 * 1000] = ']'; /* a thousand are fine */
    cJSON *tree = json_parse(text, 2 * 1000 + 1, JSON_STRICT, "some", &err);
    assert_int_equal(cJSON_GetArraySize(tree), 1000);
    cJSON_Delete(tree);
    free(text);
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

/* A member of the outermost object, and nothing else, whatever stands in texts and deeper. */
static void one_member_is_edited(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"k\": 1}", "{\"k\": [2]}"},
        {"{\"a\":{\"k\":1},\"k\" :\t{\"k\":[1,{}]} ,\"b\":1.0}",
         "{\"a\":{\"k\":1},\"k\" : [2] ,\"b\":1.0}"},
        {"{\"s\":\"\\\"k\\\":\",\"t\":[\"k\"],\"k\":\"a,}\\\\\"}",
         "{\"s\":\"\\\"k\\\":\",\"t\":[\"k\"],\"k\": [2]}"},
        {"{\"a\": 1}", "{\n  \"k\": [2],\"a\": 1}"},
        {" { } ", " {\n  \"k\": [2] } "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = BUFFER_INIT;
        json_put_edited(&out, cases[i][0], "k", "[2]");
        assert_string_equal(buffer_string(&out), cases[i][1]);
        cJSON *tree = parse(buffer_string(&out), JSON_STRICT, NULL);
        assert_int_equal(json_get(tree, "k")->child->valueint, 2);
        cJSON_Delete(tree);
        buffer_free(&out);
    }
    size_t begin, end;
    assert_true(json_find_value("{\"k\": [1 ] }", "k", &begin, &end));
    assert_int_equal(begin, 5);
    assert_int_equal(end, 10);
    assert_false(json_find_value("{\"\\u006b\": 1}", "k", &begin, &end));
}

/* Only of this program's own files, whose length bounds them, are so many values taken. */
static void takes_many_values_where_asked(void **state)
{
    (void)state;
    enum { VALUES = (4 << 20) + 10 };
    struct error err = ERROR_INIT;
    char *text = malloc(2 * VALUES + 1);
    assert_non_null(text);
    for (size_t i = 0; i < VALUES; i++)
        memcpy(text + 2 * i, i ? ",1" : "[1", 2);
    text[2 * VALUES] = ']';
    assert_null(json_parse(text, 2 * VALUES + 1, JSON_STRICT, "a file", &err));
    assert_non_null(strstr(err.text, "more than 4194304 values"));
    cJSON *json = json_parse(text, 2 * VALUES + 1, JSON_MANY_VALUES, "a file", &err);
    assert_int_equal(cJSON_GetArraySize(json), VALUES);
    cJSON_Delete(json);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_many_values_where_asked),
        cmocka_unit_test(refuses_what_cjson_accepts),
        cmocka_unit_test(refuses_deep_nesting),
        cmocka_unit_test(reads_python_numbers),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(says_where_a_nul_is),
        cmocka_unit_test(refuses_values_without_end),
        cmocka_unit_test(one_member_is_edited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
