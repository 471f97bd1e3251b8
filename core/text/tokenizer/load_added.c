/* Added tokens and named special tokens, from every place that they may stand in.
 *
 * transformers' AutoTokenizer puts these together (tokenization_utils_base.py and
 * tokenization_utils_tokenizers.py of 5.23), in this order:
 *
 *   1. tokenizer.json's "added_tokens", in the order of the file;
 *   2. tokenizer_config.json's "added_tokens_decoder", by id; where there is none, those of
 *      added_tokens.json and tokenizer.json, by id, and then special_tokens_map.json stands above
 *      what tokenizer_config.json says of named and extra tokens;
 *   3. named tokens (bos_token, ..., any "<what>_token") that are not among those;
 *   4. extra_special_tokens, or additional_special_tokens, that are not among those.
 *
 * The tokenizers package then gives each text the id that the vocabulary has for it, else the next
 * free one: ids beside the texts are what it was when the file was written, and decide the order
 * only. A text that comes a second time takes the later flags, but special it stays.
 */
#include "text/tokenizer/parts.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_MAX = 256 };

/* A token as a file has it, before it has an id. */
struct declaration {
    struct added_token token; /* content belongs to the file's tree */
    int normalized;           /* -1: not said, then it is where the token is not special */
    int64_t id;               /* as the file says, for the order; -1: it does not */
};

struct declarations {
    struct declaration *items;
    size_t count, capacity;
};

struct named_token {
    const char *key; /* "eos_token" */
    struct declaration token;
};

/* What all files say, and what comes of it. */
struct places {
    struct tokenizer *tokenizer;
    int64_t next;              /* id of a text that has none: from the vocabulary's size on */
    struct declaration *added; /* what each added token is by now */
    size_t count, capacity;
    size_t *by_id, by_id_capacity; /* id -> 1 + its place above; 0: not added */
    struct named_token named[NAMED_MAX];
    size_t named_count;
    struct declarations decoder;                /* of step 2 */
    struct declarations extra;                  /* of step 4 */
    struct vocabulary named_texts, extra_texts; /* the same as sets */
    bool noted;                                 /* from now on the fingerprint takes what changes */
};

/* The names that transformers knows without being told; their order is that of their ids. */
const char *const tokenizer_special_names[] = {"bos_token", "eos_token", "unk_token",  "sep_token",
                                               "pad_token", "cls_token", "mask_token", NULL};

static bool is_standard(const char *key)
{
    return text_is_one_of(key, tokenizer_special_names);
}

/* --- one token --- */

/* A text, which is special, or an object with "content" and flags; `special` is what one is that
 * does not say so. */
static int read_token(struct declaration *out, const cJSON *item, bool special, const char *what,
                      struct error *err)
{
    const char *content = cJSON_GetStringValue(item);
    *out =
        (struct declaration){.token = {.special = content || special}, .normalized = -1, .id = -1};
    if (!content) {
        const cJSON *normal = json_get(item, "normalized");
        const struct {
            const char *key;
            bool *flag;
        } flags[] = {{"special", &out->token.special},
                     {"single_word", &out->token.single_word},
                     {"lstrip", &out->token.strips_left},
                     {"rstrip", &out->token.strips_right}};
        if (!cJSON_IsObject(item) || !json_get_string(item, "content", &content))
            return error_set(err,
                             "%.60s is neither a text nor an object with the text as "
                             "\"content\"",
                             what);
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if (json_get(item, flags[i].key) && !json_get_bool(item, flags[i].key, flags[i].flag))
                return error_set(err, "%.60s, \"%.40s\": \"%s\" is not true or false", what,
                                 content, flags[i].key);
        if (normal && !cJSON_IsBool(normal))
            return error_set(err, "%.60s, \"%.40s\": \"normalized\" is not true or false", what,
                             content);
        if (normal)
            out->normalized = cJSON_IsTrue(normal);
    }
    out->token.content = (char *)(uintptr_t)content;
    out->token.length = strlen(content);
    return 0;
}

static int push(struct declarations *list, struct declaration token, struct error *err)
{
    if (array_reserve((void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items,
                      err) != 0)
        return -1;
    list->items[list->count++] = token;
    return 0;
}

/* A name said a second time takes the later token, in its old place. */
static int name(struct places *p, const char *key, struct declaration token, struct error *err)
{
    for (size_t i = 0; i < p->named_count; i++)
        if (strcmp(p->named[i].key, key) == 0) {
            p->named[i].token = token;
            return 0;
        }
    if (p->named_count == NAMED_MAX)
        return error_set(err, "more than %d tokens have names", NAMED_MAX);
    p->named[p->named_count++] = (struct named_token){key, token};
    return 0;
}

/* --- the tokenizers package's add_tokens() --- */

/* What the package's add_tokens() does with one token: an id, and flags that replace those of a
 * token of the same text. What changes something is noted for the fingerprint once
 * tokenizer.json, which is noted whole, was read. */
static int declare(struct places *p, struct declaration token, struct error *err)
{
    struct vocabulary *vocabulary = &p->tokenizer->vocabulary;
    struct added_token *flags = &token.token;
    const char *content = flags->content;
    if (flags->length == 0)
        return 0;
    if (token.normalized < 0)
        token.normalized = !flags->special;
    token.id = vocabulary_find(vocabulary, content, flags->length);
    if (token.id < 0) {
        token.id = p->next++;
        if (vocabulary_add(vocabulary, token.id, content, flags->length, err) != 0)
            return -1;
    }
    size_t before = p->by_id_capacity;
    if (array_reserve((void **)&p->by_id, &p->by_id_capacity, (size_t)token.id + 1,
                      sizeof *p->by_id, err) != 0)
        return -1;
    if (p->by_id_capacity > before)
        memset(p->by_id + before, 0, (p->by_id_capacity - before) * sizeof *p->by_id);
    if (array_reserve((void **)&p->added, &p->capacity, p->count + 1, sizeof *p->added, err) != 0)
        return -1;
    size_t *place = &p->by_id[token.id];
    if (*place > 0) {
        const struct declaration *now = &p->added[*place - 1];
        flags->special |= now->token.special;
        if (now->token.special == flags->special && now->normalized == token.normalized &&
            now->token.single_word == flags->single_word &&
            now->token.strips_left == flags->strips_left &&
            now->token.strips_right == flags->strips_right)
            return 0;
    } else {
        *place = ++p->count;
    }
    p->added[*place - 1] = token;
    vocabulary->entries[token.id].special = flags->special;
    const int32_t noted[] = {(int32_t)token.id,  flags->special,     token.normalized,
                             flags->single_word, flags->strips_left, flags->strips_right};
    if (!p->noted)
        return 0;
    return tokenizer_note_bytes(p->tokenizer, noted, sizeof noted, err) != 0
               ? -1
               : tokenizer_note_bytes(p->tokenizer, content, flags->length, err);
}

/* --- the places --- */

/* Step 1. An id that the file gives must be the vocabulary's, where that has the text. */
static int declare_file(struct places *p, const cJSON *root, struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(root, "added_tokens"))
    {
        struct declaration token;
        const char *content;
        int64_t id = 0;
        if (json_need_string(item, "content", &content, "an added token", err) != 0 ||
            json_need_int64(item, "id", &id, 0, VOCABULARY_IDS_MAX - 1, "an added token", err) !=
                0 ||
            read_token(&token, item, false, "an added token", err) != 0)
            return -1;
        int32_t known = vocabulary_find(&p->tokenizer->vocabulary, content, token.token.length);
        if (known >= 0 && (size_t)known < p->by_id_capacity && p->by_id[known] > 0)
            known = -1; /* said twice */
        if (known >= 0 && known != id)
            return error_set(err,
                             "the added token \"%.40s\" has the id %lld, but %d in the vocabulary",
                             content, (long long)id, known);
        if (declare(p, token, err) != 0)
            return -1;
    }
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    const struct declaration *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* "added_tokens_decoder": {"400": {"content": ...}} */
static int read_decoder(struct places *p, const cJSON *decoder, struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsObject(decoder))
        return error_set(err, "\"added_tokens_decoder\" is not an object of tokens by their ids");
    cJSON_ArrayForEach(item, decoder)
    {
        struct declaration token;
        char *end;
        long id = strtol(item->string, &end, 10);
        if (item->string[0] < '0' || item->string[0] > '9' || *end || id >= VOCABULARY_IDS_MAX)
            return error_set(err,
                             "\"added_tokens_decoder\" has \"%.40s\" for an id, expected 0 to %d",
                             item->string, VOCABULARY_IDS_MAX - 1);
        if (!cJSON_IsObject(item))
            return error_set(err,
                             "\"added_tokens_decoder\": %.40s is not an object with \"content\"",
                             item->string);
        if (read_token(&token, item, false, "\"added_tokens_decoder\"", err) != 0)
            return -1;
        token.id = id;
        if (push(&p->decoder, token, err) != 0)
            return -1;
    }
    return 0;
}

static bool has(const struct vocabulary *set, const char *content)
{
    return vocabulary_find(set, content, strlen(content)) >= 0;
}

static int include(struct vocabulary *set, const struct declaration *token, struct error *err)
{
    const char *content = token->token.content;
    return has(set, content)
               ? 0
               : vocabulary_add(set, (int64_t)set->size, content, token->token.length, err);
}

/* added_tokens.json: {"<text>": id}; special are those that have a standard name or are extra ones,
 * and only those are looked for as they stand: a name of the model's own comes too late for that.
 */
static int read_added_json(struct places *p, const cJSON *tree, struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsObject(tree))
        return error_set(err, "it is not an object of ids by their tokens");
    cJSON_ArrayForEach(item, tree)
    {
        bool special = has(&p->extra_texts, item->string);
        for (size_t i = 0; !special && i < p->named_count; i++)
            special = is_standard(p->named[i].key) &&
                      strcmp(p->named[i].token.token.content, item->string) == 0;
        struct declaration token = {
            .token = {.content = item->string, .length = strlen(item->string), .special = special},
            .normalized = !special};
        double id = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(id >= 0 && id < VOCABULARY_IDS_MAX) || id != (double)(int64_t)id)
            return error_set(err, "token \"%.40s\" has no whole number from 0 to %d as its id",
                             item->string, VOCABULARY_IDS_MAX - 1);
        token.id = (int64_t)id;
        if (push(&p->decoder, token, err) != 0)
            return -1;
    }
    return 0;
}

/* Extra tokens in a list, where an object is one of transformers' own ("__type") or, as earlier
 * versions wrote them, one that is special without saying so. special_tokens_map.json's come after
 * those that are there, and are special. */
static int read_extra(struct places *p, const cJSON *list, bool of_map, const char *what,
                      struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsArray(list))
        return error_set(err, "\"%s\" is neither a list nor an object of tokens", what);
    cJSON_ArrayForEach(item, list)
    {
        struct declaration token;
        if (read_token(&token, item, of_map || !json_get(item, "__type"), what, err) != 0)
            return -1;
        token.token.special |= of_map;
        if (push(&p->extra, token, err) != 0 || include(&p->extra_texts, &token, err) != 0)
            return -1;
    }
    return 0;
}

static int read_name(struct places *p, const cJSON *item, struct error *err)
{
    struct declaration token;
    if (read_token(&token, item, true, item->string, err) != 0)
        return -1;
    token.token.special = true;
    return name(p, item->string, token, err);
}

/* Names that a model made up, which end in "_token". In special_tokens_map.json each object is a
 * token, in the configuration those that say so. */
static int read_own_names(struct places *p, const cJSON *tree, bool of_map, bool objects,
                          struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, tree)
    {
        bool object = cJSON_IsObject(item) && (of_map || json_get(item, "__type"));
        if ((objects ? object : cJSON_IsString(item)) && text_ends_with(item->string, "_token") &&
            !is_standard(item->string) && read_name(p, item, err) != 0)
            return -1;
    }
    return 0;
}

/* Extra tokens. additional_special_tokens is the older name: the configuration's counts where
 * extra_special_tokens says nothing, the map's where the configuration has neither list. */
static int read_extras(struct places *p, const cJSON *config, const cJSON *map, struct error *err)
{
    static const char extra[] = "extra_special_tokens", more[] = "additional_special_tokens";
    const cJSON *list = json_get(config, extra), *older = json_get(config, more),
                *of_map = json_get(map, extra);
    const char *key = extra;
    if (older && !(list && list->child)) {
        list = older;
        older = NULL;
        key = more;
    }
    bool said = (list && !cJSON_IsObject(list)) || of_map;
    if (list && !cJSON_IsNull(list) && !(key == extra && cJSON_IsObject(list)) &&
        read_extra(p, list, false, key, err) != 0)
        return -1;
    if (cJSON_IsArray(of_map) && read_extra(p, of_map, true, extra, err) != 0)
        return -1;
    older = json_get(map, more) ? json_get(map, more) : older;
    return said || !older || cJSON_IsNull(older) ? 0 : read_extra(p, older, false, more, err);
}

/* What the two files have as "extra_special_tokens": a list, or an object of names
 * ({"image_token": "<image>"}); null is nothing. */
static int check_extra(const cJSON *extra, struct error *err)
{
    if (!extra || cJSON_IsNull(extra) || cJSON_IsArray(extra) || cJSON_IsObject(extra))
        return 0;
    return error_set(err, "\"extra_special_tokens\" is neither a list nor an object of tokens");
}

/* Names in the order in which transformers sets them, which decides the ids of new tokens:
 * standard ones, then the model's own as objects, then as texts, then those of
 * extra_special_tokens. */
static int read_names(struct places *p, const cJSON *root, const cJSON *config, const cJSON *map,
                      struct error *err)
{
    const cJSON *extra[] = {json_get(config, "extra_special_tokens"),
                            json_get(map, "extra_special_tokens")};
    const cJSON *item;
    if (check_extra(extra[0], err) != 0 || check_extra(extra[1], err) != 0)
        return -1;
    /* The names that every tokenizer may have; padding that tokenizer.json describes names a token,
     * too. */
    for (const char *const *name = tokenizer_special_names; *name; name++) {
        const cJSON *said = json_get(map, *name);
        said = said ? said : json_get(config, *name);
        if (!said && strcmp(*name, "pad_token") == 0)
            said = json_get(json_get(root, "padding"), "pad_token");
        if (said && !cJSON_IsNull(said) && read_name(p, said, err) != 0)
            return -1;
    }
    if (read_own_names(p, config, false, true, err) != 0 ||
        read_own_names(p, map, true, true, err) != 0 ||
        read_own_names(p, map, true, false, err) != 0 ||
        read_own_names(p, config, false, false, err) != 0)
        return -1;
    for (size_t i = 0; i < 2; i++)
        if (cJSON_IsObject(extra[i]))
            cJSON_ArrayForEach(item, extra[i])
            {
                if (read_name(p, item, err) != 0)
                    return -1;
            }
    for (size_t i = 0; i < p->named_count; i++)
        if (include(&p->named_texts, &p->named[i].token, err) != 0)
            return -1;
    return read_extras(p, config, map, err);
}

/* --- all of it --- */

/* Steps 2 to 4, of what is not there already. */
static int declare_all(struct places *p, struct error *err)
{
    struct declarations *decoder = &p->decoder;
    struct vocabulary known = {0};
    int status = -1;
    if (decoder->count)
        qsort(decoder->items, decoder->count, sizeof *decoder->items, compare_ids);
    for (size_t i = 0; i < p->count; i++)
        if (include(&known, &p->added[i], err) != 0)
            goto out;
    for (size_t i = 0; i < decoder->count; i++) {
        struct declaration token = decoder->items[i];
        bool later = i + 1 < decoder->count && decoder->items[i + 1].id == token.id;
        token.token.special |= has(&p->named_texts, token.token.content);
        if (!later && (include(&known, &token, err) != 0 || declare(p, token, err) != 0))
            goto out;
    }
    for (size_t i = 0; i < p->named_count; i++)
        if (!has(&known, p->named[i].token.token.content) &&
            declare(p, p->named[i].token, err) != 0)
            goto out;
    for (size_t i = 0; i < p->extra.count; i++)
        if (!has(&known, p->extra.items[i].token.content) &&
            declare(p, p->extra.items[i], err) != 0)
            goto out;
    status = 0;
out:
    vocabulary_free(&known);
    return status;
}

/* Hands over what the tokens came to; `vocabulary` tokens were there before any was added. A token
 * that is looked for in normalised text is itself normalised first. */
static int finish(struct places *p, int64_t vocabulary, struct error *err)
{
    struct tokenizer *t = p->tokenizer;
    const struct {
        const char *key;
        int32_t *id;
    } ids[] = {{"bos_token", &t->bos},
               {"eos_token", &t->eos},
               {"pad_token", &t->pad},
               {"unk_token", &t->unk}};
    struct buffer content = BUFFER_INIT;
    int status = -1;
    t->next_id = vocabulary; /* after the last added one, if any is: add_special_tokens() */
    for (size_t i = 0; i < p->count; i++) {
        struct added_token token = p->added[i].token;
        struct added_tokens *to = p->added[i].normalized ? &t->added_normalized : &t->added_raw;
        token.id = (int32_t)p->added[i].id;
        if (p->added[i].id >= t->next_id)
            t->next_id = p->added[i].id + 1;
        if (p->added[i].normalized) {
            struct rewrite_place place = {true, true};
            if (rewriter_run(&t->normalizer, token.content, token.length, place, &content, err))
                goto out;
            token.content = content.data;
            token.length = content.length;
        }
        if (added_push(to, token, err) != 0)
            goto out;
    }
    for (size_t i = 0; i < p->named_count; i++) {
        const char *text = p->named[i].token.token.content;
        if (tokenizer_map_text(t->special_map, p->named[i].key, text, err) != 0)
            goto out;
        for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
            if (strcmp(p->named[i].key, ids[k].key) == 0)
                *ids[k].id = tokenizer_token_id(t, text);
    }
    status = 0;
out:
    buffer_free(&content);
    return status;
}

/* The places in the order of the head, each with its file in the messages; declarations first, as
 * only all of them together say which id a text gets. */
int tokenizer_load_added(struct tokenizer *t, const cJSON *root, const cJSON *config,
                         const char *folder, struct error *err)
{
    const int64_t vocabulary = (int64_t)t->vocabulary.used;
    struct places p = {.tokenizer = t, .next = vocabulary};
    const cJSON *decoder = json_get(config, "added_tokens_decoder"), *item;
    cJSON *map = NULL, *legacy = NULL;
    int status = -1;
    if (declare_file(&p, root, err) != 0) {
        error_prefix(err, "%s/tokenizer.json", folder);
        goto out;
    }
    p.noted = true;
    if (!decoder && (tokenizer_read_beside(&map, folder, "special_tokens_map.json", err) != 0 ||
                     tokenizer_read_beside(&legacy, folder, "added_tokens.json", err) != 0))
        goto out;
    if (read_names(&p, root, config, map, err) != 0) {
        error_prefix(err, "%s/%s", folder,
                     map ? "special_tokens_map.json or tokenizer_config.json"
                         : "tokenizer_config.json");
        goto out;
    }
    if (decoder && read_decoder(&p, decoder, err) != 0) {
        error_prefix(err, "%s/tokenizer_config.json", folder);
        goto out;
    }
    if (legacy && read_added_json(&p, legacy, err) != 0) {
        error_prefix(err, "%s/added_tokens.json", folder);
        goto out;
    }
    if (!decoder)
        cJSON_ArrayForEach(item, json_get(root, "added_tokens"))
        {
            struct declaration token;
            if (read_token(&token, item, false, "an added token", err) != 0)
                goto out;
            json_get_int64(item, "id", &token.id);
            if (push(&p.decoder, token, err) != 0)
                goto out;
        }
    if (declare_all(&p, err) == 0)
        status = finish(&p, vocabulary, err);
out:
    free(p.added);
    free(p.by_id);
    free(p.decoder.items);
    free(p.extra.items);
    vocabulary_free(&p.named_texts);
    vocabulary_free(&p.extra_texts);
    cJSON_Delete(map);
    cJSON_Delete(legacy);
    return status;
}
