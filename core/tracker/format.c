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

bool tracker_same(struct tracker_seen *seen, const struct stat *info)
{
    const struct tracker_seen before = *seen;
    *seen =
        (struct tracker_seen){info->st_dev, info->st_ino, (uint64_t)info->st_size,
                              (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec};
    return before.device == seen->device && before.inode == seen->inode &&
           before.size == seen->size && before.changed == seen->changed;
}

/* Longer than a tick of any clock of a file system. */
static const double moment = 2;

bool tracker_unchanged(struct tracker_seen *seen, const struct stat *info)
{
    return tracker_same(seen, info) && tracker_file_written(info) < (double)sys.time(NULL) - moment;
}

/* What says that it was written in the future was written by now. */
void tracker_note_written(struct tracker *tracker, double when)
{
    double now = (double)sys.time(NULL), at = when < now ? when : now;
    tracker->written = at > tracker->written ? at : tracker->written;
}

/* A file may say that it was written in the future; what changed was written by now. */
int tracker_look(struct tracker *tracker, const char *path, struct tracker_seen *seen,
                 bool *as_before, struct error *err)
{
    struct stat info;
    int there = file_look(path, &info, err);
    if (there == 0)
        return error_set(err, "%s is gone", path);
    if (there < 0)
        return -1;
    double modified = tracker_file_written(&info);
    if (modified > tracker->modified ||
        (modified == tracker->modified && (uint64_t)info.st_size != tracker->size)) {
        tracker_note_written(tracker, modified);
        tracker->modified = modified;
        tracker->size = (uint64_t)info.st_size;
    }
    bool same = tracker_unchanged(seen, &info);
    if (as_before)
        *as_before = same;
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
    tracker->kinds = tracker->lines = tracker->unsaid = 0;
    buffer_clear(&tracker->damage);
}

/* --- damage --- */

static const char more_mark[] = " (and ";

static bool was_said(const struct tracker *tracker, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = buffer_string(&tracker->damage), *end; (end = strchr(at, '\n'));
         at = end + 1)
        if (strncmp(at, text, length) == 0 &&
            (at[length] == '\n' || strncmp(at + length, more_mark, sizeof more_mark - 1) == 0))
            return true;
    return false;
}

/* Whatever the bytes of a log are, only so much is kept of what is to be said of them. */
void tracker_say_damage(struct tracker *tracker, const char *format, ...)
{
    char text[DAMAGE_TEXT];
    size_t at = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    utf8_sanitize(text);
    if (tracker->lines > DAMAGES_MAX || was_said(tracker, text))
        return;
    while (at < tracker->kinds && tracker->damages[at].kind != format)
        at++;
    struct tracker_damage *damage = &tracker->damages[at];
    if (at < tracker->kinds) {
        damage->more += strcmp(damage->text, text) != 0;
    } else if (at < DAMAGE_KINDS) {
        tracker->kinds++;
        *damage = (struct tracker_damage){.kind = format};
        memcpy(damage->text, text, sizeof text);
    }
}

void tracker_end_look(struct tracker *tracker)
{
    struct buffer *out = &tracker->damage;
    for (size_t i = 0; i < tracker->kinds && tracker->lines <= DAMAGES_MAX; i++) {
        const struct tracker_damage *damage = &tracker->damages[i];
        if (tracker->lines++ == DAMAGES_MAX) {
            buffer_text(out, "more of it is damaged than is said here\n");
            break;
        }
        buffer_text(out, damage->text);
        if (damage->more > 0)
            buffer_format(out, "%s%zu more like it)", more_mark, damage->more);
        buffer_byte(out, '\n');
    }
    tracker->kinds = 0;
}
