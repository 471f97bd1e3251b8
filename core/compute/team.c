/* Threads that help one with its work: the leader hands out parts, helpers come and go. */
#include "compute/team.h"

#include <time.h>

/* A round, as helpers and leader see it:
 *
 *   1. The leader writes what is to be done while `inside` is 0, and makes `round` odd.
 *   2. A helper counts itself inside, and looks at `round` again: if it is still the same odd one,
 *      what it reads is this round's until it leaves.
 *   3. The leader makes `round` even once all parts are taken, then waits until nobody is inside.
 *      Either it sees the helper inside, or the helper sees the round's end: both store first and
 *      load then, in one order for all (sequential consistency).
 *
 * Waiting begins with a short spin, since a round often follows another within microseconds, and
 * ends in sleep, since others may want the processor.
 */
enum { SPINS = 2000 };

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void team_init(struct team *team)
{
    *team = (struct team){.part = NULL};
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->changed, NULL);
    pthread_cond_init(&team->left, NULL);
}

void team_free(struct team *team)
{
    pthread_cond_destroy(&team->left);
    pthread_cond_destroy(&team->changed);
    pthread_mutex_destroy(&team->mutex);
}

static void wake(struct team *team, pthread_cond_t *condition)
{
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(condition);
    pthread_mutex_unlock(&team->mutex);
}

void team_open(struct team *team)
{
    atomic_fetch_add(&team->opening, 1);
}

void team_close(struct team *team)
{
    atomic_fetch_add(&team->opening, 1);
    if (atomic_load(&team->sleepers) > 0)
        wake(team, &team->changed);
}

/* Whoever is free takes the next part: parts may take different times. */
static void take_parts(struct team *team)
{
    int64_t index;
    while ((index = atomic_fetch_add(&team->next, 1)) < team->count)
        team->part(team->context, index);
}

/* --- the leader --- */

/* Spins, then sleeps until the last helper that leaves wakes it. */
static void wait_until_left(struct team *team)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&team->inside) == 0)
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&team->mutex);
    atomic_store(&team->leader_sleeps, true);
    while (atomic_load(&team->inside) > 0)
        pthread_cond_wait(&team->left, &team->mutex);
    atomic_store(&team->leader_sleeps, false);
    pthread_mutex_unlock(&team->mutex);
}

/* Without a team the caller makes all parts itself, in order. */
void team_each(struct team *team, team_part *part, const void *context, int64_t count)
{
    if (!team) {
        for (int64_t i = 0; i < count; i++)
            part(context, i);
        return;
    }
    team->part = part;
    team->context = context;
    team->count = count;
    atomic_store(&team->next, 0);
    atomic_fetch_add(&team->round, 1);
    if (atomic_load(&team->sleepers) > 0)
        wake(team, &team->changed);
    take_parts(team);
    atomic_fetch_add(&team->round, 1);
    wait_until_left(team);
}

/* --- helpers --- */

static void leave(struct team *team)
{
    if (atomic_fetch_sub(&team->inside, 1) == 1 && atomic_load(&team->leader_sleeps))
        wake(team, &team->left);
}

/* What a helper has seen last; anything else is news. */
struct seen {
    uint64_t opening, round;
};

static bool has_news(struct team *team, const struct seen *seen)
{
    return atomic_load(&team->opening) != seen->opening || atomic_load(&team->round) != seen->round;
}

static void wait_for_news(struct team *team, const struct seen *seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (has_news(team, seen))
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add(&team->sleepers, 1);
    while (!has_news(team, seen))
        pthread_cond_wait(&team->changed, &team->mutex);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->mutex);
}

void team_help(struct team *team)
{
    struct seen seen = {.opening = atomic_load(&team->opening)};
    while (seen.opening % 2 == 1 && atomic_load(&team->opening) == seen.opening) {
        seen.round = atomic_load(&team->round);
        if (seen.round % 2 == 1) {
            atomic_fetch_add(&team->inside, 1);
            if (atomic_load(&team->round) == seen.round)
                take_parts(team);
            leave(team);
        }
        wait_for_news(team, &seen);
    }
}

void team_wait_for(_Atomic int64_t *progress, int64_t least)
{
    const struct timespec moment = {.tv_nsec = 20000};
    for (int i = 0; atomic_load_explicit(progress, memory_order_acquire) < least; i++) {
        if (i < SPINS)
            pause_briefly();
        else /* its thread has lost its processor: this one may be what it waits for */
            nanosleep(&moment, NULL);
    }
}
