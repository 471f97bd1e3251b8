/* Training runs of other tools, followed by the logs that they write while they train.
 *
 *     tracker_list()  which runs a path means: a file's, or those below a folder
 *     tracker_find()  one of them: by its name, or the newest
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
 * seeing. Nothing is written beside them: whoever wrote them notices nothing.
 */
#ifndef SPECTRUM_TRACKER_TRACKER_H
#define SPECTRUM_TRACKER_TRACKER_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct tracker;

/* A run that was found, by its log. */
struct tracker_log {
    const struct tracker_format *format;
    char *path;     /* the log: a file, whole */
    char *folder;   /* the run's, where that is known; NULL: its log has several runs */
    char *run, *id; /* of a log with several runs, which of them: its name and what tells two of one
                       name apart, both as the log has them; NULL: the log is of one run, has none
                       yet, or has no such thing */
    char *name;     /* by which it is chosen, unlike any other of its list */
    bool in_folder; /* it was found below a folder, so what comes beside it is the run's, too */
    bool beside;    /* another log of the list is of the same run, and preferred */
    double written; /* when it was written last, seconds since 1970 */
};

/* All that a path means: of a folder those of three levels below at the most. That comes first which
 * is followed where nobody chooses: the newest; a trainer_state.json, which is written at saves
 * alone, only where nothing else is. Then the others, the newest first, and at the end further logs
 * of the same runs. */
struct tracker_list {
    struct tracker_log *logs;
    size_t count;
    size_t runs;     /* of them, at the beginning; the rest is `beside` */
    size_t left_out; /* the oldest, of which there were too many */
};

/* An error where there is none, which says what was looked for. */
int tracker_list(struct tracker_list *out, const char *path, struct error *err);
void tracker_list_free(struct tracker_list *list);

/* One of a list that is not empty. By its name, or what is unlike any other of it: the last part, a
 * run's name in its log. NULL: the first. None, and two that the name may mean, are an error that
 * lists the names. `path` is what the list is of. */
const struct tracker_log *tracker_choose(const struct tracker_list *list, const char *path,
                                         const char *name, struct error *err);

/* tracker_list() and tracker_choose(). *others: how many runs there are besides; may be NULL. */
int tracker_find(struct tracker_log *out, const char *path, const char *name, size_t *others,
                 struct error *err);
void tracker_log_free(struct tracker_log *log);

/* "LLaMA-Factory", "TensorBoard": who writes such logs. */
const char *tracker_tool(const struct tracker_log *log);

/* Where it lies: its file, or the folder of those that are read together. */
const char *tracker_place(const struct tracker_log *log);

/* What is unlike that of any other run, as a text: its place, and in a file of several runs which. */
int tracker_put_key(struct buffer *out, const struct tracker_log *log, struct error *err);

/* The last step that a log has; -1: none, or it is too long to look (more than 128 MB of a format
 * that is read from its beginning). */
int64_t tracker_last_step(const struct tracker_log *log);

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
int64_t tracker_steps(const struct tracker *tracker);   /* that it will have; 0: not known */
bool tracker_ended(const struct tracker *tracker);      /* its log says so */
double tracker_holds(const struct tracker *tracker);    /* seconds that a step is held back yet */
double tracker_written(const struct tracker *tracker);  /* as tracker_log.written, now */
const char *tracker_run(const struct tracker *tracker); /* of a log with several runs; "" */

/* What was found damaged and is not said yet, a printable line each; "": nothing. Of what is damaged
 * alike at one look the first is a line, which says how many more there are; nothing comes twice,
 * and after a hundred lines nothing more. tracker_damage_said() forgets these lines. */
const char *tracker_damage(const struct tracker *tracker);
void tracker_damage_said(struct tracker *tracker);

#endif
