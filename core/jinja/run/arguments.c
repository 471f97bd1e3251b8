#include "jinja/run/arguments.h"

#include <string.h>

static int at_most(struct jinja_run *run, const char *what, size_t most, size_t given)
{
    return error_set(run->err, "%s takes at most %zu argument%s, %zu were given", what, most,
                     most == 1 ? "" : "s", given);
}

int jinja_bind(struct jinja_run *run, const char *what, const struct jinja_arguments *arguments,
               const char *const *names, size_t required, struct jinja_value *out)
{
    size_t count = 0;
    while (names[count])
        count++;
    if (arguments->count > count)
        return at_most(run, what, count, arguments->count);
    for (size_t i = 0; i < arguments->count; i++)
        out[i] = arguments->values[i];
    uint64_t bound = ((uint64_t)1 << arguments->count) - 1; /* no function has 64 parameters */
    for (size_t i = 0; i < arguments->named_count; i++) {
        struct jinja_text name = arguments->named[i].key.is.text;
        size_t at = 0;
        while (at < count && (strlen(names[at]) != name.length ||
                              memcmp(names[at], name.bytes, name.length) != 0))
            at++;
        if (at == count)
            return error_set(run->err, "%s has no argument '%.*s'", what, (int)name.length,
                             name.bytes);
        if (bound >> at & 1)
            return error_set(run->err, "%s got its argument '%s' twice", what, names[at]);
        out[at] = arguments->named[i].value;
        bound |= (uint64_t)1 << at;
    }
    for (size_t i = 0; i < required; i++)
        if (!(bound >> i & 1))
            return error_set(run->err, "%s lacks its argument '%s'", what, names[i]);
    return 0;
}

int jinja_bind_none(struct jinja_run *run, const char *what,
                    const struct jinja_arguments *arguments)
{
    return jinja_bind(run, what, arguments, (const char *const[]){NULL}, 0, NULL);
}

int jinja_to_integer(struct jinja_run *run, struct jinja_value value, int64_t *out)
{
    if (value.type != JINJA_INT && value.type != JINJA_BOOL)
        return error_set(run->err, "'%s' object cannot be interpreted as an integer",
                         jinja_type_name(value));
    *out = value.type == JINJA_BOOL ? value.is.truth : value.is.integer;
    return 0;
}

int jinja_integer_argument(struct jinja_run *run, const struct jinja_arguments *arguments,
                           size_t at, int64_t *out)
{
    return at < arguments->count ? jinja_to_integer(run, arguments->values[at], out) : 0;
}

int jinja_text_argument(struct jinja_run *run, const struct jinja_arguments *arguments, size_t at,
                        struct jinja_value *out)
{
    if (at >= arguments->count)
        return 0;
    *out = arguments->values[at];
    return out->type == JINJA_STRING
               ? 0
               : error_set(run->err, "an argument must be str, not '%s'", jinja_type_name(*out));
}
