#include "tui/session/job_actions.h"

#include "base/text.h"
#include "job/job_kind.h"
#include "tui/session/finish.h"
#include "tui/session/steer.h"

#include <stddef.h>

/* --- conditions --- */

static int pauses_or_goes_on(const struct job_follow *job, struct error *err)
{
    return steer_check(job, steer_pause_key(job), NULL, err);
}

static int saves(const struct job_follow *job, struct error *err)
{
    return steer_check(job, STEER_CHECKPOINT, NULL, err);
}

static int stops(const struct job_follow *job, struct error *err)
{
    return steer_check(job, STEER_STOP, NULL, err);
}

static int resumes(const struct job_follow *job, struct error *err)
{
    return steer_check(job, STEER_RESUME, NULL, err);
}

static int takes_more(const struct job_follow *job, struct error *err)
{
    return steer_check(job, STEER_RESUME, &(struct steer_how){.more = 1}, err);
}

static int has_steps(const struct job_follow *job, struct error *err)
{
    const struct job_kind *kind = job_kind_of(job->job);
    bool has = kind->steps || !kind->command[0]; /* what is not known may have some */
    return has ? 0
               : error_set(err, "it is %s %s, which has no steps to draw", text_a(kind->noun),
                           kind->noun);
}

static int has_weights(const struct job_follow *job, struct error *err)
{
    const struct job_kind *kind = job_kind_of(job->job);
    return kind->weights ? 0
                         : error_set(err, "it is %s %s, of which nothing is made",
                                     text_a(kind->noun), kind->noun);
}

static int is_over(const struct job_follow *job, struct error *err)
{
    return job_follow_lives(job) ? error_set(err, "it lives: stop it first") : 0;
}

/* --- the table --- */

static const struct {
    enum request request;
    int (*check)(const struct job_follow *job, struct error *err);
} table[] = {
    {REQUEST_PAUSE, pauses_or_goes_on},
    {REQUEST_CHECKPOINT, saves},
    {REQUEST_STOP, stops},
    {REQUEST_RESUME, resumes},
    {REQUEST_DELETE, is_over},
    {REQUEST_MORE_STEPS, takes_more},
    {REQUEST_EXPORT, finish_check},
    {REQUEST_MERGE, finish_check},
    {REQUEST_EVALUATE, finish_check},
    {REQUEST_TRY, finish_check},
    {REQUEST_CHAT, finish_check},
    {REQUEST_RESULTS, has_weights},
    {REQUEST_OVERLAY, has_steps}, /* and all else that is of a curve */
    {REQUEST_GRADIENTS, has_steps},
    {REQUEST_LOGARITHM, has_steps},
    {REQUEST_LOGARITHM_X, has_steps},
    {REQUEST_MEMORY, has_steps},
    {REQUEST_SAMPLES, has_steps},
};
enum { COUNT = sizeof table / sizeof *table };

static size_t find(enum request request)
{
    size_t at = 0;
    while (at < COUNT && table[at].request != request)
        at++;
    return at;
}

int job_action_check(const struct job_follow *job, enum request request, struct error *err)
{
    size_t at = find(request);
    return at == COUNT ? 0 : table[at].check(job, err);
}

bool job_action_is(const struct job_follow *job, enum request request)
{
    return job_action_check(job, request, NULL) == 0;
}

unsigned job_actions(const struct job_follow *job)
{
    unsigned actions = 0;
    for (size_t i = 0; i < COUNT; i++)
        actions |= table[i].check(job, NULL) == 0 ? 1u << i : 0;
    return actions;
}

bool job_actions_have(unsigned actions, enum request request)
{
    size_t at = find(request);
    return at == COUNT || actions >> at & 1;
}

const char *job_action_word(bool pauses, enum request request)
{
    return pauses && request == REQUEST_PAUSE ? "go on" : NULL;
}
