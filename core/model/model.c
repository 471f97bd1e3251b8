/* Opening a model, in this order:
 *
 *   1. the checkpoint's files, and from its metadata the architecture and the configuration
 *      (config.h);
 *   2. every tensor becomes a parameter: its Hugging Face name, role, layer and module type, from
 *      the architecture's table of names, or from the name alone where there is none
 *      (add_parameter());
 *   3. what of the names is surprising is noted, once a kind;
 *   4. whether head and embeddings are one tensor, which values may decide (resolve_tie()); without
 *      a descriptor, what its family's parameters are called once loaded (name_as_loaded());
 *   5. the look-up orders (model_index()).
 */
#include "model/model.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/config.h"
#include "model/config_values.h"
#include "model/family.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_ROWS_MAX = 1 << 22 }; /* of a table of tokens */
enum { TENSOR_NAME = 512 };        /* no architecture has longer ones */

/* The number after a prefix ("model.layers." / "blk."), and what follows its dot; NULL: no. */
static const char *after_layer(const char *name, const char *prefix, int *layer)
{
    size_t length = strlen(prefix);
    char *end = NULL;
    if (strncmp(name, prefix, length) != 0 || !isdigit((unsigned char)name[length]))
        return NULL;
    long number = strtol(name + length, &end, 10);
    if (*end != '.' || number > 1000000)
        return NULL;
    *layer = (int)number;
    return end + 1;
}

/* "stem.weight" or "stem.bias" against a stem. */
static bool is_stem(const char *name, const char *stem)
{
    size_t length = strlen(stem);
    return strncmp(name, stem, length) == 0 &&
           (strcmp(name + length, ".weight") == 0 || strcmp(name + length, ".bias") == 0);
}

/* Finds the role, the layer and the Hugging Face name of a tensor; false where the architecture has
 * none of that name. */
static bool find_role(const struct architecture *architecture, bool gguf, const char *name,
                      struct parameter *parameter, struct buffer *full)
{
    int layer = -1;
    const char *inside = after_layer(name, gguf ? "blk." : "model.layers.", &layer);
    const char *suffix = text_ends_with(name, ".bias") ? ".bias" : ".weight";
    for (size_t i = 0; architecture && i < architecture->role_count; i++) {
        const struct role_name *role = &architecture->roles[i];
        const char *stem = gguf ? role->gguf : role->hugging_face;
        if (role->in_block != (inside != NULL) || !is_stem(inside ? inside : name, stem))
            continue;
        parameter->role = role->role;
        parameter->layer = layer;
        if (inside)
            buffer_format(full, "model.layers.%d.%s%s", layer, role->hugging_face, suffix);
        else
            buffer_format(full, "%s%s", role->hugging_face, suffix);
        return true;
    }
    return false;
}

/* As transformers has it, "model." may be missing in front of a name (AutoModel saves so), or be
 * there once too often ("model.lm_head.weight", "model.model.norm.weight"): true for such a name.
 */
static bool name_parameter(const struct architecture *architecture, bool gguf, const char *name,
                           struct parameter *parameter, struct buffer *full)
{
    static const char prefix[] = "model.";
    char longer[sizeof prefix + TENSOR_NAME];
    if (find_role(architecture, gguf, name, parameter, full))
        return false;
    if (!gguf && strncmp(name, prefix, strlen(prefix)) == 0 &&
        find_role(architecture, gguf, name + strlen(prefix), parameter, full))
        return true;
    snprintf(longer, sizeof longer, "%s%.*s", prefix, TENSOR_NAME, name);
    if (!gguf && find_role(architecture, gguf, longer, parameter, full))
        return true;
    name_after_number(name, &parameter->layer);
    buffer_text(full, name);
    return false;
}

static char *parameter_type(const char *name, struct error *err)
{
    size_t length;
    const char *start = module_type(name, &length);
    char *type = strndup(start, length);
    if (!type)
        error_set(err, "not enough memory for a parameter's type");
    return type;
}

/* What was found on the way that model_notes() speaks of. */
struct found {
    const char *renamed, *beyond, *strange; /* the first tensor of each kind */
    int64_t renamed_count, beyond_count, strange_count;
};

/* Has the architecture no place for it? What repeats the rotary embedding's numbers is none. */
static bool is_strange(const struct model *model, const struct parameter *parameter)
{
    bool head_norm = parameter->role == ROLE_Q_NORM || parameter->role == ROLE_K_NORM;
    bool linear = parameter->role >= ROLE_Q && parameter->role <= ROLE_DOWN && !head_norm;
    if (head_norm && !model->config.head_norms)
        return true;
    if (parameter->bias && parameter->role != ROLE_OTHER && !linear)
        return true; /* of an embedding, a norm or the head; trainable.c checks those of layers */
    return parameter->role == ROLE_OTHER && !strstr(parameter->name, "rotary_emb.") &&
           strcmp(parameter->name, "rope_freqs.weight") != 0;
}

static int add_parameter(struct model *model, const struct architecture *architecture,
                         const struct tensor_info *tensor, struct found *found, struct error *err)
{
    bool gguf = checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF;
    struct parameter *parameter = &model->parameters[model->parameter_count];
    struct buffer name = BUFFER_INIT;
    *parameter = (struct parameter){
        .tensor = tensor, .layer = -1, .bias = text_ends_with(tensor->name, ".bias")};
    bool renamed = name_parameter(architecture, gguf, tensor->name, parameter, &name);
    if (buffer_check(&name, err) != 0) {
        buffer_free(&name);
        return -1;
    }
    model->parameter_count++;
    parameter->name = name.data;
    parameter->type = parameter_type(parameter->name, err);
    parameter->cols = tensor->rank ? tensor->shape[tensor->rank - 1] : 1;
    parameter->rows = parameter->cols > 0 ? tensor->elements / parameter->cols : 0;
    parameter->numel = tensor->elements;
    if (renamed && found->renamed_count++ == 0)
        found->renamed = tensor->name;
    if (architecture && parameter->role != ROLE_OTHER && parameter->layer >= model->config.layers) {
        parameter->role = ROLE_OTHER; /* transformers and llama.cpp have no place for it, either */
        if (found->beyond_count++ == 0)
            found->beyond = tensor->name;
    } else if (architecture && architecture->trainable && is_strange(model, parameter)) {
        parameter->role = ROLE_OTHER;
        if (found->strange_count++ == 0)
            found->strange = tensor->name;
    }
    if (gguf && architecture && architecture->gguf_interleaved) {
        /* as many as there are: layers may differ in it, in models that are scanned alone */
        int64_t rows = parameter->bias ? parameter->cols : parameter->rows,
                size = model->config.head_dim;
        int64_t said = parameter->role == ROLE_Q   ? model->config.heads
                       : parameter->role == ROLE_K ? model->config.kv_heads
                                                   : 0;
        parameter->rotary_heads =
            (int)(said > 0 && rows > 0 && rows % size == 0 && rows / size <= 65536 ? rows / size
                                                                                   : said);
    }
    parameter->named = architecture && parameter->role != ROLE_OTHER;
    return parameter->type ? 0 : -1;
}

/* 1 where two tensors have the same values, as torch.equal() has it: NaN is never the same. */
static int are_equal(const struct checkpoint *checkpoint, const struct tensor_info *a,
                     const struct tensor_info *b, struct error *err)
{
    enum { CHUNK = 1 << 20 };
    if (a->rank != b->rank || memcmp(a->shape, b->shape, sizeof a->shape) != 0)
        return 0;
    float *values = array_alloc(2 * CHUNK, sizeof *values, err);
    int equal = values ? 1 : -1;
    for (int64_t at = 0; equal == 1 && at < a->elements; at += CHUNK) {
        int64_t count = a->elements - at < CHUNK ? a->elements - at : CHUNK;
        if (checkpoint_read_f32(checkpoint, a, at, count, values, err) != 0 ||
            checkpoint_read_f32(checkpoint, b, at, count, values + CHUNK, err) != 0)
            equal = -1;
        for (int64_t i = 0; equal == 1 && i < count; i++)
            equal = values[i] == values[CHUNK + i];
    }
    free(values);
    return equal;
}

/* The parameter that a file without the one of this name has for it: the same tensor, called so. */
static int rename_parameter(struct parameter *parameter, const char *name, struct error *err)
{
    free(parameter->name);
    free(parameter->type);
    parameter->name = string_copy(name, err);
    parameter->type = parameter->name ? parameter_type(name, err) : NULL;
    return parameter->type ? 0 : -1;
}

/* What "tie_word_embeddings" comes to with the tensors that are there, as transformers 5 has it
 * (PreTrainedModel.tie_weights): a head with values of its own stays one, and a head without
 * embeddings is both. */
static int resolve_tie(struct model *model, struct error *err)
{
    struct parameter *embedding = NULL, *head = NULL;
    const char *path = checkpoint_path(model->checkpoint);
    if (!model->config.tied || checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF)
        return 0;
    for (size_t i = 0; i < model->parameter_count; i++) {
        struct parameter *parameter = &model->parameters[i];
        if (parameter->role == ROLE_EMBEDDING && !parameter->bias)
            embedding = parameter;
        else if (parameter->role == ROLE_HEAD && !parameter->bias)
            head = parameter;
    }
    if (!head || (embedding && (embedding->tensor->dtype == DTYPE_UNSUPPORTED ||
                                head->tensor->dtype == DTYPE_UNSUPPORTED)))
        return 0;
    if (!embedding) {
        config_note(model,
                    "%s: head and embeddings are tied, and %s is all that is stored of them: "
                    "it is read as model.embed_tokens.weight",
                    path, head->tensor->name);
        head->role = ROLE_EMBEDDING;
        return rename_parameter(head, "model.embed_tokens.weight", err);
    }
    int equal = are_equal(model->checkpoint, embedding->tensor, head->tensor, err);
    if (equal == 0) {
        model->config.tied = false;
        config_note(model,
                    "%s: config.json ties head and embeddings, but %s and %s are not equal: "
                    "both are used, as transformers 5 does",
                    path, head->tensor->name, embedding->tensor->name);
    }
    return equal < 0 ? -1 : 0;
}

/* --- names of a family without a descriptor --- */

static int compare_loaded(const void *a, const void *b)
{
    const struct parameter *x = *(struct parameter *const *)a, *y = *(struct parameter *const *)b;
    int order = strcmp(x->loaded, y->loaded);
    return order ? order : (x > y) - (x < y);
}

/* Tensors that become one parameter are counted; one that becomes one gets its name. */
static int take_loaded(struct parameter **of, size_t count, struct error *err)
{
    if (strcmp(of[0]->loaded, "-") == 0) { /* buffers: they keep their names, and never train */
        for (size_t i = 0; i < count; i++) {
            free(of[i]->loaded);
            of[i]->loaded = NULL;
            of[i]->buffer = true;
        }
        return 0;
    }
    if (count == 1 && !strchr(of[0]->loaded, '|')) {
        char *name = of[0]->loaded;
        of[0]->loaded = NULL;
        int status = strcmp(name, of[0]->name) != 0 ? rename_parameter(of[0], name, err) : 0;
        free(name);
        return status;
    }
    for (size_t i = 0; i < count; i++)
        of[i]->loaded_parts = (int)count;
    return 0;
}

/* Gives the tensors of a Hugging Face folder the names that they have once loaded (family.h). */
static int name_as_loaded(struct model *model, struct error *err)
{
    const struct family *family =
        model->architecture_name && checkpoint_format(model->checkpoint) != CHECKPOINT_GGUF
            ? family_by_type(model->architecture_name)
            : NULL;
    size_t count = model->parameter_count;
    struct parameter **of = family ? array_alloc(count, sizeof *of, err) : NULL;
    if (!family)
        return 0;
    int status = of ? 0 : -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        struct buffer loaded = BUFFER_INIT;
        of[i] = &model->parameters[i];
        of[i]->named = family_put_loaded(&loaded, family, of[i]->name);
        status = buffer_check(&loaded, err);
        of[i]->loaded = loaded.data; /* free() frees it */
    }
    if (status == 0)
        qsort(of, count, sizeof *of, compare_loaded);
    for (size_t i = 0, end; status == 0 && i < count; i = end) {
        for (end = i + 1; end < count && strcmp(of[i]->loaded, of[end]->loaded) == 0;)
            end++;
        status = take_loaded(of + i, end - i, err);
    }
    free(of);
    return status;
}

/* One line a kind, with the first name and how many there are: thousands of tensors may be
 * alike. */
static void note_names(struct model *model, const struct found *found)
{
    const char *path = checkpoint_path(model->checkpoint);
    if (found->renamed_count > 0)
        config_note(
            model,
            "%s: the name of %.200s, the first of %lld such, has no \"model.\" in front, or one "
            "too many: it is read under transformers' name, as transformers does",
            path, found->renamed, (long long)found->renamed_count);
    if (found->beyond_count > 0)
        config_note(
            model,
            "%s: %.200s, the first of %lld such, is of a layer that the configuration has not "
            "(it has %lld): it takes no part",
            path, found->beyond, (long long)found->beyond_count, (long long)model->config.layers);
    if (found->strange_count > 0)
        config_note(model,
                    "%s: %.200s, the first of %lld such, has no place in %s %s: it takes no part",
                    path, found->strange, (long long)found->strange_count,
                    text_a(model->architecture_name), model->architecture_name);
}

/* Of the first of experts that have tensors of their own, "x.experts.0.w1.weight", how many there
 * are; 0: it is none. */
static int64_t experts_beside(const struct model *model, const struct parameter *parameter)
{
    static const char word[] = "experts.0.";
    char name[1200];
    const char *own = parameter->tensor->name, *at = strstr(own, word);
    int64_t count = 0;
    if (!at)
        return 0;
    int before = (int)(at - own + (ptrdiff_t)strlen("experts."));
    do
        snprintf(name, sizeof name, "%.*s%lld%s", before, own, (long long)++count,
                 own + before + 1);
    while (checkpoint_find(model->checkpoint, name));
    return count;
}

/* A configuration of another model of the family: whoever loads this one would find other shapes,
 * or experts that the file has not, or not use those that it has. */
static void note_experts(struct model *model)
{
    const char *key;
    const struct parameter *first = NULL;
    int64_t said = model_configured_experts(model, &key), there = 0, others = 0;
    for (size_t i = 0; said > 0 && i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        int64_t has = experts_beside(model, parameter);
        if (has == 0 && (has = parameter_matrices(model, parameter)) == 1)
            continue;
        if (has == said)
            continue;
        if (others++ == 0) {
            first = parameter;
            there = has;
        }
    }
    if (first)
        config_note(model,
                    "%s: %.200s, the first of %lld such, %s %lld expert%s, and \"%s\" in the "
                    "configuration is %lld: one of the two is another model's",
                    checkpoint_path(model->checkpoint), first->tensor->name, (long long)others,
                    experts_beside(model, first) ? "is of" : "has", (long long)there,
                    text_s((uint64_t)there), key, (long long)said);
}

int model_open(struct model **out, const char *path, struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    *out = NULL;
    return checkpoint_open(&checkpoint, path, err) == 0 ? model_of(out, checkpoint, err) : -1;
}

/* The checkpoint is the model's from here on, also where this fails. */
int model_of(struct model **out, struct checkpoint *checkpoint, struct error *err)
{
    const struct architecture *architecture = NULL;
    struct found found = {0};
    *out = NULL;
    struct model *model = array_alloc(1, sizeof *model, err);
    if (!model) {
        checkpoint_close(checkpoint);
        return -1;
    }
    model->checkpoint = checkpoint;
    if (config_read(model, &architecture, err) != 0)
        goto fail;
    model->architecture = architecture ? architecture->name : NULL;
    model->by_roles = architecture && architecture->trainable;
    const char *notes = checkpoint_notes(model->checkpoint);
    while (*notes) {
        size_t length = strcspn(notes, "\n");
        config_note(model, "%.*s", (int)length, notes);
        notes += length + 1;
    }
    size_t count = checkpoint_count(model->checkpoint);
    model->parameters = array_alloc(count, sizeof *model->parameters, err);
    if (!model->parameters)
        goto fail;
    for (size_t i = 0; i < count; i++)
        if (add_parameter(model, architecture, checkpoint_tensor(model->checkpoint, i), &found,
                          err) != 0)
            goto fail;
    note_names(model, &found);
    if ((architecture ? resolve_tie(model, err) : name_as_loaded(model, err)) != 0 ||
        model_index(model, err) != 0)
        goto fail;
    note_experts(model);
    *out = model;
    return 0;
fail:
    model_close(model);
    return -1;
}

void model_close(struct model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->parameter_count; i++) {
        free(model->parameters[i].name);
        free(model->parameters[i].type);
        free(model->parameters[i].loaded);
    }
    free(model->parameters);
    free(model->by_name);
    free(model->by_role);
    free(model->architecture_name);
    free(model->config.slides);
    buffer_free(&model->notes);
    checkpoint_close(model->checkpoint);
    free(model);
}

/* For added tokens: embedding and head get rows that the file does not have, which a run
 * initialises. */
int model_add_rows(struct model *model, int64_t rows, struct error *err)
{
    if (rows < 0 || rows > MODEL_ROWS_MAX)
        return error_set(err, "%lld tokens; a model has at most %d", (long long)rows,
                         MODEL_ROWS_MAX);
    for (size_t i = 0; i < model->parameter_count; i++) {
        struct parameter *parameter = &model->parameters[i];
        bool table = parameter->role == ROLE_EMBEDDING || parameter->role == ROLE_HEAD;
        if (!table || parameter->bias || parameter->tensor->rank != 2 || parameter->rows < 1 ||
            rows <= parameter->rows)
            continue;
        parameter->added_rows += rows - parameter->rows;
        parameter->rows = rows;
        parameter->numel = rows * parameter->cols;
    }
    if (rows > model->config.vocab)
        model->config.vocab = rows;
    return 0;
}

/* --- whole matrices, with the rotary rows of GGUF files put back into Hugging Face's order --- */

/* llama.cpp's converter stores row j + p * d/2 of a head (p = 0, 1) as row 2 j + p; this puts the
 * rows back, head by head. */
static int deinterleave(const struct parameter *parameter, float *matrix, struct error *err)
{
    /* A bias is 1 x n here: its "rows" are its elements. */
    int64_t rows = parameter->bias ? parameter->cols : parameter->rows;
    int64_t cols = parameter->bias ? 1 : parameter->cols;
    int heads = parameter->rotary_heads;
    if (heads == 0 || parameter->numel == 0)
        return 0;
    if (rows % heads != 0 || rows / heads % 2 != 0)
        return error_set(err, "tensor %s: %lld rows do not make %d rotary heads",
                         parameter->tensor->name, (long long)rows, heads);
    int64_t head_dim = rows / heads;
    size_t row = (size_t)cols * sizeof *matrix;
    char *copy = array_alloc((size_t)head_dim, row, err);
    if (!copy)
        return -1;
    for (int h = 0; h < heads; h++) {
        char *head = (char *)matrix + (size_t)(h * head_dim) * row;
        memcpy(copy, head, (size_t)head_dim * row);
        for (int64_t j = 0; j < head_dim / 2; j++)
            for (int64_t p = 0; p < 2; p++)
                memcpy(head + (size_t)(j + p * (head_dim / 2)) * row,
                       copy + (size_t)(2 * j + p) * row, row);
    }
    free(copy);
    return 0;
}

/* The rows after the tensor's own: the mean of those, each column summed in fp64. */
static int fill_added(const struct parameter *parameter, float *matrix, struct error *err)
{
    int64_t cols = parameter->cols, own = parameter->rows - parameter->added_rows;
    double *sums = array_alloc((size_t)cols, sizeof *sums, err);
    if (!sums)
        return -1;
    for (int64_t i = 0; i < own; i++)
        for (int64_t j = 0; j < cols; j++)
            sums[j] += (double)matrix[i * cols + j];
    for (int64_t i = own; i < parameter->rows; i++)
        for (int64_t j = 0; j < cols; j++)
            matrix[i * cols + j] = (float)(sums[j] / (double)own);
    free(sums);
    return 0;
}

int model_read_f32(const struct model *model, const struct parameter *parameter, float *out,
                   struct error *err)
{
    int64_t own = parameter->numel - parameter->added_rows * parameter->cols;
    if (checkpoint_read_f32(model->checkpoint, parameter->tensor, 0, own, out, err) != 0)
        return -1;
    return parameter->added_rows > 0 ? fill_added(parameter, out, err)
                                     : deinterleave(parameter, out, err);
}
