#include "model/sidecars.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/sys.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDECAR_MAX = 256 << 20 };

static const char *const names[] = {
    "config.json", /* the first: see sidecars_copy() */
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
};

bool sidecars_have(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* A file that is not there is none to copy; one that cannot be read is an error. */
static int copy_file(const char *from_folder, const char *to_folder, const char *name,
                     struct error *err)
{
    char *from = path_join(from_folder, name, err);
    char *to = path_join(to_folder, name, err);
    int there = from && to ? file_find(from, err) : -1;
    int status = there > 0 ? file_copy(from, to, SIDECAR_MAX, err) : there;
    free(from);
    free(to);
    return status;
}

/* Only files of templates, whatever else lies there. */
static int copy_templates(const char *from_folder, const char *to_folder, struct error *err)
{
    char *from = path_join(from_folder, TEMPLATES_FOLDER, err);
    char *to = path_join(to_folder, TEMPLATES_FOLDER, err);
    int status = from && to ? 0 : -1;
    DIR *entries = status == 0 ? sys.opendir(from) : NULL;
    if (status == 0 && !entries && errno != ENOENT && errno != ENOTDIR)
        status = error_set_errno(err, errno, "cannot read folder %s", from);
    else if (status == 0 && !entries && file_find(from, err) < 0)
        status = -1;
    for (struct dirent *entry; entries && status == 0;) {
        int more = folder_read(entries, from, &entry, err);
        if (more <= 0) {
            status = more;
            break;
        }
        if (!text_ends_with(entry->d_name, ".jinja"))
            continue;
        status = folder_make(to, err);
        if (status == 0)
            status = copy_file(from, to, entry->d_name, err);
    }
    if (entries)
        sys.closedir(entries);
    free(from);
    free(to);
    return status;
}

/* "model-00001-of-00003.safetensors" */
static bool is_shard(const char *name)
{
    static const char pattern[] = "model-00000-of-00000.safetensors";
    for (size_t i = 0; i < sizeof pattern; i++)
        if (pattern[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != pattern[i])
            return false;
    return true;
}

/* Is it a name that an export writes, so that it may be replaced or removed? */
static bool is_written(const char *name)
{
    static const char *const others[] = {"model.safetensors", "model.safetensors.index.json",
                                         "adapter_model.safetensors", "adapter_config.json",
                                         EXPORT_UNFINISHED};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return sidecars_have(name) || is_shard(name);
}

static bool is_template(const char *name)
{
    return text_ends_with(name, ".jinja");
}

/* Folders of an export, from the innermost. */
enum export_level { LEVEL_TEMPLATES, LEVEL_MODEL, LEVEL_EXPORT };

static bool are_all(const char *folder, enum export_level level);

static bool is_folder(const char *path, const char *name, enum export_level level)
{
    if (level >= LEVEL_MODEL && strcmp(name, TEMPLATES_FOLDER) == 0)
        return are_all(path, LEVEL_TEMPLATES);
    return level == LEVEL_EXPORT && strcmp(name, "base") == 0 && are_all(path, LEVEL_MODEL);
}

/* Plain files without another name. What cannot be looked at is not. */
static bool are_all(const char *folder, enum export_level level)
{
    DIR *entries = sys.opendir(folder);
    bool all = entries != NULL;
    struct dirent *entry;
    int more = 0;
    while (all && (more = folder_read(entries, folder, &entry, NULL)) > 0) {
        struct stat info;
        char of[FILE_NAME_SIZE], *path = path_join(folder, entry->d_name, NULL);
        bool seen = path && sys.lstat(path, &info) == 0;
        bool (*is_ours)(const char *) = level == LEVEL_TEMPLATES ? is_template : is_written;
        if (seen && S_ISDIR(info.st_mode))
            all = is_folder(path, entry->d_name, level);
        else
            all =
                seen && S_ISREG(info.st_mode) && info.st_nlink == 1 &&
                (is_ours(entry->d_name) || (file_temporary_name(entry->d_name, of) && is_ours(of)));
        free(path);
    }
    if (entries)
        sys.closedir(entries);
    return all && more == 0;
}

bool sidecars_are_all(const char *folder)
{
    return are_all(folder, LEVEL_EXPORT);
}

void sidecars_clear(const char *folder)
{
    char *templates = path_join(folder, TEMPLATES_FOLDER, NULL);
    if (templates)
        folder_remove(templates);
    free(templates);
    folder_clear(folder);
}

int sidecars_copy(const char *from_folder, const char *to_folder, bool config, struct error *err)
{
    int status = folder_make(to_folder, err);
    for (size_t i = config ? 0 : 1; i < sizeof names / sizeof *names && status == 0; i++)
        status = copy_file(from_folder, to_folder, names[i], err);
    return status == 0 ? copy_templates(from_folder, to_folder, err) : -1;
}
