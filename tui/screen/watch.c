/* A training job, live: what it does, and asking it to pause, save or stop.
 *
 *     runs/model-1                                  trains 14 tensors, 1.1M parameters
 *     ● running                                     step 31 of 60 · 12 s left
 *     ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄──────────────────────────────────────────
 *     loss            ● training ● evaluation       loss           2.8119
 *          │ ⠑⢄                                     evaluation     2.9404
 *          │    ⠑⠒⠤⠤⢄⣀⣀                             tokens/s       3711.5
 *          └────────────┴────────                   ...
 *                      20     step                  memory 95.1 MiB
 *     the model so far, step 20:                    weights     12.8 MiB ███
 *     Once upon a time ...
 *
 * Whatever is shown was written by the job into its folder, and may be anything: numbers are n/a
 * where they cannot be read, a reason that is too long for its line gets lines of its own. The
 * screen asks for things (steer.h) and shows what comes of them; it changes nothing itself.
 */
#include "base/memory.h"
#include "job/job_kind.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/steer.h"
#include "tui/session/wording.h"
#include "tui/widget/flow.h"
#include "tui/widget/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watch_view {
    bool logarithmic; /* the loss axis */
    bool stop_asked;  /* stopping is asked twice */
    /* And so is resuming what somebody else may have asked for: the key of what was shown, or "".
     */
    char trust_asked[DIGEST_TEXT_SIZE];
};

enum {
    STATE_BESIDE = 26, /* the step, beside a state */
    SIDE_COLUMNS = 34,
    NUMBER_ROWS = 8
};

/* --- state, progress --- */

/* Red for an end that nobody asked for, yellow for what waits or is elsewhere, green for all else.
 */
static enum theme_role state_role(const struct job_follow *run)
{
    const char *status = "";
    json_get_string(run->result, "status", &status);
    if (run->state == JOB_DIED || strcmp(status, "killed") == 0 || strcmp(status, "failed") == 0)
        return THEME_ERROR;
    return run->state == JOB_PAUSED || run->state == JOB_ELSEWHERE ? THEME_WARNING : THEME_GOOD;
}

/* A state that is too long for the line of the progress, as the reason of a failure is: whole, on
 * lines of its own. Returns how many those are; the first word or two stay in the line. */
static int draw_reason(struct app *app, struct area area)
{
    const struct job_follow *run = app->session.run;
    char state[ERROR_TEXT_MAX];
    job_follow_describe(run, state, sizeof state);
    const char *reason = strstr(state, ": ");
    if (!reason || text_columns(state) <= area.width - STATE_BESIDE)
        return 0;
    int rows = flow_words(area, theme_style(&app->theme, state_role(run)), reason + 2);
    return rows < area.height ? rows : area.height;
}

/* "● running      step 31 of 60 · 12 s left" and a bar below it. What is left is the last step's
 * time for each step to come; a job that does not live has nothing left. */
static void draw_progress(struct app *app, struct area area, bool reason)
{
    const struct job_follow *run = app->session.run;
    char state[ERROR_TEXT_MAX], left[32] = "", right[96];
    double step = (double)job_metrics_last_step(&run->metrics), steps = NAN;
    job_follow_number(run, "steps", &steps);
    job_follow_describe(run, state, sizeof state);
    if (reason)
        *strstr(state, ": ") = '\0';
    bool lives = job_follow_lives(run);
    seconds_put(lives && steps > step ? (steps - step) * job_follow_last(run, "step_s") : NAN, left,
                sizeof left);
    if (isnan(steps))
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

/* --- the loss --- */

/* Both curves from the lines that are kept of the history (job/metrics.h keeps at most two million,
 * of older ones the extremes): x is the step, y the loss of it. */
static void draw_loss(struct app *app, struct area area, bool logarithmic)
{
    const struct job_metrics *metrics = &app->session.run->metrics;
    double *numbers = array_alloc(metrics->count, 4 * sizeof *numbers, NULL);
    if (!numbers)
        return;
    double *x = numbers, *y = x + metrics->count, *eval_x = y + metrics->count,
           *eval_y = eval_x + metrics->count;
    size_t count = 0, eval_count = 0;
    for (size_t i = 0; i < metrics->count; i++) {
        const struct job_line *line = &metrics->lines[i];
        if (line->step < 0 || isnan(line->value))
            continue;
        if (line->kind == JOB_LINE_TRAINING) {
            x[count] = (double)line->step;
            y[count++] = line->value;
        } else if (line->kind == JOB_LINE_EVALUATION) {
            eval_x[eval_count] = (double)line->step;
            eval_y[eval_count++] = line->value;
        }
    }
    const struct plot_series series[] = {
        {.name = "training", .look.role = THEME_SERIES, .count = count, .x = x, .y = y},
        {.name = "evaluation",
         .look.role = THEME_SERIES_OTHER,
         .count = eval_count,
         .x = eval_x,
         .y = eval_y},
    };
    const struct plot plot = {.x_title = "step",
                              .y_title = "loss",
                              .series = series,
                              .series_count = 2,
                              .log_y = logarithmic};
    plot_draw(area, &app->theme, &plot);
    free(numbers);
}

/* --- numbers at the side --- */

/* A label, and the number in column 15; n/a where no line has it. */
static void put_number(struct app *app, struct area area, int y, const char *label, const char *key,
                       const char *format)
{
    char text[48] = "n/a";
    double value = job_follow_last(app->session.run, key);
    if (!isnan(value))
        snprintf(text, sizeof text, format, value);
    area_put(area, 0, y, theme_style(&app->theme, THEME_DIM), label);
    area_put(area, 15, y, theme_style(&app->theme, THEME_TEXT), text);
}

/* Each from the last line of metrics that has it; the sum of tokens only where there is a row for
 * it. */
static void draw_numbers(struct app *app, struct area area)
{
    put_number(app, area, 0, "loss", "loss", "%.4f");
    put_number(app, area, 1, "evaluation", "eval_loss", "%.4f");
    put_number(app, area, 2, "tokens/s", "tokens_per_s", "%.1f");
    put_number(app, area, 3, "learning rate", "lr", "%.3g");
    put_number(app, area, 4, "gradient norm", "grad_norm", "%.3g");
    put_number(app, area, 5, "step", "step_s", "%.2f s");
    if (area.height >= NUMBER_ROWS + 1 + MEMORY_CATEGORIES)
        put_number(app, area, 6, "tokens", "tokens", "%.0f");
}

/* What the job said last that it takes, by category; the sum is the line above the bars. */
static void draw_memory(struct app *app, struct area area)
{
    const struct job_metrics *metrics = &app->session.run->metrics;
    uint64_t bytes[MEMORY_CATEGORIES] = {0}, total = 0;
    const cJSON *last = json_get(job_metrics_last_with(metrics, "memory_bytes"), "memory_bytes");
    for (int i = 0; i < MEMORY_CATEGORIES; i++) {
        int64_t value = 0; /* a category that is missing, or negative, counts as none */
        json_get_int64(last, memory_category_name((enum memory_category)i), &value);
        bytes[i] = value > 0 ? (uint64_t)value : 0;
        total += bytes[i];
    }
    char text[32];
    bytes_put((double)total, text, sizeof text);
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "memory %s", last ? text : "n/a");
    if (last)
        memory_bars_draw(area_part(area, 0, 1, area.width, area.height - 1), &app->theme, bytes);
}

/* --- the text --- */

/* The last text that the model wrote, and at which step; it breaks at the area's edge as it comes.
 */
static void draw_sample(struct app *app, struct area area)
{
    const struct job_metrics *metrics = &app->session.run->metrics;
    const cJSON *line = job_metrics_last_with(metrics, "text");
    const char *text = NULL;
    int64_t step = -1;
    json_get_string(line, "text", &text);
    json_get_int64(line, "step", &step);
    struct style dim = theme_style(&app->theme, THEME_DIM);
    if (!text) {
        area_put(area, 0, 0, dim, "a sample of the model so far comes with each evaluation");
        return;
    }
    area_print(area, 0, 0, dim, "the model so far, step %lld:", (long long)step);
    struct flow flow = {area_part(area, 0, 1, area.width, area.height - 1), 0, 0};
    flow_put(&flow, theme_style(&app->theme, THEME_TEXT), text, strlen(text));
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

/* From above: the job and what it trains, its state and progress, the reason of a failure where
 * that is too long for the line; then the loss beside the numbers; the last sample at the bottom,
 * with more of it in a higher window; and below all, how a run that has ended becomes a model. */
static void watch_draw(struct app *app, void *state, struct area area)
{
    const struct watch_view *view = state;
    const struct job_follow *run = app->session.run;
    char export[512], proof[256] = "";
    /* A run that has ended after at least one step can be exported as a model. */
    const char *name = "";
    int64_t step = 0;
    json_get_string(run->job, "method", &name);
    json_get_int64(run->result, "last_step", &step);
    enum training_method method = method_by_name(name);
    bool adapters = method != METHOD_COUNT && method_info(method)->adapters;
    snprintf(export, sizeof export, "spectrum export %s -o DIR makes %s of it", run->path,
             adapters ? "a PEFT folder, or with --merge a complete Hugging Face folder"
                      : "a complete Hugging Face folder");
    if (run->state == JOB_ENDED && step > 0 && job_kind_of(run->job)->weights)
        area.height -= flow_words(
            area_part(area, 0, area.height - flow_words_rows(export, area.width), area.width, 3),
            theme_style(&app->theme, THEME_ACCENT), export);
    if (run->proof)
        put_proof(run->proof, proof, sizeof proof);
    area_label(area, 0, 0, area.width - text_columns(proof) - 2,
               theme_style(&app->theme, THEME_DIM), run->path);
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_TEXT), proof);
    int reason = draw_reason(app, area_part(area, 0, 3, area.width, 5));
    draw_progress(app, area_part(area, 0, 1, area.width, 2), reason > 0);
    int top = 3 + reason;
    int sample = area.height >= 34 ? 9 : area.height >= 19 ? 4 : 2;
    int middle = area.height - top - 1 - sample, left = area.width - SIDE_COLUMNS - 2;
    struct area side = area_part(area, left + 2, top, SIDE_COLUMNS, middle);
    draw_loss(app, area_part(area, 0, top, left, middle), view->logarithmic);
    draw_numbers(app, side);
    int numbers = middle >= NUMBER_ROWS + 1 + MEMORY_CATEGORIES ? NUMBER_ROWS : NUMBER_ROWS - 2;
    draw_memory(app, area_part(side, 0, numbers, side.width, middle - numbers));
    draw_sample(app, area_part(area, 0, area.height - sample, area.width, sample));
}

/* --- asking --- */

/* Done, or why not; the view looks again at once. */
static void ask(struct app *app, enum steering what, const struct steer_how *how)
{
    struct error err = ERROR_INIT;
    char said[ERROR_TEXT_MAX];
    if (steer(app->session.run, what, how, said, sizeof said, &err) != 0)
        app_error(app, &err);
    else
        app_message(app, "%s", said);
}

/* Asked first; the same key again is a yes. What cannot be is said at once. */
static void stop(struct app *app, struct watch_view *view, bool asked)
{
    struct error err = ERROR_INIT;
    char question[ERROR_TEXT_MAX];
    if (asked) {
        ask(app, STEER_STOP, NULL);
    } else if (steer_check(app->session.run, STEER_STOP, NULL, &err) != 0) {
        app_error(app, &err);
    } else {
        steer_question(app->session.run, STEER_STOP, question, sizeof question);
        app_message(app, "%s", question);
        view->stop_asked = true;
    }
}

/* Where the job may be somebody else's, what it reads is shown first, and the same key again says
 * yes. */
static void resume(struct app *app, struct watch_view *view)
{
    struct job_follow *run = app->session.run;
    struct buffer text = BUFFER_INIT;
    bool shown = view->trust_asked[0] != '\0';
    if (!shown && !job_follow_lives(run) && steer_check(run, STEER_RESUME, NULL, NULL) == 0 &&
        steer_trust(run, view->trust_asked, &text)) {
        app_message(app, "resume it? the same key again does; it %s", buffer_string(&text));
    } else {
        ask(app, STEER_RESUME, &(struct steer_how){.trusted = shown ? view->trust_asked : NULL});
        view->trust_asked[0] = '\0';
    }
    buffer_free(&text);
}

/* Asking twice, to stop or to resume what is not one's own, is this view's own affair: any other
 * key takes the question back. */
static bool watch_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct watch_view *view = state;
    (void)argument;
    bool stop_asked = view->stop_asked; /* any other key takes the question back */
    view->stop_asked = false;
    if (request != REQUEST_RESUME)
        view->trust_asked[0] = '\0';
    switch (request) {
    case REQUEST_PAUSE:
        ask(app, steer_pause_key(app->session.run), NULL);
        return true;
    case REQUEST_CHECKPOINT:
        ask(app, STEER_CHECKPOINT, NULL);
        return true;
    case REQUEST_STOP:
        stop(app, view, stop_asked);
        return true;
    case REQUEST_RESUME:
        resume(app, view);
        return true;
    case REQUEST_LOGARITHM:
        view->logarithmic = !view->logarithmic;
        return true;
    default:
        return false;
    }
}

static const struct view_class watch_class = {
    .name = "job",
    .scope = SCOPE_WATCH,
    .close = free,
    .draw = watch_draw,
    .request = watch_request,
};

bool screen_open_watch(struct app *app)
{
    if (!app->session.run) {
        app_message(app, "no job was started or opened here: t starts one");
        return false;
    }
    return app_push(app, &watch_class, array_alloc(1, sizeof(struct watch_view), NULL));
}
