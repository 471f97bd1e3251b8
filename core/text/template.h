/* Chat templates: messages to one text, and which of its bytes are trained.
 *
 * Templates are recognised, not interpreted: ChatML (SmolLM2, Qwen 2 and 2.5 without tools), Llama
 * 3 (3 and 3.x without tools), Mistral (Mixtral), Zephyr (TinyLlama) and Alpaca, each only in the
 * forms that template_source.c lists; any other is unknown, however much it looks like one of them.
 * The rendered text and its tokens equal transformers' apply_chat_template(), and what that refuses
 * is refused; what is trained of a message that has a weight is its content and its end-of-turn
 * token.
 */
#ifndef SPECTRUM_TEXT_TEMPLATE_H
#define SPECTRUM_TEXT_TEMPLATE_H

#include "text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

/* What they write is in template_forms.c. */
enum template_kind {
    TEMPLATE_NONE, /* the tokenizer has no template */
    TEMPLATE_CHATML,
    TEMPLATE_LLAMA3,
    TEMPLATE_LLAMA31,    /* and 3.2, 3.3: a system message with the dates, always */
    TEMPLATE_MISTRAL_V1, /* the first Mistral-7B-Instruct's first */
    TEMPLATE_MISTRAL_V2, /* Mixtral's and v0.2's first */
    TEMPLATE_MISTRAL,    /* all of these' later one */
    TEMPLATE_MISTRAL_V3,
    TEMPLATE_ZEPHYR,
    TEMPLATE_ALPACA,
    TEMPLATE_ALPACA_TRIMMED,
    TEMPLATE_UNKNOWN /* it has one that is not recognised */
};

/* What --template takes. */
#define TEMPLATE_NAMES "chatml, llama3, mistral, mistral-v3, zephyr, alpaca"

/* A message; the strings belong to the caller. */
struct chat_message {
    const char *role, *content;
    double weight; /* of its tokens in the loss; 0: it is not trained */
};

/* A recognised template with what differs between models of one kind. */
struct chat_template {
    enum template_kind kind;
    char *default_system; /* put first where the messages have no system message; NULL: none */
    bool begins_with_bos;
};

/* 0 where --template takes the name, else a usage error that lists the names. */
int template_check(const char *name, struct error *err);

/* Finds the template of a tokenizer. `name` (from --template) overrides it when not NULL; a name
 * that is not known is a usage error that lists the names. kind is TEMPLATE_NONE or
 * TEMPLATE_UNKNOWN, without an error, when there is nothing to use. */
int template_find(struct chat_template *out, const struct tokenizer *tokenizer, const char *name,
                  struct error *err);
void template_free(struct chat_template *chat);

/* Appends ids and weights of a conversation. `prompt` adds the header of an assistant message at
 * the end, for generation. NONE and UNKNOWN are errors that say to use --template. */
int template_encode(const struct chat_template *chat, struct tokenizer *tokenizer,
                    const struct chat_message *messages, size_t count, bool prompt,
                    struct token_list *out, struct error *err);

#endif
