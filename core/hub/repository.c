#include "hub/repository.h"

#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* --- names --- */

/* huggingface_hub's rules (validate_repo_id): the name becomes a folder's in the cache. */
int repository_check_name(const char *name, struct error *err)
{
    const char *slash = strchr(name, '/');
    size_t owner = slash ? (size_t)(slash - name) : 1;
    const char *last = slash ? slash + 1 : name;
    size_t length = strlen(name);
    bool edges = name[0] && last[0] && strchr("-.", name[0]) == NULL && !strchr("-.", last[0]) &&
                 !strchr("-.", name[length - 1]);
    if (owner > 0 && edges && length <= REPOSITORY_NAME_MAX && !strchr(last, '/') &&
        strspn(name, LETTERS "-_./") == length && !strstr(name, "..") && !strstr(name, "--") &&
        !text_ends_with(name, ".git"))
        return 0;
    return error_set_kind(
        err, ERROR_USAGE,
        "\"%.120s\" is no name of a model on the hub, which is org/name: letters, "
        "digits, -, _ and ., at most %d",
        name, REPOSITORY_NAME_MAX);
}

/* Each part a name, none of them "." or "..": what the hub lists cannot lead out of the
 * snapshot. */
bool repository_file_is_safe(const char *name)
{
    if (!name[0] || strlen(name) > 1024 || !utf8_printable(name))
        return false;
    for (const char *part = name;; part++) {
        size_t length = strcspn(part, "/");
        bool dots =
            (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.');
        if (length == 0 || length > 255 || dots)
            return false;
        part += length;
        if (!*part)
            return true;
    }
}

int repository_check_revision(const char *revision, struct error *err)
{
    if (repository_file_is_safe(revision) && strlen(revision) <= 255 && !strchr(revision, '\\') &&
        !strchr(revision, ' '))
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "\"%.120s\" is no revision: it takes a branch, a tag or a commit",
                          revision);
}

bool repository_etag_is_safe(const char *etag)
{
    size_t length = strlen(etag);
    return length > 0 && length <= 128 && etag[0] != '.' && strspn(etag, LETTERS "-_.+") == length;
}

/* --- the list of files --- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One name that is not safe refuses the whole list: it is not a hub's that is to be trusted. */
static int add_file(struct repository *repository, size_t *capacity, const cJSON *sibling,
                    const char *where, struct error *err)
{
    const char *name = NULL;
    if (!json_get_string(sibling, "rfilename", &name))
        return error_set(err, "%s: a file without its name (\"rfilename\")", where);
    if (!repository_file_is_safe(name))
        return error_set(err,
                         "%s: a file is called \"%.120s\", which leads out of the repository or is "
                         "none that a file can have",
                         where, name);
    if (array_reserve((void **)&repository->files, capacity, repository->count + 1,
                      sizeof *repository->files, err) != 0)
        return -1;
    repository->files[repository->count] = string_copy(name, err);
    if (!repository->files[repository->count])
        return -1;
    repository->count++;
    return 0;
}

/* A name twice would be two contents for one place; so would a file where another has its folder,
 * which the disk refuses. */
static int check_files(const struct repository *repository, const char *where, struct error *err)
{
    for (size_t i = 1; i < repository->count; i++)
        if (strcmp(repository->files[i - 1], repository->files[i]) == 0)
            return error_set(err, "%s: the file %.200s is there twice", where,
                             repository->files[i]);
    return 0;
}

int repository_parse(struct repository *out, const char *text, size_t length, const char *where,
                     struct error *err)
{
    const char *commit = NULL;
    const cJSON *siblings, *gated, *sibling;
    size_t capacity = 0;
    int status = -1;
    *out = (struct repository){.count = 0};
    cJSON *info = json_parse(text, length, JSON_STRICT, where, err);
    if (!info)
        return -1;
    if (!json_get_string(info, "sha", &commit) ||
        strspn(commit, "0123456789abcdef") != sizeof out->commit - 1 ||
        commit[sizeof out->commit - 1]) {
        error_set(err, "%s: \"sha\" is to be a commit, 40 hexadecimal digits", where);
        goto out;
    }
    memcpy(out->commit, commit, sizeof out->commit);
    gated = json_get(info, "gated");
    out->gated = cJSON_IsTrue(gated) || cJSON_IsString(gated); /* false, "auto" or "manual" */
    siblings = json_get(info, "siblings");
    if (!cJSON_IsArray(siblings) || cJSON_GetArraySize(siblings) > REPOSITORY_FILES_MAX) {
        error_set(err, "%s: \"siblings\" is to be a list of at most %d files", where,
                  REPOSITORY_FILES_MAX);
        goto out;
    }
    cJSON_ArrayForEach(sibling, siblings)
    {
        if (add_file(out, &capacity, sibling, where, err) != 0)
            goto out;
    }
    if (out->count > 0)
        qsort(out->files, out->count, sizeof *out->files, compare_texts);
    status = check_files(out, where, err);
out:
    cJSON_Delete(info);
    if (status != 0)
        repository_free(out);
    return status;
}

void repository_free(struct repository *repository)
{
    for (size_t i = 0; i < repository->count; i++)
        free(repository->files[i]);
    free(repository->files);
    *repository = (struct repository){.count = 0};
}

/* Its number; repository->count: it is not there. */
static size_t find(const struct repository *repository, const char *file)
{
    char **found = repository->count ? bsearch(&file, repository->files, repository->count,
                                               sizeof *repository->files, compare_texts)
                                     : NULL;
    return found ? (size_t)(found - repository->files) : repository->count;
}

bool repository_has(const struct repository *repository, const char *file)
{
    return find(repository, file) < repository->count;
}

/* --- what is taken --- */

/* Takes what a test says, and counts it. */
static size_t take(struct file_choice *choice, const struct repository *repository,
                   bool (*wants)(const char *name))
{
    size_t count = 0;
    for (size_t i = 0; i < repository->count; i++)
        if (wants(repository->files[i])) {
            choice->taken[i] = true;
            count++;
        }
    return count;
}

/* What stands beside the weights: configuration, tokenizer, templates. Python files are not among
 * them: nothing here would run them. */
static bool is_document(const char *name)
{
    static const char *const endings[] = {".json", ".jinja", ".model", ".tiktoken", ".txt"};
    static const char templates[] = "additional_chat_templates/";
    bool inside = strncmp(name, templates, sizeof templates - 1) == 0;
    if (strchr(inside ? name + sizeof templates - 1 : name, '/'))
        return false;
    if (text_ends_with(name, ".index.json")) /* the one that is used goes with its shards */
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (text_ends_with(name, endings[i]))
            return true;
    return false;
}

static bool is_safetensors(const char *name)
{
    return !strchr(name, '/') && text_ends_with(name, ".safetensors");
}

static bool is_gguf(const char *name)
{
    return !strchr(name, '/') && text_ends_with(name, ".gguf");
}

static bool take_one(struct file_choice *choice, const struct repository *repository,
                     const char *name)
{
    size_t at = find(repository, name);
    if (at < repository->count)
        choice->taken[at] = true;
    return at < repository->count;
}

/* An index, whose shards are known when it has been read; -1 where memory runs out. */
static int take_index(struct file_choice *choice, const struct repository *repository,
                      const char *name, struct error *err)
{
    if (!take_one(choice, repository, name))
        return 0;
    choice->index = string_copy(name, err);
    return choice->index ? 1 : -1;
}

/* Fetching all types of one model is tens of gigabytes too many. */
static int refuse_ggufs(const struct repository *repository, const char *name, struct error *err)
{
    struct buffer names = BUFFER_INIT;
    for (size_t i = 0; i < repository->count; i++)
        if (is_gguf(repository->files[i]))
            buffer_format(&names, "%s%s", names.length ? ", " : "", repository->files[i]);
    error_set(err,
              "%s has several .gguf files, mostly one model in several types: name one by "
              "--include. They are %s",
              name, buffer_string(&names));
    buffer_free(&names);
    return -1;
}

/* The first of a model's possible weights that is there. */
static int take_weights(struct file_choice *choice, const struct repository *repository,
                        const char *name, struct error *err)
{
    if (take_one(choice, repository, "model.safetensors"))
        return 0;
    int there = take_index(choice, repository, "model.safetensors.index.json", err);
    if (there != 0)
        return there < 0 ? -1 : 0;
    if (take(choice, repository, is_safetensors) > 0)
        return 0;
    size_t ggufs = take(choice, repository, is_gguf);
    if (ggufs > 1)
        return refuse_ggufs(repository, name, err);
    if (ggufs == 1 || take_one(choice, repository, "pytorch_model.bin"))
        return 0;
    there = take_index(choice, repository, "pytorch_model.bin.index.json", err);
    if (there != 0)
        return there < 0 ? -1 : 0;
    return error_set(err,
                     "%s has no weights where a model's are looked for (safetensors, .gguf, "
                     "pytorch_model.bin); --include takes files by name",
                     name);
}

/* As fnmatch, where "*" takes a "/", too; a pattern without a match is an error, mostly a typing
 * one. */
static int take_patterns(struct file_choice *choice, const struct repository *repository,
                         const char *const *patterns, size_t count, const char *name,
                         struct error *err)
{
    for (size_t p = 0; p < count; p++) {
        size_t matches = 0;
        for (size_t i = 0; i < repository->count; i++)
            if (fnmatch(patterns[p], repository->files[i], FNM_NOESCAPE) == 0) {
                choice->taken[i] = true;
                matches++;
            }
        if (matches == 0)
            return error_set(err, "--include \"%.120s\" matches none of the %zu files of %s",
                             patterns[p], repository->count, name);
    }
    return 0;
}

/* By patterns, or what a model needs: documents, and one form of its weights. */
int repository_choose(struct file_choice *out, const struct repository *repository,
                      const char *const *patterns, size_t count, const char *name,
                      struct error *err)
{
    int status = -1;
    *out = (struct file_choice){NULL, NULL};
    out->taken = array_alloc(repository->count, sizeof *out->taken, err);
    if (!out->taken)
        return -1;
    if (count > 0) {
        status = take_patterns(out, repository, patterns, count, name, err);
    } else {
        take(out, repository, is_document);
        status = take_weights(out, repository, name, err);
    }
    if (status != 0)
        file_choice_free(out);
    return status;
}

/* The shards that the index names, and no others: a repository may have several sets. */
int repository_choose_shards(struct file_choice *choice, const struct repository *repository,
                             const char *text, size_t length, struct error *err)
{
    const cJSON *map, *shard;
    cJSON *index = json_parse(text, length, JSON_STRICT, choice->index, err);
    int status = index ? 0 : -1;
    map = json_get(index, "weight_map");
    if (status == 0 && !cJSON_IsObject(map))
        status =
            error_set(err, "%s: \"weight_map\" must be there and name the shards", choice->index);
    cJSON_ArrayForEach(shard, map)
    {
        if (status == 0 &&
            (!cJSON_IsString(shard) || !take_one(choice, repository, shard->valuestring)))
            status =
                error_set(err, "%s names the shard %.200s, which the repository has not",
                          choice->index, cJSON_IsString(shard) ? shard->valuestring : "(no name)");
    }
    cJSON_Delete(index);
    return status;
}

void file_choice_free(struct file_choice *choice)
{
    free(choice->taken);
    free(choice->index);
    *choice = (struct file_choice){NULL, NULL};
}
