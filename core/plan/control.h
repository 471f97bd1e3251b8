/* Plans without a scan, as controls for the one that a scan makes: "last:N" and "first:N" train the
 * linear layers of N blocks, "random:P" a random P per cent of each module type.
 *
 * Whether a scan's choice of modules is worth anything shows only beside a choice that no scan made.
 * A control becomes a plan like any other, so that a run of it differs from the scan's run in
 * nothing but which rows train. */
#ifndef SPECTRUM_PLAN_CONTROL_H
#define SPECTRUM_PLAN_CONTROL_H

#include "plan/plan.h"

enum control_kind { CONTROL_LAST, CONTROL_FIRST, CONTROL_RANDOM };

struct control {
    enum control_kind kind;
    double amount; /* blocks, or per cent */
};

/* Of --select; ERROR_USAGE says what it takes. */
int control_parse(struct control *out, const char *text, struct error *err);

/* *scan becomes the outline that the plan borrows: rows without scores. The caller frees both. */
int control_plan(struct plan **out, struct scan **scan, const struct control *control,
                 const struct model *model, uint64_t seed, struct error *err);

#endif
