#include "job/export/gguf_special.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which their keys are written. */
enum token_name { BOS, EOS, UNK, SEP, PAD, CLS, MASK, EOT, EOM, TOKEN_NAMES };
enum { ALWAYS = EOT }; /* those after it only where a template asks for them */

static const struct {
    const char *name; /* "<name>_token" in tokenizer_config.json */
    const char *key;  /* "tokenizer.ggml.<key>_token_id"; NULL: none is written */
    bool framing;     /* "tokenizer.ggml.add_<name>_token" is one */
} token_names[TOKEN_NAMES] = {
    [BOS] = {"bos", "bos", true},      [EOS] = {"eos", "eos", true},
    [UNK] = {"unk", "unknown", false}, [SEP] = {"sep", "seperator", true}, /* so it is spelt */
    [PAD] = {"pad", "padding", false}, [CLS] = {"cls", NULL, false},
    [MASK] = {"mask", "mask", false},  [EOT] = {"eot", "eot", false},
    [EOM] = {"eom", "eom", false},
};

/* What tokenizer_config.json calls a token: a text, or an object with it, which to the converter
 * never equals a text of a template. */
struct named {
    const char *content; /* NULL: it is not said */
    bool plain;
};

struct special {
    const struct gguf_documents *documents;
    struct named tokens[TOKEN_NAMES];
    bool wanted[TOKEN_NAMES];
    int64_t ids[TOKEN_NAMES]; /* -1: none */
    enum token_name found[TOKEN_NAMES];
    int found_count; /* found[0..found_count): those with ids, in the order in which they were found */
    signed char frames[TOKEN_NAMES]; /* are they put around a text? -1: it is not said */
    enum token_name said[TOKEN_NAMES];
    int said_count; /* the order in which that was said */
    int64_t vocab;
};

static void say_frame(struct special *s, enum token_name name, bool value, bool again)
{
    if (s->frames[name] >= 0 && !again)
        return;
    if (s->frames[name] < 0)
        s->said[s->said_count++] = name;
    s->frames[name] = value;
}

static bool is_said(const struct named *token)
{
    return token->content && (*token->content || !token->plain);
}

static bool equals(const struct named *token, const char *text)
{
    return token->content && token->plain && strcmp(token->content, text) == 0;
}

static void read_names(struct special *s, const cJSON *config)
{
    for (int i = 0; i < TOKEN_NAMES; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s_token", token_names[i].name);
        const cJSON *item = json_get(config, key);
        struct named *token = &s->tokens[i];
        token->plain = cJSON_IsString(item);
        token->content = cJSON_GetStringValue(token->plain ? item : json_get(item, "content"));
        s->wanted[i] = i < ALWAYS;
        s->ids[i] = -1;
        s->frames[i] = -1;
    }
    if (!is_said(&s->tokens[BOS]) && is_said(&s->tokens[CLS]))
        s->tokens[BOS] = s->tokens[CLS];
    if (!is_said(&s->tokens[EOS]) && is_said(&s->tokens[SEP]))
        s->tokens[EOS] = s->tokens[SEP];
}

/* --- the post-processor's template --- */

static const char *special_of(const cJSON *item)
{
    return cJSON_GetStringValue(json_get(json_get(item, "SpecialToken"), "id"));
}

static const char *sequence_of(const cJSON *item)
{
    const char *id = cJSON_GetStringValue(json_get(json_get(item, "Sequence"), "id"));
    return id ? id : "";
}

static void read_first(struct special *s, const char *first, bool configured)
{
    const struct named plain = {first, true};
    if (!configured) {
        s->tokens[BOS] = plain;
    } else if (!equals(&s->tokens[BOS], first) && !equals(&s->tokens[CLS], first)) {
        if (!is_said(&s->tokens[BOS]))
            s->tokens[BOS] = plain;
        if (!is_said(&s->tokens[CLS]))
            s->tokens[CLS] = plain;
    }
    say_frame(s, BOS, equals(&s->tokens[BOS], first) || equals(&s->tokens[CLS], first), true);
}

/* What ends a text is the end; what was called so becomes the end of a turn. */
static void read_last(struct special *s, const char *last, bool configured)
{
    const struct named plain = {last, true};
    if (configured && !equals(&s->tokens[EOS], last)) {
        enum token_name old = !s->wanted[EOT] ? EOT : EOM;
        if (!s->wanted[old]) {
            s->wanted[old] = true;
            s->tokens[old] = s->tokens[EOS];
        }
    }
    s->tokens[EOS] = plain;
    say_frame(s, EOS, true, true);
}

/* Of "pair", A <between> B inside what stands around both. */
static void read_pair(struct special *s, const cJSON *pair, const char *first, const char *last,
                      bool configured)
{
    int from = 0, to = cJSON_GetArraySize(pair);
    const char *begins = special_of(cJSON_GetArrayItem(pair, 0));
    const char *ends = special_of(cJSON_GetArrayItem(pair, to - 1));
    from += first && begins && strcmp(begins, first) == 0;
    to -= last && ends && strcmp(ends, last) == 0;
    if (to - from < 3 || strcmp(sequence_of(cJSON_GetArrayItem(pair, from)), "A") != 0 ||
        strcmp(sequence_of(cJSON_GetArrayItem(pair, to - 1)), "B") != 0)
        return;
    const char *one = special_of(cJSON_GetArrayItem(pair, from + 1));
    const char *two = to - from == 4 ? special_of(cJSON_GetArrayItem(pair, from + 2)) : NULL;
    const struct named *sep = &s->tokens[SEP], *eos = &s->tokens[EOS];
    bool adds = (one && !last && (equals(sep, one) || equals(eos, one))) ||
                (two && (equals(sep, two) || equals(eos, two)));
    say_frame(s, SEP, adds, true);
    if (adds && !is_said(sep) && configured)
        s->tokens[SEP] = *eos;
}

static void read_template(struct special *s, const cJSON *processor, bool configured)
{
    const cJSON *single = json_get(processor, "single"), *pair = json_get(processor, "pair");
    int size = cJSON_GetArraySize(single);
    const char *first = size > 1 ? special_of(cJSON_GetArrayItem(single, 0)) : NULL;
    const char *last = size > 1 ? special_of(cJSON_GetArrayItem(single, size - 1)) : NULL;
    if (first && *first)
        read_first(s, first, configured);
    if (last && *last)
        read_last(s, last, configured);
    if (cJSON_GetArraySize(pair) > 0)
        read_pair(s, pair, first, last, configured);
}

static void read_processor(struct special *s, const cJSON *processor, bool configured)
{
    const char *type = "";
    json_get_string(processor, "type", &type);
    if (strcmp(type, "ByteLevel") == 0) {
        say_frame(s, BOS, false, false);
        say_frame(s, EOS, false, false);
    } else if (strcmp(type, "TemplateProcessing") == 0) {
        read_template(s, processor, configured);
    }
}

/* --- ids --- */

/* The first that is found stays. */
static void find_id(struct special *s, enum token_name name, const cJSON *item)
{
    double id = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (id < 0 || id > UINT32_MAX || id != (double)(int64_t)id || s->ids[name] >= 0 ||
        (s->vocab > 0 && id >= (double)s->vocab))
        return;
    s->ids[name] = (int64_t)id;
    s->found[s->found_count++] = name;
}

static const cJSON *added_id(const cJSON *tokenizer, const char *content)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(tokenizer, "added_tokens"))
    {
        const char *text = cJSON_GetStringValue(json_get(item, "content"));
        if (text && strcmp(text, content) == 0)
            return json_get(item, "id");
    }
    return NULL;
}

static void find_ids(struct special *s)
{
    const cJSON *config = s->documents->tokenizer_config;
    char key[32];
    for (int i = 0; config && i < TOKEN_NAMES; i++) {
        snprintf(key, sizeof key, "add_%s_token", token_names[i].name);
        const cJSON *adds = json_get(config, key);
        if (s->wanted[i] && cJSON_IsBool(adds))
            say_frame(s, (enum token_name)i, cJSON_IsTrue(adds), false);
        if (s->wanted[i] && s->tokens[i].content)
            find_id(s, (enum token_name)i, added_id(s->documents->tokenizer, s->tokens[i].content));
    }
    for (int i = 0; i < TOKEN_NAMES; i++) {
        snprintf(key, sizeof key, "%s_token_id", token_names[i].name);
        if (s->wanted[i])
            find_id(s, (enum token_name)i, json_get(s->documents->config, key));
    }
}

/* --- what is written --- */

/* A space in a part, which BPE's files have between the parts, is spelt U+0120. */
static void add_part(struct buffer *out, const char *part)
{
    for (; *part; part++)
        buffer_append(out, *part == ' ' ? "\xC4\xA0" : part, *part == ' ' ? 2 : 1);
}

static void put_merges(struct gguf_keys *keys, const cJSON *tokenizer)
{
    const cJSON *merges = json_get(json_get(tokenizer, "model"), "merges"), *merge;
    struct buffer text = BUFFER_INIT;
    if (cJSON_GetArraySize(merges) == 0)
        return;
    gguf_put_list(keys, "tokenizer.ggml.merges", GGUF_STRING, (uint64_t)cJSON_GetArraySize(merges));
    cJSON_ArrayForEach(merge, merges)
    {
        buffer_clear(&text);
        const char *whole = cJSON_GetStringValue(merge);
        const char *left = cJSON_GetStringValue(cJSON_GetArrayItem(merge, 0));
        const char *right = cJSON_GetStringValue(cJSON_GetArrayItem(merge, 1));
        if (whole) {
            buffer_text(&text, whole);
        } else if (left && right) { /* other forms no tokenizer was opened from */
            add_part(&text, left);
            buffer_byte(&text, ' ');
            add_part(&text, right);
        }
        gguf_add_text(keys, buffer_string(&text), text.length);
    }
    keys->bytes.failed |= text.failed;
    buffer_free(&text);
}

static void put_frames(struct gguf_keys *keys, const struct special *s)
{
    char key[64];
    for (int i = 0; i < s->said_count; i++) {
        enum token_name name = s->said[i];
        snprintf(key, sizeof key, "tokenizer.ggml.add_%s_token", token_names[name].name);
        if (token_names[name].framing)
            gguf_put_flag(keys, key, s->frames[name] == 1);
    }
}

/* Letters and digits alone: each other character is "_". */
static void clean_name(char *name)
{
    char *to = name;
    for (; *name; name++)
        if (isalnum((unsigned char)*name))
            *to++ = *name;
        else if (((unsigned char)*name & 0xC0) != 0x80)
            *to++ = '_';
    *to = '\0';
}

/* A template with a name of its own: `names` has those before it, as the file calls them. Two that
 * it would call alike, or one without a name, it cannot have. */
static int put_named_template(struct gguf_keys *keys, cJSON *names, const cJSON *template,
                              struct error *err)
{
    struct buffer key = BUFFER_INIT;
    char *name = string_copy(template->string, err);
    int status = -1;
    if (!name)
        return -1;
    clean_name(name);
    const cJSON *other = json_get(names, name);
    buffer_format(&key, "tokenizer.chat_template.%s", name);
    if (!*name)
        error_set(err, "a chat template of the model has no name, and a GGUF file names each; give "
                       "it one, or export a folder instead");
    else if (other)
        error_set(err,
                  "the chat templates \"%.60s\" and \"%.60s\" would both be \"%.60s\" in a GGUF "
                  "file; rename one, or export a folder instead",
                  other->valuestring, template->string, name);
    else if (!cJSON_AddStringToObject(names, name, template->string))
        error_no_memory(err);
    else
        status = buffer_check(&key, err);
    if (status == 0 && *template->valuestring)
        gguf_put_text(keys, key.data, template->valuestring);
    buffer_free(&key);
    free(name);
    return status;
}

/* Each by its key, then their names, then the default. */
int gguf_put_templates(struct gguf_keys *keys, const cJSON *templates, struct error *err)
{
    const cJSON *item;
    const char *plain = "";
    cJSON *names = cJSON_CreateObject();
    int status = names ? 0 : error_no_memory(err);
    cJSON_ArrayForEach(item, templates)
    {
        if (strcmp(item->string, TEMPLATE_DEFAULT) == 0)
            plain = item->valuestring;
        else if (status == 0)
            status = put_named_template(keys, names, item, err);
    }
    if (status == 0 && cJSON_GetArraySize(names) > 0) {
        gguf_put_list(keys, "tokenizer.chat_templates", GGUF_STRING,
                      (uint64_t)cJSON_GetArraySize(names));
        cJSON_ArrayForEach(item, names)
        {
            gguf_add_text(keys, item->string, strlen(item->string));
        }
    }
    if (status == 0 && *plain)
        gguf_put_text(keys, "tokenizer.chat_template", plain);
    cJSON_Delete(names);
    return status;
}

int gguf_put_special(struct gguf_keys *keys, const struct gguf_documents *documents, bool merges,
                     int64_t vocab, bool no_first, struct error *err)
{
    struct special s = {.documents = documents, .vocab = vocab};
    const cJSON *post = json_get(documents->tokenizer, "post_processor"), *item;
    const cJSON *list = json_get(post, "processors");
    bool configured = documents->tokenizer_config != NULL;
    read_names(&s, documents->tokenizer_config);
    if (list)
        cJSON_ArrayForEach(item, list)
        {
            read_processor(&s, item, configured);
        }
    else if (json_says(post))
        read_processor(&s, post, configured);
    find_ids(&s);
    bool has_first = s.frames[BOS] >= 0;
    if (no_first && has_first)
        s.frames[BOS] = 0;
    if (merges)
        put_merges(keys, documents->tokenizer);
    for (int i = 0; i < s.found_count; i++) {
        char key[64];
        const char *name = token_names[s.found[i]].key;
        snprintf(key, sizeof key, "tokenizer.ggml.%s_token_id", name ? name : "");
        if (name)
            gguf_put_count(keys, key, (uint32_t)s.ids[s.found[i]]);
    }
    put_frames(keys, &s);
    if (gguf_put_templates(keys, documents->templates, err) != 0)
        return -1;
    if (no_first && !has_first)
        gguf_put_flag(keys, "tokenizer.ggml.add_bos_token", false);
    return 0;
}
