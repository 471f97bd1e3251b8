#include "tui/screen/watch_draw.h"

#include "base/memory.h"
#include "tui/app/units.h"
#include "tui/screen/memory_bars.h"
#include "tui/widget/flow.h"
#include "tui/widget/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATE_BESIDE = 26, /* the step, beside a state */
    SIDE_COLUMNS = 34,
    NUMBER_ROWS = 8
};

/* --- state, progress --- */

static enum theme_role state_role(const struct job_follow *run)
{
    const char *status = "";
    json_get_string(run->result, "status", &status);
    if (run->state == JOB_DIED || strcmp(status, "killed") == 0 || strcmp(status, "failed") == 0)
        return THEME_ERROR;
    return run->state == JOB_PAUSED || run->state == JOB_ELSEWHERE ? THEME_WARNING : THEME_GOOD;
}

static double seconds_left(const struct job_follow *run, double step, double steps)
{
    double seconds = job_follow_last(run, "step_s");
    return job_follow_lives(run) && steps > step ? (steps - step) * seconds : NAN;
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

static void draw_progress(struct app *app, struct area area, bool reason)
{
    const struct job_follow *run = app->session.run;
    char state[ERROR_TEXT_MAX], left[32] = "", right[96];
    double step = (double)job_metrics_last_step(&run->metrics), steps = NAN;
    job_follow_number(run, "steps", &steps);
    job_follow_describe(run, state, sizeof state);
    if (reason)
        *strstr(state, ": ") = '\0';
    seconds_put(seconds_left(run, step, steps), left, sizeof left);
    if (isnan(steps))
        snprintf(right, sizeof right, "step %.0f", step < 0 ? 0 : step);
    else
        snprintf(right, sizeof right, "step %.0f of %.0f%s%s%s", step < 0 ? 0 : step, steps,
                 job_follow_lives(run) ? " · " : "", job_follow_lives(run) ? left : "",
                 job_follow_lives(run) ? " left" : "");
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

/* The points of one kind: steps into x, values into y; both hold metrics.count. */
static size_t collect(const struct job_metrics *metrics, enum job_line_kind kind, double *x,
                      double *y)
{
    size_t count = 0;
    for (size_t i = 0; i < metrics->count; i++) {
        const struct job_line *line = &metrics->lines[i];
        if (line->kind != kind || line->step < 0 || isnan(line->value))
            continue;
        x[count] = (double)line->step;
        y[count++] = line->value;
    }
    return count;
}

static void draw_loss(struct app *app, struct area area, bool logarithmic)
{
    const struct job_metrics *metrics = &app->session.run->metrics;
    double *numbers = array_alloc(metrics->count, 4 * sizeof *numbers, NULL);
    if (!numbers)
        return;
    double *x = numbers, *y = x + metrics->count, *eval_x = y + metrics->count,
           *eval_y = eval_x + metrics->count;
    size_t count = collect(metrics, JOB_LINE_TRAINING, x, y);
    size_t eval_count = collect(metrics, JOB_LINE_EVALUATION, eval_x, eval_y);
    const struct plot_series series[] = {
        {"training", PLOT_LINE, THEME_SERIES, count, x, y},
        {"evaluation", PLOT_LINE, THEME_SERIES_OTHER, eval_count, eval_x, eval_y},
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

static void draw_memory(struct app *app, struct area area)
{
    const struct job_metrics *metrics = &app->session.run->metrics;
    uint64_t bytes[MEMORY_CATEGORIES] = {0}, total = 0;
    const cJSON *last = json_get(job_metrics_last_with(metrics, "memory_bytes"), "memory_bytes");
    for (int i = 0; i < MEMORY_CATEGORIES; i++) {
        int64_t value = 0;
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

/* What trains, as the trainer itself counted it behind its first step. */
struct proof_sums {
    int64_t adapters, tensors; /* an adapter is two tensors, A and B, counted at B */
    double parameters;         /* hostile numbers add up to more than an int64_t holds */
    bool alive;
};

/* B begins as zero, so that A gets no gradient in the step of the first proof. */
static void add_proof(struct proof_sums *sums, const cJSON *tensor, bool first)
{
    const char *name = tensor->string ? tensor->string : ""; /* a list's items have none */
    bool a = strstr(name, ".lora_A.") != NULL, b = strstr(name, ".lora_B.") != NULL;
    int64_t some;
    double norm;
    sums->adapters += b;
    sums->tensors += !a && !b;
    sums->parameters += json_get_int64(tensor, "parameters", &some) ? (double)some : 0;
    sums->alive &= (a && first) || !json_get_double(tensor, "gradient_norm", &norm) || norm > 0;
}

/* "trains 56 adapters, 3 tensors, 1.2M parameters" */
static void put_proof(const cJSON *proof, char *out, size_t size)
{
    const cJSON *tensor;
    struct proof_sums sums = {.alive = true};
    int64_t step = 0;
    json_get_int64(proof, "step", &step);
    cJSON_ArrayForEach(tensor, json_get(proof, "trained"))
    {
        add_proof(&sums, tensor, step == 1);
    }
    char count[32], adapters[48] = "", tensors[48] = "";
    count_put(sums.parameters, count, sizeof count);
    if (sums.adapters > 0)
        snprintf(adapters, sizeof adapters, "%lld adapter%s, ", (long long)sums.adapters,
                 sums.adapters == 1 ? "" : "s");
    if (sums.tensors > 0 || sums.adapters == 0)
        snprintf(tensors, sizeof tensors, "%lld tensor%s, ", (long long)sums.tensors,
                 sums.tensors == 1 ? "" : "s");
    snprintf(out, size, "trains %s%s%s parameters%s", adapters, tensors, count,
             sums.alive ? "" : "; some get no gradient");
}

static void draw_path(struct app *app, struct area area)
{
    const struct job_follow *run = app->session.run;
    char proof[256] = "";
    if (run->proof)
        put_proof(run->proof, proof, sizeof proof);
    area_label(area, 0, 0, area.width - text_columns(proof) - 2,
               theme_style(&app->theme, THEME_DIM), run->path);
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_TEXT), proof);
}

/* A run that has ended with a step behind it can be taken out as a model. */
static bool put_export(const struct job_follow *run, char *out, size_t size)
{
    const char *command = "", *name = "";
    int64_t step = 0;
    json_get_string(run->job, "command", &command);
    json_get_int64(run->result, "last_step", &step);
    json_get_string(run->job, "method", &name);
    enum training_method method = method_by_name(name);
    bool adapters = method != METHOD_COUNT && method_info(method)->adapters;
    snprintf(out, size, "spectrum export %s -o DIR makes %s of it", run->path,
             adapters ? "a PEFT folder, or with --merge a complete Hugging Face folder"
                      : "a complete Hugging Face folder");
    return run->state == JOB_ENDED && step > 0 && strcmp(command, "train") == 0;
}

void watch_draw(struct app *app, void *state, struct area area)
{
    const struct watch_view *view = state;
    char export[512];
    if (put_export(app->session.run, export, sizeof export))
        area.height -= flow_words(
            area_part(area, 0, area.height - flow_words_rows(export, area.width), area.width, 3),
            theme_style(&app->theme, THEME_ACCENT), export);
    draw_path(app, area_part(area, 0, 0, area.width, 1));
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
