#include "tui/session/presets.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct training_request, member)
/* Of the three that say what trains only one may be there (job/training_options.c). */
#define BY_MAP                                                                                     \
    {AT(plan), ""}, {AT(select), ""},                                                              \
    {                                                                                              \
        AT(top), ""                                                                                \
    }
#define BY_TOP(percent)                                                                            \
    {AT(plan), ""}, {AT(select), ""},                                                              \
    {                                                                                              \
        AT(top), percent                                                                           \
    }

/* Learning rates are left out: they follow from method and optimiser where nothing is said. */
const struct preset presets[] = {
    {"map",
     "the plan of the map trains, as it is marked there",
     false,
     {{AT(method), "spectrum"}, BY_MAP}},
    {"full", "everything trains; the most memory", false, {{AT(method), "full"}}},
    {"Spectrum-25",
     "the best 25 % of each type by SNR train, the rest is frozen",
     false,
     {{AT(method), "spectrum"}, BY_TOP("25")}},
    {"Spectrum-50",
     "the best 50 % of each type by SNR train, the rest is frozen",
     false,
     {{AT(method), "spectrum"}, BY_TOP("50")}},
    {"LoRA",
     "adapters of rank 16 beside every linear layer train",
     false,
     {{AT(method), "lora"}, {AT(rank), "16"}, {AT(alpha), "32"}}},
    {"QLoRA",
     "the same over weights in 4 bits, with an optimiser in 8 bits",
     false,
     {{AT(method), "qlora"}, {AT(rank), "16"}, {AT(alpha), "32"}, {AT(optimizer), "adamw-8bit"}}},
    {"Spectrum-25+LoRA",
     "adapters beside the best 25 % of each type",
     false,
     {{AT(method), "spectrum+lora"}, {AT(rank), "16"}, BY_TOP("25")}},
    {"Spectrum-25+QLoRA",
     "the same over weights in 4 bits, with an optimiser in 8 bits",
     false,
     {{AT(method), "spectrum+qlora"},
      {AT(rank), "16"},
      BY_TOP("25"),
      {AT(optimizer), "adamw-8bit"}}},
    {"Random-25",
     "a control for Spectrum-25: a random 25 % of each type train",
     false,
     {{AT(method), "spectrum"}, {AT(plan), ""}, {AT(top), ""}, {AT(select), "random:25"}}},
    {"fresh", "every field as it is at first: what was typed is dropped", true, {{0}}},
};
const size_t preset_count = sizeof presets / sizeof *presets;

/* What it sets the field to; NULL: nothing. */
static const char *value_of(const struct preset *preset, size_t field)
{
    for (size_t i = 0; i < PRESET_FIELDS_MAX && preset->sets[i].value; i++)
        if (training_options.rows[field].at == preset->sets[i].at)
            return preset->sets[i].value;
    return NULL;
}

/* An empty field counts as its default: a preset that says rank 16 where nobody has set it changes
 * nothing. The optimiser comes after the learning rate that follows it (settings_set()). */
void preset_take(const struct preset *preset, struct settings *settings)
{
    for (size_t i = 0; i < training_options.count; i++) {
        const char *to = value_of(preset, i);
        if (to && strcmp(to, settings_value(settings, i)) != 0)
            settings_set(settings, i, 0, to, SETTING_PRESET);
        else if (!to && (preset->fresh || settings->fields[i].origin == SETTING_PRESET))
            settings_reset(settings, i);
    }
}

size_t settings_changes(const struct settings *before, const struct settings *after,
                        size_t fields[SETTINGS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < training_options.count; i++)
        if (!settings_same(before, after, i))
            fields[count++] = i;
    return count;
}
