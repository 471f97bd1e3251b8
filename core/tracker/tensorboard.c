/* TensorBoard's event files: of torch's SummaryWriter, transformers' Trainer, TRL, Axolotl, ...
 *
 *     record:  u64 length | u32 masked crc32c of these 8 bytes | data | u32 masked crc32c of data
 *     data:    an Event (event.proto); its scalars are simple_value, or, as TensorFlow 2 writes
 *              them, a tensor of one number
 *
 * A run has one file for each time that it was started, in one folder; all of the folder are read,
 * by name, which begins with the time. A record that is not whole yet waits for the next look. One
 * whose sum is wrong ends that file, as where the next one begins is not known then (TensorBoard
 * does the same). */
#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/sys.h"
#include "tracker/crc32c.h"
#include "tracker/event.pb-c.h"
#include "tracker/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_HEADER = 12,
    RECORD_MAX = 64 << 20, /* bytes; images and histograms are in the files, too */
    FILES_MAX = 256,
    CHUNK = 1 << 20,
    PART = 16 << 20 /* bytes of one look */
};

struct event_file {
    char name[256];
    uint64_t offset;
    bool ended; /* nothing is read of it from here on */
};

struct event_files {
    char *folder;
    char only[256]; /* a file that was named itself; "": all of the folder */
    struct event_file list[FILES_MAX];
    size_t count;
};

static bool is_name(const char *name)
{
    return strstr(name, ".tfevents.") != NULL;
}

/* The first record's own length passes its sum. */
bool tensorboard_is(const char *name, const char *head, size_t length)
{
    return is_name(name) && length >= RECORD_HEADER && crc32c_masked(head, 8) == load_u32(head + 8);
}

/* --- the files --- */

int tensorboard_open(struct tracker *tracker, struct error *err)
{
    struct event_files *files = array_alloc(1, sizeof *files, err);
    tracker->state = files;
    if (!files || !(files->folder = path_folder(tracker->path, err)))
        return -1;
    if (!tracker->in_folder)
        snprintf(files->only, sizeof files->only, "%s", path_last(tracker->path));
    return 0;
}

void tensorboard_close(void *state)
{
    struct event_files *files = state;
    free(files->folder);
    free(files);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct event_file *)a)->name, ((const struct event_file *)b)->name);
}

static bool is_listed(const struct event_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->list[i].name, name) == 0)
            return true;
    return false;
}

/* Enters files that came. Those that are there already keep their places. */
static int list_files(struct tracker *tracker, struct event_files *files, struct error *err)
{
    DIR *open = sys.opendir(files->folder);
    struct dirent *entry;
    int found;
    if (!open)
        return error_set(err, "cannot read the folder %s", files->folder);
    while ((found = folder_read(open, files->folder, &entry, err)) > 0) {
        bool wanted =
            files->only[0] ? strcmp(entry->d_name, files->only) == 0 : is_name(entry->d_name);
        if (!wanted || is_listed(files, entry->d_name))
            continue;
        if (files->count == FILES_MAX) {
            tracker_say_damage(tracker,
                               "of more than %d event files in the folder the others are "
                               "left out",
                               FILES_MAX);
            continue;
        }
        struct event_file *file = &files->list[files->count++];
        *file = (struct event_file){.offset = 0};
        snprintf(file->name, sizeof file->name, "%s", entry->d_name);
    }
    sys.closedir(open);
    qsort(files->list, files->count, sizeof *files->list, by_name);
    return found;
}

/* --- an event --- */

/* A tensor's only number; false: it is not one. */
static bool tensor_number(const Tracker__Tensor *tensor, double *value)
{
    enum { FLOAT = 1, DOUBLE = 2 };
    const ProtobufCBinaryData *bytes = &tensor->tensor_content;
    float single;
    if (tensor->dtype == FLOAT && tensor->n_float_val == 1) {
        *value = tensor->float_val[0];
    } else if (tensor->dtype == FLOAT && bytes->len == sizeof single) {
        memcpy(&single, bytes->data, sizeof single);
        *value = single;
    } else if (tensor->dtype == DOUBLE && tensor->n_double_val == 1) {
        *value = tensor->double_val[0];
    } else if (tensor->dtype == DOUBLE && bytes->len == sizeof *value) {
        memcpy(value, bytes->data, sizeof *value);
    } else {
        return false;
    }
    return true;
}

static bool take_event(struct tracker *tracker, const void *data, size_t length)
{
    Tracker__Event *event = tracker__event__unpack(NULL, length, data);
    if (!event)
        return false;
    if (event->what_case == TRACKER__EVENT__WHAT_SUMMARY) {
        for (size_t i = 0; i < event->summary->n_value; i++) {
            const Tracker__Scalar *scalar = event->summary->value[i];
            double value = scalar->simple_value;
            if (scalar->what_case == TRACKER__SCALAR__WHAT_SIMPLE_VALUE ||
                (scalar->what_case == TRACKER__SCALAR__WHAT_TENSOR &&
                 tensor_number(scalar->tensor, &value)))
                steps_put(&tracker->steps, event->step, scalar->tag, value);
        }
    } else if (event->what_case == TRACKER__EVENT__WHAT_SESSION_LOG &&
               event->session_log->status == 1 && event->step > 0)
        steps_go_back(&tracker->steps, event->step - 1);
    tracker__event__free_unpacked(event, NULL);
    return true;
}

/* --- records --- */

/* The record at the beginning of bytes[0..length): its size, 0 where it is not whole, and -1 where
 * it is damaged. */
static int64_t record_size(const char *bytes, size_t length)
{
    if (length < RECORD_HEADER)
        return 0;
    uint64_t data = load_u64(bytes);
    if (crc32c_masked(bytes, 8) != load_u32(bytes + 8) || data > RECORD_MAX)
        return -1;
    uint64_t size = RECORD_HEADER + data + 4;
    if (length < size)
        return 0;
    const char *sum = bytes + RECORD_HEADER + data;
    return crc32c_masked(bytes + RECORD_HEADER, (size_t)data) == load_u32(sum) ? (int64_t)size : -1;
}

/* Takes the whole records of a chunk; how many bytes they are. */
static size_t take_chunk(struct tracker *tracker, struct event_file *file, const char *bytes,
                         size_t length)
{
    size_t at = 0;
    int64_t size;
    while ((size = record_size(bytes + at, length - at)) > 0 &&
           take_event(tracker, bytes + at + RECORD_HEADER, (size_t)size - RECORD_HEADER - 4))
        at += (size_t)size;
    if (size != 0) {
        unsigned long long place = file->offset + at;
        file->ended = true;
        tracker_say_damage(tracker, "%s is damaged at byte %llu: the rest of it is not read",
                           file->name, place);
    }
    return at;
}

/* What the record at the beginning of a chunk that has no whole one needs: at most RECORD_MAX. */
static size_t wanted(const char *bytes, size_t length)
{
    return length < RECORD_HEADER ? CHUNK : (size_t)load_u64(bytes) + RECORD_HEADER + 4;
}

static int read_file(struct tracker *tracker, const char *path, struct event_file *file,
                     uint64_t *left, bool *more, struct error *err)
{
    uint64_t size = 0;
    int fd = file_open_read(path, &size, err), status = fd < 0 ? -1 : 0;
    size_t chunk = CHUNK;
    if (status == 0 && size < file->offset)
        file->offset = 0;
    while (status == 0 && !file->ended && file->offset<size && * left> 0) {
        size_t length = size - file->offset < chunk ? (size_t)(size - file->offset) : chunk;
        char *bytes = array_alloc(length, 1, err);
        status = bytes ? file_read_at(fd, bytes, length, file->offset, path, err) : -1;
        size_t took = status == 0 ? take_chunk(tracker, file, bytes, length) : 0;
        size_t next = took ? CHUNK : status == 0 ? wanted(bytes, length) : 0;
        free(bytes);
        file->offset += took;
        *left -= took < *left ? took : *left;
        if (status != 0 || (took == 0 && (length == size - file->offset || next <= length)))
            break; /* the last record is not whole yet */
        chunk = next;
    }
    *more |= status == 0 && *left == 0;
    if (fd >= 0)
        sys.close(fd);
    return status;
}

int tensorboard_read(struct tracker *tracker, bool *more, struct error *err)
{
    struct event_files *files = tracker->state;
    uint64_t left = PART;
    int status = list_files(tracker, files, err);
    *more = false;
    for (size_t i = 0; i < files->count && status == 0 && left > 0; i++) {
        char *path = path_join(files->folder, files->list[i].name, err);
        status = path ? tracker_look(tracker, path, err) : -1;
        if (status == 0 && !files->list[i].ended)
            status = read_file(tracker, path, &files->list[i], &left, more, err);
        free(path);
    }
    return status;
}
