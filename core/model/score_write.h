/* Tables of scores as text. */
#ifndef SPECTRUM_MODEL_SCORE_WRITE_H
#define SPECTRUM_MODEL_SCORE_WRITE_H

#include "base/buffer.h"
#include "model/score_table.h"

/* The file form (modules at top level, bare Infinity allowed) and the strict --json form. */
void scan_put_file(struct buffer *out, const struct scan *scan);
void scan_put_json(struct buffer *out, const struct scan *scan);

/* One row's members as strict JSON, without the braces: a scan job reports a row at a time. */
void scan_put_row(struct buffer *out, const struct scan_row *row);

#endif
