#include "job/export/shards.h"

#include "base/json_writer.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which tensor is in which file --- */

/* Alphabetical, but for numbers between two dots, which are numbers: layers.2 before layers.10. In
 * one place all names have a number, or none has. */
static int compare_in_model(const void *a, const void *b)
{
    const char *x = ((const struct part *)a)->parameter->name;
    const char *y = ((const struct part *)b)->parameter->name;
    for (;;) {
        size_t x_length = strcspn(x, "."), y_length = strcspn(y, ".");
        size_t shorter = x_length < y_length ? x_length : y_length;
        bool numbers = strspn(x, "0123456789") == x_length && strspn(y, "0123456789") == y_length;
        if (numbers && x_length != y_length)
            return x_length < y_length ? -1 : 1;
        int order = memcmp(x, y, shorter);
        if (order != 0)
            return order;
        if (x_length != y_length)
            return x_length < y_length ? -1 : 1;
        if (!x[x_length] || !y[y_length])
            return (x[x_length] != '\0') - (y[y_length] != '\0');
        x += x_length + 1;
        y += y_length + 1;
    }
}

/* safetensors' writer: wide types first. */
static int compare_in_file(const void *a, const void *b)
{
    static const int width[DTYPE_COUNT] = {
        [DTYPE_F64] = 4, [DTYPE_F32] = 3, [DTYPE_BF16] = 2, [DTYPE_F16] = 1};
    const struct part *x = a, *y = b;
    if (x->shard != y->shard)
        return x->shard < y->shard ? -1 : 1;
    if (x->dtype != y->dtype)
        return width[y->dtype] - width[x->dtype];
    return strcmp(x->parameter->name, y->parameter->name);
}

/* Files are numbered as they are ended: one that is being filled has no number yet. */
void shards_assign(struct part *parts, size_t count, uint64_t size, size_t *shards)
{
    size_t ended = 0, filling = 0; /* parts[filling..i) without number are being filled */
    uint64_t filled = 0;
    const size_t none = SIZE_MAX;
    if (count > 0)
        qsort(parts, count, sizeof *parts, compare_in_model);
    for (size_t i = 0; i <= count; i++) {
        bool all = i == count;
        if (!all && size > 0 && parts[i].bytes > size) {
            parts[i].shard = ended++;
            continue;
        }
        if (filled > 0 && (all || (size > 0 && filled + parts[i].bytes > size))) {
            for (; filling < i; filling++)
                if (parts[filling].shard == none)
                    parts[filling].shard = ended;
            ended++;
            filled = 0;
        }
        if (!all) {
            parts[i].shard = none;
            filled += parts[i].bytes;
        }
    }
    if (count > 0)
        qsort(parts, count, sizeof *parts, compare_in_file);
    *shards = ended > 0 ? ended : 1;
}

void shard_name(char out[SHARD_NAME_SIZE], size_t shard, size_t shards)
{
    if (shards == 1)
        snprintf(out, SHARD_NAME_SIZE, "model.safetensors");
    else
        snprintf(out, SHARD_NAME_SIZE, "model-%05zu-of-%05zu.safetensors", shard + 1, shards);
}

/* --- the index --- */

static int compare_names(const void *a, const void *b)
{
    const struct part *const *x = a, *const *y = b;
    return strcmp((*x)->parameter->name, (*y)->parameter->name);
}

/* {"metadata": {"total_parameters": .., "total_size": ..}, "weight_map": {"<name>": "<file>"}}, the
 * names in alphabetical order and the layout Python's json.dumps(indent=2). */
int shards_put_index(struct buffer *out, const struct part *parts, size_t count, size_t shards,
                     struct error *err)
{
    const struct part **sorted = array_alloc(count, sizeof *sorted, err);
    struct json_writer json = {.out = out};
    uint64_t values = 0, bytes = 0;
    if (!sorted)
        return -1;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &parts[i];
        values += (uint64_t)parts[i].parameter->numel;
        bytes += parts[i].bytes;
    }
    qsort(sorted, count, sizeof *sorted, compare_names);
    json_object(&json, NULL);
    json_layout(&json, JSON_INDENTED);
    json_object(&json, "metadata");
    json_layout(&json, JSON_INDENTED);
    json_count(&json, "total_parameters", values);
    json_count(&json, "total_size", bytes);
    json_end(&json);
    json_object(&json, "weight_map");
    json_layout(&json, JSON_INDENTED);
    for (size_t i = 0; i < count; i++) {
        char name[SHARD_NAME_SIZE];
        shard_name(name, sorted[i]->shard, shards);
        json_text(&json, sorted[i]->parameter->name, name);
    }
    json_end(&json);
    json_end(&json);
    free(sorted);
    return json_finish(&json, err);
}
