/* The heat map: moving over it, searching, its scan, and where one goes from here. model_plan.h
 * chooses what trains, model_draw.c has its picture.
 *
 * Where the cursor is, the scan computes next: every move asks its job for that matrix first, so
 * that one need not wait for the scan to come to what one looks at.
 */
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "tui/screen/model_draw.h"
#include "tui/screen/model_plan.h"
#include "tui/screen/screens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t cursor_row(const struct app *app, const struct model_view *view)
{
    return grid_row(&app->session.grid, view->layer, view->type);
}

/* To that place, or the nearest on the map. */
static void move_to(struct app *app, struct model_view *view, int layer, int type)
{
    const struct grid *grid = &app->session.grid;
    int last_layer = grid->layers - 1, last_type = grid->types - 1;
    view->layer = layer < 0 ? 0 : layer > last_layer ? last_layer : layer;
    view->type = type < 0 ? 0 : type > last_type ? last_type : type;
    scan_feed_ask(&app->session.feed, app->session.scan, cursor_row(app, view));
}

/* h j k l and their like; g and G are the first and the last layer, pages are ten layers. */
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

/* --- experts --- */

/* The row becomes the one that its cell shows, and the cursor goes there. */
static bool go_to_row(struct app *app, struct model_view *view, size_t row)
{
    struct grid *grid = &app->session.grid;
    int layer, type;
    if (!grid_find(grid, row, &layer, &type))
        return false;
    grid->expert = app->session.scan->rows[row].expert;
    move_to(app, view, layer, type);
    return true;
}

/* Makes the map once more, with these experts open, or folded with NULL, and the cursor where it was. */
static void open_experts(struct app *app, struct model_view *view, const char *open)
{
    struct error err = ERROR_INIT;
    struct grid *grid = &app->session.grid, other;
    size_t row = cursor_row(app, view);
    if (grid_make(&other, app->session.scan, open, &err) != 0) {
        grid_free(&other);
        app_error(app, &err);
        return;
    }
    other.expert = grid->expert;
    grid_free(grid);
    *grid = other;
    view->marking = false;
    if (row == SIZE_MAX || !go_to_row(app, view, row))
        move_to(app, view, view->layer, view->type);
}

static void switch_experts(struct app *app, struct model_view *view)
{
    const struct grid *grid = &app->session.grid;
    if (grid->open)
        open_experts(app, view, NULL);
    else if (grid->type[view->type].folds)
        open_experts(app, view, grid->type[view->type].name);
    else
        app_message(app,
                    "%s is no projection of experts: where the cursor is on one, E shows "
                    "them a row each",
                    grid->type[view->type].name);
}

/* --- searching, opening --- */

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

/* "layer 5", "block 5" or a number alone names a layer, in whatever case, and no module: it has its
 * own place in the map. False: the text is none of these. */
static bool read_layer(const char *text, int64_t *layer)
{
    static const char *const words[] = {"layer", "block"};
    const char *number = text + strspn(text, " ");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncasecmp(number, words[i], strlen(words[i])) == 0) {
            number += strlen(words[i]);
            break;
        }
    number += strspn(number, " .");
    char *end;
    *layer = strtoll(number, &end, 10);
    return number[0] >= '0' && number[0] <= '9' && !end[strspn(end, " ")];
}

static void go_to_layer(struct app *app, struct model_view *view, int64_t layer)
{
    int count = app->session.grid.layers;
    if (layer < count)
        move_to(app, view, (int)layer, view->type);
    else
        app_message(app, "there is no layer %lld: they are 0 to %d", (long long)layer, count - 1);
}

/* Has the module every word of the text in its name? "5 q_proj" finds model.layers.5...q_proj: a
 * number is a whole part of the name, else it would find 15, too. */
static bool has_words(const char *module, const char *text)
{
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        char word[PROMPT_MAX];
        size_t length = strcspn(text, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        bool number = word[strspn(word, "0123456789")] == '\0', found = false;
        for (const char *at = module; !found && (at = strstr(at, word)); at++)
            found = !number ||
                    ((at == module || at[-1] == '.') && (at[length] == '.' || at[length] == '\0'));
        if (!found)
            return false;
        text += length;
    }
    return true;
}

/* The next module, in the scan's order from the cursor on and round, whose name has the text; or the
 * layer that it names. */
static void search(struct app *app, struct model_view *view)
{
    const struct scan *scan = app->session.scan;
    size_t start = cursor_row(app, view);
    int64_t layer;
    if (read_layer(app->search, &layer)) {
        go_to_layer(app, view, layer);
        return;
    }
    for (size_t i = 1; app->search[0] && i <= scan->count; i++) {
        size_t row = ((start == SIZE_MAX ? 0 : start) + i) % scan->count;
        if (has_words(scan->rows[row].module, app->search) && go_to_row(app, view, row))
            return;
    }
    const char *switched = find_switch(app);
    if (switched)
        app_message(app, "%s has no score, and its own line below the map: %s", switched,
                    "e trains or freezes the embeddings, H the head");
    else
        app_message(app, "no module's name has \"%s\", and \"layer 5\" would be a layer",
                    app->search);
}

/* --- its scan, a job: what was asked for is said, what comes of it the map shows --- */

/* p pauses a scan that runs, and has any other continue: paused, stopped or failed. */
static void pause_scan(struct app *app)
{
    struct error err = ERROR_INIT;
    struct scan_feed *feed = &app->session.feed;
    bool pauses = feed->state == FEED_RUNNING && !feed->paused;
    char said[ERROR_TEXT_MAX];
    int status = !app->session.model
                     ? error_set(&err, "a scan file is not computed: there is no scan to pause")
                 : pauses ? scan_feed_pause(feed, said, sizeof said, &err)
                          : scan_feed_go_on(feed, app->session.device, said, sizeof said, &err);
    if (status != 0)
        app_error(app, &err);
    else
        app_message(app, "%s%s", said, pauses ? "; p lets it go on" : "");
}

/* Asked twice; what is computed is kept in any case. */
static void stop_scan(struct app *app)
{
    struct error err = ERROR_INIT;
    struct scan_feed *feed = &app->session.feed;
    char said[ERROR_TEXT_MAX];
    if (app->session.model && feed->state == FEED_RUNNING && app->asked != REQUEST_SCAN_STOP) {
        app->asked = REQUEST_SCAN_STOP;
        app_message(app, "stop the scan? the same key again does; what is computed is kept");
    } else if (!app->session.model) {
        app_message(app, "a scan file is not computed: there is no scan to stop");
    } else if (scan_feed_stop(feed, said, sizeof said, &err) != 0) {
        app_error(app, &err);
    } else {
        app_message(app, "%s; p continues it", said);
    }
}

/* Moving first, as it is what is done most, then the plan's requests (model_plan.h), then the rest.
 */
static bool model_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct model_view *view = state;
    if (request_move(app, view, request) || model_plan_request(app, view, request, argument))
        return true;
    switch (request) {
    case REQUEST_OPEN:
        if (cursor_row(app, view) == SIZE_MAX)
            app_message(app, "there is no such matrix in this layer");
        else
            screen_open_spectrum(app, cursor_row(app, view));
        return true;
    case REQUEST_RANGE:
        view->marking = !view->marking;
        view->mark_layer = view->layer;
        view->mark_type = view->type;
        return true;
    case REQUEST_BACK: /* forgets a range first, and then folds what is open */
        if (!view->marking && !app->session.grid.open)
            return false;
        if (!view->marking)
            open_experts(app, view, NULL);
        view->marking = false;
        return true;
    case REQUEST_EXPERTS:
        switch_experts(app, view);
        return true;
    case REQUEST_METRIC:
        if (!argument[0]) /* without a name, the next */
            view->metric = (enum metric)((view->metric + 1) % METRIC_COUNT);
        else if (!metric_find(&view->metric, argument))
            app_message(app, "there is no metric \"%s\" (m goes through them)", argument);
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
        if (!app->session.model)
            app_message(app, "a scan file is not computed again: open the model itself for that");
        else if (argument[0])
            screen_choose_device(app, argument);
        else
            screen_open_device(app);
        return true;
    case REQUEST_SEARCH:
        snprintf(app->search, sizeof app->search, "%s", argument);
        search(app, view);
        return true;
    case REQUEST_SEARCH_NEXT:
        search(app, view);
        return true;
    case REQUEST_PLANS:
        screen_open_plans(app);
        return true;
    case REQUEST_HISTORY:
        screen_open_history(app);
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

/* What is worth a note in the model's files, and what was said of the plan that was kept, are shown
 * as the first message: there is one line for both. */
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
