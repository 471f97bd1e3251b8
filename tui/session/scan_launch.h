/* The job of a model's scan as the screen sees it from outside: where it lies, how it begins, and
 * which devices it says there are. What it computes is scan_feed.h's.
 *
 * There is one job a model, in a folder that is named by the model's path; so all windows that have
 * the model open find the same one, and the first of them starts it. Which devices there are the
 * job says in its metrics (tui/cli/scan_view.h writes these lines): the screen's process asks no
 * device, since that would load a GPU's plug-in and its driver into it.
 */
#ifndef SPECTRUM_TUI_SESSION_SCAN_LAUNCH_H
#define SPECTRUM_TUI_SESSION_SCAN_LAUNCH_H

#include "base/json.h"
#include "compute/backend.h"
#include "compute/devices/devices.h"
#include "model/score_table.h"

#include <stdbool.h>

/* Its directory, newly allocated: the same for every window that has the model open. */
char *scan_launch_path(const struct scan *scan, struct error *err);

/* Starts it in that directory on a device, unless it runs, which *joined says. `goes_on`: what it
 * told so far stays, for those who read it still. */
int scan_launch(const char *job, const struct scan *scan, const char *device, bool goes_on,
                bool *joined, struct error *err);

/* --- what computes --- */

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
