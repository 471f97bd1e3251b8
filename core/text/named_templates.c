#include "text/named_templates.h"

#include <string.h>

/* Each writes what the models of its name were trained with. None has {% generation %}: an export
 * carries them to programs that do not know it. */

#define ROLES_IN_TURN                                                                              \
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"                              \
    "{{- raise_exception('user and assistant have to speak in turn, the user first') }}"           \
    "{%- endif %}"

/* The system message is kept for a user's turn; what is left is `turns`. */
#define SYSTEM_FOR_A_TURN                                                                          \
    "{%- set system = messages[0]['content'] + '\\n\\n' if messages[0]['role'] == 'system' "       \
    "else '' %}"                                                                                   \
    "{%- set turns = messages[1:] if system else messages %}"

static const char chatml[] =
    "{%- for message in messages %}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "{{- '<|im_start|>assistant\\n' }}\n"
    "{%- endif %}\n";

static const char llama3[] =
    "{{- bos_token }}\n"
    "{%- for message in messages %}\n"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}\n"
    "{{- message['content'] | trim + '<|eot_id|>' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}\n"
    "{%- endif %}\n";

static const char mistral[] = SYSTEM_FOR_A_TURN
    "\n"
    "{{- bos_token }}\n"
    "{%- for message in turns %}\n" ROLES_IN_TURN "\n"
    "{%- if message['role'] == 'user' %}\n"
    "{{- ' [INST] ' + (system if loop.first else '') + message['content'] + ' [/INST]' }}\n"
    "{%- else %}\n"
    "{{- ' ' + message['content'] + eos_token }}\n"
    "{%- endif %}\n"
    "{%- endfor %}\n";

/* The system message stands in the last user's turn, and in each that is equal to it, as the
 * models' own template has it. */
static const char mistral_v3[] = SYSTEM_FOR_A_TURN
    "\n"
    "{%- set users = turns | selectattr('role', 'equalto', 'user') | list %}\n"
    "{{- bos_token }}\n"
    "{%- for message in turns %}\n" ROLES_IN_TURN "\n"
    "{%- if message['role'] == 'user' %}\n"
    "{{- '[INST] ' + (system if message == users[-1] else '') + message['content'] + "
    "'[/INST]' }}\n"
    "{%- else %}\n"
    "{{- ' ' + message['content'] | trim + eos_token }}\n"
    "{%- endif %}\n"
    "{%- endfor %}\n";

static const char zephyr[] =
    "{%- for message in messages %}\n"
    "{{- '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "{{- '<|' + 'assistant|>\\n' }}\n"
    "{%- endif %}\n";

static const char alpaca[] =
    "{{- bos_token }}\n"
    "{%- if messages[0]['role'] != 'system' %}\n"
    "{{- 'Below is an instruction that describes a task. Write a response that appropriately "
    "completes the request.\\n\\n' }}\n"
    "{%- endif %}\n"
    "{%- for message in messages %}\n"
    "{%- if message['role'] == 'user' %}\n"
    "{{- '### Instruction:\\n' + message['content'] + '\\n\\n' }}\n"
    "{%- elif message['role'] == 'assistant' %}\n"
    "{{- '### Response:\\n' + message['content'] + eos_token + '\\n\\n' }}\n"
    "{%- elif message['role'] == 'system' and loop.first %}\n"
    "{{- message['content'] + '\\n\\n' }}\n"
    "{%- else %}\n"
    "{{- raise_exception('a message of role ' + message['role'] + ' has no place here: system "
    "stands first, then come user and assistant') }}\n"
    "{%- endif %}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "{{- '### Response:\\n' }}\n"
    "{%- endif %}\n";

const char *const template_names[] = {"chatml", "llama3", "mistral", "mistral-v3",
                                      "zephyr", "alpaca", NULL};

/* In the order of their names. */
static const char *const sources[] = {chatml, llama3, mistral, mistral_v3, zephyr, alpaca};

const char *named_template(const char *name)
{
    for (size_t i = 0; template_names[i]; i++)
        if (strcmp(name, template_names[i]) == 0)
            return sources[i];
    return NULL;
}

bool named_template_is_plain(const char *name)
{
    return strcmp(name, "zephyr") == 0;
}
