/* YAML by events, so that nothing a file nests or refers to takes memory, and of YAML only what
 * says one thing: one document without tags, anchors and aliases, texts without a NUL. What else
 * there is is refused by its name and line, never passed over: a reader that took "!!binary bQ=="
 * for the text would do something else than the file says.
 *
 *     yaml_read() -> a taker, an event after the other, which refuses what it does not know
 */
#ifndef SPECTRUM_BASE_YAML_H
#define SPECTRUM_BASE_YAML_H

#include "base/error.h"

#include <yaml.h>

/* Of a scalar, and of the beginning and the end of lists and mappings; no others come. An error is
 * set without its place. */
typedef int yaml_taker(void *context, const yaml_event_t *event, struct error *err);

/* Hands all events of a text to `take`. Every error has "PATH:LINE: " in front; one that is found
 * here is of the kind `kind`. */
int yaml_read(const char *path, const char *text, size_t length, yaml_taker *take, void *context,
              enum error_kind kind, struct error *err);

/* A scalar's text. */
const char *yaml_text(const yaml_event_t *event);

#endif
