/* Finding a run's log: the file itself, or the best below a folder, as tools put them there:
 *
 *     LLaMA-Factory  output_dir/trainer_log.jsonl
 *     ms-swift       output_dir/v0-20261128/logging.jsonl
 *     Trainer, TRL   output_dir/runs/DATE_HOST/events.out.tfevents.*
 *     W&B            wandb/offline-run-DATE-ID/run-ID.wandb
 *     trackio        PROJECT.db
 *     Trainer        output_dir/checkpoint-500/trainer_state.json
 */
#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "tracker/formats.h"
#include "tracker/tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 3, ENTRIES_MAX = 50000, FIRST_LINE_MAX = 1 << 20 };

/* Of logs that were written within so many seconds of one another, one run wrote several; the order
 * of the formats decides then. */
static const double together = 5;

struct search {
    struct tracker_log *best;
    double other_written; /* of best->other */
    size_t entries;
    size_t own; /* folders of this program's jobs, which need no log of another tool */
    bool cut;   /* there are more entries than are looked at */
};

/* The first bytes of a file, of lines at least the first, where that is not endless; NULL: it cannot
 * be read. */
static char *read_head(const char *path, size_t *length, struct stat *info)
{
    uint64_t size = 0;
    int fd = file_open_read(path, &size, NULL);
    size_t count = size < TRACKER_HEAD ? (size_t)size : TRACKER_HEAD;
    char *head = fd >= 0 && sys.fstat(fd, info) == 0 ? array_alloc(count, 1, NULL) : NULL;
    bool read = head && file_read_at(fd, head, count, 0, path, NULL) == 0;
    if (read && count < size && text_ends_with(path, ".jsonl") && !memchr(head, '\n', count)) {
        free(head);
        count = size < FIRST_LINE_MAX ? (size_t)size : FIRST_LINE_MAX;
        head = array_alloc(count, 1, NULL);
        read = head && file_read_at(fd, head, count, 0, path, NULL) == 0;
    }
    if (fd >= 0)
        sys.close(fd);
    if (read) {
        *length = count;
        return head;
    }
    free(head);
    return NULL;
}

/* Which format's file it is; NULL: none's, or it cannot be read. */
static const struct tracker_format *format_of(const char *path, struct stat *info)
{
    size_t count, length = 0;
    const struct tracker_format *formats = tracker_formats(&count), *found = NULL;
    char *head = read_head(path, &length, info);
    for (size_t i = 0; i < count && head && !found; i++)
        if (formats[i].knows(path_last(path), head, length))
            found = &formats[i];
    free(head);
    return found;
}

/* A log that is written while a run trains comes before one that is not; then the newer; then, where
 * both are of one time, the format that stands before the other. */
static bool is_better(const struct tracker_format *format, double written,
                      const struct tracker_log *than)
{
    if (!than->format)
        return true;
    if (format->at_saves != than->format->at_saves)
        return than->format->at_saves;
    double later = written - than->written;
    if (later > together || later < -together)
        return later > 0;
    return format == than->format ? later > 0 : format < than->format;
}

/* Of those that are not the best the newest is named. */
static void take_other(struct search *search, char *path, double written)
{
    if (!path || (search->best->other && written <= search->other_written)) {
        free(path);
        return;
    }
    free(search->best->other);
    search->best->other = path;
    search->other_written = written;
}

static int take_file(struct search *search, const char *path, struct error *err)
{
    struct stat info;
    struct tracker_log *best = search->best;
    const struct tracker_format *format = format_of(path, &info);
    if (!format)
        return 0;
    char *copy = string_copy(path, err);
    if (!copy)
        return -1;
    best->others += best->format != NULL;
    if (!is_better(format, tracker_file_written(&info), best)) {
        take_other(search, copy, tracker_file_written(&info));
        return 0;
    }
    take_other(search, best->path, best->written);
    best->path = copy;
    best->format = format;
    best->written = tracker_file_written(&info);
    return 0;
}

/* A job's folder of this program: its metrics are followed as they are. */
static bool is_own_job(const char *folder)
{
    char *record = path_join(folder, "job.json", NULL),
         *asked = path_join(folder, "requests", NULL);
    bool is = record && asked && file_find(record, NULL) > 0 && folder_find(asked, NULL) > 0;
    free(asked);
    free(record);
    return is;
}

/* Links are not followed: a folder may lead anywhere, and in a circle. */
static int search_folder(struct search *search, const char *folder, int depth, struct error *err)
{
    DIR *open = sys.opendir(folder);
    struct dirent *entry;
    int status = 0, found = 0;
    if (!open)
        return depth == DEPTH ? error_set_errno(err, errno, "cannot read %s", folder) : 0;
    while (status == 0 && (found = folder_read(open, folder, &entry, err)) > 0) {
        struct stat info;
        if (++search->entries > ENTRIES_MAX) {
            search->cut = true;
            break;
        }
        char *path = path_join(folder, entry->d_name, err);
        if (!path)
            status = -1;
        else if (sys.lstat(path, &info) != 0)
            status = 0; /* gone since */
        else if (S_ISREG(info.st_mode))
            status = take_file(search, path, err);
        else if (S_ISDIR(info.st_mode) && is_own_job(path))
            search->own++;
        else if (S_ISDIR(info.st_mode) && depth > 0)
            status = search_folder(search, path, depth - 1, err);
        free(path);
    }
    sys.closedir(open);
    return status == 0 && found < 0 ? -1 : status;
}

static int say_none(const struct search *search, const char *path, bool folder, struct error *err)
{
    if (search->own > 0)
        return error_set(err,
                         "%s has no log of another tool, but %zu of this program's jobs: attach "
                         "one of them by its folder",
                         path, search->own);
    return error_set(err,
                     "%s is no job's folder, and %s log of a run that is known%s: "
                     "trainer_log.jsonl, logging.jsonl, events.out.tfevents.*, trackio's .db, "
                     "W&B's .wandb, trainer_state.json, or .jsonl lines with a step and numbers",
                     path, folder ? "has no" : "is no",
                     search->cut ? " among its first 50000 files" : "");
}

/* A file that was named is to be readable. */
static int take_named(struct search *search, const char *path, struct error *err)
{
    uint64_t size;
    int fd = file_open_read(path, &size, err);
    if (fd < 0)
        return -1;
    sys.close(fd);
    return take_file(search, path, err);
}

int tracker_find(struct tracker_log *out, const char *path, struct error *err)
{
    struct search search = {.best = out};
    struct stat info;
    char *whole = sys.realpath(path, NULL);
    *out = (struct tracker_log){.format = NULL};
    if (!whole)
        return error_set_errno(err, errno, "cannot find %s", path);
    int status = file_look(whole, &info, err) > 0 ? 0 : -1;
    bool folder = status == 0 && S_ISDIR(info.st_mode);
    if (status == 0)
        status =
            folder ? search_folder(&search, whole, DEPTH, err) : take_named(&search, whole, err);
    if (status == 0 && !out->format)
        status = say_none(&search, path, folder, err);
    out->in_folder = folder;
    free(whole);
    if (status != 0)
        tracker_log_free(out);
    return status;
}

void tracker_log_free(struct tracker_log *log)
{
    free(log->path);
    free(log->other);
    *log = (struct tracker_log){.format = NULL};
}
