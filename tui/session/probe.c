#include "tui/session/probe.h"

#include "base/folder.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/xdg.h"
#include "job/job_create.h"
#include "job/requests.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- its folder --- */

/* The job that is asked to stop looks between two steps; its folder may be gone by then, which ends
 * it as well. */
static void let_go(struct probe *probe)
{
    if (probe->follow && job_follow_lives(probe->follow))
        job_request_put(probe->follow->path, JOB_REQUEST_STOP, "", NULL);
    job_follow_close(probe->follow);
    probe->follow = NULL;
    xdg_scratch_remove(probe->scratch, probe->lock);
    probe->scratch = NULL;
}

void probe_stop(struct probe *probe)
{
    let_go(probe);
    free(probe->key);
    *probe = (struct probe){.follow = NULL};
}

char *probe_folder(struct probe *probe, struct error *err)
{
    probe_stop(probe);
    probe->scratch = xdg_scratch_folder("probes", &probe->lock, err);
    char *folder = probe->scratch ? path_join(probe->scratch, "probe", err) : NULL;
    if (folder && job_dir_create(folder, err) == 0)
        return folder;
    free(folder);
    let_go(probe);
    return NULL;
}

int probe_begin(struct probe *probe, const char *folder, const char *key, struct error *err)
{
    probe->key = string_copy(key, err);
    if (probe->key && job_follow_open(&probe->follow, folder, err) == 0)
        return 0;
    probe_stop(probe);
    return -1;
}

/* --- what it says --- */

static bool read_result(struct probe *probe)
{
    const cJSON *said = json_get(probe->follow->result, "probe");
    return json_get_double(said, "steps", &probe->steps) &&
           json_get_double(said, "tokens", &probe->tokens) &&
           json_get_double(said, "total_seconds", &probe->seconds) &&
           json_get_double(said, "total_seconds_low", &probe->low) &&
           json_get_double(said, "total_seconds_high", &probe->high);
}

bool probe_update(struct probe *probe)
{
    if (!probe->follow)
        return false;
    bool changed = job_follow_update(probe->follow);
    if (job_follow_lives(probe->follow))
        return changed;
    probe->known = read_result(probe);
    if (!probe->known)
        job_last_message(probe->follow->path, probe->why, sizeof probe->why);
    let_go(probe);
    return true;
}

bool probe_runs(const struct probe *probe)
{
    return probe->follow != NULL;
}

bool probe_is_of(const struct probe *probe, const char *key)
{
    return probe->known && strcmp(probe->key, key) == 0;
}

/* As exact as a guess may be: "40 s", "12 min", "3 h 20 min". */
static void put_duration(double seconds, char *out, size_t size)
{
    double minutes = seconds / 60;
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9)
        snprintf(out, size, "n/a");
    else if (seconds < 100)
        snprintf(out, size, "%.0f s", ceil(seconds));
    else if (minutes < 100)
        snprintf(out, size, "%.0f min", minutes);
    else
        snprintf(out, size, "%.0f h %02.0f min", floor(minutes / 60), fmod(minutes, 60));
}

void probe_put(const struct probe *probe, const char *key, char *out, size_t size)
{
    char phase[64], about[32], low[32], high[32];
    if (probe->follow) {
        bool said = job_follow_phase(probe->follow, phase, sizeof phase);
        snprintf(out, size, "probing%s%s ...", said ? ": " : "", phase);
        return;
    }
    put_duration(probe->seconds, about, sizeof about);
    put_duration(probe->low, low, sizeof low);
    put_duration(probe->high, high, sizeof high);
    if (probe_is_of(probe, key))
        snprintf(out, size, "about %s (%s to %s)", about, low, high);
    else if (probe->known)
        snprintf(out, size, "with other values about %s; Ctrl-T measures it", about);
    else if (probe->why[0])
        snprintf(out, size, "the probe failed: %s", probe->why);
    else
        snprintf(out, size, "Ctrl-T measures it");
}
