/* The tensors of a checkpoint. Which ones a file has is a list (`items`) made from the optimiser,
 * the same for writing, reading and looking for values that are not finite; each goes between
 * device and file through a staging buffer, so the largest tensor takes no more host memory than
 * the least. */
#include "train/state_tensors.h"

#include "base/buffer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGING = 1 << 20 }; /* bytes between the device and the file */

/* A file has slots [first, past) of every trained tensor, as far as it has them: its weight, its
 * master, what its optimiser keeps and the scales of that. */
struct state_file {
    const char *name;
    enum tensor_slot first, past;
};

enum { FILE_WEIGHTS, FILE_MASTERS, FILE_OPTIMIZER };
static const struct state_file files[STATE_FILES] = {
    [FILE_WEIGHTS] = {"weights.safetensors", TENSOR_WEIGHT, TENSOR_WEIGHT + 1},
    [FILE_MASTERS] = {"masters.safetensors", TENSOR_MASTER, TENSOR_MASTER + 1},
    [FILE_OPTIMIZER] = {"optimizer.safetensors", TENSOR_STATE, TENSOR_SLOTS},
};

const char *state_file_name(size_t file)
{
    return files[file].name;
}

static bool is_state(enum tensor_slot slot)
{
    return slot >= TENSOR_STATE && slot < TENSOR_STATE_SCALES;
}

/* One tensor of a file: a slot of a tensor that trains. */
struct item {
    char *name;
    size_t tensor; /* its number */
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

/* Of a trained tensor's slot. */
static enum dtype dtype_of(const struct network *network, size_t number, enum tensor_slot slot)
{
    enum storage storage =
        slot < TENSOR_STATE_SCALES ? network_values(network, number, slot).storage : STORAGE_F32;
    return storage == STORAGE_DYNAMIC8 ? DTYPE_U8
           : storage == STORAGE_BF16   ? DTYPE_BF16
                                       : DTYPE_F32;
}

/* "<tensor>", and of the optimiser's state number n, as its rule calls it, "<tensor>.exp_avg" and
 * "<tensor>.exp_avg.absmax". */
static char *item_name(const struct run_tensor *tensor, enum optimizer_kind kind,
                       enum tensor_slot slot, struct error *err)
{
    struct buffer name = BUFFER_INIT;
    char *own = run_tensor_name(tensor, err);
    if (!own)
        return NULL;
    buffer_text(&name, own);
    free(own);
    if (slot >= TENSOR_STATE) {
        buffer_text(&name, ".");
        buffer_text(&name, optimizer_rule_of(kind, tensor->parameter)
                               ->states[(slot - TENSOR_STATE) % OPTIMIZER_STATES]);
        buffer_text(&name, is_state(slot) ? "" : ".absmax");
    }
    if (buffer_check(&name, err) == 0)
        return name.data;
    buffer_free(&name);
    return NULL;
}

/* Where the tensor has that slot. */
static int add_item(struct items *items, const struct optimizer *optimizer, size_t number,
                    enum tensor_slot slot, struct error *err)
{
    const struct network *network = &optimizer->transformer->network;
    struct run_tensor tensor = network_tensor(network, number);
    struct place place = network_place(network, number, slot);
    bool scales = slot >= TENSOR_STATE_SCALES;
    bool vector = scales || tensor.parameter->tensor->rank == 1;
    int64_t elements =
        scales ? (int64_t)(storage_bytes(STORAGE_DYNAMIC8, tensor.numel).scales / sizeof(float))
               : tensor.numel;
    if (!place.buffer)
        return 0;
    struct item *item = &items->list[items->count];
    *item = (struct item){.name = item_name(&tensor, network->recipe.optimizer, slot, err),
                          .tensor = number,
                          .place = place,
                          .dtype = dtype_of(network, number, slot),
                          .rows = vector ? 0 : tensor.rows,
                          .cols = vector ? elements : tensor.cols};
    item->bytes = (size_t)elements * (size_t)dtype_traits(item->dtype)->block_bytes;
    items->count += item->name != NULL;
    return item->name ? 0 : -1;
}

/* Weights that trained earlier in the run are saved with what trains now. */
static int add_touched(struct items *items, const struct optimizer *optimizer, struct error *err)
{
    const struct recipe *recipe = &optimizer->transformer->network.recipe;
    size_t count = recipe->touched ? optimizer->transformer->network.model->parameter_count : 0;
    for (size_t i = 0; i < count; i++)
        if (recipe->touched[i] && !recipe->trained[i] &&
            add_item(items, optimizer, i, TENSOR_WEIGHT, err) != 0)
            return -1;
    return 0;
}

/* In the order of what trains; of each tensor, its slots one after another. */
static int items_make(struct items *items, const struct optimizer *optimizer,
                      const struct state_file *file, struct error *err)
{
    size_t most = optimizer->count * (size_t)(file->past - file->first) +
                  optimizer->transformer->network.model->parameter_count;
    *items = (struct items){.list = array_alloc(most, sizeof *items->list, err)};
    if (!items->list)
        return -1;
    for (size_t i = 0; i < optimizer->count; i++)
        for (enum tensor_slot slot = file->first; slot < file->past; slot++)
            if (add_item(items, optimizer, optimizer->tensors[i], slot, err) != 0)
                return -1;
    return file == &files[FILE_WEIGHTS] ? add_touched(items, optimizer, err) : 0;
}

size_t state_weight_count(const struct optimizer *optimizer)
{
    const struct recipe *recipe = &optimizer->transformer->network.recipe;
    size_t count = optimizer->count,
           modules = optimizer->transformer->network.model->parameter_count;
    for (size_t i = 0; recipe->touched && i < modules; i++)
        count += recipe->touched[i] && !recipe->trained[i];
    return count;
}

/* --- writing --- */

/* Reads the item from the device in pieces, looks at each, and puts it into the file; without a
 * writer it only looks. */
static int put_item(struct safetensors_writer *writer, const struct backend *backend,
                    const struct item *item, void *staging, struct error *err)
{
    for (size_t at = 0; at < item->bytes; at += STAGING) {
        size_t part = item->bytes - at < STAGING ? item->bytes - at : STAGING;
        struct place from = {item->place.buffer, item->place.offset + at};
        backend->read(backend->self, staging, from, part);
        if (!dtype_all_finite(item->dtype, staging, part))
            return error_set_kind(err, ERROR_NOT_FINITE, "%s " NOT_FINITE_TEXT, item->name);
        if (writer && safetensors_writer_put(writer, staging, part, err) != 0)
            return -1;
    }
    return 0;
}

/* How far all files together are, in bytes of tensors. */
struct saving {
    const struct work_watch *work;
    uint64_t done, total;
};

/* A tensor at a time, in the order of the header; who watches is told in bytes. */
static int put_all(struct safetensors_writer *writer, const struct backend *backend,
                   const struct items *items, struct saving *saving, struct error *err)
{
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? 0 : -1;
    for (size_t i = 0; i < items->count && status == 0; i++) {
        work_tell(saving->work, WORK_SAVING, saving->done, saving->total);
        status = put_item(writer, backend, &items->list[i], staging, err);
        saving->done += items->list[i].bytes;
    }
    free(staging);
    return status;
}

/* The header comes first in a safetensors file, so all names and shapes are known before any
 * value. */
static int open_writer(struct safetensors_writer *writer, const char *path,
                       const struct items *items, struct digest *digest, struct error *err)
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
    int status = safetensors_writer_open_digested(writer, path, entries, items->count, metadata,
                                                  digest, err);
    free(entries);
    return status;
}

/* A file is complete and renamed, or not there. */
static int save_items(const char *path, const struct backend *backend, const struct items *items,
                      struct digest *digest, struct saving *saving, struct error *err)
{
    struct safetensors_writer writer;
    if (open_writer(&writer, path, items, digest, err) != 0)
        return -1;
    if (put_all(&writer, backend, items, saving, err) == 0)
        return safetensors_writer_commit(&writer, err);
    safetensors_writer_abort(&writer);
    return -1;
}

/* Adds one of "files": `"weights.safetensors": {"sha256": "..", "bytes": ..}`; ends the digest. */
static void put_file(struct json_writer *json, const char *name, struct digest *digest)
{
    char text[DIGEST_TEXT_SIZE];
    uint64_t bytes = digest_bytes(digest);
    digest_text(digest, text);
    json_object(json, name);
    json_text(json, "sha256", text);
    json_count(json, "bytes", bytes);
    json_end(json);
}

/* The lists of all files are made first: the progress counts the bytes of all of them. */
int state_tensors_save(const char *folder, const struct optimizer *optimizer,
                       struct json_writer *said, const struct work_watch *work, struct error *err)
{
    struct items items[STATE_FILES] = {{NULL, 0}};
    struct saving saving = {.work = work};
    struct digest *digest = digest_new(err);
    int status = digest ? 0 : -1;
    for (int i = 0; i < STATE_FILES && status == 0; i++) {
        status = items_make(&items[i], optimizer, &files[i], err);
        for (size_t k = 0; status == 0 && k < items[i].count; k++)
            saving.total += items[i].list[k].bytes;
    }
    for (int i = 0; i < STATE_FILES && status == 0; i++) {
        char *path = items[i].count > 0 ? path_join(folder, files[i].name, err) : NULL;
        if (items[i].count == 0)
            continue;
        status = path ? save_items(path, optimizer->transformer->network.backend, &items[i], digest,
                                   &saving, err)
                      : -1;
        put_file(said, files[i].name, digest);
        free(path);
    }
    for (int i = 0; i < STATE_FILES; i++)
        items_free(&items[i]);
    digest_free(digest);
    return status;
}

/* The look that a save has, without a writer. */
char *state_find_not_finite(const struct optimizer *optimizer)
{
    char *found = NULL;
    void *staging = array_alloc(1, STAGING, NULL);
    for (int i = 0; staging && i < STATE_FILES && !found; i++) {
        struct items items;
        struct error why = ERROR_INIT;
        int status = items_make(&items, optimizer, &files[i], NULL);
        for (size_t at = 0; status == 0 && at < items.count && !found; at++)
            if (put_item(NULL, optimizer->transformer->network.backend, &items.list[at], staging,
                         &why) != 0)
                found = string_copy(items.list[at].name, NULL);
        items_free(&items);
    }
    free(staging);
    return found;
}

/* --- reading --- */

/* As it is stored: no value is converted on the way back, so a resume is exact. */
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

/* Bytes are never taken for those of another type: versions before optimizer_storage() kept the
 * embeddings' moments in 8 bits, too. */
static int need_item(const char *path, const struct tensor_info *tensor, const struct item *item,
                     struct error *err)
{
    const char *dtype = dtype_traits(item->dtype)->name;
    if (!tensor)
        return error_set(err, "%s: %s is missing: continue from another checkpoint", path,
                         item->name);
    if (strcmp(tensor->dtype_name, dtype) != 0)
        return error_set(err,
                         "%s: %s is kept as %s, here as %s: the run was made by another version of "
                         "spectrum, which can continue it; or start a new run from its export",
                         path, item->name, tensor->dtype_name, dtype);
    if (tensor->bytes != item->bytes)
        return error_set(err, "%s: %s has another shape: continue from another checkpoint", path,
                         item->name);
    return 0;
}

/* `absent`, unless NULL, is called for what the file does not have, which is not an error then. */
static int load_items(const char *path, struct optimizer *optimizer, const struct items *items,
                      void (*absent)(struct optimizer *optimizer, size_t tensor), struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    const struct backend *backend = optimizer->transformer->network.backend;
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? checkpoint_open(&checkpoint, path, err) : -1;
    for (size_t i = 0; i < items->count && status == 0; i++) {
        const struct item *item = &items->list[i];
        const struct tensor_info *tensor = checkpoint_find(checkpoint, item->name);
        if (!tensor && absent)
            absent(optimizer, item->tensor);
        else if ((status = need_item(path, tensor, item, err)) == 0)
            status = load_tensor(checkpoint, tensor, backend, item->place, staging, err);
    }
    checkpoint_close(checkpoint);
    free(staging);
    return status;
}

/* `absent` is called for a tensor that the file lacks: an error in a resume, a fresh beginning
 * where another freeze set is carried on. A file that would be empty is not written, and not looked
 * for. */
static int load_file(const char *folder, struct optimizer *optimizer, const struct state_file *file,
                     void (*absent)(struct optimizer *optimizer, size_t tensor), struct error *err)
{
    struct items items;
    char *path = path_join(folder, file->name, err);
    int status = path ? items_make(&items, optimizer, file, err) : -1;
    if (status == 0 && items.count > 0)
        status = load_items(path, optimizer, &items, absent, err);
    if (path)
        items_free(&items);
    free(path);
    return status;
}

int state_tensors_load(const char *folder, struct optimizer *optimizer, struct error *err)
{
    int status = 0;
    for (int i = 0; i < STATE_FILES && status == 0; i++)
        status = load_file(folder, optimizer, &files[i], NULL, err);
    return status;
}

/* A master stays what it was made as: the weight's value. */
static void leave_as_made(struct optimizer *optimizer, size_t tensor)
{
    (void)optimizer;
    (void)tensor;
}

/* Its state stays zero, and its steps are counted from here on. */
static void begins_now(struct optimizer *optimizer, size_t tensor)
{
    optimizer->since[optimizer->place_of[tensor]] = -1;
}

int state_tensors_carry(const char *folder, struct optimizer *optimizer, struct error *err)
{
    if (state_overlay(folder, &optimizer->transformer->network, err) != 0 ||
        load_file(folder, optimizer, &files[FILE_MASTERS], leave_as_made, err) != 0)
        return -1;
    return load_file(folder, optimizer, &files[FILE_OPTIMIZER], begins_now, err);
}

/* A trained tensor over the base's: converted and rounded as a weight that is loaded. */
static int overlay_tensor(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                          struct network *network, struct error *err)
{
    size_t number = run_tensor_find(network->model, tensor->name);
    bool known = number < run_tensor_count(network->model) &&
                 network_place(network, number, TENSOR_WEIGHT).buffer;
    if (!known || tensor->elements != network_tensor(network, number).numel)
        return error_set(err, "%s: %s is not a tensor of this model", checkpoint_path(checkpoint),
                         tensor->name);
    float *values = array_alloc((size_t)tensor->elements, sizeof *values, err);
    int status =
        values ? checkpoint_read_f32(checkpoint, tensor, 0, tensor->elements, values, err) : -1;
    if (status == 0)
        status = network_write_weight(network, number, values, err);
    free(values);
    return status;
}

int state_overlay_file(const char *path, struct network *network, struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    int status = checkpoint_open(&checkpoint, path, err);
    for (size_t i = 0; status == 0 && i < checkpoint_count(checkpoint); i++)
        status = overlay_tensor(checkpoint, checkpoint_tensor(checkpoint, i), network, err);
    checkpoint_close(checkpoint);
    return status;
}

int state_overlay(const char *folder, struct network *network, struct error *err)
{
    char *path = path_join(folder, files[FILE_WEIGHTS].name, err);
    int status = path ? state_overlay_file(path, network, err) : -1;
    free(path);
    return status;
}

/* What has a state of the optimiser trains; what only has a weight did, and no longer does. */
int state_read_sets(const char *folder, const struct model *model, enum optimizer_kind kind,
                    bool *trained, bool *touched, struct error *err)
{
    struct checkpoint *weights = NULL, *states = NULL;
    char *paths[] = {path_join(folder, files[FILE_WEIGHTS].name, err),
                     path_join(folder, files[FILE_OPTIMIZER].name, err)};
    int status = paths[0] && paths[1] && checkpoint_open(&weights, paths[0], err) == 0 &&
                         checkpoint_open(&states, paths[1], err) == 0
                     ? 0
                     : -1;
    for (size_t i = 0; i < model->parameter_count && status == 0; i++) {
        struct run_tensor tensor = run_tensor(model, 1, i);
        char *name = item_name(&tensor, kind, TENSOR_STATE, err);
        status = name ? 0 : -1;
        trained[i] = name && checkpoint_find(states, name);
        touched[i] = !trained[i] && checkpoint_find(weights, model->parameters[i].name);
        free(name);
    }
    checkpoint_close(weights);
    checkpoint_close(states);
    free(paths[0]);
    free(paths[1]);
    return status;
}
