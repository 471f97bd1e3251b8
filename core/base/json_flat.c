#include "base/json_flat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A recursive descent over what is plainly JSON, which gives up at anything else: an escape, a byte
 * above ASCII, a fifth level. It never says that a text is wrong, so it can be short and quick;
 * json_parse() reads the few lines that it leaves. No memory is taken: keys and texts point into
 * the line.
 */
enum { DEPTH_MAX = 4, KEYS_MAX = 32, NUMBER_MAX = 40 };

struct walk {
    const char *at, *end;
};

struct text {
    const char *start;
    size_t length;
};

static void skip_space(struct walk *walk)
{
    while (walk->at < walk->end &&
           (*walk->at == ' ' || *walk->at == '\t' || *walk->at == '\r' || *walk->at == '\n'))
        walk->at++;
}

static bool take(struct walk *walk, char c)
{
    skip_space(walk);
    if (walk->at == walk->end || *walk->at != c)
        return false;
    walk->at++;
    return true;
}

static bool take_text(struct walk *walk, struct text *out)
{
    if (!take(walk, '"'))
        return false;
    out->start = walk->at;
    for (; walk->at < walk->end && *walk->at != '"'; walk->at++)
        if (*walk->at == '\\' || (unsigned char)*walk->at < ' ' || (unsigned char)*walk->at > '~')
            return false;
    out->length = (size_t)(walk->at - out->start);
    return take(walk, '"');
}

static bool take_digits(struct walk *walk)
{
    const char *from = walk->at;
    while (walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9')
        walk->at++;
    return walk->at > from;
}

static bool skip_byte(struct walk *walk, char c)
{
    bool here = walk->at < walk->end && *walk->at == c;
    walk->at += here;
    return here;
}

/* JSON's grammar of a number: -? digits (. digits)? ([eE] [+-]? digits)? */
static bool take_number(struct walk *walk, double *out)
{
    char copy[NUMBER_MAX + 1];
    const char *from = walk->at;
    skip_byte(walk, '-');
    const char *digits = walk->at;
    if (!take_digits(walk) || (*digits == '0' && walk->at - digits > 1))
        return false;
    if (skip_byte(walk, '.') && !take_digits(walk))
        return false;
    if (skip_byte(walk, 'e') || skip_byte(walk, 'E')) {
        if (!skip_byte(walk, '+'))
            skip_byte(walk, '-');
        if (!take_digits(walk))
            return false;
    }
    size_t length = (size_t)(walk->at - from);
    if (length > NUMBER_MAX)
        return false;
    if (out) {
        memcpy(copy, from, length);
        copy[length] = '\0';
        *out = strtod(copy, NULL);
    }
    return true;
}

static bool take_word(struct walk *walk, const char *word)
{
    size_t length = strlen(word);
    bool here = (size_t)(walk->end - walk->at) >= length && memcmp(walk->at, word, length) == 0;
    walk->at += here ? length : 0;
    return here;
}

static bool take_object(struct walk *walk, struct json_flat *members, size_t count, int depth);

/* What `member` (NULL: nobody wants it) has is filled in. */
static bool take_value(struct walk *walk, struct json_flat *member, int depth)
{
    struct text text;
    skip_space(walk);
    char c = walk->at < walk->end ? *walk->at : '\0';
    if (member)
        member->kind = JSON_FLAT_OTHER;
    if (c == '-' || (c >= '0' && c <= '9')) {
        if (member)
            member->kind = JSON_FLAT_NUMBER;
        return take_number(walk, member ? &member->number : NULL);
    }
    if (c == '"') {
        bool taken = take_text(walk, &text);
        if (member && taken) {
            member->kind = JSON_FLAT_TEXT;
            member->text = text.start;
            member->length = text.length;
        }
        return taken;
    }
    if (c == '{')
        return depth < DEPTH_MAX && take_object(walk, NULL, 0, depth + 1);
    if (c != '[')
        return take_word(walk, "null") || take_word(walk, "true") || take_word(walk, "false");
    walk->at++;
    if (take(walk, ']'))
        return true;
    while (depth < DEPTH_MAX && take_value(walk, NULL, depth + 1))
        if (!take(walk, ','))
            return take(walk, ']');
    return false;
}

/* The members that are asked for are filled in on the way; all keys are kept, because an object that
 * has one key twice is json_parse()'s to refuse. */
static bool take_object(struct walk *walk, struct json_flat *members, size_t count, int depth)
{
    struct text keys[KEYS_MAX], *key = keys;
    if (!take(walk, '{'))
        return false;
    if (take(walk, '}'))
        return true;
    for (; key < keys + KEYS_MAX; key++) {
        struct json_flat *member = NULL;
        if (!take_text(walk, key))
            return false;
        for (const struct text *other = keys; other < key; other++)
            if (other->length == key->length && memcmp(other->start, key->start, key->length) == 0)
                return false;
        for (size_t i = 0; i < count && !member; i++)
            if (strncmp(members[i].key, key->start, key->length) == 0 &&
                members[i].key[key->length] == '\0')
                member = &members[i];
        if (!take(walk, ':'))
            return false;
        skip_space(walk);
        const char *from = walk->at;
        if (!take_value(walk, member, depth))
            return false;
        if (member && member->kind == JSON_FLAT_OTHER) {
            member->text = from;
            member->length = (size_t)(walk->at - from);
        }
        if (!take(walk, ','))
            return take(walk, '}');
    }
    return false;
}

bool json_flat_read(const char *text, size_t length, struct json_flat *members, size_t count)
{
    struct walk walk = {text, text + length};
    for (size_t i = 0; i < count; i++)
        members[i].kind = JSON_FLAT_ABSENT;
    if (!take_object(&walk, members, count, 1))
        return false;
    skip_space(&walk);
    return walk.at == walk.end;
}

bool json_flat_int64(const struct json_flat *member, long long *out)
{
    double value = member->kind == JSON_FLAT_NUMBER ? member->number : NAN;
    if (!(fabs(value) <= 9007199254740992.0) || value != floor(value))
        return false;
    *out = (long long)value;
    return true;
}
