/* Finding runs by their logs: the file itself, or those below a folder, as tools put them there:
 *
 *     LLaMA-Factory  output_dir/trainer_log.jsonl
 *     ms-swift       output_dir/v0-20261128/logging.jsonl
 *     Trainer, TRL   output_dir/runs/DATE_HOST/events.out.tfevents.*
 *     W&B            wandb/offline-run-DATE-ID/run-ID.wandb
 *     trackio        PROJECT.db
 *     Trainer        output_dir/checkpoint-500/trainer_state.json
 *
 * 1. Files that are one run's are one log: all event files of a folder, the states of all checkpoints.
 *    A file with several runs is as many.
 * 2. Of the newest only so many are kept, as what follows compares each with each.
 * 3. Of two logs of one run, such as a Trainer's events and its states, one is `beside` the other.
 * 4. They are ordered, and each gets a name that no other has.
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

enum { DEPTH = 3, ENTRIES_MAX = 50000, FIRST_LINE_MAX = 1 << 20, LOGS_MAX = 2000 };

/* Of logs that were written within so many seconds of one another, one run wrote several; the order
 * of the formats decides then. */
static const double together = 5;

struct search {
    struct tracker_list *list;
    size_t capacity;
    size_t entries;
    size_t own; /* folders of this program's jobs, which need no log of another tool */
    bool cut;   /* there are more entries than are looked at */
    bool in_folder;
};

/* --- 1: which files --- */

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

void tracker_log_free(struct tracker_log *log)
{
    free(log->path);
    free(log->folder);
    free(log->run);
    free(log->id);
    free(log->name);
    *log = (struct tracker_log){.format = NULL};
}

void tracker_list_free(struct tracker_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        tracker_log_free(&list->logs[i]);
    free(list->logs);
    *list = (struct tracker_list){.logs = NULL};
}

/* The log of that folder that is in the list; NULL: none is. */
static struct tracker_log *log_of_folder(const struct search *search,
                                         const struct tracker_format *format, const char *folder)
{
    for (size_t i = search->list->count; i > 0; i--) {
        struct tracker_log *log = &search->list->logs[i - 1];
        if (log->format == format && log->folder && strcmp(log->folder, folder) == 0)
            return log;
    }
    return NULL;
}

/* Takes `folder`. `run`: of a file with several; NULL: it has one. */
static int enter(struct search *search, const struct tracker_format *format, const char *path,
                 char *folder, double written, const struct tracker_log_run *run, struct error *err)
{
    struct tracker_list *list = search->list;
    if (array_reserve((void **)&list->logs, &search->capacity, list->count + 1, sizeof *list->logs,
                      err) != 0) {
        free(folder);
        return -1;
    }
    struct tracker_log *log = &list->logs[list->count++];
    *log = (struct tracker_log){
        .format = format, .folder = folder, .in_folder = search->in_folder, .written = written};
    log->path = string_copy(path, err);
    log->run = run ? string_copy(run->name, err) : NULL;
    log->id = run && run->id ? string_copy(run->id, err) : NULL;
    bool whole = log->path && (!run || log->run) && (!run || !run->id || log->id);
    return whole ? 0 : -1;
}

/* Each run of a file that has several; as one where it cannot be asked. What says of none when it
 * wrote last, wrote when the file did. */
static int enter_runs(struct search *search, const struct tracker_format *format, const char *path,
                      double written, struct error *err)
{
    struct tracker_runs runs = {.count = 0};
    enum tracker_has has = format->runs(path, &runs);
    int status = 0;
    if (has == TRACKER_HAS_UNKNOWN)
        status = enter(search, format, path, NULL, written, NULL, err);
    for (size_t i = 0; i < runs.count; i++) {
        const struct tracker_log_run *run = &runs.list[i];
        bool known = run->written > 0 && run->written < written && i > 0;
        if (status == 0)
            status = enter(search, format, path, NULL, known ? run->written : written, run, err);
        free(run->name);
        free(run->id);
    }
    free(runs.list);
    return status;
}

/* Of several files of one run the newest is the log's. A file that was named is a log by itself. */
static int take_file(struct search *search, const char *path, struct error *err)
{
    struct stat info;
    const struct tracker_format *format = format_of(path, &info);
    if (!format)
        return 0;
    double written = tracker_file_written(&info);
    if (format->runs)
        return enter_runs(search, format, path, written, err);
    bool shared = format->folder && search->in_folder;
    char *folder = shared ? format->folder(path, err) : path_folder(path, err), *copy;
    if (!folder)
        return -1;
    struct tracker_log *log = shared ? log_of_folder(search, format, folder) : NULL;
    if (!log)
        return enter(search, format, path, folder, written, NULL, err);
    free(folder);
    if (log->written > written)
        return 0;
    if (!(copy = string_copy(path, err)))
        return -1;
    free(log->path);
    log->path = copy;
    log->written = written;
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

static int say_none(const struct search *search, const char *path, struct error *err)
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
                     path, search->in_folder ? "has no" : "is no",
                     search->cut ? " among its first 50000 files" : "");
}

/* --- 2 to 4: one log a run, in an order --- */

static int by_time(const void *a, const void *b)
{
    const struct tracker_log *x = a, *y = b;
    if (x->written != y->written)
        return x->written < y->written ? 1 : -1;
    return strcmp(x->path, y->path);
}

/* Runs before what is beside them, each the newest first. */
static int by_place(const void *a, const void *b)
{
    const struct tracker_log *x = a, *y = b;
    return x->beside != y->beside ? (x->beside ? 1 : -1) : by_time(a, b);
}

static void leave_out_oldest(struct tracker_list *list)
{
    qsort(list->logs, list->count, sizeof *list->logs, by_time);
    while (list->count > LOGS_MAX) {
        tracker_log_free(&list->logs[--list->count]);
        list->left_out++;
    }
}

/* Is it the folder, or below it? */
static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Are both one run's, and `than` the one to follow? Tools write logs into one folder, or one's into a
 * folder below the other's. */
static bool is_beside(const struct tracker_log *log, const struct tracker_log *than)
{
    double later = log->written - than->written;
    if (!log->folder || !than->folder || log->format == than->format ||
        !(is_below(log->folder, than->folder) || is_below(than->folder, log->folder)))
        return false;
    if (log->format->at_saves != than->format->at_saves)
        return log->format->at_saves;
    return than->format < log->format && later <= together && later >= -together;
}

static void find_beside(struct tracker_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->count && !list->logs[i].beside; j++)
            list->logs[i].beside = is_beside(&list->logs[i], &list->logs[j]);
}

/* A log that is written while a run trains comes before one that is not; then the newer; then, where
 * both are of one time, the format that stands before the other. */
static bool is_better(const struct tracker_log *log, const struct tracker_log *than)
{
    double later = log->written - than->written;
    if (log->format->at_saves != than->format->at_saves)
        return than->format->at_saves;
    if (later > together || later < -together)
        return later > 0;
    return log->format == than->format ? later > 0 : log->format < than->format;
}

/* Of two logs of one run that each are beside the other neither would be left, but one is always the
 * better: is_beside() goes by an order of formats. */
static void order(struct tracker_list *list)
{
    size_t best = 0;
    find_beside(list);
    qsort(list->logs, list->count, sizeof *list->logs, by_place);
    while (list->runs < list->count && !list->logs[list->runs].beside)
        list->runs++;
    for (size_t i = 1; i < list->runs; i++)
        if (is_better(&list->logs[i], &list->logs[best]))
            best = i;
    struct tracker_log first = list->logs[best];
    memmove(&list->logs[1], &list->logs[0], best * sizeof first);
    list->logs[0] = first;
}

/* --- 4: names --- */

/* What of a path stands below a folder; "" for the folder itself. */
static const char *below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (!is_below(path, folder))
        return path_last(path);
    return path[length] == '/' ? path + length + 1 : path + length;
}

/* What people call it: a run as its log does, else its folder, or the file that was named. `whole` is
 * that path. */
static const char *short_name(const struct tracker_log *log, const char *whole)
{
    if (log->run)
        return log->run;
    if (!log->in_folder || !log->folder)
        return path_last(log->path);
    const char *name = below(log->folder, whole);
    return name[0] ? name : path_last(whole);
}

/* The same, with what tells it from another of that name: the file, and its id there. */
static char *long_name(const struct tracker_log *log, const char *whole, bool same_file,
                       bool other_file, struct error *err)
{
    struct buffer name = BUFFER_INIT;
    if (other_file)
        buffer_text(&name, log->in_folder ? below(log->path, whole) : path_last(log->path));
    if (log->run)
        buffer_format(&name, "%s%s", other_file ? "/" : "", log->run);
    else if (!other_file)
        buffer_text(&name, short_name(log, whole));
    if (same_file && log->id)
        buffer_format(&name, ":%.8s", log->id);
    if (buffer_check(&name, err) == 0)
        return name.data;
    buffer_free(&name);
    return NULL;
}

/* A run's further log leaves the run its name. */
static int name_all(struct tracker_list *list, const char *whole, struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        struct tracker_log *log = &list->logs[i];
        const char *name = short_name(log, whole);
        bool same_file = false, other_file = false;
        for (size_t j = 0; j < list->count; j++) {
            const struct tracker_log *other = &list->logs[j];
            if (j == i || (other->beside && !log->beside) ||
                strcmp(short_name(other, whole), name) != 0)
                continue;
            bool same = strcmp(other->path, log->path) == 0;
            same_file |= same;
            other_file |= !same;
        }
        log->name = long_name(log, whole, same_file, other_file, err);
        if (!log->name)
            return -1;
    }
    return 0;
}

/* --- the list --- */

int tracker_list(struct tracker_list *out, const char *path, struct error *err)
{
    struct search search = {.list = out};
    struct stat info;
    char *whole = sys.realpath(path, NULL);
    *out = (struct tracker_list){.logs = NULL};
    if (!whole)
        return error_set_errno(err, errno, "cannot find %s", path);
    int status = file_look(whole, &info, err) > 0 ? 0 : -1;
    search.in_folder = status == 0 && S_ISDIR(info.st_mode);
    if (status == 0)
        status = search.in_folder ? search_folder(&search, whole, DEPTH, err)
                                  : take_named(&search, whole, err);
    if (status == 0 && out->count == 0)
        status = say_none(&search, path, err);
    if (status == 0) {
        leave_out_oldest(out);
        order(out);
        status = name_all(out, whole, err);
    }
    free(whole);
    if (status != 0)
        tracker_list_free(out);
    return status;
}

/* --- one of it --- */

/* As it was typed, or as it was shown. */
static bool is_named(const char *name, const char *typed)
{
    char *shown = string_copy(name, NULL);
    if (shown)
        utf8_sanitize(shown);
    bool is = strcmp(name, typed) == 0 || (shown && strcmp(shown, typed) == 0);
    free(shown);
    return is;
}

/* May the log be meant? A whole name comes before a part of one. */
static bool is_meant(const struct tracker_log *log, const char *name, bool whole)
{
    return is_named(log->name, name) || (!whole && ((log->run && is_named(log->run, name)) ||
                                                    is_named(path_last(log->name), name)));
}

/* How many may be; *last: of these. */
static size_t count_meant(const struct tracker_list *list, const char *name, bool whole,
                          const struct tracker_log **last)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (is_meant(&list->logs[i], name, whole)) {
            count++;
            *last = &list->logs[i];
        }
    return count;
}

/* As many names as an error has room for: those that may be meant, or all where none may. */
static int say_names(const struct tracker_list *list, const char *path, const char *name,
                     bool several, struct error *err)
{
    enum { ROOM = 300 };
    struct buffer names = BUFFER_INIT;
    size_t left = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *at = list->logs[i].name;
        if (several && !is_meant(&list->logs[i], name, false))
            continue;
        if (left > 0 || names.length + strlen(at) > ROOM)
            left++;
        else
            buffer_format(&names, "%s\"%s\"", names.length ? ", " : "", at);
    }
    if (left > 0)
        buffer_format(&names, "%s%zu more", names.length ? " and " : "", left);
    if (several)
        error_set(err, "\"%.60s\" may be several runs of %.160s: name one of %s", name, path,
                  buffer_string(&names));
    else
        error_set(err, "%.160s has no run \"%.60s\": it has %s", path, name, buffer_string(&names));
    buffer_free(&names);
    return -1;
}

const struct tracker_log *tracker_choose(const struct tracker_list *list, const char *path,
                                         const char *name, struct error *err)
{
    const struct tracker_log *found = &list->logs[0];
    size_t count = 1;
    if (name && (count = count_meant(list, name, true, &found)) == 0)
        count = count_meant(list, name, false, &found);
    if (count == 1)
        return found;
    say_names(list, path, name, count > 1, err);
    return NULL;
}

int tracker_find(struct tracker_log *out, const char *path, const char *name, size_t *others,
                 struct error *err)
{
    struct tracker_list list;
    *out = (struct tracker_log){.format = NULL};
    if (tracker_list(&list, path, err) != 0)
        return -1;
    const struct tracker_log *found = tracker_choose(&list, path, name, err);
    if (found) {
        size_t at = (size_t)(found - list.logs);
        *out = *found;
        list.logs[at] = (struct tracker_log){.format = NULL};
        if (others)
            *others = list.runs - (at < list.runs);
    }
    tracker_list_free(&list);
    return found ? 0 : -1;
}

const char *tracker_place(const struct tracker_log *log)
{
    return log->in_folder && log->format->folder ? log->folder : log->path;
}

int tracker_put_key(struct buffer *out, const struct tracker_log *log, struct error *err)
{
    buffer_text(out, tracker_place(log));
    if (log->run)
        buffer_format(out, "\n%s\n%s", log->run, log->id ? log->id : "");
    return buffer_check(out, err);
}
