/* The tokenizer inside a GGUF file: "tokenizer.ggml.*" of its metadata, as llama.cpp's converter
 * writes them (its gguf.md has the keys).
 *
 * A "gpt2" tokenizer keeps merges and the name of its pre-tokenizer; a "llama" one keeps a score
 * for each token instead, from which the merges are made.
 */
#include "text/tokenizer/parts.h"

#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEY(name) "tokenizer.ggml." name

/* tokenizer.ggml.token_type */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER_DEFINED = 4 };

/* Bytes of the longest token that merges can build; real ones have some dozens. */
enum { MERGED_TOKEN_MAX = 512 };

/* A name of tokenizer.ggml.pre: the expressions, in turn, and what else hangs on it. */
struct pre_kind {
    const char *name;
    const char *splits[4];
    bool whole_words, adds_bos, normalizes;
};

static const struct pre_kind pre_kinds[] = {
    {"default",
     {"[\\p{P}\\$\\+<=>\\^~\\|]+", SPLIT_GPT2, "\\p{N}+", "[0-9][0-9][0-9]"},
     false,
     false,
     false},
    {"gpt-2", {SPLIT_GPT2}, false, false, false},
    {"llama-bpe", {SPLIT_LLAMA3}, true, true, false},
    {"llama3", {SPLIT_LLAMA3}, true, true, false},
    {"qwen2", {SPLIT_QWEN2}, false, false, true},
    {"smollm", {"\\p{N}", SPLIT_GPT2}, false, false, false},
    {"starcoder", {"\\p{N}", SPLIT_GPT2}, false, false, false},
};

/* Control and unknown tokens are special; those that a user defined are added tokens, too. */
static int load_tokens(struct tokenizer *t, const cJSON *metadata, struct error *err)
{
    const cJSON *item, *type = json_get(metadata, KEY("token_type"));
    int64_t id = 0;
    type = type ? type->child : NULL;
    cJSON_ArrayForEach(item, json_get(metadata, KEY("tokens")))
    {
        const char *text = cJSON_GetStringValue(item);
        int kind = cJSON_IsNumber(type) ? type->valueint : TYPE_NORMAL;
        if (!text)
            return error_set(err, "token %lld is not a text", (long long)id);
        size_t length = strlen(text);
        if (vocabulary_add(&t->vocabulary, id, text, length, err) != 0)
            return -1;
        bool special = kind == TYPE_CONTROL || kind == TYPE_UNKNOWN;
        struct added_token token = {(char *)text, length, (int32_t)id, special,
                                    false,        false,  false};
        if ((special || kind == TYPE_USER_DEFINED) && added_push(&t->added_raw, token, err) != 0)
            return -1;
        t->vocabulary.entries[id++].special = special;
        type = type ? type->next : NULL;
    }
    return id ? 0 : error_set(err, "no tokens under \"" KEY("tokens") "\"");
}

/* "left right": the space that parts them is not the first byte, which may be a token's own. */
static int load_merges(struct tokenizer *t, const cJSON *metadata, struct error *err)
{
    const cJSON *item;
    int32_t rank = 0;
    cJSON_ArrayForEach(item, json_get(metadata, KEY("merges")))
    {
        const char *text = cJSON_GetStringValue(item);
        const char *space = text && *text ? strchr(text + 1, ' ') : NULL;
        if (!space)
            return error_set(err, "merge %d is not a pair of tokens", rank);
        if (tokenizer_add_merge(t, text, (size_t)(space - text), space + 1, strlen(space + 1),
                                rank++, err) != 0)
            return -1;
    }
    return 0;
}

/* Merges, and the expressions that the name of the pre-tokenizer stands for. */
static int load_byte_level(struct tokenizer *t, const cJSON *metadata, bool *adds_bos,
                           struct error *err)
{
    const char *name = "default";
    const struct pre_kind *pre = NULL;
    json_get_string(metadata, KEY("pre"), &name);
    for (size_t i = 0; !pre && i < sizeof pre_kinds / sizeof *pre_kinds; i++)
        if (strcmp(name, pre_kinds[i].name) == 0)
            pre = &pre_kinds[i];
    if (!pre)
        return error_set(err,
                         "the pre-tokenizer \"%s\" is not supported (default, gpt-2, llama-bpe, "
                         "qwen2, smollm and starcoder are); a Hugging Face folder with "
                         "tokenizer.json may work",
                         name);
    t->byte_level = true;
    t->whole_words = pre->whole_words;
    *adds_bos = pre->adds_bos;
    if (pre->normalizes && rewriter_add(&t->normalizer, REWRITE_NFC, NULL, NULL, err) != 0)
        return -1;
    for (int i = 0; i < 4 && pre->splits[i]; i++)
        if (splitter_add(&t->splitter, pre->splits[i], false, err) != 0)
            return -1;
    return load_merges(t, metadata, err);
}

struct scored {
    int32_t id;
    double score;
};

static int compare_scores(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* The normal tokens that have a score, in *out, which has room for all; their number, best first,
 * on a tie by id. */
static size_t rank_tokens(struct scored *out, const cJSON *scores, const cJSON *types)
{
    const cJSON *score, *type = types ? types->child : NULL;
    size_t count = 0;
    int32_t id = 0;
    cJSON_ArrayForEach(score, scores)
    {
        if ((!type || type->valueint == TYPE_NORMAL) && cJSON_IsNumber(score) &&
            isfinite(score->valuedouble))
            out[count++] = (struct scored){id, score->valuedouble};
        id++;
        type = type ? type->next : NULL;
    }
    qsort(out, count, sizeof *out, compare_scores);
    return count;
}

/* SentencePiece keeps scores, not merges: of all neighbours that make a token, those whose token
 * scores highest go first. So every way to build a token from two others is a merge, with the
 * token's own rank; tokens of one score share a rank. A token of n letters has n - 1 ways. */
static int load_scores(struct tokenizer *t, const cJSON *metadata, struct error *err)
{
    const cJSON *scores = json_get(metadata, KEY("scores"));
    if (!scores || cJSON_GetArraySize(scores) != (int)t->vocabulary.size)
        return error_set(err, "\"" KEY("scores") "\" does not have one score a token");
    struct scored *tokens = array_alloc(t->vocabulary.size, sizeof *tokens, err);
    if (!tokens)
        return -1;
    size_t count = rank_tokens(tokens, scores, json_get(metadata, KEY("token_type")));
    int32_t rank = 0;
    int status = -1;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        int32_t id = tokens[i].id, unused;
        const char *text = vocabulary_text(&t->vocabulary, id, &length);
        rank += i > 0 && tokens[i].score != tokens[i - 1].score;
        if (length > MERGED_TOKEN_MAX) {
            error_set(err, "token %d has %zu bytes, expected at most %d", id, length,
                      MERGED_TOKEN_MAX);
            goto out;
        }
        for (size_t at = 0; at < length;) {
            at += utf8_decode(text + at, length - at, &unused);
            struct merge merge = {vocabulary_find(&t->vocabulary, text, at),
                                  vocabulary_find(&t->vocabulary, text + at, length - at), rank,
                                  id};
            if (at < length && merge.left >= 0 && merge.right >= 0 &&
                merge_table_add(&t->merges, merge, err) != 0)
                goto out;
        }
    }
    status = 0;
out:
    free(tokens);
    return status;
}

/* Spaces become U+2581, one is put in front, and bytes that the vocabulary lacks are spelled:
 * SentencePiece's rules, of which GGUF keeps only that space as a flag. */
static int load_sentencepiece(struct tokenizer *t, const cJSON *metadata, struct error *err)
{
    bool adds_space = true;
    json_get_bool(metadata, KEY("add_space_prefix"), &adds_space);
    t->byte_fallback = t->fuse_unknown = true;
    t->strips_space = adds_space;
    if (adds_space && rewriter_add(&t->normalizer, REWRITE_PREPEND, NULL, SPACE_MARK, err) != 0)
        return -1;
    if (rewriter_add(&t->normalizer, REWRITE_REPLACE, " ", SPACE_MARK, err) != 0)
        return -1;
    return load_scores(t, metadata, err);
}

/* Writers put 2^32 - 1 for "none". */
static int32_t special_id(const struct tokenizer *t, const cJSON *metadata, const char *key)
{
    int64_t id;
    bool known = json_get_int64(metadata, key, &id) && id >= 0 && id < (int64_t)t->vocabulary.size;
    return known ? (int32_t)id : -1;
}

/* The token that every text has at one end, where the file wants one and it is there. */
static int load_frame(struct tokenizer *t, const cJSON *metadata, const char *which, int32_t id,
                      bool adds, struct frame *frame, struct error *err)
{
    char key[64], add[64];
    int64_t said = -1;
    snprintf(key, sizeof key, KEY("%s_token_id"), which);
    snprintf(add, sizeof add, KEY("add_%s_token"), which);
    json_get_bool(metadata, add, &adds);
    if (adds && id >= 0)
        frame->ids[frame->count++] = id;
    const cJSON *item = json_get(metadata, key);
    bool none = !item || (json_get_int64(metadata, key, &said) && (said < 0 || said == UINT32_MAX));
    if (!adds || id >= 0 || none)
        return 0;
    return error_set(err,
                     "\"%s\" is %lld, and the file has %zu tokens: what every text is to have at "
                     "that end is none of them; correct the id, or set \"%s\" to false",
                     key, (long long)said, t->vocabulary.size, add);
}

/* All of it, in the order that parts.h asks for. */
static int load(struct tokenizer *t, const cJSON *metadata, struct error *err)
{
    static const char own[] = "tokenizer.";
    const char *model = "";
    const cJSON *item;
    bool adds_bos = true;
    json_get_string(metadata, KEY("model"), &model);
    bool byte_level = strcmp(model, "gpt2") == 0;
    if (!byte_level && strcmp(model, "llama") != 0)
        return error_set(
            err, "a tokenizer of the kind \"%s\" is not supported (gpt2 and llama are)", model);
    if (load_tokens(t, metadata, err) != 0)
        return -1;
    t->next_id = (int64_t)t->vocabulary.size;
    t->bos = special_id(t, metadata, KEY("bos_token_id"));
    t->eos = special_id(t, metadata, KEY("eos_token_id"));
    t->pad = special_id(t, metadata, KEY("padding_token_id"));
    t->unk = special_id(t, metadata, KEY("unknown_token_id"));
    t->unknown = byte_level ? -1 : t->unk;
    if ((byte_level ? load_byte_level(t, metadata, &adds_bos, err)
                    : load_sentencepiece(t, metadata, err)) != 0 ||
        load_frame(t, metadata, "bos", t->bos, adds_bos, &t->before, err) != 0 ||
        load_frame(t, metadata, "eos", t->eos, false, &t->after, err) != 0)
        return -1;
    const struct { /* the names that tokenizer_put_config() writes */
        const char *key;
        int32_t id;
    } names[] = {
        {"bos_token", t->bos}, {"eos_token", t->eos}, {"unk_token", t->unk}, {"pad_token", t->pad}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = tokenizer_token_text(t, names[i].id);
        if (text && tokenizer_map_text(t->special_map, names[i].key, text, err) != 0)
            return -1;
    }
    if (tokenizer_load_gguf_templates(t, metadata, err) != 0)
        return -1;
    cJSON_ArrayForEach(item, metadata) /* of which the fingerprint takes the tokenizer's own */
    {
        if (strncmp(item->string, own, sizeof own - 1) == 0 &&
            tokenizer_note_source(t, item, err) != 0)
            return -1;
    }
    return tokenizer_finish(t, err);
}

/* `where` names the file in messages. */
int tokenizer_from_gguf(struct tokenizer **out, const cJSON *metadata, const char *where,
                        struct error *err)
{
    struct tokenizer *t = tokenizer_new(err);
    if (!t)
        return -1;
    t->path = string_copy(where, err);
    if (!t->path || load(t, metadata, err) != 0) {
        tokenizer_close(t);
        return error_prefix(err, "%s", where);
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
