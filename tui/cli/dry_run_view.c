#include "tui/cli/dry_run_view.h"

#include "base/decimal.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "job/training/run_probe.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- what trains, by type --- */

/* Tensors of one type; an adapter's A and B are one tensor each. */
struct type_count {
    const char *type;
    size_t tensors;
    int64_t parameters;
};

struct type_counts {
    struct type_count *items;
    size_t count, capacity;
};

/* Sums by type, in the order in which types come first: a list of a handful, so it is searched from
 * its beginning. */
static int count_types(struct type_counts *out, const struct optimizer *optimizer,
                       struct error *err)
{
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        size_t t = 0;
        while (t < out->count && strcmp(out->items[t].type, tensor.parameter->type) != 0)
            t++;
        if (t == out->count) {
            if (array_reserve((void **)&out->items, &out->capacity, t + 1, sizeof *out->items,
                              err) != 0)
                return -1;
            out->items[out->count++] = (struct type_count){.type = tensor.parameter->type};
        }
        out->items[t].tensors++;
        out->items[t].parameters += tensor.numel;
    }
    return 0;
}

/* --- the optimiser's constants, where it has them --- */

enum { CONSTANTS = 3 };

static const struct option *constant_row(size_t i)
{
    static const size_t at[CONSTANTS] = {offsetof(struct training_request, constants.beta1),
                                         offsetof(struct training_request, constants.beta2),
                                         offsetof(struct training_request, constants.epsilon)};
    return &training_options.rows[option_by_place(&training_options, at[i])];
}

static double constant_of(const struct training_request *request, size_t i)
{
    return *(const double *)((const char *)request + constant_row(i)->at);
}

/* What is planned, against what the system lets the process have now. */
static bool fits(const struct training_start *start)
{
    return start->memory->total <= start->memory_free;
}

/* --- as JSON --- */

/* Every tensor that an optimizer's state is kept for, as exports name it: of an adapted matrix A
 * and B, of any other itself. A vector has one number as its shape. */
static int put_tensors_json(struct json_writer *json, const struct optimizer *optimizer,
                            struct error *err)
{
    json_list(json, "trains");
    json_layout(json, JSON_ROWS);
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        char *name = run_tensor_name(&tensor, err);
        if (!name)
            return -1;
        bool vector = tensor.part == PART_PARAMETER && tensor.parameter->tensor->rank == 1;
        json_object(json, NULL);
        json_text(json, "name", name);
        json_text(json, "type", tensor.parameter->type);
        json_list(json, "shape");
        if (!vector)
            json_integer(json, NULL, tensor.rows);
        json_integer(json, NULL, tensor.cols);
        json_end(json);
        json_integer(json, "parameters", tensor.numel);
        json_end(json);
        free(name);
    }
    json_end(json);
    return 0;
}

/* "fits" is asked now; memory that others free or take until the run begins is theirs. */
static void put_memory_json(struct json_writer *json, const struct training_start *start,
                            uint64_t limit)
{
    const struct memory_plan *memory = start->memory;
    json_object(json, "memory");
    json_object(json, "bytes");
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        json_count(json, memory_category_name((enum memory_category)i), memory->bytes[i]);
    json_end(json);
    json_count(json, "total", memory->total);
    json_count(json, "free", start->memory_free);
    json_flag(json, "fits", fits(start));
    json_integer(json, "recomputed_blocks", start->recomputed);
    if (limit > 0)
        json_count(json, "limit", limit);
    json_end(json);
}

/* Settings are called as job.json calls them; the rate is what follows from the method where none
 * was given. Room on a disk that cannot be asked, and a sample where none is drawn, are absent. */
static int put_json(struct json_writer *json, const struct training_request *r,
                    const struct training_start *start, const struct type_counts *types,
                    struct error *err)
{
    const struct training_disk *disk = &start->disk;
    json_begin(json, "spectrum.dry-run");
    json_text(json, "model", r->model);
    json_text(json, "method", method_names[r->method]);
    json_text(json, "precision", start->precision);
    json_text(json, "optimizer", optimizer_names[r->optimizer]);
    json_integer(json, "seq_len", r->seq_len);
    json_integer(json, "batch", r->batch);
    json_integer(json, "accumulate", r->accumulate);
    json_integer(json, "seed", r->seed);
    json_text(json, "schedule", schedule_name(r->schedule));
    json_real(json, "lr", r->rate);
    json_real(json, "min_lr", r->least_rate);
    for (size_t i = 0; i < CONSTANTS; i++)
        if (constant_row(i)->applies(r))
            json_real(json, constant_row(i)->name, constant_of(r, i));
    json_text(json, "device", r->device);

    /* --- what trains --- */
    json_count(json, "trained_tensors", start->trained_tensors);
    json_integer(json, "trained_parameters", start->trained_parameters);
    json_count(json, "tensors", start->tensors);
    json_integer(json, "parameters", start->parameters);
    json_object(json, "types");
    for (size_t t = 0; t < types->count; t++) {
        json_object(json, types->items[t].type);
        json_count(json, "tensors", types->items[t].tensors);
        json_integer(json, "parameters", types->items[t].parameters);
        json_end(json);
    }
    json_end(json);
    if (put_tensors_json(json, start->optimizer, err) != 0)
        return -1;

    /* --- on what, in how much memory and disk --- */
    json_integer(json, "steps", start->steps);
    json_integer(json, "warmup_steps", start->warmup);
    json_object(json, "data");
    training_put_data_plan(json, &start->data);
    json_end(json);
    json_count(json, "eval_pieces", start->data.eval_pieces);
    put_memory_json(json, start, r->memory_limit);
    json_object(json, "disk");
    json_count(json, "checkpoint_bytes", disk->state);
    json_count(json, "checkpoints", disk->states);
    json_count(json, "total", disk->total);
    if (disk->known)
        json_count(json, "free", disk->left);
    json_end(json);
    if (start->sample) {
        struct buffer prompt = BUFFER_INIT;
        int status = tokenizer_decode(start->tokenizer, start->sample->ids, start->sample->count,
                                      false, &prompt, err);
        json_text(json, "sample", buffer_string(&prompt));
        buffer_free(&prompt);
        if (status != 0)
            return -1;
    }
    return buffer_check(json->out, err);
}

/* --- as lines --- */

/* How much of the model trains, and then a line a type. Adapters are beside the model's parameters,
 * not among them, so their share is not "of" it. */
static void put_trains(struct buffer *out, const struct training_start *start,
                       const struct type_counts *types)
{
    double share = 100.0 * (double)start->trained_parameters / (double)start->parameters;
    buffer_format(out, "trains      ");
    if (start->adapters)
        buffer_format(out,
                      "%s tensor%s, adapters among them, of %s parameters beside the model's %s "
                      "(%.2f %%)\n",
                      decimal_text((int64_t)start->trained_tensors).text,
                      text_s(start->trained_tensors), decimal_text(start->trained_parameters).text,
                      decimal_text(start->parameters).text, share);
    else
        buffer_format(out, "%s of %s tensors, %s of %s parameters (%.2f %%)\n",
                      decimal_text((int64_t)start->trained_tensors).text,
                      decimal_text((int64_t)start->tensors).text,
                      decimal_text(start->trained_parameters).text,
                      decimal_text(start->parameters).text, share);
    for (size_t t = 0; t < types->count; t++) {
        char type[128];
        utf8_copy(type, sizeof type, types->items[t].type);
        buffer_format(out, "  %-32s %6s tensor%s %17s parameters\n", type,
                      decimal_text((int64_t)types->items[t].tensors).text,
                      types->items[t].tensors == 1 ? " " : "s",
                      decimal_text(types->items[t].parameters).text);
    }
}

/* What of some data does not train, or not as it stands there, and why. */
static void put_left_out(struct buffer *out, const struct piece_counts *counts, size_t too_short,
                         size_t undesired)
{
    buffer_format(out, "%-12s%s of fewer than two tokens, %s without a supervised token",
                  "left out", decimal_text((int64_t)too_short).text,
                  decimal_text((int64_t)counts->without_target).text);
    if (undesired > 0)
        buffer_format(out, ", %s of them undesired (label false)",
                      decimal_text((int64_t)undesired).text);
    if (counts->dropped > 0)
        buffer_format(out, ", %s longer than a row (--long drop)",
                      decimal_text((int64_t)counts->dropped).text);
    buffer_byte(out, '\n');
    if (counts->truncated > 0)
        buffer_format(out, "%-12s%s truncated\n", "too long",
                      decimal_text((int64_t)counts->truncated).text);
    if (counts->split > 0)
        buffer_format(out, "%-12s%s split (what follows a cut does not see what came before it)\n",
                      "too long", decimal_text((int64_t)counts->split).text);
    if (counts->without_prompt)
        buffer_format(out,
                      "%-12severy supervised token lies beyond --seq-len: rows have them without "
                      "their prompts; a longer --seq-len keeps them together\n",
                      "");
}

/* From documents to rows: what there is, what is left out, what an epoch has, and what it is
 * evaluated on: data of its own, or documents held back. */
static void put_data(struct buffer *out, const struct training_data_plan *data)
{
    buffer_format(out, "data        %s document%s, %s token%s, %s of them supervised\n",
                  decimal_text((int64_t)data->documents).text, text_s(data->documents),
                  decimal_text((int64_t)data->tokens).text, text_s(data->tokens),
                  decimal_text((int64_t)data->supervised).text);
    put_left_out(out, &data->counts, data->too_short, data->undesired);
    buffer_format(out, "rows        %s of %s tokens in an epoch, with %s supervised token%s\n",
                  decimal_text((int64_t)data->epoch_rows).text, decimal_text(data->seq_len).text,
                  decimal_text((int64_t)data->epoch_targets).text, text_s(data->epoch_targets));
    if (data->eval_pieces == 0)
        buffer_text(out, "evaluation  none\n");
    else
        buffer_format(out, "evaluation  %s piece%s of documents%s\n",
                      decimal_text((int64_t)data->eval_pieces).text, text_s(data->eval_pieces),
                      data->eval_own ? "" : ", held back from the data");
    if (data->eval_own)
        put_left_out(out, &data->eval_counts, data->eval_too_short, data->eval_undesired);
}

/* By category, held against what is free, with what would help where it is not enough. */
static void put_memory(struct buffer *out, const struct training_request *request,
                       const struct training_start *start)
{
    const struct memory_plan *memory = start->memory;
    struct memory_limit limit;
    available_memory_within(&limit);
    buffer_format(out, "memory      %s planned; %s are free here%s%s: it %s\n",
                  bytes_text((double)memory->total).text,
                  bytes_text((double)start->memory_free).text, limit.by[0] ? " within " : "",
                  limit.by, fits(start) ? "fits" : "does not fit");
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        buffer_format(out, "  %-32s %14s\n", memory_category_name((enum memory_category)i),
                      bytes_text((double)memory->bytes[i]).text);
    if (start->recomputed > 0)
        buffer_format(out, "  %" PRId64 " blocks are recomputed in the backward pass\n",
                      start->recomputed);
    if (!fits(start)) {
        buffer_text(out, "  ");
        training_memory_remedy(out, request);
        buffer_byte(out, '\n');
    }
}

/* A line a subject, its name in the first twelve columns. */
static int put_lines(struct buffer *out, const struct training_request *request,
                     const struct training_start *start, const struct type_counts *types,
                     struct error *err)
{
    char model[1024];
    const struct training_data_plan *data = &start->data;
    utf8_copy(model, sizeof model, request->model);
    buffer_format(out, "model       %s\nmethod      %s, %s\n", model, method_names[request->method],
                  start->precision);
    buffer_text(out, "optimizer   ");
    training_step_put(out, request);
    buffer_byte(out, '\n');
    put_trains(out, start, types);
    put_data(out, data);
    buffer_format(out, "steps       %s of up to %s row%s, %s an epoch; %s of warm-up\n",
                  decimal_text(start->steps).text, decimal_text(data->step_rows).text,
                  text_s((uint64_t)data->step_rows), decimal_text(data->epoch_steps).text,
                  decimal_text(start->warmup).text);
    put_memory(out, request, start);
    buffer_text(out, "disk        ");
    training_disk_put(out, &start->disk);
    buffer_byte(out, '\n');
    if (!start->sample)
        return 0;
    struct buffer prompt = BUFFER_INIT; /* on one line, quoted: a prompt may have several */
    int status = tokenizer_decode(start->tokenizer, start->sample->ids, start->sample->count, false,
                                  &prompt, err);
    buffer_text(out, "samples     begin with ");
    json_put_string(out, buffer_string(&prompt));
    buffer_byte(out, '\n');
    buffer_free(&prompt);
    return status;
}

/* --- how long it would take --- */

/* "12.5 s", "3 min 20 s", "5 h 7 min", "2 d 4 h". */
static void put_duration(struct buffer *out, double seconds)
{
    int64_t whole = (int64_t)(seconds + 0.5);
    if (seconds < 99.95)
        buffer_format(out, "%.3g s", seconds);
    else if (whole < 3600)
        buffer_format(out, "%" PRId64 " min %" PRId64 " s", whole / 60, whole % 60);
    else if (whole < 48 * 3600)
        buffer_format(out, "%" PRId64 " h %" PRId64 " min", whole / 3600, whole % 3600 / 60);
    else
        buffer_format(out, "%" PRId64 " d %" PRId64 " h", whole / 86400, whole % 86400 / 3600);
}

/* "3 of 1.9 s (0.1 s to 2 s)". */
static void put_part(struct buffer *out, const char *name, int64_t count,
                     const struct probe_seconds *one)
{
    if (count == 0)
        return;
    buffer_format(out, "  %-32s %6s of ", name, decimal_text(count).text);
    put_duration(out, one->usual);
    if (one->low < one->high) {
        buffer_text(out, " (");
        put_duration(out, one->low);
        buffer_text(out, " to ");
        put_duration(out, one->high);
        buffer_byte(out, ')');
    }
    buffer_byte(out, '\n');
}

/* The sum first, then what it is made of, then how it was measured. */
static void put_probe(struct buffer *out, const struct training_probe *probe)
{
    const struct probe_seconds save = {probe->save, probe->save, probe->save};
    buffer_text(out, "time        ");
    put_duration(out, probe->total.usual);
    buffer_text(out, ", by the spread of its parts ");
    put_duration(out, probe->total.low);
    buffer_text(out, " to ");
    put_duration(out, probe->total.high);
    buffer_byte(out, '\n');
    put_part(out, "steps", probe->steps, &probe->step);
    put_part(out, "evaluations", probe->evaluations, &probe->evaluation);
    put_part(out, "samples, by their length", probe->samples, &probe->sample);
    put_part(out, "checkpoints, at most", probe->saves, &save);
    buffer_format(out, "measured    %zu step%s; the run takes in %s tokens\n", probe->measured,
                  text_s(probe->measured), decimal_text((int64_t)probe->tokens).text);
}

/* --- the run that is asked --- */

struct dry_run_view {
    const struct training_request *request;
    bool json;
    struct buffer out; /* what was told so far; of JSON the object is open */
    struct json_writer writer;
    struct error err; /* what went wrong then */
};

/* The run tells how it would start. Its structures live until this returns, so all text is made
 * here. */
static void on_start(void *context, const struct training_start *start)
{
    struct dry_run_view *view = context;
    struct type_counts types = {0};
    if (count_types(&types, start->optimizer, &view->err) == 0 && view->json)
        put_json(&view->writer, view->request, start, &types, &view->err);
    else if (view->err.kind == ERROR_NONE)
        put_lines(&view->out, view->request, start, &types, &view->err);
    free(types.items);
}

static void on_probe(void *context, const struct training_probe *probe)
{
    struct dry_run_view *view = context;
    if (!view->json) {
        put_probe(&view->out, probe);
        return;
    }
    json_object(&view->writer, "probe");
    training_put_probe(&view->writer, probe);
    json_end(&view->writer);
}

/* What the run says on its way is put together and printed when it is whole. */
int dry_run_print(const struct training_request *r, const char *job, struct error *err)
{
    struct dry_run_view view = {.request = r, .json = r->json, .err = ERROR_INIT};
    struct training_view shown = {
        .context = &view, .on_message = message_say, .on_start = on_start, .on_probe = on_probe};
    view.writer = (struct json_writer){.out = &view.out};
    shown.interrupted = interrupt_watch("what is in hand is finished");
    int status = job ? training_probe_job(job, r, &shown, err) : training_dry_run(r, &shown, err);
    if (status == 0 && view.json) {
        json_end(&view.writer);
        status = json_finish(&view.writer, err);
    }
    if (status == 0 && view.err.kind != ERROR_NONE)
        status = error_set_kind(err, view.err.kind, "%s", view.err.text);
    else if (status == 0)
        status = output_text(&view.out, err);
    buffer_free(&view.out);
    return status;
}
