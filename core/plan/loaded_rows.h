/* Rows by the other names of their tensors: those of the model's file, and those of the loaded model
 * where a row is a part of one, or becomes several (struct scan_row, `file` and `loaded`). Internal
 * to plan/. Of a tensor of several rows the first stands for all (ranking.h's units). */
#ifndef SPECTRUM_PLAN_LOADED_ROWS_H
#define SPECTRUM_PLAN_LOADED_ROWS_H

#include "model/score_table.h"

/* Another name of a row's tensor, borrowed from the scan. Not ended by a NUL. */
struct row_alias {
    const char *name;
    size_t length, row;
};

struct loaded_rows {
    size_t *parts; /* [part_count] rows that are parts of a loaded tensor, tensor by tensor */
    size_t part_count;
    struct row_alias *aliases; /* [alias_count] in the order of their bytes */
    size_t alias_count;
};

/* unit: [rows] the row that stands for the row's unit. Free it whatever this returns. */
int loaded_rows_init(struct loaded_rows *of, const struct scan *scan, const size_t *unit,
                     struct error *err);
void loaded_rows_free(struct loaded_rows *of);

/* The rows that are parts of a tensor of the loaded model, the first row first; NULL: there are none.
 */
const size_t *loaded_rows_parts(const struct loaded_rows *of, const struct scan *scan,
                                const char *loaded, size_t *count);

/* The rows of which a tensor of this name (its first `length` bytes, then `tail`) is another name;
 * NULL: there are none. */
const struct row_alias *loaded_rows_aliases(const struct loaded_rows *of, const char *name,
                                            size_t length, const char *tail, size_t *count);

#endif
