#include "test.h"

#include "base/json.h"
#include "base/json_writer.h"

#include <math.h>
#include <string.h>

static void strings_are_strict_and_safe(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a\"\\\n\x7f", "\"a\\\"\\\\\\u000a\\u007f\""},
        {"\xC2\x9B"
         "31m",
         "\"\\u009b31m\""},                                                    /* C1's CSI */
        {"\xE2\x80\xAE\xE2\x81\xA9\xE2\x80\xA8", "\"\\u202e\\u2069\\u2028\""}, /* bidi, separator */
        {"a\xff\xC3", "\"a\\ufffd\\ufffd\""},
        {"\xED\xA0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* a surrogate is no UTF-8 */
        {"\xC3\xA9\xF0\x9F\x98\x80", "\"\xC3\xA9\xF0\x9F\x98\x80\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = BUFFER_INIT;
        json_put_string(&out, cases[i][0]);
        assert_string_equal(buffer_string(&out), cases[i][1]);
        buffer_free(&out);
    }
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

/* The text so far, which is freed. */
static void assert_written(struct buffer *out, const char *expected)
{
    assert_string_equal(buffer_string(out), expected);
    buffer_free(out);
}

static void writes_every_kind(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct error err = ERROR_INIT;
    struct json_writer json = {.out = &out};
    cJSON *tree = json_parse("{\"a\": [1, true]}", 16, JSON_STRICT, "test", &err);
    json_begin(&json, "spectrum.test");
    json_text(&json, "te\"xt", "x\ny");
    json_text(&json, "none", NULL);
    json_integer(&json, "low", INT64_MIN);
    json_count(&json, "high", UINT64_MAX);
    json_real(&json, "real", 0.1);
    json_real(&json, "nan", NAN);
    json_real(&json, "infinite", -INFINITY);
    json_flag(&json, "flag", true);
    json_null(&json, "null");
    json_tree(&json, "tree", tree);
    json_tree(&json, "no tree", NULL);
    json_raw(&json, "raw", "0.0");
    json_list(&json, "empty");
    json_end(&json);
    json_list(&json, "list");
    json_count(&json, NULL, 1);
    json_object(&json, NULL);
    json_end(&json);
    json_end(&json);
    json_end(&json);
    assert_int_equal(json_finish(&json, &err), 0);
    cJSON_Delete(tree);
    tree = json_parse(out.data, out.length, JSON_STRICT, "test", &err);
    assert_non_null(tree);
    cJSON_Delete(tree);
    assert_written(&out, "{\"format\": \"spectrum.test\", \"version\": 1, \"te\\\"xt\": "
                         "\"x\\u000ay\", \"none\": null, \"low\": -9223372036854775808, "
                         "\"high\": 18446744073709551615, \"real\": 0.1, \"nan\": null, "
                         "\"infinite\": null, \"flag\": true, \"null\": null, "
                         "\"tree\": {\"a\":[1,true]}, \"no tree\": null, \"raw\": 0.0, "
                         "\"empty\": [], \"list\": [1, {}]}\n");
}

/* As Python has them, where a reader of its files is meant. */
static void loose_numbers_are_pythons(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out, .loose = true};
    json_list(&json, NULL);
    json_real(&json, NULL, INFINITY);
    json_real(&json, NULL, -INFINITY);
    json_real(&json, NULL, NAN);
    json_real(&json, NULL, 2);
    json_end(&json);
    assert_written(&out, "[Infinity, -Infinity, NaN, 2]");
}

/* For whom a name with U+FFFD in it is another name. */
static void says_that_it_mended(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"k", "a"}, {"k", "\xC3\xA9\x1b"}, {"k", "a\xff"}, {"\xC3", "a"}, {"k", "\xED\xA0\x80"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = BUFFER_INIT;
        struct json_writer json = {.out = &out};
        json_object(&json, NULL);
        json_text(&json, cases[i][0], cases[i][1]);
        json_text(&json, "l", "b");
        assert_int_equal(json.mended, i >= 2);
        buffer_free(&out);
    }
}

static void put_two(struct json_writer *json, enum json_layout layout, bool empty)
{
    json_object(json, "o");
    json_layout(json, layout);
    if (!empty) {
        json_count(json, "a", 1);
        json_list(json, "b");
        json_count(json, NULL, 2);
        json_count(json, NULL, 3);
        json_end(json);
    }
    json_end(json);
}

static void layouts_are_as_named(void **state)
{
    (void)state;
    static const char *const expected[][2] = {
        [JSON_LINE] = {"{\"o\": {\"a\": 1, \"b\": [2, 3]}, \"z\": 0}", "{\"o\": {}, \"z\": 0}"},
        [JSON_COMPACT] = {"{\"o\": {\"a\":1,\"b\":[2,3]}, \"z\": 0}", "{\"o\": {}, \"z\": 0}"},
        [JSON_ROWS] = {"{\"o\": {\n\"a\": 1,\n\"b\": [2, 3]}, \"z\": 0}", "{\"o\": {}, \"z\": 0}"},
        [JSON_ROWS_CLOSED] = {"{\"o\": {\n\"a\": 1,\n\"b\": [2, 3]\n}, \"z\": 0}",
                              "{\"o\": {\n}, \"z\": 0}"},
        [JSON_ROWS_BESIDE] = {"{\"o\": {\"a\": 1,\n\"b\": [2, 3]}, \"z\": 0}",
                              "{\"o\": {}, \"z\": 0}"},
        [JSON_INDENTED] = {"{\"o\": {\n    \"a\": 1,\n    \"b\": [2, 3]\n  }, \"z\": 0}",
                           "{\"o\": {\n  }, \"z\": 0}"},
    };
    for (size_t i = 0; i < 2 * sizeof expected / sizeof *expected; i++) {
        struct buffer out = BUFFER_INIT;
        struct json_writer json = {.out = &out};
        json_object(&json, NULL);
        put_two(&json, (enum json_layout)(i / 2), i % 2);
        json_count(&json, "z", 0);
        json_end(&json);
        assert_written(&out, expected[i / 2][i % 2]);
    }
}

static void lines_break_where_asked(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_object(&json, NULL);
    json_count(&json, "a", 1);
    json_break(&json, 0);
    json_count(&json, "b", 2);
    json_count(&json, "c", 3);
    json_break(&json, 1);
    json_list(&json, "d");
    json_break(&json, 2);
    json_count(&json, NULL, 4);
    json_break(&json, 0);
    json_end(&json);
    json_end(&json);
    assert_written(&out, "{\"a\": 1,\n\"b\": 2, \"c\": 3,\n \"d\": [\n  4\n]}");
}

/* What does not fit is said, and nothing that follows makes a text of it. */
enum wrong {
    KEY_IN_LIST,
    NO_KEY,
    KEY_OUTSIDE,
    SECOND_VALUE,
    END_TOO_MANY,
    END_MISSING,
    NO_VALUE,
    TOO_DEEP,
    LATE_LAYOUT,
    WRONG_COUNT
};

static void do_wrong(struct json_writer *json, enum wrong wrong)
{
    if (wrong == KEY_OUTSIDE)
        json_count(json, "a", 1);
    for (int i = 0; wrong == TOO_DEEP && i < JSON_WRITER_DEPTH; i++)
        json_list(json, NULL);
    if (wrong == KEY_OUTSIDE || wrong == NO_VALUE)
        return;
    if (wrong == KEY_IN_LIST || wrong == TOO_DEEP)
        json_list(json, NULL);
    else
        json_object(json, NULL);
    if (wrong == KEY_IN_LIST || wrong == LATE_LAYOUT)
        json_count(json, "a", 1);
    if (wrong == NO_KEY)
        json_text(json, NULL, "a");
    if (wrong == LATE_LAYOUT)
        json_layout(json, JSON_ROWS);
    if (wrong == END_MISSING)
        return;
    json_end(json);
    if (wrong == END_TOO_MANY)
        json_end(json);
    if (wrong == SECOND_VALUE)
        json_null(json, NULL);
}

static void what_does_not_fit_is_said(void **state)
{
    (void)state;
    static const char *const said[WRONG_COUNT] = {
        [KEY_IN_LIST] = "a key in a list",
        [NO_KEY] = "without a key",
        [KEY_OUTSIDE] = "outside of any object",
        [SECOND_VALUE] = "a second outermost value",
        [END_TOO_MANY] = "where nothing is open",
        [END_MISSING] = "an end that is missing",
        [NO_VALUE] = "no value",
        [TOO_DEEP] = "too many levels",
        [LATE_LAYOUT] = "not just opened",
    };
    for (int i = 0; i < WRONG_COUNT; i++) {
        struct buffer out = BUFFER_INIT;
        struct error err = ERROR_INIT;
        struct json_writer json = {.out = &out};
        do_wrong(&json, (enum wrong)i);
        assert_int_equal(json_finish(&json, &err), -1);
        assert_non_null(strstr(err.text, said[i]));
        assert_int_equal(buffer_check(&out, NULL), -1);
        size_t length = out.length;
        json_null(&json, NULL);
        json_end(&json);
        assert_int_equal(out.length, length);
        buffer_free(&out);
    }
}

static void no_memory_is_said_at_the_end(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    struct error err = ERROR_INIT;
    struct json_writer json = {.out = &out};
    json_object(&json, NULL);
    out.failed = true;
    json_text(&json, "a", "b");
    json_end(&json);
    assert_int_equal(json_finish(&json, &err), -1);
    assert_non_null(strstr(err.text, "not enough memory"));
    assert_written(&out, "{");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_strict_and_safe),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(writes_every_kind),
        cmocka_unit_test(loose_numbers_are_pythons),
        cmocka_unit_test(says_that_it_mended),
        cmocka_unit_test(layouts_are_as_named),
        cmocka_unit_test(lines_break_where_asked),
        cmocka_unit_test(what_does_not_fit_is_said),
        cmocka_unit_test(no_memory_is_said_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
