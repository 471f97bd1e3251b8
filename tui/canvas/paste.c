#include "tui/canvas/paste.h"

#include "base/text.h"

#include <string.h>

enum { MARK = sizeof PASTE_END - 1 };

void paste_begin(struct paste *paste)
{
    buffer_clear(&paste->text);
    paste->bytes = paste->matched = 0;
    paste->open = true;
}

void paste_free(struct paste *paste)
{
    buffer_free(&paste->text);
    *paste = (struct paste){0};
}

/* What is missing of the mark, as its last byte cannot come sooner. */
size_t paste_room(const struct paste *paste)
{
    return paste->open ? MARK - paste->matched : 0;
}

/* The mark's first byte is nowhere else in it, so a byte that does not continue it can only begin it
 * again. */
void paste_put(struct paste *paste, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == PASTE_END[paste->matched])
            paste->matched++;
        else
            paste->matched = bytes[i] == PASTE_END[0];
    }
    paste->bytes += count;
    if (paste->bytes <= PASTE_MAX + MARK)
        buffer_append(&paste->text, bytes, count);
    paste->open = paste->matched < MARK;
}

/* One character of the line; `at` is its place, for the message. */
static int put_character(struct buffer *out, const char *text, size_t bytes, int32_t code,
                         size_t at, struct error *err)
{
    if (code == '\n' || code == '\r' || code == '\t')
        buffer_byte(out, ' ');
    else if (code < 0)
        return error_set(err, "the pasted text is not taken: its byte %zu is not UTF-8", at + 1);
    else if (utf8_is_unsafe(code))
        return error_set(err,
                         "the pasted text is not taken: its byte %zu is a control character (%d), "
                         "which no field holds",
                         at + 1, (int)code);
    else
        buffer_append(out, text, bytes);
    return 0;
}

/* CR LF, as some terminals send a line end, is one. */
int paste_line(const struct paste *paste, struct buffer *out, struct error *err)
{
    if (paste->open)
        return error_set(err, "the pasted text is not taken: the terminal sent no end of it");
    size_t length = paste->bytes - MARK;
    if (length > PASTE_MAX)
        return error_set(err, "the pasted text is not taken: it has %s, a field takes less than %s",
                         bytes_text((double)length).text, bytes_text(PASTE_MAX).text);
    if (buffer_check(&paste->text, err) != 0)
        return -1;
    const char *text = paste->text.data;
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    for (size_t at = 0, bytes; at < length; at += bytes) {
        int32_t code;
        bytes = utf8_decode(text + at, length - at, &code);
        if (code == '\n' && at > 0 && text[at - 1] == '\r')
            continue;
        if (put_character(out, text + at, bytes, code, at, err) != 0)
            return -1;
    }
    return buffer_check(out, err);
}
