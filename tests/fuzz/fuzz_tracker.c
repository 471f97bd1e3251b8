/* Logs of other tools' runs. The first byte says which; where a format has sums, the rest is a list
 * of records (u16 length, bytes), which get right ones, as nothing else would be read. Whatever comes
 * of it must be lines that metrics.jsonl may have. */
#include "fuzz.h"

#include "base/json.h"
#include "base/number.h"
#include "tracker/crc32c.h"
#include "tracker/tracker.h"

#include <zlib.h>

static const char *const names[] = {
    "trainer_log.jsonl", "logging.jsonl", "any.jsonl", "trainer_state.json", "x.db",
    "x.tfevents.1",      "x.wandb"};
enum { NAMES = sizeof names / sizeof *names, EVENTS = 5, WANDB = 6 };

static void put_event(struct buffer *out, const void *data, size_t size)
{
    uint64_t length = size;
    uint32_t sum = crc32c_masked(&length, sizeof length);
    buffer_append(out, &length, sizeof length);
    buffer_append(out, &sum, sizeof sum);
    buffer_append(out, data, size);
    sum = crc32c_masked(data, size);
    buffer_append(out, &sum, sizeof sum);
}

/* The record's first byte is its type. */
static void put_piece(struct buffer *out, const uint8_t *data, size_t size)
{
    uint32_t sum = (uint32_t)crc32(0, data, (unsigned)size);
    uint16_t length = (uint16_t)(size - 1);
    buffer_append(out, &sum, sizeof sum);
    buffer_append(out, &length, sizeof length);
    buffer_append(out, data, size);
}

static void put_records(struct buffer *out, int format, const uint8_t *data, size_t size)
{
    if (format == WANDB)
        buffer_append(out, ":W&B\xE1\xBE", 7);
    for (size_t at = 0; at + 2 <= size;) {
        size_t length = load_u16(data + at), left = size - at - 2;
        length = length < left ? length : left;
        if (format == EVENTS)
            put_event(out, data + at + 2, length);
        else if (length > 0)
            put_piece(out, data + at + 2, length);
        at += 2 + length;
    }
}

/* Strict JSON, an object, and nothing that would make it an event of another kind. */
static void check_lines(const char *text)
{
    const char *event;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        struct error err = ERROR_INIT;
        cJSON *json = json_parse(text, (size_t)(end - text), JSON_STRICT, "line", &err);
        if (!cJSON_IsObject(json) || cJSON_IsObject(json_get(json, "grad_norms")) ||
            (json_get_string(json, "event", &event) && strcmp(event, "late") != 0 &&
             strcmp(event, "resume") != 0))
            abort();
        cJSON_Delete(json);
    }
    if (*text)
        abort();
}

/* Lines that a terminal can show, of which there are not more than are promised. */
static void check_damage(const char *text)
{
    size_t lines = 0;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1, lines++) {
        char *line = fuzz_text((const uint8_t *)text, (size_t)(end - text));
        if (!utf8_printable(line))
            abort();
        free(line);
    }
    if (*text || lines > 101)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tracker_log log;
    struct tracker *tracker = NULL;
    struct buffer file = BUFFER_INIT, lines = BUFFER_INIT;
    struct error err = ERROR_INIT;
    int format = size > 0 ? data[0] % NAMES : 0;
    bool more = true;
    tracker_hold = 0;
    if (size > 0 && format >= EVENTS)
        put_records(&file, format, data + 1, size - 1);
    else if (size > 0)
        buffer_append(&file, data + 1, size - 1);
    char *path = fuzz_text((const uint8_t *)names[format], strlen(names[format]));
    const char *whole = fuzz_file(path, file.data, file.length);
    if (fuzz_ok(tracker_find(&log, whole, NULL, NULL, &err), &err)) {
        if (fuzz_ok(tracker_open(&tracker, &log, &err), &err))
            while (more && fuzz_ok(tracker_read(tracker, &lines, &more, &err), &err))
                continue;
        if (tracker)
            check_damage(tracker_damage(tracker));
        tracker_close(tracker);
        tracker_last_step(&log);
        tracker_log_free(&log);
    }
    check_lines(buffer_string(&lines));
    unlink(whole);
    free(path);
    buffer_free(&file);
    buffer_free(&lines);
    return 0;
}
