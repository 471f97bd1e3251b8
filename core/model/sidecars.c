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

static int copy_templates(const char *from_folder, const char *to_folder, struct error *err)
{
    char *from = path_join(from_folder, TEMPLATES_FOLDER, err);
    char *to = path_join(to_folder, TEMPLATES_FOLDER, err);
    int status = from && to ? 0 : -1;
    DIR *entries = status == 0 ? sys.opendir(from) : NULL;
    if (status == 0 && !entries && errno != ENOENT && errno != ENOTDIR)
        status = error_set_errno(err, errno, "cannot read folder %s", from);
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
