/* The library as two tables, of models and of jobs: which rows, in which order, in which columns.
 *
 *     Models 2/14           TYPE     PARAMS      SIZE  SCANNED  PLANS
 *     ▶ demo/model          llama      3.2M   6.1 MiB      yes      2
 *
 *     Jobs *1 ↓             STATE          STEP        LEFT    EVAL    BEST      AGE
 *      *model-1             running  1234/60000  3 min 20 s  2.1042  2.0971   12 min
 *
 * A struct library_table begins as {0}; library_table_order() chooses and sorts, after every change
 * of rows, filter or order; library_table_draw() draws; library_table_free() frees.
 */
#ifndef SPECTRUM_TUI_SCREEN_LIBRARY_TABLE_H
#define SPECTRUM_TUI_SCREEN_LIBRARY_TABLE_H

#include "tui/screen/parts.h"
#include "tui/session/library.h"

enum { FILTER_SIZE = 64 };

struct library_table {
    size_t *lines; /* rows of the library: models, then jobs */
    size_t count, models, capacity;
    char filter[FILTER_SIZE];
    int sort[2]; /* the column that models and jobs are sorted by; 0: as they are listed */
    bool reversed[2];
};

void library_table_free(struct library_table *table);

/* 0, or -1 without memory. */
int library_table_order(struct library_table *table, const struct library *library,
                        struct error *err);

/* The next column to sort by of those that have room in the width, of models (0) or jobs (1); its
 * name, or "" for the order of the list. */
const char *library_table_sort_next(struct library_table *table, const struct library *library,
                                    int section, int width);

/* Draws the lines around the cursor; returns how many it drew, and which was the first. */
int library_table_draw(struct app *app, struct area area, const struct library_table *table,
                       const struct library *library, const struct list *list, int *first);

#endif
