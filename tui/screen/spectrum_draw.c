#include "tui/screen/spectrum_draw.h"

#include "tui/widget/plot.h"

#include <math.h>

enum { BINS_MAX = 200 };

static void draw_scree(struct area area, const struct theme *theme, const struct scan_row *row,
                       const struct spectrum_values *values, bool logarithmic)
{
    const struct plot_series series[] = {
        {"noise alone", PLOT_LINE, THEME_SERIES_OTHER, values->count, values->index, values->noise},
        {"singular values", PLOT_POINTS, THEME_SERIES, values->count, values->index,
         values->values},
    };
    const struct plot_mark mark = {"threshold", row->threshold, false, THEME_THRESHOLD};
    const struct plot plot = {.x_title = "rank",
                              .y_title = "σ",
                              .series = series,
                              .series_count = 2,
                              .marks = &mark,
                              .mark_count = row->detailed ? 1 : 0,
                              .log_y = logarithmic};
    plot_draw(area, theme, &plot);
}

/* About eight values a bin of a flat spectrum, but no bin narrower than a column. */
static int bin_count(int columns, size_t values)
{
    int most = columns < BINS_MAX ? columns : BINS_MAX;
    int wanted = values / 8 < 12 ? 12 : (int)(values / 8);
    return wanted < most ? wanted : most;
}

/* The cache is a file like any other: a value may be negative, huge, or no number. */
static void fill_bins(double *out, int bins, double width, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            continue;
        out[(int)fmin(fmax(values[i] / width, 0), bins - 1)] += 1;
    }
}

static void draw_histogram(struct area area, const struct theme *theme, const struct scan_row *row,
                           const struct spectrum_values *values, bool logarithmic)
{
    double edges[BINS_MAX], middles[BINS_MAX], counts[BINS_MAX] = {0}, noise[BINS_MAX] = {0};
    int bins = bin_count(area.width - 10, values->count);
    double high = values->values[0] > values->noise[0] ? values->values[0] : values->noise[0];
    if (bins < 2 || !(high > 0) || !isfinite(high))
        return;
    double width = high * 1.001 / bins;
    for (int i = 0; i < bins; i++) {
        edges[i] = width * i;
        middles[i] = width * (i + 0.5);
    }
    fill_bins(counts, bins, width, values->values, values->count);
    fill_bins(noise, bins, width, values->noise, values->count);
    /* a curve along 0 would take the colour of every bar that it touches */
    for (int i = 0; i < bins; i++)
        noise[i] = noise[i] > 0 ? noise[i] : NAN;
    const struct plot_series series[] = {
        {"noise alone", PLOT_LINE, THEME_SERIES_OTHER, (size_t)bins, middles, noise},
        {"singular values", PLOT_BARS, THEME_SERIES, (size_t)bins, edges, counts},
    };
    const struct plot_mark mark = {"threshold", row->threshold, true, THEME_THRESHOLD};
    const struct plot plot = {.x_title = "σ",
                              .y_title = "values in a bin",
                              .series = series,
                              .series_count = 2,
                              .marks = &mark,
                              .mark_count = row->detailed ? 1 : 0,
                              .log_y = logarithmic};
    plot_draw(area, theme, &plot);
}

void spectrum_draw(struct area area, const struct theme *theme, const struct scan_row *row,
                   const struct spectrum_values *values, struct spectrum_look look)
{
    (look.histogram ? draw_histogram : draw_scree)(area, theme, row, values, look.logarithmic);
}
