#include "job/metrics_writer.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/sys.h"
#include "job/job_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* The file ends with a whole line from here on (1. of the header). */
static int end_partial_line(int fd, const char *path, struct error *err)
{
    struct stat info;
    char last = '\n';
    if (sys.fstat(fd, &info) != 0)
        return error_set_errno(err, errno, "cannot read %s", path);
    if (info.st_size > 0 && sys.pread(fd, &last, 1, info.st_size - 1) != 1)
        return error_set_errno(err, errno, "cannot read %s", path);
    return last == '\n' ? 0 : file_write(fd, "\n", 1, path, err);
}

/* False: another holds it. A file system without locks lets everyone in. */
static bool lock_file(int fd)
{
    return sys.flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* Asked with the lock itself, which is given back when the file is closed. */
bool job_metrics_are_written(const char *job)
{
    char *path = job_dir_confine(job, NULL) == 0 ? path_join(job, "metrics.jsonl", NULL) : NULL;
    int fd = path ? sys.open(path, O_RDWR, 0) : -1;
    bool written = fd >= 0 && !lock_file(fd);
    if (fd >= 0)
        sys.close(fd);
    free(path);
    return written;
}

/* Appended to, under a lock for as long as the run lasts; a line that a kill has cut off is ended
 * first, so that the next one is a line. */
int job_metrics_open(struct job_metrics_writer *writer, const char *job, struct error *err)
{
    *writer = (struct job_metrics_writer){.fd = -1};
    if (job_dir_confine(job, err) != 0 || !(writer->path = path_join(job, "metrics.jsonl", err)))
        return -1;
    writer->fd = sys.open(writer->path, O_RDWR | O_CREAT | O_APPEND, 0666);
    if (writer->fd < 0)
        error_set_errno(err, errno, "cannot write %s", writer->path);
    else if (!lock_file(writer->fd))
        error_set(err, "another process writes %s: two may not run in one folder", writer->path);
    else if (end_partial_line(writer->fd, writer->path, err) == 0)
        return 0;
    job_metrics_close(writer);
    return -1;
}

/* All that is held in one write, or none of it (3. of the header). */
int job_metrics_flush(struct job_metrics_writer *writer, struct error *err)
{
    struct buffer *held = &writer->held;
    struct stat before;
    if (held->length == 0)
        return 0;
    if (sys.fstat(writer->fd, &before) != 0)
        return error_set_errno(err, errno, "cannot read %s", writer->path);
    if (file_write(writer->fd, held->data, held->length, writer->path, err) != 0) {
        /* What there was room for is cut off: all of it is still held, and nobody else appends. */
        if (sys.ftruncate(writer->fd, before.st_size) != 0)
            end_partial_line(writer->fd, writer->path, NULL);
        return -1;
    }
    buffer_clear(held);
    return 0;
}

/* The line goes to those that wait, so that they stay in order, and all are written together. */
int job_metrics_append(struct job_metrics_writer *writer, const struct buffer *object,
                       struct error *err)
{
    struct buffer *held = &writer->held;
    struct error why = ERROR_INIT;
    buffer_append(held, buffer_string(object), object->length);
    buffer_byte(held, '\n');
    if (buffer_check(object, err) != 0 || buffer_check(held, err) != 0)
        return -1;
    if (job_metrics_flush(writer, &why) == 0)
        return 0;
    if (err)
        *err = why;
    return why.kind == ERROR_NO_ROOM && held->length <= JOB_METRICS_HELD_MAX ? 1 : -1;
}

void job_metrics_close(struct job_metrics_writer *writer)
{
    if (writer->fd >= 0)
        sys.close(writer->fd);
    buffer_free(&writer->held);
    free(writer->path);
    *writer = (struct job_metrics_writer){.fd = -1};
}
