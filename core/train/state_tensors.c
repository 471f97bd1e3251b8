#include "train/state_tensors.h"

#include "base/buffer.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_write.h"
#include "compute/quantize.h"
#include "train/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGING = 1 << 20 }; /* bytes between the device and the file */

/* One file: some slots of every trained tensor, as far as it has them. */
struct state_file {
    const char *name;
    struct {
        enum tensor_slot slot;
        const char *suffix;
    } parts[4];
    int part_count;
};

static const struct state_file files[] = {
    {"weights.safetensors", {{TENSOR_WEIGHT, ""}}, 1},
    {"masters.safetensors", {{TENSOR_MASTER, ""}}, 1},
    {"optimizer.safetensors",
     {{TENSOR_M, ".exp_avg"},
      {TENSOR_V, ".exp_avg_sq"},
      {TENSOR_M_SCALES, ".exp_avg.absmax"},
      {TENSOR_V_SCALES, ".exp_avg_sq.absmax"}},
     4},
};
enum { FILES = sizeof files / sizeof *files };

/* One tensor of a file: a slot of a tensor that trains. */
struct item {
    char *name;
    struct place place;
    enum dtype dtype;
    int64_t rows, cols; /* rows 0: a vector */
    size_t bytes;
};

struct items {
    struct item *list;
    size_t count;
};

static void items_free(struct items *items)
{
    for (size_t i = 0; items->list && i < items->count; i++)
        free(items->list[i].name);
    free(items->list);
}

static enum dtype dtype_of(const struct optimizer *optimizer, const struct run_tensor *tensor,
                           enum tensor_slot slot)
{
    enum moment_type moments =
        moment_type_for(optimizer->transformer->recipe.moments, tensor->parameters);
    bool moment = slot == TENSOR_M || slot == TENSOR_V;
    if (moment && moments == MOMENTS_INT8)
        return DTYPE_U8;
    bool narrow = moment ? moments == MOMENTS_BF16
                         : slot == TENSOR_WEIGHT && optimizer->transformer->storage == STORAGE_BF16;
    return narrow ? DTYPE_BF16 : DTYPE_F32;
}

static char *item_name(const struct run_tensor *tensor, const char *suffix, struct error *err)
{
    struct buffer name = BUFFER_INIT;
    char *own = run_tensor_name(tensor, err);
    if (!own)
        return NULL;
    buffer_text(&name, own);
    buffer_text(&name, suffix);
    free(own);
    if (buffer_check(&name, err) == 0)
        return name.data;
    buffer_free(&name);
    return NULL;
}

/* Where the tensor has that slot. */
static int add_item(struct items *items, const struct optimizer *optimizer, size_t i,
                    enum tensor_slot slot, const char *suffix, struct error *err)
{
    struct run_tensor tensor = optimizer_tensor(optimizer, i);
    struct place place = transformer_place(optimizer->transformer, optimizer->tensors[i], slot);
    bool scales = slot == TENSOR_M_SCALES || slot == TENSOR_V_SCALES;
    bool vector = scales || tensor.module->tensor->rank == 1;
    int64_t elements =
        scales ? (int64_t)(moment_bytes(MOMENTS_INT8, tensor.parameters).scales / sizeof(float))
               : tensor.parameters;
    if (!place.buffer)
        return 0;
    struct item *item = &items->list[items->count];
    *item = (struct item){.name = item_name(&tensor, suffix, err),
                          .place = place,
                          .dtype = dtype_of(optimizer, &tensor, slot),
                          .rows = vector ? 0 : tensor.rows,
                          .cols = vector ? elements : tensor.cols};
    item->bytes = (size_t)elements * (size_t)dtype_traits(item->dtype)->block_bytes;
    items->count += item->name != NULL;
    return item->name ? 0 : -1;
}

/* In the order of what trains; of each tensor, the parts one behind the other. */
static int items_make(struct items *items, const struct optimizer *optimizer,
                      const struct state_file *file, struct error *err)
{
    size_t most = optimizer->count * (size_t)file->part_count;
    *items = (struct items){.list = array_alloc(most, sizeof *items->list, err)};
    if (!items->list)
        return -1;
    for (size_t i = 0; i < optimizer->count; i++)
        for (int part = 0; part < file->part_count; part++)
            if (add_item(items, optimizer, i, file->parts[part].slot, file->parts[part].suffix,
                         err) != 0)
                return -1;
    return 0;
}

/* --- writing --- */

static int put_item(struct safetensors_writer *writer, const struct backend *backend,
                    const struct item *item, void *staging, struct error *err)
{
    for (size_t at = 0; at < item->bytes; at += STAGING) {
        size_t part = item->bytes - at < STAGING ? item->bytes - at : STAGING;
        struct place from = {item->place.buffer, item->place.offset + at};
        backend->read(backend->self, staging, from, part);
        if (safetensors_writer_put(writer, staging, part, err) != 0)
            return -1;
    }
    return 0;
}

static int put_all(struct safetensors_writer *writer, const struct backend *backend,
                   const struct items *items, struct error *err)
{
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? 0 : -1;
    for (size_t i = 0; i < items->count && status == 0; i++)
        status = put_item(writer, backend, &items->list[i], staging, err);
    free(staging);
    return status;
}

static int open_writer(struct safetensors_writer *writer, const char *path,
                       const struct items *items, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct safetensors_entry *entries = array_alloc(items->count, sizeof *entries, err);
    if (!entries)
        return -1;
    for (size_t i = 0; i < items->count; i++) {
        const struct item *item = &items->list[i];
        bool vector = item->rows == 0;
        entries[i] =
            (struct safetensors_entry){item->name,
                                       item->dtype,
                                       vector ? 1 : 2,
                                       {vector ? item->cols : item->rows, vector ? 0 : item->cols}};
    }
    int status = safetensors_writer_open(writer, path, entries, items->count, metadata, err);
    free(entries);
    return status;
}

static int save_items(const char *path, const struct backend *backend, const struct items *items,
                      struct error *err)
{
    struct safetensors_writer writer;
    if (open_writer(&writer, path, items, err) != 0)
        return -1;
    if (put_all(&writer, backend, items, err) == 0)
        return safetensors_writer_commit(&writer, err);
    safetensors_writer_abort(&writer);
    return -1;
}

int state_tensors_save(const char *folder, const struct optimizer *optimizer, struct error *err)
{
    int status = 0;
    for (int i = 0; i < FILES && status == 0; i++) {
        struct items items;
        char *path = path_join(folder, files[i].name, err);
        status = path ? items_make(&items, optimizer, &files[i], err) : -1;
        if (status == 0 && items.count > 0)
            status = save_items(path, optimizer->transformer->backend, &items, err);
        if (path)
            items_free(&items);
        free(path);
    }
    return status;
}

/* --- reading --- */

static int load_tensor(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                       const struct backend *backend, struct place place, void *staging,
                       struct error *err)
{
    for (uint64_t at = 0; at < tensor->bytes; at += STAGING) {
        uint64_t part = tensor->bytes - at < STAGING ? tensor->bytes - at : STAGING;
        if (checkpoint_read_raw(checkpoint, tensor, at, part, staging, err) != 0)
            return -1;
        backend->write(backend->self, (struct place){place.buffer, place.offset + (size_t)at},
                       staging, (size_t)part);
    }
    return 0;
}

static int load_items(const char *path, const struct backend *backend, const struct items *items,
                      struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? checkpoint_open(&checkpoint, path, err) : -1;
    for (size_t i = 0; i < items->count && status == 0; i++) {
        const struct item *item = &items->list[i];
        const struct tensor_info *tensor = checkpoint_find(checkpoint, item->name);
        if (!tensor || tensor->bytes != item->bytes ||
            strcmp(tensor->dtype_name, dtype_traits(item->dtype)->name) != 0)
            status =
                error_set(err, "%s: %s is missing or has another shape or type", path, item->name);
        else
            status = load_tensor(checkpoint, tensor, backend, item->place, staging, err);
    }
    checkpoint_close(checkpoint);
    free(staging);
    return status;
}

int state_tensors_load(const char *folder, struct optimizer *optimizer, struct error *err)
{
    int status = 0;
    for (int i = 0; i < FILES && status == 0; i++) {
        struct items items;
        char *path = path_join(folder, files[i].name, err);
        status = path ? items_make(&items, optimizer, &files[i], err) : -1;
        if (status == 0 && items.count > 0)
            status = load_items(path, optimizer->transformer->backend, &items, err);
        if (path)
            items_free(&items);
        free(path);
    }
    return status;
}

static int overlay_tensor(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                          struct transformer *transformer, struct error *err)
{
    size_t number = run_tensor_find(transformer->model, tensor->name);
    bool known = number < run_tensor_count(transformer->model) &&
                 transformer_place(transformer, number, TENSOR_WEIGHT).buffer;
    if (!known || tensor->elements != transformer_tensor(transformer, number).parameters)
        return error_set(err, "%s: %s is no tensor of this model", checkpoint_path(checkpoint),
                         tensor->name);
    float *values = array_alloc((size_t)tensor->elements, sizeof *values, err);
    int status =
        values ? checkpoint_read_f32(checkpoint, tensor, 0, tensor->elements, values, err) : -1;
    if (status == 0)
        status = transformer_write_weight(transformer, number, values, err);
    free(values);
    return status;
}

int state_overlay_file(const char *path, struct transformer *transformer, struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    int status = checkpoint_open(&checkpoint, path, err);
    for (size_t i = 0; status == 0 && i < checkpoint_count(checkpoint); i++)
        status = overlay_tensor(checkpoint, checkpoint_tensor(checkpoint, i), transformer, err);
    checkpoint_close(checkpoint);
    return status;
}

int state_overlay(const char *folder, struct transformer *transformer, struct error *err)
{
    char *path = path_join(folder, files[0].name, err);
    int status = path ? state_overlay_file(path, transformer, err) : -1;
    free(path);
    return status;
}
