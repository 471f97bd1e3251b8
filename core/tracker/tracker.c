#include "tracker/tracker.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"
#include "tracker/find.h"
#include "tracker/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are preferred where one run has several. */
static const struct tracker_format formats[] = {
    {.tool = "LLaMA-Factory",
     .knows = json_lines_are_llama_factory,
     .open = json_lines_open,
     .read = json_lines_read,
     .close = free},
    {.tool = "ms-swift",
     .knows = json_lines_are_swift,
     .open = json_lines_open,
     .read = json_lines_read,
     .close = free},
    {.tool = "TensorBoard",
     .knows = tensorboard_is,
     .open = tensorboard_open,
     .read = tensorboard_read,
     .close = tensorboard_close},
    {.tool = "trackio",
     .knows = trackio_is,
     .open = trackio_open,
     .read = trackio_read,
     .close = trackio_close},
    {.tool = "W&B",
     .knows = wandb_is,
     .open = wandb_open,
     .read = wandb_read,
     .close = wandb_close},
    {.tool = "JSON lines",
     .knows = json_lines_are_steps,
     .open = json_lines_open,
     .read = json_lines_read,
     .close = free},
    {.tool = "Hugging Face Trainer",
     .at_saves = true,
     .knows = trainer_state_is,
     .open = trainer_state_open,
     .read = trainer_state_read,
     .close = free},
};

const struct tracker_format *tracker_formats(size_t *count)
{
    *count = sizeof formats / sizeof *formats;
    return formats;
}

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
    tracker->written = log->written;
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
        tracker_say_damage(tracker, "it has more than %d names: the others are left out",
                           STEPS_VALUES);
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
    return tracker->run;
}

const char *tracker_damage(const struct tracker *tracker)
{
    return tracker->damage;
}

/* --- for the formats --- */

int tracker_look(struct tracker *tracker, const char *path, struct error *err)
{
    struct stat info;
    int there = file_look(path, &info, err);
    if (there == 0)
        return error_set(err, "%s is gone", path);
    if (there > 0 && file_written(&info) > tracker->written)
        tracker->written = file_written(&info);
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
