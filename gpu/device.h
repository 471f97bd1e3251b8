/* One GPU as a back end of `compute`: its slots, and the host memory that it copies from quickest.
 */
#ifndef SPECTRUM_GPU_DEVICE_H
#define SPECTRUM_GPU_DEVICE_H

#include "compute/backend.h"
#include "compute/spectra.h"
#include "gpu/slot.h"

struct device {
    int number;
    struct device_info info; /* as device_describe() has it: asking takes milliseconds */
    struct slot_pool pool;
};

/* What a program calls first. How many there are, at least one; -1: none, and the error says
 * whether the driver or the device is missing. */
int device_count(struct error *err);

/* Without opening it: free_memory is not known. */
int device_describe(struct device_info *out, int number, struct error *err);

/* ERROR_DEVICE: it is busy. */
int device_open(struct backend **out, int number, struct error *err);

/* What begins every operation: the device is a property of the calling thread. */
int device_enter(const struct device *device, struct error *err);

/* Says that this device is lost, and why; returns -1. */
int device_lost(const struct device *device, const struct error *trouble, struct error *err);

extern const struct spectra_ops device_spectra_ops;

#endif
