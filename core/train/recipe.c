#include "train/recipe.h"

#include <string.h>

const char *const weight_type_names[] = {"auto", "bf16", "fp32", NULL};

static const char *const names[] = {"fp32", "bf16", "int8", "nf4"};

const char *storage_name(enum storage storage)
{
    return names[storage];
}

bool storage_by_name(enum storage *out, const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum storage)i;
            return true;
        }
    return false;
}

enum storage recipe_storage(const struct recipe *recipe, size_t module, enum storage plain)
{
    return recipe->quantized && recipe->quantized[module] ? recipe->frozen : plain;
}
