/* Training runs of other tools, followed by the logs that they write while they train.
 *
 *     tracker_find()     which log a path means: a file's, or the newest below a folder
 *     tracker_open() -> tracker_read() at each look -> tracker_close()
 *
 * What comes out are lines of metrics.jsonl (docs/formats.md), so whoever follows jobs follows these
 * runs, too: "loss", "eval_loss", "lr", "grad_norm" and so on where the tool has what these mean
 * (steps.h has the table), everything else under the name that the tool gave it.
 *
 * Which logs there are is a table, a row a format (formats.c), and a file beside it for those that
 * are read alike: json_lines.c (LLaMA-Factory, ms-swift, any lines with a step), trainer_state.c,
 * tensorboard.c, trackio.c, wandb.c. A row says by a file's name and first bytes whether it is one;
 * it is opened where it was found, and read from where it was left at each look.
 *
 * Logs are anybody's: lengths are checked before anything is allocated, sums where the format has
 * them, and what is damaged is said (tracker_damage()) and passed over, as the rest of a run is worth
 * seeing.
 */
#ifndef SPECTRUM_TRACKER_TRACKER_H
#define SPECTRUM_TRACKER_TRACKER_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct tracker;

/* A log that was found. */
struct tracker_log {
    const struct tracker_format *format;
    char *path;     /* the file, whole */
    bool in_folder; /* it was found below a folder, so what comes beside it is the run's, too */
    size_t others;  /* logs that were found besides, */
    char *other;    /* and the newest of them; NULL: none */
    double written; /* when it was written last, seconds since 1970 */
};

/* The log of that path; an error where there is none, which says what was looked for. In a folder
 * the newest counts, of those three levels below at the most; a trainer_state.json, which is written
 * at saves alone, only where nothing else is. */
int tracker_find(struct tracker_log *out, const char *path, struct error *err);
void tracker_log_free(struct tracker_log *log);

/* "LLaMA-Factory", "TensorBoard": who writes such logs. */
const char *tracker_tool(const struct tracker_log *log);

int tracker_open(struct tracker **out, const struct tracker_log *log, struct error *err);
void tracker_close(struct tracker *tracker);

/* Appends lines for what came since the last call, of a long log a part. *more: there is more to read
 * at once. The last step is held back for tracker_hold seconds, as what belongs to it may still be
 * on its way; where more of it comes later still, a second line has all of it. -1: the log can no
 * longer be read. */
int tracker_read(struct tracker *tracker, struct buffer *lines, bool *more, struct error *err);

/* 0.3; tests have less. */
extern double tracker_hold;

/* What is known of the run so far. */
int64_t tracker_steps(const struct tracker *tracker);      /* that it will have; 0: not known */
bool tracker_ended(const struct tracker *tracker);         /* its log says so */
bool tracker_holds(const struct tracker *tracker);         /* a step is held back */
double tracker_written(const struct tracker *tracker);     /* as tracker_log.written, now */
const char *tracker_run(const struct tracker *tracker);    /* of a log with several runs; "" */
const char *tracker_damage(const struct tracker *tracker); /* "": none */

#endif
