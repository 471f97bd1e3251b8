/* What a scan found: scores, and the values that they are of; and the file that these are kept in.
 *
 * scan_run() makes one, scan_result_free() ends it. A spectra file is a safetensors file with one
 * F64 vector a module, descending, under the module's name; its metadata says what the scan was
 * ("format": "spectrum.spectra").
 */
#ifndef SPECTRUM_SPECTRA_SCAN_RESULT_H
#define SPECTRUM_SPECTRA_SCAN_RESULT_H

#include "base/error.h"
#include "model/score_table.h"

#include <stdint.h>

struct scan_result {
    struct scan *scan; /* rows in file order; rows of failed or stopped matrices are not known */
    double **values;   /* per row, descending; NULL where not known */
    int64_t *counts;
};

void scan_result_free(struct scan_result *result);

/* Writes the known vectors of a result, atomically. */
int spectra_file_write(const char *path, const struct scan_result *result, struct error *err);

/* Takes over into `result` every vector whose module is there, is not known yet, and has the right
 * count (rows' `rows` and `cols` are set). */
int spectra_file_read(const char *path, struct scan_result *result, struct error *err);

/* The same, together with the vectors that the file at `path` has beside them: a scan of some
 * modules does not make the cache forget others. */
int spectra_cache_write(const char *path, const struct scan_result *result, struct error *err);

/* "<cache folder>/spectra/<fingerprint>.safetensors", newly allocated. */
char *spectra_cache_path(const char *fingerprint, struct error *err);

#endif
