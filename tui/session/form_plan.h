/* What the training form makes of the plan: its fields `plan`, `select` and `top` may say what
 * trains in place of the screen's own plan. Then the run chooses by itself, and what it would
 * choose is made here as the run would make it, for the estimate of what it takes. */
#ifndef SPECTRUM_TUI_SESSION_FORM_PLAN_H
#define SPECTRUM_TUI_SESSION_FORM_PLAN_H

#include "plan/plan.h"
#include "tui/session/settings.h"

struct form_plan {
    struct plan *plan; /* NULL: the screen's own counts, or the method has none */
    struct scan *outline;
};

/* `scan` is what the screen has of the model: where scores are still missing, a percentage chooses
 * by those that are there, as many of each type. Free it in any case. */
int form_plan_make(struct form_plan *out, const struct settings *settings,
                   const struct training_request *request, const struct scan *scan,
                   const struct model *model, struct error *err);
void form_plan_free(struct form_plan *plan);

#endif
