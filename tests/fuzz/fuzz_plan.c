/* A plan file, YAML or JSON, and a kept plan, over a fixed scan, with and without its model. */
#include "fuzz.h"
#include "model/score_read.h"

#include "plan/plan_kept.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"

static const char scan_text[] =
    "{\"model.layers.0.mlp.down_proj\": {\"snr\": 1.5, \"type\": \"mlp.down_proj\"},"
    " \"model.layers.0.mlp.up_proj\": {\"snr\": Infinity, \"type\": \"mlp.up_proj\"},"
    " \"model.layers.0.self_attn.q_proj\": {\"snr\": 0.5, \"type\": \"self_attn.q_proj\"},"
    " \"lm_head\": {\"snr\": NaN, \"type\": \"lm_head\"}}";

static const char config_text[] =
    "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"vocab_size\": 16,"
    " \"hidden_size\": 8, \"intermediate_size\": 12, \"num_hidden_layers\": 1,"
    " \"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"hidden_act\": \"silu\","
    " \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-5}";

/* What was read is written again, and that is read. */
static void read_plan(const struct scan *scan, const struct model *model, const char *path)
{
    struct plan *plan = NULL;
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    if (plan_new(&plan, scan, model, NULL) != 0)
        abort();
    if (fuzz_ok(plan_read(plan, path, &err), &err)) {
        plan_put(&text, plan, PLAN_JSON, "fuzz.json");
        if (plan_read(plan, fuzz_file("again.json", text.data, text.length), NULL) != 0)
            abort();
        for (int format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++)
            plan_put(&text, plan, (enum plan_format)format, "fuzz.json");
        plan_counts(plan);
    }
    buffer_free(&text);
    plan_free(plan);
}

/* What was read is written again, and that is read to the same: every step of it, too. */
static void read_kept(const struct scan *scan, const struct model *model, const char *path)
{
    struct plan *plan = NULL, *again = NULL;
    struct buffer text = BUFFER_INIT, copy = BUFFER_INIT;
    struct error err = ERROR_INIT;
    size_t now;
    if (plan_new(&plan, scan, model, NULL) != 0 || plan_new(&again, scan, model, NULL) != 0)
        abort();
    if (fuzz_ok(plan_read_kept(plan, path, &err), &err)) {
        plan_put_kept(&text, plan, "fuzz.json");
        if (plan_read_kept(again, fuzz_file("again.json", text.data, text.length), NULL) != 0)
            abort();
        plan_put_kept(&copy, again, "fuzz.json");
        if (strcmp(buffer_string(&text), buffer_string(&copy)) != 0)
            abort();
        for (size_t i = 0; i < plan_steps(plan, &now); i++)
            plan_step(plan, i);
        while (plan_undo(plan))
            plan_counts(plan);
    }
    buffer_free(&text);
    buffer_free(&copy);
    plan_free(plan);
    plan_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scan *scan;
    static struct model *model;
    if (!scan) {
        fuzz_model();
        fuzz_file("config.json", config_text, sizeof config_text - 1);
        if (scan_parse(&scan, scan_text, sizeof scan_text - 1, "scan.json", NULL) != 0 ||
            model_open(&model, fuzz_folder(), NULL) != 0)
            abort();
    }
    char path[256];
    snprintf(path, sizeof path, "%s", fuzz_file("fuzz.yaml", data, size));
    read_plan(scan, NULL, path);
    read_plan(scan, model, path);
    read_kept(scan, NULL, path);
    read_kept(scan, model, path);
    return 0;
}
