#include "tui/cli/cache_list.h"

#include "base/folder.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "job/job_dir.h"
#include "job/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const struct cache_kind_info cache_kinds[CACHE_KINDS] = {
    [CACHE_DATA] = {"data", "tokenised data", false},
    [CACHE_SPECTRA] = {"spectra", "singular values of models", false},
    [CACHE_MODELS] = {"models", "fingerprints of models", false},
    [CACHE_SCANS] = {"scans", "the screen's scans", true},
    [CACHE_PLANS] = {"plans", "plans, as the screen keeps them by model", true},
    [CACHE_FORMS] = {"forms", "training forms, as the screen keeps them by model", true},
    [CACHE_JOBS] = {"jobs", "entries of jobs whose folders are gone", true},
};
enum { UNFINISHED_SECONDS = 24 * 3600 };

/* A kind's folder while it is read: whatever is read and removed in it is so through its
 * descriptor, which is not a link, but for what core/job does by the path. */
struct place {
    enum cache_kind kind;
    int fd;
    char *path;
};

void cache_list_free(struct cache_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        cJSON_Delete(list->items[i].of);
    }
    free(list->items);
    free(list->folders[0]);
    free(list->folders[1]);
    *list = (struct cache_list){0};
}

/* A small file beneath the folder; false: there is none. */
static bool read_small(struct buffer *out, const struct place *place, const char *name)
{
    struct stat info;
    int fd = sys.openat(place->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    bool is_small = fd >= 0 && sys.fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                    info.st_size <= CACHE_NOTE_MAX;
    char *bytes = is_small ? array_alloc(CACHE_NOTE_MAX, 1, NULL) : NULL;
    ssize_t count = bytes ? sys.pread(fd, bytes, CACHE_NOTE_MAX, 0) : -1;
    buffer_clear(out);
    if (count > 0)
        buffer_append(out, bytes, (size_t)count);
    free(bytes);
    if (fd >= 0)
        sys.close(fd);
    return count > 0 && buffer_check(out, NULL) == 0;
}

/* --- what a file is of --- */

/* The note beside a file says what it was made from, for people. The record of a scan (.json) is of
 * the same model as the file of spectra beside it, and that one's note is its. */
static cJSON *read_note(const struct place *place, const char *name)
{
    struct buffer text = BUFFER_INIT;
    char note[NAME_MAX + 32];
    const char *ending = place->kind == CACHE_SPECTRA ? strstr(name, ".json") : NULL;
    snprintf(note, sizeof note, "%.*s%s" CACHE_NOTE_ENDING,
             ending ? (int)(ending - name) : NAME_MAX, name, ending ? ".safetensors" : "");
    cJSON *of = read_small(&text, place, note) ? cache_note_parse(&text) : NULL;
    buffer_free(&text);
    return of;
}

/* {"model": value}; NULL where memory runs out: then it is not known. */
static cJSON *name_one(const char *key, const char *value)
{
    cJSON *of = cJSON_CreateObject();
    if (of && cJSON_AddStringToObject(of, key, value))
        return of;
    cJSON_Delete(of);
    return NULL;
}

/* The model of a scan that the screen started: "scan MODEL --device NAME". */
static cJSON *read_scan(const char *job)
{
    cJSON *record = job_dir_read(job, "job.json", NULL);
    const char *model = cJSON_GetStringValue(cJSON_GetArrayItem(json_get(record, "arguments"), 1));
    cJSON *of = model ? name_one("model", model) : NULL;
    cJSON_Delete(record);
    return of;
}

/* A plan and a form name their model themselves. */
static cJSON *read_kept(const struct place *place, const char *name)
{
    struct buffer text = BUFFER_INIT;
    const char *model = NULL;
    cJSON *kept = read_small(&text, place, name)
                      ? json_parse(buffer_string(&text), text.length, JSON_STRICT, name, NULL)
                      : NULL;
    cJSON *of = json_get_string(kept, "model", &model) ? name_one("model", model) : NULL;
    cJSON_Delete(kept);
    buffer_free(&text);
    return of;
}

/* The job that an entry of the index names, where that is gone. A folder whose folder is gone, too,
 * may lie on a disk that is not mounted now: that entry is needed. */
static cJSON *read_gone_job(const struct place *place, const char *name)
{
    struct buffer text = BUFFER_INIT;
    struct stat info;
    cJSON *of = NULL;
    bool is_path = read_small(&text, place, name) && text.length < PATH_MAX &&
                   buffer_string(&text)[0] == '/' && strlen(buffer_string(&text)) == text.length;
    char *above = is_path ? path_folder(buffer_string(&text), NULL) : NULL;
    if (above && sys.stat(above, &info) == 0 && sys.stat(text.data, &info) != 0 && errno == ENOENT)
        of = name_one("job", text.data);
    free(above);
    buffer_free(&text);
    return of;
}

/* --- listing --- */

/* The folder of a scan by the screen: whether it runs, of which model it is, and the bytes of its
 * files. (Bytes are those on the disk, blocks of 512: a file may have holes.) */
static void look_at_scan(struct cache_entry *entry, const struct place *place)
{
    struct stat info;
    char *job = path_join(place->path, entry->name, NULL);
    if (!job)
        return;
    enum job_state state = job_state(job);
    entry->runs = state != JOB_ENDED && state != JOB_DIED;
    entry->of = read_scan(job);
    int folder = sys.openat(place->fd, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    DIR *open = folder >= 0 ? sys.fdopendir(folder) : NULL;
    for (struct dirent *at; open && (at = sys.readdir(open));)
        if (sys.fstatat(dirfd(open), at->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode))
            entry->bytes += (uint64_t)info.st_blocks * 512;
    if (open)
        sys.closedir(open);
    free(job);
}

/* Notes count with their files. */
static bool is_note(const struct place *place, const char *name)
{
    char file[NAME_MAX + 1];
    struct stat info;
    if (!text_ends_with(name, CACHE_NOTE_ENDING))
        return false;
    snprintf(file, sizeof file, "%.*s", (int)(strlen(name) - strlen(CACHE_NOTE_ENDING)), name);
    return sys.fstatat(place->fd, file, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Plain files of this user alone, or of scans folders: no links. */
static bool look_at(struct cache_entry *entry, const struct place *place, const char *name)
{
    struct stat info;
    bool folders = place->kind == CACHE_SCANS;
    if (folders && name[0] == '.')
        return false;
    if (sys.fstatat(place->fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_uid != geteuid() ||
        (folders ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode)) || is_note(place, name))
        return false;
    int64_t age = (int64_t)(sys.time(NULL) - info.st_mtime);
    *entry = (struct cache_entry){
        .kind = place->kind, .bytes = (uint64_t)info.st_blocks * 512, .age = age > 0 ? age : 0};
    if (place->kind == CACHE_JOBS)
        return (entry->of = read_gone_job(place, name)) != NULL;
    if (place->kind == CACHE_PLANS || place->kind == CACHE_FORMS) {
        if (text_ends_with(name, ".json")) /* what is beside them has nothing that a user made */
            entry->of = read_kept(place, name);
        return text_ends_with(name, ".json");
    }
    if (!folders)
        entry->of = read_note(place, name);
    return true;
}

/* A file that is not to be listed is passed over without a word: most of them are notes, or not
 * ours. */
static int add_entry(struct cache_list *list, const struct place *place, const char *name,
                     struct error *err)
{
    struct cache_entry entry;
    if (!look_at(&entry, place, name))
        return 0;
    entry.name = string_copy(name, err);
    if (!entry.name || array_reserve((void **)&list->items, &list->capacity, list->count + 1,
                                     sizeof *list->items, err) != 0) {
        free(entry.name);
        cJSON_Delete(entry.of);
        return -1;
    }
    if (place->kind == CACHE_SCANS)
        look_at_scan(&entry, place);
    list->items[list->count++] = entry;
    return 0;
}

/* --- clearing --- */

/* A scan's folder has two folders below it at most, and files; what else somebody put there stays,
 * and then the folder, too, which is said. */
static bool remove_scan(const struct place *place, const char *name)
{
    static const char *const below[] = {"requests", "checkpoints", NULL};
    struct stat info;
    char *job = path_join(place->path, name, NULL);
    for (int i = 0; job && below[i]; i++) {
        char *path = path_join(job, below[i], NULL);
        if (path)
            folder_remove(path);
        free(path);
    }
    if (job)
        folder_remove(job);
    free(job);
    return sys.fstatat(place->fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0;
}

/* A run that has one of the files open keeps it: its bytes go when it closes it. */
static bool remove_file(const struct place *place, const char *name)
{
    char note[NAME_MAX + 32];
    if (sys.unlinkat(place->fd, name, 0) != 0 && errno != ENOENT)
        return false;
    snprintf(note, sizeof note, "%s" CACHE_NOTE_ENDING, name);
    sys.unlinkat(place->fd, note, 0);
    return true;
}

/* Removes what is chosen of the entries from `from` on. What has a temporary name may be in the
 * making. An error ends it: what was removed so far is marked. */
static int clear_entries(struct cache_list *list, size_t from, const struct place *place,
                         const struct cache_choice *choice, struct error *err)
{
    for (size_t i = from; i < list->count; i++) {
        struct cache_entry *entry = &list->items[i];
        bool making = text_ends_with(entry->name, ".tmp") && entry->age < UNFINISHED_SECONDS;
        if (!choice->clear || making || entry->runs || entry->age < choice->older_than * 86400)
            continue;
        entry->removed = place->kind == CACHE_SCANS ? remove_scan(place, entry->name)
                                                    : remove_file(place, entry->name);
        if (!entry->removed)
            return error_set_errno(err, errno, "cannot remove %s/%s", place->path, entry->name);
    }
    return 0;
}

/* --- all kinds --- */

/* Lists a kind's folder and clears what is chosen of it. The descriptor that is read through is a
 * second one of the same folder: closedir() closes it, and the first is still needed. */
static int read_place(struct cache_list *list, const struct place *place,
                      const struct cache_choice *choice, struct error *err)
{
    size_t from = list->count;
    int status = 0, again = sys.fcntl(place->fd, F_DUPFD_CLOEXEC, 0);
    DIR *entries = again >= 0 ? sys.fdopendir(again) : NULL;
    if (!entries)
        return error_set_errno(err, errno, "cannot read %s", place->path);
    struct dirent *entry;
    int more = 0;
    while (status == 0 && (more = folder_read(entries, place->path, &entry, err)) > 0)
        status = add_entry(list, place, entry->d_name, err);
    if (more < 0)
        status = -1;
    sys.closedir(entries);
    return status == 0 ? clear_entries(list, from, place, choice, err) : -1;
}

static int read_kind(struct cache_list *list, enum cache_kind kind,
                     const struct cache_choice *choice, void (*say)(const char *line),
                     struct error *err)
{
    struct place place = {.kind = kind};
    place.path = path_join(list->folders[cache_kinds[kind].state], cache_kinds[kind].name, err);
    if (!place.path)
        return -1;
    int status = 0;
    place.fd = sys.open(place.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (place.fd >= 0) {
        status = read_place(list, &place, choice, err);
        sys.close(place.fd);
    } else if (errno != ENOENT) { /* one that is not there has nothing in it */
        struct buffer line = BUFFER_INIT;
        buffer_format(&line, "%s is passed over: %s", place.path,
                      errno == ELOOP || errno == ENOTDIR ? "it is a link, or not a folder"
                                                         : strerror(errno));
        say(buffer_string(&line));
        buffer_free(&line);
    }
    free(place.path);
    return status;
}

/* Within a kind; files of one second by their names, so that two lists of the same files are equal.
 */
static int newest_first(const void *a, const void *b)
{
    const struct cache_entry *x = a, *y = b;
    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;
    if (x->age != y->age)
        return x->age < y->age ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Both folders are named whether they are there or not: what is printed says where one would look.
 */
int cache_list_read(struct cache_list *list, const struct cache_choice *choice,
                    void (*say)(const char *line), struct error *err)
{
    *list = (struct cache_list){.folders = {xdg_cache_path("", err), NULL}};
    list->folders[1] = list->folders[0] ? xdg_state_path("", err) : NULL;
    int status = list->folders[1] ? 0 : -1;
    for (int i = 0; i < 2 && status == 0; i++) /* "/.../spectrum/" */
        list->folders[i][strlen(list->folders[i]) - 1] = '\0';
    for (int kind = 0; kind < CACHE_KINDS && status == 0; kind++) {
        bool meant =
            choice->kind < 0 ? !choice->clear || !cache_kinds[kind].state : choice->kind == kind;
        if (meant)
            status = read_kind(list, (enum cache_kind)kind, choice, say, err);
    }
    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, newest_first);
    return status;
}
