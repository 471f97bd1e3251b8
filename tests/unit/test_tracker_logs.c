/* Logs of other tools' runs as lines of metrics.jsonl: those that their own writers made
 * (tests/oracle/make_trackers.py), number by number; growing a byte at a time; damaged; and runs that
 * go back. */
#include "test_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/number.h"
#include "base/sys.h"
#include "tracker/crc32c.h"
#include "tracker/database.h"
#include "tracker/tracker.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { STEPS = 80 };

/* All lines so far of a log, in the order in which they came, read until it is silent for longer
 * than the last step is held back. */
static void read_all(struct tracker *tracker, struct buffer *lines)
{
    struct error err = ERROR_INIT;
    for (int calm = 0; calm < 2;) {
        size_t before = lines->length;
        bool more = false;
        assert_int_equal(tracker_read(tracker, lines, &more, &err), 0);
        calm = more || lines->length != before ? 0 : calm + 1;
        if (!more && calm < 2)
            usleep((useconds_t)(tracker_hold * 1.1e6));
    }
}

static struct tracker *open_log(const char *path, const char *tool)
{
    struct error err = ERROR_INIT;
    struct tracker_log log;
    struct tracker *tracker;
    if (tracker_find(&log, path, NULL, NULL, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(tracker_tool(&log), tool);
    if (tracker_open(&tracker, &log, &err) != 0)
        fail_msg("%s", err.text);
    tracker_log_free(&log);
    return tracker;
}

/* Line n of the lines, parsed as strictly as metrics.jsonl is; NULL behind the last. */
static cJSON *line_at(const struct buffer *lines, size_t n)
{
    struct error err = ERROR_INIT;
    const char *at = buffer_string(lines), *end;
    for (; (end = strchr(at, '\n')) && n > 0; n--)
        at = end + 1;
    if (!end)
        return NULL;
    cJSON *json = json_parse(at, (size_t)(end - at), JSON_STRICT, "line", &err);
    if (!json)
        fail_msg("%s", err.text);
    return json;
}

static double number(const cJSON *json, const char *key)
{
    double value = NAN;
    json_get_double(json, key, &value);
    return value;
}

/* The numbers of make_trackers.py, in a line each, and the evaluations in their own. */
static void check_run(const struct buffer *lines)
{
    size_t at = 0;
    for (int step = 1; step <= STEPS; step++) {
        cJSON *json = line_at(lines, at++);
        assert_non_null(json);
        assert_float_equal(number(json, "step"), step, 0);
        assert_float_equal(number(json, "loss"), 4 - step / 64.0, 0);
        assert_float_equal(number(json, "grad_norm"), 1 + step / 64.0, 0);
        assert_float_equal(number(json, "lr"), 0x1p-10, 0);
        assert_null(json_get(json, "eval_loss"));
        cJSON_Delete(json);
        if (step % 10 != 0)
            continue;
        json = line_at(lines, at++);
        assert_float_equal(number(json, "step"), step, 0);
        assert_float_equal(number(json, "eval_loss"), 4.5 - step / 64.0, 0);
        assert_null(json_get(json, "loss"));
        cJSON_Delete(json);
    }
    assert_null(line_at(lines, at));
}

/* --- as the tools write them --- */

#define TENSORBOARD "events.out.tfevents.1800000000.host.1.0"

static const struct sample {
    const char *file, *tool;
    bool ends;
} samples[] = {
    {TENSORBOARD, "TensorBoard", false},
    {"run-sample.wandb", "W&B", true},
    {"trackio.db", "trackio", false},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static char *sample_path(const char *file)
{
    char name[128];
    snprintf(name, sizeof name, "tracker/%s", file);
    return path_join(getenv("SPECTRUM_TEST_DATA"), name, NULL);
}

static void test_numbers_are_those_of_the_tool(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct buffer lines = BUFFER_INIT;
        char *path = sample_path(samples[i].file);
        struct tracker *tracker = open_log(path, samples[i].tool);
        read_all(tracker, &lines);
        check_run(&lines);
        assert_string_equal(tracker_damage(tracker), "");
        assert_int_equal(tracker_ended(tracker), samples[i].ends);
        if (strcmp(samples[i].tool, "trackio") == 0) /* of two runs the one that wrote last */
            assert_string_equal(tracker_run(tracker), "newest");
        tracker_close(tracker);
        buffer_free(&lines);
        free(path);
    }
}

/* A file that grows a few bytes at a time gives the same lines: what is not whole waits, and nothing
 * of it is damage. */
static void test_a_log_is_followed_while_it_grows(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) { /* files of records; SQLite sees to itself */
        struct buffer whole = BUFFER_INIT, lines = BUFFER_INIT;
        char *path = sample_path(samples[i].file), *copy = path_join(folder, samples[i].file, NULL);
        struct tracker *tracker = NULL;
        bool more;
        tracker_hold = 1000; /* each step in one line, however slow this goes */
        assert_int_equal(file_read_all(&whole, path, 1 << 20, NULL), 0);
        FILE *out = fopen(copy, "wb");
        for (size_t at = 0, part = 37; at < whole.length; at += part) {
            part = whole.length - at < part ? whole.length - at : part;
            assert_int_equal(fwrite(whole.data + at, 1, part, out), part);
            fflush(out);
            if (!tracker)
                tracker = open_log(copy, samples[i].tool);
            assert_int_equal(tracker_read(tracker, &lines, &more, NULL), 0);
        }
        fclose(out);
        tracker_hold = 0.01;
        read_all(tracker, &lines);
        check_run(&lines);
        assert_string_equal(tracker_damage(tracker), "");
        tracker_close(tracker);
        unlink(copy);
        buffer_free(&whole);
        buffer_free(&lines);
        free(path);
        free(copy);
    }
}

/* Any byte that is changed is found by a sum: lines before it are the tool's own, and the damage is
 * said. A cut end is no damage. */
static void test_damage_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buffer whole = BUFFER_INIT;
        char *path = sample_path(samples[i].file), *copy = path_join(folder, samples[i].file, NULL);
        assert_int_equal(file_read_all(&whole, path, 1 << 20, NULL), 0);
        for (size_t at = 200; at < whole.length; at += 331) {
            struct buffer lines = BUFFER_INIT;
            whole.data[at] ^= 0x10;
            assert_int_equal(file_save(copy, whole.data, whole.length, NULL), 0);
            struct tracker *tracker = open_log(copy, samples[i].tool);
            bool more = true;
            while (more)
                assert_int_equal(tracker_read(tracker, &lines, &more, NULL), 0);
            if (!strstr(tracker_damage(tracker), "damaged at byte"))
                fail_msg("%s, byte %zu: \"%s\"", samples[i].file, at, tracker_damage(tracker));
            cJSON *json = line_at(&lines, 0);
            if (json)
                assert_float_equal(number(json, "loss"), 4 - number(json, "step") / 64, 0);
            cJSON_Delete(json);
            tracker_close(tracker);
            buffer_free(&lines);
            whole.data[at] ^= 0x10;
        }
        unlink(copy);
        buffer_free(&whole);
        free(path);
        free(copy);
    }
}

/* --- lines, and a Trainer's state --- */

static void save(const char *name, const char *text)
{
    char *path = path_join(folder, name, NULL), *around = path_folder(path, NULL);
    assert_int_equal(folder_make(around, NULL), 0);
    assert_int_equal(file_save(path, text, strlen(text), NULL), 0);
    free(around);
    free(path);
}

static void forget(const char *name)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s/%s'", folder, name);
    assert_int_equal(system(command), 0);
}

/* The lines of the log that lies below folder/name. */
static void lines_of(const char *name, const char *tool, struct buffer *lines, int64_t *steps,
                     bool *ended)
{
    char *path = path_join(folder, name, NULL);
    struct tracker *tracker = open_log(path, tool);
    read_all(tracker, lines);
    *steps = tracker_steps(tracker);
    *ended = tracker_ended(tracker);
    tracker_close(tracker);
    free(path);
}

static const struct shape {
    const char *file, *tool, *text, *first; /* the first line that comes of it */
    int64_t steps;
    bool ended;
} shapes[] = {
    {"lf/out/trainer_log.jsonl", "LLaMA-Factory",
     "{\"current_steps\": 1, \"total_steps\": 2, \"loss\": 8.5, \"lr\": 5e-05, \"epoch\": 0.5, "
     "\"percentage\": 50.0, \"elapsed_time\": \"0:00:00\", \"throughput\": 1947.17}\n"
     "{\"current_steps\": 2, \"total_steps\": 2, \"eval_loss\": 7.25, \"epoch\": 1.0}\n",
     "{\"step\": 1, \"loss\": 8.5, \"lr\": 5e-05, \"epoch\": 0.5, \"percentage\": 50, "
     "\"tokens_per_s\": 1947.17}\n",
     2, true},
    {"swift/v0-2026/logging.jsonl", "ms-swift",
     "{\"loss\": 9.5, \"grad_norm\": 8.25, \"learning_rate\": 1e-05, "
     "\"global_step/max_steps\": \"1/6\", \"elapsed_time\": \"4s\", \"memory(GiB)\": 1.5}\n",
     "{\"step\": 1, \"loss\": 9.5, \"grad_norm\": 8.25, \"lr\": 1e-05, "
     "\"device_bytes\": 1610612736}\n",
     6, false},
    {"lines/any.jsonl", "JSON lines",
     "{\"iter\": 3, \"loss\": 2.5, \"event\": 7}\n{\"iter\": 4, \"loss\": NaN}\n",
     "{\"step\": 3, \"loss\": 2.5, \"log/event\": 7}\n", 0, false},
    {"hf/checkpoint-2/trainer_state.json", "Hugging Face Trainer",
     "{\"global_step\": 2, \"max_steps\": 2, \"log_history\": [{\"step\": 1, \"loss\": 3.5, "
     "\"epoch\": 0.5}, {\"step\": 2, \"loss\": 3.25}]}",
     "{\"step\": 1, \"loss\": 3.5, \"epoch\": 0.5}\n", 2, true},
};

static void test_lines_of_each_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct buffer lines = BUFFER_INIT;
        char top[32];
        int64_t steps;
        bool ended;
        snprintf(top, sizeof top, "%.*s", (int)strcspn(shapes[i].file, "/"), shapes[i].file);
        save(shapes[i].file, shapes[i].text);
        lines_of(top, shapes[i].tool, &lines, &steps, &ended);
        if (strncmp(buffer_string(&lines), shapes[i].first, strlen(shapes[i].first)) != 0)
            fail_msg("%s: %s", shapes[i].file, buffer_string(&lines));
        assert_int_equal(steps, shapes[i].steps);
        assert_int_equal(ended, shapes[i].ended);
        forget(top);
        buffer_free(&lines);
    }
}

/* Back to step 2: all later steps are void in metrics.jsonl, by a line of that step. What is of one
 * step and comes in parts is one line, which is written again. A curve that comes after another one
 * replaces nothing. */
static void test_steps_that_go_back_and_come_late(void **state)
{
    (void)state;
    struct buffer lines = BUFFER_INIT;
    int64_t steps;
    bool ended;
    save("back/a.jsonl", "{\"step\": 1, \"loss\": 5}\n{\"step\": 2, \"loss\": 4}\n"
                         "{\"step\": 3, \"loss\": 3}\n{\"step\": 2, \"loss\": 4.5}\n"
                         "{\"step\": 2, \"grad_norm\": 1.5}\n{\"step\": 3, \"loss\": 3.5}\n"
                         "{\"step\": 1, \"accuracy\": 0.25}\n");
    lines_of("back", "JSON lines", &lines, &steps, &ended);
    assert_string_equal(buffer_string(&lines),
                        "{\"step\": 1, \"loss\": 5}\n{\"step\": 2, \"loss\": 4}\n"
                        "{\"step\": 3, \"loss\": 3}\n"
                        "{\"step\": 2, \"loss\": 4.5, \"grad_norm\": 1.5}\n"
                        "{\"event\": \"late\", \"step\": 1, \"accuracy\": 0.25}\n"
                        "{\"step\": 3, \"loss\": 3.5}\n");
    forget("back");
    buffer_free(&lines);
}

/* Where a folder has several, one that is written while a run trains comes before a Trainer's state,
 * and the newer before the older; what is no log is none, by name. */
static void test_which_log_of_a_folder(void **state)
{
    (void)state;
    struct tracker_log log;
    struct error err = ERROR_INIT;
    size_t others;
    char *path = path_join(folder, "many", NULL), command[512];
    save("many/old/any.jsonl", "{\"step\": 1, \"loss\": 5}\n");
    save("many/checkpoint-5/trainer_state.json", "{\"log_history\": []}");
    save("many/new/any.jsonl", "{\"step\": 1, \"loss\": 6}\n");
    save("many/data.jsonl", "{\"text\": \"step\", \"label\": 1}\n");
    snprintf(command, sizeof command, "touch -d '1 hour ago' %s/old/any.jsonl", path);
    assert_int_equal(system(command), 0);
    assert_int_equal(tracker_find(&log, path, NULL, &others, &err), 0);
    assert_non_null(strstr(log.path, "many/new/any.jsonl"));
    assert_int_equal(others, 1); /* the state is of the one whose folder is around it */
    tracker_log_free(&log);
    forget("many/old");
    forget("many/new");
    assert_int_equal(tracker_find(&log, path, NULL, NULL, &err), 0);
    assert_non_null(strstr(log.path, "trainer_state.json"));
    tracker_log_free(&log);
    forget("many/checkpoint-5");
    assert_int_equal(tracker_find(&log, path, NULL, NULL, &err), -1);
    assert_non_null(strstr(err.text, "has no log of a run that is known"));
    assert_non_null(strstr(err.text, "trainer_log.jsonl"));
    forget("many");
    free(path);
}

/* --- several runs --- */

static const char *const sweep[] = {"sweep/lr-1/tb/e.tfevents.1", "sweep/lr-2/tb/e.tfevents.1",
                                    "sweep/lr-2/tb/e.tfevents.2"};

/* A folder with: two of TensorBoard, the second in two files and with the state of a Trainer around it;
 * one of lines; two of one name in a trackio project, and one of that name in another. */
static void make_sweep(void)
{
    struct buffer whole = BUFFER_INIT;
    char *events = sample_path(TENSORBOARD), command[1024];
    assert_int_equal(file_read_all(&whole, events, 1 << 20, NULL), 0);
    for (size_t i = 0; i < sizeof sweep / sizeof *sweep; i++) {
        save(sweep[i], "");
        char *path = path_join(folder, sweep[i], NULL);
        assert_int_equal(file_save(path, whole.data, whole.length, NULL), 0);
        free(path);
    }
    save("sweep/lr-2/checkpoint-5/trainer_state.json", "{\"log_history\": [{\"step\": 5}]}");
    save("sweep/lr-2/checkpoint-9/trainer_state.json",
         "{\"log_history\": [{\"step\": 9, \"loss\": 1}]}");
    save("sweep/any.jsonl", "{\"step\": 1, \"loss\": 5}\n{\"step\": 3, \"loss\": 4}\n");
    snprintf(command, sizeof command,
             "cp %s/tracker/trackio.db %s/sweep/p.db && "
             "cp %s/sweep/p.db %s/sweep/q.db && cd %s/sweep && touch -d '1 hour ago' any.jsonl && "
             "touch -d '2 hours ago' lr-1/tb/* && touch -d '3 hours ago' lr-2/checkpoint-*/*",
             getenv("SPECTRUM_TEST_DATA"), folder, folder, folder, folder);
    assert_int_equal(system(command), 0);
    buffer_free(&whole);
    free(events);
}

static const struct tracker_log *named(const struct tracker_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->logs[i].name, name) == 0)
            return &list->logs[i];
    fail_msg("no \"%s\"", name);
    return NULL;
}

/* Files of one run are one log, and a file of several runs as many; each name is there once; what is
 * another log of a run is said to be, and comes last. */
static void test_runs_of_a_folder(void **state)
{
    (void)state;
    struct tracker_list list;
    struct error err = ERROR_INIT;
    char *path = path_join(folder, "sweep", NULL);
    make_sweep();
    if (tracker_list(&list, path, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(list.count, 8);
    assert_int_equal(list.runs, 7);
    for (size_t i = 0; i < list.count; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(list.logs[i].name, list.logs[j].name);
    for (size_t i = 2; i < list.runs; i++)
        assert_true(list.logs[i].written <= list.logs[i - 1].written);
    assert_string_equal(list.logs[7].name, "lr-2");
    assert_true(list.logs[7].beside);
    assert_int_equal(tracker_last_step(&list.logs[7]), 9);
    assert_int_equal(tracker_last_step(named(&list, "lr-1/tb")), STEPS);
    assert_int_equal(tracker_last_step(named(&list, "lr-2/tb")), STEPS);
    assert_int_equal(tracker_last_step(named(&list, "sweep")), 3); /* the folder's own lines */
    assert_int_equal(tracker_last_step(named(&list, "p.db/newest")), STEPS);
    assert_int_equal(tracker_last_step(named(&list, "q.db/older")), 1);
    tracker_list_free(&list);
    free(path);
}

/* By its whole name, or what only it has of one; else the names are said. */
static void test_a_run_is_chosen_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *found; /* or what the error says */
        bool is;
    } cases[] = {
        {"lr-1/tb", "lr-1/tb", true},
        {"lr-2", "lr-2", true},
        {"p.db/older", "p.db/older", true},
        {"tb", "\"tb\" may be several runs of SWEEP: name one of \"lr-2/tb\", \"lr-1/tb\"", false},
        {"older", "name one of", false},
        {"lr-3", "SWEEP has no run \"lr-3\": it has \"", false},
        {"", "has no run \"\"", false},
    };
    struct tracker_list list;
    char *path = path_join(folder, "sweep", NULL);
    assert_int_equal(tracker_list(&list, path, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = ERROR_INIT;
        const struct tracker_log *log = tracker_choose(&list, "SWEEP", cases[i].typed, &err);
        if (!cases[i].is && (log || !strstr(err.text, cases[i].found)))
            fail_msg("%s: %s", cases[i].typed, err.text);
        if (cases[i].is)
            assert_string_equal(log ? log->name : err.text, cases[i].found);
    }
    assert_ptr_equal(tracker_choose(&list, "SWEEP", NULL, NULL), &list.logs[0]);
    tracker_list_free(&list);
    free(path);
}

/* What is chosen is what is followed. */
static void test_an_older_run_is_followed(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct tracker_log log;
    struct tracker *tracker;
    struct buffer lines = BUFFER_INIT, older = BUFFER_INIT, newest = BUFFER_INIT;
    char *path = path_join(folder, "sweep/p.db", NULL);
    size_t others;
    assert_int_equal(tracker_find(&log, path, "older", &others, &err), 0);
    assert_int_equal(others, 1);
    assert_int_equal(tracker_open(&tracker, &log, &err), 0);
    read_all(tracker, &lines);
    assert_string_equal(buffer_string(&lines), "{\"step\": 1, \"loss\": 9}\n");
    assert_string_equal(tracker_run(tracker), "older");
    assert_true(tracker_written(tracker) > 0);
    assert_int_equal(tracker_put_key(&older, &log, &err), 0);
    tracker_close(tracker);
    tracker_log_free(&log);
    assert_int_equal(tracker_find(&log, path, NULL, NULL, &err), 0);
    assert_string_equal(log.name, "newest");
    assert_int_equal(tracker_put_key(&newest, &log, &err), 0);
    assert_string_not_equal(buffer_string(&older), buffer_string(&newest));
    tracker_log_free(&log);
    buffer_free(&lines);
    buffer_free(&older);
    buffer_free(&newest);
    free(path);
    forget("sweep");
}

/* --- a database that another program writes --- */

/* In the mode that trackio has. */
static sqlite3 *open_database(const char *name)
{
    sqlite3 *db;
    char *path = path_join(folder, name, NULL);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    free(path);
    return db;
}

static void run_sql(sqlite3 *db, const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
}

static void put_row(sqlite3 *db, const char *run, const char *id, int step, double loss)
{
    char text[256];
    snprintf(text, sizeof text,
             "INSERT INTO metrics (timestamp, run_id, run_name, step, metrics) VALUES "
             "('2026-01-02T03:04:05.5+00:00', '%s', '%s', %d, '{\"loss\": %g}')",
             id, run, step, loss);
    run_sql(db, text);
}

static int names_in(const char *where)
{
    char command[256];
    snprintf(command, sizeof command, "exit $(ls -A '%s/%s' | wc -l)", folder, where);
    return WEXITSTATUS(system(command));
}

static const char metrics_table[] =
    "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp "
    "TEXT NOT NULL, run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL)";

/* A project whose writer opens it for each line, as trackio does: nothing is left beside it, not even
 * where it cannot be written; and each line comes. Two runs of one name are two. */
static void test_a_database_is_left_alone(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct tracker_list list;
    struct buffer lines = BUFFER_INIT;
    char *path = path_join(folder, "alone/p.db", NULL);
    save("alone/.made", "");
    sqlite3 *db = open_database("alone/p.db");
    run_sql(db, metrics_table);
    put_row(db, "same", "aaaaaaaaaa", 1, 5);
    put_row(db, "same", "bbbbbbbbbb", 1, 7);
    sqlite3_close(db);
    assert_int_equal(names_in("alone"), 2);
    assert_int_equal(chmod(path, 0444), 0);
    usleep(60000);
    assert_int_equal(tracker_list(&list, path, &err), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.logs[0].name, "same:bbbbbbbb");
    assert_string_equal(list.logs[1].name, "same:aaaaaaaa");
    assert_float_equal(list.logs[1].written, 1767323045, 0); /* of 2026-01-02T03:04:05 */
    struct tracker *tracker;
    assert_int_equal(tracker_open(&tracker, &list.logs[1], &err), 0);
    read_all(tracker, &lines);
    assert_int_equal(names_in("alone"), 2);
    assert_int_equal(chmod(path, 0644), 0);
    for (int step = 2; step <= 4; step++) {
        db = open_database("alone/p.db");
        put_row(db, "same", "aaaaaaaaaa", step, 5 - step);
        put_row(db, "same", "bbbbbbbbbb", step, 9);
        if (step == 3) /* while it is open */
            read_all(tracker, &lines);
        sqlite3_close(db);
        usleep(60000);
        read_all(tracker, &lines);
        assert_int_equal(names_in("alone"), 2);
    }
    assert_string_equal(buffer_string(&lines),
                        "{\"step\": 1, \"loss\": 5}\n{\"step\": 2, \"loss\": 3}\n"
                        "{\"step\": 3, \"loss\": 2}\n{\"step\": 4, \"loss\": 1}\n");
    assert_string_equal(tracker_damage(tracker), "");
    tracker_close(tracker);
    tracker_list_free(&list);
    buffer_free(&lines);
    free(path);
    forget("alone");
}

/* What is at rest is read as if it did not change, so whether it did is known afterwards; and what was
 * written just now may be written again within the same time of its file. */
static void test_a_database_at_rest_is_held_to_it(void **state)
{
    (void)state;
    struct database database;
    char *path = path_join(folder, "held/p.db", NULL);
    save("held/.made", "");
    sqlite3 *db = open_database("held/p.db");
    run_sql(db, metrics_table);
    sqlite3_close(db);
    assert_int_equal(database_open(&database, path, 1), SQLITE_BUSY);
    database_close(&database);
    usleep(60000);
    assert_int_equal(database_open(&database, path, 1), SQLITE_OK);
    assert_true(database.at_rest);
    assert_true(database_held(&database));
    db = open_database("held/p.db");
    assert_false(database_held(&database)); /* somebody may write now, */
    put_row(db, "run", "dddddddddd", 1, 1);
    sqlite3_close(db);
    assert_false(database_held(&database)); /* or has written */
    database_close(&database);
    free(path);
    forget("held");
}

/* Writes a row each time that it opens it, in another process, sometimes many of them. */
static void write_rows(int count)
{
    for (int step = 1; step <= count; step++) {
        sqlite3 *db = open_database("busy/p.db");
        sqlite3_busy_timeout(db, 5000);
        put_row(db, "busy", "cccccccccc", step, step);
        sqlite3_close(db);
        usleep((useconds_t)(step % 7 * 1000));
    }
    _exit(0);
}

/* Read while that goes on, at any moment of it, each row comes once and is the row. */
static void test_a_database_that_is_written_meanwhile(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct buffer lines = BUFFER_INIT;
    struct error err = ERROR_INIT;
    bool more;
    int how;
    save("busy/.made", "");
    sqlite3 *db = open_database("busy/p.db");
    run_sql(db, metrics_table);
    put_row(db, "busy", "cccccccccc", 0, 0);
    sqlite3_close(db);
    usleep(60000);
    char *path = path_join(folder, "busy", NULL);
    struct tracker *tracker = open_log(path, "trackio");
    pid_t writer = fork();
    if (writer == 0)
        write_rows(COUNT);
    while (waitpid(writer, &how, WNOHANG) == 0) {
        if (tracker_read(tracker, &lines, &more, &err) != 0)
            fail_msg("%s", err.text);
        usleep(500);
    }
    assert_int_equal(how, 0);
    usleep(60000);
    read_all(tracker, &lines);
    for (int step = 0; step <= COUNT; step++) {
        cJSON *json = line_at(&lines, (size_t)step);
        assert_float_equal(number(json, "step"), step, 0);
        assert_float_equal(number(json, "loss"), step, 0);
        cJSON_Delete(json);
    }
    assert_null(line_at(&lines, COUNT + 1));
    assert_string_equal(tracker_damage(tracker), "");
    tracker_close(tracker);
    buffer_free(&lines);
    free(path);
    forget("busy");
}

/* Another tool's database has no runs of trackio's, whatever its tables are called. */
static void test_another_database_is_none(void **state)
{
    (void)state;
    static const char *const tables[] = {
        "CREATE TABLE models (id INTEGER)",
        "CREATE TABLE metrics (key TEXT, value REAL, step INTEGER)"};
    for (size_t i = 0; i < 2; i++) {
        struct error err = ERROR_INIT;
        struct tracker_list list;
        char *path = path_join(folder, "other.db", NULL);
        sqlite3 *db = open_database("other.db");
        run_sql(db, tables[i]);
        sqlite3_close(db);
        usleep(60000);
        assert_int_equal(tracker_list(&list, path, &err), -1);
        assert_non_null(strstr(err.text, "is no log of a run that is known"));
        unlink(path);
        free(path);
    }
}

/* --- damage --- */

static void append(const char *name, const char *text)
{
    char *path = path_join(folder, name, NULL);
    FILE *out = fopen(path, "a");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    free(path);
}

/* Each is said when it comes, and none twice; of many alike at one look how many; and whatever a log
 * has, not more than a hundred lines. */
static void test_all_damage_is_said(void **state)
{
    (void)state;
    struct buffer lines = BUFFER_INIT;
    save("torn/a.jsonl", "{\"step\": 1, \"loss\": 5}\nnothing\n{\"loss\": 2}\n");
    char *path = path_join(folder, "torn/a.jsonl", NULL);
    struct tracker *tracker = open_log(path, "JSON lines");
    read_all(tracker, &lines);
    assert_string_equal(
        tracker_damage(tracker),
        "the line at byte 23 is no JSON object: it is passed over\n"
        "the line at byte 31 has no step, a whole number from 0: it is passed over\n");
    tracker_damage_said(tracker);
    read_all(tracker, &lines);
    assert_string_equal(tracker_damage(tracker), "");
    append("torn/a.jsonl", "[1]\n[2]\n[3]\n");
    read_all(tracker, &lines);
    assert_string_equal(tracker_damage(tracker),
                        "the line at byte 43 is no JSON object: it is passed over (and 2 more like "
                        "it)\n");
    tracker_damage_said(tracker);
    for (int i = 0; i < 150; i++) {
        bool more;
        append("torn/a.jsonl", "nothing\n");
        assert_int_equal(tracker_read(tracker, &lines, &more, NULL), 0);
    }
    size_t count = 0;
    for (const char *at = tracker_damage(tracker); (at = strchr(at, '\n')); at++)
        count++;
    assert_int_equal(count, 101 - 3);
    assert_non_null(strstr(tracker_damage(tracker), "\nmore of it is damaged than is said here\n"));
    tracker_close(tracker);
    buffer_free(&lines);
    free(path);
    forget("torn");
}

/* A state is written in place: half of one is damage where it stays so. */
static void test_half_a_state(void **state)
{
    (void)state;
    static const char half[] = "{\"log_history\": [{\"step\": 1, \"lo";
    struct buffer lines = BUFFER_INIT;
    bool more;
    save("half/trainer_state.json", half);
    char *path = path_join(folder, "half", NULL);
    struct tracker *tracker = open_log(path, "Hugging Face Trainer");
    assert_int_equal(tracker_read(tracker, &lines, &more, NULL), 0);
    assert_string_equal(tracker_damage(tracker), "");
    save("half/trainer_state.json", "{\"log_history\": [{\"step\": 1, \"loss\": 3}]}");
    read_all(tracker, &lines);
    assert_string_equal(tracker_damage(tracker), "");
    assert_string_equal(buffer_string(&lines), "{\"step\": 1, \"loss\": 3}\n");
    save("half/trainer_state.json", half);
    read_all(tracker, &lines);
    assert_non_null(strstr(tracker_damage(tracker), "trainer_state.json"));
    tracker_close(tracker);
    buffer_free(&lines);
    free(path);
    forget("half");
}

/* A folder of events is listed where it has changed: a new file in it is found, however old its time
 * is made, and between changes it is not opened. */
static int listings;
static DIR *(*system_opendir)(const char *path);

static DIR *count_opendir(const char *path)
{
    listings++;
    return system_opendir(path);
}

static void test_a_folder_is_listed_where_it_changed(void **state)
{
    (void)state;
    struct buffer whole = BUFFER_INIT, lines = BUFFER_INIT;
    char *events = sample_path(TENSORBOARD), command[512];
    char *path = path_join(folder, "list/a.tfevents.1", NULL), *around = path_folder(path, NULL);
    bool more;
    assert_int_equal(file_read_all(&whole, events, 1 << 20, NULL), 0);
    save("list/a.tfevents.1", "");
    assert_int_equal(file_save(path, whole.data, whole.length, NULL), 0);
    snprintf(command, sizeof command, "touch -d '1 hour ago' %s %s/*", around, around);
    assert_int_equal(system(command), 0);
    struct tracker *tracker = open_log(around, "TensorBoard");
    read_all(tracker, &lines);
    check_run(&lines);
    system_opendir = sys.opendir;
    sys.opendir = count_opendir;
    for (int i = 0; i < 50; i++)
        assert_int_equal(tracker_read(tracker, &lines, &more, NULL), 0);
    assert_int_equal(listings, 0);
    snprintf(command, sizeof command, "cp %s %s/b.tfevents.2", path, around);
    assert_int_equal(system(command), 0);
    buffer_clear(&lines);
    read_all(tracker, &lines);
    assert_true(listings > 0);
    assert_true(lines.length > 0);
    sys.opendir = system_opendir;
    tracker_close(tracker);
    buffer_free(&whole);
    buffer_free(&lines);
    free(events);
    free(around);
    free(path);
    forget("list");
}

/* --- another log in its place --- */

/* Another file in a log's place, longer or not, is another log: what came before is void, by a line
 * of metrics.jsonl that says so. */
static void test_a_log_that_is_replaced(void **state)
{
    (void)state;
    static const char first[] = "{\"step\": 1, \"loss\": 5}\n{\"step\": 2, \"loss\": 4}\n";
    static const char other[] = "{\"step\": 1, \"loss\": 9.5}\n{\"step\": 2, \"loss\": 8.5}\n"
                                "{\"step\": 3, \"loss\": 7.5}\n";
    char *path = path_join(folder, "replaced.jsonl", NULL);
    for (int in_place = 0; in_place < 2; in_place++) {
        struct buffer lines = BUFFER_INIT;
        assert_int_equal(file_save(path, first, sizeof first - 1, NULL), 0);
        struct tracker *tracker = open_log(path, "JSON lines");
        read_all(tracker, &lines);
        buffer_clear(&lines);
        FILE *out = in_place ? fopen(path, "w") : NULL;
        if (out) {
            fputs(other, out);
            fclose(out);
        } else {
            assert_int_equal(file_save(path, other, sizeof other - 1, NULL), 0);
        }
        read_all(tracker, &lines);
        assert_string_equal(buffer_string(&lines),
                            "{\"event\": \"resume\", \"step\": 0}\n{\"step\": 1, \"loss\": 9.5}\n"
                            "{\"step\": 2, \"loss\": 8.5}\n{\"step\": 3, \"loss\": 7.5}\n");
        tracker_close(tracker);
        buffer_free(&lines);
    }
    unlink(path);
    free(path);
}

/* Two names of one meaning, numbers in quotes, a first line longer than the head; and lines whose
 * step is none are said. */
static void test_nothing_goes_without_a_word(void **state)
{
    (void)state;
    struct buffer lines = BUFFER_INIT, text = BUFFER_INIT;
    int64_t steps;
    bool ended;
    buffer_text(&text,
                "{\"step\": 1, \"loss\": 1.5, \"train/loss\": 2.5, \"lr\": \"1e-4\", \"note\": \"");
    for (int i = 0; i < 6000; i++)
        buffer_byte(&text, 'x');
    buffer_text(&text, "\"}\n{\"step\": \"2\", \"loss\": 3}\n");
    save("odd/a.jsonl", buffer_string(&text));
    lines_of("odd", "JSON lines", &lines, &steps, &ended);
    assert_string_equal(buffer_string(&lines),
                        "{\"step\": 1, \"loss\": 1.5, \"train/loss\": 2.5, \"lr\": 0.0001}\n"
                        "{\"step\": 2, \"loss\": 3}\n");
    buffer_free(&text);
    buffer_free(&lines);
    save("odd/a.jsonl", "{\"step\": 1, \"loss\": 1}\n{\"step\": 2.5, \"loss\": 2}\n");
    char *path = path_join(folder, "odd", NULL);
    struct tracker *tracker = open_log(path, "JSON lines");
    read_all(tracker, &lines);
    assert_non_null(strstr(tracker_damage(tracker), "byte 23 has no step"));
    tracker_close(tracker);
    buffer_free(&lines);
    free(path);
    forget("odd");
}

/* What is beside an event file and none, and an event file that goes, do not end the others. */
static void test_an_odd_neighbour(void **state)
{
    (void)state;
    struct buffer whole = BUFFER_INIT, lines = BUFFER_INIT;
    char *path = sample_path(TENSORBOARD), *around = path_join(folder, "events", NULL),
         command[512];
    assert_int_equal(file_read_all(&whole, path, 1 << 20, NULL), 0);
    assert_int_equal(folder_make(around, NULL), 0);
    char *copy = path_join(around, TENSORBOARD, NULL);
    assert_int_equal(file_save(copy, whole.data, whole.length, NULL), 0);
    snprintf(command, sizeof command,
             "mkfifo %s/a.tfevents.1; mkdir %s/b.tfevents.2; ln -s nowhere %s/c.tfevents.3", around,
             around, around);
    assert_int_equal(system(command), 0);
    struct tracker *tracker = open_log(around, "TensorBoard");
    read_all(tracker, &lines);
    check_run(&lines);
    assert_non_null(strstr(tracker_damage(tracker), "is no file: it is passed over"));
    tracker_close(tracker);
    buffer_free(&whole);
    buffer_free(&lines);
    free(copy);
    free(around);
    free(path);
    forget("events");
}

/* A record that says it has four gigabytes asks for none; its sum is right. */
static void test_lengths_ask_for_nothing(void **state)
{
    (void)state;
    unsigned char record[64] = {0, 0, 0, 0, 1};
    uint32_t sum = crc32c_masked(record, 8);
    struct buffer lines = BUFFER_INIT;
    bool more;
    memcpy(record + 8, &sum, sizeof sum);
    char *path = path_join(folder, "x.tfevents.1", NULL);
    assert_int_equal(file_save(path, (char *)record, sizeof record, NULL), 0);
    struct tracker *tracker = open_log(path, "TensorBoard");
    assert_int_equal(tracker_read(tracker, &lines, &more, NULL), 0);
    assert_false(more); /* it waits for the rest */
    assert_int_equal(lines.length, 0);
    tracker_close(tracker);
    unlink(path);
    free(path);
    buffer_free(&lines);
}

/* CRC-32C of 32 zero bytes (RFC 3720, B.4), masked. */
static void test_crc32c(void **state)
{
    (void)state;
    const char zeros[32] = {0};
    uint32_t crc = 0x8A9136AAu;
    assert_int_equal(crc32c_masked(zeros, 32), (crc >> 15 | crc << 17) + 0xA282EAD8u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_numbers_are_those_of_the_tool),
        cmocka_unit_test(test_a_log_is_followed_while_it_grows),
        cmocka_unit_test(test_damage_is_said),
        cmocka_unit_test(test_lines_of_each_shape),
        cmocka_unit_test(test_steps_that_go_back_and_come_late),
        cmocka_unit_test(test_which_log_of_a_folder),
        cmocka_unit_test(test_runs_of_a_folder),
        cmocka_unit_test(test_a_run_is_chosen_by_name),
        cmocka_unit_test(test_an_older_run_is_followed),
        cmocka_unit_test(test_a_database_is_left_alone),
        cmocka_unit_test(test_a_database_at_rest_is_held_to_it),
        cmocka_unit_test(test_a_database_that_is_written_meanwhile),
        cmocka_unit_test(test_another_database_is_none),
        cmocka_unit_test(test_all_damage_is_said),
        cmocka_unit_test(test_half_a_state),
        cmocka_unit_test(test_a_folder_is_listed_where_it_changed),
        cmocka_unit_test(test_a_log_that_is_replaced),
        cmocka_unit_test(test_nothing_goes_without_a_word),
        cmocka_unit_test(test_an_odd_neighbour),
        cmocka_unit_test(test_lengths_ask_for_nothing),
    };
    tracker_hold = 0.01;
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
