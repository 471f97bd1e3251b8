#include "tui/app/scan_feed.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/sys.h"
#include "base/utf8.h"
#include "base/xdg.h"
#include "job/job_dir.h"
#include "job/launch.h"
#include "job/lock.h"
#include "job/requests.h"
#include "tui/app/job_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "<state folder>/scans/<hash of the model's path>": a second window joins the first one's scan. */
static char *job_path(const char *model, struct error *err)
{
    char name[HASH_TEXT_SIZE];
    struct hash *hash = hash_new(err);
    if (!hash)
        return NULL;
    hash_update(hash, model, strlen(model));
    hash_text(hash, name);
    hash_free(hash);
    char *folder = xdg_state_folder("scans", err);
    char *path = folder ? path_join(folder, name, err) : NULL;
    free(folder);
    return path;
}

static int clear_folder(const char *job, struct error *err)
{
    static const char *const names[] = {"metrics.jsonl", "job.json",       "log.txt",
                                        "result.json",   "requests/first", "requests/stop"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(job, names[i], err);
        if (!path)
            return -1;
        sys.unlink(path);
        free(path);
    }
    char *requests = path_join(job, "requests", err);
    int status = requests ? folder_make(requests, err) : -1;
    free(requests);
    return status;
}

static int launch(struct scan_feed *feed, char *model, struct error *err)
{
    enum job_state state = job_state(feed->job);
    if (state == JOB_RUNNING || state == JOB_PAUSED || state == JOB_ELSEWHERE)
        return 0;
    char *arguments[] = {"scan", model, NULL};
    if (clear_folder(feed->job, err) != 0)
        return -1;
    return job_launch(feed->job, "/proc/self/exe", arguments, err);
}

int scan_feed_start(struct scan_feed *feed, const struct scan *scan, struct error *err)
{
    feed->asked = SIZE_MAX;
    feed->total = scan->count;
    /* the same relative path is another model in another folder */
    char *whole = realpath(scan->model, NULL), *model = whole ? whole : scan->model;
    feed->job = job_path(model, err);
    int status = feed->job ? launch(feed, model, err) : -1;
    free(whole);
    if (status == 0)
        status = job_metrics_follow(&feed->metrics, feed->job, err);
    feed->state = status == 0 ? FEED_RUNNING : FEED_FAILED;
    if (status != 0)
        snprintf(feed->message, sizeof feed->message, "%s", err->text);
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
    if (row && !row->known && scan_read_row(row, line))
        feed->done++;
    json_get_double(line, "seconds", &feed->seconds);
    json_get_bool(line, "cached", &cached);
    feed->cached += cached;
}

static void take_line(struct scan_feed *feed, struct scan *scan, const cJSON *line)
{
    const char *event = "", *text;
    json_get_string(line, "event", &event);
    if (strcmp(event, "row") == 0)
        take_row(feed, scan, line);
    if (strcmp(event, "scan") != 0)
        return;
    if (json_get_string(line, "fingerprint", &text))
        utf8_copy(scan->fingerprint, sizeof scan->fingerprint, text);
    if (json_get_string(line, "estimator", &text))
        utf8_copy(scan->estimator, sizeof scan->estimator, text);
}

/* Has the job ended although rows are missing? Looked at twice a second. */
static bool find_end(struct scan_feed *feed)
{
    double now = clock_seconds();
    if (now - feed->looked_at < 0.5)
        return false;
    feed->looked_at = now;
    enum job_state state = job_state(feed->job);
    if (state != JOB_ENDED && state != JOB_DIED)
        return false;
    feed->state = FEED_FAILED;
    job_last_message(feed->job, feed->message, sizeof feed->message);
    return true;
}

bool scan_feed_update(struct scan_feed *feed, struct scan *scan)
{
    size_t added = 0;
    if (feed->state != FEED_RUNNING)
        return false;
    bool ended = find_end(feed); /* looked at first: what it wrote last is then taken in, too */
    if (job_metrics_update(&feed->metrics, &added, NULL) != 0)
        return ended;
    for (; feed->taken < feed->metrics.count; feed->taken++)
        take_line(feed, scan, feed->metrics.lines[feed->taken].json);
    if (feed->done >= feed->total)
        feed->state = FEED_DONE;
    return added > 0 || ended;
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
    size_t computed = feed->done > feed->cached ? feed->done - feed->cached : 0;
    if (computed == 0)
        return NAN;
    return feed->seconds / (double)computed * (double)(feed->total - feed->done);
}
