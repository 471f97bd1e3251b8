#include "tui/session/steer.h"

#include "base/folder.h"
#include "base/text.h"
#include "job/job_kind.h"
#include "job/launch.h"
#include "job/requests.h"
#include "job/trust.h"
#include "train/state_folder.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a living job is asked, and how that is called. */
static const struct {
    enum job_request request;
    const char *name;
} requests[] = {
    [STEER_PAUSE] = {JOB_REQUEST_PAUSE, "pause"},
    [STEER_CONTINUE] = {JOB_REQUEST_RESUME, "go on"},
    [STEER_CHECKPOINT] = {JOB_REQUEST_CHECKPOINT, "save a checkpoint"},
    [STEER_STOP] = {JOB_REQUEST_STOP, "stop"},
    [STEER_RESUME] = {JOB_REQUEST_RESUME, "go on"},
};

/* --- may it --- */

static bool is_completed(const struct job_follow *job)
{
    const char *status = "";
    json_get_string(job->result, "status", &status);
    return strcmp(status, "completed") == 0;
}

/* Not by its kind, whatever state it is in. */
static int check_kind(const struct job_kind *kind, enum steering what, struct error *err)
{
    if (what == STEER_CHECKPOINT && !kind->checkpoints)
        return error_set(err, "it is %s %s: it has no checkpoints, what it computed is kept anyway",
                         text_a(kind->noun), kind->noun);
    if (what == STEER_PAUSE && !kind->pauses)
        return error_set(err, "it is %s %s, and cannot pause", text_a(kind->noun), kind->noun);
    return 0;
}

/* One that has ended is started again by its job.json, which is judged where that is done
 * (job_relaunch()). A run that is complete goes on from an earlier checkpoint alone, and only where
 * that is named. */
static int check_again(const struct job_follow *job, int64_t step, const char *state,
                       struct error *err)
{
    int64_t last = -1;
    const struct job_kind *kind = job_kind_of(job->job);
    if (kind->command[0] && !kind->resumes) /* of one that is not known its start says why */
        return error_set(err, "%s; it is %s %s, which is not resumed but begun anew", state,
                         text_a(kind->noun), kind->noun);
    if (!is_completed(job))
        return 0;
    if (step == 0)
        return error_set(err, "%s; there is nothing to resume", state);
    json_get_int64(job->result, "last_step", &last);
    return step < last ? 0
                       : error_set(err,
                                   "%s; there is nothing to resume after step %" PRId64
                                   ": --step takes an earlier checkpoint",
                                   state, step);
}

/* Steps are added to what has some, and where its course is not being taken; of one that is not known
 * its start says why. */
static int check_more(const struct job_kind *kind, bool lives, const char *state, struct error *err)
{
    if (kind->command[0] && !kind->steps)
        return error_set(err, "it is %s %s: more steps are for a training run", text_a(kind->noun),
                         kind->noun);
    return lives ? error_set(err, "%s; stop it before more steps are added to it", state) : 0;
}

/* By the job's kind and state: what it would not take is said before it is asked for. */
int steer_check(const struct job_follow *job, enum steering what, const struct steer_how *how,
                struct error *err)
{
    bool more = how && how->more > 0;
    int64_t step = how ? how->step : 0;
    const struct job_kind *kind = job_kind_of(job->job);
    bool lives = job_follow_lives(job), pauses = job_follow_pauses(job);
    char state[ERROR_TEXT_MAX];
    job_follow_describe(job, state, sizeof state);
    if (check_kind(kind, what, err) != 0)
        return -1;
    if (what == STEER_RESUME && more && kind->command[0] && !kind->weights)
        return error_set(err, "it is %s %s: more steps are a training run's", text_a(kind->noun),
                         kind->noun);
    if (what == STEER_RESUME && (more || step > 0) && kind->weights && !kind->varies)
        return error_set(
            err,
            "it is a %s, which goes on from its newest checkpoint to its end: `spectrum "
            "launch %s` begins another run from any of them",
            kind->noun, job->path);
    if (what == STEER_RESUME && more)
        return check_more(kind, lives, state, err);
    if (what == STEER_RESUME && !lives)
        return check_again(job, step, state, err);
    if (what == STEER_RESUME && step > 0)
        return error_set(err, "%s; stop it before it continues from another checkpoint", state);
    if (job->state == JOB_WAITING && what != STEER_STOP)
        return error_set(err, "the %s is %s: it has not begun, and can be stopped", kind->noun,
                         state);
    if (!lives)
        return error_set(err, "the %s cannot %s: %s%s", kind->noun, requests[what].name, state,
                         kind->resumes && !is_completed(job) ? "; resuming it comes first" : "");
    if ((what == STEER_RESUME || what == STEER_CONTINUE) && !pauses)
        return error_set(err, "%s; there is nothing to resume", state);
    if (what == STEER_PAUSE && pauses)
        return error_set(err, "%s; there is nothing to pause", state);
    return 0;
}

/* --- more steps --- */

struct steer_more steer_more(const struct job_follow *job, const struct steer_how *how)
{
    double planned = NAN;
    int64_t from = how->step > 0 ? how->step : state_latest_step(job->path, NULL);
    struct steer_more more = {.from = from, .to = from + how->more, .planned = -1};
    if (job_follow_number(job, "steps", &planned) && planned >= 1 && planned <= 9e15)
        more.planned = (int64_t)planned;
    more.early = more.from >= 0 && more.planned > more.to;
    return more;
}

void steer_put_more(const struct steer_more *more, char *out, size_t size)
{
    if (more->from < 0)
        snprintf(out, size, "it has no checkpoint to go on from");
    else if (more->early)
        snprintf(out, size,
                 "after step %" PRId64 ", to step %" PRId64 " and not to its planned %" PRId64,
                 more->from, more->to, more->planned);
    else
        snprintf(out, size, "after step %" PRId64 ", to step %" PRId64, more->from, more->to);
}

/* --- questions --- */

/* What a job keeps that still waits for others. */
static const char not_begun[] = "before it has begun";

void steer_question(const struct job_follow *job, enum steering what, char *out, size_t size)
{
    const struct job_kind *kind = job_kind_of(job->job);
    out[0] = '\0';
    if (what == STEER_STOP)
        snprintf(out, size, "stop the %s? the same key again stops it, %s", kind->noun,
                 job->state == JOB_WAITING ? not_begun : kind->kept);
}

/* What is to be shown before a resume, and the key of the approval that follows from it. */
bool steer_trust(const struct job_follow *job, char key[DIGEST_TEXT_SIZE], struct buffer *text)
{
    struct job_trust trust;
    key[0] = '\0';
    if (!job->job || job_trust_look(&trust, job->path, job->job, NULL) != 0)
        return false;
    bool asks = trust.asks;
    if (asks) {
        memcpy(key, trust.key, DIGEST_TEXT_SIZE);
        job_trust_put(text, &trust);
    }
    job_trust_free(&trust);
    return asks;
}

/* --- doing it --- */

/* What follows of a request that a living job will take. */
static void say(const struct job_follow *job, enum steering what, char *said, size_t size)
{
    const struct job_kind *kind = job_kind_of(job->job);
    switch (what) {
    case STEER_PAUSE:
        snprintf(said, size, "the %s pauses after the current %s", kind->noun, kind->unit);
        break;
    case STEER_CHECKPOINT:
        snprintf(said, size, "the %s saves a checkpoint after the current %s", kind->noun,
                 kind->unit);
        break;
    case STEER_STOP:
        if (job->state == JOB_WAITING)
            snprintf(said, size, "the %s stops %s", kind->noun, not_begun);
        else
            snprintf(said, size, "the %s stops after the current %s, %s", kind->noun, kind->unit,
                     kind->kept);
        break;
    default:
        snprintf(said, size, "the %s goes on", kind->noun);
        break;
    }
}

/* What was asked of it comes before what it does now. */
void steer_put_left(const struct job_follow *job, char *out, size_t size)
{
    const char *noun = job_kind_of(job->job)->noun, *name = path_last(job->path);
    char state[ERROR_TEXT_MAX];
    if (job->asked & 1u << JOB_REQUEST_STOP) {
        say(job, STEER_STOP, out, size);
    } else if (job_follow_pauses(job) && !(job->asked & 1u << JOB_REQUEST_RESUME)) {
        snprintf(out, size,
                 "the %s %s is paused: p on its screen lets it go on, and so does `spectrum resume "
                 "%s`",
                 noun, name, name);
    } else if (job->asked & 1u << JOB_REQUEST_PAUSE) {
        say(job, STEER_PAUSE, out, size);
    } else if (job->state == JOB_WAITING) {
        job_follow_describe(job, state, sizeof state);
        snprintf(out, size, "the %s %s is %s", noun, name, state);
    } else {
        snprintf(out, size, "the %s %s goes on", noun, name);
    }
}

/* Where a job that is started again goes on. */
static const char *from_where(const struct job_follow *job, const struct job_restart *restart)
{
    struct error damage = ERROR_INIT;
    if (restart->step > 0)
        return "from that checkpoint";
    if (!job_kind_of(job->job)->checkpoints)
        return "from what it has computed";
    bool none = state_latest_step(job->path, &damage) < 0 && damage.kind == ERROR_NONE;
    return none ? "from its beginning: it has no checkpoint" : "from its last checkpoint";
}

/* What has ended, or died, is started again. */
static int start_again(const struct job_follow *job, const struct steer_how *how, char *said,
                       size_t size, struct error *err)
{
    struct job_restart restart = {0};
    char words[160];
    if (how)
        restart = (struct job_restart){
            .step = how->step, .more = how->more, .rate = how->rate, .schedule = how->schedule};
    snprintf(said, size, "the %s goes on %s", job_kind_of(job->job)->noun,
             from_where(job, &restart));
    if (restart.more > 0) {
        struct steer_more more = steer_more(job, how);
        steer_put_more(&more, words, sizeof words);
        snprintf(said, size, "the %s goes on for %" PRId64 " step%s more, %s",
                 job_kind_of(job->job)->noun, restart.more, restart.more == 1 ? "" : "s", words);
    }
    return job_relaunch(job->path, "/proc/self/exe", &restart, how ? how->trusted : NULL, err);
}

/* A job that lives gets a request, one that does not is started again. */
int steer(struct job_follow *job, enum steering what, const struct steer_how *how, char *said,
          size_t size, struct error *err)
{
    int status = steer_check(job, what, how, err);
    if (status == 0 && what == STEER_RESUME && !job_follow_lives(job)) {
        status = start_again(job, how, said, size, err);
    } else if (status == 0) {
        status = job_request_put(job->path, requests[what].request, NULL, err);
        say(job, what, said, size);
    }
    job_follow_refresh(job);
    return status;
}

enum steering steer_pause_key(const struct job_follow *job)
{
    return job_follow_pauses(job) ? STEER_CONTINUE : STEER_PAUSE;
}
