/* Job directories: what is appended is read back, broken lines and dead locks do no harm. */
#include "test_folder.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json_flat.h"
#include "base/sys.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/launch.h"
#include "job/lock.h"
#include "job/metrics.h"
#include "job/requests.h"
#include "job/survival.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *make_job(void)
{
    struct error err = ERROR_INIT;
    char *path = path_join(folder, "job", &err);
    assert_int_equal(job_dir_create(path, &err), 0);
    return path;
}

static void append(const char *job, const char *text)
{
    char *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void test_metrics_follow_a_growing_file(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    size_t added = 9;
    char *job = make_job();
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(added, 0);
    append(job, "{\"step\": 1, \"loss\": 2.5}\n{\"step\": 2, \"lo");
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(added, 1);
    append(job, "ss\": 2.25}\n");
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(added, 1);
    assert_int_equal(job_metrics_last_step(&metrics), 2);
    job_metrics_free(&metrics);
    free(job);
}

static void test_metrics_after_resume(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    struct job_metrics_writer writer;
    struct buffer line = BUFFER_INIT;
    size_t added;
    double loss = 0;
    char *job = make_job();
    append(job, "{\"step\": 1, \"loss\": 5}\n{\"step\": 2, \"loss\": 4}\n"
                "{\"step\": 2, \"eval_loss\": 4.5}\n{\"step\": 3, \"loss\": 3}\n{\"step\": 4, \"l");
    assert_int_equal(job_metrics_open(&writer, job, &err), 0);
    buffer_text(&line, "{\"event\": \"resume\", \"step\": 2}");
    assert_int_equal(job_metrics_append(&writer, &line, &err), 0);
    buffer_clear(&line);
    buffer_text(&line, "{\"step\": 3, \"loss\": 3.5}");
    assert_int_equal(job_metrics_append(&writer, &line, &err), 0);
    job_metrics_close(&writer);
    buffer_free(&line);
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(metrics.skipped, 1);
    /* steps 1, 2, evaluation of 2, the event, the new step 3 */
    assert_int_equal(metrics.count, 5);
    assert_true(json_get_double(job_metrics_last(&metrics, "loss"), "loss", &loss));
    assert_true(loss == 3.5);
    assert_true(json_get_double(job_metrics_last(&metrics, "eval_loss"), "eval_loss", &loss));
    assert_true(loss == 4.5);
    job_metrics_free(&metrics);
    free(job);
}

/* Every line looks like the one before: what a line makes void is not sought among all others. */
static void test_many_lines_of_one_step(void **state)
{
    (void)state;
    enum { LINES = 200000 };
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    size_t added;
    char *job = make_job(), *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < LINES; i++)
        fprintf(file, "{\"event\": \"sample\", \"step\": 1}\n");
    for (int i = LINES; i > 0; i--)
        fprintf(file, "{\"step\": %d}\n", i);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(metrics.taken, 2 * LINES);
    assert_int_equal(metrics.count, LINES + 1); /* steps fell: the last of them counts */
    assert_int_equal(job_metrics_last_step(&metrics), 1);
    job_metrics_free(&metrics);
    free(path);
    free(job);
}

/* The last step is told from the end of a long file, and is what reading all of it tells: also
 * where the end has nothing but lines that a resume made void. */
static void test_the_last_step_from_the_end(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    size_t added;
    char *job = make_job(), *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 1; i <= 20000; i++)
        fprintf(file, "{\"step\": %d, \"loss\": 2.5, \"lr\": 0.125}\n", i);
    assert_int_equal(fclose(file), 0);
    for (int resumed = 0; resumed < 2; resumed++) {
        struct job_metrics all, end;
        assert_int_equal(job_metrics_follow(&all, job, &err), 0);
        assert_int_equal(job_metrics_follow(&end, job, &err), 0);
        end.end_only = true;
        assert_int_equal(job_metrics_update(&all, &added, &err), 0);
        assert_int_equal(added, resumed ? 20001 : 20000);
        assert_int_equal(job_metrics_update(&end, &added, &err), 0);
        assert_int_equal(job_metrics_last_step(&all), resumed ? 7 : 20000);
        assert_int_equal(job_metrics_last_step(&end), resumed ? 7 : 20000);
        if (!resumed)
            assert_true(end.count < 1000);
        cJSON *line = job_metrics_json(&all, 4);
        double lr = 0;
        assert_true(json_get_double(line, "lr", &lr) && lr == 0.125);
        cJSON_Delete(line);
        job_metrics_free(&all);
        job_metrics_free(&end);
        append(job, resumed ? "" : "{\"event\": \"resume\", \"step\": 7}\n");
    }
    free(path);
    free(job);
}

/* A hole, a line without end, NUL bytes and a file that became shorter: said or passed over. */
static void test_damaged_metrics(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    size_t added;
    char *job = make_job(), *path = path_join(job, "metrics.jsonl", NULL);
    append(job, "");
    if (truncate(path, (off_t)1 << 40) != 0) {
        print_message("SKIPPED: holes of 1 TB: this file system has none\n");
    } else {
        assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
        assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
        assert_non_null(strstr(metrics.damage, "only its last 64 MiB are read"));
        append(job, "\n{\"step\": 3, \"loss\": 1}\n");
        assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
        assert_int_equal(job_metrics_last_step(&metrics), 3);
        assert_int_equal(truncate(path, 0), 0);
        append(job, "{\"step\": 1, \"loss\": 1}\n");
        assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
        assert_int_equal(metrics.count, 1);
        assert_int_equal(job_metrics_last_step(&metrics), 1);
        job_metrics_free(&metrics);
    }
    free(path);
    free(job);
}

/* Memory is bounded however long the history is, and what a graph shows is still there: the lowest
 * and the highest value, every event. Who reads all of the file gets all of it, but what is void.
 */
struct told {
    size_t lines, events;
    long long fourth; /* the first lines with it, that is void */
};

static bool count_line(void *context, const char *text, size_t length)
{
    struct told *told = context;
    told->lines++;
    told->events += memmem(text, length, "event", 5) != NULL;
    told->fourth += memmem(text, length, "\"step\": 49950,", 14) != NULL;
    return true;
}

static void test_a_long_history(void **state)
{
    (void)state;
    enum { STEPS = 50000, AGAIN = 49900, MOST = 1000, EVENTS = STEPS / 500 };
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    size_t added, events = 0;
    char *job = make_job(), *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 1; i <= STEPS; i++) {
        fprintf(file, "{\"step\": %d, \"loss\": %s, \"memory_bytes\": {\"a\": 1}}\n", i,
                i == 777     ? "99.5"
                : i == 20011 ? "0.25"
                             : "2.5");
        if (i % 500 == 0)
            fprintf(file, "{\"event\": \"%s\", \"step\": %d}\n", i == 1000 ? "spike" : "checkpoint",
                    i);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    metrics.most = MOST;
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(added, STEPS + EVENTS);
    assert_true(metrics.count <= MOST && metrics.capacity <= 2 * MOST);
    double low = 9, high = 0;
    int64_t before = 0;
    for (size_t i = 0; i < metrics.count; i++) {
        const struct job_line *line = &metrics.lines[i];
        events += line->kind == JOB_LINE_EVENT;
        if (line->kind == JOB_LINE_EVENT)
            continue;
        low = line->value < low ? line->value : low;
        high = line->value > high ? line->value : high;
        assert_true(line->step > before);
        before = line->step;
    }
    assert_true(low == 0.25 && high == 99.5 && before == STEPS);
    assert_int_equal(events, EVENTS);
    struct told told = {0};
    struct job_metrics_place place = {0};
    assert_int_equal(job_metrics_read(&metrics, &place, count_line, &told, &err), 0);
    assert_int_equal(told.lines, STEPS + EVENTS);
    assert_int_equal(told.fourth, 1);

    /* What came since is read from where the last reading ended. */
    append(job, "{\"event\": \"resume\", \"step\": 49900}\n{\"step\": 49901, \"loss\": 1}\n");
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    told = (struct told){0};
    assert_int_equal(job_metrics_read(&metrics, &place, count_line, &told, &err), 0);
    assert_int_equal(told.lines, 2);
    assert_int_equal(job_metrics_last_step(&metrics), AGAIN + 1);

    /* And from the beginning without what the resume made void. */
    place = (struct job_metrics_place){0};
    told = (struct told){0};
    assert_int_equal(job_metrics_read(&metrics, &place, count_line, &told, &err), 0);
    assert_int_equal(told.lines, AGAIN + EVENTS + 2);
    assert_int_equal(told.fourth, 0);
    assert_int_equal(told.events, EVENTS + 1);
    job_metrics_free(&metrics);

    /* A file of nothing but events is nobody's history: it is bounded, too. */
    file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 1; i <= STEPS; i++)
        fprintf(file, "{\"event\": \"sample\", \"step\": %d}\n", i);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    metrics.most = MOST;
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_true(metrics.count <= MOST);
    job_metrics_free(&metrics);
    free(path);
    free(job);
}

/* What is read without a tree is what the tree has, and what is no plain object is left to it. */
static void test_plain_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plain;
    } lines[] = {
        {"{}", true},
        {" { \"step\" : 3 , \"loss\" : -2.5e-3 }\r", true},
        {"{\"step\": 1e3, \"loss\": 0, \"a\": [1, [], {\"step\": 7}], \"b\": null}", true},
        {"{\"event\": \"resume\", \"step\": 12.5}", true},
        {"{\"event\": true, \"loss\": \"9\"}", true},
        {"{\"loss\": 1e999, \"step\": 99999999999999999999}", true},
        {"{\"step\": 1, \"step\": 2}", false},
        {"{\"a\": {\"b\": 1, \"b\": 2}}", false},
        {"{\"step\": 01}", false},
        {"{\"step\": 1.}", false},
        {"{\"step\": +1}", false},
        {"{\"step\": NaN}", false},
        {"{\"step\": 1,}", false},
        {"{\"step\": 1} x", false},
        {"{\"step\": 1", false},
        {"{\"st\\u0065p\": 1}", false},
        {"{\"text\": \"\xC3\xA4\", \"step\": 4}", false},
        {"{\"a\": [[[[[[1]]]]]]}", false},
        {"[1]", false},
        {"7", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct json_flat members[] = {{.key = "step"}, {.key = "loss"}, {.key = "event"}};
        const char *text = lines[i].text;
        bool plain = json_flat_read(text, strlen(text), members, 3);
        if (plain != lines[i].plain)
            fail_msg("%s", text);
        if (!plain)
            continue;
        cJSON *json = json_parse(text, strlen(text), JSON_STRICT, "a line", NULL);
        assert_non_null(json);
        int64_t step = -1;
        long long flat_step = -1;
        double loss = -1;
        const char *event = "";
        assert_int_equal(json_get_int64(json, "step", &step),
                         json_flat_int64(&members[0], &flat_step));
        assert_int_equal(step, flat_step);
        assert_int_equal(json_get_double(json, "loss", &loss), members[1].kind == JSON_FLAT_NUMBER);
        assert_true(members[1].kind != JSON_FLAT_NUMBER || members[1].number == loss);
        assert_int_equal(json_get_string(json, "event", &event), members[2].kind == JSON_FLAT_TEXT);
        assert_true(members[2].kind != JSON_FLAT_TEXT ||
                    (members[2].length == strlen(event) &&
                     memcmp(members[2].text, event, members[2].length) == 0));
        cJSON_Delete(json);
    }
}

/* NUL bytes and lines of megabytes between good ones: passed over and counted, and said. */
static void test_foreign_bytes(void **state)
{
    (void)state;
    enum { GIANT = 9 << 20 };
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    struct told told = {0};
    struct job_metrics_place place = {0};
    size_t added;
    char *job = make_job(), *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"step\": 1, \"loss\": 3}\n", file);
    fwrite("{\"step\": 2,\0 \"loss\": 3}\n\0\0\0\n", 1, 29, file);
    for (int i = 0; i < GIANT; i++)
        fputc('{', file);
    fputs("\n{\"step\": 3, \"loss\": 2}\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(metrics.count, 2);
    assert_int_equal(metrics.skipped, 3);
    assert_int_equal(job_metrics_last_step(&metrics), 3);
    assert_non_null(strstr(metrics.damage, "passed over"));
    assert_int_equal(job_metrics_read(&metrics, &place, count_line, &told, &err), 0);
    assert_int_equal(told.lines, 2);
    job_metrics_free(&metrics);
    free(path);
    free(job);
}

static void test_requests_are_taken_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    char *job = make_job();
    assert_false(job_request_take(job, JOB_REQUEST_FIRST, NULL));
    assert_int_equal(job_request_put(job, JOB_REQUEST_FIRST, "model.layers.3.mlp.up_proj", &err),
                     0);
    assert_true(job_request_take(job, JOB_REQUEST_FIRST, &text));
    assert_string_equal(buffer_string(&text), "model.layers.3.mlp.up_proj");
    assert_false(job_request_take(job, JOB_REQUEST_FIRST, NULL));
    assert_int_equal(job_request_put(job, JOB_REQUEST_STOP, NULL, &err), 0);
    assert_int_equal(job_pause(job, NULL, NULL), JOB_STOP);
    assert_false(job_dir_has(job, "requests/paused"));
    buffer_free(&text);
    free(job);
}

/* Asks again in the moment in which the first request is taken. */
static const char *asked_job;

static int ask_meanwhile(const char *from, const char *to)
{
    sys.rename = rename;
    int status = rename(from, to);
    assert_int_equal(job_request_put(asked_job, JOB_REQUEST_FIRST, "second", NULL), 0);
    return status;
}

static void test_a_request_that_comes_meanwhile_is_kept(void **state)
{
    (void)state;
    struct buffer text = BUFFER_INIT;
    char *job = make_job();
    assert_int_equal(job_request_put(job, JOB_REQUEST_FIRST, "first", NULL), 0);
    asked_job = job;
    sys.rename = ask_meanwhile;
    assert_true(job_request_take(job, JOB_REQUEST_FIRST, &text));
    assert_string_equal(text.data, "first");
    buffer_clear(&text);
    assert_true(job_request_take(job, JOB_REQUEST_FIRST, &text));
    assert_string_equal(text.data, "second");
    assert_false(job_request_take(job, JOB_REQUEST_FIRST, NULL));
    buffer_free(&text);
    free(job);
}

/* While the job is paused: first a checkpoint is asked for, then to go on. */
struct asker {
    const char *job;
    int asked;
};

static bool ask(void *context)
{
    struct asker *asker = context;
    enum job_request next = asker->asked++ == 0 ? JOB_REQUEST_CHECKPOINT : JOB_REQUEST_RESUME;
    assert_true(job_dir_has(asker->job, "requests/paused"));
    assert_int_equal(job_request_put(asker->job, next, NULL, NULL), 0);
    return false;
}

static void test_paused_job_writes_checkpoints(void **state)
{
    (void)state;
    char *job = make_job();
    struct asker asker = {.job = job};
    /* This one came before the pause, and says nothing about it. */
    assert_int_equal(job_request_put(job, JOB_REQUEST_RESUME, NULL, NULL), 0);
    assert_int_equal(job_pause(job, ask, &asker), JOB_CHECKPOINT);
    assert_true(job_dir_has(job, "requests/paused"));
    assert_int_equal(job_pause(job, ask, &asker), JOB_GO_ON);
    assert_false(job_dir_has(job, "requests/paused"));
    assert_int_equal(asker.asked, 2);
    free(job);
}

static void test_old_requests_are_forgotten(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job();
    for (int i = JOB_REQUEST_PAUSE; i <= JOB_REQUEST_FIRST; i++)
        assert_int_equal(job_request_put(job, (enum job_request)i, NULL, &err), 0);
    assert_int_equal(job_lock_take(job, &err), 0);
    for (int i = JOB_REQUEST_PAUSE; i <= JOB_REQUEST_FIRST; i++)
        assert_false(job_request_take(job, (enum job_request)i, NULL));
    free(job);
}

static void write_lock(const char *job, const char *text)
{
    struct buffer lock = BUFFER_INIT;
    buffer_text(&lock, text);
    assert_int_equal(job_dir_save(job, "lock", &lock, NULL), 0);
    buffer_free(&lock);
}

static void test_states(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job();
    assert_int_equal(job_state(job), JOB_STARTING);
    assert_int_equal(job_lock_take(job, &err), 0);
    assert_int_equal(job_state(job), JOB_RUNNING);
    assert_int_equal(job_lock_take(job, &err), -1);
    assert_non_null(strstr(err.text, "is run by process"));
    struct job_result result = {.status = "completed", .message = "done", .last_step = 7};
    assert_int_equal(job_result_write(job, &result, &err), 0);
    job_lock_release(job);
    assert_int_equal(job_state(job), JOB_ENDED);

    write_lock(job,
               "{\"host\": \"another.host\", \"pid\": 1, \"boot_id\": \"x\", \"start_time\": 1}");
    assert_int_equal(job_state(job), JOB_ELSEWHERE);
    assert_int_equal(job_lock_take(job, &err), -1);
    free(job);
}

static void test_reused_pid_is_dead(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job(), host[256] = "", text[512];
    gethostname(host, sizeof host - 1);
    /* Our own process number, but of a boot before this one. */
    snprintf(text, sizeof text,
             "{\"host\": \"%s\", \"pid\": %d, \"boot_id\": \"before\", \"start_time\": 1}", host,
             (int)getpid());
    write_lock(job, text);
    assert_int_equal(job_state(job), JOB_DIED);
    assert_int_equal(job_lock_take(job, &err), 0);
    assert_int_equal(job_state(job), JOB_RUNNING);
    free(job);
}

/* A worker whose supervisor was killed still writes: nobody else may. */
static void test_worker_without_supervisor(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics_writer writer, second;
    char *job = make_job();
    char host[256] = "", text[512];
    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text,
             "{\"host\": \"%s\", \"pid\": 1, \"boot_id\": \"before\", \"start_time\": 1, "
             "\"worker\": 4711}",
             host);
    write_lock(job, text);
    assert_int_equal(job_metrics_open(&writer, job, &err), 0);
    assert_int_equal(job_lock_take(job, &err), -1);
    assert_non_null(strstr(err.text, "process 4711 still writes"));
    assert_int_equal(job_metrics_open(&second, job, &err), -1);
    assert_non_null(strstr(err.text, "another process writes"));
    job_metrics_close(&writer);
    assert_int_equal(job_lock_take(job, &err), 0);
    free(job);
}

static void test_start_that_never_came(void **state)
{
    (void)state;
    char *job = make_job();
    const struct timespec old[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const struct timespec later = {.tv_sec = time(NULL) + 3600}, set_back[] = {later, later};
    assert_int_equal(job_state(job), JOB_STARTING);
    assert_int_equal(utimensat(AT_FDCWD, job, old, 0), 0);
    assert_int_equal(job_state(job), JOB_DIED);
    assert_int_equal(utimensat(AT_FDCWD, job, set_back, 0), 0); /* made before the clock was */
    assert_int_equal(job_state(job), JOB_DIED);
    free(job);
}

static int (*real_rename)(const char *from, const char *to);

static int rename_no_result(const char *from, const char *to)
{
    if (!strstr(to, "result.json"))
        return real_rename(from, to);
    errno = ENOSPC;
    return -1;
}

/* On a full disk nothing can say how the job ended; that somebody ran it is not forgotten then. */
static void test_full_disk_keeps_the_lock(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job(), *const nothing[] = {(char *)"nothing", NULL};
    real_rename = sys.rename;
    sys.rename = rename_no_result;
    assert_int_equal(job_supervise(job, "/bin/true", nothing, &err), -1);
    sys.rename = real_rename;
    unsetenv("SPECTRUM_JOB");
    assert_non_null(strstr(err.text, "No space left"));
    assert_false(job_dir_has(job, "result.json"));
    assert_true(job_dir_has(job, "lock"));
    free(job);
}

static int room_left; /* bytes; -1: no bound */
static ssize_t (*write_before)(int fd, const void *data, size_t count);

static ssize_t write_into_room(int fd, const void *data, size_t count)
{
    if (room_left < 0)
        return write_before(fd, data, count);
    size_t part = count < (size_t)room_left ? count : (size_t)room_left;
    if (part == 0) {
        errno = ENOSPC;
        return -1;
    }
    room_left -= (int)part;
    return write_before(fd, data, part);
}

static int append_step(struct job_metrics_writer *writer, int step, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    buffer_format(&line, "{\"step\": %d, \"loss\": %d.5}", step, step);
    int status = job_metrics_append(writer, &line, err);
    buffer_free(&line);
    return status;
}

/* Lines that find no room wait, whatever part of one was written, and none is lost or twice. */
static void test_full_disk_holds_lines(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics_writer writer;
    struct job_metrics metrics;
    size_t added;
    char *job = make_job();
    assert_int_equal(job_metrics_open(&writer, job, &err), 0);
    write_before = sys.write;
    sys.write = write_into_room;
    room_left = 34; /* one line of 25 bytes, and a part of the next */
    assert_int_equal(append_step(&writer, 1, &err), 0);
    for (int step = 2; step <= 4; step++) {
        assert_int_equal(append_step(&writer, step, &err), 1);
        assert_int_equal(err.kind, ERROR_NO_ROOM);
        assert_non_null(strstr(err.text, "No space left"));
    }
    assert_int_equal(job_metrics_flush(&writer, &err), -1);
    room_left = -1;
    assert_int_equal(append_step(&writer, 5, &err), 0);
    sys.write = write_before;
    job_metrics_close(&writer);
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(metrics.count, 5);
    for (size_t i = 0; i < metrics.count; i++)
        assert_int_equal(metrics.lines[i].step, (int64_t)i + 1);
    assert_int_equal(metrics.skipped, 0);
    job_metrics_free(&metrics);
    free(job);
}

static void refuse_relaunch(const char *job, const char *json, const char *says)
{
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, json);
    assert_int_equal(job_dir_save(job, "job.json", &text, NULL), 0);
    assert_int_equal(job_relaunch(job, "/bin/true", 0, NULL, &err), -1);
    if (!strstr(err.text, says))
        fail_msg("%s: it says \"%s\"", json, err.text);
    assert_false(job_dir_has(job, "log.txt")); /* nothing was started */
    buffer_free(&text);
}

static void test_foreign_job_chooses_no_command(void **state)
{
    (void)state;
    char *job = make_job();
    refuse_relaunch(job, "{\"command\": \"train\"}", "no \"arguments\"");
    refuse_relaunch(job, "{\"command\": \"plan\", \"arguments\": [\"plan\", \"x\", \"-o\", \"y\"]}",
                    "only a training run or a scan");
    refuse_relaunch(job, "{\"command\": \"train\", \"arguments\": [\"export\", \"x\"]}",
                    "only a training run or a scan");
    refuse_relaunch(job, "{\"command\": \"scan\", \"arguments\": [\"scan\", \"x\", \"--o=y\"]}",
                    "write a file");
    refuse_relaunch(job, "{\"command\": \"scan\", \"arguments\": [\"scan\", \"--spectra\", \"y\"]}",
                    "write a file");
    free(job);
}

static void test_path_must_be_utf8(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *path = path_join(folder, "r\xe9sum\xe9", NULL);
    assert_int_equal(job_dir_create(path, &err), -1);
    assert_non_null(strstr(err.text, "is not UTF-8"));
    assert_int_not_equal(access(path, F_OK), 0);
    free(path);
}

/* A start that failed leaves a record; the same folder takes a better one. */
static void test_failed_start_blocks_nothing(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    char *job = make_job();
    struct job_result result = {.status = "failed", .message = "no such model", .last_step = -1};
    buffer_text(&text, "{}");
    assert_int_equal(job_dir_save(job, "job.json", &text, &err), 0);
    assert_int_equal(job_result_write(job, &result, &err), 0);
    assert_int_equal(job_dir_create(job, &err), 0);
    result.last_step = 0;
    assert_int_equal(job_result_write(job, &result, &err), 0);
    assert_int_equal(job_dir_create(job, &err), -1);
    buffer_free(&text);
    free(job);
}

static void test_index(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char **paths = NULL, *job = make_job();
    size_t count = 0;
    assert_int_equal(job_index_add(job, &err), 0);
    assert_int_equal(job_index_list(&paths, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_non_null(strstr(paths[0], "/job"));
    job_index_free(paths, count);
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, "{}");
    assert_int_equal(job_dir_save(job, "job.json", &text, &err), 0);
    assert_int_equal(job_dir_create(job, &err), -1);
    assert_non_null(strstr(err.text, "holds a job already"));
    buffer_free(&text);
    free(job);
}

/* Runs without --run that begin in one second: the folder is the lock. */
static void test_each_gets_a_folder(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *wanted = path_join(folder, "runs/model-20260101-000000", NULL);
    static const char *const endings[] = {"000000", "000000-2", "000000-3"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *made = job_dir_create_new(wanted, &err);
        assert_non_null(made);
        assert_string_equal(strrchr(made, '-') > made ? strstr(made, "000000") : "", endings[i]);
        assert_true(job_dir_has(made, "requests") && job_dir_has(made, "checkpoints"));
        free(made);
    }
    /* One that two commands name is the first one's. */
    assert_int_equal(job_dir_create(wanted, &err), -1);
    assert_non_null(strstr(err.text, "was made just now by another command"));
    free(wanted);
}

static int mkdirs_left;

static int mkdir_until_full(const char *path, mode_t mode)
{
    if (access(path, F_OK) != 0 && mkdirs_left-- <= 0) {
        errno = ENOSPC;
        return -1;
    }
    return mkdir(path, mode);
}

/* What cannot be made whole is not there. */
static void test_no_half_made_folder_stays(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *run = path_join(folder, "half", NULL), *file = path_join(folder, "file", NULL);
    char *below = path_join(file, "run", NULL);
    int (*mkdir_before)(const char *, mode_t) = sys.mkdir;
    assert_int_equal(file_save(file, "x", 1, &err), 0);
    for (mkdirs_left = 0; mkdirs_left < 3; mkdirs_left++) {
        sys.mkdir = mkdir_until_full;
        int left = mkdirs_left, status = job_dir_create(run, &err);
        sys.mkdir = mkdir_before;
        mkdirs_left = left;
        assert_int_equal(status, -1);
        assert_int_not_equal(access(run, F_OK), 0);
    }
    assert_int_equal(job_dir_create(run, &err), 0);
    assert_null(job_dir_create_new(below, &err));
    assert_non_null(strstr(err.text, "a run without --run goes to"));
    free(below);
    free(file);
    free(run);
}

static void write_config(const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/etc/systemd", folder);
    assert_int_equal(folder_make(path, NULL), 0);
    snprintf(path, sizeof path, "%s/etc/systemd/logind.conf", folder);
    assert_int_equal(file_save(path, text, strlen(text), NULL), 0);
}

static void test_what_ends_jobs_is_said_beforehand(void **state)
{
    (void)state;
    char said[256];
    unsetenv("SLURM_JOB_ID");
    assert_false(job_survival_warning(folder, said, sizeof said));
    write_config("[Login]\n#KillUserProcesses=yes\n");
    assert_false(job_survival_warning(folder, said, sizeof said));
    write_config("[Login]\nKillUserProcesses=yes\n");
    assert_true(job_survival_warning(folder, said, sizeof said));
    assert_non_null(strstr(said, "enable-linger"));
    setenv("SLURM_JOB_ID", "1234", 1);
    assert_true(job_survival_warning(folder, said, sizeof said));
    assert_non_null(strstr(said, "1234"));
    unsetenv("SLURM_JOB_ID");
}

/* A supervisor that is slow is waited for as long as it lives: here longer than anyone believes in
 * a folder without a lock. What ends without a result is said to have. */
static void test_a_slow_start_is_waited_for(void **state)
{
    static const char *const scripts[] = {
        "#!/bin/sh\nexit 3\n",
        "#!/bin/sh\nsleep 11\necho '{}' >\"$2/result.json\"\n",
    };
    struct error err = ERROR_INIT;
    char *job = make_job(), *program = path_join(folder, "program", NULL);
    char *arguments[] = {"train", NULL};
    (void)state;
    for (int i = 0; i < 2; i++) {
        err = (struct error)ERROR_INIT;
        assert_int_equal(file_save(program, scripts[i], strlen(scripts[i]), &err), 0);
        assert_int_equal(chmod(program, 0700), 0);
        assert_int_equal(job_launch(job, program, arguments, &err), i == 1 ? 0 : -1);
        assert_true(i == 1 || strstr(err.text, "log.txt says why"));
    }
    free(program);
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_metrics_follow_a_growing_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_metrics_after_resume, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_the_last_step_from_the_end, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_damaged_metrics, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_long_history, make_folder, remove_folder),
        cmocka_unit_test(test_plain_lines),
        cmocka_unit_test_setup_teardown(test_foreign_bytes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_requests_are_taken_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_request_that_comes_meanwhile_is_kept, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_many_lines_of_one_step, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_paused_job_writes_checkpoints, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_old_requests_are_forgotten, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_worker_without_supervisor, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_start_that_never_came, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_disk_keeps_the_lock, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_disk_holds_lines, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_foreign_job_chooses_no_command, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_path_must_be_utf8, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_failed_start_blocks_nothing, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_slow_start_is_waited_for, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_states, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_reused_pid_is_dead, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_index, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_each_gets_a_folder, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_no_half_made_folder_stays, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_ends_jobs_is_said_beforehand, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
