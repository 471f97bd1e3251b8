/* A JSON text that ends with the digest of all before it: state.json and left.json. One changed bit
 * is found whenever such a file is read.
 *
 *     {"format": .., ..., "sha256": "<SHA-256 of what stands before the comma>"}
 *
 * Internal to core/train.
 */
#ifndef SPECTRUM_TRAIN_STATE_SEAL_H
#define SPECTRUM_TRAIN_STATE_SEAL_H

#include "base/json.h"
#include "base/json_writer.h"

/* Such a file has no more bytes: a name for every tensor that trains. */
enum { STATE_JSON_MAX = 1 << 28 };

/* Ends the outermost object with the digest and the line. */
int state_seal_put(struct json_writer *json, struct error *err);

/* The file's JSON; NULL with what is wrong with it, without its path. *sealed says whether it ends
 * with a digest, as files of earlier versions do not; where `sealed` is NULL it has to. */
cJSON *state_seal_read(const char *path, bool *sealed, struct error *why);

#endif
