#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct hash *hash_new(struct error *err)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        error_set(err, "not enough memory for a fingerprint");
    else
        XXH3_128bits_reset(state);
    return (struct hash *)state;
}

void hash_update(struct hash *hash, const void *bytes, size_t count)
{
    XXH3_128bits_update((XXH3_state_t *)hash, bytes, count);
}

void hash_optional(struct hash *hash, const char *text)
{
    hash_update(hash, text ? "1" : "0", 1);
    if (text)
        hash_update(hash, text, strlen(text) + 1);
}

void hash_text(const struct hash *hash, char out[HASH_TEXT_SIZE])
{
    XXH128_hash_t value = XXH3_128bits_digest((const XXH3_state_t *)hash);
    snprintf(out, HASH_TEXT_SIZE, "%016llx%016llx", (unsigned long long)value.high64,
             (unsigned long long)value.low64);
}

void hash_free(struct hash *hash)
{
    XXH3_freeState((XXH3_state_t *)hash);
}
