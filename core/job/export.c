#include "job/export_parts.h"

#include "base/folder.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "model/sidecars.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- what goes in --- */

static bool is_plain(const struct parameter *parameter)
{
    return !dtype_traits(parameter->tensor->dtype)->quantized && parameter->rotary_heads == 0;
}

/* What the run trained of a module: itself, or A or B of its adapter. */
static const struct tensor_info *
find_trained(const struct export *export, const struct parameter *parameter, enum tensor_part part)
{
    const struct model *model = export->source.model;
    struct run_tensor tensor = run_tensor(model, 1, run_tensor_index(model, parameter, part));
    char *name = run_tensor_name(&tensor, NULL);
    const struct checkpoint *weights = export->source.weights; /* NULL: of the base alone */
    const struct tensor_info *found = name && weights ? checkpoint_find(weights, name) : NULL;
    free(name);
    return found;
}

static void add_part(struct export *export, const struct parameter *parameter)
{
    const struct source *source = &export->source;
    bool vector = parameter->tensor->rank == 1;
    bool adapted =
        source->recipe.adapted && source->recipe.adapted[parameter - source->model->parameters];
    bool gguf = checkpoint_format(source->model->checkpoint) == CHECKPOINT_GGUF;
    struct part part = {.parameter = parameter,
                        .trained = find_trained(export, parameter, PART_MODULE)};
    part.a = adapted ? find_trained(export, parameter, PART_A) : NULL;
    part.b = adapted ? find_trained(export, parameter, PART_B) : NULL;
    part.raw = !part.trained && !adapted && !gguf && is_plain(parameter) && !parameter->added_rows;
    enum dtype run = export->source.bf16 ? DTYPE_BF16 : DTYPE_F32;
    export->entries[export->count] = (struct safetensors_entry){
        parameter->name,
        part.raw ? parameter->tensor->dtype : run,
        vector ? 1 : 2,
        {vector ? parameter->cols : parameter->rows, vector ? 0 : parameter->cols}};
    export->parts[export->count++] = part;
}

static int list_parts(struct export *export, struct error *err)
{
    const struct model *model = export->source.model;
    export->parts = array_alloc(model->parameter_count, sizeof *export->parts, err);
    export->entries = array_alloc(model->parameter_count, sizeof *export->entries, err);
    if (!export->parts || !export->entries)
        return -1;
    for (size_t i = 0; i < model->parameter_count; i++)
        if (parameter_is_used(model, &model->parameters[i]))
            add_part(export, &model->parameters[i]);
    return 0;
}

/* --- writing --- */

/* fp32 values, rounded as the run did it; they are overwritten. */
static int put_values(struct safetensors_writer *writer, const struct export *export, float *values,
                      size_t count, struct error *err)
{
    uint16_t *narrow = (uint16_t *)(void *)values; /* in place, from the front */
    for (size_t i = 0; export->source.bf16 && i < count; i++) {
        uint16_t rounded = bf16_from_float(values[i]);
        memcpy(&narrow[i], &rounded, sizeof rounded);
    }
    return safetensors_writer_put(writer, values, count * (export->source.bf16 ? 2 : 4), err);
}

static float *read_values(const struct export *export, const struct tensor_info *tensor,
                          struct error *err)
{
    float *values = array_alloc((size_t)tensor->elements, sizeof *values, err);
    if (values &&
        checkpoint_read_f32(export->source.weights, tensor, 0, tensor->elements, values, err) == 0)
        return values;
    free(values);
    return NULL;
}

/* values += alpha / rank B A, each element summed in fp64 and rounded once */
static int merge(float *values, const struct export *export, const struct part *part,
                 struct error *err)
{
    const struct recipe *recipe = &export->source.recipe;
    int64_t rows = part->parameter->rows, cols = part->parameter->cols, rank = recipe->rank;
    if (!part->a || !part->b || part->a->elements != rank * cols ||
        part->b->elements != rows * rank)
        return error_set(err, "%s: the adapter of %s is not there, or not of rank %lld",
                         checkpoint_path(export->source.weights), part->parameter->name,
                         (long long)rank);
    float *a = read_values(export, part->a, err), *b = a ? read_values(export, part->b, err) : NULL;
    double *row = b ? array_alloc((size_t)cols, sizeof *row, err) : NULL;
    for (int64_t i = 0; row && i < rows; i++) {
        memset(row, 0, (size_t)cols * sizeof *row);
        for (int64_t r = 0; r < rank; r++)
            for (int64_t j = 0; j < cols; j++)
                row[j] += (double)b[i * rank + r] * (double)a[r * cols + j];
        for (int64_t j = 0; j < cols; j++)
            values[i * cols + j] =
                (float)((double)values[i * cols + j] + recipe->alpha / (double)rank * row[j]);
    }
    int status = row ? 0 : -1;
    free(row);
    free(a);
    free(b);
    return status;
}

/* What the run read of the base, with its adapter where it has one. */
static int put_rounded(struct safetensors_writer *writer, const struct export *export,
                       const struct part *part, struct error *err)
{
    size_t count = (size_t)part->parameter->numel;
    float *values = array_alloc(count, sizeof *values, err);
    int status = values ? model_read_f32(export->source.model, part->parameter, values, err) : -1;
    if (status == 0 && (part->a || part->b))
        status = merge(values, export, part, err);
    if (status == 0)
        status = put_values(writer, export, values, count, err);
    free(values);
    return status;
}

static int put_part(struct safetensors_writer *writer, const struct export *export,
                    const struct part *part, void *staging, struct error *err)
{
    if (part->trained)
        return export_copy_bytes(writer, export->source.weights, part->trained, staging, err);
    if (part->raw)
        return export_copy_bytes(writer, export->source.model->checkpoint, part->parameter->tensor,
                                 staging, err);
    return put_rounded(writer, export, part, err);
}

static int write_weights(const struct export *export, const char *out, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct safetensors_writer writer;
    char *path = path_join(out, "model.safetensors", err);
    void *staging = array_alloc(1, EXPORT_STAGING, err);
    int status = path && staging ? safetensors_writer_open(&writer, path, export->entries,
                                                           export->count, metadata, err)
                                 : -1;
    if (status == 0) {
        for (size_t i = 0; i < export->count && status == 0; i++)
            status = export_is_stopped(export)
                         ? error_set_kind(err, ERROR_INTERRUPTED,
                                          "stopped; nothing of the export is left")
                         : put_part(&writer, export, &export->parts[i], staging, err);
        if (status == 0)
            status = safetensors_writer_commit(&writer, err);
        else
            safetensors_writer_abort(&writer);
    }
    free(staging);
    free(path);
    return status;
}

/* A run with a method of adapters may have none beside anything; what it has is a whole model then.
 */
static bool has_adapters(const struct source *source)
{
    for (size_t i = 0; source->recipe.adapted && i < source->model->parameter_count; i++)
        if (source->recipe.adapted[i])
            return true;
    return false;
}

static int export_open(struct export *export, const char *run, const struct state_choice *choice,
                       bool merge, struct error *err)
{
    if (source_open(&export->source, run, choice, err) != 0)
        return -1;
    if (!export->source.state)
        return error_set(err, "%s is a model, not a run: there is nothing to export", run);
    if (merge && !has_adapters(&export->source))
        return error_set_kind(err, ERROR_USAGE,
                              "%s has no adapters to merge: without --merge its export is a whole "
                              "model",
                              run);
    return source_tokenizer(&export->tokenizer, &export->source, err) == 0 ? list_parts(export, err)
                                                                           : -1;
}

static void summarize(const struct export *export, bool adapters, struct export_summary *summary)
{
    summary->rope_scaled = export->source.model && export->source.model->config.rope_scaled;
    for (size_t i = 0; !adapters && i < export->count; i++) {
        bool changed = export->parts[i].trained || export->parts[i].a;
        summary->trained += changed;
        summary->frozen += !changed;
        summary->bytes += (uint64_t) export->parts[i].parameter->numel *
                          (uint64_t)dtype_traits(export->entries[i].dtype)->block_bytes;
    }
    if (export->source.evaluated.step == export->source.step)
        summary->evaluated = export->source.evaluated;
    const struct checkpoint *weights = export->source.weights;
    for (size_t i = 0; adapters && i < checkpoint_count(weights); i++) {
        summary->trained++;
        summary->bytes += checkpoint_tensor(weights, i)->bytes;
    }
}

/* Does transformers load the base from where it is, for as long as the run's folder may come and
 * go?
 */
static bool base_stands_alone(const struct export *export, const char *run)
{
    const struct checkpoint *base = export->source.model->checkpoint;
    return checkpoint_format(base) != CHECKPOINT_GGUF && !job_dir_has(run, "base") &&
           !text_ends_with(checkpoint_path(base), ".safetensors");
}

/* --- the folder --- */

/* The first file of an export, and locked by whoever writes it; it goes when all others are there.
 */
static const char unfinished[] = ".spectrum-unfinished";

static int open_mark(const char *out, int flags, struct error *err)
{
    char *path = path_join(out, unfinished, err);
    int fd = path ? sys.open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0666) : -1;
    if (path && fd < 0)
        error_set_errno(err, errno, "cannot write %s", path);
    free(path);
    return fd;
}

/* With the mark the next export to this folder would clear it. */
static int remove_mark(const char *out, struct error *err)
{
    char *path = path_join(out, unfinished, err);
    int status = path ? 0 : -1;
    if (path && sys.unlink(path) != 0)
        status = error_set_errno(err, errno, "cannot remove %s", path);
    free(path);
    return status;
}

static void clear_folder(const char *out)
{
    char *base = path_join(out, "base", NULL);
    if (base) {
        sidecars_clear(base);
        sys.rmdir(base);
    }
    free(base);
    sidecars_clear(out);
}

/* What an export left that was killed. One that is being written is not. */
static void clear_left(const char *out)
{
    struct stat info;
    int fd = open_mark(out, 0, NULL);
    if (fd < 0)
        return;
    if (sys.fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
        sys.flock(fd, LOCK_EX | LOCK_NB) == 0)
        clear_folder(out);
    sys.close(fd);
}

/* The folder is new or empty, and no part of a job: its files would be taken for the job's. */
static int check_output(const struct export *export, const char *out, struct error *err)
{
    if (checkpoint_check_output(export->source.model->checkpoint, out, err) != 0)
        return -1;
    char *job = job_dir_around(out, err);
    if (!job)
        return -1;
    bool inside = job[0] != '\0';
    if (inside)
        error_set(err, "%s is in the folder of a job, %s; -o takes a folder outside of it", out,
                  job);
    free(job);
    if (inside)
        return -1;
    clear_left(out);
    return folder_is_empty(out) ? 0
                                : error_set(err,
                                            "%s is there, and not an empty folder; -o takes a new "
                                            "one, or an empty one",
                                            out);
}

/* Of the weights. */
static uint64_t model_bytes(const struct export *export)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < export->count; i++)
        bytes += (uint64_t) export->parts[i].parameter->numel *
                 (uint64_t)dtype_traits(export->entries[i].dtype)->block_bytes;
    return bytes;
}

static int write_model(const struct export *export, const char *out, struct error *err)
{
    if (disk_check(out, model_bytes(export), err) != 0)
        return -1;
    return export_write_sidecars(export, out, true, err) == 0 ? write_weights(export, out, err)
                                                              : -1;
}

/* The base that a run's adapters stand beside, as what the run read of it: out/base. It ends texts
 * where the run does, which adapters cannot say. */
static int write_base(const struct export *export, const char *out, struct export_summary *summary,
                      struct error *err)
{
    bool gguf = checkpoint_format(export->source.model->checkpoint) == CHECKPOINT_GGUF;
    /* What a Hugging Face file has is copied in its own type. */
    const struct source *source = &export->source;
    struct export base = {.source = {.model = source->model,
                                     .bf16 = !gguf || source->bf16,
                                     .state = source->state,
                                     .template_name = source->template_name,
                                     .date = source->date,
                                     .added_tokens = source->added_tokens},
                          .tokenizer = export->tokenizer,
                          .interrupted = export->interrupted};
    char *whole = sys.realpath(out, NULL);
    summary->base = whole ? path_join(whole, "base", err) : NULL;
    free(whole);
    if (!whole)
        return error_set_errno(err, errno, "cannot find %s", out);
    int status = summary->base && folder_make(summary->base, err) == 0 &&
                         list_parts(&base, err) == 0 && write_model(&base, summary->base, err) == 0
                     ? 0
                     : -1;
    summary->base_bytes = model_bytes(&base);
    free(base.parts);
    free(base.entries);
    return status;
}

static int write_files(const struct export *export, const char *run, bool adapters, const char *out,
                       struct export_summary *summary, struct error *err)
{
    if (!adapters)
        return write_model(export, out, err);
    if (!base_stands_alone(export, run) && write_base(export, out, summary, err) != 0)
        return -1;
    const char *base =
        summary->base ? summary->base : checkpoint_path(export->source.model->checkpoint);
    return export_write_sidecars(export, out, false, err) == 0 &&
                   export_find_ends(summary, export, err) == 0
               ? export_write_adapters(export, out, base, err)
               : -1;
}

/* What could not be written whole goes again, and the folder unless it was there before. */
static int write_folder(const struct export *export, const char *run, bool adapters,
                        const char *out, struct export_summary *summary, struct error *err)
{
    bool made = sys.access(out, F_OK) != 0;
    if (folder_make(out, err) != 0)
        return -1;
    int mark = open_mark(out, O_CREAT | O_EXCL, err);
    int status = mark < 0 ? -1 : 0;
    if (status == 0) {
        sys.flock(mark, LOCK_EX | LOCK_NB); /* a file system without locks has none to be found */
        status = write_files(export, run, adapters, out, summary, err);
        if (status == 0)
            status = remove_mark(out, err);
        if (status != 0)
            clear_folder(out);
        sys.close(mark);
    }
    if (status != 0 && made)
        sys.rmdir(out);
    return status;
}

/* The best evaluation of the whole run, of which an earlier state does not know. */
static void find_best(const struct source *source, struct evaluated *best)
{
    struct evaluated last;
    char *folder = state_latest(source->run, NULL), *path = NULL;
    cJSON *json = folder ? state_read_json(folder, &path, NULL) : NULL;
    *best = source->best;
    if (json && state_read_evaluations(json, state_latest_step(source->run, NULL), &last, best,
                                       path, NULL) != 0)
        *best = source->best;
    cJSON_Delete(json);
    free(path);
    free(folder);
}

int export_run(const char *run, const struct state_choice *choice, const char *out, bool merge,
               const volatile sig_atomic_t *interrupted, struct export_summary *summary,
               struct error *err)
{
    struct export export = {.interrupted = interrupted};
    int status = export_open(&export, run, choice, merge, err);
    bool adapters = status == 0 && has_adapters(&export.source) && !merge;
    *summary = (struct export_summary){.step = export.source.step, .adapters = adapters};
    if (status == 0)
        status = check_output(&export, out, err);
    if (status == 0)
        status = write_folder(&export, export.source.run, adapters, out, summary, err);
    if (status == 0) {
        summarize(&export, adapters, summary);
        find_best(&export.source, &summary->best);
    }
    summary->cost.differs = status == 0 && export.source.recipe.quantized;
    summary->cost.frozen = export.source.recipe.frozen;
    if (summary->cost.differs && !adapters)
        export_measure(&summary->cost, export.source.run, &export, out);
    if (status != 0) {
        free(summary->base);
        summary->base = NULL;
    }
    tokenizer_close(export.tokenizer);
    source_close(&export.source);
    free(export.parts);
    free(export.entries);
    return status;
}
