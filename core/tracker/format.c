#include "tracker/format.h"

#include "base/file.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

double tracker_file_written(const struct stat *info)
{
    return (double)info->st_mtim.tv_sec + (double)info->st_mtim.tv_nsec * 1e-9;
}

int tracker_look(struct tracker *tracker, const char *path, struct error *err)
{
    struct stat info;
    int there = file_look(path, &info, err);
    if (there == 0)
        return error_set(err, "%s is gone", path);
    if (there > 0 && tracker_file_written(&info) > tracker->written)
        tracker->written = tracker_file_written(&info);
    return there > 0 ? 0 : -1;
}

void tracker_say_damage(struct tracker *tracker, const char *format, ...)
{
    va_list arguments;
    if (tracker->damage[0])
        return;
    va_start(arguments, format);
    vsnprintf(tracker->damage, sizeof tracker->damage, format, arguments);
    va_end(arguments);
    utf8_sanitize(tracker->damage);
}
