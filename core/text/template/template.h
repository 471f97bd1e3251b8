/* Chat templates: a conversation to one text, its tokens, and which of them are trained.
 *
 * The model's own template (tokenizer_config.json, chat_template.jinja, a GGUF file), one that is
 * known by a name, or a file of the user's is rendered by core/jinja: text and tokens equal
 * transformers' apply_chat_template(), and what that refuses is refused.
 *
 * What is trained of a turn that has a weight: where the template marks it, what it wrote inside
 * {% generation %} (equal to return_assistant_tokens_mask); else what stands after the generation
 * prompt that follows the messages before it, up to where the turn ends, without the white space
 * after its last special token.
 *
 *     template_open -> template_encode, template_render, ... -> template_close
 *
 * A template does not keep the tokenizer that it was opened with; it owns its sources, a heap for
 * renderings and the texts of the last one, so it is for one thread at a time. A conversation is
 * its caller's, and is not changed.
 */
#ifndef SPECTRUM_TEXT_TEMPLATE_TEMPLATE_H
#define SPECTRUM_TEXT_TEMPLATE_TEMPLATE_H

#include "text/tokenizer/tokenizer.h"

/* A conversation as chat templates take it: JSON as it stands in the record (parse it with
 * JSON_KEEP_NUMBERS), the caller's to free; `messages` is an array of objects with a "role"
 * each. */
struct conversation {
    const cJSON *messages;
    const cJSON *tools, *documents; /* arrays, or NULL */
    const cJSON *variables;         /* an object of more variables of the template, or NULL */
    const double *weights;          /* [messages] of a turn's tokens in the loss; NULL: all 0 */
};

/* --- choosing one --- */

/* What --template takes beside the path of a file that ends in .jinja. */
#define TEMPLATE_NAMES "chatml, llama3, mistral, mistral-v3, zephyr, alpaca"
#define TEMPLATE_VALUES TEMPLATE_NAMES ", or a FILE.jinja"

/* The names alone; a NULL ends them. */
extern const char *const template_names[];

/* 0 where --template takes the name, or the file, which is read; else an error, a usage error that
 * lists them where there is none of that name. */
int template_check(const char *name, struct error *err);

/* Is what --template takes a file's path, by its ending? */
bool template_is_file(const char *name);

struct chat_template;

/* `name`: of --template; NULL: the tokenizer's own. `date` is what a template that writes today's
 * date writes, "2026-11-29"; NULL: today. A chosen template that cannot be parsed is an error with
 * its line; a model's own is so when a conversation is to be encoded. A tokenizer without one is
 * fine: template_exists() is false then. */
int template_open(struct chat_template **out, const struct tokenizer *tokenizer, const char *name,
                  const char *date, struct error *err);

/* NULL is fine. */
void template_close(struct chat_template *chat);

bool template_exists(const struct chat_template *chat);

/* It was chosen by a name or a file. */
bool template_is_chosen(const struct chat_template *chat);

/* The Jinja source that is rendered (of a model with several by name: "default"'s), or NULL.
 * Whoever exports a model writes it. */
const char *template_source(const struct chat_template *chat);

/* The date as it stands in texts where the template writes one, "2026-11-29"; else NULL. */
const char *template_date(const struct chat_template *chat);

/* Of all that decides what is written: sources, date. */
void template_hash(const struct chat_template *chat, struct hash *hash);

/* --- a conversation --- */

/* Appends ids and weights of a conversation. `prompt` adds the generation prompt at the end. An
 * error without a template says to use --template; so is what the template would lose: a message's
 * tool_calls, function_call, reasoning_content (and its kind), or tools, that have something in
 * them and that the template never looks at. */
int template_encode(struct chat_template *chat, struct tokenizer *tokenizer,
                    const struct conversation *conversation, bool prompt, struct token_list *out,
                    struct error *err);

/* The text alone, for whoever shows it. */
int template_render(struct chat_template *chat, const struct tokenizer *tokenizer,
                    const struct conversation *conversation, bool prompt, struct buffer *out,
                    struct error *err);

/* --- what a template itself is like --- */

/* The special token that an assistant's turn ends with; -1: there is none, or the template has no
 * assistant. */
int32_t template_turn_end(struct chat_template *chat, const struct tokenizer *tokenizer);

/* The marks ("<|im_start|>") that the template writes around turns, and with `of_tools` those
 * around calls and results of tools as well, that are not tokens of this vocabulary, each once, in
 * their order, as a JSON array of texts; free it with cJSON_Delete(). NULL: an error. "zephyr" has
 * none: its "<|user|>" is plain text in its own models, too. */
cJSON *template_missing_marks(struct chat_template *chat, const struct tokenizer *tokenizer,
                              bool of_tools, struct error *err);

/* Such a list as a message has it: "<|im_start|> and <|im_end|>", safe to show, cut at the size. */
void template_put_marks(char *out, size_t size, const cJSON *marks);

#endif
