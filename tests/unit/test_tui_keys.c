/* The table of requests is consistent, and themes parse or say why not. */
#include "test.h"

#include "base/buffer.h"
#include "base/file.h"
#include "tui/canvas/terminal.h"
#include "tui/keys/keys.h"
#include "tui/theme/theme.h"

#include <string.h>

static void every_request_is_described_once(void **state)
{
    (void)state;
    size_t count;
    const struct request_info *table = request_table(&count);
    assert_int_equal(count, REQUEST_COUNT - 1);
    for (int request = REQUEST_NONE + 1; request < REQUEST_COUNT; request++)
        assert_non_null(request_find((enum request)request));
    for (size_t i = 0; i < count; i++) {
        assert_true(table[i].help && table[i].help[0]);
        assert_true(table[i].scopes != 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(table[i].name, table[j].name);
    }
}

static void no_key_means_two_things_in_a_view(void **state)
{
    (void)state;
    size_t count;
    const struct request_info *table = request_table(&count);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < REQUEST_KEYS_MAX && table[i].keys[k]; k++)
            for (unsigned scope = 1; scope < SCOPE_ALL; scope <<= 1)
                if (table[i].scopes & scope)
                    assert_int_equal(request_from_key(table[i].keys[k], (enum key_scope)scope),
                                     table[i].request);
}

static void key_names_read_back(void **state)
{
    (void)state;
    size_t count;
    const struct request_info *table = request_table(&count);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < REQUEST_KEYS_MAX && table[i].keys[k]; k++) {
            char name[16];
            key_name(table[i].keys[k], name, sizeof name);
            assert_string_not_equal(name, "?x");
            if (strlen(name) > 1)
                assert_int_equal(key_from_name(name, strlen(name)), table[i].keys[k]);
        }
    assert_int_equal(key_from_name("nothing", 7), INPUT_NONE);
}

static void lines_find_their_request(void **state)
{
    (void)state;
    const char *argument;
    bool sure;
    assert_int_equal(request_from_line("top 30", &argument, &sure)->request, REQUEST_TOP);
    assert_string_equal(argument, "30");
    assert_int_equal(request_from_line("42.5", &argument, &sure)->request, REQUEST_TOP);
    assert_string_equal(argument, "42.5");
    assert_int_equal(request_from_line("  und", &argument, &sure)->request, REQUEST_UNDO);
    assert_int_equal(request_from_line("toggle", &argument, &sure)->request, REQUEST_TOGGLE);
    assert_int_equal(request_from_line("w !x", &argument, &sure)->request, REQUEST_SAVE_PLAN);
    assert_string_equal(argument, "!x");
    assert_false(sure);
    assert_int_equal(request_from_line("write! x", &argument, &sure)->request, REQUEST_SAVE_PLAN);
    assert_string_equal(argument, "x");
    assert_true(sure);
    assert_int_equal(request_from_line("w!", &argument, &sure)->request, REQUEST_SAVE_PLAN);
    assert_string_equal(argument, "");
    assert_null(request_from_line("quit!", &argument, &sure));
    assert_false(sure);
    assert_null(request_from_line("to", &argument, &sure));
    assert_null(request_from_line("", &argument, &sure));
    assert_null(request_from_line("format-disk", &argument, &sure));
}

/* By the row's kind, in place. */
static void arguments_are_those_that_a_row_takes(void **state)
{
    (void)state;
    static const struct {
        enum request request;
        const char *typed, *taken, *says; /* says NULL: it is taken */
    } cases[] = {
        {REQUEST_UNDO, "", "", NULL},
        {REQUEST_UNDO, "   ", "", NULL},
        {REQUEST_UNDO, " 5 ", NULL, "undo takes nothing, and \"5\" follows it"},
        {REQUEST_TOP, " 25 % ", "25 %", NULL},
        {REQUEST_TRY, " \"So\" --she said ", " \"So\" --she said ", NULL},
        {REQUEST_SAVE_PLAN, "", "", NULL},
        {REQUEST_SAVE_PLAN, " a b.yaml ", "a b.yaml", NULL},
        {REQUEST_SAVE_PLAN, "a - b-c", "a - b-c", NULL},
        {REQUEST_SAVE_PLAN, "\" a --b\"c\"", " a --b\"c", NULL},
        {REQUEST_SAVE_PLAN, "\"\"", NULL, "nothing is between the quotes"},
        {REQUEST_SAVE_PLAN, "\"", NULL, "the quote before it is not closed"},
        {REQUEST_SAVE_PLAN, "\"a", NULL, "the quote before it is not closed"},
        {REQUEST_EXPORT, "x --type", NULL, "export takes DIR and no options, and \"--type\" looks"},
        {REQUEST_EXPORT, "-o x", NULL, "\"-o\" looks like one"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = ERROR_INIT;
        char argument[64];
        snprintf(argument, sizeof argument, "%s", cases[i].typed);
        int status = request_take_argument(request_find(cases[i].request), argument, &err);
        assert_int_equal(status, cases[i].says ? -1 : 0);
        if (cases[i].says && !strstr(err.text, cases[i].says))
            fail_msg("\"%s\": %s", cases[i].typed, err.text);
        if (!cases[i].says)
            assert_string_equal(argument, cases[i].taken);
    }
}

/* The table of keys in the README, as it must be. */
static void put_readme_table(struct buffer *out)
{
    size_t count;
    const struct request_info *table = request_table(&count);
    buffer_text(out, "| keys | command | what it does |\n|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        char keys[64];
        request_keys(&table[i], keys, sizeof keys);
        buffer_format(out, "| %s%s%s | `:%s%s%s` | %s |\n", keys[0] ? "`" : "", keys,
                      keys[0] ? "`" : "", table[i].name, table[i].argument ? " " : "",
                      table[i].argument ? table[i].argument : "", table[i].help);
    }
}

static void the_readme_has_the_table(void **state)
{
    (void)state;
    struct buffer readme = BUFFER_INIT, table = BUFFER_INIT;
    char path[512];
    snprintf(path, sizeof path, "%s/../../README.md", getenv("SPECTRUM_TEST_DATA"));
    assert_int_equal(file_read_all(&readme, path, 1 << 20, NULL), 0);
    put_readme_table(&table);
    if (!strstr(buffer_string(&readme), buffer_string(&table))) {
        printf("README.md must have this table:\n%s", buffer_string(&table));
        fail();
    }
    buffer_free(&readme);
    buffer_free(&table);
}

static void shipped_themes_load(void **state)
{
    (void)state;
    const char *names[] = {"dark", "light", "mono"};
    for (size_t i = 0; i < 3; i++) {
        struct theme theme;
        struct error err = ERROR_INIT;
        assert_int_equal(theme_load(&theme, names[i], &err), 0);
        assert_int_equal(theme_is_mono(&theme), i == 2);
        for (int role = 1; i < 2 && role < THEME_ROLES; role++)
            assert_true(theme.colors[role] >= 0);
    }
    struct theme theme;
    assert_int_equal(theme_load(&theme, "../../etc/passwd", NULL), -1);
}

static void gradients_go_through_their_middle(void **state)
{
    (void)state;
    struct theme theme;
    const char *text =
        "heat_start = #000000\nheat_mid=#804020\r\n# a comment\n\nheat_end = #FFFFFF";
    assert_int_equal(theme_parse(&theme, "t", text, "t", NULL), 0);
    assert_int_equal(theme_heat(&theme, -1), 0x000000);
    assert_int_equal(theme_heat(&theme, 0.5), 0x804020);
    assert_int_equal(theme_heat(&theme, 2), 0xFFFFFF);
    assert_int_equal(theme_heat(&theme, 0.25), 0x402010);
}

static void wrong_lines_are_named(void **state)
{
    (void)state;
    struct theme theme;
    struct error err = ERROR_INIT;
    assert_int_equal(theme_parse(&theme, "t", "text = #ffffff\nnothing", "x.theme", &err), -1);
    assert_non_null(strstr(err.text, "x.theme:2"));
    assert_int_equal(theme_parse(&theme, "t", "colour = #ffffff", "x.theme", &err), -1);
    assert_non_null(strstr(err.text, "\"colour\""));
    assert_int_equal(theme_parse(&theme, "t", "text = white", "x.theme", &err), -1);
    assert_int_equal(theme_parse(&theme, "t", "text = #12345g", "x.theme", &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_described_once),
        cmocka_unit_test(no_key_means_two_things_in_a_view),
        cmocka_unit_test(key_names_read_back),
        cmocka_unit_test(lines_find_their_request),
        cmocka_unit_test(arguments_are_those_that_a_row_takes),
        cmocka_unit_test(the_readme_has_the_table),
        cmocka_unit_test(shipped_themes_load),
        cmocka_unit_test(gradients_go_through_their_middle),
        cmocka_unit_test(wrong_lines_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
