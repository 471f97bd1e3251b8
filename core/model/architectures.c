#include "model/architecture.h"

#include <string.h>

const struct architecture *architecture_by_name(const char *name, bool gguf)
{
    static const struct architecture *const all[] = {
        &architecture_llama, &architecture_mistral, &architecture_qwen2,  &architecture_qwen3,
        &architecture_gemma, &architecture_gemma2,  &architecture_gemma3, &architecture_phi3,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(gguf ? all[i]->gguf : all[i]->name, name) == 0)
            return all[i];
    return NULL;
}
