/* A conversation being rendered: shared by template.c (which renders) and template_turns.c (which
 * finds what is trained). Internal to core/text. */
#ifndef SPECTRUM_TEXT_TEMPLATE_PARTS_H
#define SPECTRUM_TEXT_TEMPLATE_PARTS_H

#include "jinja/jinja.h"
#include "text/template.h"

#include <time.h>

struct chat_template {
    struct jinja_template *parsed;
    struct jinja_template *tool_use; /* what conversations with tools have in its place, or NULL */
    char *source;                    /* of `parsed`; NULL: there is no template */
    char *tool_source;
    bool chosen, dated;
    struct error broken; /* why the model's own cannot be parsed: for who needs it */
    bool plain;          /* chosen, and without marks that are tokens */
    time_t now;
    char date[sizeof "2026-11-29"];
    struct jinja_heap *heap;
    struct jinja_output text, prefix; /* of the conversation, of its first messages */
};

struct rendering {
    struct chat_template *chat;
    const struct jinja_template *parsed; /* the one of its two that this conversation has */
    const struct tokenizer *tokenizer;
    const struct conversation *conversation;
    struct jinja_value messages;  /* numbered: origins are indices plus one */
    struct jinja_value variables; /* all that the template sees, but for messages and prompt */
    size_t count;                 /* of messages */
    struct text_span *spans;      /* what is trained */
    size_t span_count, span_capacity;
};

/* Renders the first `count` messages into *out. */
int rendering_write(struct rendering *r, size_t count, bool prompt, struct jinja_output *out,
                    struct error *err);

/* Fills spans, ascending: of chat->text, which is the whole conversation rendered. */
int rendering_find_turns(struct rendering *r, struct error *err);

/* The special token that the last of the spans ends with, but for white space behind it; or -1. */
int32_t rendering_turn_end(const struct rendering *r);

#endif
