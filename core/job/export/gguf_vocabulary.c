#include "job/export/gguf_vocabulary.h"

#include "base/memory.h"
#include "base/text.h"
#include "job/export/gguf_pre.h"
#include "job/export/gguf_special.h"
#include "text/tokenizer/sentencepiece.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tokenizer.ggml.token_type has SentencePiece's kinds (sentencepiece.h). */

static const char tokens_key[] = "tokenizer.ggml.tokens", scores_key[] = "tokenizer.ggml.scores",
                  kinds_key[] = "tokenizer.ggml.token_type",
                  space_key[] = "tokenizer.ggml.add_space_prefix",
                  templates_key[] = "tokenizer.chat_template";

/* Scores: of tokens that were added, and of places that no token has. */
static const float added_score = -1000, padding_score = -10000;

/* What llama.cpp is to take for a control token although nobody says that it is special. */
static bool looks_special(const char *text)
{
    static const char *const known[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
    static const char *const brackets[][2] = {
        {"<|", "|>"}, {"<\xEF\xBD\x9C", "\xEF\xBD\x9C>"}, {"<unused", ">"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof brackets / sizeof *brackets; i++)
        if (strncmp(text, brackets[i][0], strlen(brackets[i][0])) == 0 &&
            text_ends_with(text, brackets[i][1]))
            return true;
    return false;
}

/* A token that a user defined has spaces for U+2581. */
static void put_spaces(struct buffer *out, const char *text)
{
    static const char mark[] = "\xE2\x96\x81";
    for (const char *found; (found = strstr(text, mark)); text = found + strlen(mark)) {
        buffer_append(out, text, (size_t)(found - text));
        buffer_byte(out, ' ');
    }
    buffer_text(out, text);
}

static void put_kinds(struct gguf_keys *keys, const unsigned char *kinds, int64_t count)
{
    gguf_put_list(keys, kinds_key, GGUF_I32, (uint64_t)count);
    for (int64_t i = 0; i < count; i++)
        gguf_add_integer(keys, kinds[i]);
}

/* --- byte-level --- */

/* "[PAD17]": an id that no token has. */
static void add_padding(struct gguf_keys *keys, int64_t id)
{
    char text[32];
    int length = snprintf(text, sizeof text, "[PAD%lld]", (long long)id);
    gguf_add_text(keys, text, (size_t)length);
}

/* An added token, as it is in a text: what is cut out of texts as they come is decoded. */
static enum piece_kind add_added(struct gguf_keys *keys, const struct export *export, int32_t id,
                                 enum added_kind added, struct error *err)
{
    struct buffer plain = BUFFER_INIT, text = BUFFER_INIT;
    enum piece_kind kind = PIECE_CONTROL;
    if (added == ADDED_RAW)
        tokenizer_decode(export->tokenizer, &id, 1, false, &plain, err);
    else
        buffer_text(&plain, tokenizer_token_text(export->tokenizer, id));
    if (tokenizer_is_special(export->tokenizer, id) || looks_special(buffer_string(&plain))) {
        buffer_append(&text, plain.data, plain.length);
    } else {
        kind = PIECE_USER_DEFINED;
        put_spaces(&text, buffer_string(&plain));
    }
    gguf_add_text(keys, buffer_string(&text), text.length);
    keys->bytes.failed |= plain.failed || text.failed;
    buffer_free(&plain);
    buffer_free(&text);
    return kind;
}

static int check_size(const struct tokenizer *tokenizer, int64_t vocab, struct error *err)
{
    int32_t size = tokenizer_vocabulary_size(tokenizer);
    return size <= vocab ? 0
                         : error_set(err,
                                     "%s has tokens up to the id %d, the model has %lld: a GGUF "
                                     "file's tokens are the model's; export a folder instead",
                                     tokenizer_path(tokenizer), size - 1, (long long)vocab);
}

/* A name for how words are cut (gguf_pre.h) says nothing of what becomes of the text before, and its
 * hash sees only what the converter's text has. NFC is with the tokenizers that llama.cpp knows. */
static int check_normalizer(const struct gguf_documents *documents,
                            const struct tokenizer *tokenizer, struct error *err)
{
    const cJSON *node = json_get(documents->tokenizer, "normalizer"), *step;
    const cJSON *list = json_get(node, "normalizers");
    for (step = list ? list->child : node; json_says(step); step = list ? step->next : NULL) {
        const char *type = "";
        json_get_string(step, "type", &type);
        if (strcmp(type, "NFC") != 0)
            return error_set(err,
                             "%s: tokenizer.json has the normalizer \"%.40s\", and a GGUF file of "
                             "a byte-level tokenizer has no word for it, so texts would get other "
                             "ids; export a folder instead",
                             tokenizer_path(tokenizer), type);
    }
    return 0;
}

static int put_byte_level(struct gguf_keys *keys, const struct gguf_documents *documents,
                          const struct export *export, int64_t vocab, bool no_first,
                          struct error *err)
{
    struct tokenizer *tokenizer = export->tokenizer;
    const char *pre;
    if (check_size(tokenizer, vocab, err) != 0 ||
        check_normalizer(documents, tokenizer, err) != 0 ||
        gguf_find_pre(&pre, tokenizer, documents->tokenizer_config, err) != 0)
        return -1;
    unsigned char *added = array_alloc((size_t)vocab, 1, err);
    unsigned char *kinds = array_alloc((size_t)vocab, 1, err);
    if (!added || !kinds) {
        free(added);
        free(kinds);
        return -1;
    }
    tokenizer_added_kinds(tokenizer, added);
    gguf_put_text(keys, "tokenizer.ggml.model", "gpt2");
    gguf_put_text(keys, "tokenizer.ggml.pre", pre);
    gguf_put_list(keys, tokens_key, GGUF_STRING, (uint64_t)vocab);
    for (int32_t id = 0; id < vocab; id++) {
        const char *text = tokenizer_token_text(tokenizer, id);
        kinds[id] = PIECE_NORMAL;
        if (!text) {
            kinds[id] = PIECE_UNUSED;
            add_padding(keys, id);
        } else if (added[id] != ADDED_NOT) {
            kinds[id] = add_added(keys, export, id, (enum added_kind)added[id], err);
        } else {
            gguf_add_text(keys, text, strlen(text));
        }
    }
    put_kinds(keys, kinds, vocab);
    free(added);
    free(kinds);
    return gguf_put_special(keys, documents, true, 0, no_first, err);
}

/* --- SentencePiece's --- */

/* What becomes of the model's places, before it is written. */
struct places {
    struct buffer *texts; /* [count] */
    float *scores;
    unsigned char *kinds;
    int64_t count;
};

static int places_alloc(struct places *out, int64_t count, struct error *err)
{
    *out = (struct places){.texts = array_alloc((size_t)count, sizeof *out->texts, err),
                           .scores = array_alloc((size_t)count, sizeof *out->scores, err),
                           .kinds = array_alloc((size_t)count, sizeof *out->kinds, err),
                           .count = count};
    return out->texts && out->scores && out->kinds ? 0 : -1;
}

static void places_free(struct places *places)
{
    for (int64_t i = 0; places->texts && i < places->count; i++)
        buffer_free(&places->texts[i]);
    free(places->texts);
    free(places->scores);
    free(places->kinds);
}

static void place(struct places *places, int64_t id, const char *text, enum piece_kind kind)
{
    if (id < 0 || id >= places->count)
        return;
    buffer_clear(&places->texts[id]);
    buffer_text(&places->texts[id], text);
    places->scores[id] = added_score;
    places->kinds[id] = (unsigned char)kind;
}

/* A place that no token has: it has neither kind nor text up to here. */
static void pad_places(struct places *places)
{
    for (int64_t i = 0; i < places->count; i++) {
        if (places->kinds[i] != 0 || places->texts[i].length > 0)
            continue;
        buffer_format(&places->texts[i], "[PAD%lld]", (long long)i);
        places->scores[i] = padding_score;
        places->kinds[i] = PIECE_UNUSED;
    }
}

static void put_texts(struct gguf_keys *keys, const struct places *places)
{
    gguf_put_list(keys, tokens_key, GGUF_STRING, (uint64_t)places->count);
    for (int64_t i = 0; i < places->count; i++) {
        gguf_add_text(keys, buffer_string(&places->texts[i]), places->texts[i].length);
        keys->bytes.failed |= places->texts[i].failed;
    }
}

static void put_scores(struct gguf_keys *keys, const struct places *places)
{
    gguf_put_list(keys, scores_key, GGUF_F32, (uint64_t)places->count);
    for (int64_t i = 0; i < places->count; i++)
        gguf_add_real(keys, places->scores[i]);
}

static void put_places(struct gguf_keys *keys, const struct places *places)
{
    gguf_put_text(keys, "tokenizer.ggml.model", "llama");
    gguf_put_text(keys, "tokenizer.ggml.pre", "default");
    put_texts(keys, places);
    put_scores(keys, places);
    put_kinds(keys, places->kinds, places->count);
}

static void place_added(struct places *places, int64_t id, const char *text, bool special)
{
    struct buffer spaced = BUFFER_INIT;
    put_spaces(&spaced, text);
    if (special || looks_special(text))
        place(places, id, text, PIECE_CONTROL);
    else
        place(places, id, buffer_string(&spaced), PIECE_USER_DEFINED);
    buffer_free(&spaced);
}

/* Above the file's pieces stand added_tokens.json, and above that the configuration. */
static void place_listed(struct places *places, const struct gguf_documents *documents)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, documents->added_tokens)
    {
        int64_t id = -1;
        json_get_int64(documents->added_tokens, item->string, &id);
        place(places, id, item->string, PIECE_USER_DEFINED);
    }
    cJSON_ArrayForEach(item, json_get(documents->tokenizer_config, "added_tokens_decoder"))
    {
        const char *text = cJSON_GetStringValue(json_get(item, "content"));
        bool special = false;
        json_get_bool(item, "special", &special);
        if (text)
            place_added(places, strtoll(item->string, NULL, 10), text, special);
    }
}

/* U+2581 and a space alike: of a token that was added either may stand in a file. */
static bool is_same_text(const char *a, const char *b)
{
    struct buffer one = BUFFER_INIT, other = BUFFER_INIT;
    put_spaces(&one, a);
    put_spaces(&other, b);
    bool same = strcmp(buffer_string(&one), buffer_string(&other)) == 0;
    buffer_free(&one);
    buffer_free(&other);
    return same;
}

/* A token for a message; NULL: there is none. */
static const char *put_quoted(char out[72], const char *text)
{
    if (text)
        snprintf(out, 72, "\"%.60s\"", text);
    return text ? out : "nothing";
}

/* The run's ids are those of tokenizer.json and of what stands beside it: with another token in a
 * place, or with bytes where the run had an unknown token, llama.cpp would give the model ids that
 * mean something else to it. Tokens that the run's tokenizer alone has as added ones, of which the
 * converter knows nothing, get their places. */
static int check_places(struct places *places, const struct gguf_documents *documents,
                        const struct tokenizer *tokenizer, struct error *err)
{
    static const char advice[] =
        "put the tokenizer.model there that belongs to the tokenizer.json of the run, or take it "
        "away (the file's tokens then have no scores), or export a folder instead";
    int32_t size = tokenizer_vocabulary_size(tokenizer);
    unsigned char *added = array_alloc((size_t)size, 1, err);
    char one[72], other[72];
    bool fallback = false, bytes = false;
    int status = added ? 0 : -1;
    json_get_bool(json_get(documents->tokenizer, "model"), "byte_fallback", &fallback);
    if (added)
        tokenizer_added_kinds(tokenizer, added);
    for (int32_t id = 0; id < places->count && status == 0; id++) {
        enum piece_kind kind = (enum piece_kind)places->kinds[id]; /* 0: the place is empty */
        const char *ours = tokenizer_token_text(tokenizer, id);
        const char *theirs = kind ? buffer_string(&places->texts[id]) : NULL;
        bool is_added = ours && added[id] != ADDED_NOT;
        bytes |= kind == PIECE_BYTE;
        if (theirs ? !ours || !is_same_text(ours, theirs) : ours && !is_added)
            status = error_set(err,
                               "%s: token %d was %s in the run, by tokenizer.json, and would be %s "
                               "in a GGUF file, by tokenizer.model and what was added to it; %s",
                               tokenizer_path(tokenizer), id, put_quoted(one, ours),
                               put_quoted(other, theirs), advice);
        else if (is_added && (!kind || kind == PIECE_NORMAL))
            place_added(places, id, ours, tokenizer_is_special(tokenizer, id));
    }
    free(added);
    if (status == 0 && bytes && !fallback)
        status = error_set(err,
                           "%s: tokenizer.model spells a character that has no token by its bytes, "
                           "and the run, by tokenizer.json, which has no \"byte_fallback\", did "
                           "not; %s",
                           tokenizer_path(tokenizer), advice);
    return status;
}

/* Pieces are joined by their scores, the run's tokens by tokenizer.json's merges: both are held
 * against each other as what reads the file will have the first. */
static int check_scores(const struct places *places, const struct tokenizer *tokenizer, bool space,
                        bool *first, struct error *err)
{
    cJSON *file = cJSON_CreateObject();
    cJSON *texts = cJSON_AddArrayToObject(file, tokens_key);
    cJSON *scores = cJSON_AddArrayToObject(file, scores_key);
    cJSON *kinds = cJSON_AddArrayToObject(file, kinds_key);
    struct tokenizer *scored = NULL;
    bool whole = texts && scores && kinds &&
                 cJSON_AddStringToObject(file, "tokenizer.ggml.model", "llama") &&
                 cJSON_AddBoolToObject(file, space_key, space);
    for (int64_t i = 0; whole && i < places->count; i++)
        whole = cJSON_AddItemToArray(texts, cJSON_CreateString(buffer_string(&places->texts[i]))) &&
                cJSON_AddItemToArray(scores, cJSON_CreateNumber((double)places->scores[i])) &&
                cJSON_AddItemToArray(kinds, cJSON_CreateNumber(places->kinds[i]));
    int status = whole ? tokenizer_from_gguf(&scored, file, tokenizer_path(tokenizer), err)
                       : error_no_memory(err);
    if (status == 0)
        status = tokenizer_check_scored(tokenizer, scored, first, err);
    tokenizer_close(scored);
    cJSON_Delete(file);
    return status;
}

/* `space`: of the key for a space in front, or what holds without it. */
static int put_pieces(struct gguf_keys *keys, const struct gguf_documents *documents,
                      const struct export *export, int64_t vocab, bool no_first, bool space,
                      enum gguf_cut *cut, struct error *err)
{
    bool spaced = false;
    struct piece_file file;
    struct places places = {0};
    int status = piece_file_read(&file, documents->pieces, err);
    if (status == 0)
        status = places_alloc(&places, vocab, err);
    for (int64_t i = 0; status == 0 && i < vocab && (size_t)i < file.count; i++) {
        const struct sentence_piece *piece = &file.pieces[i];
        bool plain = piece->kind == PIECE_USER_DEFINED;
        buffer_append(&places.texts[i], piece->text, piece->length);
        places.scores[i] = piece->score;
        places.kinds[i] = (unsigned char)(plain ? PIECE_NORMAL : piece->kind);
    }
    if (status == 0) {
        place_listed(&places, documents);
        status = check_places(&places, documents, export->tokenizer, err);
    }
    if (status == 0) {
        pad_places(&places);
        status = check_scores(&places, export->tokenizer, space, &spaced, err);
        if (status == 0 && spaced)
            *cut = GGUF_CUTS_SPACED;
    }
    if (status == 0) {
        put_places(keys, &places);
        status = gguf_put_special(keys, documents, false, vocab, no_first, err);
    }
    places_free(&places);
    piece_file_free(&file);
    return status;
}

/* --- tokenizer.json with byte fallback --- */

static bool is_byte(const char *text)
{
    return strlen(text) == 6 && strncmp(text, "<0x", 3) == 0 && isxdigit((unsigned char)text[3]) &&
           isxdigit((unsigned char)text[4]) && text[5] == '>';
}

static bool is_listed(const cJSON *list, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *content =
            cJSON_GetStringValue(cJSON_IsObject(item) ? json_get(item, "content") : item);
        if (content && strcmp(content, text) == 0)
            return true;
    }
    return false;
}

/* Is it one of transformers' special tokens: named, or an additional one? */
static bool is_named(const struct gguf_documents *documents, const struct tokenizer *tokenizer,
                     const char *text)
{
    static const char extra[] = "additional_special_tokens";
    const cJSON *map = tokenizer_special_map(tokenizer);
    for (const char *const *key = tokenizer_special_names; *key; key++) {
        const char *name = "";
        if (json_get_string(map, *key, &name) && strcmp(name, text) == 0)
            return true;
    }
    return is_listed(json_get(documents->tokenizer_config, extra), text) ||
           is_listed(json_get(documents->special_map, extra), text);
}

/* llama.cpp's converter has no scores for it. */
static int put_scoreless(struct gguf_keys *keys, const struct gguf_documents *documents,
                         const struct export *export, bool no_first, struct error *err)
{
    const struct tokenizer *tokenizer = export->tokenizer;
    int32_t size = tokenizer_vocabulary_size(tokenizer);
    int64_t base = cJSON_GetArraySize(json_get(json_get(documents->tokenizer, "model"), "vocab"));
    struct places places = {0};
    int status = places_alloc(&places, size, err);
    for (int32_t id = 0; id < size && status == 0; id++) {
        const char *text = tokenizer_token_text(tokenizer, id);
        enum piece_kind kind = id < base ? PIECE_NORMAL : PIECE_USER_DEFINED;
        if (!text) {
            status = error_set(err,
                               "%s has no token %d: a GGUF file of such a tokenizer has all up to "
                               "the last; export a folder instead",
                               tokenizer_path(tokenizer), id);
            break;
        }
        if (id < base && is_byte(text))
            kind = PIECE_BYTE;
        else if (is_named(documents, tokenizer, text))
            kind = PIECE_CONTROL;
        buffer_text(&places.texts[id], text);
        places.scores[id] = added_score;
        places.kinds[id] = (unsigned char)kind;
    }
    if (status == 0) {
        put_places(keys, &places);
        status = gguf_put_special(keys, documents, false, size, no_first, err);
    }
    places_free(&places);
    return status;
}

/* --- those of a GGUF base --- */

/* A key as it was read. The tree does not say of which type a number was, but those that describe
 * such a tokenizer are ids alone, which are none (2^32 - 1) where they cannot be one. */
static void put_as_read(struct gguf_keys *keys, const cJSON *item)
{
    const cJSON *list = cJSON_IsArray(item) ? item : NULL, *value;
    double number = cJSON_IsNumber(item) ? item->valuedouble : 0;
    if (cJSON_IsString(item))
        gguf_put_text(keys, item->string, item->valuestring);
    else if (cJSON_IsBool(item))
        gguf_put_flag(keys, item->string, cJSON_IsTrue(item));
    else if (cJSON_IsNumber(item))
        gguf_put_count(keys, item->string,
                       number >= 0 && number < UINT32_MAX ? (uint32_t)number : UINT32_MAX);
    else
        gguf_put_list(keys, item->string, cJSON_IsString(item->child) ? GGUF_STRING : GGUF_I32,
                      (uint64_t)cJSON_GetArraySize(item));
    cJSON_ArrayForEach(value, list)
    {
        if (cJSON_IsString(value))
            gguf_add_text(keys, value->valuestring, strlen(value->valuestring));
        else
            gguf_add_integer(keys, value->valueint);
    }
}

/* A base's tokens, none of which the run's tokenizer lacks, and those that the run added. */
static int place_base(struct places *places, const cJSON *base, const cJSON *added, int64_t vocab,
                      struct error *err)
{
    const cJSON *score = json_get(base, scores_key), *kind = json_get(base, kinds_key), *token;
    int64_t id = 0;
    if (places_alloc(places, vocab, err) != 0)
        return -1;
    score = score ? score->child : NULL;
    kind = kind ? kind->child : NULL;
    cJSON_ArrayForEach(token, json_get(base, tokens_key))
    {
        buffer_text(&places->texts[id], token->valuestring);
        places->scores[id] = score ? (float)score->valuedouble : 0;
        places->kinds[id++] = (unsigned char)(kind ? kind->valueint : PIECE_NORMAL);
        score = score ? score->next : NULL;
        kind = kind ? kind->next : NULL;
    }
    cJSON_ArrayForEach(token, added)
    {
        place(places, (int64_t)token->valuedouble, token->string, PIECE_CONTROL);
    }
    pad_places(places);
    return 0;
}

/* What the base says of its tokenizer, in its order; but templates are the run's. */
static int put_base(struct gguf_keys *keys, const struct gguf_documents *documents,
                    const struct export *export, int64_t vocab, struct error *err)
{
    struct places places = {0};
    const cJSON *item;
    int status = check_size(export->tokenizer, vocab, err);
    if (status == 0)
        status = place_base(&places, documents->base, export->source.added_tokens, vocab, err);
    const cJSON *base = status == 0 ? documents->base : NULL;
    cJSON_ArrayForEach(item, base)
    {
        if (strncmp(item->string, "tokenizer.", 10) != 0 ||
            strncmp(item->string, templates_key, sizeof templates_key - 1) == 0 ||
            strcmp(item->string, kinds_key) == 0)
            continue;
        if (strcmp(item->string, scores_key) == 0) {
            put_scores(keys, &places);
        } else if (strcmp(item->string, tokens_key) == 0) {
            put_texts(keys, &places);
            put_kinds(keys, places.kinds, vocab);
        } else {
            put_as_read(keys, item);
        }
    }
    places_free(&places);
    return status == 0 ? gguf_put_templates(keys, documents->templates, err) : -1;
}

/* --- all of them --- */

static bool has_fallback(const cJSON *tokenizer)
{
    const cJSON *model = json_get(tokenizer, "model");
    const char *type = "", *decoder = "";
    bool fallback = false;
    json_get_string(model, "type", &type);
    json_get_bool(model, "byte_fallback", &fallback);
    json_get_string(json_get(tokenizer, "decoder"), "type", &decoder);
    return strcmp(type, "BPE") == 0 && fallback && strcmp(decoder, "Sequence") == 0;
}

/* What llama.cpp's converter knows by the number of tokens: of Granite 3B that nothing is put in
 * front of a text, of Code Llama the token that ends a turn. */
enum { VOCABULARY_GRANITE = 49152, VOCABULARY_CODE_LLAMA = 32016, CODE_LLAMA_EOT = 32010 };

int gguf_put_vocabulary(struct gguf_keys *keys, const struct gguf_documents *documents,
                        const struct export *export, bool of_llama, int64_t vocab,
                        enum gguf_cut *cut, struct error *err)
{
    bool no_first = of_llama && vocab == VOCABULARY_GRANITE, space = true;
    int status;
    *cut = GGUF_CUTS_SAME;
    if (documents->base)
        return put_base(keys, documents, export, vocab, err);
    if (of_llama && json_get_bool(documents->tokenizer_config, "add_prefix_space", &space))
        gguf_put_flag(keys, space_key, space);
    if (!documents->pieces && of_llama && has_fallback(documents->tokenizer))
        *cut = GGUF_CUTS_SCORELESS;
    if (documents->pieces)
        status = put_pieces(keys, documents, export, vocab, no_first, space, cut, err);
    else if (*cut == GGUF_CUTS_SCORELESS)
        status = put_scoreless(keys, documents, export, no_first, err);
    else
        status = put_byte_level(keys, documents, export, vocab, no_first, err);
    if (of_llama && vocab == VOCABULARY_CODE_LLAMA)
        gguf_put_count(keys, "tokenizer.ggml.eot_token_id", CODE_LLAMA_EOT);
    return status;
}
