#include "train/optimizers/optimizers.h"

const char *const optimizer_names[] = {
    [OPTIMIZER_ADAMW] = "adamw",
    [OPTIMIZER_ADAMW_BF16] = "adamw-bf16",
    [OPTIMIZER_ADAMW_8BIT] = "adamw-8bit",
    [OPTIMIZER_LION] = "lion",
    [OPTIMIZER_MUON] = "muon",
    [OPTIMIZER_KINDS] = NULL,
};

/* clang-format off */
const struct optimizer_row optimizer_rows[OPTIMIZER_KINDS] = {
    /*                         matrices     the rest     states            precision         small_rate */
    [OPTIMIZER_ADAMW] =      {&adamw_rule, &adamw_rule, STORAGE_F32,      "",               false},
    [OPTIMIZER_ADAMW_BF16] = {&adamw_rule, &adamw_rule, STORAGE_BF16,     "+bf16 moments",  false},
    [OPTIMIZER_ADAMW_8BIT] = {&adamw_rule, &adamw_rule, STORAGE_DYNAMIC8, "+8-bit moments", false},
    [OPTIMIZER_LION] =       {&lion_rule,  &lion_rule,  STORAGE_F32,      "",                true},
    [OPTIMIZER_MUON] =       {&muon_rule,  &adamw_rule, STORAGE_F32,      "",               false},
};
/* clang-format on */

bool optimizer_is_matrix(const struct parameter *parameter)
{
    return parameter->rows > 1 && !parameter->bias;
}

/* Embeddings and the head, which are in no block, go by the rest's rule, as Muon's public reference
 * has it. */
const struct optimizer_rule *optimizer_rule_of(enum optimizer_kind kind,
                                               const struct parameter *parameter)
{
    bool of_block = parameter->layer >= 0;
    return of_block && optimizer_is_matrix(parameter) ? optimizer_rows[kind].matrices
                                                      : optimizer_rows[kind].rest;
}

/* Two rules of a row have no constant in common, or the same one. */
static double either(double one, double other)
{
    return one != 0 ? one : other;
}

struct optimizer_constants optimizer_usual(enum optimizer_kind kind)
{
    const struct optimizer_constants *rest = &optimizer_rows[kind].rest->usual;
    const struct optimizer_constants *matrices = &optimizer_rows[kind].matrices->usual;
    return (struct optimizer_constants){.beta1 = either(rest->beta1, matrices->beta1),
                                        .beta2 = either(rest->beta2, matrices->beta2),
                                        .epsilon = either(rest->epsilon, matrices->epsilon)};
}

int optimizer_state_count(const struct optimizer_rule *rule)
{
    int count = 0;
    while (count < OPTIMIZER_STATES && rule->states[count])
        count++;
    return count;
}

enum storage optimizer_storage(enum optimizer_kind kind, const struct parameter *parameter,
                               int64_t numel)
{
    bool wide = numel < OPTIMIZER_8BIT_LEAST || parameter->role == ROLE_EMBEDDING;
    enum storage storage = optimizer_rows[kind].storage;
    return storage == STORAGE_DYNAMIC8 && wide ? STORAGE_F32 : storage;
}
