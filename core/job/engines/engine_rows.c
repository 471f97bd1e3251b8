/* A safetensors file is written from front to back, tensor by tensor, and a row has four of them: so
 * the course is walked once a tensor, from the same place, and gives the same rows each time. The
 * first walk counts, as the header says how many rows there are. */
#include "job/engines/engine_rows.h"

#include "base/memory.h"
#include "checkpoint/safetensors.h"

#include <stdlib.h>
#include <string.h>

enum { NO_TARGET = -100 };

/* What of a row a tensor has. */
enum column { COLUMN_NONE, COLUMN_IDS, COLUMN_TARGETS, COLUMN_POSITIONS, COLUMN_WEIGHTS };

/* A number a step. */
enum step_column { ENDS, TOKENS, SUPERVISED, EPOCHS, ROWS_IN_EPOCH, STEP_COLUMNS };
static const char *const step_names[STEP_COLUMNS] = {
    [ENDS] = "step_ends", [TOKENS] = "tokens_seen",         [SUPERVISED] = "supervised_seen",
    [EPOCHS] = "epochs",  [ROWS_IN_EPOCH] = "row_in_epoch",
};

struct work {
    const struct training_parts *parts;
    struct engine_rows *found;
    struct safetensors_writer writer;
    int64_t steps, seq_len;
    int64_t *of_steps[STEP_COLUMNS]; /* [steps] each */
    double *rates;                   /* [steps] */
    int32_t *row;                    /* [seq_len], targets as they are written */
};

/* --- a batch's rows --- */

static int put_column(struct work *work, const struct batch *batch, size_t rows, enum column column,
                      struct error *err)
{
    size_t length = (size_t)work->seq_len, count = rows * length;
    const void *values = column == COLUMN_IDS         ? (const void *)batch->ids
                         : column == COLUMN_POSITIONS ? (const void *)batch->positions
                                                      : (const void *)batch->weights;
    if (column == COLUMN_NONE)
        return 0;
    if (column != COLUMN_TARGETS)
        return safetensors_writer_put(&work->writer, values, count * sizeof(int32_t), err);
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < length; i++) {
            int32_t target = batch->targets[row * length + i];
            work->row[i] = target < 0 ? NO_TARGET : target;
        }
        if (safetensors_writer_put(&work->writer, work->row, length * sizeof *work->row, err) != 0)
            return -1;
    }
    return 0;
}

/* Are there weights other than 1? */
static void look(struct work *work, const struct batch *batch, size_t rows)
{
    size_t count = rows * (size_t)work->seq_len;
    for (size_t i = 0; batch->weights && i < count; i++)
        work->found->weighted |= batch->targets[i] >= 0 && batch->weights[i] != 1;
}

/* --- the run's rows --- */

/* A step: its batches, and where the run stands after it. */
static int walk_step(struct work *work, struct course *course, int64_t step, enum column column,
                     struct error *err)
{
    struct taken taken = {0};
    uint64_t before = 0;
    int read = 1;
    for (int64_t i = 0; i < work->parts->setup->settings.accumulate; i++, before = taken.rows) {
        if ((read = course_read(course, &taken, err)) <= 0)
            break;
        size_t rows = (size_t)(taken.rows - before);
        if (column == COLUMN_NONE)
            look(work, &course->batch, rows);
        else if (put_column(work, &course->batch, rows, column, err) != 0)
            return -1;
    }
    if (read < 0 || column != COLUMN_NONE)
        return read < 0 ? -1 : 0;
    struct packing_position position = packing_position(course->packing);
    struct engine_rows *found = work->found;
    found->rows += taken.rows;
    found->tokens += taken.tokens;
    found->supervised += taken.supervised;
    work->of_steps[ENDS][step] = (int64_t)found->rows;
    work->of_steps[TOKENS][step] = (int64_t)found->tokens;
    work->of_steps[SUPERVISED][step] = (int64_t)found->supervised;
    work->of_steps[EPOCHS][step] = (int64_t)position.epoch;
    work->of_steps[ROWS_IN_EPOCH][step] = (int64_t)position.row;
    work->rates[step] = schedule_rate(&course->schedule, step);
    return 0;
}

static int walk(struct work *work, enum column column, struct error *err)
{
    const struct run_sitting *sitting = work->parts->sitting;
    struct course course;
    if (course_open(&course, work->parts->setup->inputs.train, &work->parts->setup->settings,
                    err) != 0)
        return -1;
    int status = 0;
    for (int64_t step = 0; step < work->steps && status == 0; step++) {
        status = walk_step(work, &course, step, column, err);
        if (status == 0 && run_should_stop((void *)(uintptr_t)sitting))
            status = error_set_kind(err, ERROR_INTERRUPTED, "interrupted");
    }
    course_close(&course);
    return status;
}

/* --- the evaluation's --- */

static int walk_evaluation(struct work *work, enum column column, struct error *err)
{
    const struct run_setup *setup = work->parts->setup;
    const struct train_settings *settings = &setup->settings;
    struct packing *packing;
    struct batch batch;
    int rows = 0;
    if (!setup->inputs.eval)
        return 0;
    if (packing_new(&packing, setup->inputs.eval, settings->optimizer.seed, false, settings->pad,
                    err) != 0)
        return -1;
    int status = batch_alloc(&batch, settings->batch, work->seq_len, err);
    while (status == 0 && (rows = packing_next(packing, &batch, settings->batch, err)) > 0) {
        if (column == COLUMN_NONE) {
            work->found->evaluated += (uint64_t)rows;
            look(work, &batch, (size_t)rows);
        } else {
            status = put_column(work, &batch, (size_t)rows, column, err);
        }
    }
    batch_free(&batch);
    packing_free(packing);
    return status == 0 && rows >= 0 ? 0 : -1;
}

/* --- the file --- */

/* The tensors in the order in which they are written. */
enum { ENTRIES_MAX = 8 + STEP_COLUMNS + 1 };

static size_t list_entries(const struct work *work, struct safetensors_entry *entries)
{
    static const char *const names[2][4] = {
        {"ids", "targets", "positions", "weights"},
        {"eval_ids", "eval_targets", "eval_positions", "eval_weights"}};
    size_t count = 0;
    for (int set = 0; set < 2; set++) {
        int64_t rows = (int64_t)(set ? work->found->evaluated : work->found->rows);
        for (int i = 0; rows > 0 && i < (work->found->weighted ? 4 : 3); i++)
            entries[count++] = (struct safetensors_entry){
                names[set][i], i == 3 ? DTYPE_F32 : DTYPE_I32, 2, {rows, work->seq_len}};
    }
    for (int i = 0; i < STEP_COLUMNS; i++)
        entries[count++] = (struct safetensors_entry){step_names[i], DTYPE_I64, 1, {work->steps}};
    entries[count++] = (struct safetensors_entry){"rates", DTYPE_F64, 1, {work->steps}};
    return count;
}

static int put_all(struct work *work, struct error *err)
{
    enum column last = work->found->weighted ? COLUMN_WEIGHTS : COLUMN_POSITIONS;
    size_t steps = (size_t)work->steps;
    int status = 0;
    for (enum column column = COLUMN_IDS; column <= last && status == 0; column++)
        status = walk(work, column, err);
    for (enum column column = COLUMN_IDS; column <= last && status == 0; column++)
        status = walk_evaluation(work, column, err);
    for (int i = 0; i < STEP_COLUMNS && status == 0; i++)
        status = safetensors_writer_put(&work->writer, work->of_steps[i],
                                        steps * sizeof *work->of_steps[i], err);
    return status == 0 ? safetensors_writer_put(&work->writer, work->rates,
                                                steps * sizeof *work->rates, err)
                       : -1;
}

static int make_space(struct work *work, struct error *err)
{
    size_t steps = (size_t)work->steps;
    for (int i = 0; i < STEP_COLUMNS; i++)
        if (!(work->of_steps[i] = array_alloc(steps, sizeof *work->of_steps[i], err)))
            return -1;
    work->rates = array_alloc(steps, sizeof *work->rates, err);
    work->row = array_alloc((size_t)work->seq_len, sizeof *work->row, err);
    return work->rates && work->row ? 0 : -1;
}

int engine_rows_write(struct engine_rows *out, const struct training_parts *parts, const char *path,
                      struct error *err)
{
    struct work work = {.parts = parts,
                        .found = out,
                        .steps = parts->setup->course->steps,
                        .seq_len = parts->setup->settings.seq_len};
    struct safetensors_entry entries[ENTRIES_MAX];
    *out = (struct engine_rows){0};
    int status = -1;
    if (make_space(&work, err) != 0 || walk(&work, COLUMN_NONE, err) != 0 ||
        walk_evaluation(&work, COLUMN_NONE, err) != 0 ||
        safetensors_writer_open(&work.writer, path, entries, list_entries(&work, entries), NULL,
                                err) != 0)
        goto out;
    if (put_all(&work, err) == 0)
        status = safetensors_writer_commit(&work.writer, err);
    else
        safetensors_writer_abort(&work.writer);
out:
    for (int i = 0; i < STEP_COLUMNS; i++)
        free(work.of_steps[i]);
    free(work.rates);
    free(work.row);
    return status;
}
