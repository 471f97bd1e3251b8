/* The plans of the model that is open: what each trains and takes, which of them is open, and how the
 * one under the cursor differs from that or from another.
 *
 *     Plans of this model
 *       name              trains            parameters        memory    changed
 *     ▶ ● default         53 of 210         65.4M (48.6 %)    1.2 GiB   now        ● it is open
 *         mlp only        30 of 210         31.0M (23.0 %)    800 MiB   2 days
 *     ── mlp only ─────────────────────────────────────────────────────────────
 *     25 % of all types, +2 -1 by hand · embeddings train, head frozen
 *     beside default: 4 matrices more (5.3M), 27 fewer (39.7M), 26 in both · memory -412 MiB
 *     mlp.down_proj +4 -2  self_attn.q_proj -12 ...               or with Tab matrix by matrix
 *
 * All is read from their files when the screen opens, and by the scores of then: a scan that goes on
 * changes what a percentage selects, so the list is made again as scores come.
 */
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/plan_keep.h"
#include "tui/session/plan_list.h"
#include "tui/session/wording.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAGE = 10,
    MARKS = 4, /* columns of the cursor and of "it is open", then of the numbers, */
    TRAINS = 12,
    PARAMETERS = 17,
    PARAMETERS_BRIEF = 13, /* without decimals in windows */
    MEMORY = 10,
    AGE = 8,
    NARROW = 76,     /* of fewer columns than these; */
    WORDS = 36,      /* and of what selects it, in windows of */
    WIDE = 110,      /* so many */
    DETAIL_ROWS = 6, /* the rule and what is below it */
};

struct plans_view {
    struct list list;
    struct plan_list plans;
    char with[PLAN_NAME_SIZE]; /* what the others are compared with; "": the open one */
    bool by_matrix;
    time_t now;                 /* to which ages are counted */
    double made_at;             /* clock_seconds() when the list was made, */
    size_t missing;             /* scores that were missing then, */
    struct plan_version around; /* and the folder of plans as it was */
};

static const struct plan_line *line_at(const struct plans_view *view)
{
    return view->list.cursor < (int)view->plans.count ? &view->plans.lines[view->list.cursor]
                                                      : NULL;
}

/* What the others are compared with: what was chosen, as long as it is there, or the open one. */
static const struct plan_line *reference(const struct plans_view *view)
{
    const struct plan_line *open = NULL;
    for (size_t i = 0; i < view->plans.count; i++) {
        const struct plan_line *line = &view->plans.lines[i];
        if (strcmp(line->name, view->with) == 0 && !line->why[0])
            return line;
        open = line->open ? line : open;
    }
    return open;
}

/* --- the list --- */

/* The cursor goes to a plan by its name; where there is none, it stays. */
static void refresh(struct app *app, struct plans_view *view, const char *name)
{
    struct error err = ERROR_INIT;
    plan_list_free(&view->plans);
    /* before the list: what is written meanwhile is looked at with the next tick */
    view->around = plan_shelf_look_around(&app->session.keep.shelf);
    if (plan_list_make(&view->plans, &app->session, &err) != 0)
        app_error(app, &err);
    view->missing = session_scores_missing(&app->session);
    view->made_at = clock_seconds();
    view->now = sys.time(NULL);
    view->list.count = (int)view->plans.count;
    for (size_t i = 0; i < view->plans.count; i++)
        if (strcmp(view->plans.lines[i].name, name) == 0)
            view->list.cursor = (int)i;
    if (view->list.cursor >= view->list.count)
        view->list.cursor = view->list.count > 0 ? view->list.count - 1 : 0;
}

static void plans_enter(struct app *app, void *state)
{
    refresh(app, state, app->session.keep.name);
}

/* Made again as scores come, or another screen writes, once a second at most; ages change by the
 * minute. */
static bool plans_tick(struct app *app, void *state)
{
    struct plans_view *view = state;
    const struct plan_line *here = line_at(view);
    char name[PLAN_NAME_SIZE];
    struct plan_version around = plan_shelf_look_around(&app->session.keep.shelf);
    bool other = !plan_version_is(&around, &view->around) ||
                 view->missing != session_scores_missing(&app->session);
    if (!other || clock_seconds() - view->made_at < 1) {
        bool older = sys.time(NULL) - view->now >= 60;
        view->now = older ? sys.time(NULL) : view->now;
        return older;
    }
    snprintf(name, sizeof name, "%s", here ? here->name : "");
    refresh(app, view, name);
    return true;
}

static int parameter_columns(int width)
{
    return width < NARROW ? PARAMETERS_BRIEF : PARAMETERS;
}

/* The names' columns are what the numbers leave. */
static int name_columns(int width)
{
    int numbers = TRAINS + parameter_columns(width) + MEMORY + AGE;
    return width - MARKS - numbers - (width >= WIDE ? WORDS : 0);
}

static void put_parameters(const struct plan_counts *counts, bool brief, char *out, size_t size)
{
    char count[32];
    count_put((double)counts->parameters, count, sizeof count);
    if (!counts->known || counts->parameters_total <= 0)
        snprintf(out, size, "n/a");
    else
        snprintf(out, size, "%s (%.*f %%)", count, brief ? 0 : 1,
                 100.0 * (double)counts->parameters / (double)counts->parameters_total);
}

/* A plan whose file cannot be read has its reason in place of its numbers. */
static void draw_line(struct app *app, const struct plans_view *view, struct area area, int at)
{
    const struct plan_line *line = &view->plans.lines[at];
    struct style text, dim;
    char item[64];
    int x = MARKS, names = name_columns(area.width);
    list_line(area, &app->theme, at == view->list.cursor, &text, &dim);
    area_put(area, 2, 0, text, line->open ? "●" : line == reference(view) ? "=" : " ");
    area_label(area, x, 0, names - 1, text, line->name);
    x += names;
    if (line->why[0]) {
        area_label(area, x, 0, area.width - x - AGE, dim, line->why);
    } else {
        if (area.width >= WIDE) {
            area_label(area, x, 0, WORDS - 1, dim, line->brief);
            x += WORDS;
        }
        area_print(area, x, 0, text, "%zu of %zu", line->counts.modules,
                   line->counts.modules_total);
        put_parameters(&line->counts, area.width < NARROW, item, sizeof item);
        area_put(area, x + TRAINS, 0, text, item);
        snprintf(item, sizeof item, "n/a");
        if (line->memory_known)
            bytes_put((double)line->memory, item, sizeof item);
        area_put(area, x + TRAINS + parameter_columns(area.width), 0, text, item);
    }
    snprintf(item, sizeof item, "not kept");
    if (line->changed > 0)
        age_put(difftime(view->now, (time_t)line->changed), item, sizeof item);
    area_put(area, area.width - AGE, 0, dim, item);
}

/* The same columns as the lines, at the same widths. */
static void draw_heading(struct app *app, struct area area)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    int x = MARKS + name_columns(area.width);
    area_put(area, MARKS, 0, dim, "name");
    if (area.width >= WIDE) {
        area_put(area, x, 0, dim, "selects");
        x += WORDS;
    }
    area_put(area, x, 0, dim, "trains");
    area_put(area, x + TRAINS, 0, dim, "parameters");
    area_put(area, x + TRAINS + parameter_columns(area.width), 0, dim, "memory");
    area_put(area, area.width - AGE, 0, dim, "changed");
}

/* --- what differs --- */

/* "beside default: 4 matrices more (5.3M), 27 fewer (39.7M), 26 in both · memory -412 MiB", or "the
 * same 53 matrices" */
static void put_contrast(const struct plan_contrast *contrast, const struct plan_line *here,
                         const struct plan_line *there, char *out, size_t size)
{
    char more[48] = "", fewer[48] = "", count[32], bytes[32], memory[64] = "";
    if (contrast->known) {
        count_put((double)contrast->here_parameters, count, sizeof count);
        snprintf(more, sizeof more, " (%s)", count);
        count_put((double)contrast->there_parameters, count, sizeof count);
        snprintf(fewer, sizeof fewer, " (%s)", count);
    }
    if (here->memory_known && there->memory_known) {
        bool less = here->memory < there->memory;
        bytes_put((double)(less ? there->memory - here->memory : here->memory - there->memory),
                  bytes, sizeof bytes);
        snprintf(memory, sizeof memory, " · memory %s%s", less ? "-" : "+", bytes);
    }
    if (contrast->here + contrast->there == 0) {
        snprintf(out, size, "beside %s: the same %zu matri%s%s", there->name, contrast->both,
                 contrast->both == 1 ? "x" : "ces", memory);
        return;
    }
    snprintf(out, size, "beside %s: %zu matri%s more%s, %zu fewer%s, %zu in both%s", there->name,
             contrast->here, contrast->here == 1 ? "x" : "ces", more, contrast->there, fewer,
             contrast->both, memory);
}

/* "mlp.down_proj +4 -2", one after the other. */
static void draw_types(struct app *app, struct area area, const struct plan_line *here,
                       const struct plan_line *there)
{
    const struct plan *plan = app->session.plan;
    const struct scan *scan = app->session.scan;
    struct flow flow = {area, 0, 0};
    const size_t *rows;
    size_t count;
    for (size_t n = 0; (rows = plan_type_rows(plan, n, &count)) && flow.y < area.height; n++) {
        struct plan_contrast contrast = plan_contrast(scan, plan, here, there, rows, count);
        char item[160], more[24] = "", fewer[24] = "", type[96];
        if (contrast.here + contrast.there == 0)
            continue;
        utf8_copy(type, sizeof type, scan->rows[rows[0]].type);
        if (contrast.here > 0)
            snprintf(more, sizeof more, " +%zu", contrast.here);
        if (contrast.there > 0)
            snprintf(fewer, sizeof fewer, " -%zu", contrast.there);
        snprintf(item, sizeof item, "%s%s%s", type, more, fewer);
        flow_item(&flow, theme_style(&app->theme, THEME_TEXT), item);
    }
}

/* "+ model.layers.3.mlp.down_proj", a line each; the last says how many more there are. */
static void draw_matrices(struct app *app, struct area area, const struct plan_line *here,
                          const struct plan_line *there)
{
    const struct scan *scan = app->session.scan;
    struct plan_contrast all = plan_contrast(scan, app->session.plan, here, there, NULL, 0);
    size_t left = all.here + all.there;
    int y = 0;
    for (size_t i = 0; i < scan->count && left > 0 && y < area.height; i++) {
        int which = plan_contrast_row(here, there, i);
        if (which == 0)
            continue;
        if (y == area.height - 1 && left > 1) {
            area_print(area, 0, y++, theme_style(&app->theme, THEME_DIM), "and %zu more", left);
            continue;
        }
        area_put(area, 0, y, theme_style(&app->theme, THEME_ACCENT), which > 0 ? "+" : "-");
        area_label(area, 2, y++, area.width - 2, theme_style(&app->theme, THEME_TEXT),
                   scan->rows[i].module);
        left--;
    }
}

/* The plan under the cursor, in words and beside the reference. */
static void draw_detail(struct app *app, const struct plans_view *view, struct area area)
{
    const struct plan_line *here = line_at(view), *there = reference(view);
    struct style dim = theme_style(&app->theme, THEME_DIM),
                 text = theme_style(&app->theme, THEME_TEXT);
    char line[512];
    for (int x = 0; x < area.width; x++)
        area_put(area, x, 0, theme_style(&app->theme, THEME_BORDER), "─");
    if (!here)
        return;
    int x = 2 + area_put(area, 2, 0, dim, " ");
    x += area_label(area, x, 0, area.width - x - 3, theme_style(&app->theme, THEME_TITLE),
                    here->name);
    area_put(area, x, 0, dim, " ");
    struct area below = area_part(area, 0, 1, area.width, area.height - 1);
    if (here->why[0]) {
        snprintf(line, sizeof line, "not read, and let be: %s", here->why);
        flow_words(below, theme_style(&app->theme, THEME_WARNING), line);
        return;
    }
    snprintf(line, sizeof line, "%s · embeddings %s, head %s", here->words,
             here->embeddings ? "train" : "frozen", here->head ? "trains" : "frozen");
    int y = flow_words(below, text, line);
    below = area_part(below, 0, y, below.width, below.height - y);
    if (!there || there == here || there->why[0]) {
        area_put(below, 0, 0, dim, "the others are compared with this one");
        return;
    }
    struct plan_contrast contrast =
        plan_contrast(app->session.scan, app->session.plan, here, there, NULL, 0);
    put_contrast(&contrast, here, there, line, sizeof line);
    utf8_sanitize(line);
    y = flow_words(below, text, line);
    below = area_part(below, 0, y, below.width, below.height - y);
    (view->by_matrix ? draw_matrices : draw_types)(app, below, here, there);
}

/* Title, heading, the list, and what differs in the rest; the list has what it needs, up to half of
 * a small window. */
static void plans_draw(struct app *app, void *state, struct area area)
{
    const struct plans_view *view = state;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    int most = area.height - 2 - DETAIL_ROWS, rows = view->list.count;
    rows = rows < most ? rows : most;
    int first = list_first(&view->list, rows);
    int x = area_put(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "Plans of this model");
    if (!view->plans.whole)
        area_put(area, x + 2, 0, dim, "those kept before come when its scan has begun");
    draw_heading(app, area_part(area, 0, 1, area.width, 1));
    for (int i = 0; i < rows && first + i < view->list.count; i++)
        draw_line(app, view, area_part(area, 0, 2 + i, area.width, 1), first + i);
    draw_detail(app, view, area_part(area, 0, 2 + rows, area.width, area.height - 2 - rows));
}

/* --- what is done to them --- */

/* Goes back to the map, where it is shown. */
static void open_plan(struct app *app, const struct plan_line *line)
{
    struct error err = ERROR_INIT;
    char name[PLAN_NAME_SIZE], words[PLAN_WORDS_SIZE];
    snprintf(name, sizeof name, "%s", line->name);
    if (!line->open && session_keep_switch(&app->session, name, &err) != 0) {
        app_error(app, &err);
        return;
    }
    app_pop(app); /* frees the view */
    plan_words_put(app->session.plan, WORDS_WHOLE, words, sizeof words);
    app_message(app, "the plan \"%s\" is open: %s", name, words);
}

/* The open one gives way to another that can be read, or to the fresh one. */
static int remove_plan(struct app *app, const struct plans_view *view, const char *name,
                       struct error *err)
{
    struct session *session = &app->session;
    const char *next = PLAN_FIRST_NAME;
    if (plan_shelf_remove(&session->keep.shelf, name, err) != 0)
        return -1;
    if (strcmp(name, session->keep.name) != 0)
        return 0;
    for (size_t i = view->plans.count; i-- > 0;)
        if (strcmp(view->plans.lines[i].name, name) != 0 && !view->plans.lines[i].why[0])
            next = view->plans.lines[i].name;
    return session_keep_forget(session, err) == 0 ? session_keep_switch(session, next, err) : -1;
}

/* Asked with the plan's name, so that what is deleted is what was asked about. */
static void delete_plan(struct app *app, struct plans_view *view, const struct plan_line *line,
                        const char *agreed)
{
    struct error err = ERROR_INIT;
    char name[PLAN_NAME_SIZE];
    if (!app->agreed) {
        app_ask(app, REQUEST_PLAN_DELETE, line->name,
                "delete the plan \"%s\"%s%s, with its history? (y/n)", line->name,
                line->why[0] ? "" : ": ", line->why[0] ? "" : line->words);
        return;
    }
    snprintf(name, sizeof name, "%s", agreed);
    if (remove_plan(app, view, name, &err) != 0)
        app_error(app, &err);
    else
        app_message(app, "the plan \"%s\" is deleted; \"%s\" is open", name,
                    app->session.keep.name);
    refresh(app, view, app->session.keep.name);
}

/* N, c and r: `name` is free, or it is said that it is not. */
static void name_plan(struct app *app, struct plans_view *view, enum request request,
                      const struct plan_line *line, const char *name)
{
    struct error err = ERROR_INIT;
    struct session *session = &app->session;
    char was[PLAN_NAME_SIZE];
    int status;
    snprintf(was, sizeof was, "%s", line->name);
    if (request == REQUEST_PLAN_NEW)
        status = session_keep_add(session, name, &err);
    else if (request == REQUEST_PLAN_COPY)
        status = session_keep_copy(session, was, name, &err);
    else if (line->open)
        status = session_keep_rename(session, name, &err);
    else
        status = plan_shelf_rename(&session->keep.shelf, was, name, &err);
    if (status != 0) {
        app_error(app, &err);
        return;
    }
    refresh(app, view, name);
    if (request == REQUEST_PLAN_RENAME)
        app_message(app, "\"%s\" is called \"%s\" now", was, name);
    else
        app_message(app, "there is a plan \"%s\" now; Enter opens it", name);
}

static bool has_text(const void *context, int at, const char *text)
{
    const struct plans_view *view = context;
    const struct plan_line *line = &view->plans.lines[at];
    return strstr(line->name, text) || strstr(line->words, text);
}

static bool plans_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct plans_view *view = state;
    const struct plan_line *line = line_at(view);
    if (list_move(&view->list, request, PAGE) ||
        list_search(app, &view->list, request, argument, has_text, view))
        return true;
    if (!line)
        return false;
    switch (request) {
    case REQUEST_OPEN:
        open_plan(app, line);
        return true;
    case REQUEST_PLAN_NEW:
    case REQUEST_PLAN_COPY:
    case REQUEST_PLAN_RENAME:
        name_plan(app, view, request, line, argument);
        return true;
    case REQUEST_PLAN_DELETE:
        delete_plan(app, view, line, argument);
        return true;
    case REQUEST_PLAN_MARK: /* a second time: the open one again */
        snprintf(view->with, sizeof view->with, "%s",
                 strcmp(view->with, line->name) == 0 ? "" : line->name);
        return true;
    case REQUEST_PLAN_NAMES:
        view->by_matrix = !view->by_matrix;
        return true;
    default:
        return false;
    }
}

static void plans_close(void *state)
{
    struct plans_view *view = state;
    plan_list_free(&view->plans);
    free(view);
}

static const struct view_class plans_class = {
    .name = "plans",
    .scope = SCOPE_PLANS,
    .enter = plans_enter,
    .close = plans_close,
    .draw = plans_draw,
    .request = plans_request,
    .tick = plans_tick,
};

bool screen_open_plans(struct app *app)
{
    return app_push(app, &plans_class, array_alloc(1, sizeof(struct plans_view), NULL));
}
