#include "tracker/format.h"

#include "base/file.h"
#include "base/sys.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

double tracker_file_written(const struct stat *info)
{
    return (double)info->st_mtim.tv_sec + (double)info->st_mtim.tv_nsec * 1e-9;
}

/* A file may say that it was written in the future; what changed was written by now. */
int tracker_look(struct tracker *tracker, const char *path, struct error *err)
{
    struct stat info;
    int there = file_look(path, &info, err);
    if (there == 0)
        return error_set(err, "%s is gone", path);
    if (there < 0)
        return -1;
    double modified = tracker_file_written(&info), now = (double)sys.time(NULL);
    if (modified > tracker->modified ||
        (modified == tracker->modified && (uint64_t)info.st_size != tracker->size)) {
        double at = modified < now ? modified : now;
        tracker->written = at > tracker->written ? at : tracker->written;
        tracker->modified = modified;
        tracker->size = (uint64_t)info.st_size;
    }
    return 0;
}

bool tracker_mark_holds(const struct tracker_mark *mark, int fd)
{
    struct stat info;
    unsigned char tail[sizeof mark->tail];
    if (mark->inode == 0)
        return true;
    return sys.fstat(fd, &info) == 0 && info.st_dev == mark->device && info.st_ino == mark->inode &&
           (uint64_t)info.st_size >= mark->offset &&
           sys.pread(fd, tail, mark->length, (off_t)(mark->offset - mark->length)) ==
               (ssize_t)mark->length &&
           memcmp(tail, mark->tail, mark->length) == 0;
}

void tracker_mark_set(struct tracker_mark *mark, int fd, uint64_t offset)
{
    struct stat info;
    size_t length = offset < sizeof mark->tail ? (size_t)offset : sizeof mark->tail;
    *mark = (struct tracker_mark){.offset = offset};
    if (sys.fstat(fd, &info) != 0 ||
        sys.pread(fd, mark->tail, length, (off_t)(offset - length)) != (ssize_t)length)
        return;
    mark->device = info.st_dev;
    mark->inode = info.st_ino;
    mark->length = length;
}

void tracker_begin_anew(struct tracker *tracker)
{
    steps_begin_anew(&tracker->steps);
    tracker->ended = false;
    tracker->damage[0] = '\0';
}

void tracker_say_damage(struct tracker *tracker, const char *format, ...)
{
    va_list arguments;
    if (tracker->damage[0])
        return;
    va_start(arguments, format);
    vsnprintf(tracker->damage, sizeof tracker->damage, format, arguments);
    va_end(arguments);
    utf8_sanitize(tracker->damage);
}
