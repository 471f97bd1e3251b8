#include "jinja/render/rendered.h"

#include "base/memory.h"

#include <stdlib.h>

int jinja_spans_add(struct jinja_spans *spans, struct jinja_span span, struct error *err)
{
    if (array_reserve((void **)&spans->items, &spans->capacity, spans->count + 1,
                      sizeof *spans->items, err) != 0)
        return -1;
    spans->items[spans->count++] = span;
    return 0;
}

void jinja_output_free(struct jinja_output *output)
{
    buffer_free(&output->text);
    free(output->generated.items);
    free(output->origins.items);
    *output = (struct jinja_output){0};
}

void jinja_output_clear(struct jinja_output *output)
{
    buffer_clear(&output->text);
    output->generated.count = 0;
    output->origins.count = 0;
}
