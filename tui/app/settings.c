#include "tui/app/settings.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct setting_info table[SETTING_COUNT] = {
    [SETTING_DATA] = {"data", "data", SETTING_PATH, 0, 0, NULL, "",
                      ".txt, .jsonl, .json or a folder; Tab completes, Ctrl-D looks at it"},
    [SETTING_COLUMNS] = {"columns", "columns", SETTING_COLUMN_MAP, 0, 0, NULL, "",
                         "for other names: prompt=question,completion=answer"},
    [SETTING_TEMPLATE] = {"template", "chat template", SETTING_TEMPLATE_NAME, 0, 0,
                          "auto|chatml|llama3|mistral|mistral-v3|zephyr|alpaca", "auto",
                          "for conversations; auto: the model's own; or type a file's name"},
    [SETTING_ADD_TOKENS] = {"add-tokens", "added tokens", SETTING_CHOICE, 0, 0, "no|yes", "no",
                            "yes: marks of the template that are no tokens become some, and train"},
    [SETTING_RUN] = {"run", "run folder", SETTING_FOLDER, 0, 0, NULL, "",
                     "where the job's files go: metrics, checkpoints, log"},
    [SETTING_METHOD] = {"method", "method", SETTING_CHOICE, 0, 0,
                        "spectrum|full|lora|qlora|spectrum+lora|spectrum+qlora", "spectrum",
                        "what trains"},
    [SETTING_RANK] = {"rank", "rank", SETTING_INTEGER, 1, 65536, NULL, "16",
                      "of the adapters: how much they can learn, and what they take"},
    [SETTING_ALPHA] = {"alpha", "alpha", SETTING_NUMBER_OR_EMPTY, 1e-6, 1e6, NULL, "",
                       "adapters count alpha / rank times; empty: twice the rank"},
    [SETTING_STEPS] = {"steps", "steps", SETTING_INTEGER_OR_EMPTY, 1, 1e9, NULL, "",
                       "optimiser steps; empty: as many as the epochs are"},
    [SETTING_EPOCHS] = {"epochs", "epochs", SETTING_NUMBER, 0.0001, 1e6, NULL, "1",
                        "passes over the data, where steps are empty"},
    [SETTING_SEQ_LEN] = {"seq-len", "sequence length", SETTING_INTEGER, 2, 1 << 20, NULL, "512",
                         "tokens in a row of the batch; documents are packed into rows"},
    [SETTING_BATCH] = {"batch", "batch", SETTING_INTEGER, 1, 65536, NULL, "1",
                       "rows that are computed together; memory grows with it"},
    [SETTING_ACCUMULATE] = {"accumulate", "accumulate", SETTING_INTEGER, 1, 65536, NULL, "8",
                            "batches that make one step; memory does not grow with it"},
    [SETTING_LR] = {"lr", "learning rate", SETTING_NUMBER_OR_EMPTY, 1e-12, 10, NULL, "",
                    "the highest, after the warm-up; empty: 2e-4 with adapters, else 2e-5"},
    [SETTING_WARMUP] = {"warmup", "warm-up", SETTING_NUMBER, 0, 1e9, NULL, "0.03",
                        "steps over which the learning rate rises from 0; below 1: a share of all"},
    [SETTING_SCHEDULE] = {"schedule", "schedule", SETTING_CHOICE, 0, 0, "cosine|linear|constant",
                          "cosine", "how the learning rate falls"},
    [SETTING_CLIP] = {"clip", "clip", SETTING_NUMBER, 0, 1e9, NULL, "1.0",
                      "gradients with a larger norm are scaled down to it; 0: never"},
    [SETTING_WEIGHT_DECAY] = {"weight-decay", "weight decay", SETTING_NUMBER, 0, 1, NULL, "0",
                              "AdamW's decay, decoupled from the gradient"},
    [SETTING_NEFTUNE] = {"neftune", "NEFTune", SETTING_NUMBER, 0, 1e3, NULL, "0",
                         "alpha of the noise on embeddings, often 5; 0: none"},
    [SETTING_Z_LOSS] =
        {"z-loss", "z-loss", SETTING_NUMBER, 0, 1, NULL, "0",
         "times the squared log-sum-exp of the logits is added, often 1e-4; 0: none"},
    [SETTING_SPIKE_GUARD] = {"spike-guard", "spike guard", SETTING_NUMBER, 0, 1e6, NULL, "0",
                             "leaves out steps whose loss is as many deviations above the last 64; "
                             "0: none"},
    [SETTING_OPTIMIZER] = {"optimizer", "optimizer", SETTING_CHOICE, 0, 0,
                           "adamw|adamw-bf16|adamw-8bit", "adamw",
                           "AdamW by the type of its moments; adamw: fp32"},
    [SETTING_DTYPE] = {"dtype", "dtype", SETTING_CHOICE, 0, 0, "auto|bf16|fp32", "auto",
                       "type of weights and activations; auto: bf16 where the processor has it"},
    [SETTING_MASTER] = {"master", "masters", SETTING_CHOICE, 0, 0, "fp32|none", "fp32",
                        "for bf16: fp32 masters beside the weights, or stochastic rounding"},
    [SETTING_FROZEN] = {"frozen-dtype", "frozen dtype", SETTING_CHOICE, 0, 0, "auto|none|int8|nf4",
                        "auto",
                        "of linear layers that do not train; auto: nf4 with qlora, else as dtype"},
    [SETTING_MEMORY_LIMIT] = {"memory-limit", "memory limit", SETTING_BYTES_OR_EMPTY, 0, 0, NULL,
                              "",
                              "as in 8G: as many blocks are computed anew backwards as it takes"},
    [SETTING_EVAL_DATA] = {"eval-data", "evaluation data", SETTING_PATH_OR_EMPTY, 0, 0, NULL, "",
                           "empty: a part of the data is set aside"},
    [SETTING_EVAL_EVERY] = {"eval-every", "evaluate every", SETTING_INTEGER, 0, 1e9, NULL, "50",
                            "steps; 0: only at the end"},
    [SETTING_SAVE_EVERY] = {"save-every", "save every", SETTING_INTEGER, 0, 1e9, NULL, "100",
                            "steps between checkpoints; 0: only at the end"},
    [SETTING_DEVICE] = {"device", "device", SETTING_CHOICE, 0, 0, "auto|cpu|reference", "auto",
                        "what computes; reference is exact, plain and slow"},
    [SETTING_SEED] = {"seed", "seed", SETTING_INTEGER, 0, 1e15, NULL, "42",
                      "order of the data; the same seed gives the same run"},
};

const struct setting_info *setting_info(enum setting setting)
{
    return &table[setting];
}

void settings_init(struct settings *settings)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        snprintf(settings->values[i], SETTING_VALUE_MAX, "%s", table[i].preset);
}

/* The start of the n-th choice and its length; n counts round. */
static const char *choice_at(const char *choices, int n, size_t *length)
{
    for (; n > 0; n--)
        choices += strcspn(choices, "|") + 1;
    *length = strcspn(choices, "|");
    return choices;
}

static int choice_count(const char *choices)
{
    int count = 1;
    for (; *choices; choices++)
        count += *choices == '|';
    return count;
}

int setting_choice(enum setting setting, const char *value)
{
    const char *choices = table[setting].choices;
    for (int i = 0; i < choice_count(choices); i++) {
        size_t length;
        const char *choice = choice_at(choices, i, &length);
        if (strlen(value) == length && memcmp(choice, value, length) == 0)
            return i;
    }
    return -1;
}

double settings_number(const struct settings *settings, enum setting setting)
{
    char why[ERROR_TEXT_MAX];
    bool right = settings_check(settings, setting, why, sizeof why);
    return strtod(right ? settings->values[setting] : table[setting].preset, NULL);
}

int64_t settings_integer(const struct settings *settings, enum setting setting)
{
    return (int64_t)settings_number(settings, setting);
}

uint64_t settings_bytes(const struct settings *settings, enum setting setting)
{
    uint64_t bytes = 0;
    return text_to_bytes(&bytes, settings->values[setting]) ? bytes : 0;
}

bool settings_is(const struct settings *settings, enum setting setting, const char *value)
{
    return strcmp(settings->values[setting], value) == 0;
}

/* Choices are turned, never typed: there is always a method of that name. */
enum training_method settings_method(const struct settings *settings)
{
    return method_by_name(settings->values[SETTING_METHOD]);
}

bool settings_uses(const struct settings *settings, enum setting setting)
{
    enum training_method method = settings_method(settings);
    switch (setting) {
    case SETTING_RANK:
    case SETTING_ALPHA:
        return method_info(method)->adapters;
    case SETTING_ADD_TOKENS: /* of a template that was chosen; adapters train no embeddings */
        return !method_info(method)->adapters && !settings_is(settings, SETTING_TEMPLATE, "auto");
    case SETTING_FROZEN: /* nothing is frozen */
        return method != METHOD_FULL;
    case SETTING_MASTER: /* fp32 weights are their own */
        return !settings_is(settings, SETTING_DTYPE, "fp32");
    default:
        return true;
    }
}

const char *settings_frozen(const struct settings *settings)
{
    bool quantized = method_info(settings_method(settings))->quantized;
    if (!settings_uses(settings, SETTING_FROZEN))
        return "none";
    if (settings_is(settings, SETTING_FROZEN, "auto"))
        return quantized ? "nf4" : "none";
    return settings->values[SETTING_FROZEN];
}

void settings_show(const struct settings *settings, enum setting setting, char *out, size_t size)
{
    const char *value = settings->values[setting];
    bool adapters = method_info(settings_method(settings))->adapters;
    if (setting == SETTING_FROZEN && settings_is(settings, setting, "auto"))
        snprintf(out, size, "auto (%s)", settings_frozen(settings));
    else if (setting == SETTING_LR && !value[0])
        snprintf(out, size, "auto (%s)", adapters ? "2e-4" : "2e-5");
    else if (setting == SETTING_ALPHA && !value[0])
        snprintf(out, size, "auto (%lld)", 2 * (long long)settings_integer(settings, SETTING_RANK));
    else
        snprintf(out, size, "%s", value);
}

void settings_turn(struct settings *settings, enum setting setting, int by)
{
    const char *choices = table[setting].choices;
    int count = choice_count(choices), now = setting_choice(setting, settings->values[setting]);
    size_t length;
    const char *next = choice_at(choices, ((now < 0 ? 0 : now + by) + count) % count, &length);
    snprintf(settings->values[setting], SETTING_VALUE_MAX, "%.*s", (int)length, next);
}
