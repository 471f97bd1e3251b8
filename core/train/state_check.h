/* What a state says of its own files. Internal to core/train. */
#ifndef SPECTRUM_TRAIN_STATE_CHECK_H
#define SPECTRUM_TRAIN_STATE_CHECK_H

#include "base/hash.h"
#include "base/json_writer.h"

/* Adds one of "files": `"weights.safetensors": {"sha256": "..", "bytes": ..}`; ends the digest. */
void state_put_file(struct json_writer *json, const char *name, struct digest *digest);

/* Ends the outermost object with the digest of all before it, `, "sha256": ".."}`, and the line. */
int state_put_seal(struct json_writer *json, struct error *err);
/* 1: the text is as it was sealed; 0: it has no seal; -1: it is another text. */
int state_seal_holds(const struct buffer *text);

/* The step of the state before this one that a run may go on from; -1: none. */
int64_t state_step_before(const char *folder);

#endif
