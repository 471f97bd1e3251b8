#include "text/tokenizer_open.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "text/load_gguf.h"
#include "text/load_json.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

int tokenizer_open(struct tokenizer **out, const char *path, struct error *err)
{
    struct stat info;
    if (sys.stat(path, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? error_set(err, "%s: no such file or folder", path)
                   : error_set_errno(err, errno, "cannot read %s", path);
    bool is_folder = S_ISDIR(info.st_mode);
    char *file = is_folder ? path_join(path, "tokenizer.json", err) : string_copy(path, err);
    int there = file && is_folder ? file_find(file, err) : 1;
    if (there <= 0) {
        free(file);
        return there < 0
                   ? -1
                   : error_set(err, "%s has no tokenizer.json; copy the model's own there", path);
    }
    char *folder = is_folder ? string_copy(path, err) : path_folder(path, err);
    struct tokenizer *t = file && folder ? tokenizer_new(err) : NULL;
    if (t)
        t->path = string_copy(path, err);
    int status = t && t->path ? tokenizer_load_json(t, file, folder, err) : -1;
    free(file);
    free(folder);
    if (status != 0) {
        tokenizer_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

int tokenizer_for_checkpoint(struct tokenizer **out, const struct checkpoint *checkpoint,
                             struct error *err)
{
    if (checkpoint_format(checkpoint) == CHECKPOINT_GGUF)
        return tokenizer_from_gguf(out, checkpoint_metadata(checkpoint),
                                   checkpoint_path(checkpoint), err);
    return tokenizer_open(out, checkpoint_folder(checkpoint), err);
}
