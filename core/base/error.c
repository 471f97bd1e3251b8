#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void error_format(struct error *err, enum error_kind kind, const char *format, va_list args)
{
    if (!err)
        return;
    err->kind = kind;
    vsnprintf(err->text, sizeof err->text, format, args);
    utf8_sanitize(err->text);
}

int(error_set)(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_format(err, ERROR_FAILED, format, args);
    va_end(args);
    return -1;
}

int(error_set_kind)(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_format(err, kind, format, args);
    va_end(args);
    return -1;
}

static _Thread_local struct {
    int errno_value;
    char text[200];
} explained;

/* For the next error with this errno alone: whoever refused a call knows better than strerror()
 * why. */
void error_explain(int errno_value, const char *format, ...)
{
    va_list args;
    explained.errno_value = errno_value;
    if (errno_value == 0)
        return;
    va_start(args, format);
    vsnprintf(explained.text, sizeof explained.text, format, args);
    va_end(args);
    utf8_sanitize(explained.text);
}

/* The system's word, and what to do where that does not say it. */
static const char *meaning(int errno_value)
{
    switch (errno_value) {
    case EFBIG:
        return "the file would be larger than this process (`ulimit -f`) or the file system allows";
    case EDQUOT:
        return "the disk quota is used up (`quota` shows it); make room, or write elsewhere";
    case ESTALE:
        return "the network file system no longer knows the file (stale handle): its server has "
               "lost or replaced it; try again when it is mounted";
    case EROFS:
        return "the file system is read-only; write elsewhere";
    default:
        return strerror(errno_value);
    }
}

/* A full disk and a full quota are a kind of their own, as some callers can wait for room. */
int(error_set_errno)(struct error *err, int errno_value, const char *format, ...)
{
    va_list args;
    bool no_room = errno_value == ENOSPC || errno_value == EDQUOT;
    va_start(args, format);
    error_format(err, no_room ? ERROR_NO_ROOM : ERROR_FAILED, format, args);
    va_end(args);
    if (err) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": %s",
                 errno_value && explained.errno_value == errno_value ? explained.text
                                                                     : meaning(errno_value));
    }
    return -1;
}

int(error_no_memory)(struct error *err)
{
    return error_set(err, "not enough memory");
}

/* "PREFIX: what it said"; the kind stays. */
int(error_prefix)(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    char old[ERROR_TEXT_MAX];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, format);
    error_format(err, err->kind ? err->kind : ERROR_FAILED, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %.*s",
             (int)(sizeof err->text - used > 3 ? sizeof err->text - used - 3 : 0), old);
    utf8_sanitize(err->text);
    return -1;
}
