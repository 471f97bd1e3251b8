#include "model/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REWRITES_MAX = 4, NUMBERS_MAX = 8, FAMILY_NAME_MAX = 1024 };

/* The numbers that stood for "*" of a rule's source. */
struct numbers {
    const char *at[NUMBERS_MAX];
    size_t length[NUMBERS_MAX], count;
};

static const char *component_end(const char *at)
{
    return at + strcspn(at, ".");
}

/* Where a name goes on after a rule's source; NULL: the rule does not fit. */
static const char *fit(const char *from, const char *name, struct numbers *numbers)
{
    *numbers = (struct numbers){.count = 0};
    for (;;) {
        const char *from_end = component_end(from), *end = component_end(name);
        size_t length = (size_t)(end - name);
        if (from_end - from == 1 && *from == '*') {
            if (length == 0 || strspn(name, "0123456789") != length ||
                numbers->count == NUMBERS_MAX)
                return NULL;
            numbers->at[numbers->count] = name;
            numbers->length[numbers->count++] = length;
        } else if (length != (size_t)(from_end - from) || memcmp(from, name, length) != 0) {
            return NULL;
        }
        if (!*from_end)
            return end;
        if (!*end)
            return NULL;
        from = from_end + 1;
        name = end + 1;
    }
}

/* One of the targets of a rule, [to, end), with the numbers in it and the rest of the name. */
static void put_target(struct buffer *out, const char *to, const char *end,
                       const struct numbers *numbers, const char *rest)
{
    size_t next = 0;
    for (; to < end; to++) {
        if (*to != '*' || next == numbers->count) {
            buffer_byte(out, *to);
            continue;
        }
        buffer_append(out, numbers->at[next], numbers->length[next]);
        next++;
    }
    buffer_text(out, rest);
}

static size_t component_count(const char *name)
{
    size_t count = 1;
    for (; *name; name++)
        count += *name == '.';
    return count;
}

/* The longest rule that fits; of two the one with fewer "*". */
static const struct name_rule *choose(const struct family *family, const char *name)
{
    const struct name_rule *best = NULL;
    size_t most = 0, least_numbers = 0;
    for (size_t i = 0; i < family->rule_count; i++) {
        const struct name_rule *rule = &family->rules[i];
        struct numbers numbers;
        if (!fit(rule->from, name, &numbers))
            continue;
        size_t count = component_count(rule->from);
        if (!best || count > most || (count == most && numbers.count < least_numbers)) {
            best = rule;
            most = count;
            least_numbers = numbers.count;
        }
    }
    return best;
}

/* What becomes no parameter, a buffer, is called "-" in a rule's target. */
static bool is_no_parameter(const struct name_rule *rule)
{
    return strcmp(rule->to, "-") == 0;
}

/* Does the family have parameters that begin with a name's first component? */
static bool is_rooted(const struct family *family, const char *name)
{
    size_t length = (size_t)(component_end(name) - name);
    for (const char *at = family->roots; (at = strchr(at, ' ')); at++)
        if (strncmp(at + 1, name, length) == 0 && at[1 + length] == ' ' && length > 0)
            return true;
    return false;
}

/* Rules are applied until none fits, as one may make a name that another one takes; a bound keeps
 * rules that undo each other from running for ever. A target with "|" is several tensors, where it
 * ends. */
bool family_put_loaded(struct buffer *out, const struct family *family, const char *name)
{
    char now[FAMILY_NAME_MAX];
    struct buffer next = BUFFER_INIT;
    bool several = false;
    if (strlen(name) >= sizeof now) {
        buffer_text(out, name);
        return false;
    }
    memcpy(now, name, strlen(name) + 1);
    for (int i = 0; i < REWRITES_MAX && !several; i++) {
        struct numbers numbers;
        const struct name_rule *rule = choose(family, now);
        if (!rule)
            break;
        if (is_no_parameter(rule)) {
            buffer_text(out, rule->to);
            buffer_free(&next);
            return true;
        }
        const char *rest = fit(rule->from, now, &numbers), *to = rule->to;
        next.length = 0;
        several = strchr(to, '|') != NULL;
        for (const char *end; to; to = *end ? end + 1 : NULL) {
            end = to + strcspn(to, "|");
            if (next.length > 0)
                buffer_byte(&next, '|');
            put_target(&next, to, end, &numbers, rest);
        }
        if (next.failed || next.length >= sizeof now || strcmp(buffer_string(&next), now) == 0)
            break;
        memcpy(now, buffer_string(&next), next.length + 1);
    }
    out->failed |= next.failed;
    buffer_free(&next);
    buffer_text(out, now);
    return is_rooted(family, now);
}

static int compare_types(const void *key, const void *family)
{
    return strcmp(key, ((const struct family *)family)->model_type);
}

const struct family *family_by_type(const char *model_type)
{
    return bsearch(model_type, families, family_count, sizeof *families, compare_types);
}

/* Patterns of modules that PEFT passes over, with a blank between them. */
bool family_takes_adapter(const struct family *family, const char *module)
{
    for (const char *at = family->unadapted; *(at += strspn(at, " "));) {
        char pattern[256];
        struct numbers numbers;
        size_t length = strcspn(at, " ");
        snprintf(pattern, sizeof pattern, "%.*s", (int)length, at);
        const char *rest = fit(pattern, module, &numbers);
        if (rest && !*rest)
            return false;
        at += length;
    }
    return true;
}
