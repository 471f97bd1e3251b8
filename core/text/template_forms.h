/* What each chat template writes around a message. Internal to core/text. */
#ifndef SPECTRUM_TEXT_TEMPLATE_FORMS_H
#define SPECTRUM_TEXT_TEMPLATE_FORMS_H

#include "text/template.h"

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_ROLES };

/* before + content + end (+ eos) + behind; of an assistant's message content, end and eos are
 * trained. */
struct turn_form {
    const char *before, *end, *behind;
    bool eos;   /* the tokenizer's end-of-text token ends it */
    bool trims; /* the content loses white space at both ends */
};

/* Where a system message may stand, and what becomes of it. */
enum system_place {
    SYSTEM_ANYWHERE,      /* a turn like the others */
    SYSTEM_FIRST,         /* a turn, as the first message only */
    SYSTEM_IN_FIRST_USER, /* first only: inside the first user message, in front of its content */
    SYSTEM_IN_LAST_USER,  /* the same in the last (and in each that is equal to it) */
    SYSTEM_NEVER
};

struct chat_form {
    const char *name; /* what --template calls it; NULL: an older form, without a name */
    struct turn_form turns[CHAT_ROLES];
    const char *prompt;   /* what an assistant's message is to follow, for generation */
    const char *preamble; /* there is always a system message, which begins with this; or NULL */
    enum system_place system;
    bool alternates; /* user, assistant, user, ...; anything else is refused */
    bool begins_with_bos;
    const char *default_system; /* of a template that was chosen by name, or NULL */
};

/* NULL for NONE and UNKNOWN. */
const struct chat_form *chat_form(enum template_kind kind);

/* TEMPLATE_UNKNOWN where --template has no such name. */
enum template_kind chat_form_by_name(const char *name);

/* CHAT_ROLES where there is no such role. */
enum chat_role chat_role_by_name(const char *name);

#endif
