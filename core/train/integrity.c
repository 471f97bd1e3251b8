/* What holds a run to its promise: frozen tensors stay what they are to the bit, trained ones move.
 *
 * 1. A tensor's hash is of the values that a step adds to: its master, where it has one, else its
 *    weight, and the scales of a quantised one.
 * 2. Hashes are those of the model as it was loaded; integrity_note_loaded() takes those again that
 *    a state has replaced although they do not train any more.
 * 3. `moved` has for each trained tensor how far its steps surely carry some element; only where
 *    that is more than rounding could hide must its hash differ.
 */
#include "train/integrity.h"

#include "base/hash.h"
#include "base/memory.h"
#include "compute/quantize.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STAGING = 1 << 20 }; /* bytes that are read from the device at once */

struct integrity {
    const struct optimizer *optimizer;
    char (*hashes)[HASH_TEXT_SIZE]; /* [run_tensor_count], "" where there is no such tensor */
    bool *trains;                   /* [run_tensor_count] */
    double *moved; /* [optimizer->count]: the furthest that a step had to move an element */
    struct frozen_count frozen;
};

static size_t tensor_count(const struct integrity *integrity)
{
    return run_tensor_count(integrity->optimizer->transformer->network.model);
}

/* --- hashes --- */

/* Through a staging buffer: the device's memory is not the host's. */
static void hash_place(struct hash *hash, const struct backend *backend, struct place place,
                       size_t bytes, void *staging)
{
    for (size_t at = 0; at < bytes; at += STAGING) {
        size_t part = bytes - at < STAGING ? bytes - at : STAGING;
        backend->read(backend->self, staging, (struct place){place.buffer, place.offset + at},
                      part);
        hash_update(hash, staging, part);
    }
}

/* Of the values that a step adds to, the master where there is one. */
static int hash_tensor(const struct integrity *integrity, size_t tensor, void *staging,
                       char out[HASH_TEXT_SIZE], struct error *err)
{
    const struct network *network = &integrity->optimizer->transformer->network;
    int64_t parameters = network_tensor(network, tensor).numel;
    struct stored_bytes bytes = storage_bytes(network_storage(network, tensor), parameters);
    struct place master = network_place(network, tensor, TENSOR_MASTER);
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    if (master.buffer)
        hash_place(hash, network->backend, master, (size_t)parameters * sizeof(float), staging);
    else
        hash_place(hash, network->backend, network_place(network, tensor, TENSOR_WEIGHT),
                   bytes.data, staging);
    hash_place(hash, network->backend, network_place(network, tensor, TENSOR_SCALES), bytes.scales,
               staging);
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

/* Tensors that the run has no memory for (a tied head, an unused bias) have no hash. */
static int hash_all(struct integrity *integrity, struct error *err)
{
    const struct network *network = &integrity->optimizer->transformer->network;
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? 0 : -1;
    for (size_t i = 0; status == 0 && i < tensor_count(integrity); i++) {
        if (!network_place(network, i, TENSOR_WEIGHT).buffer)
            continue;
        status = hash_tensor(integrity, i, staging, integrity->hashes[i], err);
        integrity->frozen.tensors += !integrity->trains[i];
        integrity->frozen.parameters += integrity->trains[i] ? 0 : network_tensor(network, i).numel;
    }
    free(staging);
    return status;
}

/* Before the first step, when every tensor is as it was loaded. */
int integrity_new(struct integrity **out, const struct optimizer *optimizer, struct error *err)
{
    size_t count = run_tensor_count(optimizer->transformer->network.model);
    struct integrity *integrity = array_alloc(1, sizeof *integrity, err);
    if (!integrity)
        return -1;
    *integrity = (struct integrity){.optimizer = optimizer,
                                    .hashes = array_alloc(count, sizeof *integrity->hashes, err),
                                    .trains = array_alloc(count, sizeof *integrity->trains, err),
                                    .moved = array_alloc(optimizer->count, sizeof(double), err)};
    int status = integrity->hashes && integrity->trains && integrity->moved ? 0 : -1;
    for (size_t i = 0; status == 0 && i < optimizer->count; i++)
        integrity->trains[optimizer->tensors[i]] = true;
    if (status != 0 || hash_all(integrity, err) != 0) {
        integrity_free(integrity);
        return -1;
    }
    *out = integrity;
    return 0;
}

void integrity_free(struct integrity *integrity)
{
    if (!integrity)
        return;
    free(integrity->hashes);
    free(integrity->trains);
    free(integrity->moved);
    free(integrity);
}

struct frozen_count integrity_frozen(const struct integrity *integrity)
{
    return integrity->frozen;
}

/* --- what is compared --- */

static int name_tensor(const struct integrity *integrity, size_t tensor, const char *what,
                       struct error *err)
{
    struct run_tensor is = network_tensor(&integrity->optimizer->transformer->network, tensor);
    char *name = run_tensor_name(&is, err);
    if (name)
        error_set(err, "%s %s", name, what);
    free(name);
    return -1;
}

/* Reads every frozen weight once, before each save. */
int integrity_check_frozen(const struct integrity *integrity, struct error *err)
{
    char now[HASH_TEXT_SIZE];
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? 0 : -1;
    for (size_t i = 0; status == 0 && i < tensor_count(integrity); i++) {
        if (integrity->trains[i] || !integrity->hashes[i][0])
            continue;
        status = hash_tensor(integrity, i, staging, now, err);
        if (status == 0 && strcmp(now, integrity->hashes[i]) != 0)
            status = name_tensor(integrity, i,
                                 "is frozen but has changed: the machine's memory or this program "
                                 "is at fault; resume from the last checkpoint, and report it",
                                 err);
    }
    free(staging);
    return status;
}

/* Tensors that an earlier part of the run has trained and this one freezes: from now on they
 * stay. */
int integrity_note_loaded(struct integrity *integrity, struct error *err)
{
    const struct network *network = &integrity->optimizer->transformer->network;
    size_t count = network->recipe.touched ? network->model->parameter_count : 0;
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? 0 : -1;
    for (size_t i = 0; i < count && status == 0; i++)
        if (network->recipe.touched[i] && !integrity->trains[i])
            status = hash_tensor(integrity, i, staging, integrity->hashes[i], err);
    free(staging);
    return status;
}

/* Of each trained tensor, with n elements: the gradient that the step saw has the root mean square
 *
 *     rms = clip * norm_i / sqrt(n),    clip = min(1, limit / norm)
 *
 * and the step moved its furthest element by at least rate * factor * least_move(rms), as the rule
 * promises. The largest of these over the run is what the end is compared with. */
void integrity_note_step(struct integrity *integrity, double rate, double norm)
{
    const struct optimizer *optimizer = integrity->optimizer;
    double limit = optimizer->settings.clip;
    double clip = limit > 0 && norm > limit ? limit / norm : 1;
    for (size_t i = 0; i < optimizer->count; i++) {
        double factor =
            optimizer->settings.factors ? optimizer->settings.factors[optimizer->tensors[i]] : 1;
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        const struct optimizer_rule *rule =
            optimizer_rule_of(optimizer->transformer->network.recipe.optimizer, tensor.parameter);
        double rms = clip * optimizer->norms[i] / sqrt((double)tensor.numel);
        double least =
            rms > 0 ? rule->least_move(&optimizer->constants, tensor.rows, tensor.cols, rms) : 0;
        double moved = rate * factor * least;
        integrity->moved[i] = fmax(integrity->moved[i], moved);
    }
}

/* Of fp32 values; 0 for others. */
static double largest_value(const struct network *network, struct place place, int64_t count,
                            float *staging)
{
    enum { FLOATS = STAGING / sizeof(float) };
    float largest = 0;
    for (int64_t at = 0; at < count; at += FLOATS) {
        int64_t part = count - at < FLOATS ? count - at : FLOATS;
        struct place from = {place.buffer, place.offset + (size_t)at * sizeof(float)};
        network->backend->read(network->backend->self, staging, from, (size_t)part * sizeof(float));
        for (int64_t i = 0; i < part; i++)
            largest = fmaxf(largest, fabsf(staging[i]));
    }
    return (double)largest;
}

/* Had it to move further than rounding takes back? */
static bool must_differ(const struct integrity *integrity, size_t i, float *staging)
{
    const struct network *network = &integrity->optimizer->transformer->network;
    size_t tensor = integrity->optimizer->tensors[i];
    struct place master = network_place(network, tensor, TENSOR_MASTER);
    if (!master.buffer && network->storage == STORAGE_BF16)
        return false;
    struct place values = master.buffer ? master : network_place(network, tensor, TENSOR_WEIGHT);
    double largest = largest_value(network, values, network_tensor(network, tensor).numel, staging);
    return integrity->moved[i] > fmax(largest * 0x1p-20, (double)FLT_MIN);
}

/* A tensor whose steps were too small to show, or whose rounding may have hidden them, is let
 * pass. */
int integrity_check_trained(const struct integrity *integrity, struct error *err)
{
    const struct optimizer *optimizer = integrity->optimizer;
    char now[HASH_TEXT_SIZE];
    void *staging = array_alloc(1, STAGING, err);
    int status = staging ? 0 : -1;
    for (size_t i = 0; status == 0 && i < optimizer->count; i++) {
        size_t tensor = optimizer->tensors[i];
        if (!(integrity->moved[i] > 0))
            continue;
        status = hash_tensor(integrity, tensor, staging, now, err);
        if (status == 0 && strcmp(now, integrity->hashes[tensor]) == 0 &&
            must_differ(integrity, i, staging))
            status = name_tensor(integrity, tensor,
                                 "trains and has a gradient, but is what it was before the run: "
                                 "this program is at fault; please report it",
                                 err);
    }
    free(staging);
    return status;
}
