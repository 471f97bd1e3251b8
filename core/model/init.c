/* A model to train from nothing, tensor by tensor in the order of its architecture's table:
 * matrices from a normal distribution of deviation initializer_range, norms 1, biases 0. The
 * numbers come from one stream of base/random.h in that order, so a seed means the same model on
 * every machine. */
#include "model/init.h"

#include "base/folder.h"
#include "base/memory.h"
#include "base/random.h"
#include "checkpoint/safetensors.h"
#include "model/architecture.h"
#include "model/config.h"
#include "model/sidecars.h"
#include "model/trainable.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 96, CHUNK = 4096 };

/* The tensors of a model to be. */
struct tensors {
    struct safetensors_entry *entries;
    char (*names)[NAME_SIZE];
    enum parameter_role *roles;
    size_t count;
};

/* A second size of 0 is a vector. */
static void role_shape(const struct model_config *c, enum parameter_role role, int64_t shape[2])
{
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    const int64_t shapes[ROLE_COUNT][2] = {
        [ROLE_EMBEDDING] = {c->vocab, c->hidden},
        [ROLE_HEAD] = {c->vocab, c->hidden},
        [ROLE_FINAL_NORM] = {c->hidden, 0},
        [ROLE_INPUT_NORM] = {c->hidden, 0},
        [ROLE_MLP_NORM] = {c->hidden, 0},
        [ROLE_Q] = {q, c->hidden},
        [ROLE_K] = {kv, c->hidden},
        [ROLE_V] = {kv, c->hidden},
        [ROLE_O] = {c->hidden, q},
        [ROLE_Q_NORM] = {c->head_dim, 0},
        [ROLE_K_NORM] = {c->head_dim, 0},
        [ROLE_GATE] = {c->intermediate, c->hidden},
        [ROLE_UP] = {c->intermediate, c->hidden},
        [ROLE_DOWN] = {c->hidden, c->intermediate},
    };
    shape[0] = shapes[role][0];
    shape[1] = shapes[role][1];
}

/* One entry of the header, under the name that transformers gives the role. */
static void add(struct tensors *tensors, const struct model_config *config,
                const struct role_name *role, int layer, bool bias)
{
    struct safetensors_entry *entry = &tensors->entries[tensors->count];
    char *name = tensors->names[tensors->count];
    char block[32] = "";
    int64_t shape[2];
    if (layer >= 0)
        snprintf(block, sizeof block, "model.layers.%d.", layer);
    snprintf(name, NAME_SIZE, "%s%s.%s", block, role->hugging_face, bias ? "bias" : "weight");
    role_shape(config, role->role, shape);
    bool vector = bias || shape[1] == 0;
    *entry = (struct safetensors_entry){
        name, DTYPE_F32, vector ? 1 : 2, {shape[0], vector ? 0 : shape[1]}};
    tensors->roles[tensors->count++] = role->role;
}

/* A tied head is no tensor, a norm of heads only there where the architecture has one. */
static void add_role(struct tensors *tensors, const struct model_config *config,
                     const struct role_name *role, int layer)
{
    bool head_norm = role->role == ROLE_Q_NORM || role->role == ROLE_K_NORM;
    if (role->role == ROLE_OTHER || (role->role == ROLE_HEAD && config->tied) ||
        (head_norm && !config->head_norms))
        return;
    add(tensors, config, role, layer, false);
    if (config_has_bias(config, role->role))
        add(tensors, config, role, layer, true);
}

/* Those outside the blocks first, then block by block; both in the order of the roles. */
static int list_tensors(struct tensors *tensors, const struct model_config *config,
                        const struct architecture *architecture, struct error *err)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): config_check() refuses to go without */
    size_t most = architecture->role_count * 2 * ((size_t)config->layers + 1);
    tensors->entries = array_alloc(most, sizeof *tensors->entries, err);
    tensors->names = array_alloc(most, sizeof *tensors->names, err);
    tensors->roles = array_alloc(most, sizeof *tensors->roles, err);
    if (!tensors->entries || !tensors->names || !tensors->roles)
        return -1;
    for (size_t i = 0; i < architecture->role_count; i++)
        if (!architecture->roles[i].in_block)
            add_role(tensors, config, &architecture->roles[i], -1);
    for (int layer = 0; layer < config->layers; layer++)
        for (size_t i = 0; i < architecture->role_count; i++)
            if (architecture->roles[i].in_block)
                add_role(tensors, config, &architecture->roles[i], layer);
    return 0;
}

/* Each number is drawn once, in the order of the file: the seed is the model. */
static int put_values(struct safetensors_writer *writer, const struct safetensors_entry *entry,
                      double deviation, struct random_stream *stream, struct error *err)
{
    float chunk[CHUNK];
    int64_t count = entry->rank == 1 ? entry->shape[0] : entry->shape[0] * entry->shape[1];
    for (int64_t at = 0; at < count; at += CHUNK) {
        int64_t part = count - at < CHUNK ? count - at : CHUNK;
        for (int64_t i = 0; i < part; i++)
            chunk[i] = (float)(deviation * random_normal(stream));
        if (safetensors_writer_put(writer, chunk, (size_t)part * sizeof *chunk, err) != 0)
            return -1;
    }
    return 0;
}

static int put_constant(struct safetensors_writer *writer, int64_t count, float value,
                        struct error *err)
{
    for (int64_t i = 0; i < count; i++)
        if (safetensors_writer_put(writer, &value, sizeof value, err) != 0)
            return -1;
    return 0;
}

/* Vectors draw nothing, so that adding a bias changes no other tensor. */
static int put_all(struct safetensors_writer *writer, const struct tensors *tensors,
                   double deviation, uint64_t seed, struct error *err)
{
    struct random_stream stream = {seed, 0};
    for (size_t i = 0; i < tensors->count; i++) {
        const struct safetensors_entry *entry = &tensors->entries[i];
        enum parameter_role role = tensors->roles[i];
        bool norm = role == ROLE_INPUT_NORM || role == ROLE_MLP_NORM || role == ROLE_FINAL_NORM ||
                    role == ROLE_Q_NORM || role == ROLE_K_NORM;
        int status = entry->rank == 1 ? put_constant(writer, entry->shape[0], norm ? 1 : 0, err)
                                      : put_values(writer, entry, deviation, &stream, err);
        if (status != 0)
            return -1;
    }
    return 0;
}

/* The file is complete and renamed, or not there. */
static int write_weights(const struct model *model, const struct architecture *architecture,
                         const char *out, uint64_t seed, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct tensors tensors = {0};
    struct safetensors_writer writer;
    char *path = path_join(out, "model.safetensors", err);
    int status = path ? list_tensors(&tensors, &model->config, architecture, err) : -1;
    if (status == 0)
        status =
            safetensors_writer_open(&writer, path, tensors.entries, tensors.count, metadata, err);
    if (status == 0) {
        status = put_all(&writer, &tensors, model->config.initializer_range, seed, err);
        if (status == 0)
            status = safetensors_writer_commit(&writer, err);
        else
            safetensors_writer_abort(&writer);
    }
    free(tensors.entries);
    free(tensors.names);
    free(tensors.roles);
    free(path);
    return status;
}

/* Everything that could refuse the configuration is asked before a file is written. model_close()
 * is not for this: there are no parameters, as there are no tensors. */
int model_init(const char *config_folder, const char *out, uint64_t seed, struct error *err)
{
    struct model model = {0};
    const struct architecture *architecture = NULL;
    int status = -1;
    if (checkpoint_open_config(&model.checkpoint, config_folder, err) != 0 ||
        config_read(&model, &architecture, err) != 0)
        goto out;
    model.architecture = architecture ? architecture->name : NULL;
    model.by_roles = architecture && architecture->trainable;
    if (config_check(&model, err) != 0 || config_check_dropout(&model, err) != 0)
        goto out;
    if (model.config.vocab == 0 || model.config.layers == 0) {
        error_set(err, "%s/config.json: vocab_size is missing", config_folder);
        goto out;
    }
    if (!(model.config.initializer_range > 0)) {
        error_set(err,
                  "%s/config.json: \"initializer_range\" is %g: new weights are drawn with that "
                  "deviation, which must be above 0 (0.02 is usual)",
                  config_folder, model.config.initializer_range);
        goto out;
    }
    if (sidecars_copy(config_folder, out, true, err) == 0)
        status = write_weights(&model, architecture, out, seed, err);
out:
    free(model.architecture_name);
    free(model.config.slides);
    buffer_free(&model.notes);
    checkpoint_close(model.checkpoint);
    return status;
}
