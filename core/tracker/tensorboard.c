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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_HEADER = 12,
    EVENT_MAX =
        1 << 20, /* bytes of a record that is looked into: a tree takes fifty times as much */
    FILES_MAX = 4096,
    CHUNK = 2 << 20, /* bytes that are read at once, more than such a record has */
    PART = 16 << 20  /* bytes of one look */
};

struct event_file {
    char name[256];
    uint64_t offset;
    struct tracker_mark mark;
    struct tracker_seen seen;
    bool unread; /* the last look left some */
    bool ended;  /* nothing is read of it from here on */
};

struct event_files {
    char *folder;
    struct tracker_seen seen; /* the folder, which has another time where a name came or went */
    char only[256];           /* a file that was named itself; "": all of the folder */
    struct event_file *list;
    size_t count, capacity;
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
    free(files->list);
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

/* What has such a name and is no file is passed over, in words. */
static bool is_file(struct tracker *tracker, const struct event_files *files, const char *name)
{
    struct stat info;
    char *path = path_join(files->folder, name, NULL);
    bool is = path && sys.stat(path, &info) == 0 && S_ISREG(info.st_mode);
    if (!is)
        tracker_say_damage(tracker, "%.100s beside it is no file: it is passed over", name);
    free(path);
    return is;
}

static int enter(struct event_files *files, const char *name, struct error *err)
{
    if (array_reserve((void **)&files->list, &files->capacity, files->count + 1,
                      sizeof *files->list, err) != 0)
        return -1;
    struct event_file *file = &files->list[files->count++];
    *file = (struct event_file){.offset = 0};
    snprintf(file->name, sizeof file->name, "%s", name);
    return 0;
}

/* Enters files that came. Those that are there already keep their places. A folder is looked at five
 * times a second, and listed where it has changed. */
static int list_files(struct tracker *tracker, struct event_files *files, struct error *err)
{
    struct stat info;
    struct dirent *entry;
    int found, status = 0;
    if (sys.stat(files->folder, &info) == 0 && tracker_unchanged(&files->seen, &info))
        return 0;
    DIR *open = sys.opendir(files->folder);
    if (!open)
        return error_set_errno(err, errno, "cannot read the folder %s", files->folder);
    while (status == 0 && (found = folder_read(open, files->folder, &entry, err)) != 0) {
        const char *name = found > 0 ? entry->d_name : "";
        bool wanted = files->only[0] ? strcmp(name, files->only) == 0 : is_name(name);
        if (found < 0)
            status = -1;
        else if (!wanted || is_listed(files, name) || !is_file(tracker, files, name))
            continue;
        else if (files->count < FILES_MAX)
            status = enter(files, name, err);
        else
            tracker_say_damage(tracker,
                               "of more than %d event files in the folder the others are left out",
                               FILES_MAX);
    }
    sys.closedir(open);
    if (files->count > 0)
        qsort(files->list, files->count, sizeof *files->list, by_name);
    return status;
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
 * it is damaged. *data: bytes of what it holds, as its header has it. */
static int64_t record_size(const char *bytes, size_t length, uint64_t *data)
{
    *data = 0;
    if (length < RECORD_HEADER)
        return 0;
    if (crc32c_masked(bytes, 8) != load_u32(bytes + 8))
        return -1;
    *data = load_u64(bytes);
    if (*data > INT64_MAX - RECORD_HEADER - 4)
        return -1;
    uint64_t size = RECORD_HEADER + *data + 4;
    if (length < size)
        return 0;
    const char *sum = bytes + RECORD_HEADER + *data;
    return crc32c_masked(bytes + RECORD_HEADER, (size_t)*data) == load_u32(sum) ? (int64_t)size
                                                                                : -1;
}

/* Takes the whole records of a chunk; how many bytes they are. *data is of the one that follows
 * them. */
static size_t take_chunk(struct tracker *tracker, struct event_file *file, const char *bytes,
                         size_t length, uint64_t *data)
{
    size_t at = 0;
    int64_t size;
    while ((size = record_size(bytes + at, length - at, data)) > 0 && *data <= EVENT_MAX &&
           take_event(tracker, bytes + at + RECORD_HEADER, (size_t)*data))
        at += (size_t)size;
    if (size != 0 && *data <= EVENT_MAX) {
        unsigned long long place = file->offset + at;
        file->ended = true;
        tracker_say_damage(tracker, "%s is damaged at byte %llu: the rest of it is not read",
                           file->name, place);
    }
    return at;
}

/* Bytes of a file from its offset on, and where it is more than one look's, a part of them. A record
 * that is too large to hold numbers alone (an image) is passed over by its length. */
static int read_rest(struct tracker *tracker, const char *path, int fd, uint64_t size,
                     struct event_file *file, uint64_t *left, struct error *err)
{
    char *bytes = array_alloc(CHUNK, 1, err);
    int status = bytes ? 0 : -1;
    while (status == 0 && !file->ended && file->offset<size && * left> 0) {
        size_t length = size - file->offset < CHUNK ? (size_t)(size - file->offset) : CHUNK;
        uint64_t data;
        status = file_read_at(fd, bytes, length, file->offset, path, err);
        uint64_t took = status == 0 ? take_chunk(tracker, file, bytes, length, &data) : 0;
        if (status == 0 && took == 0 && !file->ended && data > EVENT_MAX &&
            size - file->offset >= RECORD_HEADER + data + 4) {
            took = RECORD_HEADER + data + 4;
            tracker_say_damage(tracker, "records of more than %d bytes are passed over", EVENT_MAX);
        }
        file->offset += took;
        *left -= took < *left ? took : *left;
        if (took == 0)
            break; /* the last record is not whole yet */
    }
    free(bytes);
    return status;
}

/* *replaced: there is another file of that name. */
static int read_file(struct tracker *tracker, const char *path, struct event_file *file,
                     uint64_t *left, bool *replaced, struct error *err)
{
    uint64_t size = 0;
    int fd = file_open_read(path, &size, err), status = fd < 0 ? -1 : 0;
    *replaced = fd >= 0 && !tracker_mark_holds(&file->mark, fd);
    if (status == 0 && !*replaced && !file->ended) {
        status = read_rest(tracker, path, fd, size, file, left, err);
        tracker_mark_set(&file->mark, fd, file->offset);
    }
    if (fd >= 0)
        sys.close(fd);
    return status;
}

static void begin_anew(struct tracker *tracker, struct event_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        files->list[i].offset = 0;
        files->list[i].ended = false;
        files->list[i].unread = true;
        files->list[i].mark = (struct tracker_mark){.offset = 0};
    }
    tracker_begin_anew(tracker);
}

/* One that can no longer be read is passed over, in words. */
static void read_where_new(struct tracker *tracker, const char *path, struct event_file *file,
                           uint64_t *left, bool *replaced)
{
    struct error why = ERROR_INIT;
    bool as_before = false;
    int status = tracker_look(tracker, path, &file->seen, &as_before, &why);
    if (status == 0 && as_before && !file->unread)
        return;
    if (status == 0)
        status = read_file(tracker, path, file, left, replaced, &why);
    file->unread = *left == 0;
    if (status != 0)
        tracker_say_damage(tracker, "%s", why.text);
}

int tensorboard_read(struct tracker *tracker, bool *more, struct error *err)
{
    struct event_files *files = tracker->state;
    uint64_t left = PART;
    int status = list_files(tracker, files, err);
    *more = false;
    for (size_t i = 0; i < files->count && status == 0 && left > 0; i++) {
        bool replaced = false;
        char *path = path_join(files->folder, files->list[i].name, err);
        if (!path)
            return -1;
        read_where_new(tracker, path, &files->list[i], &left, &replaced);
        free(path);
        if (replaced) {
            begin_anew(tracker, files);
            *more = true;
            return 0;
        }
    }
    *more = status == 0 && left == 0;
    return status;
}
