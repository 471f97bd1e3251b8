/* Values of templates: memory and its bounds, what is marked as read, exact comparisons, how
 * numbers are written; and that what would take too much is refused before it does. */
#include "test.h"

#include "base/json.h"
#include "jinja/jinja.h"

#include <math.h>
#include <string.h>

static void memory_is_bounded_and_given_back(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct jinja_heap *heap = jinja_heap_new(100000, &err);
    char *first = jinja_heap_take(heap, 100, &err);
    assert_non_null(first);
    size_t mark = jinja_heap_mark(heap);
    for (int round = 0; round < 5; round++) {
        char *taken = jinja_heap_take(heap, 60000, &err);
        assert_non_null(taken);
        for (int i = 0; i < 60000; i++)
            assert_int_equal(taken[i], 0);
        memset(taken, 'x', 60000);
        assert_null(jinja_heap_take(heap, 60000, &err));
        assert_non_null(strstr(err.text, "100000 bytes of memory, its limit"));
        jinja_heap_release(heap, mark);
        assert_int_equal(jinja_heap_mark(heap), mark);
    }
    assert_null(jinja_heap_take(heap, SIZE_MAX, &err));
    jinja_heap_release(heap, 0);
    assert_int_equal(jinja_heap_mark(heap), 0);
    jinja_heap_free(heap);
}

/* A list in a list, `levels` deep; each holds the one before so many times. */
static int nest(struct jinja_heap *heap, int levels, int times, struct jinja_value *out,
                struct error *err)
{
    struct jinja_value outer;
    if (jinja_new(heap, JINJA_LIST, out, err) != 0)
        return -1;
    for (int i = 0; i < levels; i++, *out = outer) {
        if (jinja_new(heap, JINJA_LIST, &outer, err) != 0)
            return -1;
        for (int j = 0; j < times; j++)
            if (jinja_append(heap, outer.is.list, *out, err) != 0)
                return -1;
    }
    return 0;
}

static void nesting_and_weight_are_bounded(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct jinja_heap *heap = jinja_heap_new(1 << 20, &err);
    struct jinja_value value, equal;
    assert_int_equal(nest(heap, JINJA_NESTING_MAX, 1, &value, &err), 0);
    assert_int_equal(nest(heap, JINJA_NESTING_MAX + 1, 1, &value, &err), -1);
    assert_non_null(strstr(err.text, "deeper than 200 levels"));
    assert_int_equal(nest(heap, 40, 2, &value, &err), -1);
    assert_non_null(strstr(err.text, "values, written out"));
    assert_int_equal(nest(heap, 12, 2, &value, &err), 0);
    assert_int_equal(nest(heap, 12, 2, &equal, &err), 0);
    assert_true(jinja_equal(value, equal));
    assert_int_equal(jinja_weight(value), (1 << 13) - 1);
    jinja_heap_free(heap);
}

static void comparisons_are_exact(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    int order;
    struct jinja_value big = jinja_int((INT64_C(1) << 53) + 1), near = jinja_float(0x1p53);
    assert_false(jinja_equal(big, near));
    assert_int_equal(jinja_compare(big, near, &order, &err), 0);
    assert_int_equal(order, 1);
    assert_int_equal(jinja_compare(jinja_int(INT64_MAX), jinja_float(0x1p63), &order, &err), 0);
    assert_int_equal(order, -1);
    assert_int_equal(jinja_compare(jinja_int(INT64_MIN), jinja_float(-0x1p63), &order, &err), 0);
    assert_int_equal(order, 0);
    assert_int_equal(jinja_compare(jinja_int(-1), jinja_float(-1.5), &order, &err), 0);
    assert_int_equal(order, 1);
    assert_false(jinja_equal(jinja_float(NAN), jinja_float(NAN)));
    assert_int_equal(jinja_compare(jinja_int(1), jinja_string("a"), &order, &err), -1);
    assert_string_equal(err.text, "'<' not supported between instances of 'int' and 'str'");
}

static void floats_are_written_as_python_does(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1e16, "1e+16"},
                 {123456789012345680.0, "1.2345678901234568e+17"},
                 {1e15, "1000000000000000.0"},
                 {1e-4, "0.0001"},
                 {1e-5, "1e-05"},
                 {-0.0, "-0.0"},
                 {5e-324, "5e-324"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"},
                 {NAN, "nan"},
                 {1.5e300, "1.5e+300"},
                 {2.0 / 3, "0.6666666666666666"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = BUFFER_INIT;
        jinja_write_float(&text, cases[i].number);
        assert_string_equal(buffer_string(&text), cases[i].text);
        buffer_free(&text);
    }
}

static int render(const char *source, const char *json, struct jinja_value *variables,
                  struct jinja_heap *heap, struct jinja_output *out, struct error *err)
{
    struct jinja_template *parsed = NULL;
    struct jinja_options options = {.heap = heap};
    cJSON *tree = json_parse(json, strlen(json), JSON_KEEP_NUMBERS, "test", err);
    assert_non_null(tree);
    int result = jinja_from_json(heap, tree, variables, err);
    if (result == 0)
        result = jinja_parse(&parsed, source, strlen(source), err);
    if (result == 0)
        result = jinja_render(parsed, &options, *variables, out, err);
    jinja_template_free(parsed);
    cJSON_Delete(tree);
    return result;
}

/* Which of the entries a, b and c a source reads. */
static void what_is_looked_at_is_marked(void **state)
{
    (void)state;
    static const struct {
        const char *source, *read;
    } cases[] = {{"x", ""},
                 {"{{ m.a }}", "a"},
                 {"{{ m['b'] }}{{ m.nothing }}", "b"},
                 {"{{ m.get('c') }}", "c"},
                 {"{{ 'a' in m }}", "a"},
                 {"{{ m }}", "abc"},
                 {"{{ m|tojson }}", "abc"},
                 {"{{ [m]|string }}", "abc"},
                 {"{% for k in m %}{% endfor %}", "abc"},
                 {"{% for k, v in m.items() %}{% endfor %}", "abc"},
                 {"{{ m|length }}{{ m is mapping }}", ""},
                 {"{{ [m]|map(attribute='b')|list }}", "b"},
                 {"{{ [m]|selectattr('c')|list|length }}", "c"},
                 {"{{ '%(a)s' % m }}", "a"},
                 {"{{ '{0.b}'.format(m) }}", "b"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = ERROR_INIT;
        struct jinja_heap *heap = jinja_heap_new(1 << 20, &err);
        struct jinja_output out = {0};
        struct jinja_value variables;
        char read[4] = "", *at = read;
        if (render(cases[i].source, "{\"m\": {\"a\": 1, \"b\": 2, \"c\": 3}}", &variables, heap,
                   &out, &err) != 0)
            fail_msg("%s: %s", cases[i].source, err.text);
        const struct jinja_map *map = jinja_find_text(variables.is.map, "m")->value.is.map;
        for (size_t j = 0; j < map->count; j++)
            if (map->entries[j].read)
                *at++ = map->entries[j].key.is.text.bytes[0];
        *at = '\0';
        if (strcmp(read, cases[i].read) != 0)
            fail_msg("%s reads \"%s\", not \"%s\"", cases[i].source, read, cases[i].read);
        jinja_output_free(&out);
        jinja_heap_free(heap);
    }
}

/* With 16 MiB: each would take gigabytes, or hours. */
static void too_much_is_refused(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "{{ 'a' * 1000000000 }}",
        "{{ 'a' * 9223372036854775807 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ 'a'.ljust(9223372036854775807) }}",
        "{{ '1'.zfill(1000000000) }}",
        "{{ '\t'.expandtabs(1000000000) }}",
        "{{ 'a\nb'|indent(1000000000) }}",
        "{{ [[1]]|tojson(indent=1000000000) }}",
        "{{ [[1]]|tojson(indent=9223372036854775807) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%.1000000000d' % 1 }}",
        "{{ '%.1000000000f' % 1 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ [1]|batch(1000000000, 0)|list }}",
        "{{ [1]|slice(1000000000)|list }}",
        "{{ ('a' * 10000).replace('', 'b' * 100000) }}",
        "{{ ('a' * 1000000).join(range(1000)|map('string')) }}",
        "{{ range(1000)|join('a' * 1000000) }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
        "{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(1000) %}{% set n.x = [n.x] %}"
        "{% endfor %}{{ n.x }}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}"
        "{% endfor %}",
        "{% set n = namespace() %}{% set n.x = n %}{{ n }}",
        "{% set n = namespace() %}{% set n.x = [n] %}{{ n|string }}",
        "{{ 2 ** 9223372036854775807 }}",
        "{{ range(100000)|list|map('string')|unique|list|length and range(100000)|unique|list }}",
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct error err = ERROR_INIT;
        struct jinja_heap *heap = jinja_heap_new((size_t)16 << 20, &err);
        struct jinja_output out = {0};
        struct jinja_value variables;
        if (render(sources[i], "{}", &variables, heap, &out, &err) == 0)
            fail_msg("%s is rendered", sources[i]);
        assert_true(err.text[0] != '\0');
        jinja_output_free(&out);
        jinja_heap_free(heap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_bounded_and_given_back),
        cmocka_unit_test(nesting_and_weight_are_bounded),
        cmocka_unit_test(comparisons_are_exact),
        cmocka_unit_test(floats_are_written_as_python_does),
        cmocka_unit_test(what_is_looked_at_is_marked),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
