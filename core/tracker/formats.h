/* The table of formats: a row each, with the functions of the file that reads it. */
#ifndef SPECTRUM_TRACKER_FORMATS_H
#define SPECTRUM_TRACKER_FORMATS_H

#include "tracker/format.h"

const struct tracker_format *tracker_formats(size_t *count);

#endif
