#include "tui/session/scan_feed.h"

#include "base/process.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "job/requests.h"
#include "model/score_read.h"
#include "tui/session/job_follow.h"
#include "tui/session/scan_launch.h"
#include "tui/session/steer.h"

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

/* Starts the job, or joins the one that runs: then others chose its device, and it is not known
 * here. */
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

/* By the status in its result: "completed", "stopped". */
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

/* Where the scan's job has ended and is to be held, its results are read; else it is started, or
 * joined if it runs already. */
int scan_feed_start(struct scan_feed *feed, const struct scan *scan, const char *device, bool held,
                    struct error *err)
{
    feed->asked = SIZE_MAX;
    feed->total = scan->count;
    snprintf(feed->device, sizeof feed->device, "%s", device);
    snprintf(feed->asked_device, sizeof feed->asked_device, "%s", device);
    feed->job = scan_launch_path(scan, err);
    int status = feed->job ? job_metrics_follow(&feed->metrics, feed->job, err) : -1;
    enum job_state state = held && status == 0 ? job_state(feed->job) : JOB_STARTING;
    feed->held =
        held && (state == JOB_ENDED || state == JOB_DIED) && job_dir_has(feed->job, "result.json");
    if (feed->held)
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

/* A line of the job's metrics, by its event:
 *     "row"     a matrix's score, into the scan's row of that name
 *     "scan"    a job begins: its count of what was computed, and what the content is called
 *     "device"  what computes (scan_launch.h)
 * Anything else is another version's, and left out. */
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

/* Lines of a scan of other files (`foreign`) do not count, though they lie in the same metrics. */
static void take_line(struct scan_feed *feed, struct scan *scan, const cJSON *line)
{
    const char *event = "", *text;
    json_get_string(line, "event", &event);
    if (strcmp(event, "scan") == 0) {
        feed->foreign = json_get_string(line, "files", &text) && scan->files[0] &&
                        strcmp(text, scan->files) != 0;
        feed->own |= !feed->foreign;
    }
    if (feed->foreign)
        return;
    if (strcmp(event, "row") == 0) {
        take_row(feed, scan, line);
    } else if (strcmp(event, "scan") == 0) {
        feed->computed = 0;
        feed->seconds = 0;
        scan_devices_begin(&feed->devices);
        if (json_get_string(line, "fingerprint", &text))
            utf8_copy(scan->fingerprint, sizeof scan->fingerprint, text);
        if (json_get_string(line, "estimator", &text))
            utf8_copy(scan->estimator, sizeof scan->estimator, text);
    } else if (strcmp(event, "device") == 0) {
        scan_devices_take(&feed->devices, line);
    }
}

/* The lines that came since, or as many of them as are kept; true: there were some. */
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

static int ask_to_stop(struct scan_feed *feed, struct error *err)
{
    feed->asked_at = clock_seconds();
    return job_request_put(feed->job, JOB_REQUEST_STOP, NULL, err);
}

/* What follows of the job's state; true: something that is shown. A job that has ended was asked
 * to, for the next one, which begins here; or it has ended although rows are missing. That is
 * believed when it is seen twice: another window may have ended it to go on with another device,
 * and then its next job is here at once. */
static bool act_on(struct scan_feed *feed, const struct scan *scan, enum job_state state)
{
    struct error err = ERROR_INIT;
    size_t row = feed->asked;
    bool changed = false;
    switch (state) {
    case JOB_ENDED:
    case JOB_DIED:
        if (feed->state != FEED_CHANGING) {
            if (feed->ended)
                take_end(feed);
            changed = feed->ended;
            feed->ended = true;
            return changed;
        }
        scan_devices_begin(&feed->devices);
        feed->asked = SIZE_MAX;
        if (launch(feed, scan, !feed->held, &err) != 0)
            fail(feed, &err);
        feed->held = feed->foreign = false;
        scan_feed_ask(feed, scan, row); /* what was asked for first is so still */
        return true;
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
    if (feed->foreign || (state != JOB_RUNNING && state != JOB_PAUSED && !complete))
        return false;
    feed->state = FEED_RUNNING;
    feed->device[0] = '\0';
    feed->asked = SIZE_MAX;
    feed->ended = feed->held = false;
    return true;
}

/* The job is of other files than those that are open here. */
static bool leave_foreign(struct scan_feed *feed)
{
    feed->state = feed->own ? FEED_FAILED : FEED_CHANGING;
    if (feed->own) {
        snprintf(feed->message, sizeof feed->message,
                 "the model's files have changed since they were opened here: open it again");
    } else {
        snprintf(feed->device, sizeof feed->device, "%s", feed->asked_device);
        ask_to_stop(feed, NULL);
        feed->looked_at = 0;
    }
    return true;
}

/* The job's state is asked before its lines are read: what it wrote last, before it ended, is then
 * taken in, too, and no row is missed. */
bool scan_feed_update(struct scan_feed *feed, struct scan *scan)
{
    if (feed->state == FEED_STOPPED || feed->state == FEED_FAILED)
        return rejoin(feed);
    if (feed->state != FEED_RUNNING && feed->state != FEED_CHANGING)
        return false;
    enum job_state state = look(feed); /* first: what it wrote last is then taken in, too */
    bool changed = !feed->held && take_lines(feed, scan);
    if (feed->foreign && feed->state == FEED_RUNNING)
        return leave_foreign(feed);
    if (feed->state != FEED_DONE)
        changed = act_on(feed, scan, state) || changed;
    return changed;
}

int scan_feed_choose(struct scan_feed *feed, const char *device, struct error *err)
{
    /* Unless its device was lost, what was asked for computes, and so does what it turned out to
     * be. */
    bool computes = strcmp(device, feed->devices.now.id) == 0 ||
                    (strcmp(device, feed->device) == 0 && !feed->devices.reason[0]);
    if (feed->state == FEED_WAITING || feed->state == FEED_DONE ||
        (feed->state == FEED_RUNNING && computes))
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

/* By the rules and in the words of all jobs; it is looked at again at once. */
static int ask(struct scan_feed *feed, enum steering what, char *said, size_t size,
               struct error *err)
{
    struct job_follow *job;
    if (feed->state == FEED_DONE)
        return error_set(err, "the scan is done: there is nothing to steer");
    if (feed->state == FEED_WAITING || feed->state == FEED_CHANGING)
        return error_set(err, "the scan begins: it can be asked when it runs");
    if (!feed->job)
        return error_set(err, "%s", feed->message);
    if (job_follow_open_end(&job, feed->job, err) != 0)
        return -1;
    int status = steer(job, what, NULL, said, size, err);
    job_follow_close(job);
    feed->looked_at = 0;
    return status;
}

int scan_feed_pause(struct scan_feed *feed, char *said, size_t size, struct error *err)
{
    return ask(feed, STEER_PAUSE, said, size, err);
}

int scan_feed_stop(struct scan_feed *feed, char *said, size_t size, struct error *err)
{
    return ask(feed, STEER_STOP, said, size, err);
}

/* A paused job is asked to continue; a new one takes up the rest of one that has ended, on the
 * device that was chosen last, or that the job was started on. */
int scan_feed_go_on(struct scan_feed *feed, const char *device, char *said, size_t size,
                    struct error *err)
{
    if (feed->state != FEED_STOPPED && feed->state != FEED_FAILED)
        return ask(feed, STEER_CONTINUE, said, size, err);
    if (!feed->job)
        return error_set(err, "%s", feed->message);
    if (feed->held || !feed->device[0]) { /* on what it was started, where job.json says so */
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
    if (!feed->device[0])
        snprintf(feed->device, sizeof feed->device, "%s", device);
    snprintf(said, size, "the scan goes on");
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

/* What a matrix that had to be computed took so far, for each that is missing. */
double scan_feed_seconds_left(const struct scan_feed *feed)
{
    if (feed->computed == 0)
        return NAN;
    return feed->seconds / (double)feed->computed * (double)(feed->total - feed->done);
}
