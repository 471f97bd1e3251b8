/* Chat templates as source: which of the known ones is it? Internal to core/text.
 *
 * A template is a program; that it holds "<|im_start|>" says little about what it writes. So one is
 * known only if all of its source is, up to what cannot matter: white space that Jinja drops,
 * comments, the kind of quotes, and the words of a default system message.
 */
#ifndef SPECTRUM_TEXT_TEMPLATE_SOURCE_H
#define SPECTRUM_TEXT_TEMPLATE_SOURCE_H

#include "base/buffer.h"
#include "text/template.h"

/* Writes a source in one spelling: tags without dashes and comments, spaces in a tag only where
 * they part two words, string literals between two \x01 with their escapes resolved, text between
 * tags as transformers' Jinja (trim_blocks, lstrip_blocks) would print it. False: it has something
 * that is not read here. */
bool template_canonical(struct buffer *out, const char *source);

/* Fills *out from a source (NULL: none); TEMPLATE_UNKNOWN where it is not a known one. */
int template_recognise(struct chat_template *out, const char *source, struct error *err);

#endif
