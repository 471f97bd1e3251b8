#include "base/hash.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"

#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* A struct hash is xxHash's state itself: its layout is the library's, so it is only ever pointed
 * to. */
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

/* --- SHA-256, and SHA-1 --- */

/* A digest counts its bytes, because whoever keeps a digest keeps the length beside it. */
struct digest {
    union {
        struct sha256_ctx sha256;
        struct sha1_ctx sha1;
    } context;
    bool is_sha1;
    uint64_t bytes;
};

struct digest *digest_new(struct error *err)
{
    struct digest *digest = array_alloc(1, sizeof *digest, err);
    if (digest)
        sha256_init(&digest->context.sha256);
    return digest;
}

struct digest *digest_new_sha1(struct error *err)
{
    struct digest *digest = array_alloc(1, sizeof *digest, err);
    if (digest) {
        digest->is_sha1 = true;
        sha1_init(&digest->context.sha1);
    }
    return digest;
}

void digest_update(struct digest *digest, const void *bytes, size_t count)
{
    if (digest->is_sha1)
        sha1_update(&digest->context.sha1, count, bytes);
    else
        sha256_update(&digest->context.sha256, count, bytes);
    digest->bytes += count;
}

uint64_t digest_bytes(const struct digest *digest)
{
    return digest->bytes;
}

/* In hexadecimal; the digest then begins again. */
void digest_text(struct digest *digest, char out[DIGEST_TEXT_SIZE])
{
    uint8_t value[SHA256_DIGEST_SIZE];
    size_t size = digest->is_sha1 ? SHA1_DIGEST_SIZE : SHA256_DIGEST_SIZE;
    if (digest->is_sha1)
        sha1_digest(&digest->context.sha1, size, value);
    else
        sha256_digest(&digest->context.sha256, size, value);
    digest->bytes = 0;
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", value[i]);
}

void digest_free(struct digest *digest)
{
    free(digest);
}

int digest_of(const void *bytes, size_t count, char out[DIGEST_TEXT_SIZE], struct error *err)
{
    struct digest *digest = digest_new(err);
    if (!digest)
        return -1;
    digest_update(digest, bytes, count);
    digest_text(digest, out);
    digest_free(digest);
    return 0;
}

/* A megabyte at a time. */
int digest_of_file(const char *path, char out[DIGEST_TEXT_SIZE], struct error *err)
{
    enum { PIECE = 1 << 20 };
    uint64_t size = 0;
    int status = -1, fd = file_open_read(path, &size, err);
    struct digest *digest = fd >= 0 ? digest_new(err) : NULL;
    char *piece = digest ? array_alloc(PIECE, 1, err) : NULL;
    if (!piece)
        goto out;
    status = 0;
    for (uint64_t at = 0; at < size && status == 0; at += PIECE) {
        size_t count = size - at < PIECE ? (size_t)(size - at) : PIECE;
        status = file_read_at(fd, piece, count, at, path, err);
        if (status == 0)
            digest_update(digest, piece, count);
    }
    if (status == 0)
        digest_text(digest, out);
out:
    free(piece);
    digest_free(digest);
    if (fd >= 0)
        sys.close(fd);
    return status;
}
