/* Rows without padding between items: the trunk of each is a document, each branch another one that
 * goes on from it (compute/op.h). */
#include "base/memory.h"
#include "task/request.h"

#include <stdlib.h>
#include <string.h>

/* Rows have lengths of few kinds, for each of which the device prepares its products once. */
enum { ROW_STEP = 64 };

/* --- which units share a row --- */

void task_rows_free(struct task_rows *rows)
{
    free(rows->order);
    free(rows->begins);
    *rows = (struct task_rows){.count = 0};
}

struct sized {
    int64_t tokens;
    size_t unit;
};

/* The longest first; of two alike as they came. */
static int falling(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;
    if (x->tokens != y->tokens)
        return x->tokens < y->tokens ? 1 : -1;
    return x->unit < y->unit ? -1 : 1;
}

/* Each row takes, from the longest down, whatever still fits. next[] skips what is taken. */
static void fill(struct task_rows *rows, const struct sized *sized, size_t *next, size_t count,
                 int64_t capacity)
{
    size_t placed = 0;
    for (size_t i = 0; i <= count; i++)
        next[i] = i;
    while (placed < count) {
        int64_t used = 0;
        size_t before = count; /* the one that was left last; count: none */
        size_t first = next[0];
        rows->begins[rows->count++] = placed;
        for (size_t i = first; i < count; i = next[i + 1]) {
            if (used > 0 && used + sized[i].tokens > capacity) {
                before = i;
                continue;
            }
            used += sized[i].tokens;
            rows->order[placed++] = sized[i].unit;
            next[before == count ? 0 : before + 1] = next[i + 1];
        }
        rows->tokens = used > rows->tokens ? used : rows->tokens;
    }
    rows->begins[rows->count] = placed;
}

int task_rows_pack(struct task_rows *rows, const struct task_unit *units, size_t count,
                   int64_t capacity, struct error *err)
{
    *rows = (struct task_rows){.count = 0};
    struct sized *sized = array_alloc(count, sizeof *sized, err);
    size_t *next = array_alloc(count + 1, sizeof *next, err);
    rows->order = array_alloc(count, sizeof *rows->order, err);
    rows->begins = array_alloc(count + 1, sizeof *rows->begins, err);
    bool made = sized && next && rows->order && rows->begins;
    for (size_t i = 0; made && i < count; i++)
        sized[i] = (struct sized){units[i].tokens, i};
    if (made) {
        qsort(sized, count, sizeof *sized, falling);
        fill(rows, sized, next, count, capacity);
        rows->tokens = (rows->tokens + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
    }
    free(sized);
    free(next);
    return made ? 0 : -1;
}

/* --- one row --- */

int task_desk_new(struct task_desk *desk, int64_t tokens, struct error *err)
{
    *desk = (struct task_desk){.tokens = tokens};
    size_t all = (size_t)tokens * TASK_CHOICES_MAX;
    desk->before = array_alloc((size_t)tokens + 1, sizeof *desk->before, err);
    desk->targets = array_alloc(all, sizeof *desk->targets, err);
    desk->losses = array_alloc(all, sizeof *desk->losses, err);
    if (!desk->before || !desk->targets || !desk->losses)
        return -1;
    return batch_alloc(&desk->row.batch, 1, tokens, err);
}

void task_desk_free(struct task_desk *desk)
{
    batch_free(&desk->row.batch);
    free(desk->before);
    free(desk->targets);
    free(desk->losses);
    *desk = (struct task_desk){.tokens = 0};
}

/* Appends a document of ids at positions from `first` on, behind `before`. */
static void add_document(struct task_desk *desk, const int32_t *ids, int64_t count, int64_t first,
                         struct token_range before)
{
    struct batch *batch = &desk->row.batch;
    if (count == 0)
        return;
    for (int64_t i = 0; i < count; i++) {
        batch->ids[batch->tokens + i] = ids ? ids[i] : 0;
        batch->positions[batch->tokens + i] = (int32_t)(ids ? first + i : 0);
    }
    desk->before[batch->documents++] = before;
    batch->tokens += count;
    batch->offsets[batch->documents] = (int32_t)batch->tokens;
}

/* Where a request's i-th id lies in the row; the unit begins at `begin`, its branch at `branch`. */
static int64_t place_of(const struct task_unit *unit, int64_t begin, int64_t branch, int64_t i)
{
    return i < unit->trunk ? begin + i : branch + i - unit->trunk;
}

/* Calls for each target of a row's units, in order: where it is asked, and what it is. */
typedef void take_target(void *context, size_t unit, int request, int64_t place, int32_t target);
static void each_target(const struct task_unit *units, const size_t *order, size_t count,
                        take_target *take, void *context)
{
    int64_t begin = 0;
    for (size_t n = 0; n < count; n++) {
        const struct task_unit *unit = &units[order[n]];
        int64_t branch = begin + unit->trunk;
        for (int k = 0; k < unit->count; k++) {
            const struct task_request *request = &unit->requests[k];
            for (int64_t i = request->from; i < request->count; i++)
                take(context, n, k, place_of(unit, begin, branch, i - 1), request->ids[i]);
            branch += request->count - 1 - unit->trunk;
        }
        begin = branch;
    }
}

/* The set in which a place has this target, or none yet. */
static int set_of(const struct task_desk *desk, int64_t place, int32_t target)
{
    int64_t tokens = desk->row.batch.tokens;
    int set = 0;
    while (set < desk->row.sets && desk->targets[set * tokens + place] >= 0 &&
           desk->targets[set * tokens + place] != target)
        set++;
    return set;
}

static void put_target(void *context, size_t unit, int request, int64_t place, int32_t target)
{
    struct task_desk *desk = context;
    int64_t tokens = desk->row.batch.tokens;
    int set = set_of(desk, place, target);
    (void)unit;
    (void)request;
    if (set == desk->row.sets) {
        desk->row.sets++;
        for (int64_t i = 0; i < tokens; i++)
            desk->targets[set * tokens + i] = -1;
    }
    desk->targets[set * tokens + place] = target;
}

void task_desk_lay(struct task_desk *desk, const struct task_unit *units, const size_t *order,
                   size_t count)
{
    static const struct token_range nothing = {0, 0};
    struct batch *batch = &desk->row.batch;
    batch->tokens = batch->documents = 0;
    batch->offsets[0] = 0;
    desk->row.sets = 0;
    desk->row.before = desk->before;
    desk->row.targets = desk->targets;
    for (size_t n = 0; n < count; n++) {
        const struct task_unit *unit = &units[order[n]];
        struct token_range trunk = {(int32_t)batch->tokens, (int32_t)(batch->tokens + unit->trunk)};
        add_document(desk, unit->requests[0].ids, unit->trunk, 0, nothing);
        for (int k = 0; k < unit->count; k++)
            add_document(desk, unit->requests[k].ids + unit->trunk,
                         unit->requests[k].count - 1 - unit->trunk, unit->trunk, trunk);
    }
    add_document(desk, NULL, (ROW_STEP - batch->tokens % ROW_STEP) % ROW_STEP, 0, nothing);
    each_target(units, order, count, put_target, desk);
}

struct sums {
    const struct task_desk *desk;
    double *const *likelihoods;
};

static void add_loss(void *context, size_t unit, int request, int64_t place, int32_t target)
{
    const struct sums *sums = context;
    int64_t tokens = sums->desk->row.batch.tokens;
    int set = set_of(sums->desk, place, target);
    sums->likelihoods[unit][request] -= (double)sums->desk->losses[set * tokens + place];
}

void task_desk_read(const struct task_desk *desk, const struct task_unit *units,
                    const size_t *order, size_t count, double *const *likelihoods)
{
    struct sums sums = {desk, likelihoods};
    for (size_t n = 0; n < count; n++)
        memset(likelihoods[n], 0, (size_t)units[order[n]].count * sizeof **likelihoods);
    each_target(units, order, count, add_loss, &sums);
}
