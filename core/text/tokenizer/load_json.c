/* The tokenizer of a Hugging Face tokenizer.json and of what lies beside it.
 *
 *     "model"           vocabulary and merges; BPE alone
 *     "normalizer", "pre_tokenizer", "post_processor", "decoder"
 *                       each one part, or a "Sequence" of parts
 *     "added_tokens"    with tokenizer_config.json and its kind: load_added.c
 *     chat templates    load_templates.c
 *     config.json       bos and eos, where the others do not say
 *
 * A part, or an option of one, that is not known here is an error with its name.
 */
#include "text/tokenizer/parts.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TOKENIZER_FILE_MAX = 256 << 20 };

static const char *type_of(const cJSON *node)
{
    const char *type = "";
    json_get_string(node, "type", &type);
    return type;
}

static bool flag(const cJSON *node, const char *key, bool otherwise)
{
    json_get_bool(node, key, &otherwise);
    return otherwise;
}

/* A part of a pipeline: one object, or {"type": "Sequence", <list>: [...]}. */
typedef int part_loader(struct tokenizer *t, const cJSON *node, struct error *err);

/* Sequences may hold sequences; the parser of JSON bounds how deep. */
static int load_parts(struct tokenizer *t, const cJSON *node, const char *list, part_loader *load,
                      struct error *err)
{
    if (!node || cJSON_IsNull(node))
        return 0;
    if (strcmp(type_of(node), "Sequence") != 0)
        return load(t, node, err);
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(node, list))
    {
        if (load_parts(t, item, list, load, err) != 0)
            return -1;
    }
    return 0;
}

/* A text is rewritten by each of these in turn. */
static int load_normalizer(struct tokenizer *t, const cJSON *node, struct error *err)
{
    static const char *const forms[] = {"NFC", "NFD", "NFKC", "NFKD"};
    const char *type = type_of(node), *text = NULL, *from = NULL, *to = NULL;
    for (int i = 0; i < 4; i++)
        if (strcmp(type, forms[i]) == 0)
            return rewriter_add(&t->normalizer, REWRITE_NFC + i, NULL, NULL, err);
    if (strcmp(type, "Replace") == 0) {
        json_get_string(json_get(node, "pattern"), "String", &from);
        json_get_string(node, "content", &to);
        if (!from || !*from || !to)
            return error_set(err, "a Replace normalizer without a plain string to replace; "
                                  "patterns are not supported");
        return rewriter_add(&t->normalizer, REWRITE_REPLACE, from, to, err);
    }
    if (strcmp(type, "Prepend") == 0 && json_get_string(node, "prepend", &text))
        return rewriter_add(&t->normalizer, REWRITE_PREPEND, NULL, text, err);
    return error_set(err,
                     "the normalizer \"%s\" is not supported (NFC, NFD, NFKC, NFKD, Replace and "
                     "Prepend are)",
                     type);
}

/* Isolated: matches and what is between them are pieces. Removed and inverted: matches alone are.
 */
static int load_split(struct tokenizer *t, const cJSON *node, struct error *err)
{
    const char *pattern = NULL, *behavior = "";
    bool invert = flag(node, "invert", false);
    json_get_string(json_get(node, "pattern"), "Regex", &pattern);
    json_get_string(node, "behavior", &behavior);
    bool isolated = strcmp(behavior, "Isolated") == 0 && !invert;
    bool removed = strcmp(behavior, "Removed") == 0 && invert;
    if (!pattern || (!isolated && !removed))
        return error_set(err,
                         "a Split pre-tokenizer with behaviour \"%s\"%s is not supported (a Regex "
                         "that is Isolated, or Removed and inverted, is)",
                         behavior, invert ? ", inverted," : "");
    return splitter_add(&t->splitter, pattern, removed, err);
}

/* Text that a pre-tokenizer puts in front of its pieces is known in front of the whole piece. */
static int check_is_first(const struct tokenizer *t, const char *type, struct error *err)
{
    return t->splitter.count == 0 && t->prefixer.count == 0
               ? 0
               : error_set(err,
                           "%s %s pre-tokenizer that adds a space after another pre-tokenizer "
                           "is not supported",
                           text_a(type), type);
}

static int load_byte_level(struct tokenizer *t, const cJSON *node, struct error *err)
{
    t->byte_level = true;
    if (flag(node, "add_prefix_space", true) &&
        (check_is_first(t, "ByteLevel", err) != 0 ||
         rewriter_add(&t->prefixer, REWRITE_PREPEND_ONCE, NULL, " ", err) != 0))
        return -1;
    return flag(node, "use_regex", true) ? splitter_add(&t->splitter, SPLIT_GPT2, false, err) : 0;
}

/* SentencePiece's way: spaces become U+2581, one is put in front, and each begins a word. */
static int load_metaspace(struct tokenizer *t, const cJSON *node, struct error *err)
{
    const char *scheme = flag(node, "add_prefix_space", true) ? "always" : "never";
    const char *mark = SPACE_MARK;
    json_get_string(node, "prepend_scheme", &scheme);
    json_get_string(node, "replacement", &mark);
    if (strcmp(mark, SPACE_MARK) != 0)
        return error_set(err,
                         "a Metaspace pre-tokenizer that writes \"%s\" for a space is not "
                         "supported (U+2581 is)",
                         mark);
    if (check_is_first(t, "Metaspace", err) != 0 ||
        rewriter_add(&t->prefixer, REWRITE_REPLACE, " ", mark, err) != 0)
        return -1;
    if (strcmp(scheme, "never") != 0 &&
        rewriter_add(&t->prefixer,
                     strcmp(scheme, "first") == 0 ? REWRITE_PREPEND_FIRST : REWRITE_PREPEND_ONCE,
                     NULL, mark, err) != 0)
        return -1;
    return flag(node, "split", true)
               ? splitter_add(&t->splitter, "\\x{2581}[^\\x{2581}]*", false, err)
               : 0;
}

/* Digits are cut by a pattern of their own, one at a time or in runs. */
static int load_pretokenizer(struct tokenizer *t, const cJSON *node, struct error *err)
{
    const char *type = type_of(node);
    if (strcmp(type, "Split") == 0)
        return load_split(t, node, err);
    if (strcmp(type, "ByteLevel") == 0)
        return load_byte_level(t, node, err);
    if (strcmp(type, "Metaspace") == 0)
        return load_metaspace(t, node, err);
    if (strcmp(type, "Digits") == 0)
        return splitter_add(&t->splitter,
                            flag(node, "individual_digits", false) ? "\\p{N}" : "\\p{N}+", false,
                            err);
    return error_set(err,
                     "the pre-tokenizer \"%s\" is not supported (Split, ByteLevel, Digits and "
                     "Metaspace are)",
                     type);
}

/* What the post-processor adds are tokens: their texts are written, their ids trained on. */
static int check_frame(const struct tokenizer *t, const struct frame *frame, struct error *err)
{
    for (int i = 0; i < frame->count; i++)
        if (!tokenizer_token_text(t, frame->ids[i]))
            return error_set(err, "the post-processor adds the token %d, which no text has",
                             frame->ids[i]);
    return 0;
}

/* Of TemplateProcessing, "single": special tokens before and after {"Sequence": {"id": "A"}}. */
static int load_postprocessor(struct tokenizer *t, const cJSON *node, struct error *err)
{
    const cJSON *item, *id;
    const char *type = type_of(node);
    struct frame *frame = &t->before;
    if (strcmp(type, "ByteLevel") == 0)
        return 0; /* it moves offsets only */
    if (strcmp(type, "TemplateProcessing") != 0)
        return error_set(err,
                         "the post-processor \"%s\" is not supported (TemplateProcessing and "
                         "ByteLevel are)",
                         type);
    cJSON_ArrayForEach(item, json_get(node, "single"))
    {
        const char *name = NULL;
        if (json_get(item, "Sequence")) {
            frame = &t->after;
            continue;
        }
        json_get_string(json_get(item, "SpecialToken"), "id", &name);
        const cJSON *ids =
            name ? json_get(json_get(json_get(node, "special_tokens"), name), "ids") : NULL;
        if (!ids)
            return error_set(err, "the post-processor's template names a special token that it "
                                  "does not define");
        cJSON_ArrayForEach(id, ids)
        {
            if (frame->count == FRAME_TOKENS_MAX || !cJSON_IsNumber(id) || id->valuedouble < 0 ||
                id->valuedouble >= VOCABULARY_IDS_MAX)
                return error_set(err, "the post-processor's special tokens are not at most %d ids",
                                 FRAME_TOKENS_MAX);
            frame->ids[frame->count++] = (int32_t)id->valuedouble;
        }
    }
    return 0;
}

/* All that decoding needs beyond the vocabulary: whether a space at the beginning is the text's
 * own. */
static int load_decoder(struct tokenizer *t, const cJSON *node, struct error *err)
{
    int64_t start = 0;
    const char *scheme = "always", *type = type_of(node);
    (void)err;
    json_get_string(node, "prepend_scheme", &scheme);
    if (strcmp(type, "Strip") == 0 && json_get_int64(node, "start", &start) && start > 0)
        t->strips_space = true;
    if (strcmp(type, "Metaspace") == 0 && strcmp(scheme, "never") != 0)
        t->strips_space = true;
    return 0;
}

/* Ids may have gaps, and two texts must not share one. */
static int load_vocabulary(struct tokenizer *t, const cJSON *vocab, struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsObject(vocab) || !vocab->child)
        return error_set(err, "no \"vocab\" object in its model");
    cJSON_ArrayForEach(item, vocab)
    {
        double id = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(id >= 0 && id < VOCABULARY_IDS_MAX) || id != (double)(int64_t)id)
            return error_set(err, "token \"%.40s\" has no whole number from 0 to %d as its id",
                             item->string, VOCABULARY_IDS_MAX - 1);
        if (vocabulary_add(&t->vocabulary, (int64_t)id, item->string, strlen(item->string), err))
            return -1;
    }
    return 0;
}

/* BPE. A merge's rank is its place in the list. */
static int load_model(struct tokenizer *t, const cJSON *model, struct error *err)
{
    const char *text = NULL, *unknown = NULL;
    const cJSON *item;
    int32_t rank = 0;
    if (strcmp(type_of(model), "BPE") != 0)
        return error_set(err, "a tokenizer model of type \"%s\" is not supported (BPE is)",
                         type_of(model));
    if ((json_get_string(model, "continuing_subword_prefix", &text) && *text) ||
        (json_get_string(model, "end_of_word_suffix", &text) && *text))
        return error_set(err, "BPE with prefixes or suffixes of subwords is not supported");
    if (load_vocabulary(t, json_get(model, "vocab"), err) != 0)
        return -1;
    t->byte_fallback = flag(model, "byte_fallback", false);
    t->fuse_unknown = flag(model, "fuse_unk", false);
    t->whole_words = flag(model, "ignore_merges", false);
    if (json_get_string(model, "unk_token", &unknown))
        t->unknown = t->unk = tokenizer_token_id(t, unknown);
    /* "left right", or ["left", "right"] (since 0.20, where tokens may hold spaces). */
    cJSON_ArrayForEach(item, json_get(model, "merges"))
    {
        const char *left = NULL, *right = NULL;
        size_t length = 0;
        if (cJSON_IsString(item)) {
            left = item->valuestring;
            const char *space = strchr(left, ' ');
            right = space ? space + 1 : NULL;
            length = space ? (size_t)(space - left) : 0;
        } else if (cJSON_GetArraySize(item) == 2) {
            left = cJSON_GetStringValue(item->child);
            right = cJSON_GetStringValue(item->child->next);
            length = left ? strlen(left) : 0;
        }
        if (!left || !right)
            return error_set(err, "merge %d is not a pair of tokens", rank);
        if (tokenizer_add_merge(t, left, length, right, strlen(right), rank++, err) != 0)
            return -1;
    }
    return 0;
}

static int load_tree(struct tokenizer *t, const cJSON *root, struct error *err)
{
    if (load_model(t, json_get(root, "model"), err) != 0 ||
        load_parts(t, json_get(root, "normalizer"), "normalizers", load_normalizer, err) != 0 ||
        load_parts(t, json_get(root, "pre_tokenizer"), "pretokenizers", load_pretokenizer, err) ||
        load_parts(t, json_get(root, "post_processor"), "processors", load_postprocessor, err) ||
        load_parts(t, json_get(root, "decoder"), "decoders", load_decoder, err) != 0)
        return -1;
    return tokenizer_note_source(t, root, err);
}

/* An id is a whole number; one that no token has does not count. */
static bool is_id(const cJSON *item)
{
    return cJSON_IsNumber(item) && item->valuedouble == trunc(item->valuedouble);
}

static bool is_token(const struct tokenizer *t, int64_t id)
{
    return id >= 0 && id < tokenizer_vocabulary_size(t) && tokenizer_token_text(t, (int32_t)id);
}

static int check_ids(const cJSON *config, const char *key, bool list, struct error *err)
{
    const cJSON *said = json_get(config, key), *item;
    bool right = !said || cJSON_IsNull(said) || is_id(said) || (list && cJSON_IsArray(said));
    cJSON_ArrayForEach(item, said) /* none of a number */
    {
        right &= is_id(item);
    }
    return right ? 0
                 : error_set(err, "\"%s\" is %s; write the id, or null where there is none", key,
                             list ? "neither a token's id nor a list of them" : "no token's id");
}

/* What tokenizer_config.json leaves open, the model's own config.json may say. */
static int configure_from_model(struct tokenizer *t, const cJSON *config, const char *folder,
                                struct error *err)
{
    int64_t id;
    if (check_ids(config, "eos_token_id", true, err) != 0 ||
        check_ids(config, "bos_token_id", false, err) != 0)
        return error_prefix(err, "%s/config.json", folder);
    /* Several ids end a text; a document ends with the first. */
    if (t->eos < 0 && json_get_first_int64(config, "eos_token_id", &id) && is_token(t, id))
        t->eos = (int32_t)id;
    if (t->bos < 0 && json_get_int64(config, "bos_token_id", &id) && is_token(t, id))
        t->bos = (int32_t)id;
    return 0;
}

/* Fills an empty tokenizer. `path` is the file, `folder` where it lies. */
static int load_file(struct tokenizer *t, const char *path, const char *folder, struct error *err)
{
    cJSON *config = NULL, *model = NULL;
    cJSON *root = json_read_file(path, TOKENIZER_FILE_MAX, JSON_OBJECT, err);
    int status = -1;
    if (!root)
        return -1;
    if (load_tree(t, root, err) != 0) {
        error_prefix(err, "%s", path);
        goto out;
    }
    if (tokenizer_read_beside(&config, folder, "tokenizer_config.json", err) != 0)
        goto out;
    const cJSON *split = json_get(config, "split_special_tokens");
    if (split && !cJSON_IsNull(split) && !cJSON_IsFalse(split)) {
        error_set(err,
                  "%s/tokenizer_config.json: \"split_special_tokens\" is not false: special "
                  "tokens in a text would be cut as plain text, which is not supported; set it "
                  "to false where they are tokens",
                  folder);
        goto out;
    }
    if (tokenizer_load_added(t, root, config, folder, err) != 0)
        goto out;
    if (check_frame(t, &t->before, err) != 0 || check_frame(t, &t->after, err) != 0) {
        error_prefix(err, "%s", path);
        goto out;
    }
    cJSON_Delete(root); /* it may have some hundred MB */
    root = NULL;
    if (tokenizer_load_templates(t, config, folder, err) != 0 || tokenizer_finish(t, err) != 0 ||
        tokenizer_read_beside(&model, folder, "config.json", err) != 0)
        goto out;
    if (t->bos < 0 && t->before.count > 0)
        t->bos = t->before.ids[0];
    status = configure_from_model(t, model, folder, err);
out:
    cJSON_Delete(root);
    cJSON_Delete(config);
    cJSON_Delete(model);
    return status;
}

/* A folder's tokenizer.json, or a file of that form under any name. */
int tokenizer_open(struct tokenizer **out, const char *path, struct error *err)
{
    struct stat info;
    int found = file_look(path, &info, err);
    if (found == 0 && file_find(path, err) == 0)
        error_set(err, "%s: no such file or folder", path);
    if (found <= 0)
        return -1;
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
    int status = t && t->path ? load_file(t, file, folder, err) : -1;
    free(file);
    free(folder);
    if (status != 0) {
        tokenizer_close(t);
        return -1;
    }
    *out = t;
    return 0;
}
