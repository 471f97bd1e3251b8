/* Single members of one JSON object, without a tree: for files of a million lines, each an object
 * of numbers. It takes what is plainly JSON and leaves the rest to json_parse().
 *
 *     struct json_flat members[] = {{.key = "step"}, {.key = "loss"}};
 *     if (json_flat_read(line, length, members, 2))
 *         ... members[0].kind, members[0].number
 *     else
 *         ... json_parse(line, ...), which knows better
 */
#ifndef SPECTRUM_BASE_JSON_FLAT_H
#define SPECTRUM_BASE_JSON_FLAT_H

#include <stdbool.h>
#include <stddef.h>

enum json_flat_kind { JSON_FLAT_ABSENT, JSON_FLAT_NUMBER, JSON_FLAT_TEXT, JSON_FLAT_OTHER };

struct json_flat {
    const char *key; /* that is asked for */
    enum json_flat_kind kind;
    double number;    /* JSON_FLAT_NUMBER */
    const char *text; /* JSON_FLAT_TEXT: inside the object's text, without an end of its own; and of
                         JSON_FLAT_OTHER the value as it stands there, which an object's members can
                         be read from in turn */
    size_t length;
};

/* Fills members[count] from the object text[0..length). False: the text is not plainly an object,
 * or may be none; json_parse() decides. Where it is true, json_parse() takes the text too, and
 * has the same members. Plain is ASCII without escapes and control characters, objects and arrays
 * four deep, and two thousand keys an object. */
bool json_flat_read(const char *text, size_t length, struct json_flat *members, size_t count);

/* Whole and no further from 0 than 2^53, as json_get_int64() has it. */
bool json_flat_int64(const struct json_flat *member, long long *out);

#endif
