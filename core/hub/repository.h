/* A repository of the hub: its names, which are hostile, what is in it, and what of that a model
 * is read from.
 *
 *     GET /api/models/org/name/revision/main     {"sha": "<40 digits>", "gated": false,
 *                                                 "siblings": [{"rfilename": "config.json"}, ...]}
 */
#ifndef SPECTRUM_HUB_REPOSITORY_H
#define SPECTRUM_HUB_REPOSITORY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPOSITORY_FILES_MAX = 100000, REPOSITORY_INFO_MAX = 64 << 20, REPOSITORY_NAME_MAX = 96 };

struct repository {
    char commit[41];
    bool gated;
    char **files; /* "config.json", "sub/folder/x.json", as listed; printable, below the folder */
    size_t count;
};

/* Refuses what is no name of a model: one or two parts of letters, digits, "-", "_" and ".", at most
 * REPOSITORY_NAME_MAX long, without ".." and "--", as huggingface_hub has it. */
int repository_check_name(const char *name, struct error *err);

/* Refuses what is no branch, tag or commit: it becomes a path in the cache. */
int repository_check_revision(const char *revision, struct error *err);

/* Is it a relative path that stays below where it is put: no part of it is empty, "." or "..", none
 * longer than 255 bytes, all of it printable? */
bool repository_file_is_safe(const char *name);

/* Is it what huggingface_hub makes a file's name of: letters, digits and "-_.+", none of which leads
 * elsewhere? */
bool repository_etag_is_safe(const char *etag);

/* Reads the answer above; `where` names it in messages. Refuses a list with a name that is not
 * safe, or with one twice. */
int repository_parse(struct repository *out, const char *text, size_t length, const char *where,
                     struct error *err);
void repository_free(struct repository *repository);

bool repository_has(const struct repository *repository, const char *file);

/* --- what is taken --- */

/* Which files, by number in the repository. */
struct file_choice {
    bool *taken; /* [repository->count] */
    char *index; /* the index whose shards are to be taken, too; NULL: there is none */
};

/* Without patterns: what a model is read from. config.json, the tokenizer's files and templates,
 * and of the weights the first that is there:
 *
 *     model.safetensors
 *     the shards of model.safetensors.index.json (repository_choose_shards())
 *     pytorch_model.bin, or the shards of its index, as transformers has it
 *     all .safetensors that are in no folder
 *     the one .gguf, or the parts of one
 *
 * With patterns (`count` of them): what one of them matches, as Python's fnmatch does it, where "*"
 * goes over slashes; one that matches nothing is refused. */
int repository_choose(struct file_choice *out, const struct repository *repository,
                      const char *const *patterns, size_t count, const char *name,
                      struct error *err);

/* Takes what the index, `text`, names; refuses one that the repository has not. */
int repository_choose_shards(struct file_choice *choice, const struct repository *repository,
                             const char *text, size_t length, struct error *err);
void file_choice_free(struct file_choice *choice);

#endif
