#include "job/export/export_weights.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

bool export_is_stopped(const struct export *export)
{
    return export->interrupted && *export->interrupted;
}

int export_copy_bytes(struct safetensors_writer *writer, const struct checkpoint *from,
                      const struct tensor_info *tensor, void *staging, struct error *err)
{
    for (uint64_t at = 0; at < tensor->bytes; at += EXPORT_STAGING) {
        uint64_t part = tensor->bytes - at < EXPORT_STAGING ? tensor->bytes - at : EXPORT_STAGING;
        if (checkpoint_read_raw(from, tensor, at, part, staging, err) != 0 ||
            safetensors_writer_put(writer, staging, (size_t)part, err) != 0)
            return -1;
    }
    return 0;
}

int export_save_text(const char *folder, const char *name, struct buffer *text, struct error *err)
{
    char *path = buffer_check(text, err) == 0 ? path_join(folder, name, err) : NULL;
    int status = path ? file_save(path, buffer_string(text), text->length, err) : -1;
    free(path);
    buffer_free(text);
    return status;
}

/* --- what goes in --- */

/* What the run trained of a parameter: itself, or A or B of its adapter. */
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

/* In which form each parameter goes in (export_weights.h), and so in which type. A GGUF file's
 * tensors are never raw: its types, and its order of rotary rows, are not those of the safetensors
 * files. */
int export_list_parts(struct export *export, struct error *err)
{
    const struct source *source = &export->source;
    const struct model *model = source->model;
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    enum dtype run = source->bf16 ? DTYPE_BF16 : DTYPE_F32;
    export->parts = array_alloc(model->parameter_count, sizeof *export->parts, err);
    if (!export->parts)
        return -1;
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        bool adapted = source->recipe.adapted && source->recipe.adapted[i];
        bool plain =
            !dtype_traits(parameter->tensor->dtype)->quantized && parameter->rotary_heads == 0;
        if (!parameter_is_used(model, parameter))
            continue;
        struct part part = {.parameter = parameter,
                            .trained = find_trained(export, parameter, PART_PARAMETER)};
        if (adapted) {
            part.a = find_trained(export, parameter, PART_A);
            part.b = find_trained(export, parameter, PART_B);
        }
        part.raw = !part.trained && !adapted && !gguf && plain && !parameter->added_rows;
        part.dtype = part.raw ? parameter->tensor->dtype : run;
        part.bytes = (uint64_t)parameter->numel * (uint64_t)dtype_traits(part.dtype)->block_bytes;
        export->parts[export->count++] = part;
    }
    shards_assign(export->parts, export->count, export->shard_size, &export->shard_count);
    return 0;
}

/* --- writing --- */

/* [elements] in fp32, newly allocated; A and B are small beside the weight. */
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

/* The adapter goes into the weight (LoRA, arXiv 2106.09685):
 *
 *     W += alpha / rank  B A        W [rows, cols], B [rows, rank], A [rank, cols]
 *
 * each element summed in fp64, in the order of the rank, and rounded to fp32 once. */
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

int export_read_part(const struct export *export, const struct part *part, float *values,
                     struct error *err)
{
    const struct source *source = &export->source;
    const struct parameter *parameter = part->parameter;
    if (part->trained)
        return checkpoint_read_f32(source->weights, part->trained, 0, part->trained->elements,
                                   values, err);
    if (model_read_f32(source->model, parameter, values, err) != 0 ||
        ((part->a || part->b) && merge(values, export, part, err) != 0))
        return -1;
    for (int64_t i = 0; !part->raw && source->bf16 && i < parameter->numel; i++)
        values[i] = bf16_to_float(bf16_from_float(values[i]));
    return 0;
}

static int put_rounded(struct safetensors_writer *writer, const struct export *export,
                       const struct part *part, struct error *err)
{
    size_t count = (size_t)part->parameter->numel;
    float *values = array_alloc(count, sizeof *values, err);
    int status = values ? export_read_part(export, part, values, err) : -1;
    uint16_t *narrow = (uint16_t *)(void *)values; /* in place, from the front */
    for (size_t i = 0; status == 0 && export->source.bf16 && i < count; i++) {
        uint16_t rounded = bf16_from_float(values[i]);
        memcpy(&narrow[i], &rounded, sizeof rounded);
    }
    if (status == 0)
        status = safetensors_writer_put(writer, values, count * (export->source.bf16 ? 2 : 4), err);
    free(values);
    return status;
}

static int put_part(struct safetensors_writer *writer, const struct export *export,
                    const struct part *part, void *staging, struct error *err)
{
    const struct source *source = &export->source;
    if (part->trained)
        return export_copy_bytes(writer, source->weights, part->trained, staging, err);
    if (part->raw)
        return export_copy_bytes(writer, source->model->checkpoint, part->parameter->tensor,
                                 staging, err);
    return put_rounded(writer, export, part, err);
}

/* One file: parts[first..first + count). `*done`: bytes of the whole model that are written. */
static int write_shard(const struct export *export, const char *path, size_t first, size_t count,
                       uint64_t *done, void *staging, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct safetensors_writer writer;
    struct safetensors_entry *entries = array_alloc(count, sizeof *entries, err);
    int status = -1;
    if (!entries)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct part *part = &export->parts[first + i];
        const struct parameter *parameter = part->parameter;
        bool vector = parameter->tensor->rank == 1;
        entries[i] = (struct safetensors_entry){
            parameter->name,
            part->dtype,
            vector ? 1 : 2,
            {vector ? parameter->cols : parameter->rows, vector ? 0 : parameter->cols}};
    }
    if (safetensors_writer_open(&writer, path, entries, count, metadata, err) != 0)
        goto out;
    status = 0;
    for (size_t i = first; i < first + count && status == 0; i++) {
        work_tell(export->source.work, WORK_SAVING, *done, export_model_bytes(export));
        *done += export->parts[i].bytes;
        if (export_is_stopped(export))
            status =
                error_set_kind(err, ERROR_INTERRUPTED, "stopped; nothing of the export is left");
        else
            status = put_part(&writer, export, &export->parts[i], staging, err);
    }
    if (status == 0)
        status = safetensors_writer_commit(&writer, err);
    else
        safetensors_writer_abort(&writer);
out:
    free(entries);
    return status;
}

/* Shard by shard; the index last, which makes them a model. */
int export_write_weights(const struct export *export, const char *out, struct error *err)
{
    void *staging = array_alloc(1, EXPORT_STAGING, err);
    int status = staging ? 0 : -1;
    uint64_t done = 0;
    for (size_t shard = 0, first = 0; shard < export->shard_count && status == 0; shard++) {
        char name[SHARD_NAME_SIZE];
        size_t count = 0;
        while (first + count < export->count && export->parts[first + count].shard == shard)
            count++;
        shard_name(name, shard, export->shard_count);
        char *path = path_join(out, name, err);
        status = path ? write_shard(export, path, first, count, &done, staging, err) : -1;
        free(path);
        first += count;
    }
    free(staging);
    if (status != 0 || export->shard_count == 1)
        return status;
    struct buffer index = BUFFER_INIT;
    status = shards_put_index(&index, export->parts, export->count, export->shard_count, err);
    if (status == 0)
        return export_save_text(out, "model.safetensors.index.json", &index, err);
    buffer_free(&index);
    return -1;
}

uint64_t export_model_bytes(const struct export *export)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < export->count; i++)
        bytes += export->parts[i].bytes;
    return bytes;
}

/* --- adapters as PEFT has them --- */

/* The embedding of a model whose head is tied to it, where that trained: PEFT would leave the head
 * with the base's, so the file has it twice. */
static const struct tensor_info *tied_embedding(const struct source *source)
{
    const struct parameter *parameter = model_role(source->model, ROLE_EMBEDDING, -1, false);
    return source->model->config.tied ? checkpoint_find(source->weights, parameter->name) : NULL;
}

/* "base_model.model.lm_head.weight": the name of a whole tensor; that of A or B is PEFT's
 * already. */
static char *peft_name(const struct model *model, const char *name, struct error *err)
{
    bool whole = run_tensor_find(model, name) < model->parameter_count;
    struct buffer out = BUFFER_INIT;
    buffer_text(&out, whole ? "base_model.model." : "");
    buffer_text(&out, name);
    if (buffer_check(&out, err) == 0)
        return out.data;
    buffer_free(&out);
    return NULL;
}

/* A list of the modules that have this part in the run's weights, by their short names. */
static void put_modules(struct json_writer *json, const char *key, const struct export *export,
                        enum tensor_part part)
{
    const struct source *source = &export->source;
    json_list(json, key);
    for (size_t i = 0; i < checkpoint_count(source->weights); i++) {
        const char *name = checkpoint_tensor(source->weights, i)->name;
        size_t number = run_tensor_find(source->model, name);
        char short_name[512];
        if (number >= run_tensor_count(source->model) ||
            number / source->model->parameter_count != (size_t)part)
            continue;
        parameter_short_name(&source->model->parameters[number % source->model->parameter_count],
                             short_name, sizeof short_name);
        json_text(json, NULL, short_name);
    }
    if (part == PART_PARAMETER && tied_embedding(source))
        json_text(json, NULL, "lm_head");
    json_end(json);
}

/* What trained by itself beside the adapters: norms, embeddings, a head (spectrum+lora). */
static bool has_whole_tensors(const struct source *source)
{
    for (size_t i = 0; i < checkpoint_count(source->weights); i++)
        if (run_tensor_find(source->model, checkpoint_tensor(source->weights, i)->name) <
            source->model->parameter_count)
            return true;
    return false;
}

/* "ensure_weight_tying": PEFT ties what it saves of an embedding and of the head that is tied to
 * it, else the two are one only until something trains or merges them. */
static int write_config(const struct export *export, const char *out, const char *base,
                        struct error *err)
{
    const struct recipe *recipe = &export->source.recipe;
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_object(&json, NULL);
    json_layout(&json, JSON_INDENTED);
    json_text(&json, "peft_type", "LORA");
    json_text(&json, "task_type", "CAUSAL_LM");
    json_text(&json, "base_model_name_or_path", base);
    json_integer(&json, "r", recipe->rank);
    json_real(&json, "lora_alpha", recipe->alpha);
    json_raw(&json, "lora_dropout", "0.0"); /* which Python takes for a float */
    json_text(&json, "bias", "none");
    json_flag(&json, "fan_in_fan_out", false);
    json_flag(&json, "inference_mode", true);
    put_modules(&json, "target_modules", export, PART_A);
    if (has_whole_tensors(&export->source))
        put_modules(&json, "modules_to_save", export, PART_PARAMETER);
    else
        json_null(&json, "modules_to_save");
    if (tied_embedding(&export->source))
        json_flag(&json, "ensure_weight_tying", true);
    json_end(&json);
    json_finish(&json, NULL);
    return export_save_text(out, "adapter_config.json", &text, err);
}

/* What the file holds. */
struct listing {
    const struct tensor_info **tensors; /* [count] in the run's weights */
    struct safetensors_entry *entries;  /* [count] as they are written */
    char **names;                       /* [count], each newly allocated */
    size_t count;
};

static void listing_free(struct listing *listing)
{
    for (size_t i = 0; listing->names && i < listing->count; i++)
        free(listing->names[i]);
    free(listing->names);
    free(listing->entries);
    free(listing->tensors);
}

/* Every tensor of the run's weights, and a tied embedding that trained once more, as the head. */
static int list_tensors(struct listing *listing, const struct source *source, struct error *err)
{
    const struct tensor_info *tied = tied_embedding(source);
    size_t own = checkpoint_count(source->weights), all = own + (tied ? 1 : 0);
    listing->tensors = array_alloc(all, sizeof *listing->tensors, err);
    listing->entries = array_alloc(all, sizeof *listing->entries, err);
    listing->names = array_alloc(all, sizeof *listing->names, err);
    if (!listing->tensors || !listing->entries || !listing->names)
        return -1;
    for (size_t i = 0; i < all; i++) {
        const struct tensor_info *tensor = i < own ? checkpoint_tensor(source->weights, i) : tied;
        char *name = i < own ? peft_name(source->model, tensor->name, err)
                             : string_copy("base_model.model.lm_head.weight", err);
        if (!name)
            return -1;
        listing->names[i] = name;
        listing->tensors[i] = tensor;
        listing->entries[i] = (struct safetensors_entry){
            name, tensor->dtype, tensor->rank, {tensor->shape[0], tensor->shape[1]}};
        listing->count = i + 1;
    }
    return 0;
}

/* As they are in the run's checkpoint, in its type: A and B in PEFT's shapes, so nothing is
 * computed. */
static int write_tensors(const struct export *export, const char *out, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    const struct checkpoint *weights = export->source.weights;
    struct safetensors_writer writer;
    struct listing listing = {0};
    uint64_t done = 0, total = 0; /* bytes */
    int status = -1;
    char *path = path_join(out, "adapter_model.safetensors", err);
    void *staging = array_alloc(1, EXPORT_STAGING, err);
    if (!path || !staging || list_tensors(&listing, &export->source, err) != 0 ||
        safetensors_writer_open(&writer, path, listing.entries, listing.count, metadata, err) != 0)
        goto out;
    status = 0;
    for (size_t i = 0; i < listing.count; i++)
        total += listing.tensors[i]->bytes;
    for (size_t i = 0; i < listing.count && status == 0; i++) {
        work_tell(export->source.work, WORK_SAVING, done, total);
        done += listing.tensors[i]->bytes;
        status = export_copy_bytes(&writer, weights, listing.tensors[i], staging, err);
    }
    if (status == 0)
        status = safetensors_writer_commit(&writer, err);
    else
        safetensors_writer_abort(&writer);
out:
    listing_free(&listing);
    free(staging);
    free(path);
    return status;
}

int export_write_adapters(const struct export *export, const char *out, const char *base,
                          struct error *err)
{
    return write_config(export, out, base, err) == 0 ? write_tensors(export, out, err) : -1;
}
