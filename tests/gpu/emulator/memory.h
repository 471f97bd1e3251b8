/* The memory of the emulated devices: which of it is allocated is known, so that a copy or a call
 * that leaves it ends the process, and what surrounds each allocation is watched. Fresh and freed
 * memory is all NaN. */
#ifndef SPECTRUM_TESTS_MEMORY_H
#define SPECTRUM_TESTS_MEMORY_H

#include <cstddef>
#include <cstdint>

/* NULL: the device has no more. */
void *memory_take(int device, size_t bytes);

/* False: nothing was allocated here. Ends the process if a kernel wrote beside it. */
bool memory_give_back(void *pointer);

/* Bytes in use. */
size_t memory_used(int device);

/* Pinned host memory. */
void *memory_take_pinned(size_t bytes);
bool memory_give_back_pinned(void *pointer);

/* Ends the process unless all of it lies in one allocation of the device. */
void memory_check(int device, const void *from, size_t bytes, const char *who);

/* The same for a matrix of doubles, column-major. */
void memory_check_matrix(int device, const void *from, int64_t rows, int64_t cols, int64_t ld,
                         const char *who);

/* Ends the process if any of it lies in a device's memory. */
void memory_check_host(const void *from, size_t bytes, const char *who);

/* Ends the process unless kernels can follow this pointer, to a device's or to pinned memory. */
void memory_check_visible(const void *pointer, const char *who);

#endif
