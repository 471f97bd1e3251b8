/* What a model consists of, once it is opened: its configuration, and its parameters, each one
 * weight or bias under its Hugging Face name, whatever the file calls it. model_open() (model.h)
 * makes and model_close() frees all of it; what is asked here changes nothing.
 *
 * A module is what PyTorch calls so, a layer with a weight and perhaps a bias; scans and plans name
 * modules, this table has their parameters. */
#ifndef SPECTRUM_MODEL_PARAMETERS_H
#define SPECTRUM_MODEL_PARAMETERS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "checkpoint/checkpoint.h"

enum parameter_role {
    ROLE_OTHER = 0,
    ROLE_EMBEDDING,  /* model.embed_tokens     [vocab, hidden] */
    ROLE_HEAD,       /* lm_head                [vocab, hidden] */
    ROLE_FINAL_NORM, /* model.norm             [hidden] */
    ROLE_INPUT_NORM, /* input_layernorm        [hidden] */
    ROLE_MLP_NORM,   /* the norm in front of the MLP: post_attention_layernorm [hidden] */
    ROLE_Q,          /* self_attn.q_proj       [heads * head_dim, hidden] */
    ROLE_K,          /* self_attn.k_proj       [kv_heads * head_dim, hidden] */
    ROLE_V,          /* self_attn.v_proj */
    ROLE_QKV,        /* self_attn.qkv_proj     [(heads + 2 kv_heads) * head_dim, hidden] */
    ROLE_O,          /* self_attn.o_proj       [hidden, heads * head_dim] */
    ROLE_Q_NORM,     /* self_attn.q_norm       [head_dim] */
    ROLE_K_NORM,     /* self_attn.k_norm */
    ROLE_GATE,       /* mlp.gate_proj          [intermediate, hidden] */
    ROLE_UP,         /* mlp.up_proj */
    ROLE_GATE_UP,    /* mlp.gate_up_proj       [2 * intermediate, hidden] */
    ROLE_DOWN,       /* mlp.down_proj          [hidden, intermediate] */
    ROLE_COUNT
};

struct parameter {
    char *name;   /* full tensor name: "model.layers.7.mlp.down_proj.weight", as transformers calls
                   it once loaded, where that is one tensor; else as the file does */
    char *loaded; /* the loaded tensor that it is a part of, together with others; several,
                         with "|" between them, where it becomes those; NULL: it is one, its name */
    int loaded_parts; /* how many tensors of the file make that one, this among them; 0: none */
    bool named;       /* is it known what transformers calls it? */
    bool buffer;      /* it is no parameter of the loaded model, and takes no part in training */
    char *type; /* "mlp.down_proj", which rows of a scan are ranked within; "model.embed_tokens",
                   "lm_head" for those */
    bool bias;  /* the name ends in ".bias" */
    int layer;  /* block number: the first number in the name; -1 where there is none */
    enum parameter_role role;
    const struct tensor_info *tensor;
    int64_t rows, cols; /* a 1-D tensor is 1 x n */
    int64_t numel;      /* rows * cols */
    int64_t added_rows; /* of these rows: after the tensor's own, by model_add_rows() */
    int rotary_heads;   /* > 0: rows are interleaved per head (GGUF) and are put back on reading */
};

/* Dynamic is plain as far as the configuration's positions go. */
enum rope_scaling {
    ROPE_PLAIN,
    ROPE_LLAMA3,
    ROPE_LINEAR,
    ROPE_DYNAMIC,
    ROPE_YARN,
    ROPE_UNSUPPORTED
};

struct model_config {
    int64_t hidden, intermediate, layers, heads, kv_heads, head_dim, vocab, max_positions;
    char activation[32]; /* "hidden_act", as it is called there */
    double norm_eps, rope_theta, initializer_range;
    double attention_dropout; /* counts in training alone */
    enum rope_scaling rope_scaling;
    double rope_factor, rope_low_freq, rope_high_freq, rope_original_positions;
    double rope_beta_fast, rope_beta_slow, rope_attention; /* YaRN's; the last times cos and sin */
    bool rope_truncate;
    bool rope_scaled;    /* by model_scale_rope(): not what the file says */
    bool tied;           /* head and embedding are one tensor */
    bool attention_bias; /* on q, k, v and o as the tensors say */
    bool mlp_bias;
    bool qkv_bias, head_norms; /* architecture.h */
    /* sliding attention: tokens that a query sees, its own among them; 0: none. `slides` says of
     * each layer whether it has the window; NULL: all have. It is the model's. */
    int64_t window;
    bool *slides;
    int64_t bos_token; /* -1: none; what ends a text: text/generation.h */
};

struct model {
    struct checkpoint *checkpoint;
    const char *architecture;     /* "llama", or NULL: unknown */
    bool by_roles;                /* it is one that is computed here: what has no role is not its */
    char *architecture_name;      /* as the file says it, for messages: "LlamaForCausalLM" */
    struct model_config config;   /* meaningful only with an architecture */
    struct error refusal;         /* why its configuration cannot be computed; ERROR_NONE: it can */
    struct buffer notes;          /* model_notes() */
    struct parameter *parameters; /* in file order */
    size_t parameter_count;
    const struct parameter **by_name; /* in the order of strcmp(): for model_find() */
    const struct parameter **by_role; /* by layer, role, bias: for model_role() */
};

/* When all parameters have their names and roles: what model_find() and model_role() look them up
 * by.
 */
int model_index(struct model *model, struct error *err);

/* By full tensor name; NULL where there is none. */
const struct parameter *model_find(const struct model *model, const char *name);
/* The parameter of a role in a block (-1 outside blocks), weight or bias; NULL where there is none.
 */
const struct parameter *model_role(const struct model *model, enum parameter_role role, int layer,
                                   bool bias);

/* Where the files mean something else than they seem to (a head that is not tied although the
 * configuration says so, tensors that are there twice): a line each, for standard error; "" where
 * there is nothing to say. */
const char *model_notes(const struct model *model);

/* The window of a layer's attention; 0: it sees all. */
static inline int64_t model_window(const struct model_config *config, int64_t layer)
{
    return config->slides && !config->slides[layer] ? 0 : config->window;
}

/* True for an lm_head that the file stores beside embeddings to which the configuration ties it. */
bool parameter_is_tied_copy(const struct model *model, const struct parameter *parameter);
/* True if the parameter takes part in the computation: it has a role, unless the model is not computed
 * here and its roles are not all known, and is neither a tied copy nor a buffer. */
bool parameter_is_used(const struct model *model, const struct parameter *parameter);

/* The tokens' embedding, or the head? By its role, or, where the architecture is not known, its name. */
enum parameter_end { NO_END, END_EMBEDDING, END_HEAD };
enum parameter_end parameter_end(const struct model *model, const struct parameter *parameter);
/* How many tokens there are: the configuration's number, or, where the architecture is not known, the
 * embedding's rows; 0: not known. */
int64_t model_vocab(const struct model *model);

/* Values of all parameters; tied embeddings are one tensor, counted once. */
int64_t model_numel(const struct model *model);

/* How many tensors the loaded model has of them: those of several that become one are one. */
size_t model_loaded_count(const struct model *model);

/* The length of a name without ".weight", unless it is just that. */
size_t module_name_length(const char *name);

/* What follows the first component of a name that is a number; NULL where none is. The number is
 * -1 where it is too large for a block's. */
const char *name_after_number(const char *name, int *number);

/* The block that a module's name says, "model.layers.7.mlp.down_proj": 7; -1: none. */
int module_layer(const char *name);

/* The type of a tensor's module, in its name: what follows the first numeric component, without
 * ".weight"; the whole name where there is no such component, or nothing follows. */
const char *module_type(const char *name, size_t *length);

/* The name less ".weight" (into out, cut at size): what scans and plans call its module. */
void parameter_short_name(const struct parameter *parameter, char *out, size_t size);

/* A fingerprint of what the configuration, with a scaling by model_scale_rope(), makes of the
 * weights: the same for all files that mean the same, whatever else they say and however they say
 * it. */
int model_fingerprint_config(const struct model *model, char out[HASH_TEXT_SIZE],
                             struct error *err);

/* What the configuration calls the number of experts, and how many it says; 0: nothing. */
int64_t model_configured_experts(const struct model *model, const char **key);

/* Is it a stack of experts' matrices? */
bool parameter_is_stack(const struct model *model, const struct parameter *parameter);

/* How many matrices a parameter is: as many as a stack has, else one. */
int64_t parameter_matrices(const struct model *model, const struct parameter *parameter);

#endif
