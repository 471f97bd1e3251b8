/* JSON lines, an object a step: LLaMA-Factory's trainer_log.jsonl, ms-swift's logging.jsonl, and any
 * others that name a step. They are read alike; the rows differ in the name that is shown.
 *
 * Followed as metrics.jsonl is: from an offset, whole lines. A file that was begun anew, or another
 * in its place, is read anew. */
#include "base/file.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "tracker/format.h"

#include <stdlib.h>
#include <string.h>

enum { PART = 8 << 20 }; /* bytes of one look */

struct place {
    uint64_t offset;
    bool midway;
    struct tracker_mark mark;
};

/* --- which files --- */

/* The first line's object, where it is whole in the head. */
static cJSON *first_line(const char *head, size_t length)
{
    const char *end = memchr(head, '\n', length);
    return end ? json_parse(head, (size_t)(end - head), JSON_LOOSE_NUMBERS, "a log", NULL) : NULL;
}

/* Has the first line a step, and one number besides? A file of records for training has neither. */
static bool begins_with_step(const char *head, size_t length, const char *key)
{
    cJSON *object = first_line(head, length);
    const cJSON *item;
    int64_t total = 0;
    size_t numbers = 0;
    bool is =
        cJSON_IsObject(object) && steps_of(object, &total) >= 0 && (!key || json_get(object, key));
    if (is)
        cJSON_ArrayForEach(item, object) numbers += cJSON_IsNumber(item);
    cJSON_Delete(object);
    return is && numbers >= (key ? 1 : 2);
}

bool json_lines_are_llama_factory(const char *name, const char *head, size_t length)
{
    return strcmp(name, "trainer_log.jsonl") == 0 &&
           begins_with_step(head, length, "current_steps");
}

/* Megatron-Swift writes "iteration". */
bool json_lines_are_swift(const char *name, const char *head, size_t length)
{
    return strcmp(name, "logging.jsonl") == 0 &&
           (begins_with_step(head, length, "global_step/max_steps") ||
            begins_with_step(head, length, "iteration"));
}

bool json_lines_are_steps(const char *name, const char *head, size_t length)
{
    return text_ends_with(name, ".jsonl") && begins_with_step(head, length, NULL);
}

/* --- reading --- */

int json_lines_open(struct tracker *tracker, struct error *err)
{
    tracker->state = array_alloc(1, sizeof(struct place), err);
    return tracker->state ? 0 : -1;
}

/* As far before it as a line may be long. */
void json_lines_to_end(struct tracker *tracker)
{
    struct place *place = tracker->state;
    struct stat info;
    if (file_look(tracker->path, &info, NULL) <= 0 || info.st_size <= LINE_MAX_BYTES)
        return;
    place->offset = (uint64_t)info.st_size - LINE_MAX_BYTES;
    place->midway = true;
}

/* LLaMA-Factory's last line has its last step; ms-swift ends with an object of another kind, which
 * has no step but the place of its checkpoints. */
static int take(void *context, const char *text, size_t length, uint64_t offset, struct error *err)
{
    struct tracker *tracker = context;
    (void)err;
    cJSON *object = json_parse(text, length, JSON_LOOSE_NUMBERS, tracker->path, NULL);
    if (!cJSON_IsObject(object)) {
        tracker_say_damage(tracker, "the line at byte %llu is no JSON object: it is passed over",
                           (unsigned long long)offset);
    } else {
        int64_t step = steps_of(object, &tracker->steps.total);
        bool ends = step < 0 && json_get(object, "last_model_checkpoint");
        if (step >= 0)
            steps_put_object(&tracker->steps, step, object);
        else if (!ends)
            tracker_say_damage(tracker,
                               "the line at byte %llu has no step, a whole number from 0: it is "
                               "passed over",
                               (unsigned long long)offset);
        tracker->ended = ends || (step >= 0 && step == tracker->steps.total);
    }
    cJSON_Delete(object);
    return 0;
}

int json_lines_read(struct tracker *tracker, bool *more, struct error *err)
{
    struct place *place = tracker->state;
    uint64_t size = 0;
    int fd = file_open_read(tracker->path, &size, err);
    if (fd < 0)
        return -1;
    if (!tracker_mark_holds(&place->mark, fd)) {
        *place = (struct place){0};
        tracker_begin_anew(tracker);
    }
    uint64_t end = size - place->offset > PART ? place->offset + PART : size;
    struct line_place lines = {.fd = fd,
                               .path = tracker->path,
                               .offset = place->offset,
                               .midway = place->midway,
                               .take = take,
                               .context = tracker};
    int status = lines_read(&lines, end, err);
    tracker_mark_set(&place->mark, fd, lines.offset);
    sys.close(fd);
    place->offset = lines.offset;
    place->midway = lines.midway;
    if (lines.endless)
        tracker_say_damage(tracker, "a line is longer than %d bytes: it is passed over",
                           LINE_MAX_BYTES);
    *more = end < size;
    return status;
}
