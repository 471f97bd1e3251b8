/* What a run leaves in writing: job.json, plan.yaml, proof.json. */
#include "base/file.h"
#include "base/sys.h"
#include "compute/machine.h"
#include "compute/onednn.h"
#include "job/job_dir.h"
#include "job/training_parts.h"
#include "plan/plan_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_files(struct buffer *out, const char *key, const char *const *files, size_t count)
{
    buffer_format(out, ", \"%s\": [", key);
    for (size_t i = 0; i < count; i++) {
        buffer_text(out, i ? ", " : "");
        json_put_string(out, files[i]);
    }
    buffer_byte(out, ']');
}

static void put_fingerprints(struct buffer *out, const char *key, const struct dataset *data)
{
    buffer_format(out, ", \"%s\": [", key);
    for (size_t i = 0; i < data->source_count; i++)
        buffer_format(out, "%s\"%s\"", i ? ", " : "", data->sources[i].fingerprint);
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

static void put_flag(struct buffer *out, const char *key, bool value)
{
    buffer_format(out, ", \"%s\": %s", key, value ? "true" : "false");
}

/* Options that have no value are absent. */
static void put_option(struct buffer *out, const char *key, const char *value)
{
    if (value)
        put_text(out, key, value);
}

static void put_weights(struct buffer *out, const double *weights, size_t count)
{
    buffer_text(out, ", \"data_weights\": [");
    for (size_t i = 0; i < count; i++) {
        buffer_text(out, i ? ", " : "");
        json_put_number(out, weights[i]);
    }
    buffer_byte(out, ']');
}

/* What was asked for, with the defaults of what was not. */
static void put_request(struct buffer *out, const struct training_request *request)
{
    const struct method_info *method = method_info(request->method);
    put_text(out, "method", method->name);
    put_option(out, "plan", request->plan);
    put_option(out, "select", request->select);
    if (method->plan && !request->plan) {
        if (!request->select) {
            put_real(out, "top", request->top);
            put_text(out, "empty_noise",
                     request->empty_noise == EMPTY_NOISE_ONE ? "one" : "infinity");
        }
        if (request->reselect > 0)
            buffer_format(out, ", \"reselect\": %" PRId64, request->reselect);
        put_flag(out, "no_embeddings", request->no_embeddings);
        put_flag(out, "no_head", request->no_head);
    }
    if (method->adapters) {
        buffer_format(out, ", \"rank\": %" PRId64, request->rank);
        put_real(out, "alpha", request->alpha);
    }
    put_text(out, "optimizer", optimizer_name(request->moments));
    if (request->frozen != FROZEN_AS_READ)
        put_text(out, "frozen_dtype", request->frozen == FROZEN_INT8 ? "int8" : "nf4");
    if (request->factor_count > 0)
        put_files(out, "lr_factors", request->factors, request->factor_count);
    put_option(out, "template", request->format.template_name);
    put_option(out, "columns", request->format.columns);
    put_option(out, "mark", request->format.mark);
    put_option(out, "long", request->long_documents);
    put_files(out, "data", request->data, request->data_count);
    if (request->data_weights)
        put_weights(out, request->data_weights, request->data_count);
    put_files(out, "eval_data", request->eval_data, request->eval_count);
    if (request->eval_count == 0)
        put_real(out, "eval_split", request->eval_split);
    put_text(out, "device", request->device);
    put_text(out, "dtype", request->dtype);
    put_text(out, "master", request->master);
    put_flag(out, "init", request->init);
    put_option(out, "rope_scaling", request->rope_scaling);
    if (request->memory_limit > 0)
        buffer_format(out, ", \"memory_limit\": %" PRIu64, request->memory_limit);
    buffer_format(out, ", \"sample_tokens\": %" PRId64, request->sample_tokens);
    put_option(out, "sample", request->sample);
}

/* What the run's texts depend on besides: of its template, and tokens that it added. */
static void put_template(struct buffer *out, const struct training *training)
{
    put_flag(out, "add_tokens", training->request->add_tokens);
    put_option(out, "template_date", training->date);
    if (training->added_tokens) {
        buffer_text(out, ", \"added_tokens\": ");
        json_put_tree(out, training->added_tokens);
    }
}

static void put_settings(struct buffer *out, const struct train_settings *s)
{
    buffer_format(out,
                  ", \"seq_len\": %" PRId64 ", \"batch\": %" PRId64 ", \"accumulate\": %" PRId64
                  ", \"eval_every\": %" PRId64 ", \"save_every\": %" PRId64 ", \"keep\": %" PRId64
                  ", \"seed\": %" PRIu64,
                  s->seq_len, s->batch, s->accumulate, s->eval_every, s->save_every, s->keep,
                  s->optimizer.seed);
    if (s->steps == 0)
        put_real(out, "epochs", s->epochs);
    put_text(out, "schedule", schedule_name(s->schedule));
    put_real(out, "lr", s->rate);
    put_real(out, "warmup", s->warmup);
    put_real(out, "clip", s->optimizer.clip);
    put_real(out, "weight_decay", s->optimizer.weight_decay);
    if (s->z_loss > 0)
        put_real(out, "z_loss", s->z_loss);
    if (s->spike_guard > 0)
        put_real(out, "spike_guard", s->spike_guard);
    if (s->neftune > 0)
        put_real(out, "neftune", s->neftune);
    put_real(out, "beta1", s->optimizer.beta1);
    put_real(out, "beta2", s->optimizer.beta2);
    put_real(out, "epsilon", s->optimizer.epsilon);
}

/* What the numbers depend on besides what was asked for. */
static void put_machine(struct buffer *out, const struct training *training)
{
    const struct training_request *request = training->request;
    put_option(out, "program", request->program);
    buffer_format(out, ", \"threads\": %d", machine_threads(request->threads));
    put_text(out, "instructions", machine_instructions());
    put_text(out, "library", onednn_version());
    if (training->backend)
        put_text(out, "backend", training->backend->name);
}

/* What became known when the data had been read, and when the trainer was made. */
static void put_found(struct buffer *out, const struct training *training)
{
    const struct run_identity *identity = &training->identity;
    if (!identity->data[0])
        return;
    put_text(out, "fingerprint", identity->model);
    put_text(out, "data_fingerprint", identity->data);
    put_text(out, "machine", identity->exact);
    put_fingerprints(out, "data_fingerprints", &training->data);
    put_fingerprints(out, "eval_data_fingerprints", &training->eval_data);
    if (training->trainer) {
        put_text(out, "precision", identity->precision);
        struct json_writer json = {.out = out};
        buffer_format(
            out, ", \"steps\": %" PRId64 ", \"data_counts\": ", trainer_steps(training->trainer));
        const struct training_data_plan plan = training_data_plan(training);
        json_object(&json, NULL);
        training_put_data_plan(&json, &plan);
        json_end(&json);
    }
}

/* The model as whoever reads the record finds it: not from this folder, not by a cache's name. */
static int put_model(struct buffer *out, const struct training *training, struct error *err)
{
    const char *path =
        training->model ? checkpoint_path(training->model->checkpoint) : training->request->model;
    char folder[4096];
    char *whole = path[0] != '/' && training->model && sys.getcwd(folder, sizeof folder)
                      ? path_join(folder, path, err)
                      : string_copy(path, err);
    if (!whole)
        return -1;
    put_text(out, "model", whole);
    free(whole);
    return 0;
}

int training_write_job(const struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_begin(&json, "spectrum.job");
    json_text(&json, "command", "train");
    int status = put_model(&out, training, err);
    if (status == 0) {
        put_request(&out, request);
        put_template(&out, training);
        put_settings(&out, &request->is);
        put_machine(&out, training);
        put_found(&out, training);
    }
    job_put_arguments(&json, request->argc, request->argv);
    json_end(&json);
    json_finish(&json, NULL);
    if (status == 0 && json.mended)
        status = error_set(err, "an argument, or the folder this runs in, is not UTF-8: job.json "
                                "cannot hold it; other names are needed");
    if (status == 0 && !training->dry)
        status = job_dir_save(request->run, "job.json", &out, err);
    buffer_free(&out);
    return status;
}

int training_write_plan(const struct training *training, struct error *err)
{
    struct buffer plan = BUFFER_INIT;
    if (training->dry)
        return 0;
    plan_put(&plan, training->plan, PLAN_YAML, training->model_path);
    int status = job_dir_save(training->request->run, "plan.yaml", &plan, err);
    buffer_free(&plan);
    return status;
}

static int put_proof_of(struct buffer *out, const struct optimizer *optimizer, size_t i,
                        struct error *err)
{
    struct run_tensor tensor = optimizer_tensor(optimizer, i);
    char *name = run_tensor_name(&tensor, err);
    if (!name)
        return -1;
    buffer_text(out, i ? ",\n" : "\n");
    json_put_string(out, name);
    buffer_format(out, ": {\"parameters\": %" PRId64 ", \"gradient_norm\": ", tensor.parameters);
    json_put_number(out, optimizer->norms[i]);
    buffer_byte(out, '}');
    free(name);
    return 0;
}

/* Behind the first step: the gradient norm of every trained tensor shows that it does train. */
int training_write_proof(const struct training *training, int64_t step, struct error *err)
{
    const struct optimizer *optimizer = trainer_optimizer(training->trainer);
    const struct dataset *data = &training->data;
    struct frozen_count frozen = trainer_frozen(training->trainer);
    struct buffer out = BUFFER_INIT;
    int64_t parameters = 0;
    int status = 0;
    buffer_format(&out,
                  "{\"format\": \"spectrum.proof\", \"version\": 1, \"step\": %" PRId64
                  ", \"complete\": %s, \"trained\": {",
                  step, training->proof_due ? "false" : "true");
    for (size_t i = 0; i < optimizer->count && status == 0; i++) {
        status = put_proof_of(&out, optimizer, i, err);
        parameters += optimizer_tensor(optimizer, i).parameters;
    }
    buffer_format(&out,
                  "}, \"trained_parameters\": %" PRId64 ", \"supervised_tokens\": %" PRIu64
                  ", \"tokens\": %" PRIu64 ", \"supervised_share\": ",
                  parameters, data->supervised, data->tokens);
    json_put_number(&out, (double)data->supervised / (double)data->tokens);
    buffer_format(&out, ", \"frozen\": {\"tensors\": %zu, \"parameters\": %" PRId64 "}}\n",
                  frozen.tensors, frozen.parameters);
    if (status == 0)
        status = job_dir_save(training->request->run, "proof.json", &out, err);
    buffer_free(&out);
    return status;
}

/* A run whose proof was removed goes on without. */
int training_prove_frozen(const struct training *training, int64_t step, struct error *err)
{
    const char *run = training->request->run;
    struct frozen_count count = trainer_frozen(training->trainer);
    struct buffer out = BUFFER_INIT;
    if (!job_dir_has(run, "proof.json"))
        return 0;
    cJSON *proof = job_dir_read(run, "proof.json", err);
    if (!proof)
        return -1;
    cJSON_DeleteItemFromObjectCaseSensitive(proof, "frozen");
    cJSON *frozen = cJSON_AddObjectToObject(proof, "frozen");
    cJSON_AddNumberToObject(frozen, "tensors", (double)count.tensors);
    cJSON_AddNumberToObject(frozen, "parameters", (double)count.parameters);
    cJSON_AddNumberToObject(frozen, "unchanged_at_step", (double)step);
    json_put_tree(&out, proof);
    buffer_byte(&out, '\n');
    cJSON_Delete(proof);
    int status = job_dir_save(run, "proof.json", &out, err);
    buffer_free(&out);
    return status;
}

bool training_is_proved(const struct training *training)
{
    cJSON *proof = job_dir_read(training->request->run, "proof.json", NULL);
    bool complete = cJSON_IsTrue(json_get(proof, "complete"));
    cJSON_Delete(proof);
    return complete;
}

/* A of an adapter has no gradient as long as B is zero, which it is at first. */
bool training_waits_for_adapters(const struct training *training)
{
    const struct optimizer *optimizer = trainer_optimizer(training->trainer);
    for (size_t i = 0; i < optimizer->count; i++)
        if (optimizer_tensor(optimizer, i).part == PART_A && !(optimizer->norms[i] > 0))
            return true;
    return false;
}

int training_check_proof(const struct training *training, bool adapters, struct error *err)
{
    const struct optimizer *optimizer = trainer_optimizer(training->trainer);
    struct run_tensor first = {0};
    size_t without = 0;
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        if (!(optimizer->norms[i] > 0) && (adapters || tensor.part != PART_A) && without++ == 0)
            first = tensor;
    }
    if (without == 0)
        return 0;
    char *name = run_tensor_name(&first, err);
    if (!name)
        return -1;
    error_set(err,
              "%s trains but its gradient is zero (%zu of %zu tensors, see proof.json): the "
              "supervised tokens do not depend on it, as where each stands first in its document, "
              "or where weights around it are zero; look at the data and the weights, or freeze it",
              name, without, optimizer->count);
    free(name);
    return -1;
}
