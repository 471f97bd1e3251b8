#include "spectra/scan_teams.h"

#include "base/memory.h"
#include "compute/spectra.h"

#include <stdlib.h>
#include <time.h>

int hands_new(struct hands *hands, int count, struct error *err)
{
    hands->all = array_alloc((size_t)count, sizeof *hands->all, err);
    if (!hands->all)
        return -1;
    for (hands->count = 0; hands->count < count; hands->count++)
        team_init(&hands->all[hands->count].team);
    return 0;
}

void hands_free(struct hands *hands)
{
    for (int i = 0; i < hands->count; i++)
        team_free(&hands->all[i].team);
    free(hands->all);
    *hands = (struct hands){0};
}

double matrix_work(int64_t rows, int64_t cols)
{
    double n = (double)shorter(rows, cols);
    return n * n * (double)longer(rows, cols) + 4.0 / 3 * n * n * n;
}

bool may_begin(uint64_t need, uint64_t others, uint64_t budget)
{
    return others == 0 || (others <= budget && need <= budget - others);
}

bool hands_may_begin(const struct hands *hands, const struct hand *own, uint64_t need,
                     uint64_t budget)
{
    uint64_t others = 0;
    for (int i = 0; i < hands->count; i++)
        others += &hands->all[i] == own ? 0 : hands->all[i].bytes;
    return may_begin(need > own->bytes ? need : own->bytes, others, budget);
}

/* Whose matrix has the most work for each thread that is at it, counting one more. */
struct hand *hands_neediest(const struct hands *hands)
{
    struct hand *found = NULL;
    double most = 0;
    for (int i = 0; i < hands->count; i++) {
        struct hand *hand = &hands->all[i];
        double share = hand->work / (hand->threads + 1);
        if (hand->threads > 0 && hand->work > 0 && share >= most) {
            most = share;
            found = hand;
        }
    }
    return found;
}

struct hand *hands_join(const struct hands *hands, struct hand *own)
{
    struct hand *helped = hands_neediest(hands);
    own->bytes = 0;
    if (helped)
        helped->threads++;
    return helped;
}

bool hand_lend(struct hand *helped, bool waits)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    if (helped)
        team_help(&helped->team);
    else if (waits)
        nanosleep(&moment, NULL);
    return helped || waits;
}

void hand_begin(struct hand *own, double work, uint64_t bytes)
{
    own->work = work;
    own->threads = 1;
    own->bytes = bytes > own->bytes ? bytes : own->bytes;
    if (work > 0)
        team_open(&own->team);
}

void hand_end(struct hand *own)
{
    if (own->work > 0)
        team_close(&own->team);
    own->work = 0;
    own->threads = 0;
}
