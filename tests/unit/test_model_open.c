/* Real models open as what they are, and the same model from two formats is the same. */
#include "test.h"

#include "base/file.h"
#include "checkpoint_data.h"
#include "model/model.h"

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
    const struct module *module = model_find(model, name);
    assert_non_null(module);
    float *matrix = malloc((size_t)module->parameters * sizeof *matrix);
    assert_int_equal(model_read_f32(model, module, matrix, NULL), 0);
    *count = module->parameters;
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
    const struct module *module = model_role(model, ROLE_DOWN, 1, false);
    assert_non_null(module);
    assert_string_equal(module->type, "mlp.down_proj");
    char name[64];
    module_short_name(module, name, sizeof name);
    assert_string_equal(name, "model.layers.1.mlp.down_proj");
    module = model_role(model, ROLE_EMBEDDING, -1, false);
    assert_string_equal(module->type, "model.embed_tokens");
    struct error err = ERROR_INIT;
    assert_int_equal(model_check_trainable(model, &err), -1);
    assert_non_null(strstr(err.text, "qwen3"));
    assert_non_null(strstr(err.text, "llama"));
    model_close(model);
}

/* The file stores a head that the configuration ties to the embedding: one tensor, counted once. */
static void a_stored_tied_head_counts_once(void **state)
{
    (void)state;
    char *source = path_join(getenv("SPECTRUM_TEST_DATA"), "train/llama_untied", NULL);
    char *weights = path_join(source, "model.safetensors", NULL), *folder = data_folder();
    char *link = path_join(folder, "model.safetensors", NULL);
    struct model *untied = open_shared(source, "");
    const struct module *head = model_role(untied, ROLE_HEAD, -1, false);
    assert_true(!untied->config.tied && head && module_is_used(untied, head));
    cJSON *config = cJSON_Duplicate(checkpoint_metadata(untied->checkpoint), true);
    cJSON_ReplaceItemInObjectCaseSensitive(config, "tie_word_embeddings", cJSON_CreateTrue());
    char *text = cJSON_Print(config);
    data_text(folder, "config.json", text);
    assert_int_equal(symlink(weights, link), 0);
    struct model *tied = open_shared(folder, "");
    assert_int_equal(tied->module_count, untied->module_count);
    assert_true(model_parameters(tied) == model_parameters(untied) - head->parameters);
    assert_false(module_is_used(tied, model_role(tied, ROLE_HEAD, -1, false)));
    model_close(untied);
    model_close(tied);
    cJSON_Delete(config);
    cJSON_free(text);
    free(source);
    free(weights);
    free(link);
    data_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf_is_hugging_face),
        cmocka_unit_test(types_and_roles),
        cmocka_unit_test(a_stored_tied_head_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
