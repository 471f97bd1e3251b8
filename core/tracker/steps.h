/* Numbers of a foreign log, step by step, on their way to lines of metrics.jsonl.
 *
 *     steps_put() for each number -> steps_flush() at the end of a look
 *
 * Tools write what belongs to a step in one line, in several, or number by number. So the numbers of
 * one step are kept until another step comes, or time has passed, and then written as one line of
 * training and one of evaluation:
 *
 * 1. What is kept is of one step. A line that was written before all of it had come is written again
 *    whole: in metrics.jsonl a line replaces those of its kind and step.
 * 2. A name that goes back to an earlier step than its own last one is a run that went back (a
 *    resume from a checkpoint): the line of that step replaces all later ones.
 * 3. A name that was at no later step only comes late (all steps of one curve, then those of the
 *    next): its line is an event, {"event": "late", "step": N, NAME: x}, which replaces nothing.
 */
#ifndef SPECTRUM_TRACKER_STEPS_H
#define SPECTRUM_TRACKER_STEPS_H

#include "base/buffer.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STEPS_NAME = 160, STEPS_VALUES = 192 };

struct steps {
    struct buffer *lines; /* where lines go; set for each look */
    int64_t step;         /* -1: nothing has come */
    struct step_value {
        char name[STEPS_NAME]; /* as it will stand in the line */
        double value;
        int64_t last; /* the last step that it was put at */
        bool here;    /* it has a value at this step */
        bool given;   /* the object that is being put gave it */
    } values[STEPS_VALUES];
    size_t count;
    bool inside;         /* an object is being put */
    size_t left_out;     /* numbers whose names found no place */
    bool fresh;          /* something came since the last line */
    double since;        /* when the first of that came */
    int64_t total;       /* steps that the run will have; 0: not known */
    bool ended;          /* one of its names says that the run has ended */
    bool diverged;       /* a loss was NaN or infinite: */
    int64_t diverged_at; /* the first such step */
};

/* A number under the tool's name. One that is not finite is null in the line, as it is in ours. A
 * step below 0 is none, and passed over. */
void steps_put(struct steps *steps, int64_t step, const char *name, double value);

/* The numbers of an object, also those that stand there as texts, but for its step. Of two names that
 * mean the same here ("loss", "train/loss") the second keeps its own. */
void steps_put_object(struct steps *steps, int64_t step, const cJSON *object);

/* The log says itself that what it has after a step is void: a line {"event": "resume", ...}. A step
 * below 0 is none. */
void steps_go_back(struct steps *steps, int64_t step);

/* Writes what is held, unless it came less than `hold` seconds ago. */
void steps_flush(struct steps *steps, double hold);

/* Another log begins: what was put so far is void. */
void steps_begin_anew(struct steps *steps);

/* The step that an object is of, by any of the names that tools have for it: "step",
 * "current_steps", "global_step", "iteration", "global_step/max_steps": "3/10", ...; -1: none. A
 * total that stands beside it goes to *total. */
int64_t steps_of(const cJSON *object, int64_t *total);

#endif
