/* What the program finds in this shared object. */
#include "compute/plugin.h"

#include "gpu/device.h"

__attribute__((visibility("default"))) extern const struct backend_plugin spectrum_plugin;

const struct backend_plugin spectrum_plugin = {
    .version = BACKEND_VERSION,
    .count = device_count,
    .open = device_open,
    .describe = device_describe,
};
