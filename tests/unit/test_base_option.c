/* One row says all of an option: what it takes, what it says of what it does not, what --help has.
 */
#include "test.h"

#include "base/option.h"

#include <string.h>

enum shape { ROUND, SQUARE };

struct request {
    bool fast;
    const char *name, *file;
    struct option_list words;
    struct option_numbers weights;
    int64_t count;
    double share, any;
    uint64_t room;
    enum shape shape;
    int64_t not_an_option;
};

#define AT(member) offsetof(struct request, member)
static const struct option rows[] = {
    {.name = "fast", .kind = OPTION_FLAG, .at = AT(fast), .help = "be so"},
    {.name = "name", .kind = OPTION_TEXT, .at = AT(name), .help = "a name"},
    {.name = "o", .kind = OPTION_PATH, .at = AT(file), .help = "a file"},
    {.name = "word", .kind = OPTION_TEXTS, .at = AT(words), .help = "words"},
    {.name = "weight",
     .kind = OPTION_NUMBERS,
     .at = AT(weights),
     .low = 0.5,
     .high = 4,
     .help = ""},
    {.name = "count",
     .kind = OPTION_INTEGER,
     .at = AT(count),
     .low = 1,
     .high = 100,
     .preset = "7",
     .help = "how many ({}), at least"},
    {.name = "share", .kind = OPTION_NUMBER, .at = AT(share), .low = 0, .high = 1, .help = ""},
    {.name = "any", .kind = OPTION_NUMBER, .at = AT(any), .preset = "-2.5", .help = "({})"},
    {.name = "room", .kind = OPTION_BYTES, .at = AT(room), .help = ""},
    {.name = "shape",
     .kind = OPTION_CHOICE,
     .at = AT(shape),
     .choices = OPTION_NAMES("round", "square"),
     .preset = "square",
     .help = "of it: {}"},
};
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static const struct option *row(const char *name)
{
    size_t number = option_by_name(&table, name);
    assert_true(number < table.count);
    return &rows[number];
}

static int set(struct request *request, const char *name, const char *text, struct error *err)
{
    return option_set(row(name), request, text, err);
}

static void defaults_are_the_rows(void **state)
{
    (void)state;
    struct request request;
    memset(&request, 0x55, sizeof request);
    option_defaults(&table, &request);
    assert_true(!request.fast && !request.name && !request.file && request.words.count == 0);
    assert_true(request.count == 7 && request.share == 0 && request.any == -2.5);
    assert_true(request.room == 0 && request.shape == SQUARE);
    assert_int_equal(request.not_an_option, 0x5555555555555555); /* has no row: is left */
}

static void values_go_where_the_row_says(void **state)
{
    (void)state;
    struct request request;
    option_defaults(&table, &request);
    static const char *const given[][2] = {
        {"fast", NULL}, {"name", "n"},   {"o", "f"},        {"word", "a"},
        {"word", "b"},  {"weight", "2"}, {"weight", "0.5"}, {"count", "100"},
        {"share", "1"}, {"any", "1e9"},  {"room", "1.5K"},  {"shape", "round"},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        assert_int_equal(set(&request, given[i][0], given[i][1], NULL), 0);
    assert_true(request.fast && request.count == 100 && request.share == 1 && request.any == 1e9);
    assert_true(request.room == 1536 && request.shape == ROUND && request.words.count == 2);
    assert_string_equal(request.words.items[1], "b");
    assert_true(request.weights.count == 2 && request.weights.items[1] == 0.5);
    assert_string_equal(option_choice_name(row("shape"), &request), "round");
    option_reset(row("word"), &request);
    option_reset(row("count"), &request);
    assert_true(request.words.count == 0 && request.count == 7);
    option_free(&table, &request);
    assert_true(request.weights.count == 0);
}

/* What is refused, in an error's words and in a form field's, and leaves the value as it was. */
static void says_what_it_takes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *says, *field;
    } bad[] = {
        {"count", "0", "--count takes a whole number from 1 to 100, not \"0\"", "from 1 to 100"},
        {"count", "101", "from 1 to 100", "from 1 to 100"},
        {"count", "1e1", "a whole number", "a whole number, please"},
        {"count", " 7", "a whole number", "a whole number, please"},
        {"share", "0x1", "a number", "a number, please"},
        {"share", " 1", "a number", "a number, please"},
        {"share", "1e-400", "a number", "a number, please"},
        {"count", "7 ", "a whole number", "a whole number, please"},
        {"count", "", "a whole number", "a whole number, please"},
        {"count", "99999999999999999999", "a whole number", "a whole number, please"},
        {"share", "1.01", "--share takes a number from 0 to 1, not \"1.01\"", "from 0 to 1"},
        {"share", "nan", "a number", "a number, please"},
        {"any", "inf", "--any takes a number, not \"inf\"", "a number, please"},
        {"weight", "5", "--weight takes 0.5 to 4, not \"5\"", "from 0.5 to 4"},
        {"room", "8 elephants", "--room takes bytes such as 8G", "bytes, as in 8G or 500M"},
        {"room", "0", "bytes", "bytes, as in 8G or 500M"},
        {"shape", "oval", "--shape takes round or square, not \"oval\"", "round or square"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct request request;
        struct error err = ERROR_INIT;
        char why[64];
        option_defaults(&table, &request);
        assert_int_equal(set(&request, bad[i].name, bad[i].text, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s", err.text);
        assert_false(option_takes(row(bad[i].name), bad[i].text, why, sizeof why));
        assert_string_equal(why, bad[i].field);
        assert_true(request.count == 7 && request.shape == SQUARE && request.weights.count == 0);
    }
}

static void help_has_the_default(void **state)
{
    (void)state;
    static const char *const says[][2] = {
        {"count", "how many (7), at least"},
        {"shape", "of it: round, square (default)"},
        {"name", "a name"},
    };
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        struct buffer out = BUFFER_INIT;
        option_put_help(&out, row(says[i][0]));
        assert_string_equal(buffer_string(&out), says[i][1]);
        buffer_free(&out);
    }
}

static void rows_are_found_and_marked(void **state)
{
    (void)state;
    struct option_given given = {{0}};
    assert_int_equal(option_by_name(&table, "nothing"), table.count);
    assert_int_equal(option_by_place(&table, AT(not_an_option)), table.count);
    assert_ptr_equal(&rows[option_by_place(&table, AT(share))], row("share"));
    option_give(&given, 3);
    option_give(&given, OPTION_ROWS_MAX - 1);
    for (size_t i = 0; i < OPTION_ROWS_MAX; i++)
        assert_int_equal(option_is_given(&given, i), i == 3 || i == OPTION_ROWS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_rows),     cmocka_unit_test(values_go_where_the_row_says),
        cmocka_unit_test(says_what_it_takes),        cmocka_unit_test(help_has_the_default),
        cmocka_unit_test(rows_are_found_and_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
