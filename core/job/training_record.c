/* What a run leaves in writing: job.json, plan.yaml, proof.json. */
#include "base/folder.h"
#include "base/sys.h"
#include "compute/cpu/onednn.h"
#include "compute/machine.h"
#include "job/job_dir.h"
#include "job/training_memory.h"
#include "job/training_parts.h"
#include "plan/plan_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_fingerprints(struct json_writer *json, const char *key, const struct dataset *data)
{
    json_list(json, key);
    for (size_t i = 0; i < data->source_count; i++)
        json_text(json, NULL, data->sources[i].fingerprint);
    json_end(json);
}

/* What has no value is absent. */
static void put_option(struct json_writer *json, const char *key, const char *value)
{
    if (value)
        json_text(json, key, value);
}

/* --- what was asked for, with the defaults of what was not --- */

static void put_texts(struct json_writer *json, const char *key, const struct option_list *list)
{
    json_list(json, key);
    for (size_t i = 0; i < list->count; i++)
        json_text(json, NULL, list->items[i]);
    json_end(json);
}

static void put_numbers(struct json_writer *json, const char *key,
                        const struct option_numbers *list)
{
    json_list(json, key);
    for (size_t i = 0; i < list->count; i++)
        json_real(json, NULL, list->items[i]);
    json_end(json);
}

/* The member of the request that a row stands for. */
static void put_value(struct json_writer *json, const char *key, const struct option *row,
                      const struct training_request *request)
{
    const void *value = (const char *)request + row->at;
    switch (row->kind) {
    case OPTION_FLAG:
        json_flag(json, key, *(const bool *)value);
        break;
    case OPTION_TEXT:
    case OPTION_PATH:
        json_text(json, key, *(const char *const *)value);
        break;
    case OPTION_TEXTS:
    case OPTION_PATHS:
        put_texts(json, key, value);
        break;
    case OPTION_NUMBERS:
        put_numbers(json, key, value);
        break;
    case OPTION_INTEGER:
        json_integer(json, key, *(const int64_t *)value);
        break;
    case OPTION_NUMBER:
        json_real(json, key, *(const double *)value);
        break;
    case OPTION_BYTES:
        json_count(json, key, *(const uint64_t *)value);
        break;
    case OPTION_CHOICE:
        json_text(json, key, option_choice_name(row, request));
        break;
    }
}

/* Where a row does not say when: what has a value, and a number but for a 0 that is the default. */
static bool is_recorded(const struct option *row, const struct training_request *request)
{
    const void *value = (const char *)request + row->at;
    bool zero = (row->kind == OPTION_INTEGER && *(const int64_t *)value == 0) ||
                (row->kind == OPTION_NUMBER && *(const double *)value == 0);
    if (row->key && !row->key[0])
        return false;
    if (row->recorded)
        return row->recorded(request);
    return option_has_value(row, request) &&
           !(zero && row->preset && strcmp(row->preset, "0") == 0);
}

/* Under a row's key, else under its name with "_" for "-". */
static void put_request(struct json_writer *json, const struct training_request *request)
{
    for (size_t i = 0; i < training_options.count; i++) {
        const struct option *row = &training_options.rows[i];
        char key[64];
        if (!is_recorded(row, request))
            continue;
        snprintf(key, sizeof key, "%s", row->key ? row->key : row->name);
        for (char *dash = key; (dash = strchr(dash, '-'));)
            *dash = '_';
        put_value(json, key, row, request);
    }
}

/* What the optimiser has that no option says. */
static void put_optimizer(struct json_writer *json, const struct training_request *request)
{
    const struct optimizer_settings optimizer = training_settings(request).optimizer;
    json_real(json, "beta1", optimizer.beta1);
    json_real(json, "beta2", optimizer.beta2);
    json_real(json, "epsilon", optimizer.epsilon);
}

/* --- what became known --- */

/* What the run's texts depend on besides: of its template, and tokens that it added. */
static void put_template(struct json_writer *json, const struct training *training)
{
    put_option(json, "template_date", training->date);
    if (training->added_tokens)
        json_tree(json, "added_tokens", training->added_tokens);
}

/* What the numbers depend on besides what was asked for. */
static void put_machine(struct json_writer *json, const struct training *training)
{
    const struct training_request *request = training->request;
    put_option(json, "program", request->program);
    json_integer(json, "threads", machine_threads((int)request->threads));
    json_text(json, "instructions", machine_instructions());
    json_text(json, "library", onednn_version());
    if (training->backend)
        json_text(json, "backend", training->backend->name);
}

/* What became known when the data had been read, and when the trainer was made. */
static void put_found(struct json_writer *json, const struct training *training)
{
    const struct run_identity *identity = &training->identity;
    if (!identity->data[0])
        return;
    json_text(json, "fingerprint", identity->model);
    json_text(json, "data_fingerprint", identity->data);
    json_text(json, "machine", identity->exact);
    put_fingerprints(json, "data_fingerprints", &training->data);
    put_fingerprints(json, "eval_data_fingerprints", &training->eval_data);
    if (!training->trainer)
        return;
    const struct training_data_plan plan = training_data_plan(training);
    json_text(json, "precision", identity->precision);
    json_integer(json, "steps", trainer_steps(training->trainer));
    json_object(json, "data_counts");
    training_put_data_plan(json, &plan);
    json_end(json);
}

/* The model as whoever reads the record finds it: not from this folder, not by a cache's name. */
static int put_model(struct json_writer *json, const struct training *training, struct error *err)
{
    const char *path =
        training->model ? checkpoint_path(training->model->checkpoint) : training->request->model;
    char folder[4096];
    char *whole = path[0] != '/' && training->model && sys.getcwd(folder, sizeof folder)
                      ? path_join(folder, path, err)
                      : string_copy(path, err);
    if (!whole)
        return -1;
    json_text(json, "model", whole);
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
    int status = put_model(&json, training, err);
    if (status == 0) {
        put_request(&json, request);
        put_template(&json, training);
        put_optimizer(&json, request);
        put_machine(&json, training);
        put_found(&json, training);
        job_put_arguments(&json, request->argc, request->argv);
        json_end(&json);
        status = json_finish(&json, err);
    }
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

static int put_proof_of(struct json_writer *json, const struct optimizer *optimizer, size_t i,
                        struct error *err)
{
    struct run_tensor tensor = optimizer_tensor(optimizer, i);
    char *name = run_tensor_name(&tensor, err);
    if (!name)
        return -1;
    json_object(json, name);
    json_integer(json, "parameters", tensor.parameters);
    json_real(json, "gradient_norm", optimizer->norms[i]);
    json_end(json);
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
    struct json_writer json = {.out = &out};
    int64_t parameters = 0;
    int status = 0;
    json_begin(&json, "spectrum.proof");
    json_integer(&json, "step", step);
    json_flag(&json, "complete", !training->proof_due);
    json_object(&json, "trained");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < optimizer->count && status == 0; i++) {
        status = put_proof_of(&json, optimizer, i, err);
        parameters += optimizer_tensor(optimizer, i).parameters;
    }
    json_end(&json);
    json_integer(&json, "trained_parameters", parameters);
    json_count(&json, "supervised_tokens", data->supervised);
    json_count(&json, "tokens", data->tokens);
    json_real(&json, "supervised_share", (double)data->supervised / (double)data->tokens);
    json_object(&json, "frozen");
    json_count(&json, "tensors", frozen.tensors);
    json_integer(&json, "parameters", frozen.parameters);
    json_end(&json);
    json_end(&json);
    if (status == 0)
        status = json_finish(&json, err);
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
    struct json_writer json = {.out = &out};
    json_tree(&json, NULL, proof);
    cJSON_Delete(proof);
    int status = json_finish(&json, err);
    if (status == 0)
        status = job_dir_save(run, "proof.json", &out, err);
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
