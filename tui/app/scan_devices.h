/* What computes a scan, as its job says it (tui/cli/scan_job.h): read from the job's file, so that
 * the screen itself asks no device. */
#ifndef SPECTRUM_TUI_APP_SCAN_DEVICES_H
#define SPECTRUM_TUI_APP_SCAN_DEVICES_H

#include "base/json.h"
#include "compute/backend.h"
#include "compute/devices/devices.h"

struct scan_devices {
    struct device_info now; /* what computes; an empty id: not known yet */
    struct device_info all[DEVICES_MAX];
    int count;                   /* of all; 0: not known yet */
    char reason[ERROR_TEXT_MAX]; /* why the CPU computes in a device's place, last; "": it does not
                                    have to */
    size_t reasons;              /* how many there were so far */
};

/* Takes an event "device" in. What is wrong in it is left out. */
void scan_devices_take(struct scan_devices *devices, const cJSON *event);

/* Another job begins: what the last one said of itself is over, the list stays. */
void scan_devices_begin(struct scan_devices *devices);

/* "148 of 150 GiB free", "150 GiB", "" where nothing is known. */
void device_memory_put(const struct device_info *device, char *out, size_t size);

/* "cuda:0 NVIDIA H200, 148 of 150 GiB free" in at most so many columns: else without the name, else
 * the id alone. The CPU's memory is not its own, and left out: "cpu avx512, 16 threads". */
void device_put(const struct device_info *device, int columns, char *out, size_t size);

#endif
