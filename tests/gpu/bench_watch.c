#include "bench_watch.h"

#include <time.h>

/* Rarely: asking takes the driver's locks, and lanes keep what they once took. */
static const struct timespec pause_between = {.tv_nsec = 50000000};

uint64_t watch_free_memory(const struct backend *backend)
{
    struct device_info info;
    backend->describe(backend->self, &info);
    return info.free_memory;
}

static void look(struct watch *watch)
{
    uint64_t bytes = watch_free_memory(watch->backend);
    watch->least = bytes < watch->least ? bytes : watch->least;
}

static void *run(void *context)
{
    struct watch *watch = context;
    while (!atomic_load(&watch->stop)) {
        look(watch);
        nanosleep(&pause_between, NULL);
    }
    return NULL;
}

int watch_start(struct watch *watch, const struct backend *backend, struct error *err)
{
    *watch = (struct watch){.backend = backend, .least = UINT64_MAX};
    if (pthread_create(&watch->thread, NULL, run, watch) != 0)
        return error_set(err, "no thread can be started");
    return 0;
}

uint64_t watch_stop(struct watch *watch)
{
    atomic_store(&watch->stop, true);
    pthread_join(watch->thread, NULL);
    look(watch);
    return watch->least;
}
