/* Sorted lists, so that a plan over a million rows is as quick as one over a hundred: everything
 * here is O(n log n) once, and a look-up O(log n). */
#include "plan/ranking.h"

#include "base/memory.h"
#include "model/parameters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* By what rows are sorted. */
struct score_order {
    const struct scan_row *rows;
    const struct ranking *ranking;
};

/* --- names --- */

static struct type_name name_of(const char *text)
{
    return (struct type_name){text, strlen(text)};
}

static int compare_texts(struct type_name x, struct type_name y)
{
    int order = memcmp(x.text, y.text, x.length < y.length ? x.length : y.length);
    return order ? order : x.length < y.length ? -1 : x.length > y.length;
}

/* The tensor that a row is a part of; NULL: it is a module of its own. */
static const char *whole_of(const struct ranking *ranking, const struct scan_row *row)
{
    return ranking->loaded && row->loaded && row->loaded_parts > 1 ? row->loaded : row->tensor;
}

/* A tensor's module: its name without ".weight". */
static struct type_name module_of(const char *tensor)
{
    return (struct type_name){tensor, module_name_length(tensor)};
}

/* What a row by itself is ranked within, and what its unit is. */
static struct type_name row_type(const struct ranking *ranking, const struct scan_row *row)
{
    return name_of(ranking->together && row->expert_type ? row->expert_type : row->type);
}

static struct type_name unit_type(const struct ranking *ranking, const struct scan_row *row)
{
    struct type_name type;
    if (!whole_of(ranking, row))
        return row_type(ranking, row);
    type.text = module_type(whole_of(ranking, row), &type.length);
    return type;
}

static int compare_names(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = strcmp(rows[i].module, rows[j].module);
    return order ? order : i < j ? -1 : 1;
}

/* Rows of one tensor beside each other, in file order. */
static int compare_wholes(const void *a, const void *b, void *context)
{
    const struct score_order *of = context;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = compare_texts(module_of(whole_of(of->ranking, &of->rows[i])),
                              module_of(whole_of(of->ranking, &of->rows[j])));
    return order ? order : i < j ? -1 : 1;
}

struct texts {
    const struct type_name *of; /* [rows] */
};

static int compare_by_text(const void *a, const void *b, void *context)
{
    const struct texts *texts = context;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = compare_texts(texts->of[i], texts->of[j]);
    return order ? order : i < j ? -1 : 1;
}

/* --- units and types --- */

/* The rows of a tensor are chained, the first stands for them; a row of no tensor for itself. */
static void find_units(struct ranking *ranking, const struct scan *scan)
{
    struct score_order order = {scan->rows, ranking};
    size_t parts = 0, *sorted = ranking->by_tensor;
    for (size_t i = 0; i < scan->count; i++) {
        ranking->unit[i] = i;
        ranking->next[i] = SIZE_MAX;
        if (whole_of(ranking, &scan->rows[i]))
            sorted[parts++] = i;
    }
    if (parts > 0)
        qsort_r(sorted, parts, sizeof *sorted, compare_wholes, &order);
    for (size_t k = 1; k < parts; k++) {
        const char *whole = whole_of(ranking, &scan->rows[sorted[k]]),
                   *before = whole_of(ranking, &scan->rows[sorted[k - 1]]);
        if (compare_texts(module_of(whole), module_of(before)) != 0)
            continue;
        ranking->unit[sorted[k]] = ranking->unit[sorted[k - 1]];
        ranking->next[sorted[k - 1]] = sorted[k];
    }
    for (size_t k = 0; k < parts; k++)
        if (ranking->unit[sorted[k]] == sorted[k])
            sorted[ranking->tensors++] = sorted[k];
    for (size_t i = 0; i < scan->count; i++)
        ranking->count += ranking->unit[i] == i;
}

/* Sorted by its text, each type's first row stands for it; numbers follow the first rows' order.
 * `sorted` and `first` have room for all rows; a row's number is that of texts[row]. */
static size_t number_texts(size_t *number, const struct type_name *texts, size_t count,
                           size_t *sorted, size_t *first)
{
    size_t types = 0;
    struct texts context = {texts};
    for (size_t i = 0; i < count; i++)
        sorted[i] = i;
    qsort_r(sorted, count, sizeof *sorted, compare_by_text, &context);
    for (size_t k = 0; k < count; k++) {
        bool same = k > 0 && compare_texts(texts[sorted[k]], texts[sorted[k - 1]]) == 0;
        first[sorted[k]] = same ? first[sorted[k - 1]] : sorted[k];
    }
    for (size_t i = 0; i < count; i++)
        number[i] = first[i] == i ? types++ : number[first[i]];
    return types;
}

/* Types by number, in the order of their names: own types of all rows first, then those of units,
 * under which experts of a layer may be one. */
static int number_types(struct ranking *ranking, const struct scan *scan, struct error *err)
{
    struct type_name *texts = array_alloc(scan->count, sizeof *texts, err);
    if (!texts)
        return -1;
    for (size_t i = 0; i < scan->count; i++)
        texts[i] = row_type(ranking, &scan->rows[i]);
    number_texts(ranking->own_type, texts, scan->count, ranking->own_order, ranking->rank);
    for (size_t i = 0; i < scan->count; i++)
        texts[i] = unit_type(ranking, &scan->rows[i]);
    ranking->types =
        number_texts(ranking->type, texts, scan->count, ranking->own_order, ranking->rank);
    for (size_t i = scan->count; i-- > 0;)
        ranking->name[ranking->type[i]] = texts[i];
    free(texts);
    return 0;
}

/* --- scores --- */

/* Falling values; none last; stable. */
static int compare_values(const double *values, size_t i, size_t j)
{
    bool x = !isnan(values[i]), y = !isnan(values[j]);
    if (x != y)
        return x ? -1 : 1;
    if (x && values[i] != values[j])
        return values[i] > values[j] ? -1 : 1;
    return i < j ? -1 : 1;
}

/* By a row's own type, by falling values in each. */
static int compare_own(const void *a, const void *b, void *context)
{
    const struct score_order *order = context;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    size_t x = order->ranking->own_type[i], y = order->ranking->own_type[j];
    return x != y ? (x < y ? -1 : 1) : compare_values(order->ranking->value, i, j);
}

/* Units by their scores. */
static int compare_units(const void *a, const void *b, void *context)
{
    const struct score_order *order = context;
    return compare_values(order->ranking->score, *(const size_t *)a, *(const size_t *)b);
}

static int compare_members(const void *a, const void *b, void *context)
{
    const struct score_order *order = context;
    size_t x = order->ranking->type[*(const size_t *)a],
           y = order->ranking->type[*(const size_t *)b];
    return x != y ? (x < y ? -1 : 1) : compare_units(a, b, context);
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Of a unit whose rows all have a score; `values` has room for as many. */
static double median_of(const struct ranking *ranking, size_t unit, double *values)
{
    size_t count = 0;
    for (size_t row = unit; row != SIZE_MAX; row = ranking->next[row])
        values[count++] = ranking->value[row];
    qsort(values, count, sizeof *values, compare_reals);
    double low = values[(count - 1) / 2], high = values[count / 2];
    return low == high ? low : (low + high) / 2; /* infinite ones, too */
}

/* Less the mean rank of its rows, so that the best is the highest. */
static double mean_rank_of(const struct ranking *ranking, size_t unit)
{
    double sum = 0, count = 0;
    for (size_t row = unit; row != SIZE_MAX; row = ranking->next[row], count++)
        sum += (double)ranking->own_rank[row];
    return -sum / count;
}

/* Of each row by itself, among those of its own type. */
static void rank_rows(struct ranking *ranking, const struct scan *scan)
{
    struct score_order order = {scan->rows, ranking};
    size_t *sorted = ranking->own_order;
    for (size_t i = 0; i < scan->count; i++)
        sorted[i] = i;
    qsort_r(sorted, scan->count, sizeof *sorted, compare_own, &order);
    for (size_t k = 0; k < scan->count; k++) {
        bool first = k == 0 || ranking->own_type[sorted[k]] != ranking->own_type[sorted[k - 1]];
        ranking->own_rank[sorted[k]] = first ? 1 : ranking->own_rank[sorted[k - 1]] + 1;
    }
    for (size_t k = scan->count; k-- > 0;) {
        bool last = k + 1 == scan->count ||
                    ranking->own_type[sorted[k]] != ranking->own_type[sorted[k + 1]];
        ranking->own_count[sorted[k]] =
            last ? ranking->own_rank[sorted[k]] : ranking->own_count[sorted[k + 1]];
    }
}

/* A unit is scored when all of its matrices are. Those that are parts of one tensor, of the file's or
 * of the loaded model's, have their median for a score where experts are ranked together, else the
 * mean of their ranks. */
static void score_unit(struct ranking *ranking, const struct scan *scan, size_t unit)
{
    bool pending = false, none = false;
    for (size_t row = unit; row != SIZE_MAX; row = ranking->next[row]) {
        bool has = !isnan(ranking->value[row]);
        pending |= !has && !scan->rows[row].known;
        none |= !has && scan->rows[row].known;
    }
    ranking->pending[unit] = pending && !none;
    if (pending || none)
        ranking->score[unit] = NAN;
    else if (!whole_of(ranking, &scan->rows[unit]))
        ranking->score[unit] = ranking->value[unit];
    else
        ranking->score[unit] = ranking->together ? median_of(ranking, unit, ranking->values)
                                                 : mean_rank_of(ranking, unit);
}

/* After new scores: units sorted by score over all, and by type and score, where each type
 * begins. */
void ranking_refresh(struct ranking *ranking, const struct scan *scan, const struct plan_order *by)
{
    struct score_order order = {scan->rows, ranking};
    size_t count = 0;
    plan_order_values(ranking->value, scan, by);
    rank_rows(ranking, scan);
    for (size_t i = 0; i < scan->count; i++) {
        if (ranking->unit[i] != i)
            continue;
        score_unit(ranking, scan, i);
        ranking->ranked[count] = ranking->member[count] = i;
        count++;
    }
    qsort_r(ranking->ranked, count, sizeof *ranking->ranked, compare_units, &order);
    qsort_r(ranking->member, count, sizeof *ranking->member, compare_members, &order);
    for (size_t k = 0; k < count; k++) {
        size_t unit = ranking->member[k], type = ranking->type[unit];
        if (k == 0 || type != ranking->type[ranking->member[k - 1]])
            ranking->start[type] = k;
        for (size_t row = unit; row != SIZE_MAX; row = ranking->next[row])
            ranking->rank[row] = k - ranking->start[type] + 1;
    }
    ranking->start[ranking->types] = count;
}

/* --- its life --- */

/* What scores do not change, names, units and types, once; then the first ranking. Where it fails,
 * ranking_free() takes what there is. */
int ranking_init(struct ranking *ranking, const struct scan *scan, bool together, bool loaded,
                 struct error *err)
{
    size_t **const lists[] = {&ranking->unit,     &ranking->next,      &ranking->ranked,
                              &ranking->type,     &ranking->rank,      &ranking->member,
                              &ranking->start,    &ranking->by_name,   &ranking->by_tensor,
                              &ranking->own_type, &ranking->own_order, &ranking->own_rank,
                              &ranking->own_count};
    *ranking = (struct ranking){.together = together, .loaded = loaded};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!(*lists[i] = array_alloc(scan->count + 1, sizeof **lists[i], err)))
            return -1;
    ranking->value = array_alloc(scan->count, sizeof *ranking->value, err);
    ranking->score = array_alloc(scan->count, sizeof *ranking->score, err);
    ranking->values = array_alloc(scan->count, sizeof *ranking->values, err);
    ranking->pending = array_alloc(scan->count, sizeof *ranking->pending, err);
    ranking->name = array_alloc(scan->count, sizeof *ranking->name, err);
    if (!ranking->value || !ranking->score || !ranking->values || !ranking->pending ||
        !ranking->name)
        return -1;
    for (size_t i = 0; i < scan->count; i++)
        ranking->by_name[i] = i;
    qsort_r(ranking->by_name, scan->count, sizeof *ranking->by_name, compare_names, scan->rows);
    find_units(ranking, scan);
    if (number_types(ranking, scan, err) != 0)
        return -1;
    ranking_refresh(ranking, scan, &(struct plan_order){.kind = ORDER_METRIC});
    return 0;
}

void ranking_free(struct ranking *ranking)
{
    free(ranking->unit);
    free(ranking->next);
    free(ranking->value);
    free(ranking->score);
    free(ranking->values);
    free(ranking->pending);
    free(ranking->ranked);
    free(ranking->type);
    free(ranking->rank);
    free(ranking->member);
    free(ranking->start);
    free(ranking->name);
    free(ranking->by_name);
    free(ranking->by_tensor);
    free(ranking->own_type);
    free(ranking->own_order);
    free(ranking->own_rank);
    free(ranking->own_count);
}

/* --- finding --- */

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

/* A row by its tensor's module name, of those that are one of several in theirs. */
const struct scan_row *ranking_find_tensor(const struct ranking *ranking, const struct scan *scan,
                                           const char *name, size_t length)
{
    const struct type_name wanted = {name, length};
    size_t low = 0, high = ranking->tensors;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct scan_row *row = &scan->rows[ranking->by_tensor[middle]];
        int order = compare_texts(module_of(whole_of(ranking, row)), wanted);
        if (order == 0)
            return row;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool ranking_begins_another(const struct ranking *ranking, const struct scan *scan,
                            const char *name)
{
    size_t length = strlen(name), at = lower_bound(ranking, scan, name, length);
    if (at < scan->count && strcmp(scan->rows[ranking->by_name[at]].module, name) == 0)
        at++;
    return at < scan->count && strncmp(scan->rows[ranking->by_name[at]].module, name, length) == 0;
}
