/* Names that every template has: range, dict, namespace, cycler, joiner, raise_exception,
 * strftime_now. */
#include "jinja/objects/objects.h"

#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

#define RANGE_MAX 100000 /* the sandbox's bound */

typedef int call(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                 struct jinja_value *out);

/* A callable in the run's heap; `callable` is for what is to be set besides. */
static int make_callable(struct jinja_run *run, const char *name, call *function,
                         struct jinja_callable **callable, struct jinja_value *out)
{
    *callable = jinja_heap_take(run->heap, sizeof **callable, run->err);
    if (!*callable)
        return -1;
    (*callable)->name = name;
    (*callable)->call = function;
    *out = (struct jinja_value){.type = JINJA_CALLABLE, .is.callable = *callable};
    return 0;
}

static int no_names(struct jinja_run *run, const char *what, args *arguments, size_t least,
                    size_t most)
{
    if (arguments->named_count)
        return error_set(run->err, "%s() takes no keyword arguments", what);
    if (arguments->count < least || arguments->count > most)
        return error_set(run->err, "%s() takes %zu to %zu arguments, %zu were given", what, least,
                         most, arguments->count);
    return 0;
}

/* --- range --- */

/* A range is a list of its numbers, which the sandbox bounds, and keeps its three bounds as
 * attributes. */
static int call_range(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                      struct jinja_value *out)
{
    int64_t given[3] = {0, 0, 1};
    (void)callable;
    if (no_names(run, "range", arguments, 1, 3) != 0)
        return -1;
    for (size_t i = 0; i < arguments->count; i++)
        if (jinja_to_integer(run, arguments->values[i], &given[i]) != 0)
            return -1;
    int64_t start = arguments->count > 1 ? given[0] : 0;
    int64_t stop = arguments->count > 1 ? given[1] : given[0], step = given[2];
    if (step == 0)
        return error_set(run->err, "range() arg 3 must not be zero");
    /* As many elements as there are; the difference of two bounds of 64 bits has 65. */
    uint64_t span = step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
    uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step;
    bool none = step > 0 ? start >= stop : start <= stop;
    uint64_t count = none ? 0 : (span - 1) / stride + 1;
    if (count > RANGE_MAX)
        return error_set(run->err, "Range too big. The sandbox blocks ranges larger than %d.",
                         RANGE_MAX);
    if (jinja_step(run, 1 + count / 8) != 0 || jinja_new_list(run, JINJA_RANGE, out) != 0)
        return -1;
    struct jinja_list *list = out->is.list;
    list->start = start;
    list->stop = stop;
    list->step = step;
    for (uint64_t i = 0; i < count; i++)
        if (jinja_add(run, *out, jinja_int((int64_t)((uint64_t)start + i * (uint64_t)step))) != 0)
            return -1;
    return 0;
}

/* --- dict and namespace --- */

/* dict(other, name=value, ...) into a map; what is not a dictionary is a list of pairs, as in
 * dict([("a", 1)]). */
static int fill_map(struct jinja_run *run, const char *what, args *arguments, struct jinja_map *map)
{
    struct jinja_list *list = NULL, *pair;
    struct jinja_map *from = NULL;
    if (arguments->count > 1)
        return error_set(run->err, "%s expected at most 1 argument, got %zu", what,
                         arguments->count);
    if (arguments->count && arguments->values[0].type == JINJA_DICT)
        from = arguments->values[0].is.map;
    if (from && jinja_step(run, 1 + from->count / 8) != 0)
        return -1;
    for (size_t i = 0; from && i < from->count; i++) {
        struct jinja_entry *entry = &from->entries[i];
        entry->read = true;
        if (jinja_step(run, 1 + map->count / 2) != 0 ||
            jinja_set(run->heap, map, entry->key, entry->value, run->err) != 0)
            return -1;
    }
    if (arguments->count && !from && jinja_iterate(run, arguments->values[0], &list) != 0)
        return -1;
    for (size_t i = 0; list && i < list->count; i++) {
        if (jinja_iterate(run, list->items[i], &pair) != 0)
            return -1;
        if (pair->count != 2)
            return error_set(
                run->err, "dictionary update sequence element #%zu has length %zu; 2 is required",
                i, pair->count);
        if (jinja_step(run, 1 + map->count / 2) != 0 ||
            jinja_set(run->heap, map, pair->items[0], pair->items[1], run->err) != 0)
            return -1;
    }
    for (size_t i = 0; i < arguments->named_count; i++)
        if (jinja_set(run->heap, map, arguments->named[i].key, arguments->named[i].value,
                      run->err) != 0)
            return -1;
    return 0;
}

static int call_dict(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                     struct jinja_value *out)
{
    (void)callable;
    return jinja_new(run->heap, JINJA_DICT, out, run->err) != 0
               ? -1
               : fill_map(run, "dict", arguments, out->is.map);
}

/* dict(), whose values {% set ns.name = ... %} can change. */
static int call_namespace(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                          struct jinja_value *out)
{
    (void)callable;
    if (jinja_new(run->heap, JINJA_NAMESPACE, out, run->err) != 0 ||
        fill_map(run, "namespace", arguments, out->is.map) != 0)
        return -1;
    for (size_t i = 0; i < out->is.map->count; i++) {
        struct jinja_value key = out->is.map->entries[i].key;
        if (key.type == JINJA_STRING && key.is.text.length && key.is.text.bytes[0] == '_')
            return error_set(run->err,
                             "a namespace stores no attributes that begin with _, but "
                             "got '%.*s'; rename it",
                             (int)key.is.text.length, key.is.text.bytes);
    }
    return 0;
}

/* --- cycler and joiner --- */

struct cycler {
    struct jinja_value items; /* a tuple of one at least */
    size_t at;
};

static int cycler_next(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                       struct jinja_value *out)
{
    struct cycler *cycler = callable->data;
    if (no_names(run, "next", arguments, 0, 0) != 0)
        return -1;
    *out = cycler->items.is.list->items[cycler->at];
    cycler->at = (cycler->at + 1) % cycler->items.is.list->count;
    return 0;
}

static int cycler_reset(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                        struct jinja_value *out)
{
    struct cycler *cycler = callable->data;
    if (no_names(run, "reset", arguments, 0, 0) != 0)
        return -1;
    cycler->at = 0;
    *out = jinja_none();
    return 0;
}

/* current, pos and items are values; next and reset are called. */
static int cycler_attribute(struct jinja_run *run, struct jinja_callable *callable,
                            const char *name, struct jinja_value *out)
{
    struct cycler *cycler = callable->data;
    struct jinja_callable *method;
    bool next = strcmp(name, "next") == 0;
    if (strcmp(name, "current") == 0)
        *out = cycler->items.is.list->items[cycler->at];
    else if (strcmp(name, "pos") == 0)
        *out = jinja_int((int64_t)cycler->at);
    else if (strcmp(name, "items") == 0)
        *out = cycler->items;
    else if (!next && strcmp(name, "reset") != 0)
        return 0;
    else if (make_callable(run, next ? "next" : "reset", next ? cycler_next : cycler_reset, &method,
                           out) != 0)
        return -1;
    else
        method->data = cycler;
    return 1;
}

static int not_called(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                      struct jinja_value *out)
{
    (void)arguments, (void)out;
    return error_set(run->err, "'%s' object is not callable", callable->name);
}

/* The items are a tuple of its own. */
static int call_cycler(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                       struct jinja_value *out)
{
    struct jinja_callable *made;
    struct cycler *cycler = jinja_heap_take(run->heap, sizeof *cycler, run->err);
    (void)callable;
    if (!cycler || no_names(run, "cycler", arguments, 0, SIZE_MAX) != 0)
        return -1;
    if (arguments->count == 0)
        return error_set(run->err, "at least one item has to be provided");
    if (jinja_new(run->heap, JINJA_TUPLE, &cycler->items, run->err) != 0)
        return -1;
    for (size_t i = 0; i < arguments->count; i++)
        if (jinja_add(run, cycler->items, arguments->values[i]) != 0)
            return -1;
    if (make_callable(run, "Cycler", not_called, &made, out) != 0)
        return -1;
    made->attribute = cycler_attribute;
    made->data = cycler;
    return 0;
}

/* Nothing the first time, the separator every other. */
static int joiner_call(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                       struct jinja_value *out)
{
    if (no_names(run, "joiner", arguments, 0, 0) != 0)
        return -1;
    *out = callable->data ? callable->self : jinja_string("");
    callable->data = callable;
    return 0;
}

/* `used` tells whether it has been called, since the first call gives nothing. */
static int joiner_attribute(struct jinja_run *run, struct jinja_callable *callable,
                            const char *name, struct jinja_value *out)
{
    (void)run;
    if (strcmp(name, "sep") == 0)
        *out = callable->self;
    else if (strcmp(name, "used") == 0)
        *out = jinja_bool(callable->data != NULL);
    else
        return 0;
    return 1;
}

/* joiner(sep): an object that gives "" when first called and the separator after that. */
static int call_joiner(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                       struct jinja_value *out)
{
    struct jinja_callable *made;
    struct jinja_value separator = jinja_string(", ");
    (void)callable;
    if (jinja_bind(run, "joiner()", arguments, (const char *const[]){"sep", NULL}, 0, &separator) !=
            0 ||
        make_callable(run, "Joiner", joiner_call, &made, out) != 0)
        return -1;
    made->attribute = joiner_attribute;
    made->self = separator;
    return 0;
}

/* --- transformers' own --- */

/* The template's own refusal: its message becomes the error's, cut to what a terminal shows. */
static int call_raise_exception(struct jinja_run *run, struct jinja_callable *callable,
                                args *arguments, struct jinja_value *out)
{
    struct jinja_value message, text;
    (void)callable, (void)out;
    if (jinja_bind(run, "raise_exception()", arguments, (const char *const[]){"message", NULL}, 1,
                   &message) != 0 ||
        jinja_soft(run, message, true, &text) != 0)
        return -1;
    return error_set(run->err, "%.*s", (int)(text.is.text.length < 600 ? text.is.text.length : 600),
                     text.is.text.bytes);
}

/* What Python's strftime() does not leave to the C library: its time has no zone, so %z and %Z are
 * nothing; %f, microseconds, are not known here. */
static int call_strftime_now(struct jinja_run *run, struct jinja_callable *callable,
                             args *arguments, struct jinja_value *out)
{
    struct jinja_value bound;
    struct tm local;
    char text[2048], format[257], *to = format;
    time_t now = run->now;
    (void)callable;
    if (jinja_bind(run, "strftime_now()", arguments, (const char *const[]){"format", NULL}, 1,
                   &bound) != 0)
        return -1;
    if (bound.type != JINJA_STRING || bound.is.text.length > sizeof format - 1)
        return error_set(run->err, "strftime_now() wants a format of 256 bytes at most");
    if (!localtime_r(&now, &local))
        return error_set(run->err, "strftime_now(): there is no local time");
    memcpy(format, bound.is.text.bytes, bound.is.text.length);
    format[bound.is.text.length] = '\0';
    for (const char *at = format; *at; at++) {
        if (*at == '%' && at[1] == 'f')
            return error_set(run->err, "strftime_now() has no microseconds (%%f)");
        if (*at == '%' && (at[1] == 'z' || at[1] == 'Z')) {
            at++;
            continue;
        }
        *to++ = *at;
        if (*at == '%' && at[1])
            *to++ = *++at;
    }
    *to = '\0';
    size_t length = strftime(text, sizeof text, format, &local);
    if (length == 0 && format[0])
        return error_set(run->err, "strftime_now() makes no text, or one that is too long, of this "
                                   "format");
    return jinja_text_copy(run->heap, text, length, out, run->err);
}

static int call_lipsum(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                       struct jinja_value *out)
{
    (void)callable, (void)arguments, (void)out;
    return error_set(run->err, "lipsum() is left out: its text is made by chance");
}

/* Made when a template names it: most name none or one. */
int jinja_global(struct jinja_run *run, const char *name, struct jinja_value *out)
{
    static const struct {
        const char *name;
        call *function;
    } globals[] = {
        {"range", call_range},
        {"dict", call_dict},
        {"namespace", call_namespace},
        {"cycler", call_cycler},
        {"joiner", call_joiner},
        {"raise_exception", call_raise_exception},
        {"strftime_now", call_strftime_now},
        {"lipsum", call_lipsum},
    };
    struct jinja_callable *callable;
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (strcmp(globals[i].name, name) == 0)
            return make_callable(run, globals[i].name, globals[i].function, &callable, out) != 0
                       ? -1
                       : 1;
    return 0;
}
