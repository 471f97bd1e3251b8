/* Values of the template language, which are Python's: None, True, whole numbers, floats, texts,
 * lists, tuples, dictionaries, and what only a template has: undefined names, namespaces, loops,
 * and what can be called. And what Python makes of them: equality and order, str, repr and JSON,
 * characters of Unicode.
 *
 *     jinja_heap_new -> values made in it -> jinja_heap_release, jinja_heap_free
 *
 * A value is small and passed by value; what it points to lives in the heap that it was made with,
 * and goes when that is released: nothing here is freed by itself. Texts are UTF-8 of
 * known length, count and index by code points as in Python, and may hold NUL. Lists and
 * dictionaries are never changed once a template sees them (transformers' sandbox forbids it), but
 * for namespaces. A function that can fail returns -1 with an error in Python's words; what it was
 * making is then left in the heap.
 */
#ifndef SPECTRUM_JINJA_VALUE_VALUE_H
#define SPECTRUM_JINJA_VALUE_VALUE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- memory (heap.c) --- */

/* Memory of a rendering: taken piece by piece, given back all at once, never more than a limit. */
struct jinja_heap;

/* `limit` in bytes, of all that lives at one time; NULL where even the first block is not there. */
struct jinja_heap *jinja_heap_new(size_t limit, struct error *err);
void jinja_heap_free(struct jinja_heap *heap);

/* Zeroed, aligned for any type; NULL over the limit, with an error that says so. */
void *jinja_heap_take(struct jinja_heap *heap, size_t bytes, struct error *err);

/* Bytes that may still be taken. */
size_t jinja_heap_room(const struct jinja_heap *heap);

/* Everything that was taken since the mark is given back: for renderings one after another over the
 * same values. */
size_t jinja_heap_mark(const struct jinja_heap *heap);
void jinja_heap_release(struct jinja_heap *heap, size_t mark);

/* --- what a value is --- */

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

/* --- making them (value.c) --- */

struct jinja_value jinja_none(void);
struct jinja_value jinja_bool(bool truth);
struct jinja_value jinja_int(int64_t integer);
struct jinja_value jinja_float(double number);
struct jinja_value jinja_undefined(const char *name); /* which is not copied */

/* Undefined for another reason than that nothing has the name: the sandbox's. Not copied. */
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

/* A new entry, whose key the map must not have; jinja_set() looks for it first. */
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

/* --- beside one another (compare.c) --- */

/* As Python's operators have them: equality, order, membership, and the entries of dictionaries,
 * which are found by equal keys. Whole numbers and floats compare exactly. */
bool jinja_equal(struct jinja_value a, struct jinja_value b);

/* *order < 0, 0, > 0; an error for types that Python does not order. */
int jinja_compare(struct jinja_value a, struct jinja_value b, int *order, struct error *err);

/* `item in container`; marks what it finds as read. */
int jinja_contains(struct jinja_value container, struct jinja_value item, bool *out,
                   struct error *err);

/* Sets the entry of an equal key, or adds one. A key of another type than a map may have is
 * Python's "unhashable type". */
int jinja_set(struct jinja_heap *heap, struct jinja_map *map, struct jinja_value key,
              struct jinja_value value, struct error *err);

/* The entry, or NULL; it is not marked as read. */
struct jinja_entry *jinja_find(const struct jinja_map *map, struct jinja_value key);
struct jinja_entry *jinja_find_text(const struct jinja_map *map, const char *key);

/* The order of keys in which a stable sort puts them: indices, in order[0..count), of which there
 * is room for 2 * count. */
int jinja_order(const struct jinja_value *keys, size_t count, bool reverse, size_t *order,
                struct error *err);

/* --- texts by code points (text.c); positions are bytes where nothing else is said --- */

/* The byte at which code point number `index` begins; the length where there are not so many. */
size_t jinja_offset(struct jinja_text text, size_t index);

/* The code point at a byte, and how many bytes it has. */
int32_t jinja_point_at(struct jinja_text text, size_t at, size_t *bytes);

/* The text from byte `begin` to `end`, of the same bytes and as safe as it was. */
struct jinja_value jinja_part(struct jinja_value text, size_t begin, size_t end);

/* Bytes [0..length) of `part` in `text` from byte `from` on, or -1; of an empty part: from. */
ptrdiff_t jinja_search(struct jinja_text text, struct jinja_text part, size_t from);
/* The last one that ends at byte `to` or before. */
ptrdiff_t jinja_search_back(struct jinja_text text, struct jinja_text part, size_t to);

/* & < > " ' as HTML's entities, as markupsafe writes them. */
void jinja_write_escaped(struct buffer *out, struct jinja_text text);

/* --- characters, as str knows them (text.c) --- */

bool jinja_is_space(int32_t point);
bool jinja_is_line_end(int32_t point);
bool jinja_is_lower(int32_t point);
bool jinja_is_upper(int32_t point);
bool jinja_is_titled(int32_t point);
bool jinja_is_alpha(int32_t point);
bool jinja_is_decimal(int32_t point);
bool jinja_is_digit(int32_t point);
bool jinja_is_numeric(int32_t point);
bool jinja_is_printable(int32_t point);

/* Texts in another case: of all of Unicode, with one letter that becomes several. */

void jinja_write_upper(struct buffer *out, struct jinja_text text);
void jinja_write_lower(struct buffer *out, struct jinja_text text);
void jinja_write_title(struct buffer *out, struct jinja_text text);
void jinja_write_capitalized(struct buffer *out, struct jinja_text text);
void jinja_write_swapped(struct buffer *out, struct jinja_text text);
void jinja_write_folded(struct buffer *out, struct jinja_text text);

/* --- numbers (numbers.c) --- */

/* int(text, base) and float(text); false where Python has a ValueError. */
bool jinja_read_integer(struct jinja_text text, int base, int64_t *out, bool *beyond);
bool jinja_read_float(struct jinja_text text, double *out);

/* repr() of a float: "0.1", "1e-05", "100000.0", "inf". */
void jinja_write_float(struct buffer *out, double number);

/* --- as text (write.c) and as JSON (write_json.c) --- */

/* str() and repr(). Dictionaries that are written out are read; so in JSON. */
int jinja_write(struct buffer *out, struct jinja_value value, struct error *err);
int jinja_write_repr(struct buffer *out, struct jinja_value value, struct error *err);

/* Takes what a buffer holds into the heap as a text and frees the buffer, in any case. */
int jinja_take_text(struct jinja_heap *heap, struct buffer *buffer, struct jinja_value *out,
                    struct error *err);

/* json.dumps(value, ensure_ascii=False, ...). indent < 0: none; separators NULL: Python's own
 * (", " and ": ", with an indent "," and ": "). An undefined value, a callable is an error, as in
 * Python. */
struct jinja_json_style {
    int64_t indent;
    const char *indent_text; /* indent="  " given as a text; NULL: `indent` spaces */
    const char *item_separator, *key_separator;
    bool sort_keys, ensure_ascii;
    size_t most; /* bytes that may be written; 0: JINJA_TEXT_MAX */
};
int jinja_write_json(struct buffer *out, struct jinja_value value,
                     const struct jinja_json_style *style, struct error *err);

#endif
