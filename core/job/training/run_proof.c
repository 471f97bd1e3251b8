#include "job/training/run_proof.h"

#include "job/job_dir.h"

#include <stdlib.h>

/* A proof that is there but not complete is of a run that was stopped within its first steps. */
void run_proof_begin(struct run_proof *proof, const char *run, const struct dataset *data,
                     bool resume)
{
    *proof = (struct run_proof){.run = run, .data = data, .due = true};
    if (!resume)
        return;
    cJSON *json = job_dir_read(run, "proof.json", NULL);
    proof->due = !cJSON_IsTrue(json_get(json, "complete"));
    cJSON_Delete(json);
}

void run_proof_renew(struct run_proof *proof, bool begun)
{
    proof->due |= begun;
    proof->steps_seen = 0;
}

/* The whole file; it is rewritten when it is due a second time. */
static int write_proof(const struct run_proof *proof, const struct trainer *trainer, int64_t step,
                       struct error *err)
{
    const struct optimizer *optimizer = trainer_optimizer(trainer);
    const struct dataset *data = proof->data;
    struct frozen_count frozen = trainer_frozen(trainer);
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    int64_t parameters = 0;
    int status = 0;
    json_begin(&json, "spectrum.proof");
    json_integer(&json, "step", step);
    json_flag(&json, "complete", !proof->due);
    json_object(&json, "trained");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        char *name = run_tensor_name(&tensor, err);
        if (!name) {
            status = -1;
            break;
        }
        json_object(&json, name);
        json_integer(&json, "parameters", tensor.numel);
        json_real(&json, "gradient_norm", optimizer->norms[i]);
        json_end(&json);
        parameters += tensor.numel;
        free(name);
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
        status = job_dir_save(proof->run, "proof.json", &out, err);
    buffer_free(&out);
    return status;
}

/* Without `adapters` the A of adapters may still lack theirs. */
static int check_gradients(const struct optimizer *optimizer, bool adapters, struct error *err)
{
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

int run_proof_step(struct run_proof *proof, const struct trainer *trainer, int64_t step,
                   struct error *err)
{
    enum { STEPS = 3 };
    const struct optimizer *optimizer = trainer_optimizer(trainer);
    if (!proof->due)
        return 0;
    bool waits =
        false; /* A of an adapter has no gradient as long as B is zero, which it is at first */
    for (size_t i = 0; i < optimizer->count; i++)
        waits |= optimizer_tensor(optimizer, i).part == PART_A && !(optimizer->norms[i] > 0);
    proof->steps_seen++;
    proof->due = waits && proof->steps_seen < STEPS;
    if (proof->due && proof->steps_seen > 1)
        return 0;
    if (write_proof(proof, trainer, step, err) != 0)
        return -1;
    return check_gradients(optimizer, !proof->due, err);
}

/* The rest of the file stays as it is: the norms are those of the first steps. */
int run_proof_saved(const struct run_proof *proof, const struct trainer *trainer, int64_t step,
                    struct error *err)
{
    struct frozen_count count = trainer_frozen(trainer);
    struct buffer out = BUFFER_INIT;
    if (!job_dir_has(proof->run, "proof.json"))
        return 0;
    cJSON *json = job_dir_read(proof->run, "proof.json", err);
    if (!json)
        return -1;
    cJSON_DeleteItemFromObjectCaseSensitive(json, "frozen");
    cJSON *frozen = cJSON_AddObjectToObject(json, "frozen");
    cJSON_AddNumberToObject(frozen, "tensors", (double)count.tensors);
    cJSON_AddNumberToObject(frozen, "parameters", (double)count.parameters);
    cJSON_AddNumberToObject(frozen, "unchanged_at_step", (double)step);
    struct json_writer writer = {.out = &out};
    json_tree(&writer, NULL, json);
    cJSON_Delete(json);
    int status = json_finish(&writer, err);
    if (status == 0)
        status = job_dir_save(proof->run, "proof.json", &out, err);
    buffer_free(&out);
    return status;
}
