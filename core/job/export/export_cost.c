#include "job/export/export_cost.h"

#include "base/folder.h"
#include "base/memory.h"
#include "compute/devices/devices.h"
#include "job/export/export_weights.h"
#include "job/job_dir.h"
#include "text/dataset/dataset.h"
#include "text/tokenizer/tokenizer.h"
#include "train/transformer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Documents from the beginning of the data, up to so many tokens: seconds, not minutes. */
enum { COST_TOKENS = 4096, COST_PATHS_MAX = 1024 };

/* The run's data as job.json names it: paths from the folder where it was started. */
struct job_data {
    char **paths;
    size_t count;
    bool evaluation;                /* evaluation data of its own */
    const cJSON *fingerprints;      /* of the paths; NULL: an earlier version wrote none */
    struct dataset_options options; /* borrowed from the JSON */
    const char *long_documents;     /* likewise */
    int64_t seq_len;
};

/* Evaluation data where there is any of its own, else the training data. */
static int read_job_data(struct job_data *out, const cJSON *job, const char *run, struct error *err)
{
    const cJSON *list = json_get(job, "eval_data"), *item;
    out->evaluation = cJSON_GetArraySize(list) > 0;
    if (!out->evaluation)
        list = json_get(job, "data");
    out->fingerprints =
        json_get(job, out->evaluation ? "eval_data_fingerprints" : "data_fingerprints");
    out->options.template_may_rest = true;
    out->options.names_may_rest = true;
    json_get_string(job, "columns", &out->options.columns);
    json_get_string(job, "mark", &out->options.mark);
    json_get_string(job, "long", &out->long_documents);
    int size = cJSON_GetArraySize(list);
    if (json_need_int64(job, "seq_len", &out->seq_len, 2, 1 << 20, run, err) != 0)
        return -1;
    if (size < 1 || size > COST_PATHS_MAX)
        return error_set(err, "%s/job.json names no data", run);
    out->paths = array_alloc((size_t)size, sizeof *out->paths, err);
    if (!out->paths)
        return -1;
    cJSON_ArrayForEach(item, list)
    {
        const char *path = cJSON_GetStringValue(item);
        if (!path)
            return error_set(err, "%s/job.json names data by what is not a path", run);
        char *whole = job_dir_named(job, path, err);
        if (!whole)
            return -1;
        out->paths[out->count++] = whole;
    }
    return 0;
}

/* A loss of other data than the run's says nothing of the run. */
static int check_unchanged(const struct job_data *of, const struct dataset *data, struct error *err)
{
    for (size_t i = 0; i < of->count; i++) {
        const char *was = cJSON_GetStringValue(cJSON_GetArrayItem(of->fingerprints, (int)i));
        if (was && strcmp(was, data->sources[i].fingerprint) != 0)
            return error_set(err, "%s has changed since the run", of->paths[i]);
    }
    return 0;
}

/* The first pieces of the data, as the run had them, up to COST_TOKENS tokens. */
static int first_pieces(struct piece_list *out, const struct dataset *data,
                        const struct job_data *of, struct error *err)
{
    enum long_documents how;
    int64_t length, known, tokens = 0;
    size_t count = 0;
    if (long_documents_by_name(&how, of->long_documents, err) != 0 ||
        pieces_list(out, data, of->seq_len, how, err) != 0)
        return -1;
    for (; count < out->count && tokens < COST_TOKENS; tokens += length)
        piece_tokens(out, &out->items[count++], &length, &known);
    out->count = count;
    return 0;
}

static bool is_stopped(void *context)
{
    return export_is_stopped(context);
}

/* The mean loss of one model over the packing: a transformer is made for it and freed, so that
 * never two are in memory. */
static int loss_of(double *out, uint64_t *tokens, const struct source *source,
                   enum weight_type dtype, struct backend *backend, struct packing *packing,
                   struct batch *batch, int64_t seq_len, const struct export *export,
                   struct error *err)
{
    struct transformer *transformer = NULL;
    struct evaluation evaluation = {0};
    const struct evaluation_watch watch = {.should_stop = is_stopped,
                                           .context = (void *)(uintptr_t) export,
                                           .work = export->source.work};
    int status =
        source_transformer(&transformer, source, backend, seq_len, seq_len, dtype, false, err);
    if (status == 0)
        status = evaluate(&evaluation, transformer, packing, batch, 1, &watch, err);
    transformer_free(transformer);
    *out = evaluation.loss;
    *tokens = evaluation.tokens;
    return status;
}

/* Both losses over the same rows, in the run's own precision. */
static int measure(struct export_cost *cost, const struct export *export, const char *merged,
                   const struct job_data *of, struct error *err)
{
    const struct source *run = &export->source;
    struct tokenizer *tokenizer = export->tokenizer;
    const struct dataset_watch watch = {
        .context = (void *)(uintptr_t) export, .stop = is_stopped, .work = run->work};
    struct source whole = {0};
    struct dataset data = {0};
    struct packing *packing = NULL;
    struct batch batch = {0};
    struct backend *backend = NULL;
    struct piece_list pieces = {0};
    enum weight_type dtype = run->bf16 ? WEIGHTS_BF16 : WEIGHTS_FP32;
    int status = -1;
    if (dataset_open(&data, (const char *const *)of->paths, of->count, &of->options, tokenizer,
                     &watch, err) != 0 ||
        check_unchanged(of, &data, err) != 0 ||
        transformer_check_ids(run->model, &data, tokenizer, err) != 0 ||
        first_pieces(&pieces, &data, of, err) != 0 ||
        packing_new(&packing, &pieces, 0, false, 0, err) != 0 ||
        batch_alloc(&batch, 1, of->seq_len, err) != 0 ||
        backend_open(&backend, "auto", 0, err) != 0)
        goto out;
    if (loss_of(&cost->run, &cost->tokens, run, dtype, backend, packing, &batch, of->seq_len,
                export, err) != 0 ||
        source_open(&whole, merged, &(struct state_choice){0}, err) != 0)
        goto out;
    whole.work = run->work;
    status = loss_of(&cost->merged, &cost->tokens, &whole, dtype, backend, packing, &batch,
                     of->seq_len, export, err);
out:
    source_close(&whole);
    backend_close(backend);
    batch_free(&batch);
    packing_free(packing);
    pieces_free(&pieces);
    dataset_free(&data);
    return status;
}

/* The chat template and its date are the run's, as source_open() has them: job.json names a file
 * that may have changed. */
void export_measure(struct export_cost *cost, const char *run, const struct export *export,
                    const char *out)
{
    struct job_data data = {0};
    struct error err = ERROR_INIT;
    cJSON *job = job_dir_read(run, "job.json", &err);
    data.options.template_name = export->source.template_name;
    data.options.date = export->source.date;
    cost->measured = job && read_job_data(&data, job, run, &err) == 0 &&
                     measure(cost, export, out, &data, &err) == 0;
    cost->evaluation = data.evaluation;
    if (!cost->measured)
        snprintf(cost->why_not, sizeof cost->why_not, "%.255s", err.text);
    for (size_t i = 0; data.paths && i < data.count; i++)
        free(data.paths[i]);
    free(data.paths);
    cJSON_Delete(job);
}
