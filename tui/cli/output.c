#include "tui/cli/output.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- messages --- */

/* Without memory for the line there is nothing to say it with. */
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

/* --- results --- */

int output_text(struct buffer *text, struct error *err)
{
    int status = buffer_check(text, err);
    if (status == 0)
        fwrite(buffer_string(text), 1, text->length, stdout);
    buffer_free(text);
    return status;
}

int output_json(struct json_writer *json, struct error *err)
{
    int status = json_finish(json, err);
    if (status == 0)
        return output_text(json->out, err);
    buffer_free(json->out);
    return status;
}
