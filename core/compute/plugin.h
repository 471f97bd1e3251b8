/* Back ends that are shared objects: found, loaded and asked when one of their devices is wanted,
 * so that one program runs with and without them.
 *
 * A plug-in is "spectrum-NAME.so" beside the program, or in ../lib/spectrum from there; where
 * $SPECTRUM_PLUGINS names a folder, it is there or nowhere (a set-uid program does not read the
 * variable). The file, the folder that holds it and those above must belong to root, to this user
 * or to the program's owner, and nobody else may write to them; above the folder that holds it a
 * sticky one will do, as /tmp. One that talks to the driver is loaded only where the driver is:
 * CUDA's libraries take 250 MB. It stays loaded until the program ends.
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

/* The plug-in of this name ("cuda"). NULL and an error that says where it was looked for, why it is
 * not loaded, or that there is no driver. One that nobody asked for by name (`asked`) may be
 * missing, and so may its driver or its device: NULL, and `err` stays as it was; it is set where
 * the plug-in would have been of use. */
const struct backend_plugin *plugin_find(const char *name, bool asked, struct error *err);

#endif
