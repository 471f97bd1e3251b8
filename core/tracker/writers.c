#include "tracker/writers.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "tracker/target.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENSORBOARD, TRACKIO, CSV, TARGETS };
static const struct target targets[TARGETS] = {
    [TENSORBOARD] = {"tensorboard", write_tensorboard_open, write_tensorboard_put,
                     write_tensorboard_go_back, NULL, write_tensorboard_close},
    [TRACKIO] = {"trackio", write_trackio_open, write_trackio_put, write_trackio_go_back,
                 write_trackio_describe, write_trackio_close},
    [CSV] = {"csv", write_csv_open, write_csv_put, write_csv_go_back, NULL, write_csv_close},
};
const char *const tracker_target_names[] = {"tensorboard", "trackio", "csv", NULL};

struct tracker_writers {
    void *states[TARGETS]; /* NULL: not asked for, or given up */
    double began;          /* seconds since 1970 when the clock was 0 */
    struct target_line line;
};

/* --- which --- */

/* A name of the list; *rest is what follows it, NULL at the end. TARGETS: it is none. */
static size_t next_name(const char *list, const char **rest)
{
    size_t length = strcspn(list, ","), found = TARGETS;
    for (size_t i = 0; i < TARGETS; i++)
        if (strlen(targets[i].name) == length && strncmp(targets[i].name, list, length) == 0)
            found = i;
    *rest = list[length] ? list + length + 1 : NULL;
    return found;
}

int tracker_targets_check(const char *names, struct error *err)
{
    bool wanted[TARGETS] = {false};
    for (const char *at = names, *rest; at; at = rest) {
        size_t which = next_name(at, &rest);
        if (which == TARGETS)
            return error_set_kind(err, ERROR_USAGE,
                                  "--log takes tensorboard, trackio and csv, or several with "
                                  "commas between them, not \"%.*s\"",
                                  (int)strcspn(at, ","), at);
        if (wanted[which])
            return error_set_kind(err, ERROR_USAGE, "--log has %s twice", targets[which].name);
        wanted[which] = true;
    }
    return 0;
}

bool tracker_writes(const char *names, const char *name)
{
    static const char *const database[] = {"spectrum.db", "spectrum.db-wal", "spectrum.db-shm",
                                           NULL};
    static const char events[] = "events.out.tfevents.";
    for (const char *at = names, *rest; at; at = rest) {
        size_t which = next_name(at, &rest);
        if (which == TENSORBOARD && strncmp(name, events, sizeof events - 1) == 0 &&
            text_ends_with(name, ".spectrum"))
            return true;
        if ((which == TRACKIO && text_is_one_of(name, database)) ||
            (which == CSV && strcmp(name, "metrics.csv") == 0))
            return true;
    }
    return false;
}

/* --- opening --- */

int tracker_writers_open(struct tracker_writers **out, const char *names, const char *folder,
                         const char *run, struct error *err)
{
    struct tracker_writers *writers =
        tracker_targets_check(names, err) == 0 ? array_alloc(1, sizeof *writers, err) : NULL;
    *out = NULL;
    if (!writers)
        return -1;
    writers->began = (double)sys.time(NULL) - clock_seconds();
    for (const char *at = names, *rest; at; at = rest) {
        size_t which = next_name(at, &rest);
        if (targets[which].open(&writers->states[which], folder, run, err) != 0) {
            tracker_writers_close(writers);
            return error_prefix(err, "--log %s", targets[which].name);
        }
    }
    *out = writers;
    return 0;
}

void tracker_writers_close(struct tracker_writers *writers)
{
    if (!writers)
        return;
    for (size_t i = 0; i < TARGETS; i++)
        if (writers->states[i])
            targets[i].close(writers->states[i]);
    free(writers);
}

/* --- a line --- */

static void add(struct target_line *line, const char *group, const char *key, const char *member,
                double value)
{
    if (line->count == TARGET_VALUES)
        return;
    struct target_value *at = &line->values[line->count++];
    snprintf(at->name, sizeof at->name, "%s/%s%s%s", group, key, member ? "/" : "",
             member ? member : "");
    at->value = value;
}

/* "loss" of training and "eval_loss" of an evaluation have the tools' names; so has the learning
 * rate. */
static void add_number(struct target_line *line, bool evaluation, const char *key, double value)
{
    if (strcmp(key, "lr") == 0)
        key = "learning_rate";
    if (strncmp(key, "eval_", 5) == 0)
        key += 5;
    add(line, evaluation ? "eval" : "train", key, NULL, value);
}

static void read_line(struct target_line *line, const cJSON *json)
{
    const cJSON *item, *member;
    bool evaluation = json_get(json, "eval_loss") != NULL;
    line->count = 0;
    cJSON_ArrayForEach(item, json)
    {
        if (strcmp(item->string, "step") == 0)
            continue;
        if (cJSON_IsNumber(item))
            add_number(line, evaluation, item->string, item->valuedouble);
        else if (item->type == cJSON_NULL && strcmp(item->string, "loss") == 0)
            add_number(line, evaluation, item->string, NAN);
        if (cJSON_IsObject(item))
            cJSON_ArrayForEach(member, item)
            {
                if (cJSON_IsNumber(member))
                    add(line, "train", item->string, member->string, member->valuedouble);
            }
    }
}

/* What failed is given up. */
static int give_up(struct tracker_writers *writers, size_t which, const struct error *why,
                   struct error *err)
{
    targets[which].close(writers->states[which]);
    writers->states[which] = NULL;
    if (err) {
        *err = *why;
        error_prefix(err, "--log %s has no more lines", targets[which].name);
    }
    return -1;
}

/* The first error is the caller's. */
static int each(struct tracker_writers *writers, int64_t back, struct error *err)
{
    int status = 0;
    for (size_t i = 0; i < TARGETS; i++) {
        struct error why = ERROR_INIT;
        void *state = writers->states[i];
        if (state && (back >= 0 ? targets[i].go_back(state, back, &why)
                                : targets[i].put(state, &writers->line, &why)) != 0)
            status = give_up(writers, i, &why, status == 0 ? err : NULL);
    }
    return status;
}

int tracker_writers_describe(struct tracker_writers *writers, const cJSON *job, struct error *err)
{
    static const char *const own[] = {"format", "version", "command", "folder", "arguments"};
    cJSON *options = cJSON_Duplicate(job, true);
    int status = 0;
    if (!options)
        return error_no_memory(err);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(options, own[i]);
    for (size_t i = 0; i < TARGETS; i++) {
        struct error why = ERROR_INIT;
        void *state = writers->states[i];
        if (state && targets[i].describe && targets[i].describe(state, options, &why) != 0)
            status = give_up(writers, i, &why, status == 0 ? err : NULL);
    }
    cJSON_Delete(options);
    return status;
}

int tracker_writers_put(struct tracker_writers *writers, const char *line, size_t length,
                        struct error *err)
{
    const char *event = NULL;
    int status = 0;
    cJSON *json = json_parse(line, length, JSON_STRICT, "a line of metrics", NULL);
    int64_t step = -1;
    if (json_get_int64(json, "step", &step) && step >= 0 && !json_get(json, "grad_norms")) {
        writers->line.step = step;
        writers->line.time = writers->began + clock_seconds();
        if (!json_get_string(json, "event", &event)) {
            read_line(&writers->line, json);
            status = each(writers, -1, err);
        } else if (strcmp(event, "resume") == 0) {
            status = each(writers, step, err);
        }
    }
    cJSON_Delete(json);
    return status;
}
