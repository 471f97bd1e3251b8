#include "tui/app/draw.h"

#include "job/job_dir.h"
#include "tui/canvas/terminal.h"
#include "tui/session/job_left.h"
#include "tui/session/plan_words.h"
#include "tui/session/wording.h"
#include "tui/widget/flow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_ROWS = 6, PATH_ROWS = 3, MESSAGE_PATH = 40 };

/* --- what the title and the status line say --- */

/* What is under way, the scan and then the job; "" where nothing is. */
static void put_progress(const struct session *session, char *out, size_t size)
{
    const struct scan_feed *feed = &session->feed;
    double seconds = scan_feed_seconds_left(feed);
    char left[32];
    seconds_put(seconds, left, sizeof left);
    out[0] = '\0';
    if (!session->model)
        ; /* a scan file is not computed */
    else if (feed->state == FEED_WAITING)
        snprintf(out, size, "scan starts");
    else if (feed->state == FEED_FAILED)
        snprintf(out, size, "scan failed");
    else if (feed->state == FEED_STOPPED && feed->done == 0)
        snprintf(out, size, "scan stopped");
    else if (feed->state == FEED_STOPPED)
        snprintf(out, size, "scan %zu/%zu · stopped", feed->done, feed->total);
    else if (feed->state == FEED_RUNNING && feed->paused)
        snprintf(out, size, "scan %zu/%zu · paused", feed->done, feed->total);
    else if (feed->state == FEED_CHANGING)
        snprintf(out, size, "scan %zu/%zu · then on %s", feed->done, feed->total, feed->device);
    else if (feed->state == FEED_RUNNING && isnan(seconds))
        snprintf(out, size, "scan %zu/%zu", feed->done, feed->total);
    else if (feed->state == FEED_RUNNING)
        snprintf(out, size, "scan %zu/%zu · %s left", feed->done, feed->total, left);
    size_t used = strlen(out);
    if (!session->run || !job_follow_lives(session->run) || used + 8 >= size)
        return;
    int64_t step = job_metrics_last_step(&session->run->metrics);
    snprintf(out + used, size - used, "%sjob %s, step %lld", used ? " · " : "",
             job_state_name(session->run->state), (long long)(step < 0 ? 0 : step));
}

/* What the status line speaks of. `what` is that of the topmost of these views, which the others are
 * opened from: the job on its watch screen, the form's run on the form, a run by the plan on the
 * map, as that is what is seen there. */
struct subject {
    enum { OF_NOTHING, OF_JOB, OF_FORM, OF_MAP } what;
    enum training_method method;
    const struct training_estimate *cost;
};

static struct subject find_subject(const struct app *app)
{
    const struct session *session = &app->session;
    int scope = SCOPE_MODEL;
    for (int i = 0; i < app->depth; i++)
        if (app->stack[i].class->scope & (SCOPE_WATCH | SCOPE_FORM | SCOPE_MODEL))
            scope = app->stack[i].class->scope;
    if (session->run && (scope == SCOPE_WATCH || !session->plan))
        return (struct subject){.what = OF_JOB};
    if (!session->plan)
        return (struct subject){.what = OF_NOTHING};
    if (scope == SCOPE_FORM && session->model)
        return (struct subject){OF_FORM, settings_method(&session->settings), &session->form_cost};
    return (struct subject){OF_MAP, session_plan_method(session), &session->cost};
}

/* How the status line is said, from the most words to the fewest: those of the plan, and what of the
 * rest is left out, "memory" first, then "trains" and "matrices", and last "params". */
static const struct status_form {
    enum plan_words words;
    bool no_memory, bare, no_params;
} status_forms[] = {
    {WORDS_WHOLE, false, false, false}, {WORDS_WHOLE, true, false, false},
    {WORDS_WHOLE, true, true, false},   {WORDS_BRIEF, true, true, false},
    {WORDS_LEAST, true, true, false},   {WORDS_LEAST, true, true, true},
};
enum { STATUS_FORMS = sizeof status_forms / sizeof *status_forms };

/* "25 % of each type: trains 52 of 210 matrices". What is the plan's is left out where the method
 * has none: "trains everything", "trains adapters at 210 matrices". While scores are missing it is
 * "25 % of each type: so far 12 of 210 matrices". */
static void put_matrices(const struct session *session, const struct subject *subject,
                         const struct status_form *form, char *out, size_t size)
{
    const struct method_info *method = method_info(subject->method);
    bool partial = method->plan && session_scores_missing(session);
    bool bare = form->bare || (!method->plan && !method->adapters);
    struct plan_counts counts = plan_counts(session->plan);
    size_t adapted = subject->cost->adapted;
    char top[PLAN_WORDS_SIZE] = "", tensors[64];
    if (method->plan)
        plan_words_put(session->plan, form->words, top, sizeof top);
    if (!method->plan && !method->adapters)
        snprintf(tensors, sizeof tensors, "everything");
    else if (!method->plan)
        snprintf(tensors, sizeof tensors, "adapters at %zu", adapted);
    else if (method->adapters)
        snprintf(tensors, sizeof tensors, "adapters at %zu of %zu", adapted, counts.modules_total);
    else
        snprintf(tensors, sizeof tensors, "%zu of %zu", counts.modules, counts.modules_total);
    snprintf(out, size, "%s%s%s%s%s", top, method->plan ? ": " : "",
             partial      ? "so far "
             : form->bare ? ""
                          : "trains ",
             tensors, bare ? "" : " matrices");
}

/* The matrices, and then how many parameters they are, and what share of all:
 *     " · 65.0M params (48.3 %)", " · 1.2M adapter + 28.3M params (21.9 %)"
 * The plan's own counts are known for a scan file with shapes, too; the others need the model, and
 * are those of the cost. */
static size_t put_what_trains(const struct session *session, const struct subject *subject,
                              const struct status_form *form, char *out, size_t size)
{
    const struct training_estimate *cost = subject->cost;
    struct plan_counts counts = plan_counts(session->plan);
    bool planned = subject->method == METHOD_SPECTRUM;
    int64_t adapters = planned ? 0 : cost->adapter_parameters;
    int64_t others = planned ? counts.parameters : cost->trained_parameters;
    int64_t all = planned ? counts.parameters_total : cost->parameters;
    put_matrices(session, subject, form, out, size);
    size_t used = strlen(out);
    if ((planned && !counts.known) || all <= 0)
        return used;
    char thin[32], count[32];
    double share = 100.0 * ((double)adapters + (double)others) / (double)all;
    const char *word = form->no_memory ? "" : " adapter";
    const char *params = form->no_params ? "" : " params";
    count_put((double)adapters, thin, sizeof thin);
    count_put((double)others, count, sizeof count);
    out += used;
    size -= used;
    if (adapters == 0)
        snprintf(out, size, " · %s%s (%.1f %%)", count, params, share);
    else if (others == 0)
        snprintf(out, size, " · %s%s%s (%.1f %%)", thin, word, params, share);
    else
        snprintf(out, size, " · %s%s + %s%s (%.1f %%)", thin, word, count, params, share);
    return used + strlen(out);
}

/* Of the form's run, where its fields say what trains and the plan of the map does not. */
static size_t put_own_plan(const struct training_estimate *cost, bool brief, char *out, size_t size)
{
    int64_t trained = cost->trained_parameters + cost->adapter_parameters;
    char count[32] = "n/a", share[32] = "";
    if (cost->known && cost->parameters > 0) {
        count_put((double)trained, count, sizeof count);
        snprintf(share, sizeof share, " (%.1f %%)",
                 100.0 * (double)trained / (double)cost->parameters);
    }
    snprintf(out, size, "%s%s params%s", brief ? "" : "not the plan of the map: trains ", count,
             share);
    return strlen(out);
}

/* What the job was asked for: "train demo · method full", "attach out · LLaMA-Factory". */
static void put_asked(const struct job_follow *run, char *out, size_t size)
{
    const char *command = "", *method = NULL, *tool = "";
    char model[128];
    json_get_string(run->job, "command", &command);
    json_get_string(run->job, "method", &method);
    json_get_string(run->job, "tool", &tool);
    job_follow_model(run, model, sizeof model);
    snprintf(out, size, "%s %s%s%s", command, model,
             method    ? " · method "
             : tool[0] ? " · "
                       : "",
             method ? method : tool);
}

/* What trains, and at what cost. */
static void put_status(const struct app *app, const struct status_form *style, char *out,
                       size_t size)
{
    const struct session *session = &app->session;
    struct subject subject = find_subject(app);
    char memory[32];
    out[0] = '\0';
    if (subject.what == OF_JOB)
        put_asked(session->run, out, size);
    if (subject.what == OF_JOB || subject.what == OF_NOTHING)
        return;
    bool own = subject.what == OF_FORM && method_info(subject.method)->plan &&
               !settings_use_plan(&session->settings);
    size_t used = own ? put_own_plan(subject.cost, style->bare, out, size)
                      : put_what_trains(session, &subject, style, out, size);
    bytes_put((double)subject.cost->total, memory, sizeof memory);
    snprintf(out + used, size - used, " · %s%s%s", style->no_memory ? "" : "memory ",
             subject.cost->known ? memory : "n/a",
             subject.cost->known && subject.cost->devices > 0 ? " a device" : "");
}

/* --- the lines of the frame --- */

/* "spectrum model  demo/model" at the left, what is under way at the right; the name gives way. */
static void draw_title(struct app *app, struct area area)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    const struct view *view = &app->stack[app->depth - 1];
    char right[160];
    put_progress(&app->session, right, sizeof right);
    int x = area_put(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "spectrum ");
    x += area_print(area, x, 0, dim, "%s  ", view->class->name);
    int room = area.width - x - text_columns(right) - 1;
    area_label(area, x, 0, room, theme_style(&app->theme, THEME_TEXT),
               session_title(&app->session));
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), right);
}

/* --- the key line --- */

/* Who does not know these is stuck: they have room on the line before any other key has. */
static const enum request first_keys[] = {REQUEST_HELP, REQUEST_START, REQUEST_TRAIN, REQUEST_OPEN,
                                          REQUEST_BACK};
enum { FIRST_KEYS = sizeof first_keys / sizeof *first_keys };

/* "hjkl move  +- per cent  ": what has a key for each direction, said once. */
static const char *const map_keys[][2] = {{"hjkl", " move  "}, {"+-", " per cent  "}};

static bool is_first(enum request request)
{
    for (size_t i = 0; i < FIRST_KEYS; i++)
        if (first_keys[i] == request)
            return true;
    return false;
}

/* Has the view on top a word for this key, now? */
static bool is_offered(const struct app *app, const struct request_info *info)
{
    const struct view *view = &app->stack[app->depth - 1];
    bool said = view->class->scope == SCOPE_MODEL && info->request == REQUEST_TOP; /* map_keys */
    return info->brief && (info->scopes & (unsigned)view->class->scope) && !said &&
           (!view->class->offers || view->class->offers(app, view->state, info->request));
}

/* The first key of a request; in a view that is typed into the first that is no text there. */
static int shown_key(const struct app *app, const struct request_info *info)
{
    bool typed = app->stack[app->depth - 1].class->paste != NULL;
    for (int i = 0; typed && i < REQUEST_KEYS_MAX; i++)
        if (info->keys[i] < ' ' || info->keys[i] >= INPUT_UP)
            return info->keys[i];
    return info->keys[0];
}

static const char *key_word(const struct app *app, const struct request_info *info)
{
    const struct view *view = &app->stack[app->depth - 1];
    const char *word =
        view->class->word ? view->class->word(app, view->state, info->request) : NULL;
    return word ? word : info->brief;
}

/* "Enter open", the blanks after it not counted. */
static int key_columns(const struct app *app, const struct request_info *info)
{
    char key[16];
    key_name(shown_key(app, info), key, sizeof key);
    return text_columns(key) + 1 + text_columns(key_word(app, info));
}

/* As many keys of the view as the line has room for, in the table's order: those that nobody should
 * miss first, then each that still fits. */
static void draw_keys(struct app *app, struct area area)
{
    enum { GAP = 2 };
    bool map = app->stack[app->depth - 1].class->scope == SCOPE_MODEL;
    struct style accent = theme_style(&app->theme, THEME_ACCENT);
    struct style dim = theme_style(&app->theme, THEME_DIM);
    size_t count;
    const struct request_info *table = request_table(&count);
    int x = 0, kept = -GAP; /* columns of the first keys that are still to come */
    for (size_t i = 0; i < count; i++)
        if (is_first(table[i].request) && is_offered(app, &table[i]))
            kept += key_columns(app, &table[i]) + GAP;
    for (size_t i = 0; map && i < sizeof map_keys / sizeof *map_keys; i++) {
        if (x + text_columns(map_keys[i][0]) + text_columns(map_keys[i][1]) + kept > area.width)
            continue;
        x += area_put(area, x, 0, accent, map_keys[i][0]);
        x += area_put(area, x, 0, dim, map_keys[i][1]);
    }
    for (size_t i = 0; i < count; i++) {
        char key[16];
        bool first = is_first(table[i].request);
        if (!is_offered(app, &table[i]))
            continue;
        if (first)
            kept -= key_columns(app, &table[i]) + GAP;
        if (x + key_columns(app, &table[i]) + (kept > 0 ? kept + GAP : 0) > area.width)
            continue;
        key_name(shown_key(app, &table[i]), key, sizeof key);
        x += area_put(area, x, 0, accent, key);
        x += area_print(area, x, 0, dim, " %s  ", key_word(app, &table[i]));
    }
}

/* In place: every word of the text that is a path of more than MESSAGE_PATH bytes becomes "…" and
 * its end. A cut is never in the middle of a character. */
static void shorten_paths(char *text)
{
    for (char *word = text; *word; word += strspn(word, " ")) {
        char *end = word + strcspn(word, " "), *cut = word;
        size_t bytes = (size_t)(end - word);
        bool path = memchr(word, '/', bytes) != NULL;
        while (path && bytes > MESSAGE_PATH && (end - cut > MESSAGE_PATH || (*cut & 0xC0) == 0x80))
            cut++;
        if (cut > word + 3) {
            memcpy(word, "…", 3);
            memmove(word + 3, cut, strlen(cut) + 1);
            end -= cut - word - 3;
        }
        word = end;
    }
}

/* What the bottom has to say, a question before a message. One that takes many rows loses the
 * fronts of its long paths first, as the ends tell paths apart. */
static void put_message(const struct app *app, int columns, char out[ERROR_TEXT_MAX])
{
    bool asked = app->question.request != REQUEST_NONE;
    const struct view *view = &app->stack[app->depth - 1];
    snprintf(out, ERROR_TEXT_MAX, "%s", asked ? app->question.text : app->message);
    if (!out[0] && app->prompt.active && view->class->hint)
        view->class->hint(app, view->state, app->prompt.request, app->prompt.text, out,
                          ERROR_TEXT_MAX);
    if (flow_words_rows(out, columns) > PATH_ROWS)
        shorten_paths(out);
}

/* Rows below the status line: one of keys, or as many as message and prompt need, up to MESSAGE_ROWS. */
static int bottom_rows(const struct app *app, int columns, const char *message)
{
    int said = flow_words_rows(message, columns);
    int typed = app->prompt.active ? prompt_rows(&app->prompt, columns, MESSAGE_ROWS) : 0;
    int rows = said + typed;
    return rows < 1 ? 1 : rows > MESSAGE_ROWS ? MESSAGE_ROWS : rows;
}

/* What there is to say (an error in its own colour), and below it the prompt; where there is neither, the
 * keys. */
static void draw_bottom(struct app *app, struct area area, const char *message)
{
    enum theme_role role = app->message_is_error ? THEME_ERROR : THEME_WARNING;
    int typed = app->prompt.active ? prompt_rows(&app->prompt, area.width, area.height) : 0;
    struct area said = area_part(area, 0, 0, area.width, area.height - typed);
    area_fill(area, theme_style(&app->theme, THEME_TEXT));
    if (app->prompt.active)
        prompt_draw(&app->prompt, area_part(area, 0, said.height, area.width, typed), &app->theme);
    if (message[0])
        flow_words(said, theme_style(&app->theme, role), message);
    else if (!app->prompt.active)
        draw_keys(app, area);
}

/* --- a window that no view fits --- */

/* "running, step 120 of 500 · 12 s left": the job that is watched, else the scan that is under way; ""
 * where neither is. */
static void put_job(const struct session *session, char *out, size_t size)
{
    const struct job_follow *run = session->run;
    double steps = NAN, step = run ? (double)job_metrics_last_step(&run->metrics) : NAN;
    char text[48], left[64] = "";
    if (!run) {
        put_progress(session, out, size);
        return;
    }
    job_follow_describe(run, out, size);
    size_t used = strlen(out);
    job_follow_number(run, "steps", &steps);
    if (!job_follow_lives(run) || !(step >= 0) || isnan(steps))
        return;
    struct job_left time = job_left(run);
    job_left_put(&time, "at least ", text, sizeof text);
    if (!job_follow_pauses(run))
        snprintf(left, sizeof left, " · %s left", text);
    snprintf(out + used, size - used, ", step %.0f of %.0f%s", step, steps, left);
}

/* The program's name, the job in one line, what the window needs and what it has, what can be pressed or
 * what was said of that; as many of them as there are rows, and in the lowest windows name and job
 * in one. */
static void draw_small(struct app *app, struct area area)
{
    enum { LINES = 5, JOB = 1, NAMED_ROWS = 3 };
    struct style text = theme_style(&app->theme, THEME_TEXT);
    char lines[LINES][ERROR_TEXT_MAX] = {"spectrum: too small"}, job[ERROR_TEXT_MAX];
    put_job(&app->session, job, sizeof job);
    bool apart = area.height >= NAMED_ROWS;
    if (job[0])
        snprintf(lines[apart], sizeof lines[0], "%s%.400s", apart ? "" : "spectrum: ", job);
    snprintf(lines[2], sizeof lines[2], "needed: %dx%d", SCREEN_MIN_WIDTH, SCREEN_MIN_HEIGHT);
    snprintf(lines[3], sizeof lines[3], "window: %dx%d", area.width, area.height);
    snprintf(lines[4], sizeof lines[4], "%s", app->message[0] ? app->message : "Q quits");
    int count = lines[JOB][0] ? LINES : LINES - 1;
    int y = area.height > count ? (area.height - count) / 2 : 0;
    for (int i = 0; i < LINES; i++) {
        struct style style = i == JOB ? theme_style(&app->theme, THEME_ACCENT) : text;
        if (i == 0) /* a saved screen is known by its first letters, in the narrowest window, too */
            area_put(area, 0, y++, style, lines[i]);
        else if (lines[i][0])
            area_label(area, 0, y++, area.width, style, lines[i]);
    }
}

void app_draw_opening(struct app *app, const char *target)
{
    struct area all = canvas_area(&app->canvas);
    canvas_clear(&app->canvas, theme_style(&app->theme, THEME_TEXT));
    int x = area_put(all, 0, 0, theme_style(&app->theme, THEME_TITLE), "spectrum ");
    x += area_put(all, x, 0, theme_style(&app->theme, THEME_DIM), "opens ");
    area_label(all, x, 0, all.width - x, theme_style(&app->theme, THEME_TEXT),
               target ? target : "the library");
}

/* The status line, in few words where that has no room for all. */
static void draw_status(struct app *app, struct area line)
{
    char text[512];
    struct style style = theme_style_on(&app->theme, THEME_STATUS, THEME_STATUS_BACKGROUND);
    for (int i = 0; i < STATUS_FORMS; i++) {
        put_status(app, &status_forms[i], text, sizeof text);
        if (text_columns(text) <= line.width - 2)
            break;
    }
    area_fill(line, style);
    area_label(line, 1, 0, line.width - 2, style, text);
}

void app_draw(struct app *app)
{
    struct area all = canvas_area(&app->canvas);
    canvas_clear(&app->canvas, theme_style(&app->theme, THEME_TEXT));
    if (app->depth == 0)
        return;
    if (app_is_small(app)) {
        draw_small(app, all);
        return;
    }
    const struct view *view = &app->stack[app->depth - 1];
    char message[ERROR_TEXT_MAX];
    put_message(app, all.width, message);
    int bottom = bottom_rows(app, all.width, message), status = all.height - 1 - bottom;
    draw_title(app, area_part(all, 0, 0, all.width, 1));
    /* a long message covers the view's last rows: nothing jumps for it */
    view->class->draw(app, view->state, area_part(all, 0, 1, all.width, all.height - 3));
    draw_status(app, area_part(all, 0, status, all.width, 1));
    draw_bottom(app, area_part(all, 0, status + 1, all.width, bottom), message);
}
