/* The tensors of each known family are the same modules from a Hugging Face folder and from a GGUF
 * file, and what the trainer cannot run it refuses by name. */
#include "gguf_data.h"
#include "model/model.h"
#include "model/score_rows.h"
#include "model/score_table.h"

#include <math.h>

enum { TENSORS_MAX = 32, GGUF_U32 = 4, GGUF_F32 = 6 };

struct tensor_case {
    const char *hugging_face, *gguf, *type; /* names without ".weight"; type NULL: the name */
    enum parameter_role role;
};

#define EMBEDDING                                                                                  \
    {                                                                                              \
        "model.embed_tokens", "token_embd", NULL, ROLE_EMBEDDING                                   \
    }
#define FINAL_NORM                                                                                 \
    {                                                                                              \
        "model.norm", "output_norm", NULL, ROLE_FINAL_NORM                                         \
    }
#define HEAD                                                                                       \
    {                                                                                              \
        "lm_head", "output", NULL, ROLE_HEAD                                                       \
    }
#define BLOCK(hugging_face, gguf, role)                                                            \
    {                                                                                              \
        "model.layers.1." hugging_face, "blk.1." gguf, hugging_face, role                          \
    }
#define SEPARATE                                                                                   \
    BLOCK("input_layernorm", "attn_norm", ROLE_INPUT_NORM),                                        \
        BLOCK("self_attn.q_proj", "attn_q", ROLE_Q), BLOCK("self_attn.k_proj", "attn_k", ROLE_K),  \
        BLOCK("self_attn.v_proj", "attn_v", ROLE_V),                                               \
        BLOCK("self_attn.o_proj", "attn_output", ROLE_O),                                          \
        BLOCK("mlp.gate_proj", "ffn_gate", ROLE_GATE), BLOCK("mlp.up_proj", "ffn_up", ROLE_UP),    \
        BLOCK("mlp.down_proj", "ffn_down", ROLE_DOWN)
#define PLAIN_NORM BLOCK("post_attention_layernorm", "ffn_norm", ROLE_MLP_NORM)
#define HEAD_NORMS(q, k)                                                                           \
    BLOCK("self_attn.q_norm", "attn_q_norm", q), BLOCK("self_attn.k_norm", "attn_k_norm", k)
#define SANDWICH_NORMS                                                                             \
    BLOCK("post_attention_layernorm", "post_attention_norm", ROLE_OTHER),                          \
        BLOCK("pre_feedforward_layernorm", "ffn_norm", ROLE_MLP_NORM),                             \
        BLOCK("post_feedforward_layernorm", "post_ffw_norm", ROLE_OTHER)

static const struct family {
    const char *name, *gguf; /* model_type, general.architecture */
    bool tied;               /* where config.json does not say */
    int64_t head_dim;        /* the same */
    struct tensor_case tensors[TENSORS_MAX];
} families[] = {
    {"llama", "llama", false, 4, {EMBEDDING, FINAL_NORM, HEAD, PLAIN_NORM, SEPARATE}},
    {"mistral", "llama", false, 4, {EMBEDDING, FINAL_NORM, HEAD, PLAIN_NORM, SEPARATE}},
    {"qwen2", "qwen2", false, 4, {EMBEDDING, FINAL_NORM, HEAD, PLAIN_NORM, SEPARATE}},
    {"qwen3",
     "qwen3",
     false,
     128,
     {EMBEDDING, FINAL_NORM, HEAD, PLAIN_NORM, SEPARATE, HEAD_NORMS(ROLE_Q_NORM, ROLE_K_NORM)}},
    {"gemma", "gemma", true, 256, {EMBEDDING, FINAL_NORM, PLAIN_NORM, SEPARATE}},
    {"gemma2", "gemma2", true, 256, {EMBEDDING, FINAL_NORM, SEPARATE, SANDWICH_NORMS}},
    {"gemma3_text",
     "gemma3",
     true,
     256,
     {EMBEDDING, FINAL_NORM, SEPARATE, SANDWICH_NORMS, HEAD_NORMS(ROLE_OTHER, ROLE_OTHER)}},
    {"phi3",
     "phi3",
     false,
     4,
     {EMBEDDING, FINAL_NORM, HEAD, PLAIN_NORM,
      BLOCK("input_layernorm", "attn_norm", ROLE_INPUT_NORM),
      BLOCK("self_attn.qkv_proj", "attn_qkv", ROLE_QKV),
      BLOCK("self_attn.o_proj", "attn_output", ROLE_O),
      BLOCK("mlp.gate_up_proj", "ffn_up", ROLE_GATE_UP),
      BLOCK("mlp.down_proj", "ffn_down", ROLE_DOWN)}},
};
enum { FAMILIES = sizeof families / sizeof *families };

static size_t tensor_count(const struct family *family)
{
    size_t count = 0;
    while (count < TENSORS_MAX && family->tensors[count].hugging_face)
        count++;
    return count;
}

static struct model *open_or_fail(const char *path)
{
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    if (model_open(&model, path, &err) != 0)
        fail_msg("%s", err.text);
    return model;
}

/* A folder with tensors of 2 x 2 under these names, each with the suffix behind it. */
static struct model *open_folder(const char *config, const char *const *names, size_t count,
                                 const char *suffix)
{
    struct safetensors_entry entries[TENSORS_MAX];
    char full[TENSORS_MAX][128], *folder = data_folder();
    char *path = path_join(folder, "model.safetensors", NULL);
    struct safetensors_writer writer;
    for (size_t i = 0; i < count; i++) {
        snprintf(full[i], sizeof full[i], "%s.%s", names[i], suffix);
        entries[i] = (struct safetensors_entry){full[i], DTYPE_F32, 2, {2, 2}};
    }
    assert_int_equal(safetensors_writer_open(&writer, path, entries, count, NULL, NULL), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(safetensors_writer_put(&writer, (float[4]){1, 2, 3, 4}, 16, NULL), 0);
    assert_int_equal(safetensors_writer_commit(&writer, NULL), 0);
    if (config)
        data_text(folder, "config.json", config);
    struct model *model = open_or_fail(folder);
    free(path);
    data_folder_remove(folder);
    return model;
}

static struct model *open_hugging_face(const struct family *family, const char *suffix)
{
    const char *names[TENSORS_MAX];
    size_t count = tensor_count(family);
    char config[512];
    for (size_t i = 0; i < count; i++)
        names[i] = family->tensors[i].hugging_face;
    snprintf(config, sizeof config,
             "{\"model_type\": \"%s\", \"hidden_size\": 8, \"intermediate_size\": 16,"
             " \"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"num_key_value_heads\": 1}",
             family->name);
    return open_folder(config, names, count, suffix);
}

static struct model *open_gguf_bytes(struct buffer *file)
{
    char *folder = data_folder(), *path = path_join(folder, "test.gguf", NULL);
    data_file(folder, "test.gguf", file->data, file->length);
    buffer_free(file);
    struct model *model = open_or_fail(path);
    free(path);
    data_folder_remove(folder);
    return model;
}

static struct model *open_gguf(const struct family *family, const char *suffix)
{
    static const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        {"embedding_length", 8},     {"feed_forward_length", 16},    {"block_count", 2},
        {"attention.head_count", 2}, {"attention.head_count_kv", 1}, {"context_length", 64}};
    enum { KEYS = sizeof keys / sizeof *keys };
    struct buffer file = BUFFER_INIT;
    char text[128];
    size_t count = tensor_count(family);
    gguf_begin(&file, count, KEYS + 2);
    snprintf(text, sizeof text, "%s.attention.layer_norm_rms_epsilon", family->gguf);
    gguf_key(&file, text, GGUF_F32);
    gguf_number(&file, 0x3727C5AC, 4); /* 1e-5 */
    gguf_key(&file, "general.architecture", GGUF_STRING);
    gguf_string(&file, family->gguf, strlen(family->gguf));
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(text, sizeof text, "%s.%s", family->gguf, keys[i].key);
        gguf_key(&file, text, GGUF_U32);
        gguf_number(&file, keys[i].value, 4);
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%s.%s", family->tensors[i].gguf, suffix);
        gguf_tensor(&file, text, strlen(text), 0, 2, 2);
    }
    buffer_append(&file, (char[512]){0}, 512);
    return open_gguf_bytes(&file);
}

static void check_modules(const struct model *model, const struct family *family)
{
    assert_int_equal(model->parameter_count, tensor_count(family));
    for (size_t i = 0; i < tensor_count(family); i++) {
        const struct tensor_case *expected = &family->tensors[i];
        char name[128];
        snprintf(name, sizeof name, "%s.weight", expected->hugging_face);
        const struct parameter *parameter = model_find(model, name);
        if (!parameter)
            fail_msg("%s: no module %s", family->name, name);
        assert_string_equal(parameter->type,
                            expected->type ? expected->type : expected->hugging_face);
        assert_int_equal(parameter->role, expected->role);
        assert_int_equal(parameter->layer, expected->type ? 1 : -1);
    }
}

/* None of these has all that the trainer needs: the refusal says what is missing, or which
 * architecture it is. */
static void check_refused(const struct model *model, const char *says)
{
    struct error err = ERROR_INIT;
    assert_int_equal(model_check_trainable(model, &err), -1);
    if (!strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static bool is_trainable(const char *name)
{
    static const char *const names[] = {"llama", "mistral", "qwen2", "qwen3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void both_forms_are_the_same_modules(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *family = &families[i];
        struct model *folder = open_hugging_face(family, "weight"),
                     *gguf = open_gguf(family, "weight");
        check_modules(folder, family);
        check_modules(gguf, family);
        assert_true(folder->config.head_dim == family->head_dim);
        assert_int_equal(folder->config.tied, family->tied);
        assert_int_equal(gguf->config.tied, family->tied);
        check_refused(folder, is_trainable(family->name) ? "embed_tokens" : family->name);
        check_refused(gguf, is_trainable(family->gguf) ? "embed_tokens" : family->gguf);
        model_close(folder);
        model_close(gguf);
    }
}

/* Qwen2 has biases on q, k and v; they go with their weight, and no rows are interleaved. */
static void biases_have_their_module(void **state)
{
    (void)state;
    static const struct family qwen2 = {
        "qwen2", "qwen2", false, 4, {BLOCK("self_attn.q_proj", "attn_q", ROLE_Q)}};
    static const char *const suffixes[] = {"weight", "bias"};
    for (size_t i = 0; i < 2; i++) {
        struct model *models[] = {open_hugging_face(&qwen2, suffixes[i]),
                                  open_gguf(&qwen2, suffixes[i])};
        for (size_t j = 0; j < 2; j++) {
            const struct parameter *parameter = model_role(models[j], ROLE_Q, 1, i == 1);
            assert_non_null(parameter);
            assert_string_equal(parameter->type, i ? "self_attn.q_proj.bias" : "self_attn.q_proj");
            assert_int_equal(parameter->rotary_heads, 0);
            model_close(models[j]);
        }
    }
}

/* A GGUF Llama with heads of 64 dimensions and these factors. */
static struct model *open_with_factors(const float *factors, uint64_t count)
{
    static const struct {
        const char *key;
        uint32_t value;
    } keys[] = {{"llama.embedding_length", 128},
                {"llama.feed_forward_length", 16},
                {"llama.block_count", 1},
                {"llama.attention.head_count", 2}};
    enum { KEYS = sizeof keys / sizeof *keys };
    static const char name[] = "rope_freqs.weight";
    struct buffer file = BUFFER_INIT;
    float theta = 500000;
    uint32_t bits;
    gguf_begin(&file, 1, KEYS + 2);
    gguf_key(&file, "general.architecture", GGUF_STRING);
    gguf_string(&file, "llama", 5);
    gguf_key(&file, "llama.rope.freq_base", GGUF_F32);
    memcpy(&bits, &theta, sizeof bits);
    gguf_number(&file, bits, 4);
    for (size_t i = 0; i < KEYS; i++) {
        gguf_key(&file, keys[i].key, GGUF_U32);
        gguf_number(&file, keys[i].value, 4);
    }
    gguf_tensor(&file, name, strlen(name), 0, 1, count);
    while (file.length % 32 != 0)
        buffer_byte(&file, 0);
    buffer_append(&file, factors, count * sizeof *factors);
    return open_gguf_bytes(&file);
}

/* Factors as llama.cpp's converter writes them for Llama 3.1 (8) and 3.2 (32). */
static void llama3_is_known_by_its_factors(void **state)
{
    (void)state;
    enum { PAIRS = 32 };
    for (int wrong = 0; wrong < 3; wrong++)
        for (int factor = 8; factor <= 32; factor *= 4) {
            float factors[PAIRS];
            for (int i = 0; i < PAIRS; i++) {
                double wavelength = 2 * M_PI * pow(500000, 2.0 * i / (2 * PAIRS));
                double smooth = (8192 / wavelength - 1) / 3;
                factors[i] = (float)(wavelength < 8192 / 4.0 ? 1
                                     : wavelength > 8192     ? factor
                                                         : 1 / ((1 - smooth) / factor + smooth));
            }
            factors[20] *= wrong == 1 ? 1.01f : 1;
            struct model *model = open_with_factors(factors, wrong == 2 ? PAIRS - 1 : PAIRS);
            const struct model_config *c = &model->config;
            assert_int_equal(c->rope_scaling, wrong ? ROPE_UNSUPPORTED : ROPE_LLAMA3);
            assert_true(wrong || (c->rope_factor == factor && c->rope_low_freq == 1 &&
                                  c->rope_high_freq == 4 && c->rope_original_positions == 8192));
            model_close(model);
        }
}

static void real_models_have_their_roles(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    static const char *const folders[] = {"models/mlxd_tiny_qwen3", "models/mlxd_tiny_llama3",
                                          "models/stories15M-gguf/stories15M-Q4_K_M.gguf"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path = path_join(shared, folders[i], NULL);
        struct model *model = open_or_fail(path);
        for (int layer = 0; layer < model->config.layers; layer++)
            for (int role = ROLE_INPUT_NORM; role <= ROLE_DOWN; role++) {
                bool head_norm = role == ROLE_Q_NORM || role == ROLE_K_NORM;
                bool expected =
                    head_norm ? model->config.head_norms : role != ROLE_QKV && role != ROLE_GATE_UP;
                assert_int_equal(model_role(model, (enum parameter_role)role, layer, false) != NULL,
                                 expected);
            }
        model_close(model);
        free(path);
    }
}

/* What a scan of tensors under names that no descriptor knows has rows for. */
static void expect_rows(const char *const *names, size_t count, const char *const *rows,
                        const char *const *types, size_t row_count)
{
    struct model *model = open_folder("{\"model_type\": \"unheard_of\"}", names, count, "weight");
    struct scan *scan = NULL;
    assert_null(model->architecture);
    assert_int_equal(scan_for_model(&scan, NULL, model, NULL, NULL), 0);
    assert_int_equal(scan->count, row_count);
    for (size_t i = 0; i < row_count; i++) {
        assert_string_equal(scan->rows[i].module, rows[i]);
        assert_string_equal(scan->rows[i].type, types[i]);
    }
    check_refused(model, "unheard_of");
    scan_free(scan);
    model_close(model);
}

static void unknown_families_scan_by_their_names(void **state)
{
    (void)state;
    static const char *const names[] = {"transformer.wte", "transformer.h.1.attn.c_attn",
                                        "transformer.h.0.attn.c_attn"};
    static const char *const rows[] = {"transformer.h.0.attn.c_attn",
                                       "transformer.h.1.attn.c_attn"};
    static const char *const types[] = {"attn.c_attn", "attn.c_attn"};
    static const char *const flat[] = {"encoder", "decoder"};
    expect_rows(names, 3, rows, types, 2);
    expect_rows(flat, 2, flat, flat, 2); /* no blocks at all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_the_same_modules),
        cmocka_unit_test(biases_have_their_module),
        cmocka_unit_test(llama3_is_known_by_its_factors),
        cmocka_unit_test(real_models_have_their_roles),
        cmocka_unit_test(unknown_families_scan_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
