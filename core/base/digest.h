/* SHA-256 (FIPS 180-4) of bytes as they come: for what must be found again as it was written.
 * hash.h has the fast fingerprints for caches. */
#ifndef SPECTRUM_BASE_DIGEST_H
#define SPECTRUM_BASE_DIGEST_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define DIGEST_TEXT_SIZE 65 /* 64 hexadecimal digits and the NUL */

struct digest; /* one under way */

struct digest *digest_new(struct error *err);
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
