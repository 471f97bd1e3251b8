/* One element of a tensor at a time, whatever it is stored as: read as a double, and rounded once
 * when it is written. Internal to the reference back end. */
#ifndef SPECTRUM_COMPUTE_ELEMENTS_H
#define SPECTRUM_COMPUTE_ELEMENTS_H

#include "base/number.h"
#include "compute/host.h"

/* The elements of an f32 or bf16 tensor; memory is NULL where it is not there. */
struct elements {
    void *memory;
    enum storage type;
};

static inline struct elements elements_of(const struct tensor *tensor)
{
    return (struct elements){host_data(tensor), tensor->storage};
}

static inline double get(struct elements from, int64_t i)
{
    return from.type == STORAGE_F32 ? ((const float *)from.memory)[i]
                                    : bf16_to_float(((const uint16_t *)from.memory)[i]);
}

static inline void put(struct elements to, int64_t i, double value)
{
    if (to.type == STORAGE_F32)
        ((float *)to.memory)[i] = (float)value;
    else
        ((uint16_t *)to.memory)[i] = bf16_from_float((float)value);
}

/* put(), or added to what is there. */
static inline void put_or_add(struct elements to, int64_t i, double value,
                              enum accumulate accumulate)
{
    put(to, i, accumulate == ADD ? get(to, i) + value : value);
}

#endif
