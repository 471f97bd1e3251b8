#include "tui/session/session.h"

#include "base/folder.h"
#include "base/process.h"
#include "tui/session/form_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void session_init(struct session *session)
{
    *session = (struct session){.device = "auto", .runs = {.baseline = RUNS_NONE}};
    settings_init(&session->settings);
}

/* The plan of a model that has none: a first percentage, which is no step that could be undone. */
int session_fresh_plan(const struct session *session, struct plan **out, struct error *err)
{
    if (plan_new(out, session->scan, session->model, err) != 0)
        return -1;
    if (plan_select(*out, PLAN_FIRST_PERCENT, PLAN_BY_TYPE, err) != 0) {
        plan_free(*out);
        *out = NULL;
        return -1;
    }
    plan_settle(*out);
    return 0;
}

/* A scan file alone has nothing but its plan, whatever method was chosen for a model before. */
enum training_method session_plan_method(const struct session *session)
{
    enum training_method method = settings_method(&session->settings);
    return session->model && method_info(method)->plan ? method : METHOD_SPECTRUM;
}

void session_plan_cost(const struct session *session, const struct plan *plan,
                       struct training_estimate *cost)
{
    struct settings settings;
    struct training_request request;
    settings_copy(&settings, &session->settings);
    settings_type(&settings, SETTING(method), method_names[session_plan_method(session)]);
    settings_request(&settings, &request);
    training_estimate(cost, &request, session->model, plan);
    training_request_free(&request);
    settings_free(&settings);
}

/* What a run would take of memory and disk, as the dry run would say it: one by the map's plan, and
 * the form's, whose fields may name another plan or a method without one. Of a scan file alone that
 * is not known: shapes of what is not scanned are missing. */
void session_cost_changed(struct session *session)
{
    struct training_request request;
    struct training_estimate *cost = &session->cost, *form = &session->form_cost;
    struct form_plan own;
    struct error err = ERROR_INIT;
    if (!session->plan)
        return;
    const struct model *model = session->model;
    *cost = *form = (struct training_estimate){.why = "only a scan is open, not the model"};
    if (!model)
        return;
    session_plan_cost(session, session->plan, cost);
    settings_request(&session->settings, &request);
    if (form_plan_make(&own, &session->settings, &request, session->scan, model, &err) != 0) {
        *form = (struct training_estimate){.known = false};
        snprintf(form->why, sizeof form->why, "%s", err.text);
    } else if (!own.plan && request.method == session_plan_method(session)) {
        *form = *cost;
    } else {
        training_estimate(form, &request, model, own.plan ? own.plan : session->plan);
    }
    form_plan_free(&own);
    training_request_free(&request);
    char why[ERROR_TEXT_MAX];
    snprintf(why, sizeof why, "%s", form->why);
    settings_words(why, form->why, sizeof form->why);
    bool right = settings_numbers_right(&session->settings, why, sizeof why);
    if (!right && form->known)
        snprintf(form->why, sizeof form->why, "%s", why);
    if (!right && cost->known)
        snprintf(cost->why, sizeof cost->why, "the form's %.600s", why);
    cost->known &= right;
    form->known &= right;
}

void session_form_changed(struct session *session)
{
    form_keep_changed(&session->form);
    session_cost_changed(session);
}

void session_plan_changed(struct session *session, bool by_hand)
{
    plan_refresh(session->plan);
    session->plan_changed = session->plan_changed || by_hand;
    if (by_hand) { /* session_keep_tick() writes it soon */
        session->keep.touched = true;
        if (session->keep.changed_at == 0)
            session->keep.changed_at = clock_seconds();
    }
    session_cost_changed(session);
}

size_t session_scores_missing(const struct session *session)
{
    size_t missing = 0;
    for (size_t i = 0; i < session->scan->count; i++)
        missing += !session->scan->rows[i].known;
    return missing;
}

/* Of none and of all per cent, the scores decide nothing. */
static bool is_by_score(const struct session *session)
{
    struct plan_base base = plan_base(session->plan);
    return base.kind == PLAN_PERCENT && base.percent > 0 && base.percent < 100;
}

size_t session_scores_lacked(const struct session *session)
{
    return is_by_score(session) ? session_scores_missing(session) : 0;
}

bool session_is_undecided(const struct session *session, size_t row)
{
    return !session->scan->rows[row].known && plan_edit(session->plan, row) == PLAN_NO_EDIT &&
           is_by_score(session);
}

/* Of a model every file of it, shards and all; of a scan file that file. */
int session_check_output(const struct session *session, const char *path, struct error *err)
{
    return session->model  ? checkpoint_check_output(session->model->checkpoint, path, err)
           : session->scan ? file_check_apart(path, session->source, "the scan", err)
                           : 0;
}

/* A YAML plan is read by people and other trainers, so it says so itself where it is not final. */
void session_put_plan(const struct session *session, enum plan_format format, struct buffer *out)
{
    size_t missing = session_scores_lacked(session);
    if (format == PLAN_YAML && missing > 0)
        buffer_format(out, "# provisional: %zu of %zu matrices had no score yet\n", missing,
                      session->scan->count);
    plan_put(out, session->plan, format, session->source);
}

const char *session_title(const struct session *session)
{
    const char *slash = session->run ? strrchr(session->run->path, '/') : NULL;
    if (session->title)
        return session->title;
    return slash && slash[1] ? slash + 1 : session->run ? session->run->path : "";
}
