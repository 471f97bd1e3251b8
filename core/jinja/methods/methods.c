/* Methods bound to values, and those of lists, dictionaries and numbers. */
#include "jinja/methods/methods.h"

#include "base/text.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <math.h>
#include <string.h>

typedef const struct jinja_arguments args;

/* --- lists --- */

static int list_count(struct jinja_run *run, struct jinja_value self, args *arguments,
                      struct jinja_value *out)
{
    int64_t count = 0;
    for (size_t i = 0; i < self.is.list->count; i++)
        count += jinja_equal(self.is.list->items[i], arguments->values[0]);
    *out = jinja_int(count);
    return jinja_step(run, 1 + self.is.list->weight / 16);
}

/* The bounds are a slice's. */
static int list_index(struct jinja_run *run, struct jinja_value self, args *arguments,
                      struct jinja_value *out)
{
    int64_t count = (int64_t)self.is.list->count, start = 0, end = count;
    if (jinja_integer_argument(run, arguments, 1, &start) != 0 ||
        jinja_integer_argument(run, arguments, 2, &end) != 0 ||
        jinja_step(run, 1 + self.is.list->weight / 16) != 0)
        return -1;
    start += start < 0 ? count : 0;
    end += end < 0 ? count : 0;
    for (int64_t i = start < 0 ? 0 : start; i < end && i < count; i++)
        if (jinja_equal(self.is.list->items[i], arguments->values[0])) {
            *out = jinja_int(i);
            return 0;
        }
    return error_set(run->err, "the value that index() looks for is not in the %s",
                     jinja_type_name(self));
}

static int list_copy(struct jinja_run *run, struct jinja_value self, args *arguments,
                     struct jinja_value *out)
{
    (void)run, (void)arguments;
    *out = self; /* nothing can change either */
    return 0;
}

/* --- dictionaries --- */

/* A key that is asked for counts as read, as one by "." or "[]" does; steps by the entries that the
 * search may pass. */
static int dict_get(struct jinja_run *run, struct jinja_value self, args *arguments,
                    struct jinja_value *out)
{
    struct jinja_value key = arguments->values[0];
    if (!jinja_hashable(key))
        return error_set(run->err, "unhashable type: '%s'", jinja_type_name(key));
    struct jinja_entry *entry = jinja_find(self.is.map, key);
    *out = arguments->count > 1 ? arguments->values[1] : jinja_none();
    if (entry) {
        entry->read = true;
        *out = entry->value;
    }
    return jinja_step(run, 1 + self.is.map->count / JINJA_BYTES_A_STEP);
}

/* Keys, values or items: a list that tells its kind. All entries are read then. */
static int map_view(struct jinja_run *run, struct jinja_map *map, enum jinja_list_kind kind,
                    struct jinja_value *out)
{
    if (jinja_new(run->heap, JINJA_LIST, out, run->err) != 0 ||
        jinja_step(run, 1 + map->count / 8) != 0)
        return -1;
    out->is.list->kind = kind;
    for (size_t i = 0; i < map->count; i++) {
        struct jinja_entry *entry = &map->entries[i];
        struct jinja_value item = kind == JINJA_KEYS ? entry->key : entry->value;
        entry->read = true;
        if (kind == JINJA_ITEMS &&
            (jinja_new(run->heap, JINJA_TUPLE, &item, run->err) != 0 ||
             jinja_add(run, item, entry->key) != 0 || jinja_add(run, item, entry->value) != 0))
            return -1;
        if (jinja_add(run, *out, item) != 0)
            return -1;
    }
    return 0;
}

#define VIEW(name, kind)                                                                           \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        (void)arguments;                                                                           \
        return map_view(run, self.is.map, kind, out);                                              \
    }

VIEW(dict_keys, JINJA_KEYS)
VIEW(dict_values, JINJA_VALUES)
VIEW(dict_items, JINJA_ITEMS)

/* --- numbers --- */

static int is_integer(struct jinja_run *run, struct jinja_value self, args *arguments,
                      struct jinja_value *out)
{
    (void)run, (void)arguments;
    *out = jinja_bool(isfinite(self.is.number) && floor(self.is.number) == self.is.number);
    return 0;
}

/* Digits of the magnitude in base 2, which is one more than a signed 64-bit number's for -2^63. */
static int bit_length(struct jinja_run *run, struct jinja_value self, args *arguments,
                      struct jinja_value *out)
{
    int64_t number = 0;
    (void)arguments;
    if (jinja_to_integer(run, self, &number) != 0)
        return -1;
    uint64_t magnitude = number < 0 ? -(uint64_t)number : (uint64_t)number;
    *out = jinja_int(magnitude ? 64 - __builtin_clzll(magnitude) : 0);
    return 0;
}

static int conjugate(struct jinja_run *run, struct jinja_value self, args *arguments,
                     struct jinja_value *out)
{
    (void)run, (void)arguments;
    *out = self.type == JINJA_BOOL ? jinja_int(self.is.truth) : self;
    return 0;
}

/* --- which there are --- */

static const struct jinja_method_entry tuple_methods[] = {
    {"count", list_count, 1, 1, false}, {"index", list_index, 1, 3, false}, {.name = NULL}};
static const struct jinja_method_entry list_methods[] = {{"count", list_count, 1, 1, false},
                                                         {"index", list_index, 1, 3, false},
                                                         {"copy", list_copy, 0, 0, false},
                                                         {.name = NULL}};
static const struct jinja_method_entry dict_methods[] = {
    {"get", dict_get, 1, 2, false},       {"keys", dict_keys, 0, 0, false},
    {"values", dict_values, 0, 0, false}, {"items", dict_items, 0, 0, false},
    {"copy", list_copy, 0, 0, false},     {.name = NULL}};
static const struct jinja_method_entry float_methods[] = {
    {"is_integer", is_integer, 0, 0, false}, {"conjugate", conjugate, 0, 0, false}, {.name = NULL}};
static const struct jinja_method_entry int_methods[] = {
    {"bit_length", bit_length, 0, 0, false}, {"conjugate", conjugate, 0, 0, false}, {.name = NULL}};

/* Those that change a value, which the sandbox makes undefined; and those of Python's that this
 * does not have. */
static const char *const changing_lists[] = {"append", "clear",  "pop",    "reverse", "insert",
                                             "sort",   "extend", "remove", NULL};
static const char *const changing_dicts[] = {"clear",      "pop",    "popitem",
                                             "setdefault", "update", NULL};
static const char *const missing_texts[] = {"encode",       "translate",  "maketrans",
                                            "isidentifier", "format_map", NULL};
static const char *const missing_dicts[] = {"fromkeys", NULL};
static const char *const missing_numbers[] = {"as_integer_ratio", "to_bytes",  "from_bytes", "hex",
                                              "fromhex",          "bit_count", NULL};
static const char *const none[] = {NULL};

struct type_methods {
    const struct jinja_method_entry *tables[3];
    const char *const *changing;
    const char *const *missing;
};

/* Views and iterators have none. */
static const struct type_methods *methods_of(struct jinja_value value)
{
    static const struct type_methods texts = {
        {jinja_search_methods, jinja_change_methods, jinja_split_methods}, none, missing_texts};
    static const struct type_methods lists = {{list_methods}, changing_lists, none};
    static const struct type_methods tuples = {{tuple_methods}, none, none};
    static const struct type_methods dicts = {{dict_methods}, changing_dicts, missing_dicts};
    static const struct type_methods floats = {{float_methods}, none, missing_numbers};
    static const struct type_methods integers = {{int_methods}, none, missing_numbers};
    switch (value.type) {
    case JINJA_STRING:
        return &texts;
    case JINJA_LIST:
        return value.is.list->kind == JINJA_PLAIN   ? &lists
               : value.is.list->kind == JINJA_RANGE ? &tuples
                                                    : NULL;
    case JINJA_TUPLE:
        return &tuples;
    case JINJA_DICT:
        return &dicts;
    case JINJA_FLOAT:
        return &floats;
    case JINJA_INT:
    case JINJA_BOOL:
        return &integers;
    default:
        return NULL;
    }
}

/* --- calls --- */

/* What the entry allows is checked here, once for all methods, so each finds its arguments there.
 * Errors begin with the method's name. */
static int call_method(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                       struct jinja_value *out)
{
    const struct jinja_method_entry *method = callable->data;
    const char *type = jinja_type_name(callable->self);
    if (arguments->count < method->least || arguments->count > method->most)
        return error_set(run->err, "%s.%s() takes %zu to %zu arguments, %zu were given", type,
                         method->name, method->least, method->most, arguments->count);
    if (arguments->named_count && !method->named)
        return error_set(run->err, "%s.%s() takes no arguments by name", type, method->name);
    int result = method->apply(run, callable->self, arguments, out);
    return result == 0 ? 0 : error_prefix(run->err, "%s.%s()", type, method->name);
}

static int call_missing(struct jinja_run *run, struct jinja_callable *callable, args *arguments,
                        struct jinja_value *out)
{
    (void)arguments, (void)out;
    return error_set(run->err, "%s.%s() is not among the methods that this knows",
                     jinja_type_name(callable->self), callable->name);
}

/* A method without its call is a value, as in Python: it can be put into a variable, and tested by
 * `is defined`. NULL as the method: one that Python has and this engine has not. */
static int bind_method(struct jinja_run *run, struct jinja_value self, const char *name,
                       const struct jinja_method_entry *method, struct jinja_value *out)
{
    struct jinja_callable *callable = jinja_heap_take(run->heap, sizeof *callable, run->err);
    if (!callable)
        return -1;
    *callable = (struct jinja_callable){.name = name,
                                        .call = method ? call_method : call_missing,
                                        .self = self,
                                        .data = (void *)method};
    *out = (struct jinja_value){.type = JINJA_CALLABLE, .is.callable = callable};
    return 1;
}

/* A name of the type's tables; a name that would change the value is undefined with a reason, as in
 * transformers' sandbox; a name that only Python has can be taken and fails when it is called. */
int jinja_method(struct jinja_run *run, struct jinja_value value, const char *name,
                 struct jinja_value *out)
{
    const struct type_methods *type = methods_of(value);
    if (!type)
        return 0;
    for (size_t i = 0; i < 3 && type->tables[i]; i++)
        for (const struct jinja_method_entry *method = type->tables[i]; method->name; method++)
            if (strcmp(method->name, name) == 0)
                return bind_method(run, value, method->name, method, out);
    if (text_is_one_of(name, type->changing)) {
        *out = jinja_undefined_because("lists and dictionaries cannot be changed by a template: "
                                       "append, pop, update and the like are unsafe; make a new "
                                       "one with +");
        return 1;
    }
    return text_is_one_of(name, type->missing) ? bind_method(run, value, name, NULL, out) : 0;
}

/* For filters that are a method under another name. */
int jinja_call_method(struct jinja_run *run, struct jinja_value self, const char *name,
                      const struct jinja_value *values, size_t count, struct jinja_value *out)
{
    struct jinja_value method;
    struct jinja_arguments arguments = {.values = values, .count = count};
    int found = jinja_method(run, self, name, &method);
    if (found <= 0)
        return found < 0 ? -1
                         : error_set(run->err, "'%s' object has no method '%s'",
                                     jinja_type_name(self), name);
    return jinja_call(run, method, &arguments, out);
}
