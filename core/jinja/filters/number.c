/* Filters of numbers: abs, float, int, round, sum, filesizeformat. */
#include "jinja/filters/filters.h"

#include "jinja/objects/objects.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef const struct jinja_arguments args;

static int too_large(struct jinja_run *run)
{
    return error_set(run->err, "a whole number beyond 64 bits, which this does not have");
}

/* int(number), which is finite */
static int truncate_float(struct jinja_run *run, double number, struct jinja_value *out)
{
    if (fabs(number) >= 0x1p63)
        return too_large(run);
    *out = jinja_int((int64_t)number);
    return 0;
}

/* The least whole number has no positive of 64 bits. */
static int filter_abs(struct jinja_run *run, struct jinja_value value, args *arguments,
                      struct jinja_value *out)
{
    if (jinja_bind(run, "abs()", arguments, (const char *const[]){NULL}, 0, NULL) != 0)
        return -1;
    if (value.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(value, run->err);
    if (value.type == JINJA_FLOAT)
        *out = jinja_float(fabs(value.is.number));
    else if (jinja_is_whole(value) && jinja_whole_of(value) != INT64_MIN)
        *out = jinja_int(llabs(jinja_whole_of(value)));
    else
        return jinja_is_whole(value) ? too_large(run)
                                     : error_set(run->err, "bad operand type for abs(): '%s'",
                                                 jinja_type_name(value));
    return 0;
}

/* float(value); false where Python has a TypeError or ValueError. */
static bool to_float(struct jinja_value value, double *out)
{
    if (value.type == JINJA_STRING)
        return jinja_read_float(value.is.text, out);
    if (value.type == JINJA_FLOAT)
        *out = value.is.number;
    else if (jinja_is_whole(value))
        *out = (double)jinja_whole_of(value);
    else
        return false;
    return true;
}

/* What is no number becomes the default, but an undefined value is an error: it is a name
 * mistyped. */
static int filter_float(struct jinja_run *run, struct jinja_value value, args *arguments,
                        struct jinja_value *out)
{
    struct jinja_value fallback = jinja_float(0);
    double number;
    if (jinja_bind(run, "float()", arguments, (const char *const[]){"default", NULL}, 0,
                   &fallback) != 0)
        return -1;
    if (value.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(value, run->err);
    *out = to_float(value, &number) ? jinja_float(number) : fallback;
    return 0;
}

/* Texts that are not whole numbers may be floats: "42.23" is 42. */
static int filter_int(struct jinja_run *run, struct jinja_value value, args *arguments,
                      struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_int(0), jinja_int(10)};
    int64_t base, whole;
    double number;
    bool beyond;
    if (jinja_bind(run, "int()", arguments, (const char *const[]){"default", "base", NULL}, 0,
                   bound) != 0 ||
        (value.type == JINJA_STRING && jinja_to_integer(run, bound[1], &base) != 0))
        return -1;
    if (value.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(value, run->err);
    if (jinja_is_whole(value)) {
        *out = jinja_int(jinja_whole_of(value));
        return 0;
    }
    bool base_is = value.type == JINJA_STRING && (base == 0 || (base >= 2 && base <= 36));
    if (base_is && jinja_read_integer(value.is.text, (int)base, &whole, &beyond)) {
        *out = jinja_int(whole);
        return beyond ? too_large(run) : 0;
    }
    if (value.type == JINJA_FLOAT && isinf(value.is.number))
        return error_set(run->err, "cannot convert float infinity to integer");
    if (to_float(value, &number) && isfinite(number))
        return truncate_float(run, number, out);
    *out = bound[0];
    return 0;
}

/* --- round --- */

/* round(number, digits) of a float: the nearest decimal number of so many digits, of two that are
 * as near the even one; C rounds so when it prints, and for digits in front of the point the number
 * is printed with an exponent. */
static double round_float(double number, int64_t digits)
{
    char text[400];
    if (!isfinite(number) || number == 0 || digits > 323)
        return number;
    if (digits >= 0) {
        snprintf(text, sizeof text, "%.*f", digits > 340 ? 340 : (int)digits, number);
        return fabs(number) >= 0x1p53 ? number : strtod(text, NULL);
    }
    if (digits < -308)
        return copysign(0, number);
    snprintf(text, sizeof text, "%.17e", number);
    int64_t significant = strtol(strchr(text, 'e') + 1, NULL, 10) + 1 + digits;
    if (significant < 0)
        return copysign(0, number);
    if (significant == 0) {
        double unit = pow(10, (double)-digits);
        return copysign(fabs(number) > unit / 2 ? unit : 0, number);
    }
    snprintf(text, sizeof text, "%.*e", (int)significant - 1, number);
    return strtod(text, NULL);
}

/* Of a whole number: to tens, hundreds, ... where digits are below 0, of two the even one. */
static int round_common(struct jinja_run *run, struct jinja_value value,
                        struct jinja_value precision, struct jinja_value *out)
{
    int64_t digits = 0;
    bool to_whole = precision.type == JINJA_NONE;
    if (value.type == JINJA_UNDEFINED || !(jinja_is_whole(value) || value.type == JINJA_FLOAT))
        return error_set(run->err, "type %s doesn't define __round__ method",
                         jinja_type_name(value));
    if (!to_whole && jinja_to_integer(run, precision, &digits) != 0)
        return -1;
    if (jinja_is_whole(value)) {
        int64_t number = jinja_whole_of(value), unit = 1;
        *out = jinja_int(number);
        for (; digits < 0; digits++)
            if (__builtin_mul_overflow(unit, (int64_t)10, &unit)) {
                *out = jinja_int(0); /* half of 10^19 is more than any */
                return 0;
            }
        int64_t rest = number % unit, whole = number / unit, half = unit / 2;
        if (unit == 1)
            return 0;
        if (llabs(rest) > half || (llabs(rest) == half && whole % 2 != 0))
            whole += number < 0 ? -1 : 1;
        if (__builtin_mul_overflow(whole, unit, &number))
            return too_large(run);
        *out = jinja_int(number);
        return 0;
    }
    if (to_whole)
        return isfinite(value.is.number)
                   ? truncate_float(run, rint(value.is.number), out)
                   : error_set(run->err, "what is not finite cannot be a whole number");
    double rounded = round_float(value.is.number, digits);
    *out = jinja_float(rounded);
    return isinf(rounded) && isfinite(value.is.number)
               ? error_set(run->err, "rounded value too large to represent")
               : 0;
}

/* "common", or ceil or floor of value * 10^precision, divided by that. */
static int filter_round(struct jinja_run *run, struct jinja_value value, args *arguments,
                        struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_int(0), jinja_string("common")}, unit, scaled, whole;
    if (jinja_bind(run, "round()", arguments, (const char *const[]){"precision", "method", NULL}, 0,
                   bound) != 0)
        return -1;
    if (jinja_equal(bound[1], jinja_string("common")))
        return round_common(run, value, bound[0], out);
    bool up = jinja_equal(bound[1], jinja_string("ceil"));
    if (!up && !jinja_equal(bound[1], jinja_string("floor")))
        return error_set(run->err, "method must be common, ceil or floor");
    if (jinja_binary(run, "**", jinja_int(10), bound[0], &unit) != 0 ||
        jinja_binary(run, "*", value, unit, &scaled) != 0)
        return -1;
    whole = scaled;
    if (scaled.type != JINJA_INT && scaled.type != JINJA_FLOAT)
        return error_set(run->err, "must be real number, not %s", jinja_type_name(scaled));
    double number = scaled.type == JINJA_FLOAT ? scaled.is.number : 0;
    if (scaled.type == JINJA_FLOAT &&
        (!isfinite(number) || truncate_float(run, up ? ceil(number) : floor(number), &whole) != 0))
        return error_set(run->err, "what is rounded does not fit 64 bits");
    return jinja_binary(run, "/", whole, unit, out);
}

/* --- sums and sizes --- */

/* With Python's +, from `start` on, so lists can be summed, too. */
static int filter_sum(struct jinja_run *run, struct jinja_value value, args *arguments,
                      struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_none(), jinja_int(0)}, item;
    struct jinja_list *list;
    struct jinja_path path;
    if (jinja_bind(run, "sum()", arguments, (const char *const[]){"attribute", "start", NULL}, 0,
                   bound) != 0 ||
        jinja_path_make(run, bound[0], &path) != 0 || jinja_iterate(run, value, &list) != 0)
        return -1;
    *out = bound[1];
    if (out->type == JINJA_STRING)
        return error_set(run->err, "sum() can't sum strings; use the filter join instead");
    for (size_t i = 0; i < list->count; i++)
        if (jinja_path_follow(run, &path, list->items[i], &item) != 0 ||
            jinja_binary(run, "+", *out, item, out) != 0)
            return -1;
    return 0;
}

/* In units of 1000, or of 1024 with `binary`. */
static int filter_filesizeformat(struct jinja_run *run, struct jinja_value value, args *arguments,
                                 struct jinja_value *out)
{
    static const char letters[] = "kMGTPEZY";
    struct jinja_value binary = jinja_bool(false);
    struct buffer text = BUFFER_INIT;
    double bytes;
    if (jinja_bind(run, "filesizeformat()", arguments, (const char *const[]){"binary", NULL}, 0,
                   &binary) != 0)
        return -1;
    if (!to_float(value, &bytes) || !isfinite(bytes))
        return error_set(run->err, "filesizeformat() wants a finite number");
    bool binaries = jinja_truth(binary);
    double base = binaries ? 1024 : 1000, unit = base * base;
    if (bytes == 1) {
        buffer_text(&text, "1 Byte");
    } else if (bytes < base) {
        buffer_format(&text, "%.0f Bytes", trunc(bytes) == 0 ? 0 : trunc(bytes));
    } else {
        size_t at = 0;
        for (; letters[at + 1] && bytes >= unit; at++)
            unit *= base;
        char letter = binaries && at == 0 ? 'K' : letters[at];
        buffer_format(&text, "%.1f %c%s", base * bytes / unit, letter, binaries ? "iB" : "B");
    }
    return jinja_finish(run, &text, false, out);
}

const struct jinja_filter_entry jinja_number_filters[] = {
    {"abs", filter_abs},
    {"filesizeformat", filter_filesizeformat},
    {"float", filter_float},
    {"int", filter_int},
    {"round", filter_round},
    {"sum", filter_sum},
    {NULL, NULL},
};
