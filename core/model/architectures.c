#include "model/architecture.h"

#include <stdio.h>
#include <string.h>

static const struct architecture *const all[] = {
    &architecture_llama, &architecture_mistral, &architecture_qwen2,  &architecture_qwen3,
    &architecture_gemma, &architecture_gemma2,  &architecture_gemma3, &architecture_phi3,
};
enum { ARCHITECTURES = sizeof all / sizeof *all };

const struct architecture *architecture_by_name(const char *name, bool gguf)
{
    for (size_t i = 0; i < ARCHITECTURES; i++)
        if (strcmp(gguf ? all[i]->gguf : all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

void architecture_list_trainable(char *out, size_t size)
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARCHITECTURES; i++)
        if (all[i]->trainable && length < size)
            length += (size_t)snprintf(out + length, size - length, "%s%s", length ? ", " : "",
                                       all[i]->name);
}
