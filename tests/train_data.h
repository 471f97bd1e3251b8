/* What the trainer's tests against PyTorch share: a case's batch, its transformer, and distances
 * between gradients. Every function fails the test where it cannot do its work. */
#ifndef SPECTRUM_TESTS_TRAIN_DATA_H
#define SPECTRUM_TESTS_TRAIN_DATA_H

#include "test.h"

#include "base/folder.h"
#include "base/json.h"
#include "train/transformer.h"

#include <math.h>
#include <string.h>

/* tests/data/train/NAME; the caller frees. */
static inline char *train_data_path(const char *name)
{
    char file[256];
    snprintf(file, sizeof file, "train/%s", name);
    return path_join(getenv("SPECTRUM_TEST_DATA"), file, NULL);
}

static inline cJSON *train_data_json(const char *name)
{
    struct error err = ERROR_INIT;
    char *path = train_data_path(name);
    cJSON *json = json_read_file(path, 4 << 20, JSON_STRICT, &err);
    if (!json)
        fail_msg("%s", err.text);
    free(path);
    return json;
}

static inline int64_t fill_words(int32_t *out, const cJSON *list)
{
    int64_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) out[count++] = (int32_t)item->valuedouble;
    return count;
}

/* {"ids": [], "offsets": [], "targets": []}; without targets, all but each document's last position
 * are supervised. */
static inline void batch_from_json(struct batch *batch, const cJSON *json)
{
    struct error err = ERROR_INIT;
    const cJSON *targets = json_get(json, "targets");
    if (batch_alloc(batch, 1, cJSON_GetArraySize(json_get(json, "ids")), &err) != 0)
        fail_msg("%s", err.text);
    batch->tokens = fill_words(batch->ids, json_get(json, "ids"));
    batch->documents = (int)fill_words(batch->offsets, json_get(json, "offsets")) - 1;
    batch->supervised = 0;
    if (targets)
        fill_words(batch->targets, targets);
    for (int d = 0; d < batch->documents; d++) {
        for (int32_t t = batch->offsets[d]; t < batch->offsets[d + 1]; t++) {
            bool last = t + 1 == batch->offsets[d + 1];
            batch->positions[t] = t - batch->offsets[d];
            if (!targets)
                batch->targets[t] = last ? -1 : batch->ids[t + 1];
            batch->supervised += batch->targets[t] >= 0;
        }
    }
}

static inline double run_batch(struct transformer *transformer, const struct batch *batch)
{
    struct loss_sums sums;
    struct error err = ERROR_INIT;
    transformer_clear(transformer);
    transformer_run(transformer, batch, true);
    if (transformer_loss(transformer, &sums, &err) != 0)
        fail_msg("%s", err.text);
    return sums.entropy;
}

/* A number that an oracle's JSON must have. */
static inline double oracle_number(const cJSON *json, const char *key)
{
    double value = NAN;
    assert_true(json_get_double(json, key, &value));
    return value;
}

/* The gradients of an oracle's step, which adds up its "batches"; returns its mean loss. */
static inline double run_step(struct transformer *transformer, const cJSON *step,
                              int64_t *supervised)
{
    const cJSON *json;
    struct loss_sums loss;
    struct error err = ERROR_INIT;
    *supervised = 0;
    transformer_clear(transformer);
    cJSON_ArrayForEach(json, json_get(step, "batches"))
    {
        struct batch batch = {0};
        batch_from_json(&batch, json);
        transformer_run(transformer, &batch, true);
        *supervised += batch.supervised;
        batch_free(&batch);
    }
    assert_int_equal(transformer_loss(transformer, &loss, &err), 0);
    return loss.entropy / (double)*supervised;
}

/* What a tensor has in a slot of fp32, by its number (recipe.h); the caller frees. */
static inline float *read_slot_f32(const struct transformer *transformer, size_t tensor,
                                   enum tensor_slot slot)
{
    size_t bytes = (size_t)network_tensor(&transformer->network, tensor).numel * sizeof(float);
    float *values = malloc(bytes);
    struct backend *backend = transformer->network.backend;
    backend->read(backend->self, values, network_place(&transformer->network, tensor, slot), bytes);
    return values;
}

static inline float *read_gradient(const struct transformer *transformer, size_t tensor)
{
    return read_slot_f32(transformer, tensor, TENSOR_GRADIENT);
}

/* |a - b| / |b| */
static inline double relative_distance(const float *a, const float *b, int64_t count)
{
    double squares = 0, norm = 0;
    for (int64_t i = 0; i < count; i++) {
        squares += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(squares / norm);
}

#endif
