#include "job/engines/engine_config.h"

#include "base/quote.h"
#include "base/sys.h"
#include "job/job_dir.h"

#include <errno.h>
#include <stdlib.h>

static void put_zero(struct json_writer *json, bool offload)
{
    static const char *const parts[] = {"offload_optimizer", "offload_param"};
    json_object(json, "zero_optimization");
    json_integer(json, "stage", 3);
    for (int i = 0; offload && i < 2; i++) {
        json_object(json, parts[i]);
        json_text(json, "device", "cpu");
        json_end(json);
    }
    json_end(json);
}

/* The script says where a step ends, so accumulation is none of DeepSpeed's business; its checks want a
 * number all the same. Gradients are summed in fp32, as in the other engines. */
int engine_config_write_deepspeed(const struct training_parts *parts, struct error *err)
{
    const struct training_request *request = parts->sitting->request;
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_object(&json, NULL);
    json_integer(&json, "train_micro_batch_size_per_gpu", request->batch);
    json_integer(&json, "gradient_accumulation_steps", 1);
    json_real(&json, "gradient_clipping", request->clip);
    json_object(&json, "bf16");
    json_flag(&json, "enabled", parts->setup->settings.storage != STORAGE_F32);
    json_end(&json);
    json_object(&json, "data_types");
    json_text(&json, "grad_accum_dtype", "fp32");
    json_end(&json);
    json_text(&json, "communication_data_type", "fp32");
    put_zero(&json, request->offload);
    json_flag(&json, "zero_force_ds_cpu_optimizer", false); /* it would be compiled */
    json_integer(&json, "steps_per_print", 1000000000);
    json_end(&json);
    return job_dir_save_json(request->run, "deepspeed.json", &json, err);
}

static void put_member(struct buffer *out, const char *key, const char *value)
{
    buffer_format(out, "%s: ", key);
    quote_put_yaml(out, value);
    buffer_byte(out, '\n');
}

static void put_settings(struct buffer *out, const struct training_parts *parts)
{
    const struct training_request *request = parts->sitting->request;
    bool bf16 = parts->setup->settings.storage != STORAGE_F32;
    buffer_format(out,
                  "sequence_len: %lld\nmicro_batch_size: %lld\ngradient_accumulation_steps: %lld\n"
                  "max_steps: %lld\nnum_epochs: 1\n"
                  "learning_rate: %.17g # the highest; each step's is in rows.safetensors\n"
                  "lr_scheduler: constant\noptimizer: adamw_torch\nweight_decay: %.17g\n"
                  "max_grad_norm: %.17g\nbf16: %s\nfp16: false\ntf32: false\n"
                  "attn_implementation: sdpa\nsample_packing: false # rows are packed already\n"
                  "pad_to_sequence_len: false\ngradient_checkpointing: true\n"
                  "gradient_checkpointing_kwargs:\n  use_reentrant: false\nval_set_size: 0\n"
                  "seed: %lld\n",
                  (long long)request->seq_len, (long long)request->batch,
                  (long long)request->accumulate, (long long)parts->setup->course->steps,
                  request->rate, request->weight_decay, request->clip, bf16 ? "true" : "false",
                  (long long)request->seed);
}

/* Dots are plain: Axolotl escapes them itself, and would match nothing where they are already. */
static void put_names(struct buffer *out, char *const *names, size_t count)
{
    buffer_text(out, "unfrozen_parameters:\n");
    for (size_t i = 0; i < count; i++) {
        struct buffer name = BUFFER_INIT;
        buffer_format(&name, "^%s$", names[i]);
        buffer_text(out, "- ");
        quote_put_yaml(out, buffer_string(&name));
        buffer_byte(out, '\n');
        buffer_free(&name);
    }
}

int engine_config_write_plan(const struct training_parts *parts, char *const *names, size_t count,
                             struct error *err)
{
    struct buffer text = BUFFER_INIT;
    buffer_format(&text, "# the %zu tensors that train, as the loaded model calls them\n", count);
    put_names(&text, names, count);
    int status = job_dir_save(parts->sitting->request->run, "plan.yaml", &text, err);
    buffer_free(&text);
    return status;
}

/* Paths are whole, as Axolotl takes others from where it is started. */
int engine_config_write_axolotl(const struct training_parts *parts, char *const *names,
                                size_t count, struct error *err)
{
    const struct training_request *request = parts->sitting->request;
    struct buffer text = BUFFER_INIT, rows = BUFFER_INIT, output = BUFFER_INIT;
    char *model = sys.realpath(parts->base->path, NULL), *run = sys.realpath(request->run, NULL);
    int status = model && run ? 0 : error_set_errno(err, errno, "cannot find %s", request->run);
    if (status == 0) {
        buffer_format(&rows, "%s/rows.safetensors", run);
        buffer_format(&output, "%s/trainer", run);
        buffer_text(&text, "# What Axolotl is told. spectrum_engine.py is its plug-in: rows, loss, "
                           "schedule, proof and checkpoints are there.\n");
        put_member(&text, "base_model", model);
        buffer_text(&text, "plugins:\n- spectrum_engine.SpectrumEngine\n"
                           "datasets: # which that plug-in gives\n- path: ");
        quote_put_yaml(&text, buffer_string(&rows));
        buffer_text(&text, "\n  type: completion\n");
        put_member(&text, "output_dir", buffer_string(&output));
        put_settings(&text, parts);
        put_names(&text, names, count);
        status = job_dir_save(request->run, "axolotl.yml", &text, err);
    }
    buffer_free(&text);
    buffer_free(&rows);
    buffer_free(&output);
    free(model);
    free(run);
    return status;
}
