#include "tui/session/job_best.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/job_line.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Evaluations of that step and of later ones are void. */
static void forget_from(struct job_best *best, int64_t step)
{
    while (best->count > 0 && best->marks[best->count - 1].step >= step)
        best->count--;
    best->evaluated = best->evaluated && best->last.step < step;
}

static bool has(const char *text, size_t length, const char *word)
{
    return memmem(text, length, word, strlen(word)) != NULL;
}

/* A resume takes back what was evaluated after its step: that line of training has been left. Step
 * 0 is the base's, which no checkpoint has, so it is the last evaluation and never the best. */
static int take(void *context, const char *text, size_t length, uint64_t offset, struct error *err)
{
    struct job_best *best = context;
    struct job_line line;
    (void)offset;
    if ((!has(text, length, "\"eval_loss\"") && !has(text, length, "\"resume\"")) ||
        !job_line_read(&line, text, length, "metrics.jsonl") || line.step < 0)
        return 0;
    if (job_line_is_resume(&line)) {
        forget_from(best, line.step + 1);
        return 0;
    }
    if (line.kind != JOB_LINE_EVALUATION)
        return 0;
    forget_from(best, line.step);
    best->last = (struct evaluation_mark){line.step, line.value};
    best->evaluated = true;
    if (line.step == 0 || isnan(line.value) || line.value >= job_best_loss(best))
        return 0;
    if (array_reserve((void **)&best->marks, &best->capacity, best->count + 1, sizeof *best->marks,
                      err) != 0)
        return -1;
    best->marks[best->count++] = (struct evaluation_mark){line.step, line.value};
    return 0;
}

/* What became shorter or has another inode is another file, and is read from its beginning. */
static void notice_another(struct job_best *best, int fd, uint64_t size)
{
    struct stat info;
    uint64_t file = sys.fstat(fd, &info) == 0 ? (uint64_t)info.st_ino : best->file;
    if (size < best->offset || file != best->file) {
        best->offset = best->count = 0;
        best->midway = best->evaluated = false;
    }
    best->file = file;
}

/* At most so many bytes a call, so that a library of thousands of jobs opens at once; true when all
 * is read. */
bool job_best_read(struct job_best *best, const char *job, uint64_t most)
{
    uint64_t size = 0;
    char *path = job_dir_confine(job, NULL) == 0 ? path_join(job, "metrics.jsonl", NULL) : NULL;
    int fd = path ? file_open_read(path, &size, NULL) : -1;
    if (fd < 0) {
        free(path);
        return true;
    }
    notice_another(best, fd, size);
    uint64_t to = size - best->offset > most ? best->offset + most : size;
    struct line_place lines = {.fd = fd,
                               .path = path,
                               .offset = best->offset,
                               .midway = best->midway,
                               .take = take,
                               .context = best};
    bool failed = lines_read(&lines, to, NULL) != 0;
    best->offset = lines.offset;
    best->midway = lines.midway;
    sys.close(fd);
    free(path);
    return failed || to == size;
}

double job_best_loss(const struct job_best *best)
{
    return best->count > 0 ? best->marks[best->count - 1].loss : NAN;
}

double job_best_last(const struct job_best *best)
{
    return best->evaluated ? best->last.loss : NAN;
}

void job_best_free(struct job_best *best)
{
    free(best->marks);
    *best = (struct job_best){0};
}
