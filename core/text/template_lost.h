/* What of a conversation a template does not write. transformers drops it without a word. Internal
 * to core/text. */
#ifndef SPECTRUM_TEXT_TEMPLATE_LOST_H
#define SPECTRUM_TEXT_TEMPLATE_LOST_H

#include "text/template_rendering.h"

/* An error where something of the conversation that is in chat->text was not written there. */
int rendering_check_lost(struct chat_rendering *r, bool prompt, struct error *err);

#endif
