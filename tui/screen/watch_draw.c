/* The watch screen's frame and its texts: what runs, how far it is, what it wrote; the graphs are
 * in watch_plots.c and watch_memory.c. */
#include "base/folder.h"
#include "job/job_kind.h"
#include "tui/screen/watch.h"
#include "tui/session/job_left.h"
#include "tui/session/wording.h"
#include "tui/widget/flow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_BESIDE = 26 }; /* columns of the step, beside a state */

static struct area part(struct area area, const struct watch_layout *layout, enum watch_part which)
{
    const struct watch_rect *rect = &layout->parts[which];
    return area_part(area, rect->x, rect->y, rect->width, rect->height);
}

/* --- state, progress --- */

/* Red for an end that nobody asked for, yellow for what waits or is elsewhere, green for all else.
 */
static enum theme_role state_role(const struct job_follow *run)
{
    const char *status = "";
    json_get_string(run->result, "status", &status);
    if (run->state == JOB_DIED || strcmp(status, "killed") == 0 || strcmp(status, "failed") == 0)
        return THEME_ERROR;
    return run->state == JOB_PAUSED || run->state == JOB_WAITING || run->state == JOB_ELSEWHERE ||
                   strcmp(status, "not started") == 0
               ? THEME_WARNING
               : THEME_GOOD;
}

/* The reason in a state that is too long for the line of the progress, as that of a failure is:
 * whole, on lines of its own; the first word or two stay in the line. NULL: it fits. */
static const char *long_reason(const char *state, int columns)
{
    const char *reason = strstr(state, ": ");
    return reason && text_columns(state) > columns - STATE_BESIDE ? reason + 2 : NULL;
}

/* After the state what it does, unless that is to take the steps which stand beside it: "running ·
 * evaluating 7/20". */
static void put_phase(const struct job_follow *run, char state[ERROR_TEXT_MAX])
{
    char phase[64];
    size_t used = strlen(state);
    if (job_follow_lives(run) && job_follow_phase(run, phase, sizeof phase) &&
        strcmp(phase, "training") != 0)
        snprintf(state + used, ERROR_TEXT_MAX - used, " · %s", phase);
}

/* Has the job steps, of which there are curves? One that is not known may have. */
static bool has_curves(const struct job_follow *run)
{
    const struct job_kind *kind = job_kind_of(run->job);
    return kind->steps || !kind->command[0];
}

/* Has it texts, or may it? Else its graphs have their rows. */
static bool has_samples(const struct watch_view *view)
{
    const struct job_kind *kind = job_kind_of(view->job->job);
    return kind->samples || !kind->command[0] || view->sample;
}

/* "● running      step 31 of 60 · 12 s left" and a bar below it. A job that does not live has nothing
 * left, and of one that pauses nobody knows. */
static void draw_progress(struct app *app, struct area area, char *state)
{
    const struct job_follow *run = app->session.run;
    char left[48], right[128] = "";
    struct job_left time = job_left(run);
    double step = (double)job_metrics_last_step(&run->metrics), steps = NAN;
    job_follow_number(run, "steps", &steps);
    if (long_reason(state, area.width))
        *strstr(state, ": ") = '\0';
    bool lives = job_follow_lives(run) && !job_follow_pauses(run);
    put_phase(run, state);
    job_left_put(&time, "at least ", left, sizeof left);
    if (!has_curves(run)) { /* its phase says how far it is */
        step = run->state == JOB_ENDED ? 1 : (double)run->phase.done;
        steps = run->state == JOB_ENDED ? 1 : (double)run->phase.total;
    } else if (isnan(steps))
        snprintf(right, sizeof right, "step %.0f", step < 0 ? 0 : step);
    else
        snprintf(right, sizeof right, "step %.0f of %.0f%s%s%s", step < 0 ? 0 : step, steps,
                 lives ? " · " : "", lives ? left : "", lives ? " left" : "");
    struct style style = theme_style(&app->theme, state_role(run));
    area_put(area, 0, 0, style, "●");
    area_label(area, 2, 0, area.width - text_columns(right) - 4, style, state);
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_TEXT), right);
    int filled = steps > 0 && step > 0 ? (int)(area.width * fmin(step / steps, 1)) : 0;
    for (int x = 0; x < area.width; x++)
        area_put(area, x, 1, theme_style(&app->theme, x < filled ? THEME_ACCENT : THEME_BORDER),
                 x < filled ? "▄" : "─");
}

/* "trains 56 adapters, 3 tensors, 1.2M parameters": what trains, as the trainer itself counted it
 * after its first step. An adapter is two tensors, A and B, counted at B. B begins as zero, so A
 * gets no gradient in the step of the first proof, and that says nothing. */
static void put_proof(const cJSON *proof, char *out, size_t size)
{
    const cJSON *tensor;
    int64_t step = 0, adapter_count = 0, tensor_count = 0, some;
    double parameters = 0, norm; /* hostile numbers add up to more than an int64_t holds */
    bool alive = true;
    json_get_int64(proof, "step", &step);
    cJSON_ArrayForEach(tensor, json_get(proof, "trained"))
    {
        const char *name = tensor->string ? tensor->string : ""; /* a list's items have none */
        bool a = strstr(name, ".lora_A.") != NULL, b = strstr(name, ".lora_B.") != NULL;
        adapter_count += b;
        tensor_count += !a && !b;
        parameters += json_get_int64(tensor, "parameters", &some) ? (double)some : 0;
        alive &= (a && step == 1) || !json_get_double(tensor, "gradient_norm", &norm) || norm > 0;
    }
    char count[32], adapters[48] = "", tensors[48] = "";
    count_put(parameters, count, sizeof count);
    if (adapter_count > 0)
        snprintf(adapters, sizeof adapters, "%lld adapter%s, ", (long long)adapter_count,
                 adapter_count == 1 ? "" : "s");
    if (tensor_count > 0 || adapter_count == 0)
        snprintf(tensors, sizeof tensors, "%lld tensor%s, ", (long long)tensor_count,
                 tensor_count == 1 ? "" : "s");
    snprintf(out, size, "trains %s%s%s parameters%s", adapters, tensors, count,
             alive ? "" : "; some get no gradient");
}

static void draw_head(struct app *app, struct area area)
{
    const struct job_follow *run = app->session.run;
    char proof[256] = "", place[512], engine[64];
    struct style dim = theme_style(&app->theme, THEME_DIM);
    if (run->proof)
        put_proof(run->proof, proof, sizeof proof);
    job_follow_engine(run, engine, sizeof engine);
    job_follow_place(run, place, sizeof place);
    int x = engine[0] ? area_print(area, 0, 0, dim, "%s · ", engine) : 0;
    area_label(area, x, 0, area.width - x - text_columns(proof) - 2, dim, place);
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_TEXT), proof);
}

/* --- the note --- */

/* What is shown of the run: "all steps", "the last 200 steps", "steps 10 to 60", and axes that are
 * not linear. */
static void put_shown(const struct watch_view *view, char *out, size_t size)
{
    const struct watch_window *window = &view->window;
    struct watch_steps steps = watch_window_steps(window, watch_extent(view));
    char what[64] = "all steps";
    if (window->kind == WATCH_LAST)
        snprintf(what, sizeof what, "the last %lld steps", (long long)window->steps);
    else if (window->kind == WATCH_BETWEEN)
        snprintf(what, sizeof what, "steps %lld to %lld", (long long)steps.from,
                 (long long)steps.to);
    snprintf(out, size, "%s%s", what,
             window->log_x && window->log_y ? " · both log"
             : window->log_x                ? " · log steps"
             : window->log_y                ? " · log values"
                                            : "");
}

/* The cross-hair's step, or what --best would take. */
static void put_note(const struct app *app, const struct watch_view *view, char *out, size_t size)
{
    const struct watch_best *best = &view->best;
    out[0] = '\0';
    long long cross = view->window.cross;
    if (view->window.crossed && view->numbers.step < 0)
        snprintf(out, size, "at step %lld, which %.64s has not: Esc ends it", cross,
                 path_last(view->job->path));
    else if (view->window.crossed && view->numbers.step < cross)
        snprintf(out, size, "at step %lld, of which the last line is %lld's: Esc ends it", cross,
                 (long long)view->numbers.step);
    else if (view->window.crossed)
        snprintf(out, size, "at step %lld: Esc ends it", cross);
    else if (!job_kind_of(app->session.run->job)->weights)
        return;
    else if (best->known && best->step > 0)
        snprintf(out, size, "best checkpoint%s: step %lld, evaluation %.4f",
                 best->kept ? "" : " (gone)", (long long)best->step, best->loss);
    else if (best->known)
        snprintf(out, size, "best checkpoint: none has an evaluation yet");
    else
        snprintf(out, size, "best checkpoint: n/a");
}

static void draw_note(struct app *app, const struct watch_view *view, struct area area)
{
    char note[160], shown[96];
    struct style style = theme_style(&app->theme, view->window.crossed ? THEME_ACCENT : THEME_TEXT);
    put_note(app, view, note, sizeof note);
    put_shown(view, shown, sizeof shown);
    if (text_columns(note) + text_columns(shown) + 2 > area.width)
        snprintf(shown, sizeof shown, "%s", ""); /* the axis has it, too */
    area_label(area, 0, 0, area.width, style, note);
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_DIM), shown);
}

/* --- texts --- */

/* A text that the model wrote, and at which step. */
static void draw_sample(struct app *app, const struct watch_view *view, struct area area)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    bool reads = view->text == WATCH_TEXT_SAMPLES;
    if (!view->sample && !job_kind_of(view->job->job)->samples)
        return;
    if (!view->sample) {
        area_label(area, 0, 0, area.width, dim,
                   job_follow_lives(view->job)
                       ? "a sample of the model so far comes with each evaluation"
                       : "there is no sample: one would have come with each evaluation");
        return;
    }
    int x = area_print(area, 0, 0, dim,
                       "the model %s, step %lld:", view->sample_held ? "then" : "so far",
                       (long long)view->sample_step);
    if (reads && x + 28 <= area.width)
        area_put_right(area, 0, 0, dim, "k earlier  j later  Esc ends");
    struct flow flow = {area_part(area, 0, 1, area.width, area.height - 1), 0, 0};
    flow_put(&flow, theme_style(&app->theme, THEME_TEXT), view->sample, strlen(view->sample));
    flow_mark_cut(&flow, dim);
}

/* The log's lines up to the one that was scrolled to, warnings and errors in their colours and with
 * a sign before them, for terminals that have none. */
static void draw_log(struct app *app, const struct watch_view *view, struct area area)
{
    static const enum theme_role roles[] = {[LOG_LINE] = THEME_TEXT,
                                            [LOG_STEP] = THEME_DIM,
                                            [LOG_WARNING] = THEME_WARNING,
                                            [LOG_ERROR] = THEME_ERROR};
    const struct job_log *log = &view->log;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    char line[LOG_LINE_MAX];
    size_t rows = area.height > 1 ? (size_t)area.height - 1 : 0;
    size_t back = view->log_back < log->count ? view->log_back : 0, end = log->count - back;
    size_t first = end > rows ? end - rows : 0;
    if (log->trouble[0] || log->count == 0) {
        area_label(area, 0, 0, area.width, dim,
                   log->trouble[0] ? log->trouble
                                   : "the log is empty: a job in a terminal has "
                                     "none, as it speaks there");
        return;
    }
    if (back > 0)
        area_print(area, 0, 0, dim, "log, %zu line%s further down", back, back == 1 ? "" : "s");
    else
        area_put(area, 0, 0, dim, log->cut ? "log, its end" : "log");
    area_put_right(area, 0, 0, dim, "j k scroll  Esc ends");
    for (size_t i = first; i < end; i++) {
        enum job_log_kind kind = job_log_line(log, i, line);
        struct style style = theme_style(&app->theme, roles[kind]);
        int y = 1 + (int)(i - first);
        if (kind >= LOG_WARNING)
            area_put(area, 0, y, style, kind == LOG_ERROR ? "✗" : "!");
        area_label(area, 2, y, area.width - 2, style, line);
    }
}

/* --- all of it --- */

/* How a run that has ended after at least one step becomes a model; "" where it does not. */
static void put_end(const struct job_follow *run, char *out, size_t size)
{
    int64_t step = 0;
    out[0] = '\0';
    json_get_int64(run->result, "last_step", &step);
    if (run->state == JOB_ENDED && step > 0 && job_kind_of(run->job)->weights)
        snprintf(out, size,
                 "spectrum export %s -o DIR (E) makes %s of it; e evaluates, y prompts, v lists, M "
                 "adds steps",
                 run->path,
                 finish_has_adapters(run)
                     ? "a PEFT folder, or with --merge a complete Hugging Face folder"
                     : "a complete Hugging Face folder");
}

/* What of it takes rows, for the layout; `words` is the state, reason and end get their texts. */
static struct watch_known known_of(const struct watch_view *view, int width, const char *words,
                                   char reason[ERROR_TEXT_MAX], char end[ERROR_TEXT_MAX])
{
    const char *found = long_reason(words, width);
    snprintf(reason, ERROR_TEXT_MAX, "%s", found ? found : "");
    put_end(view->job, end, ERROR_TEXT_MAX);
    bool works = view->text == WATCH_TEXT_LAST && view->finish.job;
    bool runs = view->text == WATCH_TEXT_LAST && view->runs->count > 0;
    if (works || runs) /* it is known by then */
        end[0] = '\0';
    return (struct watch_known){.reason_rows = flow_words_rows(reason, width),
                                .end_rows = flow_words_rows(end, width),
                                .table = !isnan(view->numbers.planned[0]),
                                .device = view->has_device,
                                .use = view->has_use,
                                .curves = has_curves(view->job),
                                .samples = has_samples(view),
                                .text_rows = runs ? view->runs->count + 2 : 0,
                                .reads = view->text != WATCH_TEXT_LAST || works};
}

static void draw_plots(struct app *app, const struct watch_view *view, struct area area,
                       const struct watch_layout *layout)
{
    static const enum watch_part panels[] = {WATCH_RATE, WATCH_NORM, WATCH_SPEED, WATCH_USE};
    struct area large = part(area, layout, WATCH_MAIN);
    if (view->memory)
        watch_draw_memory(app, view, large, true);
    else
        watch_draw_loss(app, view, large);
    for (size_t i = 0; i < sizeof panels / sizeof *panels; i++)
        watch_draw_panel(app, view, panels[i], part(area, layout, panels[i]));
    watch_draw_memory(app, view, part(area, layout, WATCH_MEMORY), false);
    watch_draw_device(app, view, part(area, layout, WATCH_DEVICE));
}

void watch_draw(struct app *app, void *state, struct area area)
{
    const struct watch_view *view = state;
    const struct theme *theme = &app->theme;
    char words[ERROR_TEXT_MAX], reason[ERROR_TEXT_MAX], end[ERROR_TEXT_MAX];
    job_follow_describe(view->job, words, sizeof words);
    struct watch_known known = known_of(view, area.width, words, reason, end);
    struct watch_layout layout = watch_layout(area.width, area.height, &known);

    draw_head(app, part(area, &layout, WATCH_HEAD));
    draw_progress(app, part(area, &layout, WATCH_STATE), words);
    flow_words(part(area, &layout, WATCH_REASON), theme_style(theme, state_role(view->job)),
               reason);
    if (known.curves) {
        draw_plots(app, view, area, &layout);
        watch_draw_table(app, view, part(area, &layout, WATCH_TABLE));
        draw_note(app, view, part(area, &layout, WATCH_NOTE));
    }
    if (view->text == WATCH_TEXT_LOG)
        draw_log(app, view, part(area, &layout, WATCH_TEXT));
    else if (view->text == WATCH_TEXT_MADE)
        watch_draw_made(app, view, part(area, &layout, WATCH_TEXT));
    else if (view->text == WATCH_TEXT_LAST && view->finish.job)
        watch_draw_finish(app, view, part(area, &layout, WATCH_TEXT));
    else if (view->text == WATCH_TEXT_LAST && view->runs->count > 0)
        watch_draw_runs(app, view, part(area, &layout, WATCH_TEXT));
    else
        draw_sample(app, view, part(area, &layout, WATCH_TEXT));
    flow_words(part(area, &layout, WATCH_END), theme_style(theme, THEME_ACCENT), end);
}
