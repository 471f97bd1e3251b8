#include "spectra/scan_parts.h"

#include <stdlib.h>

static int compare_work(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    int64_t x = rows[*(const size_t *)a].parameters, y = rows[*(const size_t *)b].parameters;
    if (x != y)
        return x < y ? 1 : -1;
    return *(const size_t *)a < *(const size_t *)b ? -1 : 1;
}

void order_rows(struct run *run)
{
    const struct scan *scan = run->result->scan;
    for (size_t i = 0; i < scan->count; i++)
        run->order[i] = i;
    qsort_r(run->order, scan->count, sizeof *run->order, compare_work, scan->rows);
}

/* How far a row is from the one that was asked for: that row itself, its block, the blocks beside.
 */
static int distance(const struct run *run, size_t row)
{
    if (run->asked < 0)
        return 0;
    if ((size_t)run->asked == row)
        return -1;
    return abs(run->modules[row]->layer - run->modules[run->asked]->layer);
}

int64_t nearest_row(struct run *run)
{
    int64_t found = -1;
    size_t count = run->result->scan->count;
    while (run->first < count && run->states[run->order[run->first]] == ROW_DONE)
        run->first++;
    /* Where nobody asked, all are as near: the first it is. */
    for (size_t i = run->first; i < count && (found < 0 || run->asked >= 0); i++) {
        size_t row = run->order[i];
        if (run->states[row] == ROW_WAITING &&
            (found < 0 || distance(run, row) < distance(run, (size_t)found)))
            found = (int64_t)row;
    }
    return found;
}
