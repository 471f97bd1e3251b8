/* Spectra files: safetensors with one F64 vector a module, descending. */
#ifndef SPECTRUM_SPECTRA_SPECTRA_FILE_H
#define SPECTRUM_SPECTRA_SPECTRA_FILE_H

#include "base/error.h"
#include "spectra/scan_result.h"

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
