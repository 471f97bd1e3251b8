/* A model of the hub that is read where it is: its headers and its matrices over HTTP ranges, none of it
 * kept.
 *
 *     hub_model_open -> hub_model_place -> checkpoint_open_place() ... -> hub_model_close
 *
 * What is read is of one commit. Each range is held against what was asked for, the file's length and
 * the ETag that the first one had: a server that ignores ranges, and a file that becomes another, are
 * errors by name. Unlike a fetched file it is not held against its SHA-256, which is of the whole.
 *
 * A read of several ranges, or of a long one, asks for up to HTTP_AT_ONCE pieces side by side; threads
 * that read at the same time have a session each. What a read takes of memory beside its output is
 * fixed.
 */
#ifndef SPECTRUM_HUB_REMOTE_H
#define SPECTRUM_HUB_REMOTE_H

#include "checkpoint/place.h"
#include "hub/hub_request.h"

struct hub_model;

/* The files of "org/name" at a revision. The hub must outlive it; should_stop (may be NULL) is asked by
 * every thread that waits for an answer. */
int hub_model_open(struct hub_model **out, struct hub *hub, const char *name, const char *revision,
                   bool (*should_stop)(void *context), void *context, struct error *err);
void hub_model_close(struct hub_model *model);

const struct checkpoint_place *hub_model_place(const struct hub_model *model);

#endif
