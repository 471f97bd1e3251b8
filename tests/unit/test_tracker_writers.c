/* What --log writes: as the readers of such files have it (that TensorBoard and trackio do, too, is
 * tests/oracle/check_trackers.py), after a resume without what it took back; a target that cannot be
 * written is given up, and the others go on. */
#include "test_folder.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/sys.h"
#include "tracker/tracker.h"
#include "tracker/writers.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

static struct sys_table real;

static void put(struct tracker_writers *writers, const char *line)
{
    struct error err = ERROR_INIT;
    if (tracker_writers_put(writers, line, strlen(line), &err) != 0)
        fail_msg("%s", err.text);
}

static struct tracker_writers *open_all(const char *names)
{
    struct error err = ERROR_INIT;
    struct tracker_writers *writers;
    if (tracker_writers_open(&writers, names, folder, "first", &err) != 0)
        fail_msg("%s", err.text);
    return writers;
}

/* The lines that come of a log; the caller frees. */
static char *read_back(const char *path, const char *tool)
{
    struct tracker_log log;
    struct tracker *tracker;
    struct buffer lines = BUFFER_INIT;
    bool more = true;
    tracker_hold = 0;
    assert_int_equal(tracker_find(&log, path, NULL, NULL, NULL), 0);
    assert_string_equal(tracker_tool(&log), tool);
    assert_int_equal(tracker_open(&tracker, &log, NULL), 0);
    while (more)
        assert_int_equal(tracker_read(tracker, &lines, &more, NULL), 0);
    assert_string_equal(tracker_damage(tracker), "");
    tracker_close(tracker);
    tracker_log_free(&log);
    return lines.data;
}

static char *text_of(const char *name)
{
    struct buffer text = BUFFER_INIT;
    char *path = path_join(folder, name, NULL);
    assert_int_equal(file_read_all(&text, path, 1 << 20, NULL), 0);
    free(path);
    return text.data;
}

static const char *const sitting[] = {
    "{\"step\": 0, \"eval_loss\": 4.5, \"eval_tokens\": 64}",
    ("{\"step\": 1, \"time_s\": 1.5, \"loss\": 4.25, \"lr\": 0.5, \"grad_norm\": 2.5, "
     "\"memory_bytes\": {\"weights\": 1024, \"masters\": 2048}}"),
    "{\"step\": 1, \"grad_norms\": {\"a\": 1}}",
    "{\"event\": \"checkpoint\", \"step\": 1, \"seconds\": 0.5}",
    "{\"step\": 2, \"loss\": 4, \"lr\": 0.25}",
    "{\"step\": 2, \"eval_loss\": 3.5, \"eval_tokens\": 64}",
};
static const char *const resumed[] = {
    "{\"event\": \"resume\", \"step\": 1}",
    "{\"step\": 2, \"loss\": 3.75, \"lr\": 0.25}",
};

static void put_all(struct tracker_writers *writers, const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(writers, lines[i]);
}
#define PUT_ALL(writers, lines) put_all(writers, lines, sizeof(lines) / sizeof *(lines))

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    struct tracker_writers *writers = open_all("trackio,csv");
    PUT_ALL(writers, sitting);
    tracker_writers_close(writers);
    char *path = path_join(folder, "spectrum.db", NULL), *lines = read_back(path, "trackio");
    assert_string_equal(lines, "{\"step\": 0, \"eval_loss\": 4.5, \"eval_tokens\": 64}\n"
                               "{\"step\": 1, \"time_s\": 1.5, \"loss\": 4.25, \"lr\": 0.5, "
                               "\"grad_norm\": 2.5, \"memory_bytes/weights\": 1024, "
                               "\"memory_bytes/masters\": 2048}\n"
                               "{\"step\": 2, \"loss\": 4, \"lr\": 0.25}\n"
                               "{\"step\": 2, \"eval_loss\": 3.5, \"eval_tokens\": 64}\n");
    free(lines);
    writers = open_all("csv,trackio"); /* the next sitting */
    PUT_ALL(writers, resumed);
    tracker_writers_close(writers);
    lines = read_back(path, "trackio");
    assert_non_null(strstr(lines, "{\"step\": 2, \"loss\": 3.75, \"lr\": 0.25}\n"));
    assert_null(strstr(lines, "3.5"));
    free(lines);
    lines = text_of("metrics.csv");
    assert_string_equal(lines,
                        "step,loss,learning_rate,grad_norm,tokens_per_s,step_s,time_s,tokens,"
                        "supervised_tokens,process_bytes,eval_loss,eval_tokens,eval_seconds\n"
                        "0,,,,,,,,,,4.5,64,\n"
                        "1,4.25,0.5,2.5,,,1.5,,,,,,\n"
                        "2,3.75,0.25,,,,,,,,,,\n");
    free(lines);
    free(path);
}

/* The configuration of the run in spectrum.db below folder/where, and whether it is a BLOB; the caller
 * frees. */
static cJSON *read_config(const char *where, char type[16], char created[64])
{
    sqlite3 *db;
    sqlite3_stmt *row;
    char *inside = path_join(folder, where, NULL), *path = path_join(inside, "spectrum.db", NULL);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT config, typeof(config), created_at FROM configs "
                                        "WHERE run_id = 'x' AND run_name = 'x'",
                                        -1, &row, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    cJSON *json = json_parse(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0),
                             JSON_STRICT, "config", NULL);
    snprintf(type, 16, "%s", (const char *)sqlite3_column_text(row, 1));
    snprintf(created, 64, "%s", (const char *)sqlite3_column_text(row, 2));
    assert_int_equal(sqlite3_step(row), SQLITE_DONE);
    sqlite3_finalize(row);
    sqlite3_close(db);
    free(path);
    free(inside);
    return json;
}

/* What was asked for, without what only this program asks of job.json; a later sitting says it again,
 * and when the run began stays. */
static void test_options_are_the_configuration(void **state)
{
    (void)state;
    static const char first[] =
        "{\"format\": \"spectrum.job\", \"version\": 1, \"command\": \"train\", \"model\": \"/m\", "
        "\"lr\": 0.5, \"data\": [\"a\", \"b\"], \"data_counts\": {\"rows\": 3}, \"folder\": "
        "\"/f\", "
        "\"arguments\": [\"train\"]}";
    char *inside = path_join(folder, "config", NULL), type[16], created[64], again[64];
    assert_int_equal(mkdir(inside, 0700), 0);
    for (int sitting_count = 0; sitting_count < 2; sitting_count++) {
        struct tracker_writers *writers;
        struct error err = ERROR_INIT;
        cJSON *job = json_parse(first, strlen(first), JSON_STRICT, "job", NULL);
        if (sitting_count > 0)
            cJSON_ReplaceItemInObject(job, "lr", cJSON_CreateNumber(0.25));
        assert_int_equal(
            tracker_writers_open(&writers, "csv,trackio,tensorboard", inside, "x", &err), 0);
        if (sitting_count > 0) { /* what the sitting before said is there until it says it */
            cJSON_Delete(read_config("config", type, again));
            assert_string_equal(again, created);
        }
        assert_int_equal(tracker_writers_describe(writers, job, &err), 0);
        PUT_ALL(writers, sitting);
        tracker_writers_close(writers);
        cJSON_Delete(job);
        cJSON *config = read_config("config", type, created);
        char *text = cJSON_PrintUnformatted(config), wanted[512];
        snprintf(wanted, sizeof wanted,
                 "{\"model\":\"/m\",\"lr\":%s,\"data\":[\"a\",\"b\"],\"data_counts\":{\"rows\":3},"
                 "\"_Username\":null,\"_Created\":\"%s\",\"_Group\":null}",
                 sitting_count > 0 ? "0.25" : "0.5", created);
        assert_string_equal(text, wanted);
        assert_string_equal(type, "blob");
        free(text);
        cJSON_Delete(config);
    }
    free(inside);
}

/* The one event file of the folder, where an earlier sitting left none. */
static void test_events(void **state)
{
    (void)state;
    char *inside = path_join(folder, "events", NULL), text[1024];
    struct tracker_writers *writers;
    assert_int_equal(mkdir(inside, 0700), 0);
    assert_int_equal(tracker_writers_open(&writers, "tensorboard", inside, "x", NULL), 0);
    PUT_ALL(writers, sitting);
    PUT_ALL(writers, resumed);
    tracker_writers_close(writers);
    char *lines = read_back(inside, "TensorBoard");
    snprintf(text, sizeof text, "%s", lines);
    assert_non_null(strstr(text, "{\"step\": 0, \"eval_loss\": 4.5, \"eval_tokens\": 64}\n"));
    assert_non_null(strstr(text, "{\"step\": 2, \"loss\": 4, \"lr\": 0.25}\n"));
    assert_non_null(strstr(text, "{\"event\": \"resume\", \"step\": 1}\n"));
    assert_non_null(strstr(text, "{\"step\": 2, \"loss\": 3.75, \"lr\": 0.25}\n"));
    assert_null(strstr(text, "grad_norms"));
    free(lines);
    free(inside);
}

static int full_disk;

static ssize_t maybe_no_room(int fd, const void *data, size_t count)
{
    if (!full_disk)
        return real.write(fd, data, count);
    errno = ENOSPC;
    return -1;
}

static void test_what_cannot_be_written_is_given_up(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *inside = path_join(folder, "full", NULL);
    struct tracker_writers *writers;
    assert_int_equal(mkdir(inside, 0700), 0);
    assert_int_equal(tracker_writers_open(&writers, "csv,trackio", inside, "x", NULL), 0);
    sys.write = maybe_no_room;
    full_disk = 1;
    assert_int_equal(tracker_writers_put(writers, sitting[1], strlen(sitting[1]), &err), -1);
    assert_non_null(strstr(err.text, "--log csv has no more lines"));
    assert_non_null(strstr(err.text, "metrics.csv"));
    full_disk = 0;
    put(writers, sitting[4]);
    tracker_writers_close(writers);
    sys.write = real.write;
    char *lines = read_back(inside, "trackio"); /* SQLite writes by itself */
    assert_non_null(strstr(lines, "\"loss\": 4.25"));
    assert_non_null(strstr(lines, "{\"step\": 2, \"loss\": 4, \"lr\": 0.25}\n"));
    free(lines);
    free(inside);
}

/* What a person has under such a name is neither written to nor waited for. */
static void test_what_is_anothers_stays(void **state)
{
    (void)state;
    static const char mine[] = "epoch,acc\n1,0.1\n";
    struct error err = ERROR_INIT;
    struct tracker_writers *writers;
    char *inside = path_join(folder, "mine", NULL), *path = path_join(inside, "metrics.csv", NULL);
    assert_int_equal(mkdir(inside, 0700), 0);
    assert_int_equal(file_save(path, mine, sizeof mine - 1, NULL), 0);
    assert_int_equal(tracker_writers_open(&writers, "csv", inside, "x", &err), -1);
    assert_non_null(strstr(err.text, "metrics.csv is there, and no file of this program"));
    struct buffer text = BUFFER_INIT;
    assert_int_equal(file_read_all(&text, path, 1 << 10, NULL), 0);
    assert_string_equal(text.data, mine);
    buffer_free(&text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tracker_writers_open(&writers, "csv", inside, "x", &err), -1);
    assert_non_null(strstr(err.text, "not a regular file"));
    free(path);
    path = path_join(inside, "spectrum.db", NULL);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tracker_writers_open(&writers, "trackio", inside, "x", &err), -1);
    assert_non_null(strstr(err.text, "not a regular file"));
    free(path);
    free(inside);
}

static void test_names(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(tracker_targets_check("csv", &err), 0);
    assert_int_equal(tracker_targets_check("tensorboard,trackio,csv", &err), 0);
    static const char *const wrong[] = {"",        "wandb", "csv,", "csv,,trackio",
                                        "csv,csv", "CSV",   "csv "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(tracker_targets_check(wrong[i], &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
    assert_true(tracker_writes("csv,tensorboard", "events.out.tfevents.1.host.2.0.spectrum"));
    assert_false(tracker_writes("tensorboard", "events.out.tfevents.1.host.2.0")); /* another's */
    assert_true(tracker_writes("trackio", "spectrum.db-wal"));
    assert_false(tracker_writes("trackio", "trackio.db"));
    assert_false(tracker_writes("trackio,tensorboard", "metrics.csv"));
    assert_false(tracker_writes("", "metrics.csv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_options_are_the_configuration),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_what_cannot_be_written_is_given_up),
        cmocka_unit_test(test_what_is_anothers_stays),
        cmocka_unit_test(test_names),
    };
    real = sys;
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
