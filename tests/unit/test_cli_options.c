#include "test.h"

#include "tui/cli/options.h"

#include <string.h>

static bool flag;
static const char *text;
static int64_t whole;
static double number;
static struct option_list list;

static const struct option_spec specs[] = {
    {"json", OPTION_FLAG, &flag, NULL, "strict JSON", 0, 0, NULL},
    {"o", OPTION_TEXT, &text, "FILE", "where", 0, 0, NULL},
    {"steps", OPTION_INTEGER, &whole, "N", "steps", 1, 100, NULL},
    {"lr", OPTION_NUMBER, &number, "X", "learning rate", 0, 0, NULL},
    {"data", OPTION_LIST, &list, "FILE", "data", 0, 0, NULL},
};
enum { SPECS = sizeof specs / sizeof *specs };

static int parse(const char *line, const char **positionals, size_t *count, struct error *err)
{
    static char copy[256];
    static char *words[32];
    int n = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[n++] = word;
    return options_parse(specs, SPECS, "spectrum x", n, words, positionals, count, err);
}

static void takes_every_form(void **state)
{
    (void)state;
    const char *rest[32];
    size_t count = 0;
    struct error err = ERROR_INIT;
    assert_int_equal(parse("x a --json -o - --steps=7 --lr 1e-5 --data p --data q b -- --json",
                           rest, &count, &err),
                     0);
    assert_true(flag && whole == 7 && number == 1e-5 && list.count == 2);
    assert_string_equal(text, "-");
    assert_string_equal(list.items[1], "q");
    assert_int_equal(count, 3);
    assert_string_equal(rest[2], "--json");
    options_free(specs, SPECS);
}

static void refuses_with_the_nearest_name(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } bad[] = {
        {"x --stepz 3", "did you mean --steps"}, {"x --steps", "needs a value"},
        {"x --steps 0", "from 1 to 100"},        {"x --steps 5x", "whole number"},
        {"x --lr nan", "takes a number"},        {"x --json=1", "takes no value"},
        {"x --qqqqqqqq", "--help lists them"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *rest[32];
        size_t count = 0;
        struct error err = ERROR_INIT;
        assert_int_equal(parse(bad[i].line, rest, &count, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, bad[i].says));
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
