/* Event files as TensorBoard's own writer makes them (tensorboard.c has the form of a record): first
 * the version, then an event for each line, with all of its scalars. A record is one write, so a
 * reader sees it whole or not at all. A sitting has a file of its own; one that goes back to a step
 * begins with a mark, for which TensorBoard drops what earlier files have after that step. */
#include "base/buffer.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "tracker/crc32c.h"
#include "tracker/event.pb-c.h"
#include "tracker/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct event_writer {
    int fd;
    char *path;
    double time; /* of the event before */
    struct buffer record;
    Tracker__Scalar scalars[TARGET_VALUES], *list[TARGET_VALUES];
};

static void put_word(struct buffer *out, uint64_t word, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buffer_byte(out, (char)(word >> 8 * i));
}

static int put_event(struct event_writer *writer, const Tracker__Event *event, struct error *err)
{
    size_t length = tracker__event__get_packed_size(event);
    struct buffer *record = &writer->record;
    uint8_t *packed = array_alloc(length, 1, err);
    if (!packed)
        return -1;
    tracker__event__pack(event, packed);
    buffer_clear(record);
    put_word(record, length, 8);
    put_word(record, crc32c_masked(buffer_string(record), 8), 4);
    buffer_append(record, packed, length);
    put_word(record, crc32c_masked(packed, length), 4);
    free(packed);
    if (buffer_check(record, err) != 0)
        return -1;
    return file_write(writer->fd, record->data, record->length, writer->path, err);
}

static char *file_path(const char *folder, double now, struct error *err)
{
    char host[256] = "localhost";
    struct buffer name = BUFFER_INIT;
    gethostname(host, sizeof host - 1);
    host[strcspn(host, "/")] = '\0';
    buffer_format(&name, "events.out.tfevents.%.0f.%s.%ld.0.spectrum", now, host, (long)getpid());
    char *path = buffer_check(&name, err) == 0 ? path_join(folder, name.data, err) : NULL;
    buffer_free(&name);
    return path;
}

int write_tensorboard_open(void **state, const char *folder, const char *run, struct error *err)
{
    struct event_writer *writer = array_alloc(1, sizeof *writer, err);
    (void)run;
    if (!writer)
        return -1;
    writer->time = (double)sys.time(NULL);
    writer->path = file_path(folder, writer->time, err);
    writer->fd = writer->path
                     ? sys.open(writer->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0666)
                     : -1;
    Tracker__Event event = TRACKER__EVENT__INIT;
    event.wall_time = writer->time;
    event.what_case = TRACKER__EVENT__WHAT_FILE_VERSION;
    event.file_version = "brain.Event:2";
    if (writer->path && writer->fd < 0)
        error_set_errno(err, errno, "cannot write %s", writer->path);
    if (writer->fd >= 0 && put_event(writer, &event, err) == 0) {
        *state = writer;
        return 0;
    }
    write_tensorboard_close(writer);
    return -1;
}

int write_tensorboard_put(void *state, const struct target_line *line, struct error *err)
{
    struct event_writer *writer = state;
    Tracker__Summary summary = TRACKER__SUMMARY__INIT;
    Tracker__Event event = TRACKER__EVENT__INIT;
    for (size_t i = 0; i < line->count; i++) {
        tracker__scalar__init(&writer->scalars[i]);
        writer->scalars[i].tag = (char *)(uintptr_t)line->values[i].name;
        writer->scalars[i].what_case = TRACKER__SCALAR__WHAT_SIMPLE_VALUE;
        writer->scalars[i].simple_value = (float)line->values[i].value;
        writer->list[i] = &writer->scalars[i];
    }
    summary.value = writer->list;
    summary.n_value = line->count;
    event.wall_time = line->time;
    event.step = line->step;
    event.what_case = TRACKER__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    writer->time = line->time;
    return put_event(writer, &event, err);
}

int write_tensorboard_go_back(void *state, int64_t step, struct error *err)
{
    struct event_writer *writer = state;
    Tracker__SessionLog start = TRACKER__SESSION_LOG__INIT;
    Tracker__Event event = TRACKER__EVENT__INIT;
    start.status = 1;
    event.wall_time = writer->time;
    event.step = step + 1;
    event.what_case = TRACKER__EVENT__WHAT_SESSION_LOG;
    event.session_log = &start;
    return put_event(writer, &event, err);
}

void write_tensorboard_close(void *state)
{
    struct event_writer *writer = state;
    if (writer->fd >= 0)
        sys.close(writer->fd);
    buffer_free(&writer->record);
    free(writer->path);
    free(writer);
}
