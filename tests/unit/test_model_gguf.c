/* A GGUF file's own keys: read as llama.cpp reads them, or refused under GGUF's names. A refused
 * model opens all the same, for scans and plans. */
#include "test.h"

#include "gguf_data.h"
#include "model/model.h"

#include <string.h>

enum { U32 = 4, F32 = 6, TRUTH = 7 };

/* One key behind "llama.". A list has `number` values. */
struct key {
    const char *name;
    uint32_t type;
    double number;
    const char *text;
    uint32_t list[2];
};

static const struct key shape[] = {
    {"embedding_length", U32, 32, NULL, {0}},
    {"feed_forward_length", U32, 48, NULL, {0}},
    {"block_count", U32, 2, NULL, {0}},
    {"attention.head_count", U32, 4, NULL, {0}},
    {"attention.head_count_kv", U32, 2, NULL, {0}},
    {"attention.layer_norm_rms_epsilon", F32, 1e-5, NULL, {0}},
};
enum { SHAPE = sizeof shape / sizeof *shape };

static void put_key(struct buffer *file, const struct key *key)
{
    char name[128];
    float number = (float)key->number;
    uint32_t bits;
    snprintf(name, sizeof name, "llama.%s", key->name);
    gguf_key(file, name, key->type);
    memcpy(&bits, &number, sizeof bits);
    if (key->type == GGUF_STRING) {
        gguf_string(file, key->text, strlen(key->text));
    } else if (key->type == GGUF_ARRAY) {
        gguf_number(file, U32, 4);
        gguf_number(file, (uint64_t)key->number, 8);
        for (int i = 0; i < (int)key->number; i++)
            gguf_number(file, key->list[i], 4);
    } else {
        gguf_number(file, key->type == F32 ? bits : (uint32_t)key->number,
                    key->type == TRUTH ? 1 : 4);
    }
}

/* The shape's keys, the given ones in place of those of their names; `without`: one that is not
 * there. */
static struct model *open_keys(const struct key *keys, size_t count, const char *without)
{
    struct buffer file = BUFFER_INIT;
    struct error err = ERROR_INIT;
    struct model *model = NULL;
    const struct key *all[SHAPE + 8];
    size_t used = 0;
    for (size_t i = 0; i < SHAPE; i++) {
        bool given = without && strcmp(shape[i].name, without) == 0;
        for (size_t j = 0; j < count; j++)
            given = given || strcmp(shape[i].name, keys[j].name) == 0;
        if (!given)
            all[used++] = &shape[i];
    }
    for (size_t j = 0; j < count; j++)
        all[used++] = &keys[j];
    gguf_begin(&file, 1, used + 1);
    gguf_key(&file, "general.architecture", GGUF_STRING);
    gguf_string(&file, "llama", 5);
    for (size_t i = 0; i < used; i++)
        put_key(&file, all[i]);
    gguf_tensor(&file, "token_embd.weight", 17, 0, 16, 32);
    while (file.length % 32 != 0)
        buffer_byte(&file, 0);
    buffer_append(&file, (char[2048]){0}, 2048);
    char *folder = data_folder(), *path = path_join(folder, "test.gguf", NULL);
    data_file(folder, "test.gguf", file.data, file.length);
    if (model_open(&model, path, &err) != 0)
        fail_msg("%s", err.text);
    buffer_free(&file);
    free(path);
    data_folder_remove(folder);
    return model;
}

static void expect(const struct key *keys, size_t count, const char *says)
{
    struct model *model = open_keys(keys, count, NULL);
    const struct error *refusal = &model->refusal;
    if (!says && refusal->kind != ERROR_NONE)
        fail_msg("%s", refusal->text);
    if (says && !strstr(refusal->text, says))
        fail_msg("%s: \"%s\" does not say \"%s\"", keys->name, refusal->text, says);
    model_close(model);
}

/* The metadata is the configuration. */
static void the_fingerprint_is_of_what_is_computed(void **state)
{
    (void)state;
    static const struct {
        struct key key;
        bool same;
    } changes[] = {
        {{"attention.layer_norm_rms_epsilon", F32, 1e-6, NULL, {0}}, false},
        {{"rope.freq_base", F32, 500000, NULL, {0}}, false},
        {{"rope.scaling.factor", F32, 2, NULL, {0}}, false},
        {{"attention.head_count", U32, 8, NULL, {0}}, false},
        {{"rope.freq_base", F32, 10000, NULL, {0}}, true}, /* as it is where nothing is said */
        {{"context_length", U32, 4096, NULL, {0}}, true},
    };
    char own[HASH_TEXT_SIZE], other[HASH_TEXT_SIZE];
    struct model *model = open_keys(NULL, 0, NULL);
    assert_int_equal(model_fingerprint_config(model, own, NULL), 0);
    model_close(model);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        model = open_keys(&changes[i].key, 1, NULL);
        assert_int_equal(model_fingerprint_config(model, other, NULL), 0);
        if ((strcmp(own, other) == 0) != changes[i].same)
            fail_msg("%s: %s", changes[i].key.name, changes[i].same ? "another" : "the same");
        model_close(model);
    }
}

static void keys_that_change_the_computation_are_refused(void **state)
{
    (void)state;
    static const struct key keys[] = {
        {"rope.dimension_count", U32, 4, NULL, {0}},
        {"rope.dimension_sections", GGUF_ARRAY, 2, NULL, {4, 4}},
        {"rope.scaling.type", GGUF_STRING, 0, "yarn", {0}},
        {"rope.scaling.type", GGUF_STRING, 0, "longrope", {0}},
        {"rope.scaling.type", U32, 1, NULL, {0}},
        {"rope.scaling.attn_factor", F32, 2, NULL, {0}},
        {"rope.scaling.yarn_log_multiplier", F32, 0.1, NULL, {0}},
        {"attention.sliding_window", U32, 8, NULL, {0}},
        {"attention.value_length", U32, 16, NULL, {0}},
        {"attention.head_count_kv", GGUF_ARRAY, 2, NULL, {2, 4}},
        {"attention.clamp_kqv", F32, 8, NULL, {0}},
        {"attention.max_alibi_bias", F32, 8, NULL, {0}},
        {"attention.scale", F32, 0.5, NULL, {0}},
        {"attention.causal", TRUTH, 0, NULL, {0}},
        {"expert_count", U32, 4, NULL, {0}},
        {"logit_scale", F32, 0.5, NULL, {0}},
        {"final_logit_softcapping", F32, 30, NULL, {0}},
        {"use_parallel_residual", TRUTH, 1, NULL, {0}},
        {"what.nobody.knows", U32, 1, NULL, {0}},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char says[96];
        snprintf(says, sizeof says, "\"llama.%s\"", keys[i].name);
        expect(&keys[i], 1, says);
    }
    struct model *model = open_keys(NULL, 0, "attention.layer_norm_rms_epsilon");
    assert_non_null(strstr(model->refusal.text, "llama.attention.layer_norm_rms_epsilon"));
    model_close(model);
    static const struct key mean = {"attention.layer_norm_epsilon", F32, 1e-5, NULL, {0}};
    model = open_keys(&mean, 1, "attention.layer_norm_rms_epsilon");
    assert_non_null(strstr(model->refusal.text, "\"llama.attention.layer_norm_epsilon\""));
    model_close(model);
}

static void keys_that_change_nothing_are_let_pass(void **state)
{
    (void)state;
    static const struct key keys[] = {
        {"rope.dimension_count", U32, 8, NULL, {0}},
        {"rope.scaling.type", GGUF_STRING, 0, "none", {0}},
        {"rope.scaling.attn_factor", F32, 1, NULL, {0}},
        {"rope.scaling.finetuned", TRUTH, 1, NULL, {0}},
        {"rope.scaling.original_context_length", U32, 64, NULL, {0}},
        {"attention.sliding_window", U32, 0, NULL, {0}},
        {"attention.key_length", U32, 8, NULL, {0}},
        {"attention.value_length", U32, 8, NULL, {0}},
        {"attention.head_count_kv", GGUF_ARRAY, 2, NULL, {2, 2}},
        {"attention.scale", F32, 0.35355338, NULL, {0}},
        {"attention.causal", TRUTH, 1, NULL, {0}},
        {"attention.layer_norm_epsilon", F32, 1e-5, NULL, {0}},
        {"expert_count", U32, 0, NULL, {0}},
        {"logit_scale", F32, 1, NULL, {0}},
        {"vocab_size", U32, 16, NULL, {0}},
        {"tensor_data_layout", GGUF_STRING, 0, "Meta AI original pth", {0}},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        expect(&keys[i], 1, NULL);
}

/* llama.cpp: a factor without a type is linear, "scale_linear" its old name; "none" is none. */
static void factors_are_linear(void **state)
{
    (void)state;
    static const struct {
        struct key keys[3];
        size_t count;
        double factor; /* 1: plain */
    } cases[] = {
        {{{"rope.scale_linear", F32, 4, NULL, {0}}}, 1, 4},
        {{{"rope.scale_linear", F32, 1, NULL, {0}}}, 1, 1},
        {{{"rope.scaling.factor", F32, 2.5, NULL, {0}}}, 1, 2.5},
        {{{"rope.scaling.factor", F32, 2, NULL, {0}}, {"rope.scale_linear", F32, 4, NULL, {0}}},
         2,
         2},
        {{{"rope.scaling.type", GGUF_STRING, 0, "linear", {0}},
          {"rope.scaling.factor", F32, 8, NULL, {0}}},
         2,
         8},
        {{{"rope.scaling.type", GGUF_STRING, 0, "none", {0}},
          {"rope.scaling.factor", F32, 8, NULL, {0}}},
         2,
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model *model = open_keys(cases[i].keys, cases[i].count, NULL);
        const struct model_config *c = &model->config;
        assert_int_equal(model->refusal.kind, ERROR_NONE);
        assert_int_equal(c->rope_scaling, cases[i].factor == 1 ? ROPE_PLAIN : ROPE_LINEAR);
        assert_true(cases[i].factor == 1 || c->rope_factor == cases[i].factor);
        model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fingerprint_is_of_what_is_computed),
        cmocka_unit_test(keys_that_change_the_computation_are_refused),
        cmocka_unit_test(keys_that_change_nothing_are_let_pass),
        cmocka_unit_test(factors_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
