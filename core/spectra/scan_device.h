/* What computes a scan's rows: the back end that the scan was given, and the CPU for what that one
 * cannot. Internal to core/spectra. */
#ifndef SPECTRUM_SPECTRA_SCAN_DEVICE_H
#define SPECTRUM_SPECTRA_SCAN_DEVICE_H

#include "spectra/scan_parts.h"

/* The name of what is to compute where the scan opens it itself. */
const char *device_of(const struct scan_options *options);

/* Opens it, unless the scan was given one, and tells the observer. */
int open_device(struct run *run, struct error *err);

/* What computes this row. */
const struct backend *backend_of(const struct run *run, size_t row);

/* Matrices side by side: as many as there are threads, while the largest of them, computed the way
 * that takes most, fit into a quarter of the free memory, or into 1.1 GiB of it. */
int side_by_side(const struct run *run);

/* The processor computes the rows of this one's shape, which the device cannot, or with -1 all that
 * are left, since the device is lost. Says so, once. */
int turn_to_processor(struct run *run, int64_t row, const char *why, struct error *err);

#endif
