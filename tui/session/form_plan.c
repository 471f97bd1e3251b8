#include "tui/session/form_plan.h"

#include "model/score_rows.h"
#include "plan/control.h"
#include "plan/plan_read.h"

/* In the order in which `train` decides: a plan file, a control, else the scan's percentage. */
static int make(struct form_plan *out, const struct training_request *request,
                const struct scan *scan, const struct model *model, struct error *err)
{
    struct control control;
    if (request->plan)
        return scan_for_model(&out->outline, NULL, model, NULL, err) != 0 ||
                       plan_new(&out->plan, out->outline, model, err) != 0
                   ? -1
                   : plan_read(out->plan, request->plan, err);
    if (request->select) {
        if (control_parse(&control, request->select, err) != 0 ||
            control_plan(&out->plan, &out->outline, &control, model, (uint64_t)request->seed,
                         err) != 0)
            return -1;
    } else if (plan_new(&out->plan, scan, model, err) != 0 ||
               plan_select(out->plan, request->top, PLAN_BY_TYPE, err) != 0) {
        return -1;
    }
    if (request->no_embeddings && plan_set_embeddings(out->plan, false, err) != 0)
        return -1;
    return request->no_head ? plan_set_head(out->plan, false, err) : 0;
}

int form_plan_make(struct form_plan *out, const struct settings *settings,
                   const struct training_request *request, const struct scan *scan,
                   const struct model *model, struct error *err)
{
    *out = (struct form_plan){NULL, NULL};
    if (!method_info(request->method)->plan || settings_use_plan(settings))
        return 0;
    return make(out, request, scan, model, err);
}

void form_plan_free(struct form_plan *plan)
{
    plan_free(plan->plan);
    scan_free(plan->outline);
    *plan = (struct form_plan){NULL, NULL};
}
