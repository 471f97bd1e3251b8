#include "tui/screen/model_plan.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"
#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- by hand --- */

/* After every change: what follows from it, or its error. A choice by hand over one by percentage
 * keeps what that has chosen so far, which is said while the scan is not over. */
static void plan_done(struct app *app, int status, const struct error *err)
{
    if (status != 0)
        app_error(app, err);
    else
        session_plan_changed(&app->session, true);
    if (status == 0 && session_scores_lacked(&app->session) > 0)
        app_message(app, "the scan is not over: with this change the other matrices stay as they "
                         "are now; u undoes it, %% chooses by all scores then");
}

/* Flips all modules between two corners of the map, as one step. */
static void toggle_box(struct app *app, int layer0, int layer1, int type0, int type1)
{
    struct error err = ERROR_INIT;
    const struct grid *grid = &app->session.grid;
    size_t count = 0, most = (size_t)(layer1 - layer0 + 1) * (size_t)(type1 - type0 + 1);
    size_t *rows = array_alloc(most, sizeof *rows, &err);
    for (int type = type0; rows && type <= type1; type++)
        for (int layer = layer0; layer <= layer1; layer++)
            if (grid_row(grid, layer, type) != SIZE_MAX)
                rows[count++] = grid_row(grid, layer, type);
    int status = rows && count ? plan_toggle(app->session.plan, rows, count, &err) : 0;
    plan_done(app, rows ? status : -1, &err);
    free(rows);
}

/* The marked range, from either end, or the cursor alone. */
static void toggle_marked(struct app *app, struct model_view *view)
{
    int layer = view->marking ? view->mark_layer : view->layer;
    int type = view->marking ? view->mark_type : view->type;
    toggle_box(app, layer < view->layer ? layer : view->layer,
               layer < view->layer ? view->layer : layer, type < view->type ? type : view->type,
               type < view->type ? view->type : type);
    view->marking = false;
}

/* --- by percentage --- */

/* The best by score. A plan that was made by hand is not lost: u brings it back, and that is said.
 */
static void select_percent(struct app *app, double percent)
{
    struct error err = ERROR_INIT;
    struct plan *plan = app->session.plan;
    double before;
    enum plan_scope scope;
    bool by_hand = plan_counts(plan).modules > 0 && !plan_selection(plan, &before, &scope);
    app->session.plan_read = false;
    plan_done(app, plan_select(plan, percent, app->session.scope, &err), &err);
    if (err.kind == ERROR_NONE)
        app_message(app, "the best %g %% %s%s", percent,
                    app->session.scope == PLAN_GLOBAL ? "of all types together" : "of each type",
                    by_hand ? "; u brings back what was chosen by hand" : "");
}

/* From a plan that was made by hand, the nearest whole percentage of what trains. */
static double percent_now(const struct app *app)
{
    double percent = plan_percent(app->session.plan);
    struct plan_counts counts = plan_counts(app->session.plan);
    if (isnan(percent) && counts.modules_total)
        percent = round(100.0 * (double)counts.modules / (double)counts.modules_total);
    return isnan(percent) ? 0 : percent;
}

/* Embeddings and head have no score, and train unless they are switched off; so they are not the
 * map's. */
static void set_switch(struct app *app, bool head)
{
    struct error err = ERROR_INIT;
    struct plan *plan = app->session.plan;
    bool train = head ? !plan_head(plan) : !plan_embeddings(plan);
    int status = head ? plan_set_head(plan, train, &err) : plan_set_embeddings(plan, train, &err);
    /* Tied, they are one tensor: thawing one thaws the other. */
    if (status == 0 && train && (head ? !plan_head(plan) : !plan_embeddings(plan)))
        status = head ? plan_set_embeddings(plan, true, &err) : plan_set_head(plan, true, &err);
    plan_done(app, status, &err);
}

/* --- plan files --- */

/* Without a name, by ":w!", to the file that the plan came from or went to last. */
static void save_plan(struct app *app, const char *path)
{
    struct error err = ERROR_INIT;
    struct buffer out = BUFFER_INIT;
    char own[sizeof app->session.plan_path];
    snprintf(own, sizeof own, "%s", app->session.plan_path);
    path = path[0] ? path : own;
    enum plan_format format = path_ends_with(path, ".json") ? PLAN_JSON : PLAN_YAML;
    session_put_plan(&app->session, format, &out);
    int status = path[0] ? plan_check_target(app->session.plan, format, false, &err)
                         : error_set(&err, "this plan has no file yet: :write FILE gives it one");
    if (status != 0)
        goto out;
    status = session_check_output(&app->session, path, &err);
    if (status != 0)
        goto out;
    status = app_check_over(app, REQUEST_SAVE_PLAN, path, "a plan", plan_is_file,
                            own[0] && file_is_same(own, path), &err);
    if (status != 0) /* 1: it has asked, and with y the request comes again */
        goto out;
    status = buffer_check(&out, &err);
    if (status == 0)
        status = file_save_output(path, out.data, out.length, &err);
    if (status != 0)
        goto out;
    app->session.plan_changed = false;
    snprintf(app->session.plan_path, sizeof app->session.plan_path, "%s", path);
    app_message(app, "plan saved to %s", path);
out:
    if (status < 0)
        app_error(app, &err);
    buffer_free(&out);
}

/* In place of what was chosen, as one step of undo. It is not "changed by hand": the file has it.
 */
static void load_plan(struct app *app, const char *path)
{
    struct error err = ERROR_INIT;
    int status = plan_read(app->session.plan, path, &err);
    plan_done(app, status, &err);
    if (status != 0)
        return;
    app->session.plan_changed = false;
    app->session.plan_read = true;
    snprintf(app->session.plan_path, sizeof app->session.plan_path, "%s", path);
    app_message(app, "plan read from %s", path);
}

/* A change is followed by plan_done() in each of these, which brings ranks, cost and the kept copy
 * up to date. */
bool model_plan_request(struct app *app, struct model_view *view, enum request request,
                        const char *argument)
{
    const struct grid *grid = &app->session.grid;
    double percent;
    char *end;
    switch (request) {
    case REQUEST_TOGGLE:
        toggle_marked(app, view);
        return true;
    case REQUEST_TOGGLE_ROW:
        toggle_box(app, 0, grid->layers - 1, view->type, view->type);
        return true;
    case REQUEST_TOGGLE_COLUMN:
        toggle_box(app, view->layer, view->layer, 0, grid->types - 1);
        return true;
    case REQUEST_EMBEDDINGS:
    case REQUEST_HEAD:
        set_switch(app, request == REQUEST_HEAD);
        return true;
    case REQUEST_MORE:
    case REQUEST_LESS:
        percent = percent_now(app) + (request == REQUEST_MORE ? 1 : -1);
        select_percent(app, percent < 0 ? 0 : percent > 100 ? 100 : percent);
        return true;
    case REQUEST_TOP:
        percent = strtod(argument, &end);
        while (*end == ' ' || *end == '%')
            end++;
        if (end == argument || *end || !(percent >= 0 && percent <= 100))
            app_message(app, "\"%s\" is not a percentage from 0 to 100", argument);
        else
            select_percent(app, percent);
        return true;
    case REQUEST_SCOPE:
        app->session.scope = app->session.scope == PLAN_GLOBAL ? PLAN_BY_TYPE : PLAN_GLOBAL;
        select_percent(app, percent_now(app));
        return true;
    case REQUEST_UNDO:
    case REQUEST_REDO:
        app_step_back(app, request == REQUEST_REDO);
        return true;
    case REQUEST_SAVE_PLAN:
        save_plan(app, argument);
        return true;
    case REQUEST_LOAD_PLAN:
        load_plan(app, argument);
        return true;
    default:
        return false;
    }
}
