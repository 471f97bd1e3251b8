#include "test.h"

#include "tui/cli/options.h"

#include <string.h>

static struct request {
    bool flag;
    const char *text;
    int64_t whole;
    double number;
    struct option_list list;
} request;

#define AT(member) offsetof(struct request, member)
static const struct option rows[] = {
    {.name = "json", .kind = OPTION_FLAG, .at = AT(flag), .help = "strict JSON"},
    {.name = "o", .kind = OPTION_TEXT, .at = AT(text), .argument = "FILE", .help = "where"},
    {.name = "steps", .kind = OPTION_INTEGER, .at = AT(whole), .low = 1, .high = 100, .help = ""},
    {.name = "lr", .kind = OPTION_NUMBER, .at = AT(number), .help = "learning rate"},
    {.name = "data", .kind = OPTION_TEXTS, .at = AT(list), .help = "data"},
};
static const struct option_table table = {rows, sizeof rows / sizeof *rows};
static const struct command command = {.usage = "spectrum x", .options = &table};

static struct option_given given;

static int parse(const char *line, const char **positionals, size_t *count, struct error *err)
{
    static char copy[256];
    static char *words[32];
    int n = 0;
    given = (struct option_given){{0}};
    option_defaults(&table, &request);
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[n++] = word;
    return options_parse(&command, &request, &given, n, words, positionals, count, err);
}

static void takes_every_form(void **state)
{
    (void)state;
    const char *rest[32];
    size_t count = 0;
    struct error err = ERROR_INIT;
    assert_int_equal(
        parse("x a --json -o - --steps=7 --lr 1e-5 --data p --data q b --json --steps 7 "
              "-- --json",
              rest, &count, &err),
        0);
    assert_true(request.flag && request.whole == 7 && request.number == 1e-5 &&
                request.list.count == 2);
    for (size_t i = 0; i < table.count; i++)
        assert_true(option_is_given(&given, i));
    assert_string_equal(request.text, "-");
    assert_string_equal(request.list.items[1], "q");
    assert_int_equal(count, 3);
    assert_string_equal(rest[2], "--json");
    option_free(&table, &request);
}

static void refuses_with_the_nearest_name(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } bad[] = {
        {"x --stepz 3", "did you mean --steps"},
        {"x --steps", "needs a value"},
        {"x --steps 0", "from 1 to 100"},
        {"x --steps 5x", "whole number"},
        {"x --lr nan", "takes a number"},
        {"x --json=1", "takes no value"},
        {"x -o", "-o needs a value"},
        {"x --qqqqqqqq", "--help lists them"},
        {"x --foo 1", "--help lists them"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *rest[32];
        size_t count = 0;
        struct error err = ERROR_INIT;
        assert_int_equal(parse(bad[i].line, rest, &count, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, bad[i].says));
        assert_false(option_is_given(&given, option_by_name(&table, "steps")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_form),
        cmocka_unit_test(refuses_with_the_nearest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
