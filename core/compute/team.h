/* Threads that work at one thing together. The team has no threads of its own, so that a process
 * keeps to those that it has: one thread leads, and hands out what is to be done in parts; any
 * others may come to help at any time, also in the middle, and stay until it closes the team.
 *
 *     team_init
 *     leader:  team_open -> team_each, team_each, ... -> team_close -> team_open ...
 *     helpers: team_help, which returns after team_close
 *     team_free, once nobody is in it
 *
 * Who does which part is chance. So that results are the same to the bit whatever the number of
 * threads, what a part is depends on the work alone, each writes what no other one touches, and
 * sums over parts are made in the parts' order.
 */
#ifndef SPECTRUM_COMPUTE_TEAM_H
#define SPECTRUM_COMPUTE_TEAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Part `index` of what is to be done. */
typedef void team_part(const void *context, int64_t index);

struct team {
    /* What is handed out; written while nobody is inside. */
    team_part *part;
    const void *context;
    int64_t count;

    _Atomic uint64_t round;    /* odd: something is handed out; even: nothing, or it is all taken */
    _Atomic int64_t next;      /* the part that is taken next */
    _Atomic int64_t inside;    /* helpers that may hold a part */
    _Atomic int64_t sleepers;  /* helpers that wait for a round on `changed` */
    atomic_bool leader_sleeps; /* waits on `left` until nobody is inside */
    _Atomic uint64_t opening;  /* odd: the team is open */

    pthread_mutex_t mutex; /* of the two conditions alone */
    pthread_cond_t changed, left;
};

void team_init(struct team *team);
void team_free(struct team *team);

/* Helpers may come from now on; none is waited for. */
void team_open(struct team *team);

/* Sends them away. Those that have not left yet touch the team alone, and no more parts. */
void team_close(struct team *team);

/* Calls part(context, 0) to part(context, count - 1), each once; parts are begun in their order, so
 * that one may wait for another before it (team_wait_for()). Returns when all have ended. NULL: the
 * caller alone. Not from within a part. */
void team_each(struct team *team, team_part *part, const void *context, int64_t count);

/* Takes parts until the team is closed; at once where it is not open. */
void team_help(struct team *team);

/* Waits, inside a part, until *progress, which another one sets, is at least `least`. */
void team_wait_for(_Atomic int64_t *progress, int64_t least);

#endif
