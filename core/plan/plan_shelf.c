#include "plan/plan_shelf.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "plan/plan_read.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

static const char ending[] = ".json";

/* --- names and files --- */

/* The estimator, and of a scan the fingerprint, come from a file: what else is in them could not be
 * a file's name. */
int plan_shelf_open(struct plan_shelf *shelf, const struct scan *scan, const char *fingerprint,
                    struct error *err)
{
    char content[HASH_TEXT_SIZE];
    bool said = strspn(fingerprint, "0123456789abcdef") == HASH_TEXT_SIZE - 1 &&
                !fingerprint[HASH_TEXT_SIZE - 1];
    *shelf = (struct plan_shelf){.folder = NULL};
    snprintf(content, sizeof content, "%s", said ? fingerprint : "");
    if (!said) {
        struct hash *hash = hash_new(err);
        if (!hash)
            return -1;
        for (size_t i = 0; i < scan->count; i++) {
            hash_optional(hash, scan->rows[i].module);
            hash_update(hash, &scan->rows[i].snr, sizeof scan->rows[i].snr);
        }
        hash_text(hash, content);
        hash_free(hash);
    }
    snprintf(shelf->key, sizeof shelf->key, "%s-%s", content,
             scan->estimator[0] ? scan->estimator : "reference");
    for (char *at = shelf->key; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '-';
    shelf->folder = xdg_state_path("plans", err);
    return shelf->folder ? 0 : -1;
}

void plan_shelf_close(struct plan_shelf *shelf)
{
    free(shelf->folder);
    *shelf = (struct plan_shelf){.folder = NULL};
}

/* It becomes a part of a file's name, and stands on the screen between blanks. */
int plan_name_check(const char *name, struct error *err)
{
    size_t length = strlen(name);
    if (length > 0 && length < PLAN_NAME_SIZE && utf8_printable(name) && !strchr(name, '/') &&
        name[0] != '.' && name[0] != ' ' && name[length - 1] != ' ')
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "a plan cannot be called \"%.80s\": a name has 1 to %d bytes, no \"/\", "
                          "no dot in front and no blank at an end",
                          name, PLAN_NAME_SIZE - 1);
}

static char *path_of(const struct plan_shelf *shelf, const char *name, const char *end,
                     struct error *err)
{
    struct buffer file = BUFFER_INIT;
    bool first = strcmp(name, PLAN_FIRST_NAME) == 0;
    buffer_format(&file, "%s%s%s%s", shelf->key, first ? "" : ".", first ? "" : name, end);
    char *path = buffer_check(&file, err) == 0 ? path_join(shelf->folder, file.data, err) : NULL;
    buffer_free(&file);
    return path;
}

char *plan_shelf_path(const struct plan_shelf *shelf, const char *name, struct error *err)
{
    return path_of(shelf, name, ending, err);
}

static struct plan_version look_at(const char *path)
{
    struct stat info;
    if (sys.stat(path, &info) != 0)
        return (struct plan_version){.size = 0};
    return (struct plan_version){info.st_ino, info.st_size, info.st_mtim};
}

bool plan_version_is(const struct plan_version *a, const struct plan_version *b)
{
    return a->file == b->file && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

bool plan_version_is_there(const struct plan_version *version)
{
    return version->file != 0;
}

struct plan_version plan_shelf_look(const struct plan_shelf *shelf, const char *name)
{
    char *path = plan_shelf_path(shelf, name, NULL);
    struct plan_version version = {.size = 0};
    if (path)
        version = look_at(path);
    free(path);
    return version;
}

struct plan_version plan_shelf_look_around(const struct plan_shelf *shelf)
{
    return shelf->folder ? look_at(shelf->folder) : (struct plan_version){.size = 0};
}

/* --- the list --- */

/* The name that a file of the folder has; false: it is no plan of this model. */
static bool name_of(const struct plan_shelf *shelf, const char *file, char out[PLAN_NAME_SIZE])
{
    size_t key = strlen(shelf->key), length = strlen(file);
    if (strncmp(file, shelf->key, key) != 0 || !text_ends_with(file, ending))
        return false;
    if (length == key + strlen(ending)) {
        snprintf(out, PLAN_NAME_SIZE, "%s", PLAN_FIRST_NAME);
        return true;
    }
    if (file[key] != '.' || length - key - strlen(ending) > PLAN_NAME_SIZE)
        return false;
    snprintf(out, PLAN_NAME_SIZE, "%.*s", (int)(length - key - 1 - strlen(ending)), file + key + 1);
    return plan_name_check(out, NULL) == 0 && strcmp(out, PLAN_FIRST_NAME) != 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct plan_entry *x = a, *y = b;
    bool first = strcmp(x->name, PLAN_FIRST_NAME) == 0,
         second = strcmp(y->name, PLAN_FIRST_NAME) == 0;
    return first != second ? second - first : strcmp(x->name, y->name);
}

/* The model's own, the most recently changed first. A folder that is not there has none. */
int plan_shelf_list(const struct plan_shelf *shelf, struct plan_entry **out, size_t *count,
                    struct error *err)
{
    size_t capacity = 0;
    struct dirent *entry;
    int more = 0;
    *out = NULL;
    *count = 0;
    DIR *folder = sys.opendir(shelf->folder);
    if (!folder)
        return errno == ENOENT ? 0 : error_set_errno(err, errno, "cannot read %s", shelf->folder);
    while ((more = folder_read(folder, shelf->folder, &entry, err)) > 0) {
        struct plan_entry found = {.changed = 0};
        if (!name_of(shelf, entry->d_name, found.name))
            continue;
        found.changed = (int64_t)plan_shelf_look(shelf, found.name).changed.tv_sec;
        if (array_reserve((void **)out, &capacity, *count + 1, sizeof **out, err) != 0) {
            more = -1;
            break;
        }
        (*out)[(*count)++] = found;
    }
    sys.closedir(folder);
    if (*count > 0)
        qsort(*out, *count, sizeof **out, compare_entries);
    return more;
}

/* All plans of a model by the fingerprint in their names, without opening one; -1: not known. */
int plan_shelf_count(const char *fingerprint)
{
    int count = 0;
    char *path = xdg_state_path("plans", NULL);
    if (!path)
        return -1;
    DIR *folder = fingerprint[0] ? sys.opendir(path) : NULL;
    for (struct dirent *entry; folder && (entry = sys.readdir(folder));)
        count += strncmp(entry->d_name, fingerprint, strlen(fingerprint)) == 0 &&
                 text_ends_with(entry->d_name, ending);
    if (folder)
        sys.closedir(folder);
    free(path);
    return count;
}

/* --- changes --- */

/* The folder, made where it is missing, and its lock: a descriptor that closing gives back. A file
 * system without locks does without. */
static int lock(const struct plan_shelf *shelf, struct error *err)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    char *made = xdg_state_folder("plans", err);
    int fd = made ? sys.open(shelf->folder, O_RDONLY | O_DIRECTORY, 0) : -1;
    if (made && fd < 0)
        error_set_errno(err, errno, "cannot open %s", shelf->folder);
    free(made);
    for (int i = 0; fd >= 0 && sys.flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; i++) {
        if (i == 10) {
            sys.close(fd);
            return error_set(err, "another screen writes plans just now");
        }
        nanosleep(&pause, NULL);
    }
    return fd;
}

int plan_shelf_save(const struct plan_shelf *shelf, const char *name, const void *text,
                    size_t length, struct plan_version *seen, struct error *err)
{
    char *path = plan_shelf_path(shelf, name, err);
    int fd = path ? lock(shelf, err) : -1, status = -1;
    if (fd >= 0) {
        struct plan_version now = look_at(path);
        /* what was removed elsewhere is no other plan */
        if (!plan_version_is(&now, seen) && plan_version_is_there(&now))
            status = PLAN_SHELF_OTHER;
        else
            status = file_save_private(path, text, length, err);
        if (status == 0)
            *seen = look_at(path);
        sys.close(fd);
    }
    free(path);
    return status;
}

/* Under the lock: the name may be taken, and there is room for one more. */
static int check_free(const struct plan_shelf *shelf, const char *name, const char *path,
                      struct error *err)
{
    struct plan_entry *entries;
    size_t count;
    int status = plan_shelf_list(shelf, &entries, &count, err), there;
    free(entries);
    if (status != 0)
        return -1;
    if (count >= PLAN_SHELF_MAX)
        return error_set(err, "this model has %zu plans, and no room for more: delete some first",
                         count);
    there = file_find(path, err);
    return there == 0  ? 0
           : there < 0 ? -1
                       : error_set(err, "there is a plan \"%s\" already: take another name", name);
}

/* Under the folder's lock, so that of two who take one name one is refused. */
int plan_shelf_add(const struct plan_shelf *shelf, const char *name, const void *text,
                   size_t length, struct error *err)
{
    char *path = plan_name_check(name, err) == 0 ? plan_shelf_path(shelf, name, err) : NULL;
    int fd = path ? lock(shelf, err) : -1, status = -1;
    if (fd >= 0) {
        status = check_free(shelf, name, path, err);
        if (status == 0)
            status = file_save_private(path, text, length, err);
        sys.close(fd);
    }
    free(path);
    return status;
}

/* The file as it is: a plan of a newer program loses nothing on the way. */
int plan_shelf_copy(const struct plan_shelf *shelf, const char *from, const char *to,
                    struct error *err)
{
    struct buffer text = BUFFER_INIT;
    char *path = plan_shelf_path(shelf, from, err);
    int status = path ? file_read_all(&text, path, PLAN_FILE_MAX, err) : -1;
    if (status == 0)
        status = plan_shelf_add(shelf, to, text.data, text.length, err);
    buffer_free(&text);
    free(path);
    return status;
}

/* Never over another: rename() would replace it, so the lock is held from the look to the
 * rename. */
int plan_shelf_rename(const struct plan_shelf *shelf, const char *from, const char *to,
                      struct error *err)
{
    char *old = plan_shelf_path(shelf, from, err), *path = NULL;
    if (old && plan_name_check(to, err) == 0)
        path = plan_shelf_path(shelf, to, err);
    int fd = path ? lock(shelf, err) : -1, status = -1;
    if (fd >= 0) {
        int there = file_find(path, err);
        if (there > 0)
            error_set(err, "there is a plan \"%s\" already: take another name", to);
        else if (there == 0 && sys.rename(old, path) != 0)
            error_set_errno(err, errno, "cannot rename %s", old);
        else if (there == 0)
            status = folder_sync(shelf->folder, err);
        sys.close(fd);
    }
    free(old);
    free(path);
    return status;
}

int plan_shelf_remove(const struct plan_shelf *shelf, const char *name, struct error *err)
{
    char *path = plan_shelf_path(shelf, name, err);
    int status = path ? 0 : -1;
    if (path && sys.unlink(path) != 0 && errno != ENOENT)
        status = error_set_errno(err, errno, "cannot remove %s", path);
    free(path);
    return status;
}

/* A name that is long loses its end to the number, and never half a character. */
void plan_shelf_free_name(const struct plan_shelf *shelf, const char *name,
                          char out[PLAN_NAME_SIZE])
{
    for (int i = 2; i < 10000; i++) {
        char number[12];
        size_t length = (size_t)snprintf(number, sizeof number, " %d", i);
        utf8_copy(out, PLAN_NAME_SIZE - length, name);
        memcpy(out + strlen(out), number, length + 1);
        struct plan_version there = plan_shelf_look(shelf, out);
        if (!plan_version_is_there(&there))
            return;
    }
}

/* --- which was open last --- */

/* The plan that was open last; the first name where that is not known, or not there any more. */
void plan_shelf_last(const struct plan_shelf *shelf, char out[PLAN_NAME_SIZE])
{
    const char *name = "";
    char *path = path_of(shelf, PLAN_FIRST_NAME, ".last", NULL);
    cJSON *root = path ? json_read_file(path, 4096, JSON_STRICT, NULL) : NULL;
    bool says = root && json_get_string(root, "name", &name) && plan_name_check(name, NULL) == 0;
    snprintf(out, PLAN_NAME_SIZE, "%s", says ? name : PLAN_FIRST_NAME);
    cJSON_Delete(root);
    free(path);
    struct plan_version there = plan_shelf_look(shelf, out);
    if (!plan_version_is_there(&there))
        snprintf(out, PLAN_NAME_SIZE, "%s", PLAN_FIRST_NAME);
}

/* Of the first name no file says so, as none does where nothing was called otherwise. */
int plan_shelf_set_last(const struct plan_shelf *shelf, const char *name, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    char *made = xdg_state_folder("plans", err);
    char *path = made ? path_of(shelf, PLAN_FIRST_NAME, ".last", err) : NULL;
    if (path && strcmp(name, PLAN_FIRST_NAME) == 0) {
        int gone = sys.unlink(path) == 0 || errno == ENOENT
                       ? 0
                       : error_set_errno(err, errno, "cannot remove %s", path);
        free(made);
        free(path);
        return gone;
    }
    json_begin(&json, "spectrum.plan-last");
    json_text(&json, "name", name);
    json_end(&json);
    int status = path ? json_finish(&json, err) : -1;
    if (status == 0)
        status = file_save_private(path, text.data, text.length, err);
    buffer_free(&text);
    free(made);
    free(path);
    return status;
}
