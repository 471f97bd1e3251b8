/* Which template it is: one that --template knows by name, a file of the user's, or the model's
 * own; its sources parsed, and the day that it may write.
 */
#include "text/template/rendering.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- templates that have a name --- */

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

/* NULL where there is none of that name. */
static const char *named_template(const char *name)
{
    for (size_t i = 0; template_names[i]; i++)
        if (strcmp(name, template_names[i]) == 0)
            return sources[i];
    return NULL;
}

enum { SOURCE_MAX = 1 << 20 };

/* Of what one conversation's rendering may take. */
static const size_t HEAP_MAX = (size_t)256 << 20;

/* --- choosing one --- */

bool template_is_file(const char *name)
{
    return text_ends_with(name, ".jinja") || text_ends_with(name, ".jinja2") ||
           text_ends_with(name, ".j2");
}

/* A file that is not text would be a template that writes no message: it is refused. */
static int read_chosen(struct chat_template *chat, const char *name, struct error *err)
{
    const char *known = named_template(name), *source;
    struct buffer text = BUFFER_INIT;
    struct stat info;
    int status = -1;
    if (!known && !(template_is_file(name) && sys.stat(name, &info) == 0))
        return error_set_kind(
            err, ERROR_USAGE,
            template_is_file(name)
                ? "%.200s: no such file; --template takes " TEMPLATE_VALUES
                : "\"%.40s\" is not a chat template; --template takes " TEMPLATE_VALUES,
            name);
    chat->chosen = true;
    chat->plain = strcmp(name, "zephyr") == 0; /* whose marks are plain text in its own models */
    if (known)
        return (chat->source = string_copy(known, err)) ? 0 : -1;
    if (file_read_all(&text, name, SOURCE_MAX, err) != 0)
        goto out;
    source = buffer_string(&text);
    bool wide = text.length >= 2 &&
                (memcmp(source, "\xFF\xFE", 2) == 0 || memcmp(source, "\xFE\xFF", 2) == 0);
    if (wide || memchr(source, '\0', text.length))
        error_set(err, "%s: %s, and a template is UTF-8%s", name,
                  wide ? "this is UTF-16" : "a NUL byte is in it",
                  wide ? ": iconv -f UTF-16 -t UTF-8 writes it as that" : "");
    else if (strncmp(source, "version https://git-lfs", 23) == 0)
        error_set(err, "%s: a pointer of Git LFS, not the template: git lfs pull fetches it", name);
    else
        status = (chat->source = string_copy(source, err)) ? 0 : -1;
out:
    buffer_free(&text);
    return status;
}

/* A model's own template that cannot be parsed is nothing to whoever has plain text. */
static int parse(struct chat_template *chat, struct jinja_template **out, const char *source,
                 const char *name, struct error *err)
{
    struct error *why = name ? err : &chat->broken;
    if (!source || jinja_parse(out, source, strlen(source), why) == 0)
        return 0;
    error_prefix(why, "%s", name ? name : "the model's chat template");
    return name ? -1 : 0;
}

int template_check(const char *name, struct error *err)
{
    struct chat_template chat = {0};
    int status = read_chosen(&chat, name, err);
    if (status == 0)
        status = parse(&chat, &chat.parsed, chat.source, name, err);
    jinja_template_free(chat.parsed);
    free(chat.source);
    return status;
}

/* Noon of a day is that day wherever clocks are set forward or back. */
static int set_date(struct chat_template *chat, const char *date, struct error *err)
{
    struct tm day = {0};
    char after;
    chat->now = sys.time(NULL);
    chat->dated = (chat->parsed && jinja_names(chat->parsed, "strftime_now")) ||
                  (chat->tool_use && jinja_names(chat->tool_use, "strftime_now"));
    if (date) {
        if (sscanf(date, "%4d-%2d-%2d%c", &day.tm_year, &day.tm_mon, &day.tm_mday, &after) != 3)
            return error_set(err, "\"%.40s\" is not a date; expected one as in 2026-11-29", date);
        day.tm_year -= 1900;
        day.tm_mon--;
        day.tm_hour = 12;
        day.tm_isdst = -1;
        chat->now = mktime(&day);
    }
    localtime_r(&chat->now, &day);
    strftime(chat->date, sizeof chat->date, "%Y-%m-%d", &day);
    return 0;
}

int template_open(struct chat_template **out, const struct tokenizer *tokenizer, const char *name,
                  const char *date, struct error *err)
{
    struct chat_template *chat = array_alloc(1, sizeof *chat, err);
    const char *own = NULL, *of_tools = NULL;
    if (!chat)
        return -1;
    if (!name) { /* the model's own, and the one that it may have for conversations with tools */
        own = tokenizer_chat_template(tokenizer);
        of_tools = tokenizer_named_template(tokenizer, "tool_use");
    }
    if ((name && read_chosen(chat, name, err) != 0) ||
        (own && !(chat->source = string_copy(own, err))) ||
        (of_tools && !(chat->tool_source = string_copy(of_tools, err))) ||
        parse(chat, &chat->parsed, chat->source, name, err) != 0 ||
        parse(chat, &chat->tool_use, chat->tool_source, name, err) != 0 ||
        set_date(chat, date, err) != 0 || !(chat->heap = jinja_heap_new(HEAP_MAX, err))) {
        template_close(chat);
        return -1;
    }
    *out = chat;
    return 0;
}

/* Values of renderings lie in the heap and go with it. */
void template_close(struct chat_template *chat)
{
    if (!chat)
        return;
    jinja_template_free(chat->parsed);
    jinja_template_free(chat->tool_use);
    jinja_output_free(&chat->text);
    jinja_output_free(&chat->prefix);
    jinja_heap_free(chat->heap);
    free(chat->source);
    free(chat->tool_source);
    free(chat);
}

bool template_exists(const struct chat_template *chat)
{
    return chat->source;
}

bool template_is_chosen(const struct chat_template *chat)
{
    return chat->chosen;
}

const char *template_source(const struct chat_template *chat)
{
    return chat->source;
}

const char *template_date(const struct chat_template *chat)
{
    return chat->dated ? chat->date : NULL;
}

void template_hash(const struct chat_template *chat, struct hash *hash)
{
    hash_optional(hash, chat->source);
    hash_optional(hash, chat->tool_source);
    hash_optional(hash, template_date(chat));
    hash_update(hash, chat->chosen ? "1" : "0", 1);
}
