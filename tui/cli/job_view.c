#include "tui/cli/job_view.h"

#include "base/decimal.h"
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

/* What the state's text says beyond its first word, which stands in the line above: of "failed: no
 * space" "no space", of "paused" nothing. */
static const char *after_word(const char *text, const char *word)
{
    static const char *const joints[] = {": ", " at ", "; "};
    size_t length = strlen(word);
    if (strcmp(text, word) == 0)
        return "";
    for (size_t i = 0; i < sizeof joints / sizeof *joints; i++)
        if (strncmp(text, word, length) == 0 &&
            strncmp(text + length, joints[i], strlen(joints[i])) == 0)
            return text + length + strlen(joints[i]);
    return text; /* "killed by signal 9 (Killed) at step 3" */
}

/* Behind what its state's text says (`text`, which is "" for most) how far one is, and what every run
 * has evaluated last, and best: "step 31 of 60 (evaluating 7/20), 12 s left, evaluation 2.1042, best
 * 2.0971". */
static void put_progress(struct buffer *out, const struct job_facts *facts, const char *text,
                         const struct job_best *best)
{
    bool rows = facts->kind->rows;
    double last = isnan(facts->evaluation) ? job_best_last(best) : facts->evaluation;
    char left[48], loss[32];
    /* "step 2" alone, of one that ended, is said with the total */
    bool far =
        facts->done >= 0 && (facts->lives || strspn(text, "step 0123456789") == strlen(text));
    const char *comma = far || text[0] ? ", " : "";
    if (!far || facts->lives)
        put_plain(out, 0, text);
    if (far) {
        buffer_format(out, "%s%s%s", facts->lives && text[0] ? ", " : "", rows ? "" : "step ",
                      decimal_text(facts->done).text);
        if (facts->total >= 0)
            buffer_format(out, " of %s%s", decimal_text(facts->total).text,
                          rows ? " matrices" : "");
    }
    if (facts->phase[0] && strcmp(facts->phase, "training") != 0)
        buffer_format(out, "%s(%s)", comma[0] ? " " : "", facts->phase);
    comma = comma[0] || facts->phase[0] ? ", " : "";
    job_left_put(&facts->left, "at least ", left, sizeof left);
    if (isfinite(facts->left.seconds))
        buffer_format(out, "%s%s left", comma, left);
    loss_put(last, loss, sizeof loss);
    if (isfinite(last))
        buffer_format(out, "%sevaluation %s", comma, loss);
    loss_put(job_best_loss(best), loss, sizeof loss);
    if (isfinite(last) && job_best_loss(best) < last)
        buffer_format(out, ", best %s", loss);
}

/* "running     train    /runs/first", and below it who trains a launched run ("fsdp2 x 2"), how far it
 * is and what came of it. A scan's folder does not say whose it is, so its model follows, and of
 * another tool's run the tool and its log. */
void job_view_put_lines(struct buffer *out, const struct job_follow *job,
                        const struct job_best *best)
{
    const char *model = "", *command = "";
    char state[ERROR_TEXT_MAX];
    struct job_facts facts = {.best = NAN};
    struct buffer line = BUFFER_INIT, progress = BUFFER_INIT;
    json_get_string(job->job, "command", &command);
    job_follow_describe(job, state, sizeof state);
    job_facts_take(&facts, job);
    put_plain(out, 11, facts.word);
    buffer_byte(out, ' ');
    put_plain(out, 8, command);
    buffer_byte(out, ' ');
    put_plain(out, 0, job->path);
    if (facts.engine[0])
        put_plain(&line, 0, facts.engine);
    const char *comma = facts.engine[0] ? ", " : "";
    put_progress(&progress, &facts, after_word(state, facts.word), best);
    if (progress.length > 0)
        buffer_format(&line, "%s%s", comma, buffer_string(&progress));
    buffer_free(&progress);
    if (job_follow_is_scan(job) && json_get_string(job->job, "model", &model)) {
        buffer_text(&line, line.length ? ", " : "");
        put_plain(&line, 0, model);
    }
    if (facts.tool[0]) {
        char place[ERROR_TEXT_MAX];
        job_follow_place(job, place, sizeof place);
        buffer_format(&line, "%s%s", line.length ? ", " : "", place);
    }
    if (line.length > 0)
        buffer_format(out, "\n            %s", buffer_string(&line));
    buffer_byte(out, '\n');
    buffer_free(&line);
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
    static const char *const foreign[] = {"tool", "log", "run"};
    const char *model = NULL, *command = NULL, *method = NULL, *engine = NULL;
    int64_t processes = -1, nodes = 1;
    char state[ERROR_TEXT_MAX];
    struct job_facts facts = {.best = NAN};
    job_facts_take(&facts, job);
    json_get_string(job->job, "command", &command);
    job_follow_describe(job, state, sizeof state);
    json_get_string(job->job, "model", &model);
    json_get_string(job->job, "method", &method);
    json_get_string(job->job, "engine", &engine);
    json_get_int64(job->job, "processes", &processes);
    json_get_int64(job->job, "nodes", &nodes);
    job_view_put_path(json, "job", job->path);
    json_text(json, "state", job_state_name(job->state));
    job_view_put_path(json, "text", state);
    json_text(json, "phase", facts.phase[0] ? facts.phase : NULL);
    json_text(json, "command", command);
    json_text(json, "model", model);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const char *value = NULL;
        if (json_get_string(job->job, foreign[i], &value))
            job_view_put_path(json, foreign[i], value);
        else
            json_null(json, foreign[i]);
    }
    put_count(json, "step", facts.kind->rows ? -1 : facts.done);
    if (facts.kind->rows && facts.done >= 0) {
        json_integer(json, "matrices", facts.done);
        json_integer(json, "matrices_total", facts.total);
    }
    put_count(json, "steps", facts.kind->rows ? -1 : facts.total);
    json_text(json, "method", method);
    if (engine) {
        json_text(json, "engine", engine);
        put_count(json, "processes", processes);
        put_count(json, "nodes", nodes);
    }
    put_number(json, "seconds_left", facts.left.seconds);
    json_flag(json, "seconds_left_at_least", facts.left.least);
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
