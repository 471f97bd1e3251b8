/* Tables of scores as text. */
#ifndef SPECTRUM_MODEL_SCORE_WRITE_H
#define SPECTRUM_MODEL_SCORE_WRITE_H

#include "base/buffer.h"
#include "base/json_writer.h"
#include "model/score_table.h"

/* The file form (modules at top level, bare Infinity allowed) and the strict --json form. */
void scan_put_file(struct buffer *out, const struct scan *scan);
void scan_put_json(struct buffer *out, const struct scan *scan);

/* One row's members, in the object that is open: a scan job reports a row at a time. */
void scan_put_row(struct json_writer *json, const struct scan_row *row);

#endif
