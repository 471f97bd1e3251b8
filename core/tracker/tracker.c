#include "tracker/tracker.h"

#include "base/memory.h"
#include "base/process.h"
#include "tracker/format.h"

#include <math.h>
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
    tracker->run = log->run ? string_copy(log->run, err) : NULL;
    tracker->id = log->id ? string_copy(log->id, err) : NULL;
    if (!tracker->path || (log->run && !tracker->run) || (log->id && !tracker->id) ||
        log->format->open(tracker, err) != 0) {
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
    buffer_free(&tracker->damage);
    free(tracker->run);
    free(tracker->id);
    free(tracker->path);
    free(tracker);
}

/* A log's end releases what is held, too. */
int tracker_read(struct tracker *tracker, struct buffer *lines, bool *more, struct error *err)
{
    bool as_before = false, several = tracker->format->runs; /* one's file is another's, too */
    int status =
        several ? 0 : tracker_look(tracker, tracker->path, &tracker->seen, &as_before, err);
    *more = false;
    tracker->steps.lines = lines;
    if (status == 0 && !(tracker->format->alone && as_before && !tracker->unread))
        status = tracker->format->read(tracker, more, err);
    tracker->unread = *more || status != 0;
    if (status == 0 && !*more)
        steps_flush(&tracker->steps, tracker_ended(tracker) ? 0 : tracker_hold);
    if (tracker->steps.left_out > 0)
        tracker_say_damage(tracker,
                           "it has more than %d names, or one of more than %d bytes: such numbers "
                           "are left out",
                           STEPS_VALUES, STEPS_NAME - 1);
    if (tracker->steps.diverged)
        tracker_say_damage(tracker, "from step %lld on it has losses that are NaN or infinite",
                           (long long)tracker->steps.diverged_at);
    tracker_end_look(tracker);
    return status == 0 ? buffer_check(lines, err) : -1;
}

/* Steps that have been read, the largest, as one that comes late is the last of its log. */
static int64_t largest_step(const struct tracker *tracker)
{
    int64_t step = tracker->steps.step;
    for (size_t i = 0; i < tracker->steps.count; i++)
        if (tracker->steps.values[i].last > step)
            step = tracker->steps.values[i].last;
    return step;
}

int64_t tracker_last_step(const struct tracker_log *log)
{
    enum { LOOKS = 16 };
    struct tracker *tracker;
    struct buffer lines = BUFFER_INIT;
    int64_t step = -1;
    bool more = true;
    if (tracker_open(&tracker, log, NULL) != 0)
        return -1;
    if (log->format->to_end)
        log->format->to_end(tracker);
    for (int i = 0; i < LOOKS && more; i++) {
        buffer_clear(&lines);
        if (tracker_read(tracker, &lines, &more, NULL) != 0)
            break;
    }
    if (!more)
        step = largest_step(tracker);
    buffer_free(&lines);
    tracker_close(tracker);
    return step;
}

int64_t tracker_steps(const struct tracker *tracker)
{
    return tracker->steps.total;
}

bool tracker_ended(const struct tracker *tracker)
{
    return tracker->ended || tracker->steps.ended;
}

/* 0: none is; one whose time is over waits for the next look. */
double tracker_holds(const struct tracker *tracker)
{
    enum { LEAST_MS = 1 };
    double left = tracker->steps.since + tracker_hold - clock_seconds();
    return !tracker->steps.fresh ? 0 : fmax(left, LEAST_MS / 1e3);
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
    return buffer_string(&tracker->damage) + tracker->unsaid;
}

void tracker_damage_said(struct tracker *tracker)
{
    tracker->unsaid = tracker->damage.length;
}
