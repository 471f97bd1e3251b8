#include "tui/session/scan_feed.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "job/requests.h"
#include "model/score_read.h"
#include "tui/session/job_follow.h"
#include "tui/session/scan_launch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds between two looks at the job, and at one that was asked to stop; until that is asked
 * again, as a supervisor that just starts drops what was asked before. */
static const double look_interval = 0.5, change_interval = 0.05, ask_interval = 2;

static void fail(struct scan_feed *feed, const struct error *err)
{
    feed->state = FEED_FAILED;
    snprintf(feed->message, sizeof feed->message, "%s", err->text);
}

static int launch(struct scan_feed *feed, const struct scan *scan, bool goes_on, struct error *err)
{
    bool joined;
    if (scan_launch(feed->job, scan, feed->device, goes_on, &joined, err) != 0)
        return -1;
    if (joined)
        feed->device[0] = '\0';
    feed->state = FEED_RUNNING;
    feed->ended = feed->paused = false;
    return 0;
}

static bool is_over(enum job_state state)
{
    return state == JOB_ENDED || state == JOB_DIED;
}

static bool has_ended(const struct scan_feed *feed, const char *how)
{
    const char *status = "";
    cJSON *result = job_dir_read(feed->job, "result.json", NULL);
    json_get_string(result, "status", &status);
    bool same = strcmp(status, how) == 0;
    cJSON_Delete(result);
    return same;
}

/* What a job that has ended says of it. */
static void take_end(struct scan_feed *feed)
{
    feed->state = has_ended(feed, "stopped") ? FEED_STOPPED : FEED_FAILED;
    feed->paused = false;
    job_last_message(feed->job, feed->message, sizeof feed->message);
}

/* What the job was started on, where job.json says so. */
static void take_device(struct scan_feed *feed)
{
    cJSON *job = job_dir_read(feed->job, "job.json", NULL), *item;
    bool named = false;
    cJSON_ArrayForEach(item, json_get(job, "arguments"))
    {
        if (named && cJSON_IsString(item))
            snprintf(feed->device, sizeof feed->device, "%s", item->valuestring);
        named = cJSON_IsString(item) && strcmp(item->valuestring, "--device") == 0;
    }
    cJSON_Delete(job);
}

int scan_feed_start(struct scan_feed *feed, const struct scan *scan, const char *device, bool held,
                    struct error *err)
{
    feed->asked = SIZE_MAX;
    feed->total = scan->count;
    snprintf(feed->device, sizeof feed->device, "%s", device);
    feed->job = scan_launch_path(scan, err);
    int status = feed->job ? job_metrics_follow(&feed->metrics, feed->job, err) : -1;
    held = held && status == 0 && is_over(job_state(feed->job)) &&
           job_dir_has(feed->job, "result.json");
    feed->held = held;
    if (held)
        take_end(feed);
    else if (status == 0)
        status = launch(feed, scan, false, err);
    if (status != 0)
        fail(feed, err);
    return status;
}

void scan_feed_free(struct scan_feed *feed)
{
    job_metrics_free(&feed->metrics);
    free(feed->job);
    *feed = (struct scan_feed){0};
}

static void take_row(struct scan_feed *feed, struct scan *scan, const cJSON *line)
{
    const char *module;
    int64_t done;
    bool cached = false;
    if (!json_get_string(line, "module", &module) || !json_get_int64(line, "done", &done))
        return;
    struct scan_row *row = (struct scan_row *)scan_find(scan, module);
    bool is_new = row && !row->known;
    if (row && scan_read_row(row, line))
        feed->done += is_new;
    json_get_double(line, "seconds", &feed->seconds);
    json_get_bool(line, "cached", &cached);
    feed->computed += !cached;
}

static void take_begin(struct scan_feed *feed, struct scan *scan, const cJSON *line)
{
    const char *text;
    feed->computed = 0;
    feed->seconds = 0;
    scan_devices_begin(&feed->devices);
    if (json_get_string(line, "fingerprint", &text))
        utf8_copy(scan->fingerprint, sizeof scan->fingerprint, text);
    if (json_get_string(line, "estimator", &text))
        utf8_copy(scan->estimator, sizeof scan->estimator, text);
}

static void take_line(struct scan_feed *feed, struct scan *scan, const cJSON *line)
{
    const char *event = "";
    json_get_string(line, "event", &event);
    if (strcmp(event, "row") == 0)
        take_row(feed, scan, line);
    else if (strcmp(event, "scan") == 0)
        take_begin(feed, scan, line);
    else if (strcmp(event, "device") == 0)
        scan_devices_take(&feed->devices, line);
}

static bool take_lines(struct scan_feed *feed, struct scan *scan)
{
    size_t added = 0;
    if (job_metrics_update(&feed->metrics, &added, NULL) != 0)
        return false;
    const struct job_metrics *metrics = &feed->metrics;
    size_t news = metrics->taken - feed->taken;
    for (size_t i = news < metrics->count ? metrics->count - news : 0; i < metrics->count; i++) {
        cJSON *line = job_metrics_json(metrics, i);
        take_line(feed, scan, line);
        cJSON_Delete(line);
    }
    feed->taken = metrics->taken;
    if (feed->done >= feed->total)
        feed->state = FEED_DONE;
    return added > 0;
}

/* The job's state, now and then; JOB_STARTING, of which nothing follows, in between. */
static enum job_state look(struct scan_feed *feed)
{
    double now = clock_seconds();
    bool changing = feed->state == FEED_CHANGING;
    if (now - feed->looked_at < (changing ? change_interval : look_interval))
        return JOB_STARTING;
    feed->looked_at = now;
    return job_state(feed->job);
}

/* A job that has ended although rows are missing. It is seen twice: another window may have ended
 * it to go on with another device, and the next one is here at once. */
static bool give_up(struct scan_feed *feed)
{
    if (!feed->ended) {
        feed->ended = true;
        return false;
    }
    take_end(feed);
    return true;
}

/* The next job, and the row that was asked for first is so still. */
static bool launch_next(struct scan_feed *feed, const struct scan *scan)
{
    struct error err = ERROR_INIT;
    size_t row = feed->asked;
    scan_devices_begin(&feed->devices);
    feed->asked = SIZE_MAX;
    if (launch(feed, scan, !feed->held, &err) != 0)
        fail(feed, &err);
    feed->held = false;
    scan_feed_ask(feed, scan, row);
    return true;
}

static int ask_to_stop(struct scan_feed *feed, struct error *err)
{
    feed->asked_at = clock_seconds();
    return job_request_put(feed->job, JOB_REQUEST_STOP, NULL, err);
}

/* What follows of the job's state; true: something that is shown. */
static bool act_on(struct scan_feed *feed, const struct scan *scan, enum job_state state)
{
    bool changed = false;
    switch (state) {
    case JOB_ENDED:
    case JOB_DIED:
        return feed->state == FEED_CHANGING ? launch_next(feed, scan) : give_up(feed);
    case JOB_STARTING:
        return false;
    default:
        feed->ended = false;
        changed = feed->paused != (state == JOB_PAUSED);
        feed->paused = state == JOB_PAUSED;
        if (feed->state == FEED_CHANGING && clock_seconds() - feed->asked_at > ask_interval)
            ask_to_stop(feed, NULL);
        return changed;
    }
}

/* Another window, or `spectrum resume`, lets a job go on that had ended. */
static bool rejoin(struct scan_feed *feed)
{
    enum job_state state = feed->job ? look(feed) : JOB_STARTING;
    bool complete = state == JOB_ENDED && has_ended(feed, "completed"); /* since the last look */
    if (state != JOB_RUNNING && state != JOB_PAUSED && !complete)
        return false;
    feed->state = FEED_RUNNING;
    feed->device[0] = '\0';
    feed->asked = SIZE_MAX;
    feed->ended = feed->held = false;
    return true;
}

bool scan_feed_update(struct scan_feed *feed, struct scan *scan)
{
    if (feed->state == FEED_STOPPED || feed->state == FEED_FAILED)
        return rejoin(feed);
    if (feed->state != FEED_RUNNING && feed->state != FEED_CHANGING)
        return false;
    enum job_state state = look(feed); /* first: what it wrote last is then taken in, too */
    bool changed = !feed->held && take_lines(feed, scan);
    if (feed->state != FEED_DONE)
        changed = act_on(feed, scan, state) || changed;
    return changed;
}

/* Unless its device was lost, what was asked for computes, and so does what it turned out to be. */
static bool computes_already(const struct scan_feed *feed, const char *device)
{
    return strcmp(device, feed->devices.now.id) == 0 ||
           (strcmp(device, feed->device) == 0 && !feed->devices.reason[0]);
}

int scan_feed_choose(struct scan_feed *feed, const char *device, struct error *err)
{
    if (feed->state == FEED_WAITING || feed->state == FEED_DONE ||
        (feed->state == FEED_RUNNING && computes_already(feed, device)))
        return 0;
    if (!feed->job)
        return error_set(err, "%s", feed->message);
    enum job_state state = job_state(feed->job);
    if (state != JOB_ENDED && state != JOB_DIED && ask_to_stop(feed, err) != 0)
        return -1;
    snprintf(feed->device, sizeof feed->device, "%s", device);
    feed->state = FEED_CHANGING;
    feed->looked_at = 0;
    return 0;
}

static int ask(struct scan_feed *feed, enum job_request request, const char *what,
               struct error *err)
{
    if (feed->state == FEED_DONE)
        return error_set(err, "the scan is done: there is nothing to %s", what);
    if (feed->state != FEED_RUNNING)
        return error_set(err, "no scan runs here that could %s", what);
    feed->looked_at = 0;
    return job_request_put(feed->job, request, NULL, err);
}

int scan_feed_pause(struct scan_feed *feed, struct error *err)
{
    return ask(feed, JOB_REQUEST_PAUSE, "pause", err);
}

int scan_feed_stop(struct scan_feed *feed, struct error *err)
{
    return ask(feed, JOB_REQUEST_STOP, "stop", err);
}

int scan_feed_go_on(struct scan_feed *feed, const char *device, struct error *err)
{
    if (feed->state != FEED_STOPPED && feed->state != FEED_FAILED)
        return ask(feed, JOB_REQUEST_RESUME, "go on", err);
    if (!feed->job)
        return error_set(err, "%s", feed->message);
    if (feed->held || !feed->device[0])
        take_device(feed);
    if (!feed->device[0])
        snprintf(feed->device, sizeof feed->device, "%s", device);
    feed->state = FEED_CHANGING;
    feed->looked_at = 0;
    return 0;
}

void scan_feed_ask(struct scan_feed *feed, const struct scan *scan, size_t row)
{
    if (feed->state != FEED_RUNNING || row >= scan->count || scan->rows[row].known ||
        row == feed->asked)
        return;
    feed->asked = row;
    job_request_put(feed->job, JOB_REQUEST_FIRST, scan->rows[row].module, NULL);
}

double scan_feed_seconds_left(const struct scan_feed *feed)
{
    if (feed->computed == 0)
        return NAN;
    return feed->seconds / (double)feed->computed * (double)(feed->total - feed->done);
}
