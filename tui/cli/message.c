#include "tui/cli/message.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void message_print(const char *format, ...)
{
    va_list arguments;
    char *line = NULL;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) >= 0) {
        utf8_sanitize(line);
        fprintf(stderr, "%s\n", line);
        free(line);
    }
    va_end(arguments);
}

void message_say(void *context, const char *line)
{
    (void)context;
    message_print("%s", line);
}
