/* JSON as it is written: one text after the other into a buffer, without a tree.
 *
 * The caller names keys and values; brackets, commas, quotes and escapes are the writer's. It is
 * born by naming the buffer, needs no end, and owns nothing:
 *
 *     struct json_writer json = {.out = &out};
 *     json_object(&json, NULL);
 *     json_text(&json, "model", path);
 *     json_list(&json, "shape");                    {"model": "a/b", "shape": [2, 3]}
 *     json_count(&json, NULL, rows);
 *     json_count(&json, NULL, cols);
 *     json_end(&json);
 *     json_end(&json);
 *     int status = json_finish(&json, err);
 *
 * A member of an object has a key; a value in a list, and the outermost one, has NULL for it. A
 * function that adds members takes the writer with the object open, and says so.
 *
 * What is written is strict JSON that a terminal can show, whatever the texts hold (keys too): what
 * utf8_is_unsafe() names is escaped, an invalid byte becomes U+FFFD (and `mended` true: who writes
 * a name that will be looked for refuses such a text). Numbers are the shortest form that reads
 * back to the same double; one that is not finite is null.
 *
 * A call that does not fit (a key in a list, an end too many) is an error of the program. As where
 * memory runs out, later calls then do nothing, and the buffer is marked `failed`, so that nobody
 * takes half a text for a whole one; json_finish() says which of the two it was. */
#ifndef SPECTRUM_BASE_JSON_WRITER_H
#define SPECTRUM_BASE_JSON_WRITER_H

#include "base/buffer.h"
#include "base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the members of an object or a list stand. */
enum json_layout {
    JSON_LINE,        /* {"a": 1, "b": 2} */
    JSON_COMPACT,     /* {"a":1,"b":2}, and what is inside likewise */
    JSON_ROWS,        /* a line for each: [ newline 1, newline 2] */
    JSON_ROWS_CLOSED, /* the same, and one for the bracket that ends it */
    JSON_ROWS_BESIDE, /* as JSON_ROWS, but the first beside the bracket */
    JSON_INDENTED     /* as JSON_ROWS_CLOSED, two spaces further in for each level */
};

enum { JSON_WRITER_DEPTH = 16 };

struct json_writer {
    struct buffer *out; /* borrowed */
    bool loose; /* numbers that are not finite as Python has them: Infinity, -Infinity, NaN */

    /* The writer's own: zero at first. */
    struct json_level {
        bool object, used; /* used: it has a member */
        enum json_layout layout;
    } levels[JSON_WRITER_DEPTH]; /* what is open, the outermost first */
    int depth;
    bool mended;        /* a text was not UTF-8: U+FFFD stands for what is none. To be read */
    bool done;          /* the outermost value is written */
    bool breaks;        /* json_break() was called: a line begins, with */
    int indent;         /* so many spaces */
    const char *misuse; /* what did not fit; NULL: nothing */
};

/* Opens; json_end() ends what was opened last. json_layout() says how the members of what was just
 * opened will stand: JSON_LINE where nobody does, or JSON_COMPACT inside of that. */
void json_object(struct json_writer *json, const char *key);
void json_list(struct json_writer *json, const char *key);
void json_layout(struct json_writer *json, enum json_layout layout);
void json_end(struct json_writer *json);

/* What comes next, a member or an end, begins a line with so many spaces, in any layout. */
void json_break(struct json_writer *json, int spaces);

/* Values. A text of NULL is null. json_count() is for what has no sign: numbers of things, bytes.
 */
void json_text(struct json_writer *json, const char *key, const char *text);
void json_integer(struct json_writer *json, const char *key, int64_t value);
void json_count(struct json_writer *json, const char *key, uint64_t value);
void json_real(struct json_writer *json, const char *key, double value);
void json_flag(struct json_writer *json, const char *key, bool value);
void json_null(struct json_writer *json, const char *key);

/* A parsed tree as text, compact. NULL is null. cJSON's own printer lets DEL and C1 controls
 * through.
 */
void json_tree(struct json_writer *json, const char *key, const cJSON *tree);

/* Text that is JSON already, as it is: a number that must be spelled 0.0, say. */
void json_raw(struct json_writer *json, const char *key, const char *text);

/* "format" and "version", which every file and output of this program begins with: the outermost
 * object is opened for them. */
void json_begin(struct json_writer *json, const char *format);

/* Ends the line. 0, or -1 where memory ran out, or the text is not whole. */
int json_finish(struct json_writer *json, struct error *err);

/* Parts alone, for texts that are put together by hand: what stands in quotes for people, what
 * changes a file of somebody else. */
void json_put_string(struct buffer *out, const char *text);
void json_put_number(struct buffer *out, double value);
void json_put_tree(struct buffer *out, const cJSON *tree);

/* One member of a JSON object in its text, where all else stays to the byte: reprinting a tree
 * would write 1.0 as 1, which other readers take for another thing. */

/* Where the value of the outermost object's `key` begins and ends, in JSON that has been parsed:
 * false where no key is spelled so. */
bool json_find_value(const char *text, const char *key, size_t *begin, size_t *end);

/* Appends the text with `value`, which is JSON, in place of the key's; where the key is not there,
 * as its first member. */
void json_put_edited(struct buffer *out, const char *text, const char *key, const char *value);

#endif
