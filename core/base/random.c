#include "base/random.h"

#include <math.h>

/* Ten rounds. With the high and the low word of the two products
 *
 *     (h0, l0) = 0xD2511F53 c0,   (h1, l1) = 0xCD9E8D57 c2
 *
 * a round is   c := (h1 ^ c1 ^ k0,  l1,  h0 ^ c3 ^ k1,  l0),   and the key's words then grow by
 * 0x9E3779B9 and 0xBB67AE85 (the first bits of the golden ratio's fraction and of the square root
 * of 3's).
 */
void random_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Word `position` of the stream: a block of four words is one value of the counter, so any word is
 * reached without those before it. */
uint32_t random_u32(struct random_stream *stream)
{
    uint64_t block = stream->position / 4;
    uint32_t key[2] = {(uint32_t)stream->seed, (uint32_t)(stream->seed >> 32)};
    uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0}, out[4];
    random_philox(key, counter, out);
    return out[stream->position++ % 4];
}

uint32_t random_below(struct random_stream *stream, uint32_t bound)
{
    /* Words below 2^32 mod bound would make small results likelier: others are drawn for them. */
    uint32_t reject = (uint32_t)(-bound) % bound, word;
    do
        word = random_u32(stream);
    while (word < reject);
    return word % bound;
}

/* A whole number of 53 bits, of two words' upper 27 and 26, times 2^-53. */
double random_uniform(struct random_stream *stream)
{
    uint64_t high = random_u32(stream) >> 5, low = random_u32(stream) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

/* Box & Muller 1958: sqrt(-2 ln u) cos(2 pi v), u in (0, 1]; the sine's value is not kept, so that
 * a number takes four words wherever it stands. */
double random_normal(struct random_stream *stream)
{
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(stream)));
    return radius * cos(2.0 * 3.14159265358979323846 * random_uniform(stream));
}
