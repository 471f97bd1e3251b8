/* What tells one content from another, in hexadecimal digits.
 *
 *   hash     128 bits of XXH3: for caches and for "is this the same file", at the speed of
 *            memory. Not a defence against someone who makes collisions on purpose; nothing secret hangs on it.
 *   digest   SHA-256 (FIPS 180-4): for what must be found again as it was written, by whoever; and
 *            SHA-1, where others name a content by that, as git does.
 *
 * Both are born by _new(), take bytes in any pieces, and are freed by _free().
 */
#ifndef SPECTRUM_BASE_HASH_H
#define SPECTRUM_BASE_HASH_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define HASH_TEXT_SIZE 33 /* 32 hexadecimal digits and the NUL */

struct hash; /* a hash under way */

struct hash *hash_new(struct error *err);
void hash_update(struct hash *hash, const void *bytes, size_t count);
void hash_optional(struct hash *hash, const char *text); /* a text, or NULL, which is another */
void hash_text(const struct hash *hash, char out[HASH_TEXT_SIZE]);
void hash_free(struct hash *hash);

#define DIGEST_TEXT_SIZE 65 /* 64 hexadecimal digits and the NUL */

struct digest; /* a digest under way */

struct digest *digest_new(struct error *err);
/* Of SHA-1, whose text has 40 digits. Collisions of it can be made: it tells a damaged file from a
 * whole one, not a forged one. */
struct digest *digest_new_sha1(struct error *err);
void digest_update(struct digest *digest, const void *bytes, size_t count);
/* Bytes so far. */
uint64_t digest_bytes(const struct digest *digest);
/* Ends it; the next byte begins another. */
void digest_text(struct digest *digest, char out[DIGEST_TEXT_SIZE]);
void digest_free(struct digest *digest);

/* Of bytes that are there already. */
int digest_of(const void *bytes, size_t count, char out[DIGEST_TEXT_SIZE], struct error *err);

/* Of a whole file, which is read once, in pieces. */
int digest_of_file(const char *path, char out[DIGEST_TEXT_SIZE], struct error *err);

#endif
