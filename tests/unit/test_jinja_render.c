/* Templates: what each rule of the language writes, what is refused and with which words, bounds,
 * spans. The expected texts are jinja2's, set up as transformers does. */
#include "test.h"

#include "jinja/jinja.h"

#include <string.h>

static const char variables[] =
    "{\"x\": 3, \"s\": \"text\", \"l\": [1, 2, 3, 4, 5], \"none_\": null, \"d\": {\"a\": 1, \"b\": "
    "[7, 8]}, \"tree\": [{\"v\": 1, \"c\": [{\"v\": 2, \"c\": []}]}, {\"v\": 3, \"c\": []}], "
    "\"messages\": [{\"role\": \"user\", \"content\": \"h\xc3\xa9\"}, {\"role\": \"assistant\", "
    "\"content\": \"b\"}]}";

struct rendered {
    struct jinja_output output;
    struct error err;
    int status;
};

/* Renders with the variables above, whose messages are numbered from 1 on. */
static void render_bounded(const char *source, uint64_t steps, size_t heap_bytes, size_t output,
                           struct rendered *out)
{
    struct error *err = &out->err;
    struct jinja_template *parsed = NULL;
    struct jinja_heap *heap = jinja_heap_new(heap_bytes, err);
    struct jinja_options options = {.heap = heap, .steps = steps, .output = output};
    cJSON *json = json_parse(variables, strlen(variables), JSON_KEEP_NUMBERS, "variables", err);
    struct jinja_value values;
    assert_int_equal(jinja_from_json(heap, json, &values, err), 0);
    struct jinja_list *messages = jinja_find_text(values.is.map, "messages")->value.is.list;
    for (size_t i = 0; i < messages->count; i++)
        messages->items[i].is.map->origin = (int)i + 1;
    out->status = jinja_parse(&parsed, source, strlen(source), err);
    if (out->status == 0)
        out->status = jinja_render(parsed, &options, values, &out->output, err);
    cJSON_Delete(json);
    jinja_template_free(parsed);
    jinja_heap_free(heap);
}

static void check_text(const char *source, const char *expected)
{
    struct rendered got = {.err = ERROR_INIT};
    render_bounded(source, 0, 16 << 20, 0, &got);
    if (got.status != 0)
        fail_msg("%s: %s", source, got.err.text);
    if (strcmp(buffer_string(&got.output.text), expected) != 0)
        fail_msg("%s\ngives    %s\nexpected %s", source, buffer_string(&got.output.text), expected);
    jinja_output_free(&got.output);
}

static void check_error(const char *source, const char *expected)
{
    struct rendered got = {.err = ERROR_INIT};
    render_bounded(source, 100000, 16 << 20, 1 << 20, &got);
    if (got.status == 0)
        fail_msg("%s\ngives %s", source, buffer_string(&got.output.text));
    if (strcmp(got.err.text, expected) != 0)
        fail_msg("%s\nsays     %s\nexpected %s", source, got.err.text, expected);
    jinja_output_free(&got.output);
}

struct pair {
    const char *source, *expected;
};

#define CHECK_PAIRS(check, pairs)                                                                  \
    for (size_t i_ = 0; i_ < sizeof(pairs) / sizeof *(pairs); i_++)                                \
    check((pairs)[i_].source, (pairs)[i_].expected)

/* --- texts --- */

static void lines_and_blanks(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"a\r\nb\rc\n", "a\nb\nc"},
        {"a\n\n", "a\n"},
        {"{% if x %}\n  a\n  {% endif %}\nb", "  a\nb"},
        {"{{ x }}\n  {% if x %}\n a{% endif %}", "3\n a"},
        {"a {% if x %} b {% endif %} c", "a  b  c"},
        {"X {%- if x -%}\n\n Y  {%- endif -%} Z", "XYZ"},
        {"  {%+ if x %}\na{% endif +%}\nb", "  a\nb"},
        {"a \xc2\xa0\xe2\x80\x83{{- x -}}\xe3\x80\x80 b", "a3b"},
        {"X {#- c -#} Y {# d #}\n {#+ e +#}\nZ", "XY  \nZ"},
        {"{% raw %}\n {{ x }} {# {% if %}\n {% endraw %}\nb", "\n {{ x }} {# {% if %}\nb"},
        {"a {%- raw -%} b {%- endraw -%} c", "abc"},
    };
    CHECK_PAIRS(check_text, pairs);
}

/* --- expressions --- */

static void literals(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"{{ 'a' \"b\" 'c' }}", "abc"},
        {"{{ \"\\x41\\u00e9\\101\\\\\\'\\q\" }}", "A\xc3\xa9"
                                                  "A\\'\\q"},
        {"{{ '\\\xc3\xa9' }}", "\\xe9"},
        {"{{ 1_000 }} {{ 1e3 }} {{ 1.5e-3 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }}",
         "1000 1000.0 0.0015 31 3 15"},
        {"{{ true }}{{ False }}{{ none }}", "TrueFalseNone"},
        {"{{ (1,) }}{{ () }}{{ [1, 2,] }}{{ {'a': {'b': 1}}}}{{ 1, 2 }}",
         "(1,)()[1, 2]{'a': {'b': 1}}(1, 2)"},
    };
    CHECK_PAIRS(check_text, pairs);
}

static void operators(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"{{ 1 + 2 * 3 ** 2 - 7 // 2 % 2 }}", "18"},
        {"{{ 2 ** 3 ** 2 }}", "64"},
        {"{{ 1 ~ 2 * 3 ~ 4 }}", "164"},
        {"{{ -1|abs }}{{ -d.a }}{{ - -x }}{{ +x }}", "1-133"},
        {"{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 3 > 2 >= 2 != 1 }}", "TrueFalseTrue"},
        {"{{ 1 in l }}{{ 9 not in l }}{{ not 1 in l }}", "TrueTrueFalse"},
        {"{{ 0 or '' or 'a' }}{{ 0 and nothing.here }}{{ x and s }}", "a0text"},
        {"{{ 'a' if x > 2 else 'b' }}{{ 'c' if x > 5 }}{{ (1 if 0) is defined }}", "aFalse"},
        {"{{ 1 if false else 2 if false else 3 }}", "3"},
        {"{{ l[1:3] }}{{ l[::2] }}{{ l[-2:] }}{{ s[::-1] }}", "[2, 3][1, 3, 5][4, 5]txet"},
        {"{{ d.b.1 }}{{ d['a'] }}{{ l[-1] }}{{ l[99] }}{{ d.zz }}", "815"},
        {"{{ x is divisibleby 3 }}{{ x is not none and d.a is eq(1) }}", "TrueTrue"},
        {"{{ nothing }}{{ nothing is defined }}{{ not nothing }}", "FalseTrue"},
    };
    CHECK_PAIRS(check_text, pairs);
}

/* --- statements --- */

static void loops(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"{% for i in l %}{{ i }}{{ ',' if not loop.last }}{% endfor %}", "1,2,3,4,5"},
        {"{% for i in l if i is odd %}{{ loop.index }}/{{ loop.length }}{{ loop.revindex0 }} "
         "{% endfor %}",
         "1/32 2/31 3/30 "},
        {"{% for i in l[:3] %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}"
         "{{ loop.changed(i // 2) }};{% endfor %}",
         "2aTrue;13bTrue;2aFalse;"},
        {"{% for k, (a, b) in [(1, (2, 3))] %}{{ k }}{{ a }}{{ b }}{% endfor %}", "123"},
        {"{% for i in nothing %}a{% else %}b{% endfor %}", "b"},
        {"{% for i in l %}{% if i == 2 %}{% continue %}{% elif i == 4 %}{% break %}{% endif %}"
         "{{ i }}{% endfor %}",
         "13"},
        {"{% for i in l %}{% continue %}{% else %}E{% endfor %}", "E"},
        {"{% for t in tree recursive %}{{ loop.depth }}:{{ t.v }}"
         "{% if t.c %}({{ loop(t.c) }}){% endif %}{% endfor %}",
         "1:1(2:2)1:3"},
        {"{% set ns = namespace(stop=false) %}{% for i in l if not ns.stop %}{{ i }}"
         "{% set ns.stop = i == 2 %}{% endfor %}",
         "12"},
    };
    CHECK_PAIRS(check_text, pairs);
}

static void scopes(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"{% set a = 1 %}{% for i in l %}{% set a = a + i %}{{ a }},{% endfor %}{{ a }}",
         "2,3,4,5,6,1"},
        {"{% set ns = namespace(a=0) %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}"
         "{{ ns.a }}",
         "15"},
        {"{% if x %}{% set q = 1 %}{% endif %}{{ q }}", "1"},
        {"{% if not x %}{% set x = 1 %}{% endif %}{{ x }}", "3"},
        /* A name that the root sets is its own from the start, for what stands in a body. */
        {"{% for i in [1] %}[{{ x }}]{% endfor %}{% set x = 9 %}{{ x }}", "[]9"},
        {"{{ x }}{% for i in [1] %}[{{ x }}]{% endfor %}{% set x = 9 %}{{ x }}", "3[3]9"},
        {"{% for i in [1, 2] %}{{ w }}{% set w = i %}{% endfor %}[{{ w }}]", "[]"},
        {"{% with x = 1, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}", "133"},
        {"{% set a, b = 1, (2, 3) %}{{ a }}{{ b }}", "1(2, 3)"},
        {"{% set a | upper | replace('X', 'z') %}x{{ x }}{% set x = 5 %}{% endset %}{{ a }}{{ x }}",
         "z33"},
        {"{% filter upper %}a{{ s }}{% endfilter %}", "ATEXT"},
        {"{% generation %}{% set q = 1 %}a{% endgeneration %}{{ q }}", "a"},
        {"{% if false %}{{ x | nofilter }}{% endif %}ok", "ok"},
    };
    CHECK_PAIRS(check_text, pairs);
}

static void macros(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }} {% endmacro %}"
         "{{ m(1) }}{{ m(1, 3) }}{{ m(c=4, a=5) }}{{ m() }}{{ m(*[7, 8], **{'c': 9}) }}",
         "121 131 524 2 789 "},
        {"{% macro m() %}{{ later }}{% endmacro %}{% set later = 4 %}{{ m() }}", "4"},
        {"{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
         "3210"},
        {"{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, z=4) }}",
         "(2,){'z': 4}"},
        {"{% macro m() %}[{{ caller(1, b=2) }}]{% endmacro %}"
         "{% call(a, b) m() %}{{ a }}{{ b }}{{ x }}{% endcall %}",
         "[123]"},
        {"{% macro m() %}{{ 'c' if caller else 'n' }}{% endmacro %}{{ m() }}", "n"},
        {"{% macro m(a) %}{% endmacro %}{{ m.name }}{{ m.arguments }}", "m('a',)"},
    };
    CHECK_PAIRS(check_text, pairs);
}

/* --- what is refused --- */

static void errors_of_sources(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"a\n{% include 'x' %}", "line 2: {% include %} is not supported: chat templates have one "
                                 "file and no blocks"},
        {"{% foo %}", "line 1: unknown tag 'foo'"},
        {"a\n{% if x %}\n", "line 2: the template ends without the {% endif %} of line 2"},
        {"{{ x\n| nofilter }}", "line 2: no filter named 'nofilter'"},
        {"{{ x is notest }}", "line 1: no test named 'notest'"},
        {"{{ (x }}", "line 1: unexpected '}', expected ')'"},
        {"{{ 'abc }}", "line 1: a text that begins with ' has no end"},
        {"{{ a b }}", "line 1: expected '}}', got 'b'"},
        {"{{ }}", "line 1: expected an expression, got '}}'"},
        {"{{ f(a=1, 2) }}", "line 1: an argument that stands after those that must be last"},
        {"{{ f(a=1, a=2) }}", "line 1: the argument 'a' is given twice"},
        {"{% break %}", "line 1: 'break' outside of a loop"},
        {"{% for i in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
         "line 1: 'break' outside of a loop"},
        {"{% for i in l %}{% set loop = 1 %}{% endfor %}",
         "line 1: cannot assign to 'loop' in a loop"},
        {"{% set true = 1 %}", "line 1: cannot assign to 'true'"},
        {"{{ 99999999999999999999 }}", "line 1: a whole number that is beyond 64 bits"},
        {"{{ \xe2\x80\x9cx }}", "line 1: unexpected character '\xe2\x80\x9c' (names outside ASCII "
                                "are not supported)"},
        {"\xff", "a template must be UTF-8"},
    };
    CHECK_PAIRS(check_error, pairs);
}

static void errors_of_renderings(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"a\n{{ raise_exception('no tools here') }}", "line 2: no tools here"},
        {"a\n\n{{ nothing.a }}", "line 3: 'nothing' is undefined"},
        {"{{ nothing() }}", "line 1: 'nothing' is undefined"},
        {"{{ x() }}", "line 1: 'int' object is not callable"},
        {"{{ -s }}", "line 1: bad operand type for unary -: 'str'"},
        {"{% for i in x %}{% endfor %}", "line 1: 'int' object is not iterable"},
        {"{% set a, b = [1] %}", "line 1: not enough values to unpack (expected 2, got 1)"},
        {"{% set a, b = l %}", "line 1: too many values to unpack (expected 2)"},
        {"{% set d.a = 1 %}", "line 1: cannot assign attribute on non-namespace object"},
        {"{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
         "line 1: macro 'm' takes not more than 1 argument(s)"},
        {"{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}",
         "line 1: macro 'm' takes no keyword argument 'a'"},
        {"{% for i in l %}{{ loop(i) }}{% endfor %}",
         "line 1: The loop must have the 'recursive' marker to be called recursively."},
        {"{% if true %}{{ x | nofilter }}{% endif %}", "line 1: no filter named 'nofilter' found"},
    };
    CHECK_PAIRS(check_error, pairs);
}

/* --- bounds --- */

/* What `part` gives `count` times, between two others. */
static char *repeated(const char *before, const char *part, int count, const char *after)
{
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, before);
    for (int i = 0; i < count; i++)
        buffer_text(&text, part);
    buffer_text(&text, after);
    assert_int_equal(buffer_check(&text, NULL), 0);
    return text.data;
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *before, *part, *after;
    } deep[] = {
        {"{{ ", "(", ""},
        {"{{ ", "-", " x }}"},
        {"{{ ", "not ", "x }}"},
        {"{{ ", "1 if ", "1 }}"},
        {"{{ ", "[", ""},
        {"", "{% if x %}", ""},
        {"{% set ", "(", "a = 1 %}"},
        {"{{ ", "x is eq [", ""},
        {"{{ ", "1 if 1 else ", "1 }}"},
        {"", "{% macro m() %}", ""},
    };
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        struct rendered got = {.err = ERROR_INIT};
        char *source = repeated(deep[i].before, deep[i].part, 5000, deep[i].after);
        render_bounded(source, 0, 16 << 20, 0, &got);
        assert_int_equal(got.status, -1);
        assert_non_null(strstr(got.err.text, "within one another"));
        free(source);
    }
}

/* What is long but not deep is no burden. */
static void long_chains_are_fine(void **state)
{
    (void)state;
    static const struct {
        const char *before, *part, *after, *expected;
    } chains[] = {
        {"{{ 1", " + 1", " }}", "5001"},
        {"{{ 'a'", " | trim", " }}", "a"},
        {"{{ x", " and x", " }}", "3"},
        {"{{ 1", " < 2 > 1", " }}", "True"},
        {"{% if not x %}", "{% elif not x %}", "{% else %}a{% endif %}", "a"},
    };
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        char *source = repeated(chains[i].before, chains[i].part, 5000, chains[i].after);
        check_text(source, chains[i].expected);
        free(source);
    }
}

static void renderings_are_bounded(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
         "line 1: calls and blocks go deeper than 1000 levels: a macro that calls itself without "
         "an "
         "end?"},
        {"{% for i in range(999) %}{% for j in range(999) %}{% endfor %}{% endfor %}",
         "line 1: the template takes more than 100000 steps"},
        {"{% for i in range(999) %}{% for j in range(9) %}{{ s * 99 }}{% endfor %}{% endfor %}",
         "line 1: the template writes more than 1048576 bytes"},
    };
    CHECK_PAIRS(check_error, pairs);
    struct rendered got = {.err = ERROR_INIT};
    render_bounded("{% set ns = namespace(a='a') %}{% for i in range(99) %}"
                   "{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
                   0, 1 << 20, 0, &got);
    assert_int_equal(got.status, -1);
}

/* --- spans --- */

static void check_spans(const struct jinja_spans *spans, const struct jinja_span *expected,
                        size_t count)
{
    assert_int_equal(spans->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(spans->items[i].begin, expected[i].begin);
        assert_int_equal(spans->items[i].end, expected[i].end);
        assert_int_equal(spans->items[i].origin, expected[i].origin);
    }
}

static void generated_spans(void **state)
{
    (void)state;
    struct rendered got = {.err = ERROR_INIT};
    render_bounded("{% for m in messages %}{{ m.role }}:{% generation %}{{ m.content }}!"
                   "{% endgeneration %}{% endfor %}",
                   0, 1 << 20, 0, &got);
    assert_string_equal(got.output.text.data, "user:h\xc3\xa9!assistant:b!");
    check_spans(&got.output.generated, (struct jinja_span[]){{5, 9, 1}, {19, 21, 2}}, 2);
    jinja_output_free(&got.output);

    /* In a capture: counted from the root's end, in characters of what is there later. */
    render_bounded("a{% set q %}{% generation %}\xc3\xa9{% endgeneration %}{% endset %}b{{ q }}", 0,
                   1 << 20, 0, &got);
    assert_string_equal(got.output.text.data, "ab\xc3\xa9");
    check_spans(&got.output.generated, (struct jinja_span[]){{1, 2, 0}}, 1);
    jinja_output_free(&got.output);
}

static void check_origins(const char *source, const char *text, const struct jinja_span *expected,
                          size_t count)
{
    struct rendered got = {.err = ERROR_INIT};
    render_bounded(source, 0, 1 << 20, 0, &got);
    assert_int_equal(got.status, 0);
    assert_string_equal(got.output.text.data, text);
    check_spans(&got.output.origins, expected, count);
    jinja_output_free(&got.output);
}

static void origins_follow_the_loops(void **state)
{
    (void)state;
    check_origins("<{% for m in messages %}{{ m.role }}{% for i in [1, 2] %}{% set n = messages[0] "
                  "%}.{% endfor %}{% endfor %}>",
                  "<user..assistant..>",
                  (struct jinja_span[]){{0, 1, 0}, {1, 7, 1}, {7, 18, 2}, {18, 19, 0}}, 4);
    check_origins("{% for i in [1, 0] %}-{% set m = messages[i] %}{% set o = messages[0] %}"
                  "{{ m.role }}{% endfor %}",
                  "-assistant-user",
                  (struct jinja_span[]){{0, 1, 0}, {1, 10, 2}, {10, 11, 0}, {11, 15, 1}}, 4);
    check_origins("{% macro m() %}{% set z = messages[0] %}a{% endmacro %}{% for i in [1] %}"
                  "{{ m() }}{% endfor %}",
                  "a", (struct jinja_span[]){{0, 1, 0}}, 1);
}

/* --- what a source says --- */

static void sources_say_what_they_name(void **state)
{
    (void)state;
    static const char source[] = "<a>{% set unread = tools %}{{ 'b' 'c' ~ x['d'] }}\n<e>";
    struct jinja_template *parsed;
    assert_int_equal(jinja_parse(&parsed, source, strlen(source), NULL), 0);
    assert_true(jinja_names(parsed, "tools") && jinja_names(parsed, "x"));
    assert_false(jinja_names(parsed, "unread") || jinja_names(parsed, "messages"));
    assert_false(jinja_has_generation(parsed));
    jinja_template_free(parsed);
}

/* One template, one heap, released in between; what a template looked up is marked. */
static void renders_again(void **state)
{
    (void)state;
    static const char source[] =
        "{% set ns = namespace(n=0) %}{% set ns.n = ns.n + a.b %}{{ ns.n }}";
    static const char json_text[] = "{\"a\": {\"b\": 2, \"c\": 3}, \"z\": 1}";
    struct jinja_template *parsed;
    struct jinja_value values;
    struct jinja_output output = {0};
    struct jinja_heap *heap = jinja_heap_new(1 << 16, NULL);
    cJSON *json = json_parse(json_text, strlen(json_text), JSON_STRICT, "json", NULL);
    struct jinja_options options = {.heap = heap};
    assert_int_equal(jinja_from_json(heap, json, &values, NULL), 0);
    assert_int_equal(jinja_parse(&parsed, source, strlen(source), NULL), 0);
    size_t mark = jinja_heap_mark(heap);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(jinja_render(parsed, &options, values, &output, NULL), 0);
        assert_string_equal(output.text.data, "2");
        jinja_heap_release(heap, mark);
    }
    const struct jinja_map *a = jinja_find_text(values.is.map, "a")->value.is.map;
    assert_true(jinja_find_text(values.is.map, "a")->read && jinja_find_text(a, "b")->read);
    assert_false(jinja_find_text(values.is.map, "z")->read || jinja_find_text(a, "c")->read);
    jinja_output_free(&output);
    jinja_template_free(parsed);
    jinja_heap_free(heap);
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_blanks),
        cmocka_unit_test(literals),
        cmocka_unit_test(operators),
        cmocka_unit_test(loops),
        cmocka_unit_test(scopes),
        cmocka_unit_test(macros),
        cmocka_unit_test(errors_of_sources),
        cmocka_unit_test(errors_of_renderings),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(long_chains_are_fine),
        cmocka_unit_test(renderings_are_bounded),
        cmocka_unit_test(generated_spans),
        cmocka_unit_test(origins_follow_the_loops),
        cmocka_unit_test(sources_say_what_they_name),
        cmocka_unit_test(renders_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
