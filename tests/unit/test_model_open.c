/* Real models open as what they are, and the same model from two formats is the same. */
#include "test.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "checkpoint_data.h"
#include "model/model.h"
#include "model/score_rows.h"
#include "model/score_table.h"

#include <math.h>
#include <string.h>

static struct model *open_shared(const char *folder, const char *name)
{
    char *path = path_join(folder, name, NULL);
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    if (model_open(&model, path, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    return model;
}

static float *read_matrix(const struct model *model, const char *name, int64_t *count)
{
    const struct parameter *parameter = model_find(model, name);
    assert_non_null(parameter);
    float *matrix = malloc((size_t)parameter->numel * sizeof *matrix);
    assert_int_equal(model_read_f32(model, parameter, matrix, NULL), 0);
    *count = parameter->numel;
    return matrix;
}

static void gguf_is_hugging_face(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(folder, "SPECTRUM_SHARED_DATA");
    struct model *hf = open_shared(folder, "models/stories260K-hf-f32");
    struct model *gguf = open_shared(folder, "models/stories260K-gguf/stories260K-F16.gguf");
    static const char *const names[] = {
        "model.embed_tokens.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.3.self_attn.k_proj.weight",
        "model.layers.4.mlp.down_proj.weight",
        "model.layers.1.post_attention_layernorm.weight",
        "model.norm.weight",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int64_t n, m;
        float *a = read_matrix(hf, names[i], &n), *b = read_matrix(gguf, names[i], &m);
        assert_true(n == m);
        for (int64_t j = 0; j < n; j++)
            assert_true(fabsf(a[j] - b[j]) <= 1e-3f * fabsf(a[j]) + 1e-6f); /* f16 rounding */
        free(a);
        free(b);
    }
    assert_true(hf->config.hidden == gguf->config.hidden && hf->config.layers == 5);
    assert_true(hf->config.kv_heads == 4 && gguf->config.kv_heads == 4);
    assert_true(hf->config.tied && !gguf->config.tied);
    assert_true(gguf->config.norm_eps == 1e-5);
    assert_int_equal(model_check_trainable(hf, NULL), 0);
    assert_int_equal(model_check_trainable(gguf, NULL), 0);
    model_close(hf);
    model_close(gguf);
}

static void types_and_roles(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(folder, "SPECTRUM_SHARED_DATA");
    struct model *model = open_shared(folder, "models/mlxd_tiny_qwen3");
    const struct parameter *parameter = model_role(model, ROLE_DOWN, 1, false);
    assert_non_null(parameter);
    assert_string_equal(parameter->type, "mlp.down_proj");
    char name[64];
    parameter_short_name(parameter, name, sizeof name);
    assert_string_equal(name, "model.layers.1.mlp.down_proj");
    parameter = model_role(model, ROLE_EMBEDDING, -1, false);
    assert_string_equal(parameter->type, "model.embed_tokens");
    assert_int_equal(model_check_trainable(model, NULL), 0);
    model_close(model);
}

/* A committed tiny model with one key of its configuration replaced, or left out (NULL). */
static struct model *open_edited_of(const char *name, const char *key, const char *json)
{
    char folder[] = "/tmp/spectrum-model-XXXXXX", from[1024], to[1024];
    struct error err = ERROR_INIT;
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/train/%s/config.json", getenv("SPECTRUM_TEST_DATA"), name);
    cJSON *config = json_read_file(from, 1 << 16, JSON_STRICT, &err);
    if (!config)
        fail_msg("%s", err.text);
    cJSON_DeleteItemFromObjectCaseSensitive(config, key);
    if (json)
        cJSON_AddRawToObject(config, key, json);
    char *text = cJSON_PrintUnformatted(config);
    cJSON_Delete(config);
    snprintf(to, sizeof to, "%s/config.json", folder);
    assert_int_equal(file_save(to, text, strlen(text), NULL), 0);
    free(text);
    snprintf(from, sizeof from, "%s/train/%s/model.safetensors", getenv("SPECTRUM_TEST_DATA"),
             name);
    snprintf(to, sizeof to, "%s/model.safetensors", folder);
    assert_int_equal(file_copy(from, to, 1 << 20, NULL), 0);
    struct model *model = open_shared(folder, "");
    unlink(to);
    snprintf(to, sizeof to, "%s/config.json", folder);
    unlink(to);
    rmdir(folder);
    return model;
}

static struct model *open_edited(const char *key, const char *json)
{
    return open_edited_of("llama_untied", key, json);
}

static void others_are_refused_by_name(void **state)
{
    (void)state;
    struct model *model = open_edited("model_type", "\"gemma2\"");
    struct error err = ERROR_INIT;
    assert_int_equal(model_check_trainable(model, &err), -1);
    assert_non_null(strstr(err.text, "gemma2"));
    assert_non_null(strstr(err.text, "llama, mistral, qwen2, qwen3"));
    model_close(model);
}

/* Which of llama_untied's two layers have the window, and its size; or what the refusal says. A
 * model that is refused opens all the same. */
static void expect_window(const char *type, const char *more, int64_t first, int64_t second,
                          const char *says)
{
    char json[256];
    struct error err = ERROR_INIT;
    snprintf(json, sizeof json, "\"%s\"%s", type, more);
    struct model *model = open_edited("model_type", json);
    if (says) {
        assert_int_equal(model_check_computable(model, &err), -1);
        if (!strstr(err.text, says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    } else {
        assert_int_equal(model->refusal.kind, ERROR_NONE);
        assert_int_equal(model_window(&model->config, 0), first);
        assert_int_equal(model_window(&model->config, 1), second);
    }
    model_close(model);
}

#define SLIDES ", \"use_sliding_window\": true"
#define TYPES(a, b) ", \"layer_types\": [\"" a "_attention\", \"" b "_attention\"]"

static void windows_are_read_as_transformers_does(void **state)
{
    (void)state;
    expect_window("llama", SLIDES ", \"sliding_window\": 8", 0, 0, "\"use_sliding_window\": true");
    expect_window("llama", ", \"sliding_window\": 8", 0, 0, "\"sliding_window\": 8");
    expect_window("llama", ", \"sliding_window\": 8, \"use_sliding_window\": false", 0, 0, NULL);
    expect_window("llama", TYPES("full", "full"), 0, 0, NULL);
    expect_window("llama", TYPES("full", "sliding"), 0, 0, "\"layer_types\": [");
    expect_window("mistral", "", 4096, 4096, NULL);
    expect_window("mistral", ", \"sliding_window\": null", 0, 0, NULL);
    expect_window("mistral", ", \"sliding_window\": 8", 8, 8, NULL);
    expect_window("mistral", ", \"sliding_window\": 8, \"max_window_layers\": 1", 8, 8, NULL);
    expect_window("mistral", ", \"sliding_window\": 8, \"layer_types\": null", 8, 8, NULL);
    expect_window("mistral", ", \"sliding_window\": 8" TYPES("full", "sliding"), 0, 8, NULL);
    expect_window("mistral", ", \"sliding_window\": 8" TYPES("sliding", "full"), 8, 0, NULL);
    expect_window("mistral", ", \"sliding_window\": null" TYPES("full", "sliding"), 0, 0,
                  "no \"sliding_window\" is in use");
    expect_window("mistral", ", \"layer_types\": [\"full_attention\"]", 0, 0,
                  "\"layer_types\" must be a list of 2");
    expect_window("mistral", TYPES("full", "chunked"), 0, 0, "has \"chunked_attention\"");
    expect_window("mistral", ", \"sliding_window\": \"8\"", 8, 8, NULL);
    expect_window("mistral", ", \"sliding_window\": 8.0", 8, 8, NULL);
    expect_window("mistral", ", \"sliding_window\": 0", 0, 0, "\"sliding_window\" is 0");
    expect_window("mistral", ", \"sliding_window\": 1.5", 0, 0, "\"sliding_window\" is 1.5");
    expect_window("mistral", ", \"sliding_window\": 1e17", 0, 0, "\"sliding_window\" is 1e+17");
    expect_window("mistral", ", \"sliding_window\": [8]", 0, 0, "\"sliding_window\" is [8]");
    expect_window("qwen2", ", \"sliding_window\": 8", 0, 0, NULL);
    expect_window("qwen2", ", \"sliding_window\": 8, \"use_sliding_window\": false", 0, 0, NULL);
    expect_window("qwen2", SLIDES ", \"sliding_window\": 8", 0, 0, NULL); /* from layer 28 on */
    expect_window("qwen2", SLIDES ", \"max_window_layers\": 0", 4096, 4096, NULL);
    expect_window("qwen3", SLIDES ", \"sliding_window\": null, \"max_window_layers\": 0", 0, 0,
                  NULL);
    expect_window("qwen3", SLIDES ", \"sliding_window\": 8, \"max_window_layers\": 1", 0, 8, NULL);
    expect_window("qwen3", SLIDES ", \"max_window_layers\": \"1\"", 0, 4096, NULL);
    expect_window("qwen3", SLIDES ", \"max_window_layers\": -1", 0, 0,
                  "\"max_window_layers\" is -1");
    expect_window("qwen3", ", \"use_sliding_window\": \"True\", \"max_window_layers\": 1", 0, 4096,
                  NULL);
    expect_window("qwen3", ", \"use_sliding_window\": 1", 0, 0, "\"use_sliding_window\" is 1");
    expect_window("qwen3", SLIDES TYPES("full", "full"), 0, 0, NULL);
    expect_window("qwen3", SLIDES TYPES("full", "sliding"), 0, 4096, NULL);
    expect_window("qwen3", SLIDES TYPES("sliding", "full"), 4096, 0, NULL);
    expect_window("qwen3", TYPES("sliding", "full"), 0, 0, "no \"sliding_window\" is in use");
    expect_window("qwen3", SLIDES ", \"layer_types\": [\"full_attention\"]", 0, 0,
                  "\"layer_types\" must be a list of 2");
}

static void expect_trainable(const char *folder, const char *key, const char *json,
                             const char *says)
{
    struct error err = ERROR_INIT;
    struct model *model = open_edited_of(folder, key, json);
    int status = model_check_trainable(model, &err);
    if (!says && status != 0)
        fail_msg("%s", err.text);
    if (says && !strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    model_close(model);
}

/* A bias counts where the architecture and its configuration have it, as in transformers. */
static void biases_are_where_they_belong(void **state)
{
    (void)state;
    expect_trainable("llama_bias", "attention_bias", "true", NULL);
    expect_trainable("llama_bias", "attention_bias", "false", "has no place");
    expect_trainable("llama_bias", "mlp_bias", NULL, "has no place");
    expect_trainable("llama_untied", "mlp_bias", "true", "has no bias");
    expect_trainable("llama_bias", "model_type", "\"mistral\"", "has no place");
    expect_trainable("llama_bias", "model_type", "\"qwen2\"", "has no place");
    expect_trainable("llama_untied", "model_type", "\"qwen2\"", "has no bias");
    expect_trainable("qwen2", "attention_bias", "false", NULL);
}

/* "rope_scaling" goes before "rope_parameters", the outer original length before the inner. */
static void rotary_scalings_are_read_as_transformers_does(void **state)
{
    (void)state;
    struct model *model = open_edited("rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4}");
    assert_int_equal(model->config.rope_scaling, ROPE_YARN);
    assert_true(model->config.rope_original_positions == 128); /* max_position_embeddings */
    model_close(model);
    model = open_edited("rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4, "
                                        "\"original_max_position_embeddings\": 32}, "
                                        "\"original_max_position_embeddings\": 16");
    assert_true(model->config.rope_original_positions == 16);
    model_close(model);
    expect_trainable("llama_untied", "rope_parameters", "{\"rope_theta\": 0}", "no angles");
    expect_trainable("llama_untied", "rope_parameters", "{\"rope_theta\": 1e-320}", "no angles");
    model = open_edited("rope_scaling", "{\"rope_type\": \"dynamic\", \"factor\": 2}");
    assert_int_equal(model->config.rope_scaling, ROPE_DYNAMIC);
    model_close(model);
}

static void only_silu_is_trained(void **state)
{
    (void)state;
    static const char *const good[] = {NULL, "\"silu\"", "\"swish\""};
    static const char *const bad[][2] = {
        {"\"gelu\"", "gelu"}, {"null", "unknown"}, {"\"\\u001b[31m\"", "?[31m"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct model *model = open_edited("hidden_act", good[i]);
        assert_int_equal(model_check_trainable(model, NULL), 0);
        model_close(model);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct model *model = open_edited("hidden_act", bad[i][0]);
        struct error err = ERROR_INIT;
        assert_int_equal(model_check_trainable(model, &err), -1);
        assert_non_null(strstr(err.text, bad[i][1]));
        assert_non_null(strstr(err.text, "silu"));
        model_close(model);
    }
}

static void configurations_are_read_as_transformers_does(void **state)
{
    (void)state;
    struct model *model = open_edited("rms_norm_eps", NULL);
    assert_true(model->config.norm_eps == 1e-6); /* LlamaConfig's default */
    model_close(model);
}

/* Opens a file of the fuzz targets' corpora; NULL where that is refused. */
static struct model *open_corpus(const char *name, struct error *err)
{
    char path[1024];
    struct model *model = NULL;
    snprintf(path, sizeof path, "%s/../fuzz/corpus/%s", getenv("SPECTRUM_TEST_DATA"), name);
    model_open(&model, path, err);
    return model;
}

static void a_module_is_one_tensor(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_null(open_corpus("gguf/odd-module-twice.gguf", &err));
    assert_non_null(strstr(err.text, ": tensors blk.0.attn_q.weight and blk.00.attn_q.weight are "
                                     "both the module model.layers.0.self_attn.q_proj.weight"));
}

static void a_scan_names_each_module_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct scan *scan = NULL;
    struct model *model = open_corpus("safetensors/odd-module-twice.safetensors", &err);
    assert_non_null(model);
    assert_int_equal(scan_for_model(&scan, NULL, model, &(struct scan_choice){".", false}, &err),
                     -1);
    assert_non_null(strstr(err.text, ": a and a.weight would have one name in a scan"));
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf_is_hugging_face),
        cmocka_unit_test(types_and_roles),
        cmocka_unit_test(others_are_refused_by_name),
        cmocka_unit_test(windows_are_read_as_transformers_does),
        cmocka_unit_test(biases_are_where_they_belong),
        cmocka_unit_test(rotary_scalings_are_read_as_transformers_does),
        cmocka_unit_test(only_silu_is_trained),
        cmocka_unit_test(a_module_is_one_tensor),
        cmocka_unit_test(a_scan_names_each_module_once),
        cmocka_unit_test(configurations_are_read_as_transformers_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
