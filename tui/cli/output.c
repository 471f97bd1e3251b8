#include "tui/cli/output.h"

#include <stdio.h>

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
