#include "tui/app/session_status.h"

#include "job/job_dir.h"
#include "tui/app/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_scan_progress(const struct session *session, char *out, size_t size)
{
    const struct scan_feed *feed = &session->feed;
    char left[32];
    seconds_put(scan_feed_seconds_left(feed), left, sizeof left);
    out[0] = '\0';
    if (feed->state == FEED_WAITING)
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
    else if (feed->state == FEED_RUNNING && isnan(scan_feed_seconds_left(feed)))
        snprintf(out, size, "scan %zu/%zu", feed->done, feed->total);
    else if (feed->state == FEED_RUNNING)
        snprintf(out, size, "scan %zu/%zu · %s left", feed->done, feed->total, left);
}

void session_progress(const struct session *session, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    if (session->model)
        put_scan_progress(session, out, size);
    used = strlen(out);
    if (!session->run || !job_follow_lives(session->run) || used + 8 >= size)
        return;
    int64_t step = job_metrics_last_step(&session->run->metrics);
    snprintf(out + used, size - used, "%sjob %s, step %lld", used ? " · " : "",
             job_state_name(session->run->state), (long long)(step < 0 ? 0 : step));
}

/* A scan file alone has nothing but its plan, whatever method was chosen for a model before. */
static enum training_method shown_method(const struct session *session)
{
    return session->model ? settings_method(&session->settings) : METHOD_SPECTRUM;
}

/* "everything", "adapters at 210", "adapters at 52 of 210", "52 of 210" */
static void put_tensors(const struct session *session, const struct method_info *method, char *out,
                        size_t size)
{
    struct plan_counts counts = plan_counts(session->plan);
    size_t adapted = session->cost.adapted;
    if (!method->plan && !method->adapters)
        snprintf(out, size, "everything");
    else if (!method->plan)
        snprintf(out, size, "adapters at %zu", adapted);
    else if (method->adapters)
        snprintf(out, size, "adapters at %zu of %zu", adapted, counts.modules_total);
    else
        snprintf(out, size, "%zu of %zu", counts.modules, counts.modules_total);
}

/* "25 %: trains 52 of 210 matrices", and in brief without most words; without what is the plan's
 * where the method has none. */
static void put_matrices(const struct session *session, bool brief, char *out, size_t size)
{
    const struct method_info *method = method_info(shown_method(session));
    double percent = session->plan_read || !method->plan ? NAN : plan_percent(session->plan);
    bool partial = method->plan && session_scores_missing(session);
    bool bare = brief || (!method->plan && !method->adapters);
    char top[32] = "", tensors[64];
    if (!isnan(percent))
        snprintf(top, sizeof top, "%.4g %%: ", percent);
    put_tensors(session, method, tensors, sizeof tensors);
    snprintf(out, size, "%s%s%s%s", top,
             partial ? "so far "
             : brief ? ""
                     : "trains ",
             tensors, bare ? "" : " matrices");
}

/* "65.0M params (48.3 %)", "1.2M adapter + 28.3M params (21.9 %)" */
static void put_parameters(int64_t adapters, int64_t others, int64_t all, bool brief, char *out,
                           size_t size)
{
    char thin[32], count[32];
    double share = 100.0 * ((double)adapters + (double)others) / (double)all;
    const char *word = brief ? "" : " adapter";
    count_put((double)adapters, thin, sizeof thin);
    count_put((double)others, count, sizeof count);
    if (adapters == 0)
        snprintf(out, size, " · %s params (%.1f %%)", count, share);
    else if (others == 0)
        snprintf(out, size, " · %s%s params (%.1f %%)", thin, word, share);
    else
        snprintf(out, size, " · %s%s + %s params (%.1f %%)", thin, word, count, share);
}

/* The plan's counts are known for a scan file with shapes, too; the others need the model. */
static size_t put_what_trains(const struct session *session, bool brief, char *out, size_t size)
{
    const struct training_estimate *cost = &session->cost;
    struct plan_counts counts = plan_counts(session->plan);
    bool planned = shown_method(session) == METHOD_SPECTRUM;
    int64_t adapters = planned ? 0 : cost->adapter_parameters;
    int64_t others = planned ? counts.parameters : cost->trained_parameters;
    int64_t all = planned ? counts.parameters_total : cost->parameters;
    put_matrices(session, brief, out, size);
    if ((!planned || counts.known) && all > 0)
        put_parameters(adapters, others, all, brief, out + strlen(out), size - strlen(out));
    return strlen(out);
}

/* A job that is watched without its model being open: what it was asked for. */
static void put_job(const struct session *session, char *out, size_t size)
{
    const char *command = "", *model = "", *method = NULL;
    json_get_string(session->run->job, "command", &command);
    json_get_string(session->run->job, "model", &model);
    json_get_string(session->run->job, "method", &method);
    const char *slash = strrchr(model, '/');
    snprintf(out, size, "%s %s%s%s", command, slash && slash[1] ? slash + 1 : model,
             method ? " · method " : "", method ? method : "");
}

void session_status(const struct session *session, bool brief, char *out, size_t size)
{
    char memory[32];
    out[0] = '\0';
    if (!session->plan && session->run)
        put_job(session, out, size);
    if (!session->plan)
        return;
    size_t used = put_what_trains(session, brief, out, size);
    bytes_put((double)session->cost.total, memory, sizeof memory);
    snprintf(out + used, size - used, " · %s%s", brief ? "" : "memory ",
             session->cost.known ? memory : "n/a");
}
