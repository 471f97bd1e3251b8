/* What is made of a training run that has ended or pauses: an export, an evaluation, a text. Each
 * is a job (`spectrum export`, `eval` or `generate`, core/job/job_kind.h) in a folder of its own
 * below the state folder, "made/<run>-<command>"; it is listed like any other and goes on when the
 * screen is left.
 *
 *     finish_check() -> finish_start() -> finish_update() with each tick, until it has ended
 *     finish_open(): of a job that is there already                      -> finish_close()
 *
 * The screen computes nothing of it: it follows the job, and reads the result that its worker left
 * in output.json. Of a job that failed or was stopped there is the reason instead. */
#ifndef SPECTRUM_TUI_SESSION_FINISH_H
#define SPECTRUM_TUI_SESSION_FINISH_H

#include "base/buffer.h"
#include "job/job_kind.h"
#include "tui/session/job_follow.h"

enum finish_what {
    FINISH_EXPORT,   /* into a folder: a whole model, or of adapters a PEFT folder */
    FINISH_MERGE,    /* into a folder: of adapters a whole model */
    FINISH_EVALUATE, /* on a data file */
    FINISH_PROMPT,   /* what follows a text */
    FINISH_CHAT,     /* the answer to a message */
};

/* Born as {0}: there is none. */
struct finish {
    struct job_follow *job;      /* NULL: there is none */
    const struct job_kind *kind; /* of one that was started here and has not said it yet */
    bool read;                   /* it has ended, and what it left was taken in */
    bool failed;                 /* result is a reason */
    struct buffer result;        /* a text that may be anything; empty while it works */
};

/* May something be made of this run now? An error says in one line why not. */
int finish_check(const struct job_follow *run, struct error *err);

/* By its method: is its export a PEFT folder, and can it be merged? */
bool finish_has_adapters(const struct job_follow *run);

/* Starts it, and follows it in the place of what was followed before, which goes on. `argument` is
 * the folder, the file or the text. An error also where the command would refuse that at once. */
int finish_start(struct finish *finish, const struct job_follow *run, enum finish_what what,
                 const char *argument, struct error *err);

/* Follows one that was started before. */
int finish_open(struct finish *finish, const char *path, struct error *err);
void finish_close(struct finish *finish);

/* Takes in what the job wrote; true: something changed. */
bool finish_update(struct finish *finish);

/* Appends the result that a job left in output.json, in words: a text that may be anything. False:
 * there is none. */
bool finish_put_result(const char *path, struct buffer *out);

/* What a job was asked for, by its record: on what (of an evaluation its first data), for what, into
 * what; "": nothing says so. A text that may be anything. */
const char *finish_argument(const cJSON *job);

/* "evaluation of model-1: tokenizing 40 %", or how it ended. */
void finish_put_state(const struct finish *finish, char *out, size_t size);

#endif
