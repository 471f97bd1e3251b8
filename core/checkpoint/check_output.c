#include "checkpoint/check_output.h"

#include "base/folder.h"
#include "base/sys.h"
#include "checkpoint/tensor_table.h"

#include <stdlib.h>
#include <sys/stat.h>

/* By device and inode: the same file under another name, through links too. */
static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_path(const struct stat *target, const char *path)
{
    struct stat info;
    return path && sys.stat(path, &info) == 0 && same_file(target, &info);
}

static bool is_weights(const struct checkpoint *checkpoint, const struct stat *target)
{
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        struct stat info;
        if (sys.fstat(checkpoint->files[i].fd, &info) == 0 && same_file(target, &info))
            return true;
    }
    return false;
}

/* What else of a model's folder transformers reads, by name or by ending. */
static bool is_document(const struct checkpoint *checkpoint, const struct stat *target)
{
    static const char *const names[] = {
        CHECKPOINT_INDEX,
        CHECKPOINT_CONFIG,
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "merges.txt",
        "tokenizer.model",
        "generation_config.json",
        "chat_template.jinja",
        "chat_template.json",
        "adapter_config.json",
        "adapter_model.safetensors",
    };
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) {
        char *path = path_join(checkpoint->folder, names[i], NULL);
        found = is_path(target, path);
        free(path);
    }
    return found;
}

int checkpoint_check_output(const struct checkpoint *checkpoint, const char *path,
                            struct error *err)
{
    struct stat target;
    if (!path || sys.stat(path, &target) != 0)
        return 0;
    if (is_path(&target, checkpoint->folder))
        return error_set(err,
                         "%s is the folder of the model itself, which is never written to; "
                         "give another path",
                         path);
    if (is_weights(checkpoint, &target) || is_document(checkpoint, &target))
        return error_set(err,
                         "%s is a file of the model %s, which is never written to; give "
                         "another path",
                         path, checkpoint->path);
    return 0;
}
