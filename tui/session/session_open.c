#include "tui/session/session_open.h"

#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "compute/devices/devices.h"
#include "job/attached.h"
#include "job/job_dir.h"
#include "model/score_read.h"
#include "model/score_rows.h"
#include "tui/session/form_defaults.h"
#include "tui/session/plan_keep.h"
#include "tui/session/wording.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All that belongs to what is open. Device, settings and the watched job are the session's own, and
 * stay for what is opened next (form_keep.h says what of the settings). The kept plan is written
 * first, while there is a plan, and the form. */
static void close_model(struct session *session)
{
    session_keep_close(session);
    form_keep_close(&session->form, &session->settings);
    probe_stop(&session->probe);
    data_lengths_free(&session->lengths);
    plan_free(session->plan);
    scan_feed_free(&session->feed);
    grid_free(&session->grid);
    scan_free(session->scan);
    model_close(session->model);
    free(session->title);
    free(session->source);
    session->plan = NULL;
    session->scan = NULL;
    session->model = NULL;
    session->title = session->source = NULL;
    session->plan_changed = session->scan_held = false;
    session->plan_path[0] = '\0';
}

void session_free(struct session *session)
{
    close_model(session);
    settings_free(&session->settings);
    job_follow_close(session->run);
    session->run = NULL;
    runs_close(&session->runs);
}

/* By what lies there, or by the name, without opening anything. */
enum target_kind session_target(const char *path)
{
    if (!path || !path[0])
        return TARGET_LIBRARY;
    if (job_dir_has(path, "job.json") || job_dir_has(path, "metrics.jsonl"))
        return TARGET_JOB;
    return path_ends_with(path, ".json") ? TARGET_SCAN : TARGET_MODEL;
}

/* The last two parts of a path, "demo/model"; one that is typed without its folder gets that. */
static char *short_title(const char *path, struct error *err)
{
    char folder[PATH_MAX], whole[2 * PATH_MAX];
    bool bare =
        !strchr(path, '/') && sys.access(path, F_OK) == 0 && sys.getcwd(folder, sizeof folder);
    snprintf(whole, sizeof whole, "%s%s%s", bare ? folder : "", bare ? "/" : "", path);
    size_t end = strlen(whole);
    while (end > 1 && whole[end - 1] == '/')
        whole[--end] = '\0';
    size_t start = end;
    for (int slashes = 0; start > 0 && (slashes += whole[start - 1] == '/') < 2;)
        start--;
    char *title = string_copy(whole + start, err);
    if (title)
        utf8_sanitize(title);
    return title;
}

/* A model's scan has all of its rows from the start, without scores; so map and plan are made at
 * once, and follow the scores as they come. The plan begins as `spectrum plan` would make it, which
 * is not a step that could be undone; a plan that was kept takes its place. */
int session_open(struct session *session, const char *path, struct error *err)
{
    close_model(session);
    session->title = short_title(path, err);
    session->source = string_copy(path, err);
    if (!session->title || !session->source)
        goto fail;
    if (session_target(path) == TARGET_SCAN) {
        if (scan_read(&session->scan, path, err) != 0)
            goto fail;
    } else if (model_open(&session->model, path, err) != 0 ||
               scan_for_model(&session->scan, NULL, session->model, NULL, err) != 0) {
        goto fail;
    }
    if (grid_make(&session->grid, session->scan, NULL, err) != 0 ||
        session_fresh_plan(session, &session->plan, err) != 0)
        goto fail;
    if (session->model) {
        form_keep_open(&session->form, &session->settings, path);
        form_defaults(session);
    }
    session_plan_changed(session, false);
    session_keep_open(session);
    return 0;
fail:
    close_model(session);
    return -1;
}

/* By its job.json: "scan", and which model. */
char *session_scanned_model(const char *job, struct error *err)
{
    const char *command = "", *model = NULL;
    cJSON *json = job_dir_read(job, "job.json", NULL);
    json_get_string(json, "command", &command);
    char *path = strcmp(command, "scan") == 0 && json_get_string(json, "model", &model)
                     ? string_copy(model, err)
                     : NULL;
    cJSON_Delete(json);
    return path;
}

int session_open_scan(struct session *session, const char *model, struct error *err)
{
    int status = session_open(session, model, err);
    session->scan_held = status == 0;
    return status;
}

int session_watch(struct session *session, const char *job, struct error *err)
{
    struct job_follow *follow;
    if (job_follow_open(&follow, job, err) != 0)
        return -1;
    job_follow_close(session->run);
    session->run = follow;
    return 0;
}

int session_attach(struct session *session, const char *name, const char *run, struct error *err)
{
    char *job = attached_find(name, run, "/proc/self/exe", NULL, err);
    int status = job ? session_watch(session, job, err) : -1;
    free(job);
    return status;
}

/* What jobs wrote, and then the plan that is kept, whose name the scan's job may have said just
 * now. An error of starting the scan is the feed's own state, which the screen shows. */
bool session_tick(struct session *session)
{
    struct error ignored = ERROR_INIT;
    bool changed = session->run && job_follow_update(session->run), scanned = false;
    if (probe_update(&session->probe)) {
        changed = true;
        if (session->probe.why[0] && !probe_runs(&session->probe) && !session->keep.message[0]) {
            char why[ERROR_TEXT_MAX];
            settings_words(session->probe.why, why, sizeof why);
            snprintf(session->keep.message, sizeof session->keep.message,
                     "the probe failed: %.600s", why);
        }
    }
    if (session->model && session->feed.state == FEED_WAITING) {
        scan_feed_start(&session->feed, session->scan, session->device, session->scan_held,
                        &ignored);
        scanned = true;
    } else if (session->model) {
        scanned = scan_feed_update(&session->feed, session->scan);
    }
    if (scanned)
        session_plan_changed(session, false);
    /* one message line: what is to be said of the form waits until nothing is of the plan */
    char *said = session->keep.message, *waits = session->form.message;
    if (form_keep_tick(&session->form, &session->settings) && !said[0]) {
        memcpy(said, waits, sizeof session->keep.message);
        waits[0] = '\0';
    }
    return session_keep_tick(session) || changed || scanned;
}

/* The table of session_open.h. A scan that was stopped or failed is looked at, too: another window,
 * or `spectrum resume`, may let it continue. */
int session_tick_ms(const struct session *session)
{
    int jobs = -1, keep = session_keep_ms(session), form = form_keep_ms(&session->form);
    enum feed_state state = session->feed.state;
    if (session->model && state == FEED_WAITING)
        jobs = 0;
    else if (session->model && (state == FEED_RUNNING || state == FEED_CHANGING))
        jobs = session->feed.taken == 0 ? 15 : 60; /* what is in the cache comes at once */
    else if (session->model && (state == FEED_STOPPED || state == FEED_FAILED))
        jobs = 500;
    else if (probe_runs(&session->probe) ||
             (session->run && session->run->state != JOB_ENDED && session->run->state != JOB_DIED))
        jobs = 200;
    keep = keep < 0 || (form >= 0 && form < keep) ? form : keep;
    return jobs < 0 || (keep >= 0 && keep < jobs) ? keep : jobs;
}

/* Asking for a GPU would load its plug-in, which the screen's process never does; which there are its
 * scan's job has said. Until it has, any name passes, and the scan that is to go there says it. */
static int check_gpu(const struct scan_devices *devices, const char *name, struct error *err)
{
    struct buffer there = BUFFER_INIT;
    bool found = devices->count == 0;
    for (int i = 0; i < devices->count; i++) {
        const char *id = devices->all[i].id;
        found |= strcmp(name, "cuda") == 0 ? device_is_gpu(id) : strcmp(name, id) == 0;
        buffer_format(&there, ", %s", id);
    }
    if (!found)
        error_set(
            err,
            "there is no device \"%.20s\" here: there are auto%s; what a GPU lacks, `spectrum "
            "scan MODEL --device %.20s` says",
            name, buffer_string(&there), name);
    buffer_free(&there);
    return found ? 0 : -1;
}

int session_choose_device(struct session *session, const char *name, struct error *err)
{
    bool gpu = device_is_gpu(name) && strlen(name) < sizeof session->device;
    if ((gpu ? check_gpu(&session->feed.devices, name, err) : backend_check(name, err)) != 0 ||
        scan_feed_choose(&session->feed, name, err) != 0)
        return -1;
    snprintf(session->device, sizeof session->device, "%s", name);
    return 0;
}
