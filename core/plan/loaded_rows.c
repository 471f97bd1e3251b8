#include "plan/loaded_rows.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By the loaded tensor that they are parts of; those that are none last. */
static int compare_parts(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    const char *x = rows[i].loaded, *y = rows[j].loaded;
    int order = x && y ? strcmp(x, y) : !x - !y;
    return order ? order : i < j ? -1 : 1;
}

/* --- other names --- */

static int compare_texts(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_aliases(const void *a, const void *b)
{
    const struct row_alias *x = a, *y = b;
    int order = compare_texts(x->name, x->length, y->name, y->length);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static size_t count_names(const char *names)
{
    size_t count = names != NULL;
    for (; names && *names; names++)
        count += *names == '|';
    return count;
}

/* Only a unit's first row has aliases. Counted first: several names with "|" between them are so
 * many. */
static int init_aliases(struct loaded_rows *of, const struct scan *scan, const size_t *unit,
                        struct error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < scan->count; i++)
        count += count_names(scan->rows[i].file) + count_names(scan->rows[i].loaded);
    of->aliases = array_alloc(count + 1, sizeof *of->aliases, err);
    if (!of->aliases)
        return -1;
    for (size_t i = 0; i < scan->count; i++)
        for (int loaded = 0; unit[i] == i && loaded < 2; loaded++) {
            const char *at = loaded ? scan->rows[i].loaded : scan->rows[i].file;
            for (size_t length; at; at = at[length] ? at + length + 1 : NULL) {
                length = strcspn(at, "|");
                of->aliases[of->alias_count++] = (struct row_alias){at, length, i};
            }
        }
    qsort(of->aliases, of->alias_count, sizeof *of->aliases, compare_aliases);
    return 0;
}

/* All that have the name, side by side: the first by halving, then as far as they are equal. */
const struct row_alias *loaded_rows_aliases(const struct loaded_rows *of, const char *name,
                                            size_t length, const char *tail, size_t *count)
{
    char whole[1024];
    int size = snprintf(whole, sizeof whole, "%.*s%s", (int)length, name, tail);
    size_t low = 0, high = of->alias_count, end;
    *count = 0;
    if (length >= sizeof whole || (size_t)size >= sizeof whole)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct row_alias *is = &of->aliases[middle];
        if (compare_texts(is->name, is->length, whole, (size_t)size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < of->alias_count; end++)
        if (compare_texts(of->aliases[end].name, of->aliases[end].length, whole, (size_t)size) != 0)
            break;
    *count = end - low;
    return end > low ? of->aliases + low : NULL;
}

/* The rows that one loaded tensor is made of. */
const size_t *loaded_rows_parts(const struct loaded_rows *of, const struct scan *scan,
                                const char *loaded, size_t *count)
{
    size_t low = 0, high = of->part_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(scan->rows[of->parts[middle]].loaded, loaded) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (high = low; high < of->part_count; high++)
        if (strcmp(scan->rows[of->parts[high]].loaded, loaded) != 0)
            break;
    *count = high - low;
    return high > low ? of->parts + low : NULL;
}

/* Two sorted lists over the rows, by the loaded tensor and by each name that a row goes by. */
int loaded_rows_init(struct loaded_rows *of, const struct scan *scan, const size_t *unit,
                     struct error *err)
{
    *of = (struct loaded_rows){.parts = array_alloc(scan->count + 1, sizeof *of->parts, err)};
    if (!of->parts)
        return -1;
    for (size_t i = 0; i < scan->count; i++)
        if (scan->rows[i].loaded && unit[i] == i)
            of->parts[of->part_count++] = i;
    qsort_r(of->parts, of->part_count, sizeof *of->parts, compare_parts, scan->rows);
    return init_aliases(of, scan, unit, err);
}

void loaded_rows_free(struct loaded_rows *of)
{
    free(of->parts);
    free(of->aliases);
}
