/* Which bytes of a rendered conversation are trained.
 *
 * A template is a program: where a turn begins and ends in what it wrote is not to be read off it.
 * {% generation %} says it. Without that, the messages before a turn, rendered with the generation
 * prompt, are what a model sees when it begins to speak; the messages with the turn, rendered
 * alone, end where it ends. Templates that write earlier turns in another way than the last one
 * (without their thinking, say) break the latter; there it counts what the template wrote while it
 * had the message in hand.
 *
 * Internal to core/text. */
#ifndef SPECTRUM_TEXT_TEMPLATE_TURNS_H
#define SPECTRUM_TEXT_TEMPLATE_TURNS_H

#include "text/template_rendering.h"

/* Fills spans, ascending: of chat->text, which is the whole conversation rendered. */
int rendering_find_turns(struct chat_rendering *r, struct error *err);

/* The special token that the last of the spans ends with, but for white space after it; or -1. */
int32_t rendering_turn_end(const struct chat_rendering *r);

#endif
