/* Configurations and weights that can be misread: as transformers 5 reads them, or refused by name.
 * The losses of the readings are its own (tests/oracle/make_readings.py); a model of each is made
 * here from the same committed one. */
#include "train_data.h"

#include "checkpoint_data.h"
#include "compute/devices/devices.h"
#include "model/model.h"

/* --- a tiny model with another config.json, and weights under other names --- */

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* What a stored name becomes; false: it is left out. */
static bool rename_tensor(const char *how, const char *name, char out[128])
{
    bool prefixed = strncmp(name, "model.", 6) == 0, bare = strncmp(how, "bare", 4) == 0;
    snprintf(out, 128, "%s%s", is(how, "doubled") ? "model." : "",
             bare && prefixed ? name + 6 : name);
    return !(strstr(how, "head") && strstr(name, "embed_tokens"));
}

/* All tensors of `from`, or with `only` one, `times` as large; the head as the embeddings are where
 * that is what `how` says. */
static void store(const struct checkpoint *from, const char *folder, const char *file,
                  const char *how, const char *only, float times)
{
    enum { MOST = 64 };
    struct safetensors_entry entries[MOST];
    const struct tensor_info *tensors[MOST];
    static char names[MOST][128];
    struct safetensors_writer writer;
    struct error err = ERROR_INIT;
    size_t count = 0;
    for (size_t i = 0; i < checkpoint_count(from) && count < MOST; i++) {
        const struct tensor_info *tensor = checkpoint_tensor(from, i);
        bool wanted =
            only ? is(tensor->name, only) : rename_tensor(how, tensor->name, names[count]);
        if (!wanted)
            continue;
        if (only)
            snprintf(names[count], sizeof *names, "%s", tensor->name);
        entries[count] = (struct safetensors_entry){
            names[count], DTYPE_F32, tensor->rank, {tensor->shape[0], tensor->shape[1]}};
        bool equal = is(how, "equal") && is(tensor->name, "lm_head.weight");
        tensors[count++] = equal ? checkpoint_find(from, "model.embed_tokens.weight") : tensor;
    }
    char *path = path_join(folder, file, NULL);
    int status = safetensors_writer_open(&writer, path, entries, count, NULL, &err);
    for (size_t i = 0; i < count && status == 0; i++) {
        float values[4096];
        assert_true(tensors[i]->elements <= 4096);
        status = checkpoint_read_f32(from, tensors[i], 0, tensors[i]->elements, values, &err);
        for (int64_t j = 0; j < tensors[i]->elements; j++)
            values[j] *= times;
        if (status == 0)
            status =
                safetensors_writer_put(&writer, values, (size_t)tensors[i]->elements * 4, &err);
    }
    if (status != 0 || safetensors_writer_commit(&writer, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
}

/* The head is in both shards, and the final norm not where the index has it; `metadata` is the
 * index's. */
static void store_shards(const struct checkpoint *from, const char *folder, const char *metadata)
{
    struct buffer index = BUFFER_INIT;
    store(from, folder, "a.safetensors", "", NULL, 1);
    store(from, folder, "b.safetensors", "", "lm_head.weight", 2);
    buffer_format(&index, "{\"metadata\": {%s}, \"weight_map\": {", metadata);
    for (size_t i = 0; i < checkpoint_count(from); i++) {
        const char *name = checkpoint_tensor(from, i)->name;
        buffer_format(&index, "%s\"%s\": \"%s\"", i ? ", " : "", name,
                      is(name, "model.norm.weight") ? "b.safetensors" : "a.safetensors");
    }
    buffer_text(&index, "}}");
    data_text(folder, "model.safetensors.index.json", buffer_string(&index));
    buffer_free(&index);
}

/* `changes`: members that config.json gets, or has instead; `drop`: names that it loses. */
static char *make_model(const char *base, const cJSON *changes, const cJSON *drop, const char *how)
{
    char *folder = data_folder(), *path = train_data_path(base);
    char *config_path = path_join(path, "config.json", NULL);
    struct error err = ERROR_INIT;
    struct checkpoint *from = NULL;
    cJSON *config = json_read_file(config_path, 1 << 16, JSON_STRICT, &err);
    const cJSON *item;
    if (!config || checkpoint_open(&from, path, &err) != 0)
        fail_msg("%s", err.text);
    cJSON_ArrayForEach(item, drop)
        cJSON_DeleteItemFromObjectCaseSensitive(config, item->valuestring);
    cJSON_ArrayForEach(item, changes)
    {
        cJSON_DeleteItemFromObjectCaseSensitive(config, item->string);
        cJSON_AddItemToObject(config, item->string, cJSON_Duplicate(item, true));
    }
    char *text = cJSON_PrintUnformatted(config);
    data_text(folder, "config.json", text);
    bool sized = is(how, "sized");
    if (!is(how, "shards") && !sized)
        store(from, folder, "model.safetensors", how, NULL, 1);
    if (is(how, "shards") || is(how, "beside") || sized)
        store_shards(from, folder, sized ? "\"total_size\": 12345" : "");
    free(text);
    cJSON_Delete(config);
    checkpoint_close(from);
    free(config_path);
    free(path);
    return folder;
}

static struct model *open_made(const char *base, const char *changes, const char *how)
{
    struct error err = ERROR_INIT;
    struct model *model = NULL;
    cJSON *tree = changes ? cJSON_Parse(changes) : NULL;
    if (changes && !tree)
        fail_msg("the test's own JSON: %s", changes);
    char *folder = make_model(base, tree, NULL, how);
    if (model_open(&model, folder, &err) != 0)
        fail_msg("%s: %s", changes, err.text);
    cJSON_Delete(tree);
    data_folder_remove(folder);
    return model;
}

/* --- losses --- */

static double loss_of(const struct model *model, const cJSON *test)
{
    struct error err = ERROR_INIT;
    struct backend *backend = NULL;
    struct transformer *transformer = NULL;
    struct batch batch = {0};
    bool *trained = calloc(model->parameter_count, sizeof *trained);
    batch_from_json(&batch, test);
    struct transformer_options options = {.recipe = {.trained = trained},
                                          .tokens = batch.tokens,
                                          .max_positions = batch.tokens,
                                          .storage = STORAGE_F32};
    if (backend_open(&backend, "cpu", 1, &err) != 0 ||
        transformer_new(&transformer, backend, model, &options, &err) != 0)
        fail_msg("%s", err.text);
    double loss = run_batch(transformer, &batch);
    transformer_free(transformer);
    backend_close(backend);
    batch_free(&batch);
    free(trained);
    return loss;
}

static void readings_are_those_of_transformers(void **state)
{
    (void)state;
    cJSON *readings = train_data_json("readings.json");
    const cJSON *reading;
    size_t count = 0;
    cJSON_ArrayForEach(reading, readings)
    {
        const char *base, *how;
        double expected = 0;
        char file[64];
        struct error err = ERROR_INIT;
        struct model *model = NULL;
        assert_true(json_get_string(reading, "base", &base) &&
                    json_get_string(reading, "weights", &how) &&
                    json_get_double(reading, "loss", &expected));
        char *folder =
            make_model(base, json_get(reading, "config"), json_get(reading, "drop"), how);
        snprintf(file, sizeof file, "%s.json", base);
        cJSON *cases = train_data_json(file);
        if (model_open(&model, folder, &err) != 0)
            fail_msg("%s: %s", reading->string, err.text);
        double loss = loss_of(model, json_get(cases, "packed"));
        if (!(fabs(loss - expected) <= 1e-5 * expected))
            fail_msg("%s: loss %.9g, transformers has %.9g", reading->string, loss, expected);
        model_close(model);
        cJSON_Delete(cases);
        data_folder_remove(folder);
        count++;
    }
    assert_true(count > 20);
    cJSON_Delete(readings);
}

/* --- what is said of weights --- */

static void expect_notes(const char *base, const char *changes, const char *how,
                         const char *const *says, size_t lines)
{
    struct model *model = open_made(base, changes, how);
    const char *notes = model_notes(model);
    size_t found = 0;
    for (const char *at = notes; *at; at++)
        found += *at == '\n';
    for (size_t i = 0; i < lines; i++)
        if (!strstr(notes, says[i]))
            fail_msg("\"%s\" does not say \"%s\"", notes, says[i]);
    if (found != lines)
        fail_msg("%zu lines, not %zu: %s", found, lines, notes);
    model_close(model);
}

#define SAYS(changes, how, ...)                                                                    \
    expect_notes("llama_untied", changes, how, (const char *const[]){__VA_ARGS__},                 \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define TIED "{\"tie_word_embeddings\": true}"

static void what_is_surprising_is_said(void **state)
{
    (void)state;
    static const char *const strange[] = {
        "k_norm.weight, the first of 4 such, has no place in a llama"};
    expect_notes("llama_untied", NULL, "", NULL, 0);
    expect_notes("llama_untied", TIED, "equal", NULL, 0);
    expect_notes("qwen3", "{\"model_type\": \"llama\"}", "", strange, 1);
    SAYS(TIED, "", "lm_head.weight and model.embed_tokens.weight are not equal");
    SAYS(TIED, "head", "lm_head.weight is all that is stored");
    SAYS(NULL, "bare", "of embed_tokens.weight, the first of 20 such, has no \"model.\" in front");
    SAYS("{\"num_hidden_layers\": 1}", "", "the first of 9 such, is of a layer");
    SAYS(NULL, "beside", "has both model.safetensors and model.safetensors.index.json");
    SAYS(NULL, "shards", "lm_head.weight, the first of 1 such, is in more than one shard",
         "lm_head.weight, the first of 2 such, is not in the shard that the index has");
    SAYS(NULL, "sized", "is in more than one shard", "is not in the shard that the index has",
         "\"total_size\" is 12345, and the tensors of the shards have ");
    SAYS("{\"rope_scaling\": {\"rope_type\": \"default\", \"factor\": 2}}", "",
         "\"factor\" in \"rope_scaling\" changes nothing");
}

/* One tensor, under the embeddings' name, which train and export by it. */
static void a_head_alone_is_the_embeddings(void **state)
{
    (void)state;
    struct model *model = open_made("llama_untied", TIED, "head");
    const struct parameter *parameter = model_find(model, "model.embed_tokens.weight");
    assert_true(model->config.tied && parameter && parameter->role == ROLE_EMBEDDING);
    assert_string_equal(parameter->tensor->name, "lm_head.weight");
    assert_null(model_role(model, ROLE_HEAD, -1, false));
    assert_int_equal(model_check_trainable(model, NULL), 0);
    model_close(model);
}

/* The file stores a head that equals the embedding, to which the configuration ties it: one tensor,
 * counted once. */
static void an_equal_tied_head_counts_once(void **state)
{
    (void)state;
    struct model *untied = open_made("llama_untied", NULL, "equal");
    struct model *tied = open_made("llama_untied", TIED, "equal");
    const struct parameter *head = model_role(untied, ROLE_HEAD, -1, false);
    assert_true(!untied->config.tied && head && parameter_is_used(untied, head));
    assert_true(tied->config.tied);
    assert_int_equal(tied->parameter_count, untied->parameter_count);
    assert_true(model_numel(tied) == model_numel(untied) - head->numel);
    assert_false(parameter_is_used(tied, model_role(tied, ROLE_HEAD, -1, false)));
    model_close(untied);
    model_close(tied);
}

/* --- keys --- */

static void expect_refused(const char *base, const char *changes, const char *says)
{
    struct model *model = open_made(base, changes, "");
    struct error err = ERROR_INIT;
    int status = model_check_trainable(model, &err);
    if (!says && status != 0)
        fail_msg("%s: %s", changes, err.text);
    if (says && (status == 0 || !strstr(err.text, says)))
        fail_msg("%s: \"%s\" does not say \"%s\"", changes, err.text, says);
    model_close(model);
}

static void keys_that_change_the_computation_are_refused(void **state)
{
    (void)state;
    static const char *const keys[][2] = {
        {"logit_scale", "0.5"},
        {"final_logit_softcapping", "30.0"},
        {"attn_logit_softcapping", "50.0"},
        {"partial_rotary_factor", "0.5"},
        {"embedding_multiplier", "12"},
        {"residual_multiplier", "0.22"},
        {"attention_multiplier", "0.1"},
        {"logits_scaling", "8.0"},
        {"num_experts", "4"},
        {"n_routed_experts", "4"},
        {"is_causal", "false"},
        {"use_bidirectional_attention", "true"},
        {"is_encoder_decoder", "true"},
        {"use_rope", "false"},
        {"alibi", "true"},
        {"position_embedding_type", "\"alibi\""},
        {"mlp_hidden_act", "\"relu2\""},
        {"clip_qkv", "8"},
        {"use_qk_norm", "true"},
        {"no_rope_layers", "[1,0]"},
        {"rope_interleaved", "true"},
        {"query_pre_attn_scalar", "256"},
        {"layer_norm_eps", "0.001"},
        {"n_layer", "3"},
        {"per_layer_config", "{\"0\":{\"hidden_act\":\"relu\"}}"},
        {"quantization_config", "{\"quant_method\":\"fp8\"}"},
        {"attention_dropout", "0.1"},
        {"use_sliding_window", "true"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char json[128], says[64];
        snprintf(json, sizeof json, "{\"%s\": %s}", keys[i][0], keys[i][1]);
        snprintf(says, sizeof says, "\"%s\"", keys[i][0]);
        expect_refused("llama_untied", json, says);
        if (!is(keys[i][0], "use_sliding_window"))
            expect_refused("qwen3", json, says);
    }
}

/* --- the fingerprint --- */

static void fingerprint_of(char out[HASH_TEXT_SIZE], const char *base, const char *changes,
                           const char *scaling)
{
    struct model *model = open_made(base, changes, "");
    struct error err = ERROR_INIT;
    if (scaling && model_scale_rope(model, scaling, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(model_fingerprint_config(model, out, NULL), 0);
    model_close(model);
}

static void expect_fingerprint(const char *base, const char *changes, const char *scaling,
                               const char *than, bool same)
{
    char with[HASH_TEXT_SIZE];
    fingerprint_of(with, base, changes, scaling);
    if (is(with, than) != same)
        fail_msg("%s: %s%s is %s", base, changes ? changes : "", scaling ? scaling : "",
                 same ? "another fingerprint" : "the same fingerprint");
}

static void the_fingerprint_is_of_what_is_computed(void **state)
{
    (void)state;
    static const struct {
        const char *base, *others[14];
    } computed[] = {
        {"llama_untied",
         {"{\"rms_norm_eps\": 1.1e-5}", "{\"hidden_act\": \"gelu\"}",
          "{\"model_type\": \"mistral\"}", "{\"attention_bias\": true}", "{\"mlp_bias\": true}",
          "{\"num_attention_heads\": 2, \"num_key_value_heads\": 2}", "{\"num_hidden_layers\": 1}",
          "{\"head_dim\": 12}",
          "{\"rope_parameters\": {\"rope_theta\": 10001, \"rope_type\": \"default\"}}",
          "{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2}}",
          "{\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2}}",
          "{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2}}"}},
        {"llama_rope3",
         {"{\"rope_scaling\": null, \"rope_parameters\": {\"rope_type\": \"default\"}}"}},
        {"mistral", {"{\"sliding_window\": 7}", "{\"sliding_window\": null}"}},
        {"qwen2_window", {"{\"use_sliding_window\": false}"}},
    };
    static const char *const spoken[] = {
        "{\"dtype\": \"bfloat16\"}",
        "{\"torch_dtype\": \"float16\"}",
        "{\"use_cache\": false}",
        "{\"rms_norm_eps\": \"0.00001\"}",
        "{\"initializer_range\": 0.3}",
        "{\"eos_token_id\": [2, 3]}",
        "{\"bos_token_id\": 3}",
        "{\"temperature\": 0.5, \"do_sample\": true}",
        "{\"max_position_embeddings\": 4}",
        "{\"rope_parameters\": null}",
        "{\"rope_scaling\": null}",
        "{\"_name_or_path\": \"x\"}",
        TIED /* it stores another head */,
    };
    char own[HASH_TEXT_SIZE];
    for (size_t i = 0; i < sizeof computed / sizeof *computed; i++) {
        fingerprint_of(own, computed[i].base, NULL, NULL);
        for (size_t j = 0; computed[i].others[j]; j++)
            expect_fingerprint(computed[i].base, computed[i].others[j], NULL, own, false);
    }
    fingerprint_of(own, "llama_untied", NULL, NULL);
    for (size_t i = 0; i < sizeof spoken / sizeof *spoken; i++)
        expect_fingerprint("llama_untied", spoken[i], NULL, own, true);
    expect_fingerprint("llama_untied", NULL, "linear:1", own, false);
    /* of a command line's scaling, and of each the numbers that it has */
    fingerprint_of(own, "llama_untied", NULL, "linear:4");
    expect_fingerprint("llama_untied", NULL, "linear:2", own, false);
    expect_fingerprint("llama_untied", NULL, "yarn:4", own, false);
    expect_fingerprint("llama_untied", "{\"max_position_embeddings\": 64}", "linear:4", own, true);
    expect_fingerprint("llama_untied",
                       "{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 4}}", NULL, own,
                       true);
    for (size_t i = 0; i < 3; i++) {
        static const char *const by_length[] = {"yarn:4", "llama3:4", "dynamic:4"};
        fingerprint_of(own, "llama_untied", NULL, by_length[i]);
        expect_fingerprint("llama_untied", "{\"max_position_embeddings\": 64}", by_length[i], own,
                           false);
    }
}

static void keys_that_change_nothing_are_let_pass(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"_name_or_path\": \"a/b\"",
        "\"_attn_implementation_autoset\": true",
        "\"attn_implementation\": \"flash_attention_2\"",
        "\"attention_dropout\": 0",
        "\"attention_multiplier\": 0.40824829",
        "\"auto_map\": {\"AutoModel\": \"mine.Model\"}",
        "\"chunk_size_feed_forward\": 0",
        "\"conversation_template\": \"chatml\"",
        "\"final_logit_softcapping\": null",
        "\"id2label\": {\"0\": \"LABEL_0\"}",
        "\"is_causal\": true",
        "\"is_llama_config\": true",
        "\"layer_types\": [\"full_attention\", \"full_attention\"]",
        "\"logit_scale\": 1.0",
        "\"max_sequence_length\": 2048",
        "\"n_layer\": 2",
        "\"num_experts\": 0",
        "\"pad_token_id\": 0",
        "\"partial_rotary_factor\": 1.0",
        "\"position_embedding_type\": \"rope\"",
        "\"pretraining_tp\": 2",
        "\"quantization_config\": null",
        "\"rope_interleaved\": false",
        "\"steps_of_a_tool\": 7",
        "\"temperature\": 0.7",
        "\"torch_dtype\": \"bfloat16\"",
        "\"transformers.js_config\": {\"kv_cache_dtype\": {\"q4\": \"float16\"}}",
        "\"unsloth_fixed\": true",
        "\"use_cache\": false",
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char json[160];
        snprintf(json, sizeof json, "{%s}", members[i]);
        expect_refused("llama_untied", json, NULL);
    }
}

/* Dropout is training's alone. */
static void dropout_can_be_evaluated(void **state)
{
    (void)state;
    struct model *model = open_made("llama_untied", "{\"attention_dropout\": \"0.1\"}", "");
    assert_int_equal(model_check_computable(model, NULL), 0);
    assert_int_equal(model_check_trainable(model, NULL), -1);
    model_close(model);
}

static void numbers_may_be_texts_and_nothing_else(void **state)
{
    (void)state;
    struct model *model = open_made("llama_untied",
                                    "{\"rms_norm_eps\": \"1e-2\", \"vocab_size\": 40.0,"
                                    " \"tie_word_embeddings\": \"False\","
                                    " \"rope_parameters\": {\"rope_type\": \"linear\","
                                    " \"factor\": \"2.5\", \"rope_theta\": \"5e2\"}}",
                                    "");
    const struct model_config *c = &model->config;
    assert_true(c->norm_eps == 1e-2 && c->layers == 2 && c->vocab == 40 && !c->tied);
    assert_true(c->rope_factor == 2.5 && c->rope_theta == 500);
    assert_int_equal(model_check_trainable(model, NULL), 0);
    model_close(model);
    static const char *const wrong[][2] = {
        {"{\"rms_norm_eps\": \"small\"}", "\"rms_norm_eps\" is \"small\""},
        {"{\"rms_norm_eps\": \"0x1p-9\"}", "\"rms_norm_eps\""},
        {"{\"rms_norm_eps\": null}", "\"rms_norm_eps\" is null"},
        {"{\"rms_norm_eps\": true}", "\"rms_norm_eps\" is true"},
        {"{\"initializer_range\": []}", "\"initializer_range\" is []"},
        {"{\"tie_word_embeddings\": 1}", "\"tie_word_embeddings\" is 1"},
        {"{\"tie_word_embeddings\": \"yes\"}", "\"tie_word_embeddings\" is \"yes\""},
        {"{\"attention_bias\": {}}", "\"attention_bias\" is {}"},
        {"{\"bos_token_id\": \"one\"}", "\"bos_token_id\" is \"one\""},
        {"{\"eos_token_id\": [2, 2.5]}", "\"eos_token_id\" has an entry"},
        {"{\"max_position_embeddings\": null}", "\"max_position_embeddings\" is null"},
        {"{\"rope_theta\": [1]}", "\"rope_theta\" is [1]"},
        {"{\"rope_scaling\": \"linear\"}", "\"rope_scaling\" must be an object"},
        {"{\"rope_scaling\": {\"factor\": 2}}", "no \"rope_type\""},
        {"{\"rope_scaling\": {\"rope_type\": 3}}", "\"rope_type\" in \"rope_scaling\""},
        {"{\"rope_scaling\": {\"rope_type\": \"longrope\", \"factor\": 2}}", "\"longrope\""},
        {"{\"rope_scaling\": {\"rope_type\": \"linear\"}}", "lacks one of its numbers"},
        {"{\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8}}", "low_freq_factor"},
        {"{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2, \"mrope_section\": [1]}}",
         "\"mrope_section\""},
        {"{\"rope_scaling\": {\"rope_type\": \"default\", \"partial_rotary_factor\": 0.5}}",
         "\"partial_rotary_factor\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refused("llama_untied", wrong[i][0], wrong[i][1]);
}

/* --- --rope-scaling --- */

static void a_command_lines_scaling_is_config_jsons(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"linear:3", "{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 3}}"},
        {"yarn:4", "{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}}"},
        {"dynamic:2", "{\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2}}"},
        {"llama3:8", "{\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8,"
                     " \"low_freq_factor\": 1, \"high_freq_factor\": 4}}"},
    };
    cJSON *cases = train_data_json("llama_untied.json");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct error err = ERROR_INIT;
        struct model *model = open_made("llama_rope_linear", "{\"rope_parameters\": null}", ""),
                     *file = open_made("llama_rope_linear", same[i][1], "");
        if (model_scale_rope(model, same[i][0], &err) != 0)
            fail_msg("%s", err.text);
        int64_t factor = same[i][0][strlen(same[i][0]) - 1] - '0';
        assert_true(model->config.max_positions == 128 * (i == 2 ? 1 : factor));
        assert_true(loss_of(model, json_get(cases, "single")) ==
                    loss_of(file, json_get(cases, "single")));
        model_close(model);
        model_close(file);
    }
    cJSON_Delete(cases);
    static const char *const wrong[] = {
        "",      "linear",     "linear:",  "linear:x", "linear:0.5", "linear:-2", "linear:4:4",
        "ntk:2", "longrope:2", "yarn:1e9", "yarn: 4",  "Linear:4",   "linear:nan"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(model_check_rope_scaling(wrong[i], &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, "--rope-scaling takes linear, yarn, dynamic or llama3"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_are_those_of_transformers),
        cmocka_unit_test(what_is_surprising_is_said),
        cmocka_unit_test(a_head_alone_is_the_embeddings),
        cmocka_unit_test(an_equal_tied_head_counts_once),
        cmocka_unit_test(keys_that_change_the_computation_are_refused),
        cmocka_unit_test(the_fingerprint_is_of_what_is_computed),
        cmocka_unit_test(keys_that_change_nothing_are_let_pass),
        cmocka_unit_test(dropout_can_be_evaluated),
        cmocka_unit_test(numbers_may_be_texts_and_nothing_else),
        cmocka_unit_test(a_command_lines_scaling_is_config_jsons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
