/* Back ends that are shared objects: found, loaded and asked when one of their devices is wanted,
 * so that one program runs with and without them.
 *
 * A plug-in is "spectrum-NAME.so" beside the program, or in ../lib/spectrum from there; where
 * $SPECTRUM_PLUGINS names a folder, it is there or nowhere. It stays loaded until the program ends.
 */
#ifndef SPECTRUM_COMPUTE_PLUGIN_H
#define SPECTRUM_COMPUTE_PLUGIN_H

#include "compute/backend.h"

/* What a plug-in exports, as PLUGIN_SYMBOL. */
struct backend_plugin {
    int version; /* BACKEND_VERSION */
    /* How many devices there are, at least one; -1: none can be used, and the error says what is
     * missing, the driver or the device. */
    int (*count)(struct error *err);
    /* Opens the device of this number, 0 to count() - 1. ERROR_DEVICE: it is busy. */
    int (*open)(struct backend **out, int number, struct error *err);
    /* Device `number` without opening it: all but free_memory. */
    int (*describe)(struct device_info *out, int number, struct error *err);
};

#define PLUGIN_SYMBOL "spectrum_plugin"

/* The plug-in of this name ("cuda"); NULL and an error that says where it was looked for, or why it
 * does not load. */
const struct backend_plugin *plugin_find(const char *name, struct error *err);

#endif
