/* Fingerprints of content: 128-bit XXH3, for caches and for "is this the same file". Not a defence
 * against someone who makes collisions on purpose; nothing secret hangs on it. */
#ifndef SPECTRUM_BASE_HASH_H
#define SPECTRUM_BASE_HASH_H

#include "base/error.h"

#include <stddef.h>

#define HASH_TEXT_SIZE 33 /* 32 hexadecimal digits and the NUL */

struct hash; /* a hash under way */

struct hash *hash_new(struct error *err);
void hash_update(struct hash *hash, const void *bytes, size_t count);
void hash_optional(struct hash *hash, const char *text); /* a text, or NULL, which is another */
void hash_text(const struct hash *hash, char out[HASH_TEXT_SIZE]);
void hash_free(struct hash *hash);

#endif
