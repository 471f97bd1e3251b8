#include "tui/session/probe.h"

#include "base/folder.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "job/job_create.h"
#include "job/requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- its folder --- */

/* A folder of this program's own making, in one that nobody else can look into. */
static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)at;
    return type == FTW_DP ? sys.rmdir(path) : sys.unlink(path);
}

static void remove_folder(const char *path)
{
    enum { OPEN_FOLDERS = 8 };
    sys.nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

/* Removes what stopped probes left, and those of screens that were killed: jobs that have ended, and
 * long enough ago that the screen which follows one has read it. */
static void sweep(const char *place)
{
    enum { READ_SECONDS = 60 };
    DIR *open = sys.opendir(place);
    for (struct dirent *entry; open && (entry = sys.readdir(open));) {
        struct stat info;
        char *path = entry->d_name[0] != '.' ? path_join(place, entry->d_name, NULL) : NULL;
        if (path && sys.stat(path, &info) == 0 && sys.time(NULL) - info.st_mtime > READ_SECONDS) {
            enum job_state state = job_state(path);
            if (state == JOB_ENDED || state == JOB_DIED)
                remove_folder(path);
        }
        free(path);
    }
    if (open)
        sys.closedir(open);
}

/* A new one each time; what probes that were killed have left is swept away first. */
char *probe_folder(struct probe *probe, struct error *err)
{
    probe_stop(probe);
    char *place = xdg_temporary_folder("probes", err), *path, *folder = NULL;
    if (!place)
        return NULL;
    sweep(place);
    if ((path = path_join(place, "probe", err)))
        folder = job_dir_create_new(path, err);
    free(path);
    free(place);
    return folder;
}

/* A job that is asked to stop looks between two steps; its folder stays for the next sweep. */
void probe_stop(struct probe *probe)
{
    if (probe->follow)
        job_request_put(probe->follow->path, JOB_REQUEST_STOP, "", NULL);
    job_follow_close(probe->follow);
    free(probe->key);
    *probe = (struct probe){.follow = NULL};
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

/* The one line of its metrics (job/training/training.h). */
static bool read_result(struct probe *probe)
{
    const cJSON *line = job_metrics_last_with(&probe->follow->metrics, "probe");
    const cJSON *said = json_get(line, "probe");
    return json_get_double(said, "steps", &probe->steps) &&
           json_get_double(said, "tokens", &probe->tokens) &&
           json_get_double(said, "total_seconds", &probe->seconds) &&
           json_get_double(said, "total_seconds_low", &probe->low) &&
           json_get_double(said, "total_seconds_high", &probe->high);
}

/* When it has ended its result is read, and its folder goes. */
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
    remove_folder(probe->follow->path);
    job_follow_close(probe->follow);
    probe->follow = NULL;
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

/* In the unit in which the middle one has two or three digits: "about 12 min (10 to 14)", "about 3.4 h
 * (3.1 to 3.8)". */
static void put_duration(const struct probe *probe, bool spread, char *out, size_t size)
{
    double second = probe->seconds < 100 ? 1 : probe->seconds < 100 * 60 ? 60 : 3600;
    const char *unit = second == 1 ? "s" : second == 60 ? "min" : "h";
    int digits = probe->seconds / second < 9.95;
    char low[32], high[32];
    snprintf(low, sizeof low, "%.*f", digits, probe->low / second);
    snprintf(high, sizeof high, "%.*f", digits, probe->high / second);
    int used = snprintf(out, size, "about %.*f %s", digits, probe->seconds / second, unit);
    if (spread && strcmp(low, high) != 0 && used > 0 && (size_t)used < size)
        snprintf(out + used, size - (size_t)used, " (%s to %s)", low, high);
}

/* A time that was measured for other values of the form is said to be of before. */
void probe_put(const struct probe *probe, const char *key, char *out, size_t size)
{
    char phase[64], about[96];
    if (probe->follow) {
        bool said = job_follow_phase(probe->follow, phase, sizeof phase);
        snprintf(out, size, "probing%s%s ...", said ? ": " : "", phase);
        return;
    }
    put_duration(probe, probe_is_of(probe, key), about, sizeof about);
    if (probe_is_of(probe, key))
        snprintf(out, size, "%s", about);
    else if (probe->known)
        snprintf(out, size, "Ctrl-T measures it (before: %s)", about);
    else if (probe->why[0])
        snprintf(out, size, "the probe failed; Ctrl-T tries again");
    else
        snprintf(out, size, "Ctrl-T measures it");
}
