/* A growing run of bytes, always followed by a NUL so that it can be read as a string.
 *
 * Appending never fails half-way: when memory runs out the buffer keeps what it had, is marked
 * `failed`, and later appends do nothing; check once at the end with buffer_check().
 */
#ifndef SPECTRUM_BASE_BUFFER_H
#define SPECTRUM_BASE_BUFFER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data;      /* NULL while empty and never written */
    size_t length;   /* bytes, without the NUL */
    size_t capacity; /* bytes allocated */
    bool failed;     /* memory ran out on the way */
};

#define BUFFER_INIT                                                                                \
    {                                                                                              \
        NULL, 0, 0, false                                                                          \
    }

void buffer_append(struct buffer *buffer, const void *bytes, size_t count);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_byte(struct buffer *buffer, char byte);
void buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_clear(struct buffer *buffer); /* length 0, memory kept */
void buffer_free(struct buffer *buffer);

/* 0, or -1 if an append ran out of memory. */
int buffer_check(const struct buffer *buffer, struct error *err);

/* The text so far; "" while empty. Owned by the buffer. */
const char *buffer_string(const struct buffer *buffer);

#endif
