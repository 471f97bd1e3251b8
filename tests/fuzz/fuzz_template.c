/* The Jinja source of a chat template. */
#include "fuzz.h"

#include "text/template_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chat_template chat = {0};
    struct buffer canonical = BUFFER_INIT;
    char *source = fuzz_text(data, size);
    template_canonical(&canonical, source);
    if (template_recognise(&chat, source, NULL) == 0)
        template_free(&chat);
    buffer_free(&canonical);
    free(source);
    return 0;
}
