/* Plan files of ours into a plan. What is read is hostile.
 *
 *     unfrozen_parameters:                     the reference's YAML: names, anchored or not
 *     - ^lm_head.weight$
 *     - model.layers.3.mlp.down_proj
 *
 *     {"format": "spectrum.plan", "version": 1, "train": ["model.layers.3.mlp.down_proj.weight"]}
 */
#ifndef SPECTRUM_PLAN_PLAN_READ_H
#define SPECTRUM_PLAN_PLAN_READ_H

#include "plan/plan.h"

/* Bytes of a plan that is read: a million names of any length that a tensor's may have. */
enum { PLAN_FILE_MAX = 1 << 30 };

/* Sets the plan to what a YAML or JSON plan file of ours says, as one step of undo. A name is
 * exact, "^name$" and "name.weight" too; a name that matches nothing is an error that names it. */
int plan_read(struct plan *plan, const char *path, struct error *err);

/* Is it a plan file, by its whole form and whatever model it is for? */
bool plan_is_file(const char *path);

#endif
