/* A checkpoint's state.json, or the left.json beside the checkpoints, which ends with a digest of
 * its own: as it comes (a state of an earlier version has no digest), and sealed with the right one,
 * as only a hand that knows how can make it. Its tensors are those of a run that was saved. */
#include "fuzz.h"

#include "base/file.h"
#include "base/hash.h"
#include "compute/reference/reference.h"
#include "train/state.h"

#include <sys/stat.h>

#define STEP "checkpoints/step-00000002"

static const char config_text[] =
    "{\"architectures\": [\"Qwen2ForCausalLM\"], \"model_type\": \"qwen2\", \"vocab_size\": 16,"
    " \"hidden_size\": 8, \"intermediate_size\": 12, \"num_hidden_layers\": 1,"
    " \"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"hidden_act\": \"silu\","
    " \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-5}";

/* What stands in the corpus' state.json, which a run of this model wrote. */
static const struct run_identity identity = {.model = "0123456789abcdef0123456789abcdef",
                                             .configuration = "00000000000000000000000000000001",
                                             .tokenizer = "00000000000000000000000000000002",
                                             .data = "00000000000000000000000000000003",
                                             .precision = "fp32",
                                             .seq_len = 8,
                                             .batch = 1,
                                             .accumulate = 1,
                                             .frozen = STORAGE_F32,
                                             .exact = "here"};

static struct model *model;
static struct transformer *transformer;
static struct optimizer *optimizer;
static bool *trained;

/* The run, and its states of the steps 2 and 4; the former's state.json is what is fuzzed. */
static void make_run(void)
{
    struct backend *backend = NULL;
    struct error err = ERROR_INIT;
    fuzz_model();
    fuzz_file("config.json", config_text, sizeof config_text - 1);
    if (model_open(&model, fuzz_folder(), &err) != 0 || reference_backend_new(&backend, &err) != 0)
        abort();
    trained = calloc(model->parameter_count, sizeof *trained);
    for (size_t i = 0; trained && i < model->parameter_count; i++)
        trained[i] = model->parameters[i].layer == 0;
    const struct transformer_options options = {
        .recipe = {.trained = trained}, .tokens = 8, .max_positions = 8, .storage = STORAGE_F32};
    const struct optimizer_settings settings = {.clip = 1};
    if (!trained || transformer_new(&transformer, backend, model, &options, &err) != 0 ||
        optimizer_new(&optimizer, transformer, &settings, &err) != 0)
        abort();
    for (int64_t step = 2; step <= 4; step += 2) {
        struct progress progress = {.step = step, .tokens = 16, .supervised = 14, .seconds = 0.5};
        progress.evaluated = progress.best = (struct evaluated){2, 2.5};
        progress.spikes = (struct spike_window){.losses = {2, 3}, .count = 2};
        if (state_save(fuzz_folder(), optimizer, &progress, &identity, NULL, &err) != 0)
            abort();
    }
}

/* All that a run, a resume with other settings, eval and export ask of a state. */
static void read_state(const char *folder)
{
    struct error err = ERROR_INIT;
    struct progress progress = {0};
    bool digested, exact = false, sets[2][64];
    char *path = NULL, base[HASH_TEXT_SIZE];
    fuzz_ok(state_check(folder, STATE_ALL, &digested, &err), &err);
    fuzz_ok(state_check(folder, STATE_WEIGHTS, &digested, &err), &err);
    cJSON *json = state_read_json(folder, &path, &err);
    if (fuzz_ok(json ? 0 : -1, &err)) {
        fuzz_ok(state_read_base(json, BASE_CONFIGURATION, base, path, &err), &err);
        fuzz_ok(state_read_base(json, BASE_TOKENIZER, base, path, &err), &err);
    }
    cJSON_Delete(json);
    free(path);
    if (fuzz_ok(state_load(folder, optimizer, &progress, &identity, &exact, &err), &err) &&
        (progress.step < 1 || progress.spikes.count < 0))
        abort();
    fuzz_ok(state_carry(folder, optimizer, &progress, &identity, &err), &err);
    if (model->parameter_count > 64)
        abort();
    fuzz_ok(state_read_sets(folder, model, OPTIMIZER_ADAMW, sets[0], sets[1], &err), &err);
}

/* Which state of the run is meant, where left.json or the last one's state.json say anything. */
static void choose(void)
{
    static const struct state_choice choices[] = {{0}, {.best = true}, {.step = 4}, {.step = 3}};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        struct error err = ERROR_INIT;
        char *folder = state_choose(fuzz_folder(), &choices[i], &err);
        fuzz_ok(folder ? 0 : -1, &err);
        free(folder);
    }
    struct error err = ERROR_INIT;
    int64_t latest = state_latest_step(fuzz_folder(), &err);
    fuzz_ok(latest >= 0 ? 0 : -1, &err);
}

/* With the digest of all before it, as who writes one ends it. */
static void put_sealed(const char *name, const uint8_t *data, size_t size)
{
    struct buffer text = BUFFER_INIT;
    char digest[DIGEST_TEXT_SIZE];
    if (digest_of(data, size, digest, NULL) != 0)
        abort();
    buffer_append(&text, (const char *)data, size);
    buffer_format(&text, ", \"sha256\": \"%s\"}\n", digest);
    fuzz_file(name, text.data, text.length);
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buffer whole;
    char folder[192];
    if (!model) {
        make_run();
        if (file_read_all(&whole, fuzz_path(STEP "/state.json"), 1 << 20, NULL) != 0)
            abort();
    }
    snprintf(folder, sizeof folder, "%s", fuzz_path(STEP));
    fuzz_file(STEP "/state.json", data, size);
    read_state(folder);
    choose();
    put_sealed(STEP "/state.json", data, size);
    read_state(folder);
    choose();
    fuzz_file(STEP "/state.json", whole.data, whole.length);
    fuzz_file("checkpoints/left.json", data, size);
    choose();
    put_sealed("checkpoints/left.json", data, size);
    choose();
    unlink(fuzz_path("checkpoints/left.json"));
    return 0;
}
