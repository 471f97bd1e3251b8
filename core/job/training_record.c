/* What a run leaves in writing: job.json, plan.yaml, proof.json. */
#include "job/job_dir.h"
#include "job/training_parts.h"
#include "plan/plan_file.h"

#include <inttypes.h>

static void put_files(struct buffer *out, const char *key, const char *const *files, size_t count)
{
    buffer_format(out, ", \"%s\": [", key);
    for (size_t i = 0; i < count; i++) {
        buffer_text(out, i ? ", " : "");
        json_put_string(out, files[i]);
    }
    buffer_byte(out, ']');
}

static void put_text(struct buffer *out, const char *key, const char *value)
{
    buffer_format(out, ", \"%s\": ", key);
    json_put_string(out, value);
}

static void put_real(struct buffer *out, const char *key, double value)
{
    buffer_format(out, ", \"%s\": ", key);
    json_put_number(out, value);
}

static void put_settings(struct buffer *out, const struct training *training)
{
    const struct train_settings *s = &training->settings;
    buffer_format(out,
                  ", \"steps\": %" PRId64 ", \"seq_len\": %" PRId64 ", \"batch\": %" PRId64
                  ", \"accumulate\": %" PRId64 ", \"eval_every\": %" PRId64
                  ", \"save_every\": %" PRId64 ", \"keep\": %" PRId64 ", \"seed\": %" PRIu64,
                  trainer_steps(training->trainer), s->seq_len, s->batch, s->accumulate,
                  s->eval_every, s->save_every, s->keep, s->optimizer.seed);
    put_text(out, "schedule", schedule_name(s->schedule));
    put_text(out, "precision", training->identity.precision);
    put_text(out, "optimizer", "adamw");
    put_real(out, "lr", s->rate);
    put_real(out, "warmup", s->warmup);
    put_real(out, "clip", s->optimizer.clip);
    put_real(out, "weight_decay", s->optimizer.weight_decay);
    put_real(out, "beta1", s->optimizer.beta1);
    put_real(out, "beta2", s->optimizer.beta2);
    put_real(out, "epsilon", s->optimizer.epsilon);
}

static int save_job(const struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    struct buffer out = BUFFER_INIT;
    buffer_text(&out, "{\"format\": \"spectrum.job\", \"version\": 1, \"command\": \"train\"");
    put_text(&out, "method", request->method == METHOD_FULL ? "full" : "spectrum");
    put_text(&out, "model", training->model_path);
    put_text(&out, "fingerprint", training->identity.model);
    put_files(&out, "data", request->data, request->data_count);
    put_files(&out, "eval_data", request->eval_data, request->eval_count);
    put_text(&out, "data_fingerprint", training->identity.data);
    put_settings(&out, training);
    put_text(&out, "machine", training->identity.exact);
    buffer_text(&out, ", ");
    job_put_arguments(&out, request->argc, request->argv);
    buffer_text(&out, "}\n");
    int status = job_dir_save(request->run, "job.json", &out, err);
    buffer_free(&out);
    return status;
}

int training_write_job(const struct training *training, struct error *err)
{
    struct buffer plan = BUFFER_INIT;
    int status = 0;
    if (training->plan) {
        plan_put(&plan, training->plan, PLAN_YAML, training->model_path);
        status = job_dir_save(training->request->run, "plan.yaml", &plan, err);
        buffer_free(&plan);
    }
    return status == 0 ? save_job(training, err) : -1;
}

/* Behind the first step: the gradient norm of every trained tensor shows that it does train. */
int training_write_proof(const struct training *training, struct error *err)
{
    const struct optimizer *optimizer = trainer_optimizer(training->trainer);
    const struct dataset *data = &training->data;
    struct buffer out = BUFFER_INIT;
    int64_t parameters = 0;
    buffer_text(&out, "{\"format\": \"spectrum.proof\", \"version\": 1, \"trained\": {");
    for (size_t i = 0; i < optimizer->count; i++) {
        const struct module *module = &training->model->modules[optimizer->modules[i]];
        buffer_text(&out, i ? ",\n" : "\n");
        json_put_string(&out, module->name);
        buffer_format(&out,
                      ": {\"parameters\": %" PRId64 ", \"gradient_norm\": ", module->parameters);
        json_put_number(&out, optimizer->norms[i]);
        buffer_byte(&out, '}');
        parameters += module->parameters;
    }
    buffer_format(&out,
                  "}, \"trained_parameters\": %" PRId64 ", \"supervised_tokens\": %" PRIu64
                  ", \"tokens\": %" PRIu64 ", \"supervised_share\": ",
                  parameters, data->supervised, data->tokens);
    json_put_number(&out, (double)data->supervised / (double)data->tokens);
    buffer_text(&out, "}\n");
    int status = job_dir_save(training->request->run, "proof.json", &out, err);
    buffer_free(&out);
    return status;
}
