/* The local cache of the Hugging Face hub: where it is, and what of a repository lies in it.
 *
 *     <hub>/models--org--name/refs/main              the name of a revision
 *     <hub>/models--org--name/snapshots/<revision>/  its files: config.json, the weights
 *
 * Nothing is fetched here (hub/fetch.h does that): a model that is named as on the hub is found where
 * it was put before, or is not there. */
#ifndef SPECTRUM_CHECKPOINT_HUB_H
#define SPECTRUM_CHECKPOINT_HUB_H

#include "base/error.h"

/* Where the local Hugging Face cache is: $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub,
 * $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub, as huggingface_hub has it, with "~",
 * "~user", "$NAME" and "${NAME}" in any of them. Newly allocated; NULL when memory runs out. */
char *checkpoint_hub_folder(void);

/* Where the token of the hub's user is kept: $HF_TOKEN_PATH, or "token" in $HF_HOME,
 * $XDG_CACHE_HOME/huggingface or ~/.cache/huggingface, likewise. */
char *checkpoint_hub_token_file(void);

/* "<hub>/models--org--name" of "org/name", "<hub>/models--name" of a model without an owner. */
char *checkpoint_hub_repository(const char *hub, const char *name);

/* --- internal to core/checkpoint --- */

/* The snapshot folder of "org/name" or "name" in the cache, through refs/main: 1, and newly allocated;
 * 0: there is none; -1: that cannot be told. */
int hub_snapshot(char **out, const char *name, struct error *err);

#endif
