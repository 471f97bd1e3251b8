#include "job/training/run_setup.h"

#include "base/limits.h"
#include "base/process.h"
#include "base/text.h"
#include "compute/cpu/onednn.h"
#include "compute/machine.h"
#include "job/method.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void run_setup_begin(struct run_setup *setup, struct run_sitting *sitting)
{
    *setup =
        (struct run_setup){.sitting = sitting, .settings = training_settings(sitting->request)};
}

/* --- who the run is --- */

/* Model, configuration and tokenizer by their own fingerprints; the data by those of both sets and
 * by how they are cut into pieces; and what must agree for a result that is the same to the bit. */
int run_setup_identify(struct run_setup *setup, const struct run_base *base,
                       const struct run_data *data, struct error *err)
{
    struct run_identity *identity = &setup->identity;
    const struct training_request *request = setup->sitting->request;
    char fingerprints[2 * HASH_TEXT_SIZE];
    setup->base = base;
    setup->data = data;
    if (checkpoint_fingerprint(base->model->checkpoint, identity->model, err) != 0 ||
        model_fingerprint_config(base->model, identity->configuration, err) != 0 ||
        tokenizer_fingerprint(base->tokenizer, identity->tokenizer, err) != 0)
        return -1;
    memcpy(identity->training_data, data->set.fingerprint, HASH_TEXT_SIZE);
    memcpy(identity->evaluation_data, data->eval_set.fingerprint, HASH_TEXT_SIZE);
    snprintf(fingerprints, sizeof fingerprints, "%s%s", identity->training_data,
             identity->evaluation_data);
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    hash_update(hash, fingerprints, strlen(fingerprints));
    hash_update(hash, data->train.items, data->train.count * sizeof *data->train.items);
    bool weighted = false; /* --data-weight; weights that are all 1 change nothing */
    for (size_t i = 0; request->data_weights.count > 0 && i < data->set.source_count; i++)
        weighted = weighted || data->set.sources[i].weight != 1;
    for (size_t i = 0; weighted && i < data->set.source_count; i++) {
        const struct dataset_source *source = &data->set.sources[i];
        hash_update(hash, &source->end, sizeof source->end);
        hash_update(hash, &source->weight, sizeof source->weight);
    }
    hash_text(hash, identity->data);
    hash_free(hash);
    snprintf(identity->exact, sizeof identity->exact, "%s, %d threads, %s, %s", base->backend->name,
             machine_threads((int)request->threads), machine_instructions(), onednn_version());
    return 0;
}

/* --- memory --- */

/* What the trainer is made of. It keeps the pointers: base, data and choice outlive it. */
static void gather_inputs(struct run_setup *setup)
{
    const struct run_data *data = setup->data;
    const struct run_choice *choice = setup->choice;
    setup->inputs = (struct train_inputs){
        .model = setup->base->model,
        .backend = setup->base->backend,
        .recipe = training_recipe(setup->sitting->request, &choice->choice),
        .train = &data->train,
        .eval = data->eval.count > 0 ? &data->eval : NULL,
        .run = setup->sitting->request->run,
        .identity = &setup->identity,
        .work = setup->sitting->work,
    };
    setup->inputs.recipe.touched = choice->touched;
}

/* What the run will take is known, and with --memory-limit how many blocks the backward pass
 * recomputes, before anything is allocated; what does not fit even so is refused. */
static int fit_memory(struct run_setup *setup, struct error *err)
{
    const struct training_request *request = setup->sitting->request;
    struct train_settings *s = &setup->settings;
    struct memory_plan *plan = NULL;
    if (training_memory(&plan, request, &setup->inputs, s, err) != 0)
        return -1;
    setup->planned_bytes = plan->total;
    memory_plan_free(plan);
    if (request->memory_limit > 0 && setup->planned_bytes > request->memory_limit) {
        struct buffer less = BUFFER_INIT;
        training_memory_remedy(&less, request);
        error_set(err,
                  "the run needs %s, with every block recomputed in the backward pass, and "
                  "--memory-limit is %s; %s",
                  bytes_text((double)setup->planned_bytes).text,
                  bytes_text((double)request->memory_limit).text, buffer_string(&less));
        buffer_free(&less);
        return -1;
    }
    if (s->recomputed > 0)
        run_say(setup->sitting,
                "to fit --memory-limit the backward pass recomputes %lld of %lld blocks",
                (long long)s->recomputed, (long long)setup->base->model->config.layers);
    return 0;
}

/* Before anything is allocated, of a dry run, too: what a control group or a limit of the process
 * does not allow would be killed in the middle; what only the machine is short of may still be
 * swapped, and is said. */
static int check_memory(struct run_setup *setup, struct error *err)
{
    uint64_t total = setup->planned_bytes;
    if (total <= setup->free_bytes)
        return 0;
    if (setup->sitting->dry) { /* it says so, and takes nothing of what is not there */
        setup->inputs.layout_only = true;
        return 0;
    }
    struct buffer less = BUFFER_INIT;
    training_memory_remedy(&less, setup->sitting->request);
    int status = memory_limit_check(total, buffer_string(&less), err);
    buffer_free(&less);
    if (status != 0)
        return -1;
    run_warn(setup->sitting,
             "the run needs %s of memory and only %s are available here: it may be slowed by "
             "swapping or killed",
             bytes_text((double)total).text, bytes_text((double)setup->free_bytes).text);
    return 0;
}

/* --- the trainer --- */

int run_setup_open(struct run_setup *setup, const struct run_choice *choice, struct error *err)
{
    const struct training_request *request = setup->sitting->request;
    const struct run_base *base = setup->base;
    char missing[256];
    setup->choice = choice;
    gather_inputs(setup);
    if (request->factors.count > 0) {
        /* with --reselect anything may train later, so every tensor may have a factor */
        const struct method_choice *of = request->reselect > 0 ? NULL : &choice->choice;
        if (lr_factors_make(&setup->factors, &request->factors, base->model, of, err) != 0)
            return -1;
        setup->settings.optimizer.factors = setup->factors;
    }
    if (fit_memory(setup, err) != 0 ||
        backend_warm_up(base->backend, setup->settings.storage, err) != 0)
        return -1;
    if (backend_missing(base->backend, missing, sizeof missing) > 0)
        run_warn(setup->sitting,
                 "the device cannot do these operations yet, which the processor computes in its "
                 "place, slowly: %s",
                 missing);
    setup->base_bytes = process_resident_bytes();
    setup->free_bytes = available_memory();
    if (check_memory(setup, err) != 0 ||
        trainer_new(&setup->trainer, &setup->inputs, &setup->settings, err) != 0)
        return -1;
    setup->course = trainer_course(setup->trainer);
    int64_t warmup = setup->course->schedule.warmup;
    if (request->warmup >= 1 && request->warmup > (double)warmup)
        run_say(setup->sitting,
                "--warmup %g is cut to %lld step%s: the last step of a run has the whole learning "
                "rate",
                request->warmup, (long long)warmup, text_s((uint64_t)warmup));
    return 0;
}

/* Processes are in the identity's last line alone: on any number of them it is the same run. */
int run_setup_open_course(struct run_setup *setup, const struct run_choice *choice,
                          struct error *err)
{
    const struct training_request *request = setup->sitting->request;
    setup->choice = choice;
    gather_inputs(setup);
    if (course_open(&setup->own, setup->inputs.train, &setup->settings, err) != 0)
        return -1;
    setup->course = &setup->own;
    setup->settings.steps = setup->own.steps;
    trainer_fill_identity(&setup->identity, &setup->settings, &setup->inputs.recipe);
    snprintf(setup->identity.exact, sizeof setup->identity.exact,
             "%s, %lld processes of %lld nodes", engine_names[request->engine],
             (long long)request->processes, (long long)request->nodes);
    return 0;
}

/* After trainer_new(), which knows how many steps there are, and before the first of them. */
int run_setup_check_disk(struct run_setup *setup, struct error *err)
{
    struct training_disk *disk = &setup->disk;
    const char *run = setup->sitting->request->run;
    struct train_settings settings = setup->settings;
    settings.steps = setup->course->steps;
    if (training_disk_look(disk, setup->inputs.model, &setup->inputs.recipe, &settings,
                           setup->inputs.eval != NULL, run, err) != 0)
        return -1;
    if (!disk->known)
        run_warn(setup->sitting, "how much room there is for checkpoints cannot be known here: %s",
                 bytes_text((double)disk->total).text);
    if (disk->fits)
        return 0;
    return error_set(err,
                     "%s: up to %llu checkpoint%s of %s on disk at once, of which %s are "
                     "still to be written, and %s are left %s; a lower --keep, --method lora, "
                     "--optimizer adamw-8bit, a --run on another disk, or `spectrum cache clear` "
                     "helps",
                     run, (unsigned long long)disk->states, text_s(disk->states),
                     bytes_text((double)disk->state).text, bytes_text((double)disk->total).text,
                     bytes_text((double)disk->left).text,
                     disk->quota ? "within the quota" : "there");
}

void run_setup_drop_trainer(struct run_setup *setup)
{
    trainer_free(setup->trainer);
    setup->trainer = NULL;
    setup->course = NULL;
}

/* The memory is planned once more, as another set may take more or less of it. */
int run_setup_reopen(struct run_setup *setup, const char *state, struct error *err)
{
    setup->settings.recomputed = 0;
    gather_inputs(setup);
    if (fit_memory(setup, err) != 0 ||
        trainer_new(&setup->trainer, &setup->inputs, &setup->settings, err) != 0)
        return -1;
    setup->course = trainer_course(setup->trainer);
    return trainer_carry(setup->trainer, state, err);
}

void run_setup_close(struct run_setup *setup)
{
    trainer_free(setup->trainer);
    course_close(&setup->own);
    free(setup->factors);
}
