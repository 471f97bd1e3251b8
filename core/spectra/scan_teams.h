/* How a scan's threads share its matrices: each has one of its own as long as there are some and
 * memory for them, since that leaves nothing to wait for; a thread that gets none helps another's
 * (compute/team.h), so that neither few matrices nor little memory leave a core idle. Internal to
 * core/spectra; all but hand_lend() inside the critical section "scan".
 */
#ifndef SPECTRUM_SPECTRA_SCAN_TEAMS_H
#define SPECTRUM_SPECTRA_SCAN_TEAMS_H

#include "base/error.h"
#include "compute/team.h"

#include <stdbool.h>
#include <stddef.h>

/* A thread, and what it works at. */
struct hand {
    struct team team; /* open while it has a matrix that others can help with */
    double work;      /* operations of that matrix; 0: nobody can help */
    int threads;      /* at it, the leader among them; 0: it has no matrix */
    uint64_t bytes;   /* that the thread holds */
};

struct hands {
    struct hand *all; /* one a thread */
    int count;
};

int hands_new(struct hands *hands, int count, struct error *err);
void hands_free(struct hands *hands);

/* Operations for a matrix's values: its Gram matrix and that one's reduction. */
double matrix_work(int64_t rows, int64_t cols);

/* The rule of memory. May a thread hold `need` bytes for a matrix, where the others hold as many?
 * One always may. */
bool may_begin(uint64_t need, uint64_t others, uint64_t budget);

/* The same, asked of the hands; what the thread has from its last matrix it keeps. */
bool hands_may_begin(const struct hands *hands, const struct hand *own, uint64_t need,
                     uint64_t budget);

/* The rule of what is left. Which matrix a thread without one helps: the one with most work a
 * thread, itself counted in, and the last among equals; NULL: there is none to help. */
struct hand *hands_neediest(const struct hands *hands);

/* A thread that gets none of its own holds nothing, and is at that one's from now on; NULL: as above.
 */
struct hand *hands_join(const struct hands *hands, struct hand *own);

/* Then, outside: it works at that matrix until that is done, or waits a moment for one of its own
 * (`waits`). False: it does neither, nothing is left for it. */
bool hand_lend(struct hand *helped, bool waits);

/* A thread begins a matrix of its own, for which it holds `bytes` until it says otherwise; work 0:
 * nobody can help. */
void hand_begin(struct hand *own, double work, uint64_t bytes);
void hand_end(struct hand *own);

#endif
