#include "job/engines/engine_script.h"

#include <string.h>

/* A part is in the program, or it would not have been built: engine_texts[] has every file there is,
 * and a test holds the rows of engine.c against it. */
static const char *text_of(const char *name)
{
    for (const struct embedded_text *text = engine_texts; text->name; text++)
        if (strcmp(text->name, name) == 0)
            return text->text;
    return "";
}

void engine_script_put(struct buffer *out, const struct engine_script *script)
{
    for (int i = 0; script->parts[i]; i++)
        buffer_text(out, text_of(script->parts[i]));
}
