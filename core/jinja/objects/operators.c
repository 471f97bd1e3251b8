/* Python's binary operators. */
#include "jinja/objects/objects.h"

#include "jinja/format/format.h"
#include "jinja/value/value.h"

#include <math.h>
#include <string.h>

typedef int operation(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                      struct jinja_value *out);

static bool is_number(struct jinja_value value)
{
    return jinja_is_whole(value) || value.type == JINJA_FLOAT;
}

static bool is_sequence(struct jinja_value value)
{
    return value.type == JINJA_TUPLE ||
           (value.type == JINJA_LIST && value.is.list->kind == JINJA_PLAIN);
}

static double number_of(struct jinja_value value)
{
    return value.type == JINJA_FLOAT ? value.is.number : (double)jinja_whole_of(value);
}

static int unsupported(struct jinja_run *run, const char *op, struct jinja_value a,
                       struct jinja_value b)
{
    return error_set(run->err, "unsupported operand type(s) for %s: '%s' and '%s'", op,
                     jinja_type_name(a), jinja_type_name(b));
}

/* Of an operation of two whole numbers; `over` is what the compiler's checked one says. */
static int put_integer(struct jinja_run *run, bool over, int64_t result, struct jinja_value *out)
{
    *out = jinja_int(result);
    return over ? error_set(run->err, "a whole number beyond 64 bits, which this does not have")
                : 0;
}

/* --- texts and lists --- */

/* --- the operators --- */

/* Numbers, texts (one that is safe escapes the other), lists and tuples of one kind. */
static int add(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
               struct jinja_value *out)
{
    const struct jinja_value parts[] = {a, b};
    bool markup = a.markup || b.markup;
    int64_t sum;
    if (jinja_is_whole(a) && jinja_is_whole(b)) {
        bool over = __builtin_add_overflow(jinja_whole_of(a), jinja_whole_of(b), &sum);
        return put_integer(run, over, sum, out);
    }
    if (is_number(a) && is_number(b)) {
        *out = jinja_float(number_of(a) + number_of(b));
        return 0;
    }
    if (a.type == JINJA_STRING && b.type == JINJA_STRING) {
        if (jinja_step(run, 1 + (a.is.text.length + b.is.text.length) / 64) != 0)
            return -1;
        struct buffer text = BUFFER_INIT;
        for (int i = 0; i < 2; i++)
            if (markup && !parts[i].markup)
                jinja_write_escaped(&text, parts[i].is.text);
            else
                buffer_append(&text, parts[i].is.text.bytes, parts[i].is.text.length);
        if (jinja_take_text(run->heap, &text, out, run->err) != 0)
            return -1;
        out->markup = markup;
        return 0;
    }
    if (is_sequence(a) && a.type == b.type && is_sequence(b)) {
        if (jinja_new(run->heap, a.type, out, run->err) != 0 ||
            jinja_step(run, 1 + (a.is.list->count + b.is.list->count) / 8) != 0)
            return -1;
        for (int i = 0; i < 2; i++)
            for (size_t j = 0; j < parts[i].is.list->count; j++)
                if (jinja_add(run, *out, parts[i].is.list->items[j]) != 0)
                    return -1;
        return 0;
    }
    if (a.type == JINJA_STRING || is_sequence(a)) {
        const char *name = a.type == JINJA_STRING ? "str" : jinja_type_name(a);
        return error_set(run->err, "can only concatenate %s (not \"%s\") to %s", name,
                         jinja_type_name(b), name);
    }
    return unsupported(run, "+", a, b);
}

/* Whole numbers stay whole; with a float among the two it is a float. True and false are 1 and
 * 0. */
static int subtract(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                    struct jinja_value *out)
{
    int64_t difference;
    if (!is_number(a) || !is_number(b))
        return unsupported(run, "-", a, b);
    if (jinja_is_whole(a) && jinja_is_whole(b)) {
        bool over = __builtin_sub_overflow(jinja_whole_of(a), jinja_whole_of(b), &difference);
        return put_integer(run, over, difference, out);
    }
    *out = jinja_float(number_of(a) - number_of(b));
    return 0;
}

/* A text or a list, so many times. */
static int repeat(struct jinja_run *run, struct jinja_value value, int64_t times,
                  struct jinja_value *out)
{
    if (value.type == JINJA_STRING) {
        size_t length = value.is.text.length;
        uint64_t count = times > 0 && length ? (uint64_t)times : 0;
        if (count > jinja_text_max(run) / (length ? length : 1))
            return error_set_kind(run->err, ERROR_BOUND, "a text of more than %zu bytes",
                                  jinja_text_max(run));
        if (jinja_step(run, 1 + count * length / 64) != 0)
            return -1;
        char *bytes = jinja_heap_take(run->heap, count * length + 1, run->err);
        if (!bytes)
            return -1;
        for (uint64_t i = 0; i < count; i++)
            memcpy(bytes + i * length, value.is.text.bytes, length);
        *out = jinja_text(bytes, count * length);
        out->markup = value.markup;
        return 0;
    }
    const struct jinja_list *from = value.is.list;
    uint64_t count = times > 0 && from->count ? (uint64_t)times : 0;
    if (count > JINJA_WEIGHT_MAX / (from->count ? from->weight : 1))
        return error_set_kind(run->err, ERROR_BOUND, "a list of more than %llu values",
                              (unsigned long long)JINJA_WEIGHT_MAX);
    if (jinja_new(run->heap, value.type, out, run->err) != 0 ||
        jinja_step(run, 1 + count * from->count / 8) != 0)
        return -1;
    for (uint64_t i = 0; i < count; i++)
        for (size_t j = 0; j < from->count; j++)
            if (jinja_append(run->heap, out->is.list, from->items[j], run->err) != 0)
                return -1;
    return 0;
}

/* Numbers, or a text or list by a whole number, in either order. */
static int multiply(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                    struct jinja_value *out)
{
    int64_t product;
    if (jinja_is_whole(a) && jinja_is_whole(b)) {
        bool over = __builtin_mul_overflow(jinja_whole_of(a), jinja_whole_of(b), &product);
        return put_integer(run, over, product, out);
    }
    if (is_number(a) && is_number(b)) {
        *out = jinja_float(number_of(a) * number_of(b));
        return 0;
    }
    struct jinja_value sequence = jinja_is_whole(a) ? b : a, times = jinja_is_whole(a) ? a : b;
    if (sequence.type != JINJA_STRING && !is_sequence(sequence))
        return unsupported(run, "*", a, b);
    if (!jinja_is_whole(times))
        return error_set(run->err, "can't multiply sequence by non-int of type '%s'",
                         jinja_type_name(times));
    return repeat(run, sequence, jinja_whole_of(times), out);
}

/* Of two whole numbers the float nearest to a / b. Where floats hold both, that is their quotient;
 * else long division of 128 bits by 64, with a last bit that stands for all that follow. */
static int divide(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                  struct jinja_value *out)
{
    const uint64_t exact = UINT64_C(1) << 53;
    if (!is_number(a) || !is_number(b))
        return unsupported(run, "/", a, b);
    bool integers = jinja_is_whole(a) && jinja_is_whole(b);
    if (number_of(b) == 0)
        return error_set(run->err, integers ? "division by zero" : "float division by zero");
    double quotient = number_of(a) / number_of(b);
    if (integers) {
        int64_t x = jinja_whole_of(a), y = jinja_whole_of(b);
        uint64_t top = x < 0 ? -(uint64_t)x : (uint64_t)x;
        uint64_t bottom = y < 0 ? -(uint64_t)y : (uint64_t)y;
        if (top != 0 && (top > exact || bottom > exact)) {
            int shift = 63 + __builtin_clzll(top);
            unsigned __int128 wide = (unsigned __int128)top << shift, whole = wide / bottom;
            quotient = ldexp((double)(whole | (wide % bottom != 0)), -shift);
            quotient = (x < 0) != (y < 0) ? -quotient : quotient;
        }
    }
    *out = jinja_float(quotient);
    return 0;
}

/* a // b and a % b of numbers. Python's: the remainder has the divisor's sign, the quotient is
 * rounded towards -infinity. */
static int divide_down(struct jinja_run *run, const char *op, struct jinja_value a,
                       struct jinja_value b, struct jinja_value *floored,
                       struct jinja_value *remainder)
{
    if (!is_number(a) || !is_number(b))
        return unsupported(run, op, a, b);
    bool integers = jinja_is_whole(a) && jinja_is_whole(b);
    double from = number_of(a), by = number_of(b);
    if (by == 0)
        return error_set(run->err, integers ? "integer division or modulo by zero"
                                            : "float division or modulo by zero");
    if (!integers) {
        double rest = fmod(from, by), whole = (from - rest) / by;
        if (rest == 0) {
            rest = copysign(0, by);
        } else if ((by < 0) != (rest < 0)) {
            rest += by;
            whole -= 1;
        }
        double down = whole == 0 ? copysign(0, from / by) : floor(whole);
        *floored = jinja_float(whole != 0 && whole - down > 0.5 ? down + 1 : down);
        *remainder = jinja_float(rest);
        return 0;
    }
    int64_t x = jinja_whole_of(a), y = jinja_whole_of(b);
    *remainder = jinja_int(0);
    if (y == -1) { /* the least number has no negative */
        bool over = __builtin_sub_overflow((int64_t)0, x, &y);
        return put_integer(run, over && strcmp(op, "//") == 0, y, floored);
    }
    bool inexact = x % y != 0 && (x < 0) != (y < 0);
    *floored = jinja_int(x / y - inexact);
    *remainder = jinja_int(x % y + (inexact ? y : 0));
    return 0;
}

static int divide_floor(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                        struct jinja_value *out)
{
    struct jinja_value remainder;
    return divide_down(run, "//", a, b, out, &remainder);
}

static int modulo(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                  struct jinja_value *out)
{
    struct jinja_value floored;
    if (a.type == JINJA_STRING)
        return jinja_format_percent(run, a, b, out);
    return divide_down(run, "%", a, b, &floored, out);
}

/* Whole numbers stay whole where the exponent is not negative; anything else is pow()'s. */
static int power(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                 struct jinja_value *out)
{
    if (!is_number(a) || !is_number(b))
        return unsupported(run, "** or pow()", a, b);
    if (jinja_is_whole(a) && jinja_is_whole(b) && jinja_whole_of(b) >= 0) {
        int64_t of = jinja_whole_of(a), times = jinja_whole_of(b), result = 1;
        bool over = false;
        if (of == 0 || of == 1 || of == -1) { /* of any exponent without a loop */
            result = times == 0 || (of < 0 && times % 2 == 0) ? 1 : of;
            return put_integer(run, false, result, out);
        }
        for (int64_t i = 0; i < times && !over; i++)
            over = __builtin_mul_overflow(result, of, &result);
        return put_integer(run, over, result, out);
    }
    double base = number_of(a), exponent = number_of(b);
    if (base == 0 && exponent < 0)
        return error_set(run->err, "0.0 cannot be raised to a negative power");
    if (base < 0 && isfinite(base) && isfinite(exponent) && exponent != floor(exponent))
        return error_set(run->err, "a root of a negative number is complex, which this has not");
    double result = pow(base, exponent);
    if (isinf(result) && isfinite(base) && isfinite(exponent))
        return error_set(run->err, "the result of ** is too large for a float");
    *out = jinja_float(result);
    return 0;
}

/* Undefined operands are an error, as strict as jinja2's, but for what "%" puts into a text. */
int jinja_binary(struct jinja_run *run, const char *op, struct jinja_value a, struct jinja_value b,
                 struct jinja_value *out)
{
    static const struct {
        const char *op;
        operation *apply;
    } table[] = {{"+", add},           {"-", subtract}, {"*", multiply}, {"/", divide},
                 {"//", divide_floor}, {"%", modulo},   {"**", power}};
    bool formats = a.type == JINJA_STRING && strcmp(op, "%") == 0;
    if (a.type == JINJA_UNDEFINED || (b.type == JINJA_UNDEFINED && !formats))
        return jinja_fail_undefined(a.type == JINJA_UNDEFINED ? a : b, run->err);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(op, table[i].op) == 0)
            return table[i].apply(run, a, b, out);
    return error_set(run->err, "no operator %s", op);
}
