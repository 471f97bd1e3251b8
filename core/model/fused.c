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
    THIRDS,        /* query, key and value of one size */
    COLUMN_THIRDS, /* the same of columns */
    PER_HEAD,      /* of each head its query, key and value */
    PER_GROUP,     /* of each key and value its queries, then itself: Falcon's, which may be one */
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
    {"qwen3_vl_moe", "experts.gate_up_proj", COLUMN_HALVES, "moe_intermediate_size"},
    {"qwen3_vl_moe_text", "experts.gate_up_proj", COLUMN_HALVES, "moe_intermediate_size"},
    {"mistral4", "experts.gate_up_proj", HALVES, "moe_intermediate_size"},
    {"granitemoe", "experts.gate_up_proj", HALVES, "intermediate_size"},
    {"granitemoeshared", "experts.gate_up_proj", HALVES, "intermediate_size"},
    {"granitemoehybrid", "experts.gate_up_proj", HALVES, "intermediate_size"},
    {"phi3", "gate_up_proj", HALVES, "intermediate_size"},
    {"glm", "gate_up_proj", HALVES, "intermediate_size"},
    {"glm4", "gate_up_proj", HALVES, "intermediate_size"},
    {"phi3", "qkv_proj", HEADS, NULL},
    {"dbrx", "Wqkv", HEADS, NULL},
    {"mpt", "Wqkv", THIRDS, "d_model"},
    {"gpt2", "attn.c_attn", COLUMN_THIRDS, "n_embd"},
    {"gpt_neox", "query_key_value", PER_HEAD, "hidden_size"},
    {"bloom", "query_key_value", PER_HEAD, "hidden_size"},
    {"falcon", "query_key_value", PER_GROUP, NULL},
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
    if (layout == THIRDS || layout == COLUMN_THIRDS) {
        size[0] = size[1] = size[2] = all / 3;
    } else if (number_of(model, "d_model") > 0) { /* DBRX: d_model is all heads of the query */
        const cJSON *attention = json_get(checkpoint_metadata(model->checkpoint), "attn_config");
        int64_t heads = number_of(model, "n_heads"), kv = 0;
        json_get_int64(attention, "kv_n_heads", &kv);
        size[0] = number_of(model, "d_model");
        size[1] = size[2] = heads > 0 && kv > 0 && kv <= heads ? size[0] / heads * kv : 0;
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

/* A key and a value for each of `groups` of the query's heads, after them. */
static int split_groups(struct matrix_part *out, const struct matrix_part *whole, int64_t heads,
                        int64_t groups)
{
    int64_t queries = groups > 0 && heads % groups == 0 ? heads / groups : 0;
    int64_t size = queries > 0 ? whole->rows / groups / (queries + 2) : 0; /* of a head */
    int64_t step = (queries + 2) * size, first[] = {0, queries * size, (queries + 1) * size};
    if (size < 1 || step * groups != whole->rows)
        return 0;
    for (int i = 0; i < 3; i++)
        out[i] = take(whole, three[i], false,
                      (struct lines){first[i], i == 0 ? queries * size : size, step, groups});
    return 3;
}

/* How many keys Falcon has: its configuration counts them in two of its three forms. */
static int64_t falcon_groups(const struct model *model, int64_t heads)
{
    const cJSON *config = checkpoint_metadata(model->checkpoint);
    bool grouped = false, one = true;
    int64_t said = number_of(model, "num_kv_heads");
    json_get_bool(config, "new_decoder_architecture", &grouped);
    json_get_bool(config, "multi_query", &one);
    if (!grouped)
        return one ? 1 : heads;
    return said > 0 ? said : heads;
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
    bool bloom = strcmp(how->architecture, "bloom") == 0;
    int64_t heads = number_of(model, bloom ? "n_head" : "num_attention_heads");
    switch (how->layout) {
    case HALVES:
    case COLUMN_HALVES:
    case COLUMN_PAIRS:
        return split_two(out, whole, how->layout);
    case PER_HEAD:
        return split_groups(out, whole, heads, heads);
    case PER_GROUP:
        return split_groups(out, whole, heads, falcon_groups(model, heads));
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
