#include "tui/widget/axis.h"

#include <math.h>
#include <stdio.h>

void plot_number(double value, char *out, size_t size)
{
    double magnitude = fabs(value);
    if (!isfinite(value))
        snprintf(out, size, "n/a");
    else if (magnitude >= 1e12 || (magnitude < 1e-3 && magnitude > 0))
        snprintf(out, size, "%.0e", value);
    else if (magnitude >= 1e9)
        snprintf(out, size, "%.4gG", value / 1e9);
    else if (magnitude >= 1e6)
        snprintf(out, size, "%.4gM", value / 1e6);
    else if (magnitude >= 1e4)
        snprintf(out, size, "%.4gk", value / 1e3);
    else
        snprintf(out, size, "%.4g", value);
}

static size_t ticks_logarithmic(double low, double high, size_t wanted, double *out,
                                size_t capacity)
{
    static const double digits[] = {1, 2, 5};
    double from = floor(log10(low)), to = ceil(log10(high));
    double stride = ceil((to - from) / (double)wanted);
    size_t count = 0, fine = to - from <= 3 ? 3 : 1;
    for (double power = from; power <= to; power += stride > 1 ? stride : 1)
        for (size_t i = 0; i < fine; i++) {
            double value = digits[i] * pow(10, power);
            if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9) && count < capacity)
                out[count++] = value;
        }
    return count;
}

size_t plot_ticks(double low, double high, bool logarithmic, size_t wanted, double *out,
                  size_t capacity)
{
    size_t count = 0;
    if (!isfinite(low) || !isfinite(high) || high <= low || wanted == 0)
        return 0;
    if (logarithmic)
        return low > 0 ? ticks_logarithmic(low, high, wanted, out, capacity) : 0;
    double rough = (high - low) / (double)wanted, power = pow(10, floor(log10(rough)));
    double step = rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10;
    step *= power;
    if (!(step > 0) || (high - low) / step > 1000)
        return 0;
    for (double i = ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && count < capacity;
         i++)
        out[count++] = i * step + 0.0; /* never -0 */
    /* one number alone is no scale */
    return count < 2 && wanted < 8 && capacity > 1
               ? plot_ticks(low, high, logarithmic, wanted + 1, out, capacity)
               : count;
}

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

static void axis_include(struct axis *axis, double value)
{
    if (!isfinite(value) || (axis->logarithmic && value <= 0))
        return;
    if (!(axis->low <= value))
        axis->low = value;
    if (!(axis->high >= value))
        axis->high = value;
}

/* False where there is nothing to show. A constant gets room around it. */
static bool axis_finish(struct axis *axis)
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
    axis->low -= room;
    axis->high += room;
    return true;
}

bool axes_make(const struct plot *plot, struct axis *x, struct axis *y)
{
    *x = (struct axis){NAN, NAN, plot->log_x, 0};
    *y = (struct axis){NAN, NAN, plot->log_y, 0};
    bool bars = false;
    for (size_t s = 0; s < plot->series_count; s++) {
        const struct plot_series *series = &plot->series[s];
        bars = bars || (series->shape == PLOT_BARS && series->count > 0);
        for (size_t i = 0; i < series->count; i++) {
            if (isnan(series->y[i]) || (plot->log_y && !(series->y[i] > 0)))
                continue;
            axis_include(x, series->x[i]);
            axis_include(y, series->y[i]);
        }
    }
    for (size_t i = 0; i < plot->mark_count && !isnan(x->low); i++)
        axis_include(plot->marks[i].vertical ? x : y, plot->marks[i].at);
    if (bars && !plot->log_y)
        axis_include(y, 0);
    return axis_finish(x) && axis_finish(y);
}
