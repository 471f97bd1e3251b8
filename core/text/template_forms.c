#include "text/template_forms.h"

#include <string.h>

/* Llama 3.1's and 3.2's own fixed date: a date of today would make training data change by day. */
#define LLAMA3_PREAMBLE "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
#define LLAMA3_HEADER(role) "<|start_header_id|>" role "<|end_header_id|>\n\n"
#define LLAMA3_TURNS                                                                               \
    {                                                                                              \
        {LLAMA3_HEADER("system"), "<|eot_id|>", "", false, true},                                  \
            {LLAMA3_HEADER("user"), "<|eot_id|>", "", false, true},                                \
            {LLAMA3_HEADER("assistant"), "<|eot_id|>", "", false, true},                           \
    }
#define ALPACA_TURNS(trims)                                                                        \
    {                                                                                              \
        {"", "\n\n", "", false, trims}, {"### Instruction:\n", "\n\n", "", false, trims},          \
            {"### Response:\n", "", "\n\n", true, trims},                                          \
    }

static const struct chat_form forms[] = {
    [TEMPLATE_CHATML] = {.name = "chatml",
                         .turns = {{"<|im_start|>system\n", "<|im_end|>", "\n", false, false},
                                   {"<|im_start|>user\n", "<|im_end|>", "\n", false, false},
                                   {"<|im_start|>assistant\n", "<|im_end|>", "\n", false, false}},
                         .prompt = "<|im_start|>assistant\n"},
    [TEMPLATE_LLAMA3] = {.name = "llama3",
                         .turns = LLAMA3_TURNS,
                         .prompt = LLAMA3_HEADER("assistant"),
                         .begins_with_bos = true},
    [TEMPLATE_LLAMA31] = {.turns = LLAMA3_TURNS,
                          .prompt = LLAMA3_HEADER("assistant"),
                          .preamble = LLAMA3_PREAMBLE},
    [TEMPLATE_MISTRAL_V1] = {.turns = {[CHAT_USER] = {"[INST] ", " [/INST]", "", false, false},
                                       [CHAT_ASSISTANT] = {"", "", " ", true, false}},
                             .prompt = "",
                             .system = SYSTEM_NEVER,
                             .alternates = true},
    [TEMPLATE_MISTRAL_V2] = {.turns = {[CHAT_USER] = {"[INST] ", " [/INST]", "", false, false},
                                       [CHAT_ASSISTANT] = {"", "", "", true, false}},
                             .prompt = "",
                             .system = SYSTEM_NEVER,
                             .alternates = true},
    [TEMPLATE_MISTRAL] = {.name = "mistral",
                          .turns = {[CHAT_SYSTEM] = {"", "\n\n", "", false, false},
                                    [CHAT_USER] = {" [INST] ", " [/INST]", "", false, false},
                                    [CHAT_ASSISTANT] = {" ", "", "", true, false}},
                          .prompt = "",
                          .system = SYSTEM_IN_FIRST_USER,
                          .alternates = true,
                          .begins_with_bos = true},
    [TEMPLATE_MISTRAL_V3] = {.name = "mistral-v3",
                             .turns = {[CHAT_SYSTEM] = {"", "\n\n", "", false, false},
                                       [CHAT_USER] = {"[INST] ", "[/INST]", "", false, false},
                                       [CHAT_ASSISTANT] = {" ", "", "", true, true}},
                             .prompt = "",
                             .system = SYSTEM_IN_LAST_USER,
                             .alternates = true,
                             .begins_with_bos = true},
    [TEMPLATE_ZEPHYR] = {.name = "zephyr",
                         .turns = {{"<|system|>\n", "", "\n", true, false},
                                   {"<|user|>\n", "", "\n", true, false},
                                   {"<|assistant|>\n", "", "\n", true, false}},
                         .prompt = "<|assistant|>\n"},
    [TEMPLATE_ALPACA] = {.name = "alpaca",
                         .turns = ALPACA_TURNS(false),
                         .prompt = "### Response:\n",
                         .system = SYSTEM_FIRST,
                         .begins_with_bos = true,
                         .default_system =
                             "Below is an instruction that describes a task. Write a response "
                             "that appropriately completes the request."},
    [TEMPLATE_ALPACA_TRIMMED] = {.turns = ALPACA_TURNS(true),
                                 .prompt = "### Response:\n",
                                 .system = SYSTEM_FIRST,
                                 .alternates = true,
                                 .begins_with_bos = true},
};
static const size_t form_count = sizeof forms / sizeof *forms;

const struct chat_form *chat_form(enum template_kind kind)
{
    return (size_t)kind < form_count && forms[kind].prompt ? &forms[kind] : NULL;
}

enum template_kind chat_form_by_name(const char *name)
{
    for (size_t i = 0; i < form_count; i++)
        if (forms[i].name && strcmp(name, forms[i].name) == 0)
            return (enum template_kind)i;
    return TEMPLATE_UNKNOWN;
}

enum chat_role chat_role_by_name(const char *name)
{
    static const char *const names[CHAT_ROLES] = {"system", "user", "assistant"};
    int role = 0;
    while (role < CHAT_ROLES && strcmp(name, names[role]) != 0)
        role++;
    return (enum chat_role)role;
}
