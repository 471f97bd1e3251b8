/* A conversation being rendered: what a template sees of it, what it writes of it or of its first
 * messages, what of it would be dropped, and which bytes are trained. Internal to text/template:
 * rendering.c renders and looks for what is lost, trained.c finds the turns, apply.c puts these
 * together.
 *
 *     rendering_begin -> rendering_write -> rendering_check_lost, rendering_find_turns
 *                     -> rendering_close, in any case
 *
 * A rendering lies on its caller's stack. Closing it gives back what it took of the template's
 * heap, and makes chat->text free for the next one.
 */
#ifndef SPECTRUM_TEXT_TEMPLATE_RENDERING_H
#define SPECTRUM_TEXT_TEMPLATE_RENDERING_H

#include "jinja/jinja.h"
#include "text/template/template.h"

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

struct chat_rendering {
    struct chat_template *chat;
    const struct jinja_template *parsed; /* the one of its two that this conversation has */
    const struct tokenizer *tokenizer;
    const struct conversation *conversation;
    size_t mark;                  /* of the heap, to which it is given back */
    struct jinja_value messages;  /* numbered: origins are indices plus one */
    struct jinja_value variables; /* all that the template sees, but for messages and prompt */
    size_t count;                 /* of messages */
    struct jinja_list first;      /* the messages of the rendering in hand */
    struct error over;            /* a bound that stopped one, which says nothing of the template */
    struct buffer prompt;         /* what the generation prompt adds to the whole */
    bool has_prompt;              /* that is known */
    struct text_span *spans;      /* [span_count] what is trained */
    size_t span_count, span_capacity;
};

/* The names that a turn's thinking goes by; the first that is there is what a template gets. */
enum { REASONING_NAMES = 3 };
extern const char *const reasoning_names[REASONING_NAMES];

/* The entry of a dictionary; NULL where it has none, and of any other value. */
struct jinja_entry *entry_of(struct jinja_value map, const char *key);

/* White space of ASCII, which parts a content from what the template writes around it. */
bool rendering_is_space(char c);
struct jinja_text rendering_trimmed(struct jinja_text text);

/* Gives the template all that it may see; nothing is written yet. Close it in any case. */
int rendering_begin(struct chat_rendering *r, struct chat_template *chat,
                    const struct tokenizer *tokenizer, const struct conversation *conversation,
                    struct error *err);
void rendering_close(struct chat_rendering *r);

/* Renders the first `count` messages into *out; what that takes of the heap is given back. */
int rendering_write(struct chat_rendering *r, size_t count, bool prompt, struct jinja_output *out,
                    struct error *err);

/* An error where something of the conversation that is in chat->text was not written there;
 * transformers drops it without a word. */
int rendering_check_lost(struct chat_rendering *r, bool prompt, struct error *err);

/* Fills spans, ascending: of chat->text, which is the whole conversation rendered. */
int rendering_find_turns(struct chat_rendering *r, struct error *err);

/* The special token that the last of the spans ends with, but for white space after it; or -1. */
int32_t rendering_turn_end(const struct chat_rendering *r);

#endif
