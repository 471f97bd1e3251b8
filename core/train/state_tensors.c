#include "train/state_tensors.h"

#include "base/buffer.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_write.h"
#include "train/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGING = 1 << 20 }; /* bytes between the device and the file */

/* One file: a slot of every trained tensor, or two. */
struct state_file {
    const char *name;
    struct {
        enum tensor_slot slot;
        const char *suffix;
    } parts[2];
    int part_count;
};

static const struct state_file files[] = {
    {"weights.safetensors", {{TENSOR_WEIGHT, ""}}, 1},
    {"masters.safetensors", {{TENSOR_MASTER, ""}}, 1},
    {"optimizer.safetensors", {{TENSOR_M, ".exp_avg"}, {TENSOR_V, ".exp_avg_sq"}}, 2},
};
enum { FILES = sizeof files / sizeof *files };

static bool has_file(const struct optimizer *optimizer, const struct state_file *file)
{
    return optimizer->count > 0 &&
           transformer_place(optimizer->transformer, optimizer->tensors[0], file->parts[0].slot)
                   .buffer != NULL;
}

static enum dtype dtype_of(const struct optimizer *optimizer, enum tensor_slot slot)
{
    bool narrow = slot == TENSOR_WEIGHT && optimizer->transformer->storage == STORAGE_BF16;
    return narrow ? DTYPE_BF16 : DTYPE_F32;
}

/* --- writing --- */

static int put_tensor(struct safetensors_writer *writer, const struct transformer *transformer,
                      struct place place, size_t bytes, void *staging, struct error *err)
{
    for (size_t at = 0; at < bytes; at += STAGING) {
        size_t part = bytes - at < STAGING ? bytes - at : STAGING;
        struct place from = {place.buffer, place.offset + at};
        transformer->backend->read(transformer->backend->self, staging, from, part);
        if (safetensors_writer_put(writer, staging, part, err) != 0)
            return -1;
    }
    return 0;
}

struct entries {
    struct safetensors_entry *items;
    char **names;
    size_t count;
};

static void entries_free(struct entries *entries)
{
    for (size_t i = 0; entries->names && i < entries->count; i++)
        free(entries->names[i]);
    free(entries->names);
    free(entries->items);
}

static char *entry_name(const struct run_tensor *tensor, const char *suffix, struct error *err)
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

/* Tensors in the order of what trains; of each, the parts one behind the other. */
static int entries_make(struct entries *entries, const struct optimizer *optimizer,
                        const struct state_file *file, struct error *err)
{
    size_t total = optimizer->count * (size_t)file->part_count;
    *entries = (struct entries){.count = total};
    entries->items = array_alloc(total, sizeof *entries->items, err);
    entries->names = array_alloc(total, sizeof *entries->names, err);
    if (!entries->items || !entries->names)
        return -1;
    for (size_t i = 0; i < total; i++) {
        size_t part = i % (size_t)file->part_count;
        struct run_tensor tensor = optimizer_tensor(optimizer, i / (size_t)file->part_count);
        entries->names[i] = entry_name(&tensor, file->parts[part].suffix, err);
        if (!entries->names[i])
            return -1;
        bool vector = tensor.module->tensor->rank == 1;
        entries->items[i] = (struct safetensors_entry){
            entries->names[i],
            dtype_of(optimizer, file->parts[part].slot),
            vector ? 1 : 2,
            {vector ? tensor.cols : tensor.rows, vector ? 0 : tensor.cols}};
    }
    return 0;
}

static int put_all(struct safetensors_writer *writer, const struct optimizer *optimizer,
                   const struct state_file *file, struct error *err)
{
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? 0 : -1;
    for (size_t i = 0; i < optimizer->count && status == 0; i++) {
        int64_t count = optimizer_tensor(optimizer, i).parameters;
        for (int part = 0; part < file->part_count && status == 0; part++) {
            enum tensor_slot slot = file->parts[part].slot;
            size_t width = dtype_of(optimizer, slot) == DTYPE_BF16 ? 2 : 4;
            status =
                put_tensor(writer, optimizer->transformer,
                           transformer_place(optimizer->transformer, optimizer->tensors[i], slot),
                           (size_t)count * width, staging, err);
        }
    }
    free(staging);
    return status;
}

static int save_file(const char *folder, const struct optimizer *optimizer,
                     const struct state_file *file, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct safetensors_writer writer;
    struct entries entries;
    char *path = path_join(folder, file->name, err);
    int status = path ? entries_make(&entries, optimizer, file, err) : -1;
    if (status == 0)
        status =
            safetensors_writer_open(&writer, path, entries.items, entries.count, metadata, err);
    if (path)
        entries_free(&entries);
    free(path);
    if (status != 0)
        return -1;
    if (put_all(&writer, optimizer, file, err) != 0) {
        safetensors_writer_abort(&writer);
        return -1;
    }
    return safetensors_writer_commit(&writer, err);
}

int state_tensors_save(const char *folder, const struct optimizer *optimizer, struct error *err)
{
    for (int i = 0; i < FILES; i++)
        if (has_file(optimizer, &files[i]) && save_file(folder, optimizer, &files[i], err) != 0)
            return -1;
    return 0;
}

/* --- reading --- */

static int load_tensor(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                       struct optimizer *optimizer, struct place place, void *staging,
                       struct error *err)
{
    struct backend *backend = optimizer->transformer->backend;
    for (uint64_t at = 0; at < tensor->bytes; at += STAGING) {
        uint64_t part = tensor->bytes - at < STAGING ? tensor->bytes - at : STAGING;
        if (checkpoint_read_raw(checkpoint, tensor, at, part, staging, err) != 0)
            return -1;
        backend->write(backend->self, (struct place){place.buffer, place.offset + (size_t)at},
                       staging, (size_t)part);
    }
    return 0;
}

static int load_part(const struct checkpoint *checkpoint, struct optimizer *optimizer, size_t i,
                     enum tensor_slot slot, const char *suffix, void *staging, struct error *err)
{
    struct run_tensor own = optimizer_tensor(optimizer, i);
    char *name = entry_name(&own, suffix, err);
    const struct tensor_info *tensor = name ? checkpoint_find(checkpoint, name) : NULL;
    int status = -1;
    if (!name)
        status = -1;
    else if (!tensor || tensor->elements != own.parameters ||
             tensor->dtype != dtype_of(optimizer, slot))
        status = error_set(err, "%s: %s is missing or has another shape or type",
                           checkpoint_path(checkpoint), name);
    else
        status = load_tensor(checkpoint, tensor, optimizer,
                             transformer_place(optimizer->transformer, optimizer->tensors[i], slot),
                             staging, err);
    free(name);
    return status;
}

static int load_file(const char *folder, struct optimizer *optimizer, const struct state_file *file,
                     struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    char *path = path_join(folder, file->name, err);
    void *staging = array_alloc(1, STAGING, err);
    int status = path && staging ? checkpoint_open(&checkpoint, path, err) : -1;
    for (size_t i = 0; i < optimizer->count && status == 0; i++)
        for (int part = 0; part < file->part_count && status == 0; part++)
            status = load_part(checkpoint, optimizer, i, file->parts[part].slot,
                               file->parts[part].suffix, staging, err);
    checkpoint_close(checkpoint);
    free(staging);
    free(path);
    return status;
}

int state_tensors_load(const char *folder, struct optimizer *optimizer, struct error *err)
{
    for (int i = 0; i < FILES; i++)
        if (has_file(optimizer, &files[i]) && load_file(folder, optimizer, &files[i], err) != 0)
            return -1;
    return 0;
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
