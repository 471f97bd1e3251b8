#include "checkpoint/checkpoint.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "checkpoint/compose.h"
#include "checkpoint/composed.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_table.h"
#include "checkpoint/torch_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What a path stands for, in this order:
 *
 *     a folder       model.safetensors; else the shards of its index; else pytorch_model.bin; else the
 *                    shards of its index; else the one .gguf file in it, or the parts of one
 *     a file         .safetensors, .gguf, or PyTorch's .bin, .pt, .pth, by its ending
 *     neither        a repository of the local Hugging Face cache, "org/name", and of it a folder
 *
 * config.json is read from the folder that the weights lie in.
 */
enum { CONFIG_MAX = 16 << 20 };

/* What reads one file of the checkpoint's format. */
static shard_opener *opener_of(const struct checkpoint *checkpoint)
{
    return checkpoint->format == CHECKPOINT_PYTORCH ? torch_file_open : safetensors_open;
}

static int open_single(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    return opener_of(checkpoint)(checkpoint, path, err) == 0 ? checkpoint_index(checkpoint, err)
                                                             : -1;
}

static int open_shards(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    return shards_open(checkpoint, path, opener_of(checkpoint), err);
}

/* A folder without config.json can be read; what wants its configuration says that it is
 * missing. */
static int read_config(struct checkpoint *checkpoint, struct error *err)
{
    char *path = path_join(checkpoint->folder, CHECKPOINT_CONFIG, err);
    int there = path ? place_find(checkpoint->place, path, err) : -1, status = there < 0 ? -1 : 0;
    if (there > 0) {
        checkpoint->metadata = place_read_json(checkpoint->place, path, CONFIG_MAX,
                                               JSON_LOOSE_NUMBERS | JSON_OBJECT, err);
        status = checkpoint->metadata ? 0 : -1;
    }
    free(path);
    return status;
}

/* A single file goes by its ending, and its configuration lies beside it; a GGUF file has its
 * own. */
static int open_file(struct checkpoint *checkpoint, struct error *err)
{
    if (text_ends_with(checkpoint->path, ".gguf")) {
        checkpoint->format = CHECKPOINT_GGUF;
        return gguf_split_open(checkpoint, err) == 0 ? checkpoint_index(checkpoint, err) : -1;
    }
    bool torch = text_ends_with(checkpoint->path, ".bin") ||
                 text_ends_with(checkpoint->path, ".pt") ||
                 text_ends_with(checkpoint->path, ".pth");
    if (!torch && !text_ends_with(checkpoint->path, ".safetensors"))
        return error_set(err,
                         "%s: neither a folder, a .safetensors, a .gguf nor a PyTorch file (.bin)",
                         checkpoint->path);
    checkpoint->format = torch ? CHECKPOINT_PYTORCH : CHECKPOINT_SAFETENSORS;
    return open_single(checkpoint, checkpoint->path, err) == 0 ? read_config(checkpoint, err) : -1;
}

/* A folder without weights of a model. Adapters as PEFT has them, which `spectrum export` writes, too,
 * get an answer of their own: who has a folder of them thinks that it is a model. */
static int refuse_empty(const struct checkpoint *checkpoint, struct error *err)
{
    const char *base = NULL;
    cJSON *config = NULL;
    char *path = path_join(checkpoint->folder, "adapter_config.json", err);
    if (!path)
        return -1;
    if (place_find(checkpoint->place, path, NULL) > 0) {
        config = place_read_json(checkpoint->place, path, CONFIG_MAX, JSON_LOOSE_NUMBERS, NULL);
        json_get_string(config, "base_model_name_or_path", &base);
        error_set(
            err,
            "%s holds adapters%s%.400s, and no model: give the base, or a folder with both, which "
            "`spectrum export RUN --merge` writes of a run, and PEFT's merge_and_unload() of any "
            "adapters",
            checkpoint->folder, base ? " of the base " : "", base ? base : "");
    } else {
        const char *below = NULL;
        for (size_t i = 0; checkpoint->place && !below && i < checkpoint->place->count; i++)
            if (text_ends_with(checkpoint->place->files[i], ".gguf"))
                below = checkpoint->place->files[i];
        error_set(err,
                  "%s: no model.safetensors, no model.safetensors.index.json, no " CHECKPOINT_BIN
                  " and no .gguf file in it%s%s%s%s",
                  checkpoint->folder, below ? ", but some in folders: name one, as " : "",
                  below ? checkpoint->folder : "", below ? "/" : "", below ? below : "");
    }
    cJSON_Delete(config);
    free(path);
    return -1;
}

/* A folder without safetensors stands for the one .gguf file in it, or the parts of one. */
static int open_only_gguf(struct checkpoint *checkpoint, struct error *err)
{
    char **entries = NULL;
    struct buffer names = BUFFER_INIT;
    int count = place_list(checkpoint->place, checkpoint->folder, ".gguf", &entries, err),
        status = -1;
    bool parts = count > 1; /* of one model, of which any opens all */
    for (int i = 1; i < count; i++)
        parts = parts && gguf_same_split(entries[0], entries[i]);
    if (count == 1 || parts) {
        free(checkpoint->path);
        checkpoint->path = path_join(checkpoint->folder, entries[0], err);
        status = checkpoint->path ? open_file(checkpoint, err) : -1;
    } else if (count > 1) {
        for (int i = 0; i < count; i++)
            buffer_format(&names, "%s%s", i ? ", " : "", entries[i]);
        error_set(err, "%s holds %d .gguf files; name one of them: %s", checkpoint->folder, count,
                  buffer_string(&names));
    } else if (count == 0) {
        refuse_empty(checkpoint, err);
    }
    place_list_free(entries, count);
    buffer_free(&names);
    return status;
}

/* A folder's possible weights, in the order in which transformers looks for them. */
static const struct layout {
    const char *name;
    enum checkpoint_format format;
    int (*open)(struct checkpoint *checkpoint, const char *path, struct error *err);
} layouts[] = {
    {"model.safetensors", CHECKPOINT_SAFETENSORS, open_single},
    {CHECKPOINT_INDEX, CHECKPOINT_SAFETENSORS, open_shards},
    {CHECKPOINT_BIN, CHECKPOINT_PYTORCH, open_single},
    {CHECKPOINT_BIN_INDEX, CHECKPOINT_PYTORCH, open_shards},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

/* Of several that are there the first is read; so it matters not what the link of another leads to. */
static int note_others(struct checkpoint *checkpoint, size_t taken, struct error *err)
{
    for (size_t i = taken + 1; i < LAYOUTS; i++) {
        char *path = path_join(checkpoint->folder, layouts[i].name, err);
        int there = !path               ? -1
                    : checkpoint->place ? place_find(checkpoint->place, path, err)
                                        : name_find(path, err);
        free(path);
        if (there < 0)
            return -1;
        if (there > 0)
            buffer_format(
                &checkpoint->notes, "%s has both %s and %s: %s is read, as transformers does\n",
                checkpoint->path, layouts[taken].name, layouts[i].name, layouts[taken].name);
    }
    return 0;
}

static int open_layout(struct checkpoint *checkpoint, size_t index, const char *path,
                       struct error *err)
{
    checkpoint->format = layouts[index].format;
    if (note_others(checkpoint, index, err) != 0 || layouts[index].open(checkpoint, path, err) != 0)
        return -1;
    return read_config(checkpoint, err);
}

/* The first of a folder's possible weight files that is there. */
static int open_folder(struct checkpoint *checkpoint, struct error *err)
{
    for (size_t i = 0; i < LAYOUTS; i++) {
        char *path = path_join(checkpoint->folder, layouts[i].name, err);
        if (!path)
            return -1;
        int there = place_find(checkpoint->place, path, err);
        int status = there > 0 ? open_layout(checkpoint, i, path, err) : there;
        free(path);
        if (there != 0)
            return status;
    }
    return open_only_gguf(checkpoint, err);
}

static int refuse_absent(const char *path, struct error *err)
{
    const char *first = strchr(path, '/'); /* "org/name" alone looks like a hub's */
    bool hub = first && first != path && path[0] != '.' && first[1] && !strchr(first + 1, '/');
    return error_set(err,
                     "%s: no such file or folder, and no such model in the local Hugging Face "
                     "cache%s",
                     path, hub ? "; `spectrum fetch` brings one of the hub there" : "");
}

/* Sets path and folder: what the name stands for on this machine. *is_folder: path is that folder. It
 * is looked at once: were it a folder now and none a moment later, another folder's weights would be
 * read. */
static int resolve(struct checkpoint *checkpoint, const char *path, bool *is_folder,
                   struct error *err)
{
    struct stat info;
    int there = file_look(path, &info, err);
    int cached = there == 0 ? hub_snapshot(&checkpoint->path, path, err) : 0;
    if (there < 0 || cached < 0)
        return -1;
    if (!there && !cached)
        return file_find(path, err) < 0 ? -1 : refuse_absent(path, err);
    *is_folder = cached || S_ISDIR(info.st_mode);
    if (!cached && !(checkpoint->path = string_copy(path, err)))
        return -1;
    checkpoint->folder =
        *is_folder ? string_copy(checkpoint->path, err) : path_folder(checkpoint->path, err);
    return checkpoint->folder ? 0 : -1;
}

/* Whatever place the path is of. */
static int open_weights(struct checkpoint *checkpoint, bool folder, struct error *err)
{
    int status = folder ? open_folder(checkpoint, err) : open_file(checkpoint, err);
    if (status == 0 && checkpoint->format != CHECKPOINT_GGUF)
        status = compose(checkpoint, err);
    return status;
}

static int hand_over(struct checkpoint **out, struct checkpoint *checkpoint, int status)
{
    if (status == 0)
        *out = checkpoint;
    else
        checkpoint_close(checkpoint);
    return status;
}

/* A path, or a hub's name that lies in the local cache (resolve()). */
int checkpoint_open(struct checkpoint **out, const char *path, struct error *err)
{
    *out = NULL;
    struct checkpoint *checkpoint = array_alloc(1, sizeof *checkpoint, err);
    if (!checkpoint)
        return -1;
    bool is_folder;
    int status = resolve(checkpoint, path, &is_folder, err);
    if (status == 0)
        status = open_weights(checkpoint, is_folder, err);
    return hand_over(out, checkpoint, status);
}

/* "org/name" stands for its folder, "org/name/file" for that file. */
int checkpoint_open_place(struct checkpoint **out, const struct checkpoint_place *place,
                          const char *file, struct error *err)
{
    *out = NULL;
    struct checkpoint *checkpoint = array_alloc(1, sizeof *checkpoint, err);
    if (!checkpoint)
        return -1;
    checkpoint->place = place;
    checkpoint->path = file ? path_join(place->name, file, err) : string_copy(place->name, err);
    checkpoint->folder = checkpoint->path ? string_copy(place->name, err) : NULL;
    int status = checkpoint->folder ? 0 : -1;
    if (status == 0)
        status = open_weights(checkpoint, !file, err);
    return hand_over(out, checkpoint, status);
}

/* A folder with a configuration and no weights: what a new model is made from. */
int checkpoint_open_config(struct checkpoint **out, const char *folder, struct error *err)
{
    *out = NULL;
    struct checkpoint *checkpoint = array_alloc(1, sizeof *checkpoint, err);
    if (!checkpoint)
        return -1;
    bool is_folder;
    int status = resolve(checkpoint, folder, &is_folder, err);
    if (status == 0)
        status = read_config(checkpoint, err);
    if (status == 0 && !checkpoint->metadata)
        status = error_set(err, "%s has no config.json", folder);
    return hand_over(out, checkpoint, status);
}

/* Also of one that was opened half: everything that is not there is NULL or 0. */
void checkpoint_close(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    for (size_t i = 0; i < checkpoint->tensor_count; i++)
        composed_free(checkpoint->tensors[i].composed);
    checkpoint_clear(checkpoint);
    free(checkpoint->files);
    free(checkpoint->tensors);
    free(checkpoint->by_name);
    free(checkpoint->path);
    free(checkpoint->folder);
    cJSON_Delete(checkpoint->metadata);
    buffer_free(&checkpoint->notes);
    free(checkpoint);
}

const char *checkpoint_notes(const struct checkpoint *checkpoint)
{
    return buffer_string(&checkpoint->notes);
}

enum checkpoint_format checkpoint_format(const struct checkpoint *checkpoint)
{
    return checkpoint->format;
}

const char *checkpoint_path(const struct checkpoint *checkpoint)
{
    return checkpoint->path;
}

const char *checkpoint_folder(const struct checkpoint *checkpoint)
{
    return checkpoint->folder;
}

const cJSON *checkpoint_metadata(const struct checkpoint *checkpoint)
{
    return checkpoint->metadata;
}

/* --- what is never written to --- */

/* By device and inode: the same file under another name, through links too. */
static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* 1, 0; -1: that cannot be told. */
static int is_path(const struct stat *target, const char *path, struct error *err)
{
    struct stat info;
    int there = path ? file_look(path, &info, err) : -1;
    return there > 0 ? same_file(target, &info) : there;
}

/* What else of a model's folder transformers reads, by name or by ending. */
static int is_document(const struct checkpoint *checkpoint, const struct stat *target,
                       struct error *err)
{
    static const char *const names[] = {
        CHECKPOINT_INDEX,
        CHECKPOINT_BIN_INDEX,
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
    int found = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && found == 0; i++) {
        char *path = path_join(checkpoint->folder, names[i], err);
        found = is_path(target, path, err);
        free(path);
    }
    return found;
}

/* By device and inode, so that no other name, link or relative path leads around it. */
int checkpoint_check_output(const struct checkpoint *checkpoint, const char *path,
                            struct error *err)
{
    struct stat target, info;
    int there = path && !checkpoint->place ? file_look(path, &target, err) : 0;
    int found = there > 0 ? is_path(&target, checkpoint->folder, err) : there;
    if (there <= 0 || found < 0)
        return found;
    if (found)
        return error_set(err,
                         "%s is the folder of the model itself, which is never written to; "
                         "give another path",
                         path);
    found = is_document(checkpoint, &target, err);
    for (size_t i = 0; i < checkpoint->file_count && found == 0; i++) {
        if (sys.fstat(checkpoint->files[i].fd, &info) != 0)
            return error_set_errno(err, errno, "cannot read %s", checkpoint->files[i].path);
        found = same_file(&target, &info);
    }
    if (found < 0)
        return -1;
    if (found)
        return error_set(err,
                         "%s is a file of the model %s, which is never written to; give "
                         "another path",
                         path, checkpoint->path);
    return 0;
}
