#include "tui/widget/plot_axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- numbers, and which are round --- */

/* A tiny number: "0.0005", "1.5e-05" where two digits say it; else three with a short exponent,
 * "4.95e-4", so that neighbours on an axis of learning rates differ. */
static void put_tiny(double value, char *out, size_t size)
{
    snprintf(out, size, "%.2g", value);
    if (fabs(strtod(out, NULL) - value) <= 1e-3 * value)
        return;
    int power = (int)floor(log10(value));
    snprintf(out, size, "%.2fe%d", value / pow(10, power), power);
}

/* Four digits, with k, M or G so that it fits the axis; tiny and huge ones with a power of ten, and
 * two digits where there is room for them. */
void plot_number(double value, char *out, size_t size)
{
    double magnitude = fabs(value);
    if (!isfinite(value))
        snprintf(out, size, "n/a");
    else if (value < 1e-3 && value > 1e-9)
        put_tiny(value, out, size);
    else if (magnitude >= 1e12 || (magnitude < 1e-3 && magnitude > 0))
        snprintf(out, size, value > 0 && magnitude < 1e99 && magnitude > 1e-99 ? "%.2g" : "%.0e",
                 value);
    else if (magnitude >= 1e9)
        snprintf(out, size, "%.4gG", value / 1e9);
    else if (magnitude >= 1e6)
        snprintf(out, size, "%.4gM", value / 1e6);
    else if (magnitude >= 1e4)
        snprintf(out, size, "%.4gk", value / 1e3);
    else
        snprintf(out, size, "%.4g", value);
}

/* 1, 2 and 5 times each power of ten where the axis spans three of them at most; else the powers
 * alone, so many apart that about `wanted` are left. */
static size_t ticks_logarithmic(double low, double high, size_t wanted, double *out,
                                size_t capacity)
{
    static const double digits[] = {1, 2, 5};
    double from = floor(log10(low)), to = ceil(log10(high));
    double stride = fmax(ceil((to - from) / (double)wanted), 1);
    size_t count = 0, fine = to - from <= 3 ? 3 : 1, decades = (size_t)((to - from) / stride) + 1;
    for (size_t n = 0; n < decades; n++)
        for (size_t i = 0; i < fine; i++) {
            double value = digits[i] * pow(10, from + (double)n * stride);
            if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9) && count < capacity)
                out[count++] = value;
        }
    return count;
}

/* The step is the smallest of 1, 2, 5, 10 times a power of ten that gives at most `wanted` of them;
 * multiples of it are counted rather than added up, so that rounding does not grow along the axis.
 */
size_t plot_ticks(double low, double high, bool logarithmic, size_t wanted, double *out,
                  size_t capacity)
{
    size_t count = 0;
    if (!isfinite(low) || !isfinite(high) || high <= low || wanted == 0)
        return 0;
    if (logarithmic && low > 0)
        count = ticks_logarithmic(low, high, wanted, out, capacity);
    if (logarithmic && (low <= 0 || count > 1))
        return count;
    count = 0; /* a short stretch of a logarithmic axis has round numbers as any other */
    double rough = (high - low) / (double)wanted, power = pow(10, floor(log10(rough)));
    double step = rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10;
    step *= power;
    if (!(step > 0) || (high - low) / step > 1000)
        return 0;
    for (double i = ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && count < capacity;
         i++)
        out[count++] = i * step + 0.0; /* never -0 */
    /* one number alone does not make a scale */
    return count < 2 && wanted < 8 && capacity > 1
               ? plot_ticks(low, high, logarithmic, wanted + 1, out, capacity)
               : count;
}

/* --- a range, and where values lie on it --- */

/* -1 outside of the axis, but for rounding at its ends. */
int axis_dot(const struct axis *axis, double value)
{
    double low = axis->low, high = axis->high;
    if (axis->logarithmic) {
        if (!(value > 0))
            return -1;
        value = log(value);
        low = log(low);
        high = log(high);
    }
    double t = (value - low) / (high - low);
    if (!(t >= -1e-9 && t <= 1 + 1e-9))
        return -1;
    return (int)lround(t * (axis->dots - 1));
}

/* Comparisons with NaN are false, so the first value sets both ends. */
void axis_include(struct axis *axis, double value)
{
    if (!isfinite(value) || (axis->logarithmic && value <= 0))
        return;
    if (!(axis->low <= value))
        axis->low = value;
    if (!(axis->high >= value))
        axis->high = value;
}

/* An axis whose ends are one value is given some width around it; false where there is no value. */
bool axis_finish(struct axis *axis)
{
    if (isnan(axis->low))
        return false;
    if (axis->high - axis->low > fabs(axis->high) * 1e-9)
        return true;
    if (axis->logarithmic) {
        axis->low /= 2;
        axis->high *= 2;
        return true;
    }
    double room = axis->high != 0 ? fabs(axis->high) * 0.1 : 1;
    axis->low = axis->low >= 0 ? fmax(axis->low - room, 0) : axis->low - room;
    axis->high += room;
    return true;
}

/* Logarithmic: out to 1, 2 or 5 times a power of ten. */
static struct axis round_logarithmic(struct axis axis)
{
    static const double digits[] = {1, 2, 5, 10};
    double below = pow(10, floor(log10(axis.low) + 1e-9));
    double above = pow(10, ceil(log10(axis.high) - 1e-9) - 1);
    struct axis to = {below, 10 * above, true, axis.dots};
    for (int i = 1; i < 3; i++)
        to.low = digits[i] * below <= axis.low * (1 + 1e-9) ? digits[i] * below : to.low;
    for (int i = 3; i-- > 0;)
        to.high = digits[i] * above >= axis.high * (1 - 1e-9) ? digits[i] * above : to.high;
    return to;
}

/* To multiples of 1, 2 or 5 times a power of ten that is not below a quarter of the axis. */
static struct axis round_linear(struct axis axis)
{
    static const double digits[] = {1, 2, 5, 10};
    double rough = (axis.high - axis.low) / 4, power = pow(10, floor(log10(rough))), step = power;
    for (int i = 0; i < 4 && step < rough * (1 - 1e-9); i++)
        step = digits[i] * power;
    return (struct axis){floor(axis.low / step + 1e-9) * step, ceil(axis.high / step - 1e-9) * step,
                         axis.logarithmic, axis.dots};
}

/* Within a power of ten a logarithmic axis is rounded as a linear one, where that leaves it above 0.
 * Where rounding would not widen it sensibly (a span that doubles cannot hold), it stays as it is.
 */
void axis_round(struct axis *axis)
{
    struct axis to = axis->logarithmic && axis->high >= 10 * axis->low ? round_logarithmic(*axis)
                                                                       : round_linear(*axis);
    bool positive = !axis->logarithmic || to.low > 0;
    if (!positive)
        to.low = axis->low;
    if (isfinite(to.low) && isfinite(to.high) && to.low < to.high)
        *axis = to;
}
