#include "tracker/tracker.h"

#include "base/memory.h"
#include "tracker/format.h"

#include <stdlib.h>

const char *tracker_tool(const struct tracker_log *log)
{
    return log->format->tool;
}

/* --- a log that is open --- */

double tracker_hold = 0.3;

int tracker_open(struct tracker **out, const struct tracker_log *log, struct error *err)
{
    struct tracker *tracker = array_alloc(1, sizeof *tracker, err);
    *out = NULL;
    if (!tracker)
        return -1;
    tracker->format = log->format;
    tracker->in_folder = log->in_folder;
    tracker->steps.step = -1;
    tracker->path = string_copy(log->path, err);
    if (!tracker->path || log->format->open(tracker, err) != 0) {
        tracker_close(tracker);
        return -1;
    }
    *out = tracker;
    return 0;
}

void tracker_close(struct tracker *tracker)
{
    if (!tracker)
        return;
    if (tracker->state)
        tracker->format->close(tracker->state);
    free(tracker->run);
    free(tracker->path);
    free(tracker);
}

/* A log's end releases what is held, too. */
int tracker_read(struct tracker *tracker, struct buffer *lines, bool *more, struct error *err)
{
    *more = false;
    tracker->steps.lines = lines;
    if (tracker_look(tracker, tracker->path, err) != 0 ||
        tracker->format->read(tracker, more, err) != 0)
        return -1;
    if (!*more)
        steps_flush(&tracker->steps, tracker_ended(tracker) ? 0 : tracker_hold);
    if (tracker->steps.left_out > 0)
        tracker_say_damage(tracker,
                           "it has more than %d names, or one of more than %d bytes: such numbers "
                           "are left out",
                           STEPS_VALUES, STEPS_NAME - 1);
    return buffer_check(lines, err);
}

int64_t tracker_steps(const struct tracker *tracker)
{
    return tracker->steps.total;
}

bool tracker_ended(const struct tracker *tracker)
{
    return tracker->ended || tracker->steps.ended;
}

bool tracker_holds(const struct tracker *tracker)
{
    return tracker->steps.fresh;
}

double tracker_written(const struct tracker *tracker)
{
    return tracker->written;
}

const char *tracker_run(const struct tracker *tracker)
{
    return tracker->run ? tracker->run : "";
}

const char *tracker_damage(const struct tracker *tracker)
{
    return tracker->damage;
}
