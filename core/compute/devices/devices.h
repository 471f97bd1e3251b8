/* The devices that there are, by the names that --device takes, and how their back ends are opened.
 */
#ifndef SPECTRUM_COMPUTE_DEVICES_DEVICES_H
#define SPECTRUM_COMPUTE_DEVICES_DEVICES_H

#include "compute/backend.h"

#include <string.h>

/* Opens "cpu", "reference", "cuda" or "cuda:N", the Nth device; threads 0 = all cores. "auto" is
 * the CPU. An unknown name is ERROR_USAGE with the names that there are; where something is missing
 * the error says exactly what: the plug-in, the driver, the device. ERROR_DEVICE: it is there, but
 * busy. "checked", for tests, is the CPU with memory that only operations can touch
 * (wrappers/wrapper.h). */
int backend_open(struct backend **out, const char *device, int threads, struct error *err);

/* The same for a scan: "auto" is the first GPU that can be had and is quick in fp64, and the CPU
 * where there is none (GPUs do not train yet); where a GPU is busy, or its plug-in must not be
 * loaded, the CPU takes its place, with the reason in `busy`, which is of kind ERROR_DEVICE then,
 * else ERROR_NONE. */
int backend_open_for_scan(struct backend **out, const char *device, int threads, struct error *busy,
                          struct error *err);

/* Is it "cuda", "cuda:1", or a name that only a GPU could have? */
static inline bool device_is_gpu(const char *device)
{
    return strncmp(device, "cuda", 4) == 0;
}

enum { DEVICES_MAX = 17 }; /* the CPU and sixteen GPUs; more are not listed */

/* The devices that can be opened, without opening one: "cpu", then the GPUs. Fills at most `most`
 * of them and returns how many it filled. */
int backend_devices(struct device_info *out, int most);

/* 0 where there is a back end of that name, else backend_open()'s error; opens no device. */
int backend_check(const char *device, struct error *err);

/* The same for what runs a model, which GPUs do not do yet: nobody is sent for a driver first. */
int backend_check_training(const char *device, struct error *err);

/* The CPU back end: a level of its operations, oneDNN for products. `level`: "avx512", "avx2",
 * "base"; NULL: the widest. One that the processor lacks is an error. */
int cpu_backend_new(struct backend **out, const char *level, int threads, struct error *err);

#endif
