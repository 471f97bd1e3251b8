/* base/error.h for a plug-in, which links none of base's libraries: what it says is in plain ASCII,
 * and what is not, in a driver's text, becomes '?'. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

/* As base/error.h promises: one line that a terminal can show, and -1. */
static int error_format(struct error *err, enum error_kind kind, const char *format, va_list args)
{
    if (!err)
        return -1;
    err->kind = kind;
    vsnprintf(err->text, sizeof err->text, format, args);
    for (char *at = err->text; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return -1;
}

int(error_set)(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = error_format(err, ERROR_FAILED, format, args);
    va_end(args);
    return status;
}

int(error_set_kind)(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = error_format(err, kind, format, args);
    va_end(args);
    return status;
}
