#include "tracker/crc32c.h"

#include <pthread.h>

static uint32_t table[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
        table[byte] = crc;
    }
}

uint32_t crc32c_masked(const void *data, size_t length)
{
    const uint8_t *at = data;
    uint32_t crc = ~0u;
    pthread_once(&once, fill);
    while (length--)
        crc = crc >> 8 ^ table[(crc ^ *at++) & 255];
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}
