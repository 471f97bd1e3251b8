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
 */
#ifndef SPECTRUM_TEXT_TEMPLATE_H
#define SPECTRUM_TEXT_TEMPLATE_H

#include "text/chat.h"
#include "text/named_templates.h"
#include "text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

struct chat_template;

/* 0 where --template takes the name, or the file, which is read; else an error, a usage error that
 * lists them where there is no such. */
int template_check(const char *name, struct error *err);

/* Is what --template takes a file's path, by its ending? */
bool template_is_file(const char *name);

/* `name`: of --template; NULL: the tokenizer's own. `date` is what a template that writes today's
 * date writes, "2026-11-29"; NULL: today. A chosen template that cannot be parsed is an error with
 * its line; a model's own is so when a conversation is to be encoded. A tokenizer without one is no
 * error: template_exists() is false then. */
int template_open(struct chat_template **out, const struct tokenizer *tokenizer, const char *name,
                  const char *date, struct error *err);
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

/* The special token that an assistant's turn ends with; -1: there is none, or the template has no
 * assistant. */
int32_t template_turn_end(struct chat_template *chat, const struct tokenizer *tokenizer);

#endif
