#include "job/job_delete.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/job_kind.h"
#include "job/job_progress.h"
#include "job/lock.h"
#include "job/requests.h"
#include "model/sidecars.h"
#include "tracker/writers.h"
#include "train/state_folder.h"
#include "train/state_tensors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what spectrum writes where --- */

enum job_place {
    PLACE_JOB,
    PLACE_REQUESTS,
    PLACE_CHECKPOINTS,
    PLACE_STATE,
    PLACE_BASE,
    PLACE_TEMPLATES,
    PLACE_CONTROL, /* of a launched run: control/ */
    PLACE_ENGINE   /* and what the engine keeps of a state, in files and folders of its own names */
};

/* The folders that may lie in one, and what is in them. */
static const struct {
    enum job_place in;
    const char *name;
    enum job_place inside;
} folders[] = {
    {PLACE_JOB, "requests", PLACE_REQUESTS},
    {PLACE_JOB, "checkpoints", PLACE_CHECKPOINTS},
    {PLACE_JOB, "base", PLACE_BASE},
    {PLACE_JOB, "control", PLACE_CONTROL},
    {PLACE_JOB, "trainer", PLACE_ENGINE},
    {PLACE_STATE, "engine", PLACE_ENGINE},
    {PLACE_BASE, TEMPLATES_FOLDER, PLACE_TEMPLATES},
};
enum { FOLDER_COUNT = sizeof folders / sizeof *folders };

/* A checkpoint, or what is left of one that was being written or removed (state_folder.h). */
static bool is_state_folder(const char *name)
{
    return state_step_of(name) >= 0 ||
           (strncmp(name, ".step-", 6) == 0 && text_ends_with(name, ".tmp"));
}

/* By its name and by where it lies; `inside` is what may then lie in it. */
static bool is_our_folder(enum job_place place, const char *name, enum job_place *inside)
{
    *inside = PLACE_STATE;
    if (place == PLACE_CHECKPOINTS)
        return is_state_folder(name);
    if (place == PLACE_ENGINE) {
        *inside = PLACE_ENGINE;
        return true;
    }
    for (size_t i = 0; i < FOLDER_COUNT; i++)
        if (folders[i].in == place && strcmp(folders[i].name, name) == 0) {
            *inside = folders[i].inside;
            return true;
        }
    return false;
}

static bool is_job_file(const char *name)
{
    enum job_place inside;
    for (size_t i = 0; job_dir_names[i]; i++)
        if (strcmp(job_dir_names[i], name) == 0)
            return !is_our_folder(PLACE_JOB, name, &inside);
    return false;
}

static bool is_state_file(const char *name)
{
    for (size_t i = 0; i < STATE_FILES; i++)
        if (strcmp(state_file_name(i), name) == 0)
            return true;
    return strcmp(name, "state.json") == 0;
}

/* A name that another program could have written there on purpose is not ours. */
static bool is_our_file(enum job_place place, const char *name)
{
    switch (place) {
    case PLACE_JOB:
        return is_job_file(name) || strcmp(name, JOB_PROGRESS_TEMPORARY) == 0;
    case PLACE_REQUESTS:
        return job_request_is_file(name);
    case PLACE_CHECKPOINTS:
        return strcmp(name, "left.json") == 0;
    case PLACE_STATE:
        return is_state_file(name);
    case PLACE_BASE:
        return sidecars_have(name) || strcmp(name, "model.safetensors") == 0 ||
               strcmp(name, EXPORT_UNFINISHED) == 0;
    case PLACE_TEMPLATES:
        return text_ends_with(name, ".jinja");
    case PLACE_CONTROL:
        return strcmp(name, "stop") == 0 || strcmp(name, "checkpoint") == 0;
    case PLACE_ENGINE:
        return true;
    }
    return false;
}

/* The temporary file of one that we write there, which a kill has left. */
static bool is_our_temporary(enum job_place place, const char *name)
{
    char of[FILE_NAME_SIZE];
    return file_temporary_name(name, of) && is_our_file(place, of);
}

/* --- looking --- */

struct look {
    struct job_deletion *out;
    dev_t device;                 /* that the folder lies on */
    bool made_base;               /* spectrum made the model in base/ */
    char log[64];                 /* what the run's --log names */
    char foreign[ERROR_TEXT_MAX]; /* the first that is not ours, and what it is; "": none */
    size_t foreign_count;
};

/* By its path below the job's folder. */
static int turn_of(const char *path)
{
    static const char *const late[] = {"job.json", "requests/", "result.json", "requests"};
    int turn = 0;
    for (int i = 0; i < DELETE_TURNS - 1; i++)
        if (strcmp(path, late[i]) == 0 ||
            (text_ends_with(late[i], "/") && strncmp(path, late[i], strlen(late[i])) == 0))
            turn = i + 1;
    return turn;
}

/* The path is the list's from here on. */
static int add(struct job_deletion *out, char *path, const struct stat *info, struct error *err)
{
    if (array_reserve((void **)&out->pieces, &out->capacity, out->count + 1, sizeof *out->pieces,
                      err) != 0) {
        free(path);
        return -1;
    }
    bool folder = S_ISDIR(info->st_mode);
    out->pieces[out->count++] =
        (struct job_piece){path, folder, turn_of(path + strlen(out->path) + 1)};
    out->files += !folder;
    out->bytes += folder ? 0 : (uint64_t)info->st_size;
    return 0;
}

static void note_foreign(struct look *look, const char *path, const struct stat *info)
{
    if (look->foreign_count++ == 0)
        snprintf(look->foreign, sizeof look->foreign, "%s%s", path,
                 S_ISLNK(info->st_mode) ? ", a link," : "");
}

static int look_into(struct look *look, enum job_place place, const char *folder,
                     struct error *err);

/* What is mounted has files of its own, and its place does not go: all would stop in the middle. Of
 * folders, as files of an overlay are said to be on the file system below it. */
static int check_device(const char *path, const struct stat *info, dev_t device, struct error *err)
{
    return info->st_dev == device
               ? 0
               : error_set(err,
                           "%s is on another file system than the folder that it is in: nothing "
                           "was deleted; unmount it first",
                           path);
}

/* Else the first file in it would be refused, when others are gone. */
static int check_writable(const char *folder, struct error *err)
{
    return sys.access(folder, W_OK | X_OK) == 0
               ? 0
               : error_set_errno(err, errno, "cannot delete anything in %s", folder);
}

/* Takes the path. */
static int look_at(struct look *look, enum job_place place, char *path, struct error *err)
{
    struct stat info;
    enum job_place inside;
    const char *name = path_last(path);
    int status =
        sys.lstat(path, &info) == 0 ? 0 : error_set_errno(err, errno, "cannot look at %s", path);
    if (status == 0 && S_ISDIR(info.st_mode))
        status = check_device(path, &info, look->device, err);
    bool folder = status == 0 && S_ISDIR(info.st_mode) && is_our_folder(place, name, &inside) &&
                  (inside != PLACE_BASE || look->made_base);
    bool file = status == 0 && S_ISREG(info.st_mode) &&
                (is_our_file(place, name) || is_our_temporary(place, name) ||
                 (place == PLACE_JOB && tracker_writes(look->log, name)));
    if (folder)
        status = look_into(look, inside, path, err);
    else if (status == 0 && !file)
        note_foreign(look, path, &info);
    if (status == 0 && (folder || file))
        return add(look->out, path, &info, err);
    free(path);
    return status;
}

/* Adds all that is in the folder, deepest first. */
static int look_into(struct look *look, enum job_place place, const char *folder, struct error *err)
{
    struct dirent *entry;
    if (check_writable(folder, err) != 0)
        return -1;
    DIR *open = sys.opendir(folder);
    if (!open)
        return error_set_errno(err, errno, "cannot read folder %s", folder);
    int more = 0;
    while ((more = folder_read(open, folder, &entry, err)) > 0) {
        char *path = path_join(folder, entry->d_name, err);
        if (!path || look_at(look, place, path, err) != 0) {
            more = -1;
            break;
        }
    }
    sys.closedir(open);
    return more;
}

/* --- whether it may go --- */

/* No component of the path as it was named is a link. */
static int check_links(const char *path, struct error *err)
{
    char *part = string_copy(path, err);
    int status = part ? 0 : -1;
    for (char *at = part; status == 0 && *at;) {
        struct stat info;
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char kept = *at;
        *at = '\0';
        if (sys.lstat(part, &info) == 0 && S_ISLNK(info.st_mode))
            status = error_set(err,
                               "%s is a link, and nothing is deleted through one: name the folder "
                               "that it leads to",
                               part);
        *at = kept;
    }
    free(part);
    return status;
}

/* A run makes base/ where it begins from random weights or from another run; else a model that lies
 * there is somebody's. So is what other tools read, but for a run that was to write it (--log). */
static void look_at_record(struct look *look, const char *path)
{
    bool init = false;
    const char *command = "", *log = "";
    cJSON *job = job_dir_read(path, "job.json", NULL);
    json_get_bool(job, "init", &init);
    json_get_string(job, "command", &command);
    json_get_string(job, "log", &log);
    look->made_base =
        init || json_get(job, "start") || job_dir_find(path, "base/" EXPORT_UNFINISHED, NULL) > 0;
    if (strcmp(command, "train") == 0 && tracker_targets_check(log, NULL) == 0)
        snprintf(look->log, sizeof look->log, "%s", log);
    cJSON_Delete(job);
}

/* Anybody's folder may hold a job.json; ours names a kind of job that there is. */
static int check_is_job(const char *path, struct error *err)
{
    cJSON *job = job_dir_has(path, "job.json") ? job_dir_read(path, "job.json", err) : NULL;
    bool unread = job_dir_has(path, "job.json") && !job;
    bool is_job = job ? job_kind_of(job)->command[0] : job_dir_has(path, "requests");
    cJSON_Delete(job);
    if (unread)
        return error_prefix(err, "%s may be no job, and is not deleted", path);
    return is_job ? 0 : error_set(err, "%s is not a job's folder: nothing is deleted", path);
}

static int check_state(const char *path, struct error *err)
{
    enum job_state state = job_state(path);
    if (state != JOB_ENDED && state != JOB_DIED)
        return error_set(err, "%s is %s: stop it before it is deleted", path,
                         state == JOB_ELSEWHERE ? "run on another machine" : job_state_name(state));
    return job_lock_check(path, err);
}

/* It is this user's, and can be taken from the folder that it is in: else its end would be refused
 * in the middle. *device: that it lies on. */
static int check_owner(const char *path, dev_t *device, struct error *err)
{
    struct stat info, around;
    if (sys.lstat(path, &info) != 0)
        return error_set_errno(err, errno, "cannot look at %s", path);
    if (info.st_uid != geteuid())
        return error_set(err, "%s belongs to user %lld, who alone deletes it", path,
                         (long long)info.st_uid);
    *device = info.st_dev;
    char *above = path_folder(path, err);
    int status = above ? check_writable(above, err) : -1;
    if (status == 0 && sys.stat(above, &around) == 0)
        status = check_device(path, &info, around.st_dev, err);
    free(above);
    return status;
}

/* Everything is looked at before anything goes: one foreign file, and the whole folder stays. */
int job_delete_look(struct job_deletion *out, const char *path, struct error *err)
{
    struct look look = {.out = out};
    *out = (struct job_deletion){0};
    if (check_links(path, err) != 0)
        return -1;
    out->path = sys.realpath(path, NULL);
    if (!out->path)
        return error_set_errno(err, errno, "cannot find %s", path);
    if (job_dir_confine(out->path, err) != 0 || check_owner(out->path, &look.device, err) != 0 ||
        check_is_job(out->path, err) != 0 || check_state(out->path, err) != 0)
        return -1;
    look_at_record(&look, out->path);
    if (look_into(&look, PLACE_JOB, out->path, err) != 0)
        return -1;
    if (look.foreign_count > 1)
        return error_set(err,
                         "%s and %zu more are not what spectrum wrote there: nothing was deleted; "
                         "move them away first",
                         look.foreign, look.foreign_count - 1);
    if (look.foreign_count == 1)
        return error_set(err,
                         "%s is not what spectrum wrote there: nothing was deleted; move it away "
                         "first",
                         look.foreign);
    return 0;
}

void job_deletion_free(struct job_deletion *deletion)
{
    for (size_t i = 0; i < deletion->count; i++)
        free(deletion->pieces[i].path);
    free(deletion->pieces);
    free(deletion->path);
    *deletion = (struct job_deletion){0};
}

/* --- deleting --- */

/* What somebody else has deleted meanwhile is gone, as it should be. */
static int remove_pieces(const struct job_deletion *deletion, int turn, struct error *err)
{
    for (size_t i = 0; i < deletion->count; i++) {
        const struct job_piece *piece = &deletion->pieces[i];
        if (piece->turn == turn &&
            (piece->folder ? sys.rmdir(piece->path) : sys.unlink(piece->path)) != 0 &&
            errno != ENOENT)
            return error_set_errno(err, errno, "cannot delete %s", piece->path);
    }
    return 0;
}

/* Whoever starts the job at this moment has opened a new log. */
static int remove_last(const char *path, struct error *err)
{
    char *log = path_join(path, "log.txt", err);
    if (!log)
        return -1;
    int status = sys.rmdir(path);
    if (status != 0 && errno == ENOTEMPTY && sys.unlink(log) == 0)
        status = sys.rmdir(path);
    if (status != 0)
        error_set_errno(err, errno, "cannot delete folder %s", path);
    free(log);
    return status;
}

/* Whoever would start the job waits for this lock (lock.c), and then finds no folder. */
int job_delete(const char *path, struct error *err)
{
    struct job_deletion deletion;
    int status = check_links(path, err);
    int fd = status == 0 ? sys.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0) : -1;
    if (status == 0 && fd < 0)
        return error_set_errno(err, errno, "cannot open the job's folder %s", path);
    if (fd < 0)
        return -1;
    file_lock(fd);
    status = job_delete_look(&deletion, path, err);
    for (int turn = 0; status == 0 && turn < DELETE_TURNS; turn++)
        status = remove_pieces(&deletion, turn, err);
    if (status == 0) {
        job_index_remove(deletion.path);
        status = remove_last(deletion.path, err);
    }
    job_deletion_free(&deletion);
    sys.close(fd);
    return status;
}

/* Without a job.json nobody has seen more of it than its name in the index. */
void job_delete_refused(const char *path, bool there)
{
    static const char *const folders[] = {"requests", "checkpoints"};
    if (job_dir_is_taken(path))
        return;
    if (job_dir_has(path, "job.json")) {
        if (job_delete(path, NULL) == 0 && there)
            sys.mkdir(path, 0777);
        return;
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *folder = path_join(path, folders[i], NULL);
        if (folder)
            sys.rmdir(folder);
        free(folder);
    }
    job_index_remove(path);
    if (!there)
        sys.rmdir(path);
}
