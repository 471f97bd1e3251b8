/* A plan as it is kept between two openings of its model: a JSON plan, which any reader of those
 * takes for what trains now, that says besides how it came about, so that all of it can go on: its
 * steps, each a base and the edits over it (plan.h).
 *
 *     {"format": "spectrum.plan", "version": 1, "model": "..", "scanned": 210,
 *      "train": ["model.layers.3.mlp.down_proj.weight", ...], "now": 1,
 *      "steps": [{"time": 1790000000, "base": "percent", "percent": 25, "scope": "type",
 *                 "embeddings": true, "head": true, "train": [], "freeze": []},
 *                {"time": 1790000060, "embeddings": true, "head": true,
 *                 "train": ["model.layers.0.mlp.up_proj"], "freeze": []}]}
 *
 * A step without "base" has that of the step before; "train" and "freeze" are its edits, whole. A
 * percentage is selected again, by the scores that are known when it is looked at. What versions
 * wrote that knew no steps is read, too: it becomes one step of undo.
 *
 * The steps are bounded: the last PLAN_STEPS_KEPT, in about PLAN_STEPS_BYTES; older ones are left
 * out. What is read is hostile.
 */
#ifndef SPECTRUM_PLAN_PLAN_KEPT_H
#define SPECTRUM_PLAN_PLAN_KEPT_H

#include "plan/plan.h"

enum { PLAN_STEPS_KEPT = 64, PLAN_STEPS_BYTES = 1 << 18 };

/* Appends the file's text; `source` is the model's path, for people. A plan that trains nothing is
 * kept, too. */
void plan_put_kept(struct buffer *out, const struct plan *plan, const char *source);

/* Makes the plan what the file says, with its steps in the place of the plan's own. An error, with
 * the plan as it was but for what could be redone, where the file is for another number of rows, or
 * says anything that is not understood. */
int plan_read_kept(struct plan *plan, const char *path, struct error *err);

#endif
