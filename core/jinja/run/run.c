/* The bounds of a run and what is made within them: lists, texts, calls, and arguments bound to
 * parameters. After an error of any of these the run is over, and nothing is put back. */
#include "jinja/run/run.h"

#include "jinja/value/value.h"

#include <string.h>

/* --- bounds --- */

int jinja_step(struct jinja_run *run, uint64_t steps)
{
    if (steps > run->steps_max || run->steps > run->steps_max - steps)
        return error_set_kind(run->err, ERROR_BOUND, "the template takes more than %llu steps",
                              (unsigned long long)run->steps_max);
    run->steps += steps;
    return 0;
}

/* A level deeper. A macro that calls itself is bounded here, before the machine's stack is. */
int jinja_enter(struct jinja_run *run)
{
    if (run->depth == JINJA_DEPTH_MAX)
        return error_set_kind(run->err, ERROR_BOUND,
                              "calls and blocks go deeper than %d levels: a macro that "
                              "calls itself without an end?",
                              JINJA_DEPTH_MAX);
    run->depth++;
    return jinja_step(run, 1);
}

void jinja_leave(struct jinja_run *run)
{
    run->depth--;
}

/* Whatever can be called, by its own function; each call costs a step and a level. */
int jinja_call(struct jinja_run *run, struct jinja_value callee,
               const struct jinja_arguments *arguments, struct jinja_value *out)
{
    if (callee.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(callee, run->err);
    if (callee.type != JINJA_CALLABLE)
        return error_set(run->err, "'%s' object is not callable", jinja_type_name(callee));
    if (jinja_enter(run) != 0 ||
        callee.is.callable->call(run, callee.is.callable, arguments, out) != 0)
        return -1;
    jinja_leave(run);
    return 0;
}

/* --- lists --- */

int jinja_new_list(struct jinja_run *run, enum jinja_list_kind kind, struct jinja_value *out)
{
    if (jinja_new(run->heap, JINJA_LIST, out, run->err) != 0)
        return -1;
    out->is.list->kind = kind;
    return 0;
}

int jinja_add(struct jinja_run *run, struct jinja_value list, struct jinja_value item)
{
    return jinja_append(run->heap, list.is.list, item, run->err);
}

int jinja_iterate(struct jinja_run *run, struct jinja_value value, struct jinja_list **out)
{
    if (jinja_items(run->heap, value, out, run->err) != 0)
        return -1;
    return jinja_step(run, 1 + (*out)->count / 4);
}

/* --- texts --- */

size_t jinja_text_max(const struct jinja_run *run)
{
    size_t room = jinja_heap_room(run->heap);
    return room < JINJA_TEXT_MAX ? room : JINJA_TEXT_MAX;
}

/* The length is checked before anything is written: "x" * 2^40 costs nothing. */
int jinja_repeat(struct jinja_run *run, struct buffer *out, struct jinja_text fill, int64_t times)
{
    if (times <= 0 || fill.length == 0)
        return 0;
    if (out->length > jinja_text_max(run) ||
        (uint64_t)times > (jinja_text_max(run) - out->length) / fill.length)
        return error_set(run->err, "a text of more than %zu bytes", jinja_text_max(run));
    if (jinja_step(run, 1 + (uint64_t)times * fill.length / JINJA_BYTES_A_STEP) != 0)
        return -1;
    for (int64_t i = 0; i < times; i++)
        buffer_append(out, fill.bytes, fill.length);
    return 0;
}

/* A buffer becomes a value of the heap, and is freed either way; steps by its bytes. */
int jinja_finish(struct jinja_run *run, struct buffer *text, bool markup, struct jinja_value *out)
{
    int counted = jinja_step(run, 1 + text->length / JINJA_BYTES_A_STEP);
    if (counted != 0)
        buffer_free(text);
    if (counted != 0 || jinja_take_text(run->heap, text, out, run->err) != 0)
        return -1;
    out->markup = markup;
    return 0;
}

/* The text of any value: a text itself, others as str() writes them. */
int jinja_soft(struct jinja_run *run, struct jinja_value value, bool plain, struct jinja_value *out)
{
    if (value.type == JINJA_STRING) {
        *out = value;
        out->markup = value.markup && !plain;
        return 0;
    }
    struct buffer text = BUFFER_INIT;
    if (jinja_write(&text, value, run->err) != 0) {
        buffer_free(&text);
        return -1;
    }
    return jinja_finish(run, &text, false, out);
}

/* --- arguments --- */

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
