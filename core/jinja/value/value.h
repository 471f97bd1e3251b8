/* Values of the template language, which are Python's: None, True, whole numbers, floats, texts,
 * lists, tuples, dictionaries, and what only a template has: undefined names, namespaces, loops,
 * and what can be called.
 *
 * A value is small and passed by value; what it points to lives in the heap that it was made with,
 * and goes when that is released: nothing here is freed by itself. Texts are UTF-8 of
 * known length, count and index by code points as in Python, and may hold NUL. Lists and
 * dictionaries are never changed once a template sees them (transformers' sandbox forbids it), but
 * for namespaces.
 */
#ifndef SPECTRUM_JINJA_VALUE_H
#define SPECTRUM_JINJA_VALUE_H

#include "base/buffer.h"
#include "base/json.h"
#include "jinja/value/heap.h"

#include <stdbool.h>
#include <stdint.h>

enum jinja_type {
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT, /* Python's have no bound; beyond 64 bits is an error here */
    JINJA_FLOAT,
    JINJA_STRING,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_DICT,
    JINJA_NAMESPACE,
    JINJA_CALLABLE, /* macros, methods bound to a value, global functions, loop, cycler */
};

struct jinja_value;

struct jinja_text {
    const char *bytes;
    size_t length;
};

/* What a list is to a template. Python's iterators are lists here, too, but for what shows: one
 * that was gone through is empty, has no length and no elements by number. */
enum jinja_list_kind {
    JINJA_PLAIN,
    JINJA_ITERATOR, /* of filters: map, select, batch, reverse, ... */
    JINJA_RANGE,
    JINJA_KEYS, /* views of a dictionary */
    JINJA_VALUES,
    JINJA_ITEMS,
    JINJA_GROUP, /* a tuple of groupby, whose two elements have names, too */
};

/* No value nests deeper or weighs more than this (jinja_weight()): jinja_append() and jinja_set()
 * refuse it. So whatever goes through values may call itself, and comes to an end, though a list of
 * forty lines may hold the same one 2^40 times. No text is longer, either. */
#define JINJA_NESTING_MAX 200
#define JINJA_WEIGHT_MAX (UINT64_C(1) << 26)
#define JINJA_TEXT_MAX ((size_t)256 << 20)

struct jinja_list {
    struct jinja_value *items;
    size_t count, capacity;
    enum jinja_list_kind kind;
    int nesting;               /* levels of lists and dictionaries below this one */
    uint64_t weight;           /* of all that it holds */
    int64_t start, stop, step; /* of a range */
};

struct jinja_map;
struct jinja_callable;

struct jinja_value {
    enum jinja_type type;
    bool markup; /* a text that `safe` made: "+" with another escapes that one, as Markup does; an
                  * undefined value whose text is what there is to say of it */
    union {
        bool truth;
        int64_t integer;
        double number;
        struct jinja_text text; /* of an undefined value: the name that it was looked up by */
        struct jinja_list *list;
        struct jinja_map *map; /* of dictionaries and namespaces */
        struct jinja_callable *callable;
    } is;
};

/* Entries keep their order; keys are texts, whole numbers, floats, truths, None or tuples. */
struct jinja_entry {
    struct jinja_value key, value;
    bool read; /* a template looked it up: by name, get(), `in`, or by going through them all */
};
struct jinja_map {
    struct jinja_entry *entries;
    size_t count, capacity;
    int nesting; /* as of a list */
    uint64_t weight;
    int origin; /* whoever made it may number it from 1 on: see jinja_span; 0: not numbered */
};

struct jinja_run; /* a rendering, as what it calls sees it: run/run.h */
struct jinja_arguments;

/* Something that can be called. `self` is whatever it needs. */
struct jinja_callable {
    const char *name;
    int (*call)(struct jinja_run *run, struct jinja_callable *callable,
                const struct jinja_arguments *arguments, struct jinja_value *out);
    /* Its own attributes (loop.index0, macro.name); NULL: none. 1: found, 0: it has no such. */
    int (*attribute)(struct jinja_run *run, struct jinja_callable *callable, const char *name,
                     struct jinja_value *out);
    struct jinja_value self;
    void *data;
};

/* --- making them --- */

struct jinja_value jinja_none(void);
struct jinja_value jinja_bool(bool truth);
struct jinja_value jinja_int(int64_t integer);
struct jinja_value jinja_float(double number);
struct jinja_value jinja_undefined(const char *name); /* which is not copied */

/* Undefined for another reason than that there is no such name: the sandbox's. Not copied. */
struct jinja_value jinja_undefined_because(const char *why);

/* The error of who uses an undefined value: "'name' is undefined", or why it is. */
int jinja_fail_undefined(struct jinja_value value, struct error *err);

/* The bytes are not copied. */
struct jinja_value jinja_text(const char *bytes, size_t length);
struct jinja_value jinja_string(const char *text);

/* A copy in the heap. */
int jinja_text_copy(struct jinja_heap *heap, const char *bytes, size_t length,
                    struct jinja_value *out, struct error *err);

/* An empty list, tuple, dictionary or namespace. */
int jinja_new(struct jinja_heap *heap, enum jinja_type type, struct jinja_value *out,
              struct error *err);
int jinja_append(struct jinja_heap *heap, struct jinja_list *list, struct jinja_value item,
                 struct error *err);

/* A new entry, whose key the map must not have; jinja_set() (compare.h) looks for it first. */
int jinja_add_entry(struct jinja_heap *heap, struct jinja_map *map, struct jinja_value key,
                    struct jinja_value value, struct error *err);

/* An entry gets another value. */
int jinja_put_value(struct jinja_map *map, struct jinja_entry *entry, struct jinja_value value,
                    struct error *err);

/* From JSON, with texts copied. A number that was parsed with JSON_KEEP_NUMBERS is whole or a
 * float as it was written, any other is whole where its value is. */
int jinja_from_json(struct jinja_heap *heap, const cJSON *json, struct jinja_value *out,
                    struct error *err);

/* --- what Python makes of them --- */

const char *jinja_type_name(struct jinja_value value); /* "str", "NoneType": for messages */
bool jinja_truth(struct jinja_value value);
bool jinja_is_list(struct jinja_value value);     /* or a tuple, a view, an iterator */
bool jinja_is_whole(struct jinja_value value);    /* an int, or a truth, which is one */
int64_t jinja_whole_of(struct jinja_value value); /* of such */
/* Python's hash is only what unhashable types show of it: lists, dictionaries and what holds them.
 */
bool jinja_hashable(struct jinja_value value);

/* Marks all entries of a value and of those in it as read. */
void jinja_mark_read(struct jinja_value value);

/* A step is about as long as a small node takes, or as going through these bytes of a text. */
enum { JINJA_BYTES_A_STEP = 8 };

/* The steps that going through all of a value takes: one for each value in it, and those of the
 * bytes of its texts. */
uint64_t jinja_weight(struct jinja_value value);

/* len(); -1 where there is none, without an error. Of texts: code points. */
int64_t jinja_length(struct jinja_value value);

/* The elements that iter() gives: of a text its characters, of a dictionary its keys (all are read
 * then), of an undefined value none. The list is new or the value's own: not to be changed. An
 * iterator is empty afterwards. */
int jinja_items(struct jinja_heap *heap, struct jinja_value value, struct jinja_list **out,
                struct error *err);

#endif
