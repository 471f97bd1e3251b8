/* Which formats there are, for find.c; and when a file was written. */
#ifndef SPECTRUM_TRACKER_FIND_H
#define SPECTRUM_TRACKER_FIND_H

#include "tracker/format.h"

#include <sys/stat.h>

const struct tracker_format *tracker_formats(size_t *count);

static inline double file_written(const struct stat *info)
{
    return (double)info->st_mtim.tv_sec + (double)info->st_mtim.tv_nsec * 1e-9;
}

#endif
