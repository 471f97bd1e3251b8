#include "tui/session/library.h"

#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Bytes of a job's metrics that one look takes in. */
enum { LOOK_BYTES = 8 << 20 };

/* --- listing --- */

/* The times of all watched folders in one number (FNV-1a over them). */
static uint64_t stamp_of(const struct library *library)
{
    uint64_t stamp = 0;
    for (size_t i = 0; i < library->watched_count; i++) {
        struct stat info;
        uint64_t at =
            sys.stat(library->watched[i], &info) == 0
                ? (uint64_t)info.st_mtim.tv_sec * 1000000000U + (uint64_t)info.st_mtim.tv_nsec
                : 0;
        stamp = (stamp ^ at) * UINT64_C(0x100000001b3);
    }
    return stamp;
}

bool library_changed(const struct library *library)
{
    return stamp_of(library) != library->stamp;
}

/* --- what was known of the same rows --- */

static int by_path(const void *a, const void *b)
{
    const struct library_row *const *x = a, *const *y = b;
    int order = strcmp((*x)->path, (*y)->path);
    return order ? order : (int)(*x)->kind - (int)(*y)->kind;
}

/* Takes facts and marks over from rows of the same kind and path. Without memory for that all is
 * read again. */
static void take_over(struct library *library, struct library *before)
{
    struct library_row **old = array_alloc(before->count, sizeof *old, NULL);
    for (size_t i = 0; old && i < before->count; i++)
        old[i] = &before->rows[i];
    if (old && before->count > 0)
        qsort(old, before->count, sizeof(struct library_row *), by_path);
    for (size_t i = 0; old && before->count > 0 && i < library->count; i++) {
        struct library_row *row = &library->rows[i];
        struct library_row **found =
            bsearch(&row, old, before->count, sizeof(struct library_row *), by_path);
        if (!found)
            continue;
        struct library_row *from = *found;
        row->identity = from->identity;
        row->state = from->state;
        row->whole = from->whole;
        row->marked = from->marked;
        row->model = from->model;
        row->job = from->job;
        row->best = from->best;
        from->best = (struct job_best){0};
    }
    free(old);
}

int library_read(struct library *library, struct error *err)
{
    struct library before = *library;
    *library = (struct library){0};
    int status = library_find(library, err);
    library->stamp = stamp_of(library);
    take_over(library, &before);
    library_free(&before);
    return status;
}

/* --- reading on --- */

/* What changes when a job does: its folder, in which files are made and replaced. */
static uint64_t job_identity(const char *path)
{
    struct stat info;
    if (sys.stat(path, &info) != 0)
        return 1;
    uint64_t identity = (info.st_ino ^ (uint64_t)info.st_mtim.tv_sec) * UINT64_C(0x100000001b3);
    identity = (identity ^ (uint64_t)info.st_mtim.tv_nsec) * UINT64_C(0x100000001b3);
    return identity ? identity : 1;
}

static void read_job(struct library_row *row)
{
    struct job_follow *follow;
    if (job_follow_open_end(&follow, row->path, NULL) == 0) {
        job_facts_take(&row->job, follow);
        job_follow_close(follow);
    }
}

/* The rest of a job's evaluations, after what its end says is shown, which goes before them. */
static void read_best(struct library_row *row)
{
    row->whole = job_best_read(&row->best, row->path, LOOK_BYTES);
    row->job.best = job_best_loss(&row->best);
    if (row->whole && isnan(row->job.evaluation))
        row->job.evaluation = job_best_last(&row->best);
}

/* True: something was read that may be shown. */
static bool look_at_model(struct library_row *row)
{
    uint64_t identity = model_identity(row->path), state = model_state_identity(&row->model);
    bool same = identity == row->identity && row->whole;
    if (same && state == row->state)
        return false;
    if (!same || !row->model.content[0]) { /* a scan has found out what they hold */
        model_facts_read(&row->model, row->path);
        state = model_state_identity(&row->model);
    }
    model_facts_read_state(&row->model);
    row->identity = identity;
    row->state = state;
    row->whole = true;
    return true;
}

/* A job that has ended is read once; one that lives, whenever its files have changed. */
static bool look_at_job(struct library_row *row)
{
    uint64_t identity = job_identity(row->path);
    bool same = identity == row->identity;
    if (same && row->whole && !row->job.lives)
        return false;
    if (!same || row->job.lives)
        read_job(row);
    read_best(row);
    row->identity = identity;
    return true;
}

static bool look(struct library_row *row)
{
    if (row->kind == LIBRARY_JOB)
        return look_at_job(row);
    if (row->kind == LIBRARY_MODEL)
        return look_at_model(row);
    row->whole = true; /* of a scan file nothing is read */
    return false;
}

/* The wanted ones, as often as this is called; then one after another of all, where the last call
 * left off, so that each gets its turn. */
bool library_tick(struct library *library, const size_t *wanted, size_t count, double seconds)
{
    double end = clock_seconds() + seconds;
    bool changed = false;
    for (size_t i = 0; i < count && clock_seconds() < end; i++)
        changed = look(&library->rows[wanted[i]]) || changed;
    for (size_t i = 0; i < library->count && clock_seconds() < end; i++) {
        library->next = (library->next + 1) % library->count;
        changed = look(&library->rows[library->next]) || changed;
    }
    library->pending = 0;
    for (size_t i = 0; i < library->count; i++)
        library->pending += !library->rows[i].whole;
    return changed;
}

void library_forget(struct library *library, size_t row)
{
    library->rows[row].identity = 0;
    library->rows[row].whole = false;
}
