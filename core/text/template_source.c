#include "text/template_source.h"

#include "base/hash.h"
#include "base/memory.h"
#include "text/template_forms.h"

#include <ctype.h>
#include <string.h>

/* Around a literal in the canonical form; in place of a default system message in a fingerprint. */
#define QUOTE '\x01'
#define SYSTEM_MARK '\x02'

static bool is_space(char c)
{
    return c != '\0' && strchr(" \t\n\r\v\f", c) != NULL;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* A literal from its opening quote on; returns what is behind it, or NULL. */
static const char *put_literal(struct buffer *out, const char *at)
{
    static const char letters[] = "ntr\\'\"", meant[] = "\n\t\r\\'\"";
    char quote = *at++;
    buffer_byte(out, QUOTE);
    for (; *at != quote; at++) {
        const char *escape = *at == '\\' && at[1] ? strchr(letters, at[1]) : NULL;
        if (*at == '\0' || (*at == '\\' && !escape))
            return NULL;
        buffer_byte(out, escape ? meant[escape - letters] : *at);
        at += escape != NULL;
    }
    buffer_byte(out, QUOTE);
    return at + 1;
}

/* A tag's inside up to `close` ("%}" or "}}"), which is returned; NULL where it cannot be read. A
 * dash in front of `close` stays out. */
static const char *put_inside(struct buffer *out, const char *at, const char *close)
{
    bool gap = false;
    while (*at && strncmp(at, close, 2) != 0) {
        if (is_space(*at) || (*at == '-' && strncmp(at + 1, close, 2) == 0)) {
            gap = true;
            at++;
            continue;
        }
        if (gap && out->length > 0 && is_word(*at) && is_word(out->data[out->length - 1]))
            buffer_byte(out, ' ');
        gap = false;
        if (*at == '{' || *at == '}')
            return NULL;
        if (*at == '\'' || *at == '"') {
            if (!(at = put_literal(out, at)))
                return NULL;
        } else {
            buffer_byte(out, *at++);
        }
    }
    return *at ? at : NULL;
}

/* How the text behind a tag begins. */
struct tag_end {
    bool starts_source; /* there was no tag */
    bool strips;        /* "-%}": white space goes */
    bool trims_newline; /* "%}" and "#}": one newline goes */
};

/* The text [from, to) between two tags; `tag` is the next one, or "". */
static void put_text(struct buffer *out, const char *from, const char *to, const char *tag,
                     struct tag_end before)
{
    bool at_line_start = before.starts_source;
    while (before.strips && from < to && is_space(*from))
        from++;
    if (before.trims_newline && from < to && *from == '\n') {
        from++;
        at_line_start = true;
    }
    if (*tag && tag[2] == '-') {
        while (to > from && is_space(to[-1]))
            to--;
    } else if (*tag && tag[1] != '{') {
        const char *line = to;
        while (line > from && (line[-1] == ' ' || line[-1] == '\t'))
            line--;
        if (line > from ? line[-1] == '\n' : at_line_start)
            to = line;
    }
    buffer_append(out, from, (size_t)(to - from));
}

/* The tag at `at`; returns what is behind it, or NULL. */
static const char *put_tag(struct buffer *out, const char *at, struct tag_end *end)
{
    const char close[] = {at[1] == '{' ? '}' : at[1], '}', '\0'};
    const char *inside = at + 2 + (at[2] == '-'), *stop;
    if (at[1] == '#') {
        stop = strstr(inside, close);
    } else {
        buffer_append(out, at, 2);
        stop = *inside == '+' ? NULL : put_inside(out, inside, close);
        buffer_text(out, close);
    }
    if (!stop)
        return NULL;
    *end =
        (struct tag_end){.strips = stop > inside && stop[-1] == '-', .trims_newline = at[1] != '{'};
    return stop + 2;
}

bool template_canonical(struct buffer *out, const char *source)
{
    struct tag_end end = {.starts_source = true};
    const char *at = source;
    for (const char *c = source; *c; c++)
        if ((unsigned char)*c < '\t')
            return false; /* the marks have to be ours */
    while (at && *at) {
        const char *tag = at;
        while (*tag && !(*tag == '{' && tag[1] && strchr("{%#", tag[1])))
            tag++;
        /* Jinja drops one newline at the very end. */
        bool newline = *tag == '\0' && tag > at && tag[-1] == '\n';
        put_text(out, at, tag - newline, tag, end);
        at = *tag ? put_tag(out, tag, &end) : tag;
    }
    return at && !out->failed;
}

/* Published templates by the fingerprint of their canonical form, as find_known() takes it. A form
 * is entered here once its texts were compared with those of apply_chat_template(). */
static const struct known {
    char fingerprint[HASH_TEXT_SIZE];
    enum template_kind kind;
} known[] = {
    /* As transformers and TRL write it. */
    {"437082a5b9c77384d54f5833afc85d24", TEMPLATE_CHATML},
    /* The same with a default system message: SmolLM2, Qwen 2. */
    {"d523b5b180076f5a1bb2ab0e7da63ebd", TEMPLATE_CHATML},
    /* Qwen 2.5. */
    {"8ad24cc9c425ec8c936681be3ac58282", TEMPLATE_CHATML},
    /* Llama 3. */
    {"71c90165e3d80e5354938e2ee86571ff", TEMPLATE_LLAMA3},
    /* Llama 3.1 and 3.3; 3.2. */
    {"c4b3d8719c84f43044816ae5a65f8fb1", TEMPLATE_LLAMA31},
    {"632094b5c50e565cc5382f1b399e0380", TEMPLATE_LLAMA31},
    /* Mistral-7B-Instruct v0.1, at first; v0.2 and Mixtral, at first; all three, later; v0.3. */
    {"de068f5ca10ebb3ebbb677b21edcc3d8", TEMPLATE_MISTRAL_V1},
    {"a9d67cb3535f2ce7f6b97c8777423517", TEMPLATE_MISTRAL_V2},
    {"c6c3e75cdce0d74f78279d11885b83a9", TEMPLATE_MISTRAL},
    {"b94b1e886036004e227ea9644088c0e9", TEMPLATE_MISTRAL_V3},
    /* Zephyr and TinyLlama; the same in one line. */
    {"249f94b89a189b09a75071d216be9852", TEMPLATE_ZEPHYR},
    {"61d7105183e31caa748da02feb510dec", TEMPLATE_ZEPHYR},
    /* Alpaca with a default system message, in two spellings; without one, contents trimmed. */
    {"94e67d710242ab3648dab1cc7bf0067b", TEMPLATE_ALPACA},
    {"eb66092163289afe45fb655a3bb54228", TEMPLATE_ALPACA},
    {"7bf93f6fcaac2cdf79fd6112b30b3150", TEMPLATE_ALPACA_TRIMMED},
};

/* Between what the system message stands that a source writes by itself, in one literal. */
static const struct {
    const char *before, *behind;
} system_places[] = {
    {"\x01<|im_start|>system\n", "<|im_end|>"},
    {"{%else%}{{\x01", "\n\n\x01}}"},          /* Alpaca */
    {"{%else%}{{\x01", "\x01+\x01\n\n\x01}}"}, /* Alpaca, another spelling */
};

/* That message in one kind of place. Its length, 0: there is none. */
static size_t find_system_at(const char *canonical, const char *before, const char *behind,
                             const char **system)
{
    for (const char *at = canonical; (at = strstr(at, before));) {
        at += strlen(before);
        const char *end = strstr(at, behind);
        if (!end)
            break; /* nor behind any later one */
        if (end > at && !memchr(at, QUOTE, (size_t)(end - at))) {
            *system = at;
            return (size_t)(end - at);
        }
    }
    return 0;
}

/* The fingerprint of a form, with a mark wherever its default system message stands. */
static int take_fingerprint(char out[HASH_TEXT_SIZE], const char *form, const char *system,
                            size_t length, struct error *err)
{
    static const char mark = SYSTEM_MARK;
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    const char *rest = form + strlen(form), *hit;
    while (length > 0 && (hit = memmem(form, (size_t)(rest - form), system, length))) {
        hash_update(hash, form, (size_t)(hit - form));
        hash_update(hash, &mark, 1);
        form = hit + length;
    }
    hash_update(hash, form, (size_t)(rest - form));
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

static const char *skip(const char *text, const char *start)
{
    size_t length = strlen(start);
    return strncmp(text, start, length) == 0 ? text + length : text;
}

/* Looks a form up, with `length` bytes at `system` as its default system message. */
static int look_up(struct chat_template *out, const char *form, const char *system, size_t length,
                   struct error *err)
{
    char fingerprint[HASH_TEXT_SIZE];
    if (take_fingerprint(fingerprint, form, system, length, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].fingerprint, fingerprint) == 0)
            out->kind = known[i].kind;
    if (out->kind == TEMPLATE_UNKNOWN || length == 0)
        return 0;
    if (!(out->default_system = string_copy(system, err)))
        return -1;
    out->default_system[length] = '\0';
    return 0;
}

/* Is a canonical form known? What may stand in front of any of them is not part of it. */
static int find_known(struct chat_template *out, const char *form, struct error *err)
{
    const char *bare = skip(form, "{%if not add_generation_prompt is defined%}"
                                  "{%set add_generation_prompt=false%}{%endif%}");
    const char *body = skip(bare, "{{bos_token}}"), *system = body;
    int status = look_up(out, body, body, 0, err);
    for (size_t i = 0; i < sizeof system_places / sizeof *system_places; i++) {
        if (status != 0 || out->kind != TEMPLATE_UNKNOWN)
            break;
        size_t length =
            find_system_at(body, system_places[i].before, system_places[i].behind, &system);
        status = length > 0 ? look_up(out, body, system, length, err) : 0;
    }
    if (status == 0 && out->kind != TEMPLATE_UNKNOWN)
        out->begins_with_bos = chat_form(out->kind)->begins_with_bos || body > bare;
    return status;
}

int template_recognise(struct chat_template *out, const char *source, struct error *err)
{
    struct buffer form = BUFFER_INIT;
    *out = (struct chat_template){.kind = source ? TEMPLATE_UNKNOWN : TEMPLATE_NONE};
    bool readable = source && template_canonical(&form, source);
    int status = buffer_check(&form, err);
    if (status == 0 && readable)
        status = find_known(out, buffer_string(&form), err);
    buffer_free(&form);
    return status;
}
