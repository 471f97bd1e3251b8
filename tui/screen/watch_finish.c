/* What is made of the run on the watch screen: more steps of it, an export, an evaluation, a text.
 * Each is asked for here and done by a job (tui/session/finish.h); the pane has the last one. */
#include "base/decimal.h"
#include "job/job_kind.h"
#include "tui/screen/parts.h"
#include "tui/screen/watch.h"
#include "tui/session/steer.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <string.h>

/* --- more steps --- */

static int64_t steps_of(const char *text)
{
    int64_t steps;
    return decimal_read_whole(&steps, text) && steps > 0 ? steps : 0;
}

/* Where the job may be somebody else's, what it reads is shown first, and so is that the run will end
 * before the steps that it has; y says yes. */
static void add_steps(struct app *app, struct watch_view *view, const char *argument)
{
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    char said[ERROR_TEXT_MAX];
    struct job_follow *run = app->session.run;
    struct steer_how how = {.more = steps_of(argument)};
    if (how.more == 0) {
        app_message(app, "how many steps more? A number above 0, not \"%s\"", argument);
        return;
    }
    if (app->agreed && view->trust_asked[0])
        how.trusted = view->trust_asked;
    struct steer_more more = steer_more(run, &how);
    steer_put_more(&more, said, sizeof said);
    int status = steer_check(run, STEER_RESUME, &how, &err);
    bool trust = status == 0 && !app->agreed && steer_trust(run, view->trust_asked, &text);
    bool asks = trust || (status == 0 && !app->agreed && more.early);
    if (asks)
        app_ask(app, REQUEST_MORE_STEPS, argument, "resume it%s%s?%s%s (y/n)",
                more.early ? " " : "", more.early ? said : "", trust ? " it " : "",
                trust ? buffer_string(&text) : "");
    else if (status == 0)
        status = steer(run, STEER_RESUME, &how, said, sizeof said, &err);
    if (status != 0)
        app_error(app, &err);
    else if (!asks)
        app_message(app, "%s", said);
    if (app->question.request == REQUEST_NONE)
        view->trust_asked[0] = '\0';
    buffer_free(&text);
}

void watch_more_hint(const struct app *app, const char *typed, char *out, size_t size)
{
    struct job_follow *run = app->session.run;
    struct steer_how how = {.more = steps_of(typed)};
    char words[160];
    if (how.more > 0) {
        struct steer_more more = steer_more(run, &how);
        steer_put_more(&more, words, sizeof words);
        snprintf(out, size, "%s", words);
        return;
    }
    how.more = 1;
    struct steer_more more = steer_more(run, &how);
    if (more.from >= 0 && more.planned > more.from)
        snprintf(
            out, size, "it stands at step %lld of %lld: %lld more reach its planned end, as r does",
            (long long)more.from, (long long)more.planned, (long long)(more.planned - more.from));
    else if (more.from >= 0)
        snprintf(out, size, "it stands at step %lld", (long long)more.from);
}

/* --- jobs --- */

static void start(struct app *app, struct watch_view *view, enum finish_what what,
                  const char *argument)
{
    struct error err = ERROR_INIT;
    if (finish_start(&view->finish, app->session.run, what, argument, &err) != 0) {
        app_error(app, &err);
        return;
    }
    view->text = WATCH_TEXT_LAST; /* the pane's place */
    view->finish_top = 0;
    view->finish_listed = false;
    app_message(app, "started; the job goes on when the screen is left");
}

bool watch_finish_request(struct app *app, struct watch_view *view, enum request request,
                          const char *argument)
{
    static const struct {
        enum request request;
        enum finish_what what;
    } jobs[] = {{REQUEST_EXPORT, FINISH_EXPORT},
                {REQUEST_MERGE, FINISH_MERGE},
                {REQUEST_EVALUATE, FINISH_EVALUATE},
                {REQUEST_TRY, FINISH_PROMPT},
                {REQUEST_CHAT, FINISH_CHAT}};
    if (request == REQUEST_MORE_STEPS) {
        add_steps(app, view, argument);
        return true;
    }
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        if (jobs[i].request == request) {
            start(app, view, jobs[i].what, argument);
            return true;
        }
    return false;
}

bool watch_finish_is_open(const struct watch_view *view)
{
    bool own = job_kind_of(view->job->job)->output; /* the screen's job is the pane's: it stays */
    return view->finish.job && !own;
}

/* --- the list of what was made --- */

void watch_made_move(struct watch_view *view, int by)
{
    int last = (int)view->made.count - 1, at = view->made_cursor + by;
    view->made_cursor = at > last ? (last < 0 ? 0 : last) : at < 0 ? 0 : at;
}

void watch_made_open(struct app *app, struct watch_view *view)
{
    struct error err = ERROR_INIT;
    size_t at = (size_t)view->made_cursor;
    if (view->text != WATCH_TEXT_MADE || at >= view->made.count) {
        app_message(app, "nothing is under a cursor here: v lists what was made of the run");
        return;
    }
    if (finish_open(&view->finish, view->made.rows[at].path, &err) != 0) {
        app_error(app, &err);
        return;
    }
    view->text = WATCH_TEXT_LAST;
    view->finish_top = 0;
    view->finish_listed = true;
}

/* A job a line, the newest first; what it was asked for, and what came of it. */
void watch_draw_made(struct app *app, const struct watch_view *view, struct area area)
{
    struct style dim = theme_style(&app->theme, THEME_DIM), text, faint;
    const struct made *made = &view->made;
    struct list list = {view->made_cursor, (int)made->count};
    int rows = area.height - 1, first = list_first(&list, rows), wide = 0;
    if (made->count == 0) {
        area_label(
            area, 0, 0, area.width, dim,
            "nothing was made of this run yet: e evaluates it, E exports it, y tries a prompt");
        return;
    }
    for (size_t i = 0; i < made->count; i++) {
        int columns = text_columns(made->rows[i].what);
        wide = columns > wide ? columns : wide;
    }
    wide = wide > area.width / 3 ? area.width / 3 : wide;
    area_print(area, 0, 0, dim, "made of this run: %zu", made->count);
    area_put_right(area, 0, 0, dim, "j k move  Enter opens  Esc ends");
    for (int i = 0; i < rows && first + i < list.count; i++) {
        const struct made_row *row = &made->rows[first + i];
        struct area line = area_part(area, 0, 1 + i, area.width, 1);
        list_line(line, &app->theme, first + i == list.cursor, &text, &faint);
        area_label(line, 2, 0, wide, text, row->what);
        area_label(line, 4 + wide, 0, line.width - wide - 4, faint, row->text);
    }
}

/* --- the pane --- */

/* The rows that the result takes in a window of this width. */
static int result_rows(struct app *app, const struct finish *finish)
{
    struct area area = canvas_area(&app->canvas);
    struct flow flow = {area_part(area, 0, 0, area.width, 0), 0, 0};
    flow_put(&flow, theme_style(&app->theme, THEME_TEXT), buffer_string(&finish->result),
             finish->result.length);
    return flow.y + 1;
}

/* One line of it is always there. */
void watch_finish_scroll(struct app *app, struct watch_view *view, int by)
{
    int most = view->finish.job ? result_rows(app, &view->finish) - 1 : 0;
    int top = view->finish_top + by;
    view->finish_top = top < 0 ? 0 : top > most ? most : top;
}

void watch_draw_finish(struct app *app, const struct watch_view *view, struct area area)
{
    const struct finish *finish = &view->finish;
    const struct theme *theme = &app->theme;
    char state[ERROR_TEXT_MAX];
    finish_put_state(finish, state, sizeof state);
    bool own = job_kind_of(view->job->job)->output;
    enum theme_role role = finish->failed ? THEME_ERROR : finish->read ? THEME_GOOD : THEME_ACCENT;
    int used = area_label(area, 0, 0, area.width, theme_style(theme, role), state);
    if (!own && used + 27 <= area.width)
        area_put_right(area, 0, 0, theme_style(theme, THEME_DIM), "j k scroll  Esc ends it");
    struct flow flow = {area_part(area, 0, 1, area.width, area.height - 1), 0, -view->finish_top};
    flow_put(&flow, theme_style(theme, THEME_TEXT), buffer_string(&finish->result),
             finish->result.length);
    flow_mark_cut(&flow, theme_style(theme, THEME_DIM));
}
