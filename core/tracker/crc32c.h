/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as records of TensorBoard's event files
 * have it: masked, so that a sum over bytes that hold sums stays a good one,
 *
 *     masked(crc) = ((crc >> 15) | (crc << 17)) + 0xA282EAD8   (mod 2^32) */
#ifndef SPECTRUM_TRACKER_CRC32C_H
#define SPECTRUM_TRACKER_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c_masked(const void *data, size_t length);

#endif
