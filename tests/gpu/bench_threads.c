#include "bench_threads.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct crew {
    pthread_mutex_t lock; /* of next and error */
    size_t next, count;
    struct error error;
    int (*piece)(void *context, size_t index, struct error *err);
    void *context;
};

/* The next piece; count: there is none, or one has failed. */
static size_t take_next(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    size_t index = crew->next < crew->count ? crew->next++ : crew->count;
    pthread_mutex_unlock(&crew->lock);
    return index;
}

static void stop(struct crew *crew, const struct error *why)
{
    pthread_mutex_lock(&crew->lock);
    if (crew->error.kind == ERROR_NONE)
        crew->error = *why;
    crew->next = crew->count;
    pthread_mutex_unlock(&crew->lock);
}

static void *work(void *context)
{
    struct crew *crew = context;
    size_t index;
    while ((index = take_next(crew)) < crew->count) {
        struct error trouble = ERROR_INIT;
        if (crew->piece(crew->context, index, &trouble) != 0)
            stop(crew, &trouble);
    }
    return NULL;
}

int threads_take(int threads, size_t count,
                 int (*piece)(void *context, size_t index, struct error *err), void *context,
                 struct error *err)
{
    struct crew crew = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .count = count, .piece = piece, .context = context};
    pthread_t *all = calloc((size_t)threads, sizeof *all);
    int started = 0;
    while (all && started < threads && pthread_create(&all[started], NULL, work, &crew) == 0)
        started++;
    if (started < threads) {
        struct error few = ERROR_INIT;
        error_set(&few, "only %d of %d threads can be started", started, threads);
        stop(&crew, &few);
    }
    while (started > 0)
        pthread_join(all[--started], NULL);
    free(all);
    return crew.error.kind == ERROR_NONE ? 0 : error_set(err, "%s", crew.error.text);
}

int threads_of_machine(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (int)count;
}
