/* The lowest and the last evaluation loss of a job so far, from all of its metrics, a piece at a
 * time. The lowest is what --best would take: that of the base, at step 0, is none of them.
 *
 * A struct job_best begins as {0}; job_best_read() reads on, at most so many bytes, and is called
 * again until it says that the end is reached, and then whenever the file may have grown;
 * job_best_free() frees it. Only evaluations and resumes are parsed. What is kept are evaluations
 * each lower than all before it, so a resume, which takes the later ones back, costs nothing.
 */
#ifndef SPECTRUM_TUI_SESSION_JOB_BEST_H
#define SPECTRUM_TUI_SESSION_JOB_BEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job_best {
    uint64_t file;   /* its inode: another one is read from its beginning */
    uint64_t offset; /* bytes of it that are taken in */
    bool midway;
    bool evaluated; /* there is a last one */
    struct evaluation_mark {
        int64_t step;
        double loss;
    } * marks, last; /* marks: steps rise, losses fall */
    size_t count, capacity;
};

/* True: all that is there is taken in. */
bool job_best_read(struct job_best *best, const char *job, uint64_t most);
double job_best_loss(const struct job_best *best); /* NaN: no evaluation */
double job_best_last(const struct job_best *best); /* the same, of the last one */
void job_best_free(struct job_best *best);

#endif
