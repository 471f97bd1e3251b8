#include "tui/cli/job_view.h"

#include "base/text.h"
#include "tui/session/wording.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* --- lines --- */

/* Text of a folder that may be anyone's, for a terminal. */
static void put_plain(struct buffer *out, int width, const char *text)
{
    struct buffer plain = BUFFER_INIT;
    buffer_text(&plain, text);
    if (plain.data)
        utf8_sanitize(plain.data);
    buffer_format(out, "%-*s", width, buffer_string(&plain));
    buffer_free(&plain);
}

/* After the state how far one is that lives, and what every run has evaluated last, and best: " at
 * step 31 of 60 (evaluating 7/20), 12 s left, evaluation 2.1042, best 2.0971". */
static void put_progress(struct buffer *out, const struct job_facts *facts,
                         const struct job_best *best)
{
    bool rows = facts->kind->rows;
    double last = isnan(facts->evaluation) ? job_best_last(best) : facts->evaluation;
    char left[32];
    if (facts->lives && facts->done >= 0) {
        buffer_format(out, rows ? " at %" PRId64 : " at step %" PRId64, facts->done);
        if (facts->total >= 0)
            buffer_format(out, " of %" PRId64 "%s", facts->total, rows ? " matrices" : "");
    }
    if (facts->phase[0] && strcmp(facts->phase, "training") != 0)
        buffer_format(out, " (%s)", facts->phase);
    seconds_put(facts->seconds_left, left, sizeof left);
    if (isfinite(facts->seconds_left))
        buffer_format(out, ", %s left", left);
    if (isfinite(last))
        buffer_format(out, ", evaluation %.4f", last);
    if (isfinite(last) && job_best_loss(best) < last)
        buffer_format(out, ", best %.4f", job_best_loss(best));
}

/* A scan's folder does not say whose it is, so its model follows. */
void job_view_put_lines(struct buffer *out, const struct job_follow *job,
                        const struct job_best *best)
{
    const char *model = "", *command = "";
    char state[ERROR_TEXT_MAX];
    struct job_facts facts = {.best = NAN};
    json_get_string(job->job, "command", &command);
    job_follow_describe(job, state, sizeof state);
    job_facts_take(&facts, job);
    buffer_format(out, "%-9s ", job_state_name(job->state));
    put_plain(out, 6, command);
    buffer_byte(out, ' ');
    put_plain(out, 0, job->path);
    buffer_format(out, "\n          %s", state);
    put_progress(out, &facts, best);
    if (job_follow_is_scan(job) && json_get_string(job->job, "model", &model)) {
        buffer_text(out, ", ");
        put_plain(out, 0, model);
    }
    buffer_byte(out, '\n');
}

/* --- JSON --- */

void job_view_put_path(struct json_writer *json, const char *key, const char *path)
{
    struct buffer plain = BUFFER_INIT;
    buffer_text(&plain, path);
    if (plain.data && !utf8_valid(plain.data, plain.length))
        utf8_sanitize(plain.data);
    json_text(json, key, buffer_string(&plain));
    buffer_free(&plain);
}

static void put_number(struct json_writer *json, const char *key, double value)
{
    if (isfinite(value))
        json_real(json, key, value);
    else
        json_null(json, key);
}

static void put_count(struct json_writer *json, const char *key, int64_t value)
{
    if (value >= 0)
        json_integer(json, key, value);
    else
        json_null(json, key);
}

/* `evaluation`: the last one, where the end of the metrics has none; NaN: it is not known. */
static void put_members(struct json_writer *json, const struct job_follow *job, double evaluation)
{
    const char *model = NULL, *command = NULL, *method = NULL;
    char state[ERROR_TEXT_MAX];
    struct job_facts facts = {.best = NAN};
    job_facts_take(&facts, job);
    json_get_string(job->job, "command", &command);
    job_follow_describe(job, state, sizeof state);
    json_get_string(job->job, "model", &model);
    json_get_string(job->job, "method", &method);
    job_view_put_path(json, "job", job->path);
    json_text(json, "state", job_state_name(job->state));
    job_view_put_path(json, "text", state);
    json_text(json, "phase", facts.phase[0] ? facts.phase : NULL);
    json_text(json, "command", command);
    json_text(json, "model", model);
    put_count(json, "step", job_metrics_last_step(&job->metrics));
    if (facts.kind->rows && facts.done >= 0) {
        json_integer(json, "matrices", facts.done);
        json_integer(json, "matrices_total", facts.total);
    }
    put_count(json, "steps", facts.kind->rows ? -1 : facts.total);
    json_text(json, "method", method);
    put_number(json, "seconds_left", facts.seconds_left);
    put_number(json, "loss", facts.loss);
    put_number(json, "eval_loss", isnan(facts.evaluation) ? evaluation : facts.evaluation);
    put_count(json, "began", facts.began);
}

void job_view_put_members(struct json_writer *json, const struct job_follow *job)
{
    put_members(json, job, NAN);
}

void job_view_put_all(struct json_writer *json, const struct job_follow *job,
                      const struct job_best *best)
{
    put_members(json, job, job_best_last(best));
    put_number(json, "best_eval_loss", job_best_loss(best));
}
