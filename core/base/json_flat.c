#include "base/json_flat.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A recursive descent over what is plainly JSON, which gives up at anything else: an escape, a byte
 * above ASCII, a fifth level. It never says that a text is wrong, so it can be short and quick;
 * json_parse() reads the few lines that it leaves. No memory is taken: keys and texts point into
 * the line.
 */
enum { DEPTH_MAX = 4, NUMBER_MAX = 40 };

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

static bool skip_byte(struct walk *walk, char c)
{
    bool here = walk->at < walk->end && *walk->at == c;
    walk->at += here;
    return here;
}

/* Up to the first byte that is not plainly a text's: its end, or one that json_parse() must
 * read. */
static bool take_text(struct walk *walk, struct text *out)
{
    if (!take(walk, '"'))
        return false;
    const char *at = walk->at;
    while (at < walk->end && *at >= ' ' && *at <= '~' && *at != '"' && *at != '\\')
        at++;
    *out = (struct text){walk->at, (size_t)(at - walk->at)};
    walk->at = at;
    return skip_byte(walk, '"');
}

static bool take_digits(struct walk *walk)
{
    const char *from = walk->at;
    while (walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9')
        walk->at++;
    return walk->at > from;
}

/* Digits alone, of which a double holds 15, are added up; the rest is strtod()'s. */
static double number_of(const char *from, size_t length)
{
    enum { DIGITS_MAX = 15 };
    char copy[NUMBER_MAX + 1];
    int64_t whole = 0;
    size_t i = 0;
    while (i < length && i < DIGITS_MAX && from[i] >= '0' && from[i] <= '9')
        whole = 10 * whole + (from[i++] - '0');
    if (i == length)
        return (double)whole;
    memcpy(copy, from, length);
    copy[length] = '\0';
    return strtod(copy, NULL);
}

/* JSON's grammar of a number: -? digits (. digits)? ([eE] [+-]? digits)? */
static bool take_number(struct walk *walk, double *out)
{
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
    if (out)
        *out = number_of(from, length);
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

/* --- keys: an object that has one twice is json_parse()'s to refuse ---
 *
 * The first FEW are compared with one another, unless no key before had this one's bit. An object
 * of more, as one with a member for each tensor of a model, has them all in a table of SLOTS, each
 * at the first free slot from its hash on.
 */
enum { FEW = 32, SLOTS = 4096, KEYS_MAX = SLOTS / 2 };

struct few_keys {
    struct text keys[FEW];
    int count;
    uint64_t bits;
};

struct many_keys {
    struct text slots[SLOTS]; /* start NULL: free */
    int count;
};

static uint64_t hash_of(struct text key)
{
    uint64_t hash = key.length;
    for (size_t i = 0; i < key.length; i++)
        hash = (hash ^ (unsigned char)key.start[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return hash >> 32;
}

static bool is_same(struct text a, struct text b)
{
    return a.length == b.length && memcmp(a.start, b.start, a.length) == 0;
}

/* False: it is there already, or there is no room. */
static bool add_few(struct few_keys *few, struct text key)
{
    uint64_t bit = key.length == 0 ? 1
                                   : (uint64_t)1 << ((key.start[0] + 5 * key.start[key.length - 1] +
                                                      11 * (int)key.length) &
                                                     63);
    for (int i = 0; few->bits & bit && i < few->count; i++)
        if (is_same(few->keys[i], key))
            return false;
    few->bits |= bit;
    few->keys[few->count++] = key;
    return true;
}

static bool add_many(struct many_keys *many, struct text key)
{
    uint64_t slot = hash_of(key) % SLOTS;
    for (; many->slots[slot].start; slot = (slot + 1) % SLOTS)
        if (is_same(many->slots[slot], key))
            return false;
    many->slots[slot] = key;
    return ++many->count <= KEYS_MAX;
}

/* A value of a key that nobody asked for is passed over; one with members of its own keeps its
 * text. */
static bool take_member(struct walk *walk, struct text key, struct json_flat *members, size_t count,
                        int depth)
{
    struct json_flat *member = NULL;
    for (size_t i = 0; i < count && !member; i++)
        if (members[i].key[0] == (key.length > 0 ? key.start[0] : '\0') &&
            strncmp(members[i].key, key.start, key.length) == 0 &&
            members[i].key[key.length] == '\0')
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
    return true;
}

/* The rest of an object that has more members than a few; a frame of its own, for its size. */
__attribute__((noinline)) static bool take_many(struct walk *walk, const struct few_keys *few,
                                                struct json_flat *members, size_t count, int depth)
{
    struct many_keys many = {.count = 0};
    for (int i = 0; i < few->count; i++)
        add_many(&many, few->keys[i]);
    do {
        struct text key;
        if (!take_text(walk, &key) || !add_many(&many, key) ||
            !take_member(walk, key, members, count, depth))
            return false;
    } while (take(walk, ','));
    return take(walk, '}');
}

/* The members that are asked for are filled in on the way. */
static bool take_object(struct walk *walk, struct json_flat *members, size_t count, int depth)
{
    struct few_keys few = {.count = 0};
    if (!take(walk, '{'))
        return false;
    if (take(walk, '}'))
        return true;
    while (few.count < FEW) {
        struct text key;
        if (!take_text(walk, &key) || !add_few(&few, key) ||
            !take_member(walk, key, members, count, depth))
            return false;
        if (!take(walk, ','))
            return take(walk, '}');
    }
    return take_many(walk, &few, members, count, depth);
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
