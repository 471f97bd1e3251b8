/* The steps that led to the open plan, those of earlier sittings among them, and the way back to any.
 *
 *     History of "default": step 4 of 5                                ● now  ○ undone
 *         when              what it changed                            trains
 *         2026-11-29 21:50  25 % of each type                          52 of 210
 *         2026-11-29 21:52  + layer 3 mlp.down_proj                    53 of 210   +1
 *         2026-11-29 21:52  26 % of each type                          55 of 210   +2
 *     ▶ ● 2026-11-29 22:10  embeddings frozen                          55 of 210
 *       ○ 2026-11-29 22:11  3 edits dropped                            52 of 210   -3
 *
 * What a step changed is said by the scores that are known now, as its percentage would select now.
 */
#include "base/memory.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/plan_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAGE = 10,
    MARKS = 4, /* the cursor, and where the plan is */
    WHEN = 18,
    WHEN_BRIEF = 13, /* columns of the date, and without its year in windows */
    WIDE = 76,       /* of fewer columns than these */
    TRAINS = 20,     /* columns of the numbers, of which the change has the last */
    CHANGE = 8,
};

/* A step, put in words when the list is made. */
struct history_line {
    char words[2 * PLAN_WORDS_SIZE], when[24];
    size_t modules, begun, ended;
};

struct history_view {
    struct list list;
    struct history_line *lines; /* [list.count] */
    size_t now;                 /* the step that the plan is in */
    size_t missing;             /* scores that were missing when the list was made */
};

/* Without memory for it the list is empty. */
static void make_lines(struct app *app, struct history_view *view)
{
    struct plan *plan = app->session.plan;
    size_t count = plan_steps(plan, &view->now);
    free(view->lines);
    view->missing = session_scores_missing(&app->session);
    view->lines = array_alloc(count, sizeof *view->lines, NULL);
    view->list.count = view->lines ? (int)count : 0;
    for (int i = 0; i < view->list.count; i++) {
        struct history_line *line = &view->lines[i];
        struct plan_step step = plan_step(plan, (size_t)i);
        time_t at = (time_t)step.time;
        struct tm tm;
        if (!localtime_r(&at, &tm) ||
            !strftime(line->when, sizeof line->when, "%Y-%m-%d %H:%M", &tm))
            snprintf(line->when, sizeof line->when, "n/a");
        plan_step_put(plan, &step, i == 0, line->words, sizeof line->words);
        line->modules = step.modules;
        line->begun = step.begun;
        line->ended = step.ended;
    }
}

/* Without the year where the screen is narrow. */
static void draw_line(struct app *app, const struct history_view *view, struct area area, int at)
{
    const struct history_line *line = &view->lines[at];
    bool brief = area.width<WIDE, undone = (size_t)at> view->now;
    size_t year = strlen("2026-");
    int when = brief ? WHEN_BRIEF : WHEN;
    struct style text, dim;
    char change[64] = "";
    list_line(area, &app->theme, at == view->list.cursor, &text, &dim);
    area_put(area, 2, 0, text, (size_t)at == view->now ? "●" : undone ? "○" : " ");
    area_put(area, MARKS, 0, dim, line->when + (brief && strlen(line->when) > year ? year : 0));
    int x = area.width - TRAINS;
    area_label(area, MARKS + when, 0, x - MARKS - when - 1, undone ? dim : text, line->words);
    area_print(area, x, 0, undone ? dim : text, "%zu of %zu", line->modules,
               app->session.scan->count);
    if (line->begun > 0)
        snprintf(change, sizeof change, "+%zu ", line->begun);
    if (line->ended > 0)
        snprintf(change + strlen(change), sizeof change - strlen(change), "-%zu", line->ended);
    area_put(area, area.width - CHANGE, 0, dim, change);
}

/* A title, a heading, the list, and a line of what Enter does. */
static void history_draw(struct app *app, void *state, struct area area)
{
    const struct history_view *view = state;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    int rows = area.height - 4, first = list_first(&view->list, rows);
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE),
               "History of \"%s\": step %zu of %d", app->session.keep.name, view->now + 1,
               view->list.count);
    area_put_right(area, 0, 0, dim, "● now  ○ undone");
    area_put(area, MARKS, 1, dim, "when");
    area_put(area, MARKS + (area.width < WIDE ? WHEN_BRIEF : WHEN), 1, dim, "what it changed");
    area_put(area, area.width - TRAINS, 1, dim, "trains");
    for (int i = 0; i < rows && first + i < view->list.count; i++)
        draw_line(app, view, area_part(area, 0, 2 + i, area.width, 1), first + i);
    area_label(area, 0, area.height - 1, area.width, dim,
               "Enter: the plan as it was then; u and Ctrl-R on the map go on from there.");
}

static bool has_text(const void *context, int at, const char *text)
{
    const struct history_view *view = context;
    return strstr(view->lines[at].words, text) || strstr(view->lines[at].when, text);
}

/* Back to the map, where it is shown. Steps after it stay until the next change. */
static void go(struct app *app, const struct history_view *view)
{
    size_t step = (size_t)view->list.cursor, count = (size_t)view->list.count;
    char words[PLAN_WORDS_SIZE];
    bool there = step == view->now || plan_go(app->session.plan, step);
    if (there && step != view->now)
        session_plan_changed(&app->session, true);
    app_pop(app); /* frees the view */
    plan_words_put(app->session.plan, WORDS_WHOLE, words, sizeof words);
    if (there)
        app_message(app, "step %zu of %zu: %s%s", step + 1, count, words,
                    step + 1 < count ? "; Ctrl-R goes on to what was done after it, until the next "
                                       "change"
                                     : "");
}

static bool history_request(struct app *app, void *state, enum request request,
                            const char *argument)
{
    struct history_view *view = state;
    if (list_move(&view->list, request, PAGE) ||
        list_search(app, &view->list, request, argument, has_text, view))
        return true;
    if (request != REQUEST_OPEN || view->list.count == 0)
        return false;
    go(app, view);
    return true;
}

/* A percentage's steps follow the scores. */
static bool history_tick(struct app *app, void *state)
{
    struct history_view *view = state;
    if (view->missing == session_scores_missing(&app->session))
        return false;
    make_lines(app, view);
    return true;
}

static void history_enter(struct app *app, void *state)
{
    struct history_view *view = state;
    make_lines(app, view);
    view->list.cursor = (int)view->now;
}

static void history_close(void *state)
{
    struct history_view *view = state;
    free(view->lines);
    free(view);
}

static const struct view_class history_class = {
    .name = "history",
    .scope = SCOPE_LIST,
    .enter = history_enter,
    .close = history_close,
    .draw = history_draw,
    .request = history_request,
    .tick = history_tick,
};

bool screen_open_history(struct app *app)
{
    return app_push(app, &history_class, array_alloc(1, sizeof(struct history_view), NULL));
}
