/* A data set of files: in memory, or on disk, tokenised once and found by content.
 *
 *     files -> fingerprints -> key -> "<key>.tokens" in the cache: checked, and read
 *                                  -> else tokenised into it, or into a file without a name
 */
#include "text/dataset/loader.h"

#include "base/folder.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- in memory --- */

int dataset_check_columns(const char *columns, struct error *err)
{
    struct column_names names;
    if (column_names_parse(&names, columns, err) != 0)
        return -1;
    column_names_free(&names);
    return 0;
}

/* For small data and tests: everything in memory, the fingerprint of the tokens themselves. */
int dataset_load(struct dataset *out, const char *const *paths, size_t path_count,
                 const struct dataset_options *options, struct tokenizer *tokenizer,
                 struct error *err)
{
    struct data_files files;
    struct token_list tokens = {0};
    struct hash *hash = NULL;
    int status = -1;
    *out = (struct dataset){0};
    if (data_files_list(&files, paths, path_count, err) != 0 ||
        loader_run(out, &tokens, NULL, &files, path_count, options, tokenizer, NULL, err) != 0 ||
        loader_finish(out, &files, options, err) != 0 || !(hash = hash_new(err)))
        goto out;
    out->ids = tokens.ids;
    out->weights = tokens.weights;
    hash_update(hash, out->ids, out->tokens * sizeof *out->ids);
    hash_update(hash, out->weights, out->tokens * sizeof *out->weights);
    hash_update(hash, out->offsets, (out->documents + 1) * sizeof *out->offsets);
    hash_update(hash, out->kinds, out->documents);
    hash_text(hash, out->fingerprint);
    status = 0;
out:
    hash_free(hash);
    data_files_free(&files);
    if (status != 0) {
        token_list_free(&tokens);
        dataset_free(out);
    }
    return status;
}

/* --- on disk: tokenised once, found by content --- */

/* To be raised when the same text comes to give other tokens, or another mask. */
enum { TOKENISING = 3 };

struct opening {
    const struct data_files *files;
    const char *const *paths; /* [source_count], as they were named */
    size_t source_count;
    const struct dataset_options *options;
    struct tokenizer *tokenizer;
    const struct dataset_watch *watch;
    char key[HASH_TEXT_SIZE];
};

/* A line to whoever watches, if anybody does. */
__attribute__((format(printf, 2, 3))) static void say(const struct dataset_watch *watch,
                                                      const char *format, ...)
{
    char line[ERROR_TEXT_MAX + 200];
    va_list arguments;
    if (!watch || !watch->say)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    watch->say(watch->context, line);
}

/* --- the key --- */

/* The same bytes are other records under another ending. */
static int make_key(struct opening *o, struct error *err)
{
    const uint32_t version = TOKENISING;
    char tokenizer[HASH_TEXT_SIZE];
    struct chat_template *chat = NULL;
    struct hash *hash = hash_new(err);
    int status = -1;
    if (!hash || tokenizer_fingerprint(o->tokenizer, tokenizer, err) != 0 ||
        template_open(&chat, o->tokenizer, o->options->template_name, o->options->date, err) != 0)
        goto out;
    template_hash(chat, hash);
    template_close(chat);
    hash_update(hash, &version, sizeof version);
    hash_update(hash, tokenizer, HASH_TEXT_SIZE);
    hash_optional(hash, o->options->mark);
    hash_optional(hash, o->options->columns);
    for (size_t i = 0; i < o->files->count; i++) {
        const struct data_file *file = &o->files->items[i];
        uint64_t source = file->source;
        hash_optional(hash, data_name_form(file->path));
        hash_update(hash, file->hash, HASH_TEXT_SIZE);
        hash_update(hash, &source, sizeof source);
    }
    hash_text(hash, o->key);
    status = 0;
out:
    hash_free(hash);
    return status;
}

/* --- making it --- */

/* *broken: the tokens could not be written. */
static int write_tokens(const struct opening *o, const char *path, bool temporary, int *fd,
                        bool *broken, struct error *err)
{
    struct token_writer writer;
    struct token_list tokens = {0};
    struct dataset data = {0};
    int status = token_writer_open(&writer, path, temporary, err);
    if (status == 0) {
        status = loader_run(&data, &tokens, &writer, o->files, o->source_count, o->options,
                            o->tokenizer, o->watch, err);
        if (status == 0)
            status = data_files_check(o->files, err);
        if (status == 0)
            *fd = status = token_writer_finish(&writer, &data, o->key, err);
        else
            token_writer_abort(&writer);
    }
    *broken = writer.broken;
    token_list_free(&tokens);
    dataset_free(&data);
    return status < 0 ? -1 : 0;
}

/* How many bytes a token has cannot be known beforehand: 4 are usual, for JSON less its keys. While
 * they are written, the weights lie there twice. Too little room is not refused, but said. */
static void say_room(const struct opening *o, const char *folder)
{
    enum { BYTES_OF_TEXT = 4, BYTES_ON_DISK = 12 };
    uint64_t left, needed = data_files_bytes(o->files) / BYTES_OF_TEXT * BYTES_ON_DISK;
    bool quota, packed = false;
    for (size_t i = 0; i < o->files->count; i++)
        packed |= text_ends_with(o->files->items[i].path, ".gz") ||
                  text_ends_with(o->files->items[i].path, ".zst");
    if (!disk_left(folder, &left, &quota) || needed <= left)
        return;
    say(o->watch,
        "%s: the tokens may take about %s%s, and %s are left %s; `spectrum cache clear` makes "
        "room, "
        "XDG_CACHE_HOME can name another place",
        folder, bytes_text((double)needed).text, packed ? ", unpacked more," : "",
        bytes_text((double)left).text, quota ? "within the quota" : "there");
}

/* Tokenises into the cache; where that cannot be written, into a file without a name for this
 * run. What is wrong with the data itself is an error at once. */
static int make(struct dataset *out, const struct opening *o, const char *folder, const char *path,
                struct error *err)
{
    int fd = 0;
    bool broken = false;
    double bytes = (double)data_files_bytes(o->files);
    say(o->watch, "tokenising %zu file%s, %s%s", o->files->count, text_s(o->files->count),
        bytes_text(bytes).text, path ? "; kept for later runs" : "");
    if (path) {
        say_room(o, folder);
        folder_remove_left(folder); /* of runs that were killed while they tokenised */
        if (write_tokens(o, path, false, &fd, &broken, err) == 0)
            return token_file_open(out, path, 0, o->key, o->source_count, err);
        if (!broken)
            return -1;
    }
    say(o->watch, "tokenised data cannot be kept for the next run: %s", err ? err->text : "");
    const char *place = xdg_temporary_place(err);
    char *temporary = place ? path_join(place, "spectrum.tokens", err) : NULL;
    int status = temporary ? write_tokens(o, temporary, true, &fd, &broken, err) : -1;
    if (status == 0)
        status = token_file_open(out, temporary, fd, o->key, o->source_count, err);
    free(temporary);
    return status;
}

/* What lies in the cache counts where all of it checks out; whatever is wrong with it, it is made
 * once more. */
static int open_or_make(struct dataset *out, const struct opening *o, struct error *err)
{
    struct error trouble = ERROR_INIT;
    char name[HASH_TEXT_SIZE + 8];
    snprintf(name, sizeof name, "%s.tokens", o->key);
    char *folder = xdg_cache_folder("data", &trouble);
    char *path = folder ? path_join(folder, name, &trouble) : NULL;
    int status = path ? token_file_open(out, path, 0, o->key, o->source_count, NULL) : -1;
    if (status == 0)
        say(o->watch, "tokenised data found: %" PRIu64 " tokens in %zu document%s", out->tokens,
            out->documents, text_s(out->documents));
    else
        status = make(out, o, folder, path, &trouble);
    if (status == 0 && path)
        cache_note_save(path, tokenizer_path(o->tokenizer), o->paths, o->source_count);
    if (status != 0)
        error_set_kind(err, trouble.kind, "%s", trouble.text);
    free(path);
    free(folder);
    return status;
}

/* The key comes first: it is of the files' bytes, so a second run reads them and tokenises
 * nothing. */
int dataset_open(struct dataset *out, const char *const *paths, size_t path_count,
                 const struct dataset_options *options, struct tokenizer *tokenizer,
                 const struct dataset_watch *watch, struct error *err)
{
    struct data_files files;
    struct opening o = {&files, paths, path_count, options, tokenizer, watch, ""};
    *out = (struct dataset){0};
    int status = -1;
    if (dataset_check_columns(options->columns, err) != 0)
        return -1;
    if (data_files_list(&files, paths, path_count, err) != 0)
        goto out;
    if (files.passed_over)
        say(watch, "%s is not read: data files are .txt, .jsonl and .json", files.passed_over);
    if (data_files_hash(&files, watch ? watch->stop : NULL, watch ? watch->context : NULL, err) !=
            0 ||
        make_key(&o, err) != 0 || open_or_make(out, &o, err) != 0 ||
        loader_finish(out, &files, options, err) != 0)
        goto out;
    if (watch && watch->say && !watch->untold)
        dataset_tell(out, "data", watch->say, watch->context);
    for (size_t i = 0; i < path_count; i++)
        if (data_files_source_hash(&files, i, out->sources[i].fingerprint, err) != 0)
            goto out;
    status = 0;
out:
    data_files_free(&files);
    if (status != 0)
        dataset_free(out);
    return status;
}
