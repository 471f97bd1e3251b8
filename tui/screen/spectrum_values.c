#include "tui/screen/spectrum_values.h"

#include "base/memory.h"
#include "base/sys.h"
#include "spectra/scan_result.h"
#include "spectra/score.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

void spectrum_values_free(struct spectrum_values *values)
{
    free(values->values);
    free(values->index);
    free(values->noise);
    *values = (struct spectrum_values){0};
}

/* The one row's vector. The cache is keyed by the model's content. */
static double *read_values(const struct scan *scan, size_t row, int64_t *count)
{
    double *values = NULL;
    struct scan one = {.rows = &scan->rows[row], .count = 1};
    struct scan_result result = {.scan = &one, .values = &values, .counts = count};
    char *path = scan->fingerprint[0] ? spectra_cache_path(scan->fingerprint, NULL) : NULL;
    *count = 0;
    if (path && sys.access(path, R_OK) == 0)
        spectra_file_read(path, &result, NULL);
    free(path);
    return values;
}

/* Noise whose median is this matrix's: what its values would be if nothing had been learnt. */
static void fill_noise(struct spectrum_values *out, const struct scan_row *row)
{
    struct noise_shape shape = noise_shape(row->rows, row->cols);
    double scale = out->values[out->count / 2] / sqrt(shape.median_squared);
    noise_quantiles(out->noise, (int64_t)out->count, shape.min / shape.max);
    for (size_t i = 0; i < out->count; i++) {
        out->noise[i] *= scale;
        out->index[i] = (double)(i + 1);
    }
}

bool spectrum_values_load(struct spectrum_values *out, const struct scan *scan, size_t row)
{
    if (out->count && out->row == row)
        return true;
    spectrum_values_free(out);
    if (row >= scan->count || !scan->rows[row].known || scan->rows[row].rows < 1 ||
        scan->rows[row].cols < 1)
        return false;
    int64_t count;
    out->values = read_values(scan, row, &count);
    out->index = array_alloc((size_t)count, sizeof *out->index, NULL);
    out->noise = array_alloc((size_t)count, sizeof *out->noise, NULL);
    if (!out->values || !out->index || !out->noise || count < 1) {
        spectrum_values_free(out);
        return false;
    }
    out->row = row;
    out->count = (size_t)count;
    fill_noise(out, &scan->rows[row]);
    return true;
}
