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
#include "tracker/formats.h"
#include "tracker/tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 3, ENTRIES_MAX = 50000 };

/* Of logs that were written within so many seconds of one another, one run wrote several; the order
 * of the formats decides then. */
static const double together = 5;

struct search {
    struct tracker_log *best;
    size_t entries;
    bool cut; /* there are more entries than are looked at */
};

/* Which format's file it is; NULL: none's, or it cannot be read. */
static const struct tracker_format *format_of(const char *path, struct stat *info)
{
    char head[TRACKER_HEAD];
    size_t count;
    uint64_t size = 0;
    const struct tracker_format *formats = tracker_formats(&count), *found = NULL;
    int fd = file_open_read(path, &size, NULL);
    size_t length = size < sizeof head ? (size_t)size : sizeof head;
    bool read =
        fd >= 0 && sys.fstat(fd, info) == 0 && file_read_at(fd, head, length, 0, path, NULL) == 0;
    if (fd >= 0)
        sys.close(fd);
    for (size_t i = 0; i < count && read && !found; i++)
        if (formats[i].knows(path_last(path), head, length))
            found = &formats[i];
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

static int take_file(struct search *search, const char *path, struct error *err)
{
    struct stat info;
    struct tracker_log *best = search->best;
    const struct tracker_format *format = format_of(path, &info);
    if (!format)
        return 0;
    bool first = !best->format;
    best->others += !first;
    char *copy = string_copy(path, err);
    if (!copy)
        return -1;
    if (is_better(format, tracker_file_written(&info), best)) {
        free(best->other);
        best->other = best->path;
        best->path = copy;
        best->format = format;
        best->written = tracker_file_written(&info);
    } else if (!best->other) {
        best->other = copy;
    } else {
        free(copy);
    }
    return 0;
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
        else if (S_ISDIR(info.st_mode) && depth > 0)
            status = search_folder(search, path, depth - 1, err);
        free(path);
    }
    sys.closedir(open);
    return status == 0 && found < 0 ? -1 : status;
}

static int say_none(const struct search *search, const char *path, bool folder, struct error *err)
{
    return error_set(
        err,
        "%s is no job's folder, and %s log of a run that is known%s: trainer_log.jsonl, "
        "logging.jsonl, events.out.tfevents.*, trackio's .db, W&B's .wandb, "
        "trainer_state.json, or .jsonl lines with a step and numbers",
        path, folder ? "has no" : "is no", search->cut ? " among its first 50000 files" : "");
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
            folder ? search_folder(&search, whole, DEPTH, err) : take_file(&search, whole, err);
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
