/* One evaluation: items of all tasks, made into rows before the model is there; then row after row,
 * and what was chosen. */
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "task/answer.h"
#include "task/find.h"
#include "task/reader.h"
#include "task/request.h"
#include "train/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the harness has a model write at most. */
enum { ANSWER_TOKENS = 256 };
enum { TASKS_MAX = 16 };

/* One task of an evaluation. */
struct task_work {
    struct task_result result;
    struct task_files files;
    struct task_item *items; /* [result.items] */
    size_t capacity;
    struct task_unit *units;   /* [result.items] */
    struct task_rows rows;     /* of a task that chooses */
    double **likelihoods;      /* [result.items] of each item's choices, */
    double *numbers;           /* which lie here */
    struct task_score *scores; /* [result.items] */
};

struct task_evaluation {
    struct task_work works[TASKS_MAX];
    size_t count;
};

/* --- items --- */

static int take_record(struct task_work *work, const struct task_record *record, const char *path,
                       struct error *err)
{
    if (array_reserve((void **)&work->items, &work->capacity, work->result.items + 1,
                      sizeof *work->items, err) != 0)
        return -1;
    struct task_item *item = &work->items[work->result.items++];
    *item = (struct task_item){.count = 0};
    return work->result.task->make(item, record, err) == 0
               ? 0
               : error_prefix(err, "%s:%zu", path, record->line);
}

static int read_file(struct task_work *work, const char *path, int64_t limit, struct error *err)
{
    const struct task *task = work->result.task;
    struct task_record record;
    struct task_reader *reader = task_reader_open(path, task->forms, task->name, err);
    int status = reader ? 1 : -1;
    for (int64_t i = 0; status > 0 && (limit == 0 || i < limit); i++) {
        status = task_reader_next(reader, &record, err);
        if (status > 0 && take_record(work, &record, path, err) != 0)
            status = -1;
        task_record_free(&record);
    }
    task_reader_close(reader);
    return status < 0 ? -1 : 0;
}

static int open_task(struct task_work *work, const char *folder, int64_t limit, struct error *err)
{
    if (task_files_find(&work->files, work->result.task, folder, err) != 0)
        return -1;
    work->result.files = work->files.count;
    for (size_t i = 0; i < work->files.count; i++)
        if (read_file(work, work->files.paths[i], limit, err) != 0)
            return -1;
    return 0;
}

static int refuse_name(const char *name, size_t length, struct error *err)
{
    char known[256] = "";
    for (size_t i = 0, at = 0; tasks[i] && at < sizeof known; i++)
        at +=
            (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", tasks[i]->name);
    return error_set_kind(err, ERROR_USAGE, "--tasks: no task is called \"%.*s\"; there are %s",
                          (int)(length < 40 ? length : 40), name, known);
}

/* Each name once. */
static int list_tasks(struct task_evaluation *evaluation, const char *names, struct error *err)
{
    for (const char *at = names;; at++) {
        size_t length = strcspn(at, ",");
        const struct task *task = task_by_name(at, length);
        if (!task)
            return refuse_name(at, length, err);
        for (size_t i = 0; i < evaluation->count; i++)
            if (evaluation->works[i].result.task == task)
                return error_set_kind(err, ERROR_USAGE, "--tasks names %s twice", task->name);
        evaluation->works[evaluation->count++].result.task = task;
        at += length;
        if (!*at)
            return 0;
    }
}

int task_evaluation_open(struct task_evaluation **out, const char *names, const char *folder,
                         int64_t limit, struct error *err)
{
    struct task_evaluation *evaluation = array_alloc(1, sizeof *evaluation, err);
    int status = evaluation ? list_tasks(evaluation, names, err) : -1;
    for (size_t i = 0; status == 0 && i < evaluation->count; i++)
        status = open_task(&evaluation->works[i], folder, limit, err);
    if (status != 0) {
        task_evaluation_close(evaluation);
        return -1;
    }
    *out = evaluation;
    return 0;
}

static void close_work(struct task_work *work)
{
    for (size_t i = 0; i < work->result.items; i++) {
        task_item_free(&work->items[i]);
        if (work->units)
            task_unit_free(&work->units[i]);
    }
    free(work->items);
    free(work->units);
    free(work->likelihoods);
    free(work->numbers);
    free(work->scores);
    task_rows_free(&work->rows);
    task_files_free(&work->files);
}

void task_evaluation_close(struct task_evaluation *evaluation)
{
    if (!evaluation)
        return;
    for (size_t i = 0; i < evaluation->count; i++)
        close_work(&evaluation->works[i]);
    free(evaluation);
}

/* --- tokens --- */

static int encode_item(struct task_work *work, size_t index, struct tokenizer *tokenizer,
                       int64_t positions, struct error *err)
{
    const struct task *task = work->result.task;
    const struct task_item *item = &work->items[index];
    char where[128];
    snprintf(where, sizeof where, "%s, item %zu (line %zu)", task->name, index + 1, item->line);
    int status =
        task->generates
            ? task_prompt_make(&work->units[index], item, tokenizer, positions, ANSWER_TOKENS, err)
            : task_unit_make(&work->units[index], item, tokenizer, positions, where, err);
    work->result.cut += work->units[index].cut;
    return status;
}

/* Room for what will be known of each item. */
static int make_scores(struct task_work *work, struct error *err)
{
    size_t items = work->result.items, numbers = 0;
    for (size_t i = 0; i < items; i++)
        numbers += (size_t)(work->result.task->generates ? 2 : work->items[i].count);
    work->scores = array_alloc(items, sizeof *work->scores, err);
    work->likelihoods = array_alloc(items, sizeof *work->likelihoods, err);
    work->numbers = array_alloc(numbers, sizeof *work->numbers, err);
    if (!work->scores || !work->likelihoods || !work->numbers)
        return -1;
    numbers = 0;
    for (size_t i = 0; i < items; i++) {
        int count = work->result.task->generates ? 2 : work->items[i].count;
        work->likelihoods[i] = work->numbers + numbers;
        work->scores[i] = (struct task_score){work->likelihoods[i], count, -1, -1};
        numbers += (size_t)count;
    }
    return 0;
}

int task_evaluation_encode(struct task_evaluation *evaluation, struct tokenizer *tokenizer,
                           int64_t positions, int64_t row_tokens, struct error *err)
{
    for (size_t n = 0; n < evaluation->count; n++) {
        struct task_work *work = &evaluation->works[n];
        size_t items = work->result.items;
        work->units = array_alloc(items, sizeof *work->units, err);
        if (!work->units || make_scores(work, err) != 0)
            return -1;
        for (size_t i = 0; i < items; i++)
            if (encode_item(work, i, tokenizer, positions, err) != 0)
                return -1;
        if (!work->result.task->generates &&
            task_rows_pack(&work->rows, work->units, items, row_tokens, err) != 0)
            return -1;
    }
    return 0;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Of an item that generates: the prompt and what is written. */
static int64_t longest_of(const struct task_work *work)
{
    int64_t longest = 0;
    for (size_t i = 0; i < work->result.items; i++)
        for (int k = 0; k < work->units[i].count; k++)
            longest = most(longest, work->units[i].requests[k].count +
                                        (work->result.task->generates ? ANSWER_TOKENS : 0));
    return longest;
}

int64_t task_evaluation_longest(const struct task_evaluation *evaluation)
{
    int64_t longest = 0;
    for (size_t n = 0; n < evaluation->count; n++)
        longest = most(longest, longest_of(&evaluation->works[n]));
    return longest;
}

int64_t task_evaluation_tokens(const struct task_evaluation *evaluation)
{
    int64_t tokens = 64;
    for (size_t n = 0; n < evaluation->count; n++) {
        const struct task_work *work = &evaluation->works[n];
        tokens = most(tokens, work->result.task->generates ? longest_of(work) : work->rows.tokens);
    }
    return tokens;
}

/* --- computing --- */

/* How far all of it is: rows, and items that generate. */
struct course {
    const struct task_watch *watch;
    uint64_t done, total;
};

static void go_on(struct course *course)
{
    work_tell(course->watch->work, WORK_EVALUATING, ++course->done, course->total);
}

/* Of equal ones the first, as numpy's argmax() has it. */
static int largest(const double *values, const struct task_choice *choices, int count)
{
    int best = 0;
    double value = 0;
    for (int i = 0; i < count; i++) {
        double own = choices ? values[i] / (double)choices[i].length : values[i];
        if (i == 0 || own > value) {
            best = i;
            value = own;
        }
    }
    return best;
}

static int choose(struct task_work *work, struct error *err)
{
    for (size_t i = 0; i < work->result.items; i++) {
        const struct task_item *item = &work->items[i];
        struct task_score *score = &work->scores[i];
        for (int k = 0; k < item->count; k++)
            if (!isfinite(score->likelihoods[k]))
                return error_set_kind(
                    err, ERROR_NOT_FINITE,
                    "%s, item %zu: its likelihood is not finite: the weights are, "
                    "but what is computed with them overflows",
                    work->result.task->name, i + 1);
        score->chosen = largest(score->likelihoods, NULL, item->count);
        score->chosen_norm = largest(score->likelihoods, item->choices, item->count);
        work->result.right += score->chosen == item->gold;
        work->result.right_norm += score->chosen_norm == item->gold;
    }
    return 0;
}

/* Task after task, row after row. */
static int run_choices(struct task_work *work, struct transformer *transformer,
                       struct course *course, struct error *err)
{
    const struct task_rows *rows = &work->rows;
    struct task_desk desk;
    double **likelihoods = array_alloc(work->result.items, sizeof *likelihoods, err);
    int status = task_desk_new(&desk, rows->tokens, err);
    if (!likelihoods)
        status = -1;
    for (size_t row = 0; status == 0 && row < rows->count; row++) {
        const size_t *order = rows->order + rows->begins[row];
        size_t count = rows->begins[row + 1] - rows->begins[row];
        for (size_t i = 0; i < count; i++)
            likelihoods[i] = work->likelihoods[order[i]];
        task_desk_lay(&desk, work->units, order, count);
        status = transformer_losses(desk.losses, transformer, &desk.row, err);
        if (status == 0)
            task_desk_read(&desk, work->units, order, count, likelihoods);
        go_on(course);
    }
    free(likelihoods);
    task_desk_free(&desk);
    return status == 0 ? choose(work, err) : -1;
}

/* A text that grows until it has one of the stop texts. */
struct growth {
    const struct task_watch *watch;
    const struct tokenizer *tokenizer;
    struct buffer text;
    bool ended, stopped;
};

static void grow(void *context, int32_t id)
{
    struct growth *growth = context;
    if (!tokenizer_is_special(growth->tokenizer, id))
        tokenizer_piece(growth->tokenizer, id, &growth->text);
    growth->ended =
        answer_end(buffer_string(&growth->text), growth->text.length) < growth->text.length;
}

static bool is_over(void *context)
{
    struct growth *growth = context;
    const struct task_watch *watch = growth->watch;
    growth->stopped = growth->stopped || (watch->should_stop && watch->should_stop(watch->context));
    return growth->ended || growth->stopped;
}

static int judge(struct task_work *work, size_t index, struct buffer *text, struct error *err)
{
    struct answer_verdict verdict;
    struct task_score *score = &work->scores[index];
    text->length = answer_end(buffer_string(text), text->length);
    if (text->data) {
        text->data[text->length] = '\0';
        utf8_mend(text->data);
    }
    if (buffer_check(text, err) != 0 ||
        answer_judge(&verdict, buffer_string(text), work->items[index].answer, err) != 0)
        return -1;
    score->chosen = verdict.strict;
    score->chosen_norm = verdict.flexible;
    work->result.right += verdict.strict;
    work->result.right_norm += verdict.flexible;
    return 0;
}

static int write_answer(struct task_work *work, size_t index, struct transformer *transformer,
                        const struct tokenizer *tokenizer, const struct end_tokens *ends,
                        const struct task_watch *watch, struct error *err)
{
    static const struct sampling likeliest = {.temperature = 0};
    const struct task_request *prompt = &work->units[index].requests[0];
    int64_t count = prompt->count, room = count + ANSWER_TOKENS;
    int32_t *ids = array_alloc((size_t)room, sizeof *ids, err);
    struct growth growth = {.watch = watch, .tokenizer = tokenizer};
    const struct generation_watch eyes = {grow, is_over, &growth};
    if (!ids)
        return -1;
    memcpy(ids, prompt->ids, (size_t)count * sizeof *ids);
    int status =
        generate(transformer, ids, &count, room, ANSWER_TOKENS, ends, &likeliest, &eyes, err);
    if (status == 0 && growth.stopped)
        status = error_set_kind(err, ERROR_INTERRUPTED, "interrupted");
    if (status == 0)
        status = judge(work, index, &growth.text, err);
    buffer_free(&growth.text);
    free(ids);
    return status;
}

int task_evaluation_run(struct task_evaluation *evaluation, struct transformer *transformer,
                        struct tokenizer *tokenizer, const struct end_tokens *ends,
                        const struct task_watch *watch, struct error *err)
{
    struct course course = {.watch = watch};
    int status = 0;
    for (size_t n = 0; n < evaluation->count; n++) {
        const struct task_work *work = &evaluation->works[n];
        course.total += work->result.task->generates ? work->result.items : work->rows.count;
    }
    work_tell(watch->work, WORK_EVALUATING, 0, course.total);
    transformer_ask(transformer, watch->should_stop, watch->context);
    for (size_t n = 0; n < evaluation->count && status == 0; n++) {
        struct task_work *work = &evaluation->works[n];
        double began = clock_seconds();
        if (!work->result.task->generates)
            status = run_choices(work, transformer, &course, err);
        for (size_t i = 0; work->result.task->generates && i < work->result.items && status == 0;
             i++) {
            status = write_answer(work, i, transformer, tokenizer, ends, watch, err);
            go_on(&course);
        }
        work->result.seconds = clock_seconds() - began;
    }
    transformer_ask(transformer, NULL, NULL);
    return status;
}

/* --- results --- */

struct task_share task_share(size_t right, size_t items)
{
    double n = (double)items, share = (double)right / n;
    return (struct task_share){share, items > 1 ? sqrt(share * (1 - share) / (n - 1)) : NAN};
}

size_t task_evaluation_count(const struct task_evaluation *evaluation)
{
    return evaluation->count;
}

const struct task_result *task_evaluation_result(const struct task_evaluation *evaluation,
                                                 size_t index)
{
    return &evaluation->works[index].result;
}

struct task_score task_evaluation_score(const struct task_evaluation *evaluation, size_t task,
                                        size_t item)
{
    return evaluation->works[task].scores[item];
}
