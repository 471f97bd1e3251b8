#include "job/export/export_model.h"

#include "base/file_writer.h"
#include "base/folder.h"
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

/* In which form each parameter goes in (export_model.h), and so in which type. A GGUF file's tensors are
 * never raw: its types, and its order of rotary rows, are not those of the safetensors files. */
int export_list_parts(struct export *export, struct error *err)
{
    const struct source *source = &export->source;
    const struct model *model = source->model;
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    enum dtype run = source->bf16 ? DTYPE_BF16 : DTYPE_F32;
    export->parts = array_alloc(model->parameter_count, sizeof *export->parts, err);
    export->entries = array_alloc(model->parameter_count, sizeof *export->entries, err);
    if (!export->parts || !export->entries)
        return -1;
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        bool vector = parameter->tensor->rank == 1;
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
        export->entries[export->count] = (struct safetensors_entry){
            parameter->name,
            part.raw ? parameter->tensor->dtype : run,
            vector ? 1 : 2,
            {vector ? parameter->cols : parameter->rows, vector ? 0 : parameter->cols}};
        export->parts[export->count++] = part;
    }
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

/* What the run read of the base, with its adapter where it has one, rounded as the run did it. */
static int put_rounded(struct safetensors_writer *writer, const struct export *export,
                       const struct part *part, struct error *err)
{
    size_t count = (size_t)part->parameter->numel;
    float *values = array_alloc(count, sizeof *values, err);
    int status = values ? model_read_f32(export->source.model, part->parameter, values, err) : -1;
    if (status == 0 && (part->a || part->b))
        status = merge(values, export, part, err);
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

int export_write_weights(const struct export *export, const char *out, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    const struct source *source = &export->source;
    struct safetensors_writer writer;
    char *path = path_join(out, "model.safetensors", err);
    void *staging = array_alloc(1, EXPORT_STAGING, err);
    int status = -1;
    if (!path || !staging ||
        safetensors_writer_open(&writer, path, export->entries, export->count, metadata, err) != 0)
        goto out;
    status = 0;
    for (size_t i = 0; i < export->count && status == 0; i++) {
        const struct part *part = &export->parts[i];
        if (export_is_stopped(export))
            status =
                error_set_kind(err, ERROR_INTERRUPTED, "stopped; nothing of the export is left");
        else if (part->trained)
            status = export_copy_bytes(&writer, source->weights, part->trained, staging, err);
        else if (part->raw)
            status = export_copy_bytes(&writer, source->model->checkpoint, part->parameter->tensor,
                                       staging, err);
        else
            status = put_rounded(&writer, export, part, err);
    }
    if (status == 0)
        status = safetensors_writer_commit(&writer, err);
    else
        safetensors_writer_abort(&writer);
out:
    free(staging);
    free(path);
    return status;
}

uint64_t export_model_bytes(const struct export *export)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < export->count; i++)
        bytes += (uint64_t) export->parts[i].parameter->numel *
                 (uint64_t)dtype_traits(export->entries[i].dtype)->block_bytes;
    return bytes;
}
