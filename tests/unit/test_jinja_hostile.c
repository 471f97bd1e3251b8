/* Templates that are made to take long, or much: with the bounds that a program has, each ends in
 * an error that names the bound, soon. */
#include "test.h"

#include "jinja/jinja.h"

#include <string.h>
#include <time.h>

/* Processor time; sanitizers take many times as long. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SECONDS = 120 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
enum { SECONDS = 120 };
#else
enum { SECONDS = 8 };
#endif
#else
enum { SECONDS = 8 };
#endif

static const char STEPS[] = "takes more than 20000000 steps";
static const char MEMORY[] = "bytes of memory, its limit";
static const char TEXT[] = "a text of more than";
static const char VALUES[] = "a list of more than";
static const char NESTED[] = "nest deeper than 200 levels";
static const char DEPTH[] = "calls and blocks go deeper than 1000 levels";

struct hostile {
    const char *source, *error;
};

static void check(const struct hostile *hostile)
{
    struct error err = ERROR_INIT;
    struct jinja_template *parsed = NULL;
    struct jinja_output output = {0};
    struct jinja_heap *heap = jinja_heap_new(64 << 20, &err);
    struct jinja_value variables;
    struct jinja_options options = {.heap = heap};
    clock_t begin = clock();
    assert_non_null(heap);
    assert_int_equal(jinja_new(heap, JINJA_DICT, &variables, &err), 0);
    int failed = jinja_parse(&parsed, hostile->source, strlen(hostile->source), &err);
    if (failed == 0)
        failed = jinja_render(parsed, &options, variables, &output, &err);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    if (failed == 0 || !strstr(err.text, hostile->error) || seconds > SECONDS)
        fail_msg("%.200s: %.1f seconds, %s; expected an error with \"%s\"", hostile->source,
                 seconds, failed ? err.text : "rendered", hostile->error);
    jinja_output_free(&output);
    jinja_heap_free(heap);
    jinja_template_free(parsed);
}

static void check_all(const struct hostile *hostile, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&hostile[i]);
}

#define CHECK_ALL(table) check_all(table, sizeof(table) / sizeof *(table))

/* Many rounds of `body`, which may use what `first` sets. */
#define ROUNDS(first, body) first "{% for i in range(100000) %}" body "{% endfor %}"

static void loops_and_calls(void **state)
{
    (void)state;
    static const struct hostile all[] = {
        {ROUNDS("", "{% for j in range(100000) %}{% if i == j %}{% endif %}{% endfor %}"), MEMORY},
        {"{% for i in range(99999999999) %}{% endfor %}", "Range too big"},
        {"{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", DEPTH},
        {"{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}", DEPTH},
        {"{% for x in [1] recursive %}{{ loop([1, 2]) }}{% endfor %}", DEPTH},
    };
    CHECK_ALL(all);
}

static void growing_values(void **state)
{
    (void)state;
    static const struct hostile all[] = {
        {"{{ 'abc' * 9223372036854775807 }}", TEXT},
        {"{{ [1] * 9223372036854775807 }}", VALUES},
        {"{{ (range(100000) | list) * 100000 }}", VALUES},
        {"{{ ('a' * 10000).replace('', 'b' * 100000) }}", TEXT},
        {"{{ range(100000) | join('x' * 100000) }}", TEXT},
        {"{{ ('\\n' * 100000) | indent(1000000, true, true) }}", TEXT},
        {"{{ ('a ' * 1000000) | wordwrap(1, wrapstring='x' * 10000) }}", TEXT},
        {"{{ 'a' | center(10000000000) }}", TEXT},
        {"{{ '%10000000000d' % 3 }}", TEXT},
        {"{{ '{:>10000000000}'.format(3) }}", TEXT},
        {"{{ [1] | tojson(indent=10000000000) }}", TEXT},
        {ROUNDS("{% set n = namespace(a='x') %}", "{% set n.a = n.a ~ n.a %}"), MEMORY},
        {ROUNDS("{% set n = namespace(a=[1]) %}", "{% set n.a = n.a + n.a %}"), MEMORY},
        {"{{ strftime_now('%1000000000d') }}", "strftime_now()"},
        {"{{ 9 ** 9 ** 9 }}", "beyond 64 bits"},
    };
    CHECK_ALL(all);
}

/* What goes through much in one node counts it. */
static void long_searches(void **state)
{
    (void)state;
    static const struct hostile all[] = {
        {ROUNDS("{% set t = 'a' * 1000000 %}", "{{ 'aaab' in t }}"), STEPS},
        {ROUNDS("{% set t = ' ' * 1000000 %}", "{% set u = t.strip() %}"), STEPS},
        {ROUNDS("{% set t = '\xC3\xA9' * 1000000 %}", "{{ t[999999] }}"), STEPS},
        {ROUNDS("{% set t = '\xC3\xA9' * 1000000 %}", "{{ t | length }}"), STEPS},
        {ROUNDS("{% set t = '\xC3\xA9' * 1000000 %}", "{% set u = t | upper %}"), STEPS},
        {ROUNDS("{% set l = range(100000) | list %}", "{{ -1 in l }}"), STEPS},
        {"{{ range(100000) | unique | list | length }}", STEPS},
        {ROUNDS("{% set n = namespace(d={}) %}", "{% set n.d = dict(n.d, **{i | string: 1}) %}"),
         STEPS},
        {"{{ ('<' * 50000000) | e | length }}", STEPS},
        {"{{ ('?' * 50000000) | urlencode | length }}", STEPS},
    };
    CHECK_ALL(all);
}

#define NEST(first)                                                                                \
    ROUNDS("{% set n = namespace(a=" first ", b=" first ") %}",                                    \
           "{% set n.a = [n.a] %}{% set n.b = [n.b] %}")
#define SHARE                                                                                      \
    ROUNDS("{% set n = namespace(a=[1], b=[1]) %}",                                                \
           "{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}")

static void nested_values(void **state)
{
    (void)state;
    static const struct hostile all[] = {
        {NEST("[]") "{{ n.a }}", NESTED},
        {NEST("{}") "{{ n.a == n.b }}", NESTED},
        {SHARE "{{ n.a | tojson }}", "written out"},
        {SHARE "{{ n.a < n.b }}", "written out"},
        {"{% set n = namespace() %}{% set n.a = [n] %}{{ n.a }}", "a namespace that holds itself"},
    };
    CHECK_ALL(all);
}

/* 300,000 bytes of `part`. */
static void check_repeated(const char *part, const char *error)
{
    size_t length = strlen(part), count = 300000 / length;
    char *source = malloc(count * length + 1);
    assert_non_null(source);
    for (size_t i = 0; i < count; i++)
        memcpy(source + i * length, part, length + 1);
    check(&(struct hostile){source, error});
    free(source);
}

static void deep_sources(void **state)
{
    (void)state;
    check_repeated("{% if 1 %}", "within one another");
    check_repeated("{% for i in [1] %}", "within one another");
    check_repeated("{% macro m() %}", "within one another");
    check_repeated("{% generation %}", "within one another");
    check_repeated("{# ", "has no end");
    check_repeated("{% raw %}", "endraw");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_and_calls), cmocka_unit_test(growing_values),
        cmocka_unit_test(long_searches),   cmocka_unit_test(nested_values),
        cmocka_unit_test(deep_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
