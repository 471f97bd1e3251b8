/* A run of ours in the files that other tools' viewers open, beside its metrics.jsonl:
 *
 *     tensorboard   events.out.tfevents.TIME.HOST.PID.0.spectrum, one a sitting
 *     trackio       spectrum.db: project "spectrum", the run called as its folder
 *     csv           metrics.csv, a row a line
 *
 *     tracker_writers_open() -> tracker_writers_describe() when what the run was asked for is known
 *       -> tracker_writers_put() with each line of metrics.jsonl -> _close()
 *
 * Names are those of transformers' Trainer, so that these runs lie over others in one graph:
 * "train/loss", "train/learning_rate", "train/grad_norm", "eval/loss"; all other numbers of a line
 * are "train/KEY" or "eval/KEY", those of an object "train/KEY/MEMBER". Norms of single gradients,
 * of which there are thousands, and events are left out. A line {"event": "resume", "step": N} takes
 * back what stands after step N, as each tool has it: a file's purge mark, rows that are deleted.
 */
#ifndef SPECTRUM_TRACKER_WRITERS_H
#define SPECTRUM_TRACKER_WRITERS_H

#include "base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct tracker_writers;

/* "tensorboard,csv": an error (ERROR_USAGE) names what is none of the three, or is there twice. */
int tracker_targets_check(const char *names, struct error *err);

/* The names that there are, NULL at the end. */
extern const char *const tracker_target_names[];

/* Opens those of the list in a folder; `run` is what the run is called. */
int tracker_writers_open(struct tracker_writers **out, const char *names, const char *folder,
                         const char *run, struct error *err);
void tracker_writers_close(struct tracker_writers *writers);

/* The run's options, an object as job.json has it; of trackio they are the run's configuration. What
 * only this program asks of it is left out. An error as of tracker_writers_put(). */
int tracker_writers_describe(struct tracker_writers *writers, const cJSON *job, struct error *err);

/* A whole line. A target that cannot be written is closed, and *err says which and why, for a line
 * to be said; the others go on: -1 then, else 0. */
int tracker_writers_put(struct tracker_writers *writers, const char *line, size_t length,
                        struct error *err);

/* Is a name in a run's folder one that a target of the list writes there? */
bool tracker_writes(const char *names, const char *name);

#endif
