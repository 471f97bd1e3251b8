#include "job/metrics.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/job_dir.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the functions of this file keep, of a struct job_metrics and the file:
 *
 * 1. Every byte before `offset` was looked at once, and none after it; `offset` is the beginning of
 *    a line, but after a jump into the file (`midway`), where the rest of a line is passed over.
 * 2. lines[] are in the file's order. Between two updates all of them count: of training and of
 *    evaluation steps rise, and no line before a resume is of a later step than that.
 * 3. Within an update lines are only appended, and what a line makes void stays in lines[] until
 *    its end or until they are thinned (`replacing`), when one pass from the last line drops all of
 *    it. So a file whose lines each replace the one before costs no more than any other.
 * 4. voids[kind] says the same of the file, for whoever reads it whole: of a place at offset o with
 *    step s, lines before o of step s and later ones are void. In the list offsets and steps both
 *    rise: what a new place covers is removed.
 * 5. count <= most: when it would be passed, lines of the earlier half are thinned. So lines[] may
 *    be a sample of what counts; voids[] has all returns to an earlier step, or the last VOIDS_MAX
 *    / 2.
 * 6. A line is read whole again only through `cache`, which holds one window of the file and, for
 *    each key that was asked for, the last line that had it and how many lines had been taken by
 *    then. Dropped lines make that void: forget_found().
 */

enum {
    WINDOW = 256 << 10,   /* bytes that are read at once where a line is wanted whole */
    LOOK_BACK = 4096,     /* lines in which a value that not every line has is sought */
    END_FIRST = 8 << 10,  /* bytes of the end in which the last step is sought first, */
    END_GROWS = 16,       /* and how much more where it is not there */
    HUGE_READ = 64 << 20, /* bytes that are read of a file that is too large */
    KEYS = 24,            /* values that are asked for at every look */
    VOIDS_MAX = 1 << 16   /* returns to an earlier step that are known */
};

/* What was found for a key, and how much had been looked at. */
struct found {
    char key[32];
    cJSON *json;
    size_t looked; /* metrics.taken then */
};

struct job_metrics_cache {
    struct found found[KEYS];
    size_t count;
    uint64_t start; /* where the window begins */
    size_t length;
    char *window;
};

/* --- what counts --- */

/* Lines were forgotten: what was found may be among them. */
static void forget_found(struct job_metrics *metrics)
{
    struct job_metrics_cache *cache = metrics->cache;
    for (size_t i = 0; i < cache->count; i++)
        cJSON_Delete(cache->found[i].json);
    cache->count = 0;
}

/* Reading begins at `offset`, as if nothing had been read. */
static void begin_at(struct job_metrics *metrics, uint64_t offset)
{
    metrics->offset = offset;
    metrics->begun = offset;
    metrics->midway = offset > 0;
    metrics->count = 0;
    for (int kind = 0; kind < JOB_LINE_EVENT; kind++) {
        metrics->voids[kind].count = 0;
        metrics->last[kind] = -1;
    }
    metrics->replacing = false;
    forget_found(metrics);
}

/* Nothing is read yet: each update reads as far as the file has grown. */
int job_metrics_follow(struct job_metrics *metrics, const char *job, struct error *err)
{
    *metrics = (struct job_metrics){.most = JOB_LINES_MAX};
    if (job_dir_confine(job, err) == 0)
        metrics->path = path_join(job, "metrics.jsonl", err);
    if (metrics->path)
        metrics->cache = array_alloc(1, sizeof *metrics->cache, err);
    if (!metrics->path || !metrics->cache)
        return -1;
    begin_at(metrics, 0);
    return 0;
}

/* Lines of the kind before `offset` and of `step` or later ones no longer count. What was void from
 * a step on that is not earlier is void by this, so that steps rise in a list. */
static int add_void(struct job_metrics *metrics, int kind, uint64_t offset, int64_t step,
                    struct error *err)
{
    struct job_voids *voids = &metrics->voids[kind];
    while (voids->count > 0 && voids->list[voids->count - 1].step >= step)
        voids->count--;
    if (voids->count == VOIDS_MAX) /* no run goes back so often: the first returns are forgotten */
        memmove(voids->list, voids->list + VOIDS_MAX / 2,
                (voids->count = VOIDS_MAX / 2) * sizeof *voids->list);
    if (array_reserve((void **)&voids->list, &voids->capacity, voids->count + 1,
                      sizeof *voids->list, err) != 0)
        return -1;
    voids->list[voids->count++] = (struct job_void){offset, step};
    metrics->replacing = true;
    return 0;
}

/* What of the earlier lines the new one makes void. forget_replaced() then looks at them all, once
 * an update. */
static int note_voids(struct job_metrics *metrics, const struct job_line *line, struct error *err)
{
    const int64_t *last = metrics->last;
    for (int kind = 0; kind < JOB_LINE_EVENT; kind++) {
        int64_t from = job_line_is_resume(line) ? line->step + 1 : line->step;
        bool concerns = job_line_is_resume(line) || (int)line->kind == kind;
        if (concerns && from >= 0 && from <= last[kind] &&
            add_void(metrics, kind, line->offset, from, err) != 0)
            return -1;
    }
    return 0;
}

static void drop_void(struct job_metrics *metrics)
{
    size_t kept = 0;
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->lines[i].length > 0)
            metrics->lines[kept++] = metrics->lines[i];
    metrics->count = kept;
}

/* From the end: a line of a step makes void what is before it of its kind and of that step or a
 * later one, a resume what is of later steps. What stays rises, so that it is one pass. */
static void forget_replaced(struct job_metrics *metrics)
{
    int64_t below[JOB_LINE_EVENT];
    for (int kind = 0; kind < JOB_LINE_EVENT; kind++)
        below[kind] = INT64_MAX;
    for (size_t i = metrics->count; i-- > 0;) {
        struct job_line *line = &metrics->lines[i];
        if (job_line_is_resume(line)) {
            for (int kind = 0; kind < JOB_LINE_EVENT; kind++)
                if (below[kind] > line->step + 1)
                    below[kind] = line->step + 1;
        } else if (line->kind < JOB_LINE_EVENT && line->step >= 0) {
            if (line->step >= below[line->kind])
                line->length = 0;
            else
                below[line->kind] = line->step;
        }
    }
    drop_void(metrics);
    metrics->replacing = false;
    forget_found(metrics);
}

/* Of four lines of a kind the two stay that have its lowest and its highest value, as a graph of
 * them all would show. */
struct quartet {
    struct job_line *lines[4];
    int count;
};

/* Of four lines that follow one another the lowest and the highest stay: a curve keeps its
 * extremes. */
static void thin_quartet(struct quartet *four)
{
    int low = 0, high = 0;
    for (int i = 1; i < 4; i++) {
        double value = four->lines[i]->value;
        if (isnan(four->lines[low]->value) || value < four->lines[low]->value)
            low = i;
        if (isnan(four->lines[high]->value) || value >= four->lines[high]->value)
            high = i;
    }
    for (int i = 0; i < 4; i++)
        if (i != low && i != high)
            four->lines[i]->length = 0;
    four->count = 0;
}

/* Lines of the earlier half go, and the newer half stays as it is. Events stay, unless there are so
 * many that they are none a run has. */
static void thin(struct job_metrics *metrics)
{
    struct quartet fours[JOB_LINE_KINDS] = {{.count = 0}};
    if (metrics->replacing)
        forget_replaced(metrics);
    size_t half = metrics->count / 2, events = 0;
    for (size_t i = 0; i < half; i++)
        events += metrics->lines[i].kind == JOB_LINE_EVENT;
    for (size_t i = 0; i < half; i++) {
        struct job_line *line = &metrics->lines[i];
        struct quartet *four = &fours[line->kind];
        if (line->kind == JOB_LINE_EVENT && events <= half / 2)
            continue;
        four->lines[four->count++] = line;
        if (four->count == 4)
            thin_quartet(four);
    }
    drop_void(metrics);
}

/* One line more. It is kept even where a later line of the same update makes it void (3.). */
static int take_line(void *context, const char *text, size_t length, uint64_t offset,
                     struct error *err)
{
    struct job_metrics *metrics = context;
    struct job_line line;
    if (!job_line_read(&line, text, length, metrics->path)) {
        metrics->skipped++;
        return 0;
    }
    line.offset = offset;
    if (metrics->count >= metrics->most)
        thin(metrics);
    if (array_reserve((void **)&metrics->lines, &metrics->capacity, metrics->count + 1,
                      sizeof *metrics->lines, err) != 0 ||
        note_voids(metrics, &line, err) != 0)
        return -1;
    if (line.kind < JOB_LINE_EVENT && line.step >= 0)
        metrics->last[line.kind] = line.step;
    metrics->lines[metrics->count++] = line;
    metrics->taken++;
    return 0;
}

/* --- reading what was appended, and all of it --- */

/* What was appended to the open file, from the offset on. */
static int take_rest(struct job_metrics *metrics, int fd, uint64_t size, size_t *added,
                     struct error *err)
{
    struct line_place lines = {.fd = fd,
                               .path = metrics->path,
                               .offset = metrics->offset,
                               .midway = metrics->midway,
                               .take = take_line,
                               .context = metrics};
    int status = lines_read(&lines, size, err);
    metrics->offset = lines.offset;
    metrics->midway = lines.midway;
    *added += lines.count;
    if (lines.endless) {
        metrics->skipped++;
        snprintf(
            metrics->damage, sizeof metrics->damage,
            "a line of metrics.jsonl is longer than %d bytes, or has no end: it is passed over",
            LINE_MAX_BYTES);
    }
    if (metrics->replacing)
        forget_replaced(metrics);
    return status;
}

/* Who reads all lines that count, and how far the lists of places that make lines void were looked
 * at. */
struct reading {
    const struct job_metrics *metrics;
    size_t passed[JOB_LINE_EVENT];
    bool (*take)(void *context, const char *text, size_t length);
    void *context;
    bool ended;
};

/* A line counts unless a place further on in the file makes it void. Offsets rise in the list and
 * steps, too, so of the places after this line the first has the lowest step, and decides alone
 * (4.). */
static int read_counting(void *context, const char *text, size_t length, uint64_t offset,
                         struct error *err)
{
    struct reading *reading = context;
    struct job_line line;
    (void)err;
    if (reading->ended || !job_line_read(&line, text, length, reading->metrics->path))
        return 0;
    if (line.kind < JOB_LINE_EVENT && line.step >= 0) {
        const struct job_voids *voids = &reading->metrics->voids[line.kind];
        size_t *at = &reading->passed[line.kind];
        while (*at < voids->count && voids->list[*at].offset <= offset)
            ++*at;
        if (*at < voids->count && voids->list[*at].step <= line.step)
            return 0;
    }
    reading->ended = !reading->take(reading->context, text, length);
    return 0;
}

/* Lines that are no longer in memory, from the file; a place before the run's present beginning is
 * moved there. */
int job_metrics_read(const struct job_metrics *metrics, struct job_metrics_place *place,
                     bool (*take)(void *context, const char *text, size_t length), void *context,
                     struct error *err)
{
    struct reading reading = {.metrics = metrics, .take = take, .context = context};
    if (place->offset < metrics->begun || place->offset > metrics->offset)
        *place = (struct job_metrics_place){metrics->begun, metrics->begun > 0, place->until};
    uint64_t end = place->until && place->until < metrics->offset ? place->until : metrics->offset;
    if (place->offset >= end)
        return 0;
    uint64_t size = 0;
    int fd = file_open_read(metrics->path, &size, err);
    if (fd < 0)
        return -1;
    struct line_place lines = {.fd = fd,
                               .path = metrics->path,
                               .offset = place->offset,
                               .midway = place->midway,
                               .take = read_counting,
                               .context = &reading};
    int status = lines_read(&lines, size < end ? size : end, err);
    place->offset = lines.offset;
    place->midway = lines.midway;
    sys.close(fd);
    return status;
}

/* Whether a line counts depends on what comes after it alone: a step that the end has is the last
 * one, and where it has none more of the file is read. */
static int take_end(struct job_metrics *metrics, int fd, uint64_t size, size_t *added,
                    struct error *err)
{
    uint64_t most = size < JOB_METRICS_MAX ? size : HUGE_READ;
    for (uint64_t length = END_FIRST; length < most; length *= END_GROWS) {
        *added = 0;
        begin_at(metrics, size - length);
        if (take_rest(metrics, fd, size, added, err) != 0)
            return -1;
        if (job_metrics_last_step(metrics) >= 0)
            return 0;
    }
    *added = 0;
    begin_at(metrics, size - most);
    return take_rest(metrics, fd, size, added, err);
}

int job_metrics_update(struct job_metrics *metrics, size_t *added, struct error *err)
{
    uint64_t size = 0;
    int there = file_find(metrics->path, err);
    *added = 0;
    if (there <= 0)
        return there;
    int fd = file_open_read(metrics->path, &size, err);
    if (fd < 0)
        return -1;
    metrics->cache->length = 0;
    if (size < metrics->offset) /* the job began at its first step once more */
        begin_at(metrics, 0);
    bool huge = size - metrics->offset > JOB_METRICS_MAX;
    if (huge)
        begin_at(metrics, size - HUGE_READ);
    int status = metrics->end_only && metrics->offset == 0 && size > END_FIRST
                     ? take_end(metrics, fd, size, added, err)
                     : take_rest(metrics, fd, size, added, err);
    if (huge)
        snprintf(metrics->damage, sizeof metrics->damage,
                 "metrics.jsonl has %" PRIu64
                 " bytes, more than any run writes: only its last %d MiB are read",
                 size, HUGE_READ >> 20);
    sys.close(fd);
    return status;
}

/* Leaves an empty follower, which can be freed once more. */
void job_metrics_free(struct job_metrics *metrics)
{
    if (metrics->cache) {
        forget_found(metrics);
        free(metrics->cache->window);
    }
    free(metrics->cache);
    for (int kind = 0; kind < JOB_LINE_EVENT; kind++)
        free(metrics->voids[kind].list);
    free(metrics->lines);
    free(metrics->path);
    *metrics = (struct job_metrics){0};
}

/* --- a line with all its values --- */

/* The window so that it begins with the line; its neighbours are often wanted next. */
static int read_window(const struct job_metrics *metrics, const struct job_line *line)
{
    struct job_metrics_cache *cache = metrics->cache;
    uint64_t size = 0, end = line->offset + line->length;
    int fd = file_open_read(metrics->path, &size, NULL);
    if (fd < 0 || end > size) {
        if (fd >= 0)
            sys.close(fd);
        return -1;
    }
    size_t most = line->length > WINDOW ? line->length : WINDOW;
    size_t length = size - line->offset < most ? (size_t)(size - line->offset) : most;
    free(cache->window);
    cache->window = array_alloc(length, 1, NULL);
    int status = cache->window
                     ? file_read_at(fd, cache->window, length, line->offset, metrics->path, NULL)
                     : -1;
    cache->start = line->offset;
    cache->length = status == 0 ? length : 0;
    sys.close(fd);
    return status;
}

/* Through a window of the file around the line, since lines are asked for by neighbours. */
cJSON *job_metrics_json(const struct job_metrics *metrics, size_t i)
{
    const struct job_line *line = &metrics->lines[i];
    const struct job_metrics_cache *cache = metrics->cache;
    if ((line->offset < cache->start ||
         line->offset + line->length > cache->start + cache->length) &&
        read_window(metrics, line) != 0)
        return NULL;
    return json_parse(cache->window + (line->offset - cache->start), line->length, JSON_STRICT,
                      metrics->path, NULL);
}

typedef bool has_function(const cJSON *json, const char *key);

static bool has_number(const cJSON *json, const char *key)
{
    double value;
    return json_get_double(json, key, &value);
}

static bool has_more(const cJSON *json, const char *key)
{
    const cJSON *value = json_get(json, key);
    return cJSON_IsString(value) || cJSON_IsObject(value);
}

/* Can it have the key? Of the losses the line itself says so; texts are rare. */
static bool may_have(const struct job_line *line, const char *key)
{
    if (strcmp(key, "loss") == 0)
        return line->kind == JOB_LINE_TRAINING && !isnan(line->value);
    if (strcmp(key, "eval_loss") == 0)
        return line->kind == JOB_LINE_EVALUATION && !isnan(line->value);
    if (strcmp(key, "grad_norms") == 0)
        return line->kind == JOB_LINE_GRADIENTS;
    return line->kind != JOB_LINE_GRADIENTS &&
           (strcmp(key, "text") != 0 || line->kind == JOB_LINE_EVENT); /* a sample: they are few */
}

/* What is new since the last look is looked at, from the end on. */
static const cJSON *find_last(const struct job_metrics *metrics, const char *key, has_function *has)
{
    struct job_metrics_cache *cache = metrics->cache;
    size_t at = 0;
    while (at < cache->count && strcmp(cache->found[at].key, key) != 0)
        at++;
    if (at == KEYS)
        cJSON_Delete(cache->found[--at].json);
    struct found *found = &cache->found[at];
    if (at == cache->count || strcmp(found->key, key) != 0) {
        *found = (struct found){.json = NULL};
        snprintf(found->key, sizeof found->key, "%s", key);
        cache->count = at + 1 > cache->count ? at + 1 : cache->count;
    }
    size_t news = metrics->taken - found->looked, parsed = 0;
    size_t until = news < metrics->count ? metrics->count - news : 0;
    found->looked = metrics->taken;
    for (size_t i = metrics->count; i-- > until && parsed < LOOK_BACK;) {
        if (!may_have(&metrics->lines[i], key))
            continue;
        cJSON *json = job_metrics_json(metrics, i);
        parsed++;
        if (has(json, key)) {
            cJSON_Delete(found->json);
            found->json = json;
            break;
        }
        cJSON_Delete(json);
    }
    return found->json;
}

const cJSON *job_metrics_last(const struct job_metrics *metrics, const char *key)
{
    return find_last(metrics, key, has_number);
}

const cJSON *job_metrics_last_with(const struct job_metrics *metrics, const char *key)
{
    return find_last(metrics, key, has_more);
}

int64_t job_metrics_last_step(const struct job_metrics *metrics)
{
    for (size_t i = metrics->count; i-- > 0;)
        if (metrics->lines[i].kind == JOB_LINE_TRAINING && metrics->lines[i].step >= 0)
            return metrics->lines[i].step;
    return -1;
}
