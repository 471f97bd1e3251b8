#include "model/fused.h"

#include "base/text.h"

#include <string.h>

/* How projections lie in their matrix. Its outputs are its rows, or its columns where the model has
 * it as [in, out]. */
enum layout {
    HALVES,        /* gate, then up */
    COLUMN_HALVES, /* the same of columns */
    COLUMN_PAIRS,  /* of each pair of columns the first is the gate's, the second up's */
    HEADS,         /* query, then key, then value, by the numbers of heads */
    COLUMN_THIRDS, /* query, key and value of one size, in columns */
    PER_HEAD,      /* of each head its query, key and value */
    LINEAR_HEADS,  /* as HEADS, of a linear attention's heads */
};

/* By config.json's model_type and the end of the module's name, as transformers' modeling files have
 * it (5.23). `size`: what config.json calls the size of each projection, NULL where heads say it. */
static const struct fused {
    const char *architecture, *module;
    enum layout layout;
    const char *size;
} known[] = {
    {"gpt_oss", "experts.gate_up_proj", COLUMN_PAIRS, "intermediate_size"},
    {"llama4", "experts.gate_up_proj", COLUMN_HALVES, "intermediate_size"},
    {"llama4_text", "experts.gate_up_proj", COLUMN_HALVES, "intermediate_size"},
    {"qwen3_5_moe", "experts.gate_up_proj", HALVES, "moe_intermediate_size"},
    {"qwen3_5_moe_text", "experts.gate_up_proj", HALVES, "moe_intermediate_size"},
    {"mistral4", "experts.gate_up_proj", HALVES, "moe_intermediate_size"},
    {"granitemoe", "experts.gate_up_proj", HALVES, "intermediate_size"},
    {"granitemoeshared", "experts.gate_up_proj", HALVES, "intermediate_size"},
    {"granitemoehybrid", "experts.gate_up_proj", HALVES, "intermediate_size"},
    {"phi3", "gate_up_proj", HALVES, "intermediate_size"},
    {"glm", "gate_up_proj", HALVES, "intermediate_size"},
    {"glm4", "gate_up_proj", HALVES, "intermediate_size"},
    {"phi3", "qkv_proj", HEADS, NULL},
    {"gpt2", "attn.c_attn", COLUMN_THIRDS, "n_embd"},
    {"gpt_neox", "query_key_value", PER_HEAD, "hidden_size"},
    {"bloom", "query_key_value", PER_HEAD, "hidden_size"},
    {"qwen3_5", "in_proj_qkv", LINEAR_HEADS, NULL},
    {"qwen3_5_text", "in_proj_qkv", LINEAR_HEADS, NULL},
    {"qwen3_5_moe", "in_proj_qkv", LINEAR_HEADS, NULL},
    {"qwen3_5_moe_text", "in_proj_qkv", LINEAR_HEADS, NULL},
};

/* What matrices of several projections are called. */
static const char *const fused_names[] = {
    "gate_up_proj",    "gate_up", "input_linear", "qkv_proj", "qkv",
    "query_key_value", "Wqkv",    "c_attn",       "attn_qkv", "in_proj_qkv",
    "in_proj_qkvz",    "W_pack",  "qkv_mlp",      "wqkv"};

static bool ends_with_component(const char *module, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length >= size && strncmp(module + length - size, end, size) == 0 &&
           (length == size || module[length - size - 1] == '.');
}

static bool is_fused(const struct parameter *parameter, size_t length)
{
    if (parameter->role == ROLE_QKV || parameter->role == ROLE_GATE_UP)
        return true;
    for (size_t i = 0; i < sizeof fused_names / sizeof *fused_names; i++)
        if (ends_with_component(parameter->name, length, fused_names[i]))
            return true;
    return false;
}

/* --- sizes --- */

/* A number of the configuration, of its language model where it has several parts; 0: none. */
static int64_t number_of(const struct model *model, const char *key)
{
    const cJSON *config = checkpoint_metadata(model->checkpoint);
    int64_t value = 0;
    if (!json_get_int64(config, key, &value))
        json_get_int64(json_get(config, "text_config"), key, &value);
    return value > 0 && value < INT64_C(1) << 30 ? value : 0;
}

/* Of query, key and value, in rows of the matrix. False: the configuration does not say. */
static bool sizes_of(const struct model *model, enum layout layout, int64_t all, int64_t size[3])
{
    const struct model_config *c = &model->config;
    if (layout == COLUMN_THIRDS) {
        size[0] = size[1] = size[2] = all / 3;
    } else if (layout == LINEAR_HEADS) {
        size[0] = size[1] =
            number_of(model, "linear_num_key_heads") * number_of(model, "linear_key_head_dim");
        size[2] =
            number_of(model, "linear_num_value_heads") * number_of(model, "linear_value_head_dim");
    } else {
        size[0] = c->heads * c->head_dim; /* HEADS: of architectures that are known here */
        size[1] = size[2] = c->kv_heads * c->head_dim;
    }
    return size[0] > 0 && size[2] > 0 && size[0] + size[1] + size[2] == all;
}

/* --- parts --- */

static const char *const three[] = {"q", "k", "v"}, *const two[] = {"gate", "up"};

static struct matrix_part take(const struct matrix_part *whole, const char *name, bool columns,
                               struct lines lines)
{
    struct matrix_part part = *whole;
    part.projection = name;
    *(columns ? &part.over : &part.down) = lines;
    *(columns ? &part.cols : &part.rows) = lines.run * lines.count;
    return part;
}

/* gate and up: rows one after the other, columns one after the other, or columns in turn. */
static int split_two(struct matrix_part *out, const struct matrix_part *whole, enum layout layout)
{
    bool columns = layout != HALVES;
    int64_t all = columns ? whole->cols : whole->rows, half = all / 2;
    if (all % 2 != 0 || half < 1)
        return 0;
    for (int i = 0; i < 2; i++) {
        struct lines lines = layout == COLUMN_PAIRS ? (struct lines){i, 1, 2, half}
                                                    : (struct lines){i * half, half, half, 1};
        out[i] = take(whole, two[i], columns, lines);
    }
    return 2;
}

static int split_per_head(struct matrix_part *out, const struct matrix_part *whole, int64_t heads)
{
    int64_t size = heads > 0 ? whole->rows / heads / 3 : 0;
    if (size < 1 || size * heads * 3 != whole->rows)
        return 0;
    for (int i = 0; i < 3; i++)
        out[i] = take(whole, three[i], false, (struct lines){i * size, size, 3 * size, heads});
    return 3;
}

/* q, k and v one after the other, of sizes that heads and their number give. */
static int split_three(struct matrix_part *out, const struct model *model,
                       const struct matrix_part *whole, enum layout layout)
{
    bool columns = layout == COLUMN_THIRDS;
    int64_t size[3], first = 0;
    if (!sizes_of(model, layout, columns ? whole->cols : whole->rows, size))
        return 0;
    for (int i = 0; i < 3; i++) {
        out[i] = take(whole, three[i], columns, (struct lines){first, size[i], size[i], 1});
        first += size[i];
    }
    return 3;
}

static int split_by_layout(struct matrix_part *out, const struct model *model,
                           const struct matrix_part *whole, const struct fused *how)
{
    switch (how->layout) {
    case HALVES:
    case COLUMN_HALVES:
    case COLUMN_PAIRS:
        return split_two(out, whole, how->layout);
    case PER_HEAD:
        return split_per_head(out, whole,
                              number_of(model, strcmp(how->architecture, "bloom") == 0
                                                   ? "n_head"
                                                   : "num_attention_heads"));
    default:
        return split_three(out, model, whole, how->layout);
    }
}

/* Any even number of rows has halves: they are projections where each is as large as the
 * configuration says, as far as it does. */
static int split(struct matrix_part *out, const struct model *model,
                 const struct matrix_part *whole, const struct fused *how)
{
    int count = split_by_layout(out, model, whole, how);
    int64_t said = how->size ? number_of(model, how->size) : 0;
    bool columns =
        how->layout == COLUMN_HALVES || how->layout == COLUMN_PAIRS || how->layout == COLUMN_THIRDS;
    return count > 0 && said > 0 && (columns ? out[0].cols : out[0].rows) != said ? 0 : count;
}

int fused_parts(struct matrix_part out[FUSED_MAX], int *count, const struct model *model,
                const struct matrix_part *whole, struct error *err)
{
    const struct parameter *parameter = whole->parameter;
    const char *architecture = model->architecture        ? model->architecture
                               : model->architecture_name ? model->architecture_name
                                                          : "";
    size_t length = module_name_length(parameter->name);
    *count = 0;
    if (parameter->bias || !is_fused(parameter, length))
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].architecture, architecture) != 0 ||
            !ends_with_component(parameter->name, length, known[i].module))
            continue;
        *count = split(out, model, whole, &known[i]);
        return *count > 0
                   ? 0
                   : error_set(err,
                               "%s: %lld x %lld is not what the configuration's heads and "
                               "sizes make of it, so its projections cannot be scored apart",
                               parameter->name, (long long)whole->rows, (long long)whole->cols);
    }
    return error_set(err,
                     "%s: how its projections lie in it is not known for the architecture \"%s\", "
                     "so they cannot be scored apart; without --split-fused it is scored as one",
                     parameter->name, architecture);
}
