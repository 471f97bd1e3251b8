/* The heat map: moving over it, and choosing what trains. */
#include "tui/screen/model.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "plan/plan_read.h"
#include "plan/plan_target.h"
#include "plan/plan_write.h"
#include "tui/app/output.h"
#include "tui/app/path.h"
#include "tui/screen/screens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t cursor_row(const struct app *app, const struct model_view *view)
{
    return grid_row(&app->session.grid, view->layer, view->type);
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static void move_to(struct app *app, struct model_view *view, int layer, int type)
{
    const struct grid *grid = &app->session.grid;
    view->layer = clamp(layer, 0, grid->layers - 1);
    view->type = clamp(type, 0, grid->types - 1);
    scan_feed_ask(&app->session.feed, app->session.scan, cursor_row(app, view));
}

static bool request_move(struct app *app, struct model_view *view, enum request request)
{
    int layer = view->layer, type = view->type, page = 10;
    switch (request) {
    case REQUEST_LEFT:
        layer--;
        break;
    case REQUEST_RIGHT:
        layer++;
        break;
    case REQUEST_UP:
        type--;
        break;
    case REQUEST_DOWN:
        type++;
        break;
    case REQUEST_FIRST:
        layer = 0;
        break;
    case REQUEST_LAST:
        layer = app->session.grid.layers - 1;
        break;
    case REQUEST_PAGE_UP:
        layer -= page;
        break;
    case REQUEST_PAGE_DOWN:
        layer += page;
        break;
    default:
        return false;
    }
    move_to(app, view, layer, type);
    return true;
}

/* --- what trains --- */

/* A choice by hand over one by percentage keeps what that has chosen so far. */
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

static void toggle_marked(struct app *app, struct model_view *view)
{
    int layer = view->marking ? view->mark_layer : view->layer;
    int type = view->marking ? view->mark_type : view->type;
    toggle_box(app, layer < view->layer ? layer : view->layer,
               layer < view->layer ? view->layer : layer, type < view->type ? type : view->type,
               type < view->type ? view->type : type);
    view->marking = false;
}

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

static void select_typed(struct app *app, const char *text)
{
    char *end;
    double percent = strtod(text, &end);
    while (*end == ' ' || *end == '%')
        end++;
    if (end == text || *end || !(percent >= 0 && percent <= 100))
        app_message(app, "\"%s\" is no percentage from 0 to 100", text);
    else
        select_percent(app, percent);
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

static void step_percent(struct app *app, int by)
{
    double percent = percent_now(app) + by;
    select_percent(app, percent < 0 ? 0 : percent > 100 ? 100 : percent);
}

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

static void remember_path(struct app *app, const char *path)
{
    snprintf(app->session.plan_path, sizeof app->session.plan_path, "%s", path);
}

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
    if (status == 0)
        status = session_check_output(&app->session, path, &err);
    if (status == 0)
        status = app_check_over(app, REQUEST_SAVE_PLAN, path, "a plan", plan_is_file,
                                own[0] && file_is_same(own, path), &err);
    if (status == 0)
        status = buffer_check(&out, &err);
    if (status == 0)
        status = file_save_output(path, out.data, out.length, &err);
    if (status < 0) {
        app_error(app, &err);
    } else if (status == 0) {
        app->session.plan_changed = false;
        remember_path(app, path);
        app_message(app, "plan saved to %s", path);
    }
    buffer_free(&out);
}

static void load_plan(struct app *app, const char *path)
{
    struct error err = ERROR_INIT;
    int status = plan_read(app->session.plan, path, &err);
    plan_done(app, status, &err);
    if (status != 0)
        return;
    app->session.plan_changed = false;
    app->session.plan_read = true;
    remember_path(app, path);
    app_message(app, "plan read from %s", path);
}

static bool request_plan(struct app *app, struct model_view *view, enum request request,
                         const char *argument)
{
    const struct grid *grid = &app->session.grid;
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
        step_percent(app, request == REQUEST_MORE ? 1 : -1);
        return true;
    case REQUEST_TOP:
        select_typed(app, argument);
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

/* --- the rest --- */

/* The embedding or the head, if its name holds the text that is searched for; else NULL. */
static const char *find_switch(const struct app *app)
{
    static const enum parameter_role roles[] = {ROLE_EMBEDDING, ROLE_HEAD};
    const struct model *model = app->session.model;
    for (int i = 0; model && app->search[0] && i < 2; i++) {
        const struct parameter *parameter = model_role(model, roles[i], -1, false);
        if (parameter && strstr(parameter->name, app->search))
            return parameter->name;
    }
    return NULL;
}

/* The next module, in the scan's order from the cursor on and round, whose name holds the text. */
static void search(struct app *app, struct model_view *view)
{
    const struct scan *scan = app->session.scan;
    size_t start = cursor_row(app, view);
    int layer, type;
    for (size_t i = 1; app->search[0] && i <= scan->count; i++) {
        size_t row = ((start == SIZE_MAX ? 0 : start) + i) % scan->count;
        if (strstr(scan->rows[row].module, app->search) &&
            grid_find(&app->session.grid, row, &layer, &type)) {
            move_to(app, view, layer, type);
            return;
        }
    }
    const char *switched = find_switch(app);
    if (switched)
        app_message(app, "%s has no score, and its own line below the map: %s", switched,
                    "e trains or freezes the embeddings, H the head");
    else
        app_message(app, "no module's name has \"%s\"", app->search);
}

static void open_spectrum(struct app *app, const struct model_view *view)
{
    size_t row = cursor_row(app, view);
    if (row == SIZE_MAX)
        app_message(app, "there is no such matrix in this layer");
    else
        screen_open_spectrum(app, row);
}

/* The metric of this name; without one, the next. */
static void choose_metric(struct app *app, struct model_view *view, const char *name)
{
    if (!name[0])
        view->metric = (enum metric)((view->metric + 1) % METRIC_COUNT);
    else if (!metric_find(&view->metric, name))
        app_message(app, "there is no metric \"%s\" (m goes through them)", name);
}

/* The device of this name; without one, a list of them. */
static void choose_device(struct app *app, const char *name)
{
    if (!app->session.model)
        app_message(app, "a scan file is not computed again: open the model itself for that");
    else if (name[0])
        screen_choose_device(app, name);
    else
        screen_open_device(app);
}

/* --- its scan, a job --- */

static void say_of_scan(struct app *app, int status, const struct error *err, const char *said)
{
    if (status != 0)
        app_error(app, err);
    else
        app_message(app, "%s", said);
}

static void pause_scan(struct app *app)
{
    struct error err = ERROR_INIT;
    struct scan_feed *feed = &app->session.feed;
    if (!app->session.model)
        app_message(app, "a scan file is not computed: there is no scan to pause");
    else if (feed->state == FEED_RUNNING && !feed->paused)
        say_of_scan(app, scan_feed_pause(feed, &err), &err,
                    "the scan pauses behind the matrices in hand; p lets it go on");
    else
        say_of_scan(app, scan_feed_go_on(feed, app->session.device, &err), &err,
                    "the scan goes on");
}

static void stop_scan(struct app *app)
{
    struct error err = ERROR_INIT;
    struct scan_feed *feed = &app->session.feed;
    if (app->session.model && feed->state == FEED_RUNNING && app->asked != REQUEST_SCAN_STOP) {
        app->asked = REQUEST_SCAN_STOP;
        app_message(app, "stop the scan? the same key again does; what is computed is kept");
        return;
    }
    say_of_scan(app,
                app->session.model ? scan_feed_stop(feed, &err)
                                   : error_set(&err, "a scan file is not computed: there is "
                                                     "no scan to stop"),
                &err, "the scan stops behind the matrices in hand; p goes on with it");
}

static bool model_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct model_view *view = state;
    if (request_move(app, view, request) || request_plan(app, view, request, argument))
        return true;
    switch (request) {
    case REQUEST_OPEN:
        open_spectrum(app, view);
        return true;
    case REQUEST_RANGE:
        view->marking = !view->marking;
        view->mark_layer = view->layer;
        view->mark_type = view->type;
        return true;
    case REQUEST_BACK: /* forgets a range first */
        if (!view->marking)
            return false;
        view->marking = false;
        return true;
    case REQUEST_METRIC:
        choose_metric(app, view, argument);
        return true;
    case REQUEST_SCALE:
        view->over_all = !view->over_all;
        return true;
    case REQUEST_SCAN_PAUSE:
        pause_scan(app);
        return true;
    case REQUEST_SCAN_STOP:
        stop_scan(app);
        return true;
    case REQUEST_DEVICE:
        choose_device(app, argument);
        return true;
    case REQUEST_SEARCH:
        snprintf(app->search, sizeof app->search, "%s", argument);
        search(app, view);
        return true;
    case REQUEST_SEARCH_NEXT:
        search(app, view);
        return true;
    case REQUEST_TRAIN:
        screen_open_train(app);
        return true;
    case REQUEST_WATCH:
        screen_open_watch(app);
        return true;
    default:
        return false;
    }
}

static void model_close_view(void *state)
{
    struct model_view *view = state;
    spectrum_values_free(&view->preview);
    free(view);
}

static const struct view_class model_class = {
    .name = "model",
    .scope = SCOPE_MODEL,
    .close = model_close_view,
    .draw = model_draw,
    .request = model_request,
};

bool screen_open_model(struct app *app)
{
    /* the first; `spectrum info` has them all */
    const char *notes = app->session.model ? model_notes(app->session.model) : "";
    char *kept = app->session.keep.message;
    if (notes[0] || kept[0])
        app_message(app, "%.*s%s%s", (int)strcspn(notes, "\n"), notes,
                    notes[0] && kept[0] ? " · " : "", kept);
    kept[0] = '\0';
    return app_push(app, &model_class, array_alloc(1, sizeof(struct model_view), NULL));
}
