#include "base/buffer.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Grows it for `count` more bytes and the NUL. */
static bool buffer_grow(struct buffer *buffer, size_t count)
{
    if (buffer->failed || count > SIZE_MAX - buffer->length - 1 ||
        array_reserve((void **)&buffer->data, &buffer->capacity, buffer->length + count + 1, 1,
                      NULL) != 0)
        buffer->failed = true;
    return !buffer->failed;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t count)
{
    if (!buffer_grow(buffer, count))
        return;
    if (count)
        memcpy(buffer->data + buffer->length, bytes, count);
    buffer->length += count;
    buffer->data[buffer->length] = '\0';
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_byte(struct buffer *buffer, char byte)
{
    buffer_append(buffer, &byte, 1);
}

/* Formatted twice: once for the length, once into the room that this needs. */
void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list args, second;
    va_start(args, format);
    va_copy(second, args);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (needed >= 0 && buffer_grow(buffer, (size_t)needed)) {
        vsnprintf(buffer->data + buffer->length, (size_t)needed + 1, format, second);
        buffer->length += (size_t)needed;
    }
    va_end(second);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer)BUFFER_INIT;
}

int buffer_check(const struct buffer *buffer, struct error *err)
{
    return buffer->failed
               ? error_set(err, "not enough memory for a text of %zu bytes", buffer->length)
               : 0;
}

const char *buffer_string(const struct buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}
