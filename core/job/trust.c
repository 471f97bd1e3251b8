#include "job/trust.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "checkpoint/hub.h"
#include "job/job_dir.h"
#include "job/training_options.h"
#include "text/template/template.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what the arguments name --- */

/* The options of `scan` that take no value, and those whose value is a file whatever it looks like;
 * a run's are in its table. Without a name a file is the MODEL. */
static const char *const scan_flags[] = {"no-cache", "split-fused", "remote", "json", NULL};
static const char *const scan_files[] = {"o", "spectra", "", NULL};

/* NULL: a run has no such option. */
static const struct option *option_of_run(const char *name)
{
    size_t row = option_by_name(&training_options, name);
    return row < training_options.count ? &training_options.rows[row] : NULL;
}

/* What stands after one is not its value. */
static bool is_flag(const char *name)
{
    const struct option *option = option_of_run(name);
    return (option && option->kind == OPTION_FLAG) || text_is_one_of(name, scan_flags);
}

static bool takes_file(const char *name)
{
    const struct option *option = option_of_run(name);
    return (option && (option->kind == OPTION_PATH || option->kind == OPTION_PATHS)) ||
           text_is_one_of(name, scan_files);
}

/* Without links, where it is there. */
static char *whole_path(const cJSON *job, const char *value, struct error *err)
{
    char *path = job_dir_named(job, value, err);
    char *whole = path ? sys.realpath(path, NULL) : NULL;
    if (!whole)
        return path;
    free(path);
    return whole;
}

static _Thread_local size_t looked_at;

/* 1, which ends the walk, at what may lead out of the folder. */
static int may_lead_out(const char *path, const struct stat *info, int type, struct FTW *at)
{
    enum { MOST = 100000 };
    (void)path;
    (void)at;
    return (type != FTW_F && type != FTW_D) || (type == FTW_F && info->st_nlink > 1) ||
           ++looked_at > MOST;
}

/* `path` is without links; so are the files in it, where it is a folder. */
static bool lies_inside(const char *path, const char *folder)
{
    char *whole = sys.realpath(folder, NULL);
    size_t length = whole ? strlen(whole) : 0;
    bool inside =
        whole && strncmp(path, whole, length) == 0 && (path[length] == '/' || !path[length]);
    free(whole);
    looked_at = 0;
    return inside && sys.nftw(path, may_lead_out, 16, FTW_PHYS) == 0;
}

/* Adds the value of an option where it names a file: that of an option that takes one, or one that
 * could be one all the same, which errs on the side of naming too much. --run is not read by a
 * resume, to which the job's folder is named. */
static int add_file(struct job_trust *trust, const char *path, const cJSON *job, const char *option,
                    int length, const char *value, struct error *err)
{
    char name[32];
    char *whole = whole_path(job, value, err);
    if (!whole)
        return -1;
    snprintf(name, sizeof name, "%.*s", length, option);
    bool named = strcmp(name, "template") == 0 ? template_is_file(value)
                 : strcmp(name, "run") == 0
                     ? false
                     : takes_file(name) || (value[0] == '/' && file_find(whole, NULL) != 0);
    if (!named) {
        free(whole);
        return 0;
    }
    trust->files[trust->count++] = (struct job_named){
        length ? option : "model", length ? length : 5, whole, value, lies_inside(whole, path)};
    return 0;
}

/* As options_parse() reads them: --name VALUE, --name=VALUE, "--" ends the options. */
static int list_files(struct job_trust *trust, const char *path, const cJSON *job,
                      struct error *err)
{
    const cJSON *list = json_get(job, "arguments"), *item = list ? list->child : NULL;
    const char *option = "";
    bool ended = false;
    int status = 0;
    trust->files = array_alloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *trust->files, err);
    for (item = item ? item->next : NULL; trust->files && status == 0 && item; item = item->next) {
        const char *text = cJSON_IsString(item) ? item->valuestring : "";
        if (!ended && !option[0] && strcmp(text, "--") == 0) {
            ended = true;
        } else if (!ended && !option[0] && text[0] == '-' && text[1]) {
            const char *name = text + (text[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
            if (equals)
                status = add_file(trust, path, job, name, (int)(equals - name), equals + 1, err);
            else if (!is_flag(name))
                option = name;
        } else {
            status = add_file(trust, path, job, option, (int)strlen(option), text, err);
            option = "";
        }
    }
    return trust->files ? status : -1;
}

/* --- what is approved --- */

/* A launched run runs what lies in its folder, whatever its arguments are: an approval is of this very
 * folder, wherever it is moved to, and not of a copy. */
static int add_folder(struct buffer *what, const char *path, struct error *err)
{
    struct stat info;
    if (sys.stat(path, &info) != 0)
        return error_set_errno(err, errno, "cannot look at %s", path);
    buffer_format(what, "folder %llu on %llu", (unsigned long long)info.st_ino,
                  (unsigned long long)info.st_dev);
    return 0;
}

/* Of command, folder and arguments. Of a job of another user's, of that folder alone; and where
 * others can write, of the files as they are found now: they may have links lead elsewhere later.
 */
static int make_key(struct job_trust *trust, const char *path, bool shared, const cJSON *job,
                    struct error *err)
{
    struct buffer what = BUFFER_INIT;
    const char *command = "", *where = "";
    const cJSON *item;
    json_get_string(job, "command", &command);
    json_get_string(job, "folder", &where);
    if (trust->foreign) {
        char *whole = sys.realpath(path, NULL);
        buffer_format(&what, "user %lu in %s", (unsigned long)trust->owner, whole ? whole : path);
        free(whole);
    }
    for (size_t i = 0; (trust->foreign || shared) && i < trust->count; i++)
        buffer_append(&what, trust->files[i].path, strlen(trust->files[i].path) + 1);
    buffer_append(&what, "", 1);
    buffer_append(&what, command, strlen(command) + 1);
    buffer_append(&what, where, strlen(where) + 1);
    cJSON_ArrayForEach(item, json_get(job, "arguments")) if (cJSON_IsString(item))
        buffer_append(&what, item->valuestring, strlen(item->valuestring) + 1);
    if (trust->runs && add_folder(&what, path, err) != 0) {
        buffer_free(&what);
        return -1;
    }
    int status = buffer_check(&what, err);
    if (status == 0)
        status = digest_of(what.data, what.length, trust->key, err);
    buffer_free(&what);
    return status;
}

static char *approval_path(const struct job_trust *trust, bool make)
{
    char *folder = make ? xdg_state_folder("approved", NULL) : xdg_state_path("approved", NULL);
    char *file = folder ? path_join(folder, trust->key, NULL) : NULL;
    free(folder);
    return file;
}

void job_trust_approve(const struct job_trust *trust)
{
    char *file = approval_path(trust, true);
    if (file)
        file_save(file, "", 0, NULL);
    free(file);
}

/* Whose is it, and may others write there? */
static int look_at_owner(struct job_trust *out, const char *path, const char *file, bool *shared,
                         struct error *err)
{
    struct stat folder, record;
    if (sys.stat(path, &folder) != 0 || sys.stat(file, &record) != 0)
        return error_set_errno(err, errno, "cannot tell whose %s is", file);
    uid_t me = geteuid();
    *shared = (folder.st_mode | record.st_mode) & (S_IWGRP | S_IWOTH);
    out->foreign = folder.st_uid != me || record.st_uid != me;
    out->owner = folder.st_uid != me ? folder.st_uid : record.st_uid;
    return 0;
}

/* 1, which ends the walk, at what somebody else than this user and root could have written. */
static int may_be_written(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)path;
    (void)at;
    return type == FTW_DNR || type == FTW_NS || (info->st_uid != geteuid() && info->st_uid != 0) ||
           (type != FTW_SL && (info->st_mode & (S_IWGRP | S_IWOTH)));
}

/* Asked about is what others could have written: a foreign owner, a folder that others can write
 * to, or a record that leads out of its folder. An approval is a file of this user's own, by the
 * key of what was shown; of what is run it says nothing where others can change that. */
static int look(struct job_trust *out, const char *path, const char *file, bool record,
                const cJSON *job, struct error *err)
{
    struct stat info;
    bool shared = true, outside = false;
    if (look_at_owner(out, path, file, &shared, err) != 0 || list_files(out, path, job, err) != 0 ||
        make_key(out, path, shared, job, err) != 0) {
        job_trust_free(out);
        return -1;
    }
    out->changes = out->runs && sys.nftw(path, may_be_written, 16, FTW_PHYS) != 0;
    for (size_t i = 0; i < out->count; i++)
        outside |= record && !out->files[i].inside;
    char *approval = approval_path(out, false);
    bool approved =
        !out->changes && approval && sys.stat(approval, &info) == 0 && info.st_uid == geteuid();
    free(approval);
    out->asks = (out->foreign || shared || outside || out->runs) && !approved;
    return 0;
}

int job_trust_look_file(struct job_trust *out, const char *path, const char *file, bool record,
                        const cJSON *job, struct error *err)
{
    *out = (struct job_trust){0};
    return look(out, path, file, record, job, err);
}

int job_trust_look(struct job_trust *out, const char *path, const cJSON *job, struct error *err)
{
    const char *command = "";
    *out = (struct job_trust){0};
    json_get_string(job, "command", &command);
    out->runs = strcmp(command, "launch") == 0;
    char *record = job_dir_confine(path, err) == 0 ? path_join(path, "job.json", err) : NULL;
    int status = record ? look(out, path, record, true, job, err) : -1;
    free(record);
    return status;
}

void job_trust_free(struct job_trust *trust)
{
    for (size_t i = 0; i < trust->count; i++)
        free(trust->files[i].path);
    free(trust->files);
    *trust = (struct job_trust){0};
}

/* Without a state folder nobody knows who started it. */
void job_trust_put(struct buffer *out, const struct job_trust *trust)
{
    struct error why = ERROR_INIT;
    char *folder = trust->foreign ? NULL : xdg_state_folder("approved", &why);
    if (trust->foreign)
        buffer_format(out, "belongs to user %lu, not to you", (unsigned long)trust->owner);
    else if (trust->changes)
        buffer_text(out, "has files that others may write (chmod -R go-w ends that)");
    else if (folder)
        buffer_text(out, "was not started by you here");
    else
        buffer_format(out, "may not be yours, because what you start cannot be noted (%s)",
                      why.text);
    free(folder);
    if (trust->runs)
        buffer_text(out, ": it would run the launch.sh and the Python of its folder");
    for (size_t i = 0; i < trust->count; i++) {
        const struct job_named *file = &trust->files[i];
        buffer_format(out, "%s%.*s %s%s",
                      i             ? ", "
                      : trust->runs ? ", read "
                                    : ": it would read ",
                      file->length, file->option, file->path,
                      file->inside ? " (in its folder)" : "");
    }
    buffer_text(out, trust->count  ? ", and write what it makes of them into its folder"
                     : trust->runs ? ", and write into its folder"
                                   : ": it would write into its folder");
}

int job_trust_check(const char *path, const cJSON *job, const char *trusted, struct error *err)
{
    struct job_trust trust;
    struct buffer text = BUFFER_INIT;
    int status = 0;
    if (job_trust_look(&trust, path, job, err) != 0)
        return -1;
    if (trust.asks && !trusted) {
        job_trust_put(&text, &trust); /* last, because a long list is cut */
        status =
            error_set(err, "%s is resumed with --trust only: it %s", path, buffer_string(&text));
    } else if (trust.asks && strcmp(trusted, trust.key) != 0) {
        status = error_set(
            err, "%s/job.json was changed since it was looked at: look at it once more", path);
    } else if (trust.asks) {
        job_trust_approve(&trust);
    }
    buffer_free(&text);
    job_trust_free(&trust);
    return status;
}

/* Where a path leads, or a model of the hub's cache by its name; NULL: there is nothing. */
static char *where_it_leads(const char *path, const char *name)
{
    char *whole = sys.realpath(path, NULL);
    if (whole || name[0] == '/')
        return whole;
    char *hub = checkpoint_hub_folder();
    char *repository = hub ? checkpoint_hub_repository(hub, name) : NULL;
    whole = repository ? sys.realpath(repository, NULL) : NULL;
    free(hub);
    free(repository);
    return whole;
}

/* Is one the other, or a folder around it? A folder stands for the one model file in it, a
 * repository for its snapshot. */
static bool is_around(const char *outer, const char *inner)
{
    size_t length = strlen(outer);
    return strncmp(outer, inner, length) == 0 && (inner[length] == '/' || !inner[length]);
}

static int compare_models(const char *path, const cJSON *job, const char *said, const char *asked,
                          const char *name, struct error *err)
{
    char *model = whole_path(job, said, err), *a = model ? where_it_leads(model, said) : NULL;
    char *b = where_it_leads(asked, name);
    int status = model ? 0 : -1;
    if (a && b && !is_around(a, b) && !is_around(b, a))
        status = error_set(err,
                           "%s/job.json contradicts itself: its \"model\" is %s, and its "
                           "\"arguments\" name %s: let both name the one that is meant",
                           path, a, b);
    free(model);
    free(a);
    free(b);
    return status;
}

int job_trust_check_model(const char *path, const cJSON *job, struct error *err)
{
    struct job_trust named = {0};
    const char *said;
    if (!json_get(job, "model") || job_dir_has(path, "base")) /* its base is the folder's own */
        return 0;
    if (!json_get_string(job, "model", &said))
        return error_set(err, "%s/job.json: its \"model\" is no text", path);
    int status = list_files(&named, path, job, err);
    for (size_t i = 0; status == 0 && i < named.count; i++)
        if (named.files[i].length == 5 && strncmp(named.files[i].option, "model", 5) == 0)
            status = compare_models(path, job, said, named.files[i].path, named.files[i].text, err);
    job_trust_free(&named);
    return status;
}

/* What a user starts is approved by that: the next resume asks nothing. */
void job_trust_note(const char *path)
{
    struct job_trust trust;
    cJSON *job = job_dir_read(path, "job.json", NULL);
    if (job && job_trust_look(&trust, path, job, NULL) == 0) {
        job_trust_approve(&trust);
        job_trust_free(&trust);
    }
    cJSON_Delete(job);
}
