/* A training run from its request to its result: opens model, plan and data, makes the trainer, and
 * keeps the job directory (job_dir.h) while it trains.
 *
 * The same function runs in a terminal, under a supervisor, and after a crash; the caller only
 * parses what was asked for and shows the steps as they come (struct training_view, run_view.h).
 * Nothing of a run is left in memory when it returns.
 *
 * The parts of a run, each a file with the struct that it fills, from below; each is handed those
 * above it as const, and knows none that come after it:
 *
 *     resources     what follows from the request alone: settings, recipe, memory, disk
 *     run_view      who watches; run_say(), run_should_stop()
 *     run_start     a base from another run
 *     run_base      model, device, tokenizer, chat template
 *     run_data      documents, their split, the samples' prompt
 *     run_more      steps beyond the run's end
 *     run_choice    the plan and what trains; plan.yaml
 *     run_setup     fingerprints, memory and disk held against what there is, the trainer
 *     run_probe     how long it would take, measured
 *     run_record    job.json
 *     run_observer  the trainer's callbacks; metrics.jsonl, proof.json
 *     run_reselect  another choice on the way
 *     training      the order of it all
 */
#ifndef SPECTRUM_JOB_TRAINING_TRAINING_H
#define SPECTRUM_JOB_TRAINING_TRAINING_H

#include "job/training/run_observer.h"
#include "job/training/run_setup.h"
#include "job/training/run_view.h"
#include "job/training_options.h"

/* Trains what a filled request asks for (training_options.h); training_check() is called once more.
 * With `resume` it continues from the run's last checkpoint, or from the one of step `from_step`,
 * or from the start where there is none; to its end, or `more` steps beyond. 0: completed;
 * ERROR_INTERRUPTED: stopped, with a checkpoint; -1. */
int training_run(const struct training_request *request, bool resume,
                 const struct training_view *view, struct error *err);

/* What a run is made of, for who hands it to another engine: opened, and not to be changed. */
struct training_parts {
    const struct run_sitting *sitting;
    const struct run_base *base;
    const struct run_data *data;
    const struct run_choice *choice;
    const struct run_setup *setup; /* its course; there is no trainer */
};

/* Who trains in the place of this program's own trainer: job/engines. */
struct training_elsewhere {
    void *context;
    /* Writes what the engine needs into the run's folder; of a resume it is there already. */
    int (*prepare)(void *context, const struct training_parts *parts, struct error *err);
    /* Trains, to the end (0), or until it was stopped (1); *step is the last that was taken, -1 where
     * that is not known. The lines are open and its own: others append to metrics.jsonl, what
     * --log names gets nothing by itself. */
    int (*run)(void *context, struct run_sitting *sitting, struct run_lines *lines, int64_t *step,
               struct error *err);
};

/* As training_run(), for a request whose engine is another one. With request->dry_run the folder is
 * written, and nothing is started: a resume starts it. */
int training_run_elsewhere(const struct training_request *request, bool resume,
                           const struct training_view *view,
                           const struct training_elsewhere *elsewhere, struct error *err);

/* Everything up to the first step: what training_run() would refuse is refused, and
 * view->on_start() is told what it would train. Nothing is left but what is in the cache: no
 * folder, no job. request->run is the folder that the run would have. With request->probe a few
 * steps are measured then (run_probe.h), and view->on_probe() is told. */
int training_dry_run(const struct training_request *request, const struct training_view *view,
                     struct error *err);

/* The same with a probe as the worker of a job of its own, in the folder `job`: there are a job.json
 * of the command "probe", progress.json, and in the end one line of metrics.jsonl: {"event": "probe",
 * "probe": {...}}, training_put_probe()'s. A stop that is requested there ends it. */
int training_probe_job(const char *job, const struct training_request *request,
                       const struct training_view *view, struct error *err);

#endif
