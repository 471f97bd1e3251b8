/* Tests: what may follow `is`.
 *
 * Operators are tests, too (`select("==", 1)`): those stand here by their signs and by their names.
 */
#include "jinja/filters/filters.h"

#include "jinja/methods/methods.h"
#include "jinja/objects/objects.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

static int bind(struct jinja_run *run, args *arguments, const char *name, struct jinja_value *out)
{
    const char *const names[] = {name, NULL};
    return jinja_bind(run, "a test", arguments, names, name != NULL, out);
}

/* Tests without arguments that ask for a value's type alone. */
#define TYPE_TEST(name, condition)                                                                 \
    static int name(struct jinja_run *run, struct jinja_value value, args *arguments, bool *out)   \
    {                                                                                              \
        *out = condition;                                                                          \
        return bind(run, arguments, NULL, NULL);                                                   \
    }

/* len() and elements by key; views and iterators lack one or both. */
static bool is_sequence(struct jinja_value value)
{
    if (jinja_is_list(value))
        return value.is.list->kind == JINJA_PLAIN || value.is.list->kind == JINJA_RANGE ||
               value.is.list->kind == JINJA_GROUP;
    return value.type == JINJA_STRING || value.type == JINJA_DICT || value.type == JINJA_UNDEFINED;
}

static bool is_iterable(struct jinja_value value)
{
    return jinja_is_list(value) || value.type == JINJA_STRING || value.type == JINJA_DICT ||
           value.type == JINJA_UNDEFINED;
}

TYPE_TEST(test_boolean, value.type == JINJA_BOOL)
TYPE_TEST(test_callable, value.type == JINJA_CALLABLE || value.type == JINJA_UNDEFINED)
TYPE_TEST(test_defined, value.type != JINJA_UNDEFINED)
TYPE_TEST(test_escaped, value.type == JINJA_STRING && value.markup)
TYPE_TEST(test_false, value.type == JINJA_BOOL && !value.is.truth)
TYPE_TEST(test_float, value.type == JINJA_FLOAT)
TYPE_TEST(test_integer, value.type == JINJA_INT)
TYPE_TEST(test_iterable, is_iterable(value))
TYPE_TEST(test_mapping, value.type == JINJA_DICT)
TYPE_TEST(test_none, value.type == JINJA_NONE)
TYPE_TEST(test_number, value.type >= JINJA_BOOL && value.type <= JINJA_FLOAT)
TYPE_TEST(test_sequence, is_sequence(value))
TYPE_TEST(test_string, value.type == JINJA_STRING)
TYPE_TEST(test_true, value.type == JINJA_BOOL && value.is.truth)
TYPE_TEST(test_undefined, value.type == JINJA_UNDEFINED)

/* --- numbers --- */

/* value % by == rest */
static int remainder_is(struct jinja_run *run, struct jinja_value value, struct jinja_value by,
                        int64_t rest, bool *out)
{
    struct jinja_value remainder;
    if (jinja_binary(run, "%", value, by, &remainder) != 0)
        return -1;
    *out = jinja_equal(remainder, jinja_int(rest));
    return 0;
}

static int test_divisibleby(struct jinja_run *run, struct jinja_value value, args *arguments,
                            bool *out)
{
    struct jinja_value by;
    return bind(run, arguments, "num", &by) != 0 ? -1 : remainder_is(run, value, by, 0, out);
}

/* Tests without arguments that another function answers. */
#define ASK(name, answer)                                                                          \
    static int name(struct jinja_run *run, struct jinja_value value, args *arguments, bool *out)   \
    {                                                                                              \
        return bind(run, arguments, NULL, NULL) != 0 ? -1 : (answer);                              \
    }

ASK(test_odd, remainder_is(run, value, jinja_int(2), 1, out))
ASK(test_even, remainder_is(run, value, jinja_int(2), 0, out))

/* --- two values --- */

static int test_eq(struct jinja_run *run, struct jinja_value value, args *arguments, bool *out)
{
    struct jinja_value other;
    if (bind(run, arguments, "b", &other) != 0 || jinja_step(run, jinja_weight(value) / 4) != 0)
        return -1;
    *out = jinja_equal(value, other);
    return 0;
}

static int test_ne(struct jinja_run *run, struct jinja_value value, args *arguments, bool *out)
{
    int result = test_eq(run, value, arguments, out);
    *out = !*out;
    return result;
}

static int order_of(struct jinja_run *run, struct jinja_value value, args *arguments, int *order)
{
    struct jinja_value other;
    if (bind(run, arguments, "b", &other) != 0 || jinja_step(run, jinja_weight(value) / 4) != 0)
        return -1;
    return jinja_compare(value, other, order, run->err);
}

#define ORDER_TEST(name, condition)                                                                \
    static int name(struct jinja_run *run, struct jinja_value value, args *arguments, bool *out)   \
    {                                                                                              \
        int order = 0;                                                                             \
        int result = order_of(run, value, arguments, &order);                                      \
        *out = condition;                                                                          \
        return result;                                                                             \
    }

ORDER_TEST(test_lt, order < 0)
ORDER_TEST(test_le, order <= 0)
ORDER_TEST(test_gt, order > 0)
ORDER_TEST(test_ge, order >= 0)

static int test_in(struct jinja_run *run, struct jinja_value value, args *arguments, bool *out)
{
    struct jinja_value sequence;
    if (bind(run, arguments, "seq", &sequence) != 0 ||
        jinja_step(run, jinja_weight(sequence) / 4) != 0)
        return -1;
    return jinja_contains(sequence, value, out, run->err);
}

/* `is` of Python: the same object. Of texts and numbers that is a matter of chance, so those are
 * refused where they are equal; None and truths are one each. */
static int test_sameas(struct jinja_run *run, struct jinja_value value, args *arguments, bool *out)
{
    struct jinja_value other;
    if (bind(run, arguments, "other", &other) != 0)
        return -1;
    *out = false;
    if (value.type != other.type)
        return 0;
    switch (value.type) {
    case JINJA_NONE:
        *out = true;
        return 0;
    case JINJA_BOOL:
        *out = value.is.truth == other.is.truth;
        return 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
        *out = value.is.list == other.is.list;
        return 0;
    case JINJA_DICT:
    case JINJA_NAMESPACE:
        *out = value.is.map == other.is.map;
        return 0;
    default:
        return jinja_equal(value, other)
                   ? error_set(run->err,
                               "whether two equal values of type %s are the same object "
                               "is left open; use == instead of sameas",
                               jinja_type_name(value))
                   : 0;
    }
}

/* --- texts --- */

static int ask_method(struct jinja_run *run, struct jinja_value value, const char *method,
                      bool *out)
{
    struct jinja_value text, answer;
    if (jinja_soft(run, value, true, &text) != 0 ||
        jinja_call_method(run, text, method, NULL, 0, &answer) != 0)
        return -1;
    *out = jinja_truth(answer);
    return 0;
}

ASK(test_lower, ask_method(run, value, "islower", out))
ASK(test_upper, ask_method(run, value, "isupper", out))

/* Whether a filter, or a test, has the name; one that holds NUL none of them has. */
static int is_in_library(struct jinja_run *run, struct jinja_value value, bool filter, bool *out)
{
    struct jinja_value copy;
    const char *name = "";
    if (!jinja_hashable(value))
        return error_set(run->err, "unhashable type: '%s'", jinja_type_name(value));
    if (value.type == JINJA_STRING) {
        struct jinja_text text = value.is.text;
        if (jinja_text_copy(run->heap, text.bytes, text.length, &copy, run->err) != 0)
            return -1;
        if (strlen(copy.is.text.bytes) == text.length)
            name = copy.is.text.bytes;
    }
    *out = filter ? run->library->filter(name) != NULL : run->library->test(name) != NULL;
    return 0;
}

ASK(test_filter, is_in_library(run, value, true, out))
ASK(test_test, is_in_library(run, value, false, out))

jinja_test *jinja_test_by_name(const char *name)
{
    static const struct {
        const char *name;
        jinja_test *test;
    } tests[] = {
        {"odd", test_odd},
        {"even", test_even},
        {"divisibleby", test_divisibleby},
        {"defined", test_defined},
        {"undefined", test_undefined},
        {"filter", test_filter},
        {"test", test_test},
        {"none", test_none},
        {"boolean", test_boolean},
        {"false", test_false},
        {"true", test_true},
        {"integer", test_integer},
        {"float", test_float},
        {"lower", test_lower},
        {"upper", test_upper},
        {"string", test_string},
        {"mapping", test_mapping},
        {"number", test_number},
        {"sequence", test_sequence},
        {"iterable", test_iterable},
        {"callable", test_callable},
        {"sameas", test_sameas},
        {"escaped", test_escaped},
        {"in", test_in},
        {"==", test_eq},
        {"eq", test_eq},
        {"equalto", test_eq},
        {"!=", test_ne},
        {"ne", test_ne},
        {">", test_gt},
        {"gt", test_gt},
        {"greaterthan", test_gt},
        {"ge", test_ge},
        {">=", test_ge},
        {"<", test_lt},
        {"lt", test_lt},
        {"lessthan", test_lt},
        {"<=", test_le},
        {"le", test_le},
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (strcmp(tests[i].name, name) == 0)
            return tests[i].test;
    return NULL;
}
