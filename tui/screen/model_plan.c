#include "tui/screen/model_plan.h"

#include "base/decimal.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"
#include "tui/session/plan_words.h"
#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- by hand --- */

/* After every change: what follows from it, or its error. */
static void plan_done(struct app *app, int status, const struct error *err)
{
    if (status != 0)
        app_error(app, err);
    else
        session_plan_changed(&app->session, true);
}

/* Flips all modules between two corners of the map, as one step: of folded experts all of a cell. */
static void toggle_box(struct app *app, int layer0, int layer1, int type0, int type1)
{
    struct error err = ERROR_INIT;
    const struct grid *grid = &app->session.grid;
    size_t count = 0;
    size_t *rows = array_alloc(app->session.scan->count, sizeof *rows, &err);
    for (int type = type0; rows && type <= type1; type++)
        for (int layer = layer0; layer <= layer1; layer++) {
            size_t inside;
            const struct grid_place *place = grid_cell(grid, layer, type, &inside);
            if (inside > 0 && !grid->type[type].folds)
                rows[count++] = grid_row(grid, layer, type);
            for (size_t i = 0; i < inside && grid->type[type].folds; i++)
                if (plan_unit(app->session.plan, place[i].row) == place[i].row)
                    rows[count++] = place[i].row;
        }
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

/* Says what the plan is now, base and edits. */
static void say_plan(struct app *app)
{
    char words[PLAN_WORDS_SIZE];
    struct plan_edits edits = plan_edits(app->session.plan);
    plan_words_put(app->session.plan, WORDS_WHOLE, words, sizeof words);
    app_message(app, "%s%s", words,
                edits.trained + edits.frozen + edits.agreeing > 0 ? "; x drops what is by hand"
                                                                  : "");
}

/* The best by score; what was changed by hand stays over it. */
static void select_by(struct app *app, double percent, enum plan_scope scope,
                      const struct plan_order *order)
{
    struct error err = ERROR_INIT;
    int status = plan_select_by(app->session.plan, percent, scope, order, &err);
    plan_done(app, status, &err);
    if (status == 0)
        say_plan(app);
}

static void select_percent(struct app *app, double percent, enum plan_scope scope)
{
    struct plan_order order = plan_base(app->session.plan).order;
    select_by(app, percent, scope, &order);
}

static enum plan_scope scope_now(const struct app *app)
{
    return plan_base(app->session.plan).scope;
}

/* Where no percentage selects, the nearest whole one of what trains. */
static double percent_now(const struct app *app)
{
    double percent = plan_percent(app->session.plan);
    struct plan_counts counts = plan_counts(app->session.plan);
    if (isnan(percent) && counts.modules_total)
        percent = round(100.0 * (double)counts.modules / (double)counts.modules_total);
    return isnan(percent) ? 0 : percent;
}

/* To the next percentage that selects more, or fewer: a key that is pressed changes something. */
static void select_next(struct app *app, bool more)
{
    double from = percent_now(app);
    double percent = plan_next_percent(app->session.plan, from, scope_now(app), more);
    if (isnan(percent))
        app_message(app, "no percentage %s %.6g selects %s", more ? "above" : "below", from,
                    more ? "more" : "less");
    else
        select_percent(app, percent, scope_now(app));
}

/* Of each type, of all; and of each with the experts of all numbers together, where there are some. */
static enum plan_scope next_scope(const struct app *app)
{
    const struct scan *scan = app->session.scan;
    bool experts = false;
    for (size_t i = 0; i < scan->count && !experts; i++)
        experts = scan->rows[i].expert_type != NULL;
    enum plan_scope now = scope_now(app);
    return now == PLAN_BY_TYPE             ? PLAN_GLOBAL
           : now == PLAN_GLOBAL && experts ? PLAN_TOGETHER
                                           : PLAN_BY_TYPE;
}

/* Has any matrix the number, so far? */
static bool is_ranked_by(const struct scan *scan, enum metric metric)
{
    size_t row = 0;
    while (row < scan->count && isnan(metric_value(&scan->rows[row], metric)))
        row++;
    return row < scan->count;
}

/* A random choice is that of the runs' own seed, so it is the same tomorrow; another is the command
 * line's (`plan --by random --seed`). */
static void choose_order(struct app *app, const char *argument)
{
    enum { SEED = 42 };
    int number = 0;
    while (number < ORDER_COUNT && strcmp(plan_order_names[number], argument) != 0)
        number++;
    struct plan_order order = plan_order_numbered(number < ORDER_COUNT ? number : 0, SEED);
    if (number == ORDER_COUNT)
        app_message(app, "there is nothing called \"%s\" to rank by: Tab lists what there is",
                    argument);
    else if (order.kind == ORDER_METRIC && !is_ranked_by(app->session.scan, order.metric))
        app_message(app, "no matrix of this scan has its %s%s", metric_title(order.metric),
                    app->session.model ? " yet" : ": a scan file of the model itself has");
    else
        select_by(app, percent_now(app), scope_now(app), &order);
}

/* "25", "25 %", "all" or "nothing". */
static void select_top(struct app *app, const char *argument)
{
    struct error err = ERROR_INIT;
    double percent;
    bool all = strcmp(argument, "all") == 0;
    if (all || strcmp(argument, "nothing") == 0) {
        int status = plan_select_all(app->session.plan, all, &err);
        plan_done(app, status, &err);
        if (status == 0)
            say_plan(app);
    } else if (!decimal_read_percent(&percent, argument) || percent < 0 || percent > 100) {
        app_message(app, "\"%s\" is not a percentage from 0 to 100, nor \"all\" or \"nothing\"",
                    argument);
    } else {
        select_percent(app, percent, scope_now(app));
    }
}

/* With nothing by hand there is nothing to do, and no step. */
static void drop_edits(struct app *app)
{
    struct error err = ERROR_INIT;
    struct plan_edits edits = plan_edits(app->session.plan);
    size_t all = edits.trained + edits.frozen + edits.agreeing;
    if (all == 0) {
        app_message(app, "nothing of this plan was changed by hand");
        return;
    }
    int status = plan_drop_edits(app->session.plan, &err);
    plan_done(app, status, &err);
    if (status == 0)
        app_message(app, "%zu change%s by hand dropped; u brings %s back", all, text_s(all),
                    all == 1 ? "it" : "them");
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
    snprintf(app->session.plan_path, sizeof app->session.plan_path, "%s", path);
    app_message(app, "plan read from %s", path);
}

/* A change is followed by plan_done() in each of these, which brings ranks, cost and the kept copy
 * up to date. */
bool model_plan_request(struct app *app, struct model_view *view, enum request request,
                        const char *argument)
{
    const struct grid *grid = &app->session.grid;
    switch (request) {
    case REQUEST_TOGGLE:
        toggle_marked(app, view);
        return true;
    case REQUEST_TOGGLE_ROW:
        app_message(app, "all of %s toggled: u takes it back",
                    grid->types > 0 ? grid->type[view->type].name : "no type");
        toggle_box(app, 0, grid->layers - 1, view->type, view->type);
        return true;
    case REQUEST_TOGGLE_COLUMN: /* as keys go, a slip changes much of the plan: it says so */
        app_message(app, "all of layer %d toggled: u takes it back", view->layer);
        toggle_box(app, view->layer, view->layer, 0, grid->types - 1);
        return true;
    case REQUEST_EMBEDDINGS:
    case REQUEST_HEAD:
        set_switch(app, request == REQUEST_HEAD);
        return true;
    case REQUEST_MORE:
    case REQUEST_LESS:
        select_next(app, request == REQUEST_MORE);
        return true;
    case REQUEST_TOP:
        select_top(app, argument);
        return true;
    case REQUEST_BY:
        choose_order(app, argument);
        return true;
    case REQUEST_SCOPE:
        select_percent(app, percent_now(app), next_scope(app));
        return true;
    case REQUEST_DROP_EDITS:
        drop_edits(app);
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
