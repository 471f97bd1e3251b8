/* `spectrum info MODEL`: what is in a checkpoint.
 *
 * Headers alone are read, so it answers at once for a model of any size. What is not known is said
 * as such: an architecture that has no descriptor is listed by the names of its tensors, a type
 * that is not known has no size on the disk. `numel` is how many values a tensor has.
 */
#include "base/decimal.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "job/source.h"
#include "model/model.h"
#include "model/score_rows.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sums over all tensors. Tied embeddings are one tensor, counted once. */
struct totals {
    int64_t parameters, bytes;     /* values; bytes on the disk */
    bool bytes_unknown, quantized; /* of any tensor */
};

static struct totals count(const struct model *model)
{
    struct totals totals = {.parameters = model_numel(model)};
    for (size_t i = 0; i < model->parameter_count; i++) {
        totals.bytes += (int64_t)model->parameters[i].tensor->bytes;
        totals.bytes_unknown |= model->parameters[i].tensor->bytes_unknown;
        totals.quantized |= dtype_traits(model->parameters[i].tensor->dtype)->quantized;
    }
    return totals;
}

/* Which share of the model a scan would score, and what it leaves out: a line each, as a scan says
 * them. */
static void put_outlook_text(struct buffer *out, const struct model *model)
{
    struct error err = ERROR_INIT;
    struct scan *scan = NULL;
    char line[SCAN_LINE_MAX];
    if (scan_outlook(&scan, model, &err) != 0)
        buffer_format(out, "scan          %s\n", err.text);
    for (size_t i = 0; scan && scan_say(scan, i, line, sizeof line); i++)
        buffer_format(out, "scan          %s\n", line);
    scan_free(scan);
}

static void put_left(struct json_writer *json, const char *what, int64_t parameters)
{
    if (parameters <= 0)
        return;
    json_object(json, NULL);
    json_text(json, "what", what);
    json_integer(json, "parameters", parameters);
    json_end(json);
}

/* The same as an object: parameters that get a score, and those that do not, by what they are. */
static void put_outlook_json(struct json_writer *json, const struct model *model)
{
    struct scan *scan = NULL;
    if (scan_outlook(&scan, model, NULL) != 0)
        return;
    struct scan_share share = scan_share(scan);
    json_object(json, "scan");
    json_count(json, "matrices", scan->count);
    json_integer(json, "scored_parameters", share.scored);
    json_list(json, "unscored");
    put_left(json, "matrices without a score", share.failed);
    put_left(json, "embeddings and head", share.ends);
    for (size_t i = 0; i < scan->of.omission_count; i++) {
        const struct scan_omission *omission = &scan->of.omissions[i];
        json_object(json, NULL);
        json_text(json, "what", omission->reason);
        json_text(json, "first", omission->first);
        json_integer(json, "count", omission->count);
        json_integer(json, "parameters", omission->parameters);
        json_end(json);
    }
    put_left(json, "norms, biases and other vectors", share.rest);
    json_end(json);
    json_end(json);
    scan_free(scan);
}

/* The widest name of a type, and not less than most models' need. */
static int dtype_width(const struct model *model)
{
    size_t width = 8;
    for (size_t i = 0; i < model->parameter_count; i++) {
        size_t length = strlen(model->parameters[i].tensor->dtype_name);
        width = length > width ? length : width;
    }
    return (int)width;
}

static int compare_names(const void *a, const void *b)
{
    return decimal_compare_names((*(const struct parameter *const *)a)->name,
                                 (*(const struct parameter *const *)b)->name);
}

/* By name, layer 2 before layer 10: files often have them as texts are sorted. Free it. */
static const struct parameter **in_order(const struct model *model, struct error *err)
{
    const struct parameter **order = array_alloc(model->parameter_count, sizeof *order, err);
    for (size_t i = 0; order && i < model->parameter_count; i++)
        order[i] = &model->parameters[i];
    if (order && model->parameter_count > 0)
        qsort(order, model->parameter_count, sizeof *order, compare_names);
    return order;
}

/* A head in words, and then a line a tensor. */
static void put_text(struct buffer *out, const struct model *model,
                     const struct parameter *const *order)
{
    const struct model_config *c = &model->config;
    struct totals totals = count(model);
    char path[4096];
    int width = dtype_width(model);
    utf8_copy(path, sizeof path, checkpoint_path(model->checkpoint));
    buffer_format(out, "%s\n", path);
    buffer_format(out, "architecture  %s%s\n",
                  model->architecture_name ? model->architecture_name : "unknown",
                  model->architecture ? "" : " (not known: scanned by the names it has)");
    if (model->architecture)
        buffer_format(out,
                      "shape         %" PRId64 " layers, hidden %" PRId64 ", intermediate %" PRId64
                      ", %" PRId64 " heads, %" PRId64 " key-value heads, %" PRId64 " tokens%s\n",
                      c->layers, c->hidden, c->intermediate, c->heads, c->kv_heads, c->vocab,
                      c->tied ? ", tied embeddings" : "");
    buffer_format(out, "parameters    %s in %s tensors, ", decimal_text(totals.parameters).text,
                  decimal_text((int64_t)model->parameter_count).text);
    if (totals.bytes_unknown)
        buffer_text(out, "size on disk n/a: a type is not known\n");
    else
        buffer_format(out, "%s of tensors on disk\n", bytes_text((double)totals.bytes).text);
    if (totals.quantized)
        buffer_text(out, "quantised     yes: a scan sees the quantised model, not the original\n");
    put_outlook_text(out, model);
    buffer_text(out, "\n");
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = order[i];
        struct buffer shape = BUFFER_INIT;
        for (int d = 0; d < parameter->tensor->rank; d++)
            buffer_format(&shape, "%s%" PRId64, d ? " x " : "", parameter->tensor->shape[d]);
        buffer_format(out, "%-52s %-*s %-16s %14s\n", parameter->name, width,
                      parameter->tensor->dtype_name, buffer_string(&shape),
                      decimal_text(parameter->numel).text);
        buffer_free(&shape);
    }
}

/* One of the list "tensors": its name, the module type that plans know it by, and how it is stored.
 */
static void put_tensor(struct json_writer *json, const struct parameter *parameter)
{
    const struct tensor_info *tensor = parameter->tensor;
    json_object(json, NULL);
    json_text(json, "name", parameter->name);
    json_text(json, "type", parameter->type);
    json_text(json, "dtype", tensor->dtype_name);
    json_list(json, "shape");
    for (int i = 0; i < tensor->rank; i++)
        json_integer(json, NULL, tensor->shape[i]);
    json_end(json);
    json_integer(json, "parameters", parameter->numel);
    if (!tensor->bytes_unknown)
        json_count(json, "bytes", tensor->bytes);
    json_end(json);
}

/* The config is there for an architecture that is known; sizes where all types are. */
static void put_json(struct buffer *out, const struct model *model,
                     const struct parameter *const *order)
{
    struct totals totals = count(model);
    struct json_writer json = {.out = out};
    json_begin(&json, "spectrum.info");
    json_text(&json, "path", checkpoint_path(model->checkpoint));
    json_text(&json, "architecture", model->architecture_name);
    if (model->architecture) {
        const struct model_config *c = &model->config;
        json_object(&json, "config");
        json_integer(&json, "layers", c->layers);
        json_integer(&json, "hidden", c->hidden);
        json_integer(&json, "intermediate", c->intermediate);
        json_integer(&json, "heads", c->heads);
        json_integer(&json, "kv_heads", c->kv_heads);
        json_integer(&json, "head_dim", c->head_dim);
        json_integer(&json, "vocab", c->vocab);
        json_integer(&json, "max_positions", c->max_positions);
        json_flag(&json, "tied", c->tied);
        json_end(&json);
    }
    json_integer(&json, "parameters", totals.parameters);
    if (!totals.bytes_unknown)
        json_integer(&json, "bytes", totals.bytes);
    json_flag(&json, "quantized", totals.quantized);
    put_outlook_json(&json, model);
    json_list(&json, "tensors");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < model->parameter_count; i++)
        put_tensor(&json, order[i]);
    json_end(&json);
    json_end(&json);
    json_finish(&json, NULL);
}

struct request {
    const char *path;
    bool json;
};

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    ROW_JSON(AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

/* What the model's files have that is worth a note is said on standard error, also with --json. */
static int run(int argc, char **argv, struct error *err)
{
    struct request r = {.path = NULL};
    struct model *model = NULL;
    struct buffer out = BUFFER_INIT;
    const struct parameter **order = NULL;
    int status = options_parse_one(&command_info, &r, NULL,
                                   "info takes one MODEL: a folder, a .safetensors, "
                                   ".gguf or .bin file, or a cached repository's name",
                                   argc, argv, &r.path, err);
    if (status == 0)
        status = model_open(&model, r.path, err);
    if (status < 0 && r.path && source_is_run(r.path))
        status = error_set(err,
                           "%s is a job's, not a model: `spectrum attach` shows the job, `spectrum "
                           "export %s -o DIR` makes a model of a run",
                           r.path, r.path);
    if (status == 0) {
        fputs(model_notes(model), stderr);
        order = in_order(model, err);
        if (order)
            (r.json ? put_json : put_text)(&out, model, order);
        status = order ? buffer_check(&out, err) : -1;
    }
    if (status == 0)
        fwrite(out.data, 1, out.length, stdout);
    buffer_free(&out);
    free(order);
    model_close(model);
    return status > 0 ? 0 : status;
}

const struct command command_info = {
    .name = "info",
    .summary = "architecture, tensors, shapes, dtypes, sizes",
    .usage = "spectrum info MODEL [--json]",
    .options = &table,
    .run = run,
};
