/* Sorted lists, so that a plan over a million rows is as quick as one over a hundred: everything
 * here is O(n log n) once, and a look-up O(log n). */
#include "plan/ranking.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Falling SNR; NaN and unknown last; stable. */
static int compare_scores(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    bool x = rows[i].known && !isnan(rows[i].snr), y = rows[j].known && !isnan(rows[j].snr);
    if (x != y)
        return x ? -1 : 1;
    if (x && rows[i].snr != rows[j].snr)
        return rows[i].snr > rows[j].snr ? -1 : 1;
    return i < j ? -1 : 1;
}

static int compare_types(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = strcmp(rows[i].type, rows[j].type);
    return order ? order : i < j ? -1 : 1;
}

static int compare_names(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = strcmp(rows[i].module, rows[j].module);
    return order ? order : i < j ? -1 : 1;
}

static void sort_rows(size_t *list, const struct scan *scan,
                      int (*compare)(const void *, const void *, void *))
{
    for (size_t i = 0; i < scan->count; i++)
        list[i] = i;
    qsort_r(list, scan->count, sizeof *list, compare, scan->rows);
}

/* Sorted by type, each type's first row stands for it; numbers follow the first rows' order. */
static void number_types(struct ranking *ranking, const struct scan *scan)
{
    size_t *sorted = ranking->member, *first = ranking->rank;
    sort_rows(sorted, scan, compare_types);
    for (size_t k = 0; k < scan->count; k++) {
        bool same =
            k > 0 && strcmp(scan->rows[sorted[k]].type, scan->rows[sorted[k - 1]].type) == 0;
        first[sorted[k]] = same ? first[sorted[k - 1]] : sorted[k];
    }
    ranking->types = 0;
    for (size_t i = 0; i < scan->count; i++)
        ranking->type[i] = first[i] == i ? ranking->types++ : ranking->type[first[i]];
}

struct member_order {
    const struct scan_row *rows;
    const size_t *type;
};

/* By type, by falling SNR in each. */
static int compare_members(const void *a, const void *b, void *context)
{
    const struct member_order *order = context;
    size_t x = order->type[*(const size_t *)a], y = order->type[*(const size_t *)b];
    return x != y ? (x < y ? -1 : 1) : compare_scores(a, b, (void *)(uintptr_t)order->rows);
}

void ranking_refresh(struct ranking *ranking, const struct scan *scan)
{
    struct member_order order = {scan->rows, ranking->type};
    sort_rows(ranking->ranked, scan, compare_scores);
    qsort_r(ranking->member, scan->count, sizeof *ranking->member, compare_members, &order);
    for (size_t k = 0; k < scan->count; k++) {
        size_t row = ranking->member[k], type = ranking->type[row];
        if (k == 0 || type != ranking->type[ranking->member[k - 1]])
            ranking->start[type] = k;
        ranking->rank[row] = k - ranking->start[type] + 1;
    }
    ranking->start[ranking->types] = scan->count;
}

int ranking_init(struct ranking *ranking, const struct scan *scan, struct error *err)
{
    size_t **const lists[] = {&ranking->ranked, &ranking->type,  &ranking->rank,
                              &ranking->member, &ranking->start, &ranking->by_name};
    *ranking = (struct ranking){0};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!(*lists[i] = array_alloc(scan->count + 1, sizeof **lists[i], err)))
            return -1;
    sort_rows(ranking->by_name, scan, compare_names);
    number_types(ranking, scan);
    ranking_refresh(ranking, scan);
    return 0;
}

void ranking_free(struct ranking *ranking)
{
    free(ranking->ranked);
    free(ranking->type);
    free(ranking->rank);
    free(ranking->member);
    free(ranking->start);
    free(ranking->by_name);
}

/* strcmp() of a module and the first `length` bytes of a name. */
static int compare_prefix(const char *module, const char *name, size_t length)
{
    int order = strncmp(module, name, length);
    return order ? order : module[length] != '\0';
}

/* The first row, by name, that does not come before these bytes. */
static size_t lower_bound(const struct ranking *ranking, const struct scan *scan, const char *name,
                          size_t length)
{
    size_t low = 0, high = scan->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct scan_row *row = &scan->rows[ranking->by_name[middle]];
        if (compare_prefix(row->module, name, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct scan_row *ranking_find(const struct ranking *ranking, const struct scan *scan,
                                    const char *name, size_t length)
{
    size_t at = lower_bound(ranking, scan, name, length);
    const struct scan_row *row = at < scan->count ? &scan->rows[ranking->by_name[at]] : NULL;
    return row && compare_prefix(row->module, name, length) == 0 ? row : NULL;
}

bool ranking_begins_another(const struct ranking *ranking, const struct scan *scan,
                            const char *name)
{
    size_t length = strlen(name), at = lower_bound(ranking, scan, name, length);
    if (at < scan->count && strcmp(scan->rows[ranking->by_name[at]].module, name) == 0)
        at++;
    return at < scan->count && strncmp(scan->rows[ranking->by_name[at]].module, name, length) == 0;
}
