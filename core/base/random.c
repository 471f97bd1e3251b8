#include "base/random.h"

#include <math.h>

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
    /* Words below 2^32 mod bound would make small results likelier: draw again. */
    uint32_t reject = (uint32_t)(-bound) % bound, word;
    do
        word = random_u32(stream);
    while (word < reject);
    return word % bound;
}

double random_uniform(struct random_stream *stream)
{
    uint64_t high = random_u32(stream) >> 5, low = random_u32(stream) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

double random_normal(struct random_stream *stream)
{
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(stream)));
    return radius * cos(2.0 * 3.14159265358979323846 * random_uniform(stream));
}
