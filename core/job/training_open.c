/* Everything that a run needs, opened in the order of what it depends on. */
#include "base/folder.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "base/xdg.h"
#include "compute/cpu/onednn.h"
#include "compute/devices/devices.h"
#include "compute/machine.h"
#include "job/job_dir.h"
#include "job/training_memory.h"
#include "job/training_parts.h"
#include "model/init.h"
#include "plan/control.h"
#include "spectra/scan_result.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A dry run's random weights are drawn, too: which of them train is chosen by their spectra. */
static char *scratch_folder(struct training *training, struct error *err)
{
    training->scratch = xdg_scratch_folder("init", &training->scratch_lock, err);
    return training->scratch ? string_copy(training->scratch, err) : NULL;
}

/* The model that was asked for; with --init, a new one of random weights in RUN/base. */
static int open_model(struct training *training, bool resume, struct error *err)
{
    const struct training_request *request = training->request;
    training->model_path = !request->init  ? string_copy(request->model, err)
                           : training->dry ? scratch_folder(training, err)
                                           : path_join(request->run, "base", err);
    if (!training->model_path)
        return -1;
    if (request->init && !(resume && job_dir_has(request->run, "base/model.safetensors")) &&
        model_init(request->model, training->model_path, (uint64_t)request->seed, err) != 0)
        return -1;
    if (model_open(&training->model, training->model_path, err) != 0)
        return -1;
    for (const char *note = model_notes(training->model); *note;) {
        int length = (int)strcspn(note, "\n");
        training_say(training, "%.*s", length, note);
        note += length + 1;
    }
    if (request->rope_scaling && model_scale_rope(training->model, request->rope_scaling, err) != 0)
        return -1;
    return model_check_trainable(training->model, err);
}

/* Weights that are all 1 change nothing. */
static void hash_weights(struct hash *hash, const struct dataset *data)
{
    bool any = false;
    for (size_t i = 0; i < data->source_count; i++)
        any = any || data->sources[i].weight != 1;
    for (size_t i = 0; any && i < data->source_count; i++) {
        hash_update(hash, &data->sources[i].end, sizeof data->sources[i].end);
        hash_update(hash, &data->sources[i].weight, sizeof data->sources[i].weight);
    }
}

/* Names what a resume must agree in. */
static int identify(struct training *training, struct error *err)
{
    struct run_identity *identity = &training->identity;
    char fingerprints[2 * HASH_TEXT_SIZE];
    if (checkpoint_fingerprint(training->model->checkpoint, identity->model, err) != 0 ||
        model_fingerprint_config(training->model, identity->configuration, err) != 0 ||
        tokenizer_fingerprint(training->tokenizer, identity->tokenizer, err) != 0)
        return -1;
    memcpy(identity->training_data, training->data.fingerprint, HASH_TEXT_SIZE);
    memcpy(identity->evaluation_data, training->eval_data.fingerprint, HASH_TEXT_SIZE);
    snprintf(fingerprints, sizeof fingerprints, "%s%s", identity->training_data,
             identity->evaluation_data);
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    hash_update(hash, fingerprints, strlen(fingerprints));
    hash_update(hash, training->train.items, training->train.count * sizeof *training->train.items);
    if (training->request->data_weights.count > 0)
        hash_weights(hash, &training->data);
    hash_text(hash, identity->data);
    hash_free(hash);
    snprintf(identity->exact, sizeof identity->exact, "%s, %d threads, %s, %s",
             training->backend->name, machine_threads((int)training->request->threads),
             machine_instructions(), onednn_version());
    return 0;
}

/* Before anything is allocated, of a dry run, too: what a control group or a limit of the process
 * does not allow would be killed in the middle; what only the machine is short of may still be
 * swapped, and is said. */
static int check_room(struct training *training, struct error *err)
{
    static const char less[] =
        "a lower --batch, --seq-len or --top, --memory-limit, --frozen-dtype "
        "nf4, --optimizer adamw-8bit, or --master none, needs less";
    uint64_t total = training->planned_bytes;
    if (total <= training->free_bytes)
        return 0;
    if (training->dry) { /* it says so, and takes nothing of what is not there */
        training->inputs.layout_only = true;
        return 0;
    }
    if (memory_limit_check(total, less, err) != 0)
        return -1;
    training_say(training,
                 "the run needs %s of memory and only %s are available here: it may be slowed by "
                 "swapping or killed",
                 bytes_text((double)total).text, bytes_text((double)training->free_bytes).text);
    return 0;
}

static void say_missing(const struct training *training)
{
    char names[256];
    if (backend_missing(training->backend, names, sizeof names) > 0)
        training_say(training,
                     "the device cannot do these operations yet, which the processor computes in "
                     "its place, slowly: %s",
                     names);
}

int training_open(struct training *training, bool resume, struct error *err)
{
    const struct training_request *request = training->request;
    training->settings = training_settings(request);
    if (open_model(training, resume, err) != 0 ||
        backend_open(&training->backend, request->device, (int)request->threads, err) != 0 ||
        training_load_data(training, resume, err) != 0 || identify(training, err) != 0 ||
        (!training->recorded && training_write_job(training, err) != 0) ||
        training_choose(training, resume, err) != 0 || training_check_added(training, err) != 0)
        return -1;
    training_gather_inputs(training);
    if (training_fill_factors(training, err) != 0 || training_fit_memory(training, err) != 0 ||
        backend_warm_up(training->backend, training->settings.storage, err) != 0)
        return -1;
    say_missing(training);
    training->base_bytes = process_resident_bytes();
    training->free_bytes = available_memory();
    if (check_room(training, err) != 0)
        return -1;
    if (trainer_new(&training->trainer, &training->inputs, &training->settings, err) != 0)
        return -1;
    double warmup = request->warmup, most = (double)trainer_steps(training->trainer) - 1;
    if (warmup >= 1 && warmup > most)
        training_say(training,
                     "--warmup %g is cut to %g step%s: the last step of a run has the whole "
                     "learning rate",
                     warmup, most, most == 1 ? "" : "s");
    return training_check_reselect(training, err);
}

void training_close(struct training *training)
{
    if (training->metrics_open)
        job_metrics_close(&training->metrics);
    trainer_free(training->trainer);
    token_list_free(&training->prompt);
    pieces_free(&training->train);
    pieces_free(&training->eval);
    dataset_free(&training->data);
    dataset_free(&training->eval_data);
    tokenizer_close(training->tokenizer);
    method_choice_free(&training->choice);
    free(training->factors);
    free(training->touched);
    plan_free(training->plan);
    scan_free(training->outline);
    scan_result_free(training->scanned);
    backend_close(training->backend);
    model_close(training->model);
    xdg_scratch_remove(training->scratch, training->scratch_lock);
    free(training->model_path);
    free(training->state);
    free(training->template_copy);
    free(training->date);
    cJSON_Delete(training->added_tokens);
}
