#include "text/template_source.h"

#include "base/hash.h"
#include "base/memory.h"

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
    bool trims, always_system, begins_with_bos;
} known[] = {
    /* ChatML as transformers and TRL write it. */
    {"437082a5b9c77384d54f5833afc85d24", TEMPLATE_CHATML, false, false, false},
    /* The same with a default system message: SmolLM2, Qwen 2. */
    {"d523b5b180076f5a1bb2ab0e7da63ebd", TEMPLATE_CHATML, false, false, false},
    /* Qwen 2.5. */
    {"8ad24cc9c425ec8c936681be3ac58282", TEMPLATE_CHATML, false, false, false},
    /* Llama 3. */
    {"71c90165e3d80e5354938e2ee86571ff", TEMPLATE_LLAMA3, true, false, true},
    /* Llama 3.1 and 3.3; 3.2. */
    {"c4b3d8719c84f43044816ae5a65f8fb1", TEMPLATE_LLAMA3, true, true, false},
    {"632094b5c50e565cc5382f1b399e0380", TEMPLATE_LLAMA3, true, true, false},
};

/* The system message that a ChatML source writes by itself: what is in one literal between the
 * header and the end-of-turn token. Its length, 0: there is none. */
static size_t find_system(const char *canonical, const char **system)
{
    static const char header[] = "\x01<|im_start|>system\n", end[] = "<|im_end|>";
    for (const char *at = canonical; (at = strstr(at, header));) {
        at += strlen(header);
        size_t length = strcspn(at, "<\x01");
        if (strncmp(at + length, end, strlen(end)) == 0) {
            *system = at;
            return length;
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

/* Looks a canonical form up. What may stand in front of any of them is not part of it. */
static int find_known(struct chat_template *out, const char *form, struct error *err)
{
    const char *bare = skip(form, "{%if not add_generation_prompt is defined%}"
                                  "{%set add_generation_prompt=false%}{%endif%}");
    const char *body = skip(bare, "{{bos_token}}"), *system = body;
    char fingerprint[HASH_TEXT_SIZE];
    size_t length = find_system(body, &system);
    if (take_fingerprint(fingerprint, body, system, length, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct known *k = &known[i];
        if (strcmp(k->fingerprint, fingerprint) != 0)
            continue;
        *out = (struct chat_template){k->kind, NULL, k->always_system, k->trims,
                                      k->begins_with_bos || body > bare};
        if (length == 0)
            return 0;
        if (!(out->default_system = string_copy(system, err)))
            return -1;
        out->default_system[length] = '\0';
    }
    return 0;
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
