#include "tui/app/notice.h"

#include "base/folder.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned kinds;
} ways[] = {
    {"bell", NOTIFY_BELL},
    {"title", NOTIFY_TITLE},
    {"osc9", NOTIFY_OSC_9},
    {"osc777", NOTIFY_OSC_777},
    {"all", NOTIFY_BELL | NOTIFY_TITLE | NOTIFY_OSC_9 | NOTIFY_OSC_777},
    {"off", 0},
};
enum { WAY_COUNT = sizeof ways / sizeof *ways };

/* Names with commas between them, as $SPECTRUM_NOTIFY has them. */
int notice_kinds(unsigned *out, const char *names, struct error *err)
{
    *out = 0;
    while (*names) {
        size_t length = strcspn(names, ","), i = 0;
        while (i < WAY_COUNT &&
               (strlen(ways[i].name) != length || strncmp(ways[i].name, names, length) != 0))
            i++;
        if (i == WAY_COUNT)
            return error_set(err,
                             "SPECTRUM_NOTIFY takes bell, title, osc9 and osc777, separated by "
                             "commas, or all or off, not \"%.40s\"",
                             names);
        *out |= ways[i].kinds;
        names += length + (names[length] == ',');
    }
    return 0;
}

void notice_put(struct notice *notice, const struct job_follow *job)
{
    if (notice->kinds == 0)
        return;
    snprintf(notice->title, sizeof notice->title, "spectrum: %s", path_last(job->path));
    job_follow_describe(job, notice->body, sizeof notice->body);
}
