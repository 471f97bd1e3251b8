/* Tables of scores from files. What is read is hostile. */
#ifndef SPECTRUM_MODEL_SCORE_READ_H
#define SPECTRUM_MODEL_SCORE_READ_H

#include "base/error.h"
#include "base/json.h"
#include "model/score_table.h"

/* Reads any of the forms in the wild: ours, spectrum.py's, grouped, --json's. */
int scan_read(struct scan **out, const char *path, struct error *err);
int scan_parse(struct scan **out, const char *text, size_t length, const char *where,
               struct error *err);

/* One row's members as scan_put_row() writes them. False where there is no score; name and type
 * stay.
 */
bool scan_read_row(struct scan_row *row, const cJSON *entry);

#endif
