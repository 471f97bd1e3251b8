/* What the environment says of the hub, as huggingface_hub 2.4 reads it (its constants.py and
 * utils/_auth.py):
 *
 *     HF_ENDPOINT                      whose repositories: https://huggingface.co
 *     HF_TOKEN                         who asks; else HUGGING_FACE_HUB_TOKEN, else the file that
 *                                      HF_TOKEN_PATH names, $HF_HOME/token (checkpoint/hub.h)
 *     HF_HUB_DISABLE_IMPLICIT_TOKEN    nobody: no token is sent
 *     HF_HUB_OFFLINE, or TRANSFORMERS_OFFLINE    nothing is asked: what the cache has is taken
 *     HF_HUB_ETAG_TIMEOUT, HF_HUB_DOWNLOAD_TIMEOUT    seconds without a byte: 10
 *     HF_HUB_DISABLE_SYMLINKS          snapshots hold files, not links
 *
 * 1, ON, YES and TRUE in any case are yes, all else is no. The token is in `token` alone and is
 * overwritten before it is given back: no message, file or argument has it.
 */
#ifndef SPECTRUM_HUB_SETTINGS_H
#define SPECTRUM_HUB_SETTINGS_H

#include "base/error.h"

#include <stdbool.h>

struct hub_settings {
    char *endpoint;   /* without a slash at its end */
    char *token;      /* NULL: there is none */
    char *token_from; /* "HF_TOKEN", or the file's path */
    bool offline, disable_token, disable_symlinks;
    int etag_patience, download_patience; /* seconds */
    char *folder;                         /* the cache */
};

/* Refuses what would be read differently elsewhere: an endpoint that is no URL, or has a name in
 * it; a token with control characters; HF_OIDC_RESOURCE, whose tokens are not asked for here. */
int hub_settings_read(struct hub_settings *out, struct error *err);
void hub_settings_free(struct hub_settings *settings);

#endif
