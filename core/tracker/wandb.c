/* W&B's offline files, wandb/offline-run-DATE-ID/run-ID.wandb: LevelDB's log format, with a header
 * and a sum of its own.
 *
 *     file:    ":W&B", 0xBEE1 (little-endian), 0; then blocks of 32 KiB, the first with the header
 *     record:  u32 crc | u16 length | u8 type | data      crc: zlib's crc32 of type and data
 *     type:    1 whole; 2 first, 3 middle, 4 last part of one that goes over blocks
 *
 * No record begins in the last six bytes of a block, which are 0. A whole record is a Record
 * (wandb.proto). */
#include "base/buffer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/sys.h"
#include "base/text.h"
#include "tracker/format.h"
#include "tracker/wandb.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    FILE_HEADER = 7,
    BLOCK = 32 << 10,
    PIECE_HEADER = 7,
    RECORD_MAX = 64 << 20, /* bytes; */
    HISTORY_MAX = 1 << 20, /* of one that is looked into, whose tree takes fifty times as much */
    PART = 16 << 20        /* bytes of one look */
};
enum piece_type { WHOLE = 1, FIRST, MIDDLE, LAST };

struct place {
    uint64_t offset; /* a piece begins there */
    struct tracker_mark mark;
    struct buffer record; /* its pieces so far */
    bool damaged;         /* nothing is read from here on */
};

bool wandb_is(const char *name, const char *head, size_t length)
{
    static const char begins[FILE_HEADER] = {':', 'W', '&', 'B', '\xE1', '\xBE', 0};
    return text_ends_with(name, ".wandb") && length >= FILE_HEADER &&
           memcmp(head, begins, FILE_HEADER) == 0;
}

int wandb_open(struct tracker *tracker, struct error *err)
{
    struct place *place = array_alloc(1, sizeof *place, err);
    tracker->state = place;
    if (place)
        place->offset = FILE_HEADER;
    return place ? 0 : -1;
}

void wandb_close(void *state)
{
    struct place *place = state;
    buffer_free(&place->record);
    free(place);
}

/* --- a record --- */

/* A number by its name, or by the path that stands for one: "eval" and "loss" are "eval/loss". */
static void add_item(cJSON *object, const Tracker__HistoryItem *item)
{
    struct buffer name = BUFFER_INIT;
    cJSON *value =
        json_parse(item->value_json, strlen(item->value_json), JSON_LOOSE_NUMBERS, "a value", NULL);
    buffer_text(&name, item->key);
    for (size_t i = 0; i < item->n_nested_key; i++)
        buffer_format(&name, "%s%s", name.length ? "/" : "", item->nested_key[i]);
    if (cJSON_IsNumber(value) && buffer_check(&name, NULL) == 0 && name.length)
        cJSON_AddNumberToObject(object, name.data, value->valuedouble);
    cJSON_Delete(value);
    buffer_free(&name);
}

/* The run's own step, if it logs one, else W&B's counter of calls. */
static void take_history(struct tracker *tracker, const Tracker__History *history)
{
    cJSON *object = cJSON_CreateObject();
    int64_t total = 0;
    for (size_t i = 0; object && i < history->n_item; i++)
        add_item(object, history->item[i]);
    int64_t step = steps_of(object, &total);
    if (step < 0 && history->step)
        step = history->step->num;
    steps_put_object(&tracker->steps, step, object);
    cJSON_Delete(object);
}

static bool take_record(struct tracker *tracker, const struct buffer *bytes)
{
    if (bytes->length > HISTORY_MAX) {
        tracker_say_damage(tracker, "a record of more than %d bytes is passed over", HISTORY_MAX);
        return true;
    }
    Tracker__Record *record =
        tracker__record__unpack(NULL, bytes->length, (const uint8_t *)buffer_string(bytes));
    if (!record)
        return false;
    if (record->history)
        take_history(tracker, record->history);
    tracker->ended |= record->exit != NULL;
    tracker__record__free_unpacked(record, NULL);
    return true;
}

/* --- pieces --- */

/* Adds a piece; true: it fits those before it. Whole records are taken. */
static bool take_piece(struct tracker *tracker, struct place *place, enum piece_type type,
                       const char *data, size_t length)
{
    bool begins = type == WHOLE || type == FIRST, ends = type == WHOLE || type == LAST;
    if (begins != (place->record.length == 0) || place->record.length + length > RECORD_MAX)
        return false;
    buffer_append(&place->record, data, length);
    if (!ends)
        return buffer_check(&place->record, NULL) == 0;
    bool whole = buffer_check(&place->record, NULL) == 0 && take_record(tracker, &place->record);
    buffer_clear(&place->record);
    return whole;
}

/* Takes the pieces of bytes[0..length), which lie in one block; how many bytes that was. */
static size_t take_pieces(struct tracker *tracker, struct place *place, const char *bytes,
                          size_t length)
{
    size_t at = 0;
    while (length - at >= PIECE_HEADER && !place->damaged) {
        size_t data = load_u16(bytes + at + 4);
        if (length - at < PIECE_HEADER + data)
            break;
        const unsigned char *summed = (const unsigned char *)bytes + at + 6;
        place->damaged = load_u32(bytes + at) != crc32(0, summed, (unsigned)data + 1) ||
                         !take_piece(tracker, place, (enum piece_type) * summed,
                                     bytes + at + PIECE_HEADER, data);
        if (!place->damaged)
            at += PIECE_HEADER + data;
    }
    return at;
}

/* A block at a time: its end is passed over where no piece fits. */
int wandb_read(struct tracker *tracker, bool *more, struct error *err)
{
    struct place *place = tracker->state;
    char bytes[BLOCK];
    uint64_t size = 0, end;
    int fd = file_open_read(tracker->path, &size, err), status = fd < 0 ? -1 : 0;
    if (status == 0 && !tracker_mark_holds(&place->mark, fd)) {
        buffer_clear(&place->record);
        place->offset = FILE_HEADER;
        place->damaged = false;
        tracker_begin_anew(tracker);
    }
    end = size > place->offset + PART ? place->offset + PART : size;
    while (status == 0 && !place->damaged && place->offset < end) {
        size_t left = BLOCK - (size_t)(place->offset % BLOCK);
        if (left < PIECE_HEADER) {
            place->offset += left;
            continue;
        }
        size_t length = size - place->offset < left ? (size_t)(size - place->offset) : left;
        status = file_read_at(fd, bytes, length, place->offset, tracker->path, err);
        size_t took = status == 0 ? take_pieces(tracker, place, bytes, length) : 0;
        place->offset += took;
        if (length < left && took < length)
            break; /* the last one is not whole yet */
        if (took == 0 && !place->damaged && status == 0)
            place->damaged = true; /* a piece that does not end in its block */
    }
    if (place->damaged)
        tracker_say_damage(tracker, "it is damaged at byte %llu: the rest of it is not read",
                           (unsigned long long)place->offset);
    *more = status == 0 && !place->damaged && end < size;
    if (status == 0)
        tracker_mark_set(&place->mark, fd, place->offset < size ? place->offset : size);
    if (fd >= 0)
        sys.close(fd);
    return status;
}
