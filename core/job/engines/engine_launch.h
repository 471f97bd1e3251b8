/* A training run that another engine trains: the worker's work, from the request to the result.
 *
 *     start      parts of the run -> its folder (engine_folder.h) -> launch.sh -> follow -> result
 *     resume                                                         launch.sh -> follow -> result
 *
 * launch.sh starts the processes, here or by Slurm; they write metrics.jsonl, progress.json, proof.json
 * and checkpoints/ themselves, as this program's own worker does, so whoever watches needs nothing
 * else. The worker starts them, hands on what is asked for through control/, waits, and says what ended
 * them. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_LAUNCH_H
#define SPECTRUM_JOB_ENGINES_ENGINE_LAUNCH_H

#include "job/training/training.h"

/* As training_run() (training.h), for a request whose engine is not ENGINE_HERE; `on_look` (may be
 * NULL) is called with the view's context a few times a second, for whoever shows what the run has
 * written since. */
int engine_launch(const struct training_request *request, bool resume,
                  const struct training_view *view, void (*on_look)(void *context),
                  struct error *err);

#endif
