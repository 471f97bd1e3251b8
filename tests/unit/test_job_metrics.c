/* A job's metrics.jsonl: what is appended is read back, what a resume makes void does not count, and broken
 * lines, hostile bytes and a full disk do no harm. */
#include "job_folder.h"

#include "base/json_flat.h"
#include "base/sys.h"
#include "job/metrics.h"
#include "job/metrics_writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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

/* What is read without a tree is what the tree has, and what is not a plain object is left to it. */
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

/* {"step": 5, "k0": 1.5, "k1": 1.5, ...}, in which the key number `again` (if not -1) is the one
 * before the last once more. */
static bool is_plain(int keys, int again)
{
    struct buffer text = BUFFER_INIT;
    struct json_flat member = {.key = "step"};
    buffer_text(&text, "{\"step\": 5, \"grad_norms\": {");
    for (int i = 0; i < keys; i++)
        buffer_format(&text, "%s\"model.layers.%d.weight\": 1.5", i ? ", " : "",
                      i == again ? keys - 2 : i);
    buffer_text(&text, "}}");
    bool plain = json_flat_read(text.data, text.length, &member, 1);
    assert_true(!plain || (member.kind == JSON_FLAT_NUMBER && member.number == 5));
    cJSON *json = json_parse(text.data, text.length, JSON_STRICT, "a line", NULL);
    assert_int_equal(json != NULL, again < 0);
    cJSON_Delete(json);
    buffer_free(&text);
    return plain;
}

/* A member for each tensor of a model is plain, too; a key that is there twice never is. */
static void test_plain_lines_of_many_keys(void **state)
{
    (void)state;
    assert_true(is_plain(31, -1));
    assert_true(is_plain(32, -1));
    assert_true(is_plain(33, -1));
    assert_true(is_plain(2000, -1));
    assert_false(is_plain(5000, -1)); /* left to the tree */
    assert_false(is_plain(32, 0));
    assert_false(is_plain(33, 3));
    assert_false(is_plain(1000, 3));
    assert_false(is_plain(1000, 600));
}

/* Norms of a step's gradients stand beside its line and its evaluation, and are void after a resume
 * as these are. */
static void test_gradients_of_a_step(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    size_t added;
    double norm = 0;
    char *job = make_job();
    append(job, "{\"step\": 1, \"loss\": 5, \"grad_norm\": 9}\n"
                "{\"step\": 2, \"loss\": 4}\n{\"step\": 2, \"grad_norms\": {\"a\": 2}}\n"
                "{\"step\": 2, \"eval_loss\": 4.5}\n"
                "{\"step\": 4, \"loss\": 3}\n{\"step\": 4, \"grad_norms\": {\"a\": 4}}\n");
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(metrics.count, 6);
    assert_int_equal(job_metrics_last_step(&metrics), 4);
    const cJSON *norms = json_get(job_metrics_last_with(&metrics, "grad_norms"), "grad_norms");
    assert_true(json_get_double(norms, "a", &norm) && norm == 4);
    append(job, "{\"event\": \"resume\", \"step\": 2}\n{\"step\": 3, \"loss\": 3.5}\n");
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(metrics.count, 6); /* two of step 4 went */
    norms = json_get(job_metrics_last_with(&metrics, "grad_norms"), "grad_norms");
    assert_true(json_get_double(norms, "a", &norm) && norm == 2);
    assert_true(json_get_double(job_metrics_last(&metrics, "loss"), "loss", &norm) && norm == 3.5);
    job_metrics_free(&metrics);
    free(job);
}

static ssize_t (*pread_before)(int fd, void *out, size_t count, off_t offset);
static uint64_t bytes_read;

static ssize_t count_bytes(int fd, void *out, size_t count, off_t offset)
{
    ssize_t got = pread_before(fd, out, count, offset);
    bytes_read += got > 0 ? (uint64_t)got : 0;
    return got;
}

/* As a run of that many steps writes them, with everything that a line has. */
static uint64_t write_history(const char *job, int steps)
{
    char *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int step = 1; step <= steps; step++) {
        fprintf(
            file,
            "{\"step\": %d, \"time_s\": %.9g, \"tokens\": %d, \"supervised_tokens\": %d, "
            "\"loss\": %.12g, \"lr\": 1.9594929736144978e-05, \"grad_norm\": 5.350398589809367, "
            "\"tokens_per_s\": 32.224515317823034, \"step_s\": 15.888524465000046, "
            "\"memory_bytes\": {\"weights\": 6691200, \"masters\": 4521984}, "
            "\"resident_bytes\": {\"weights\": 6691200, \"masters\": 4521984}, "
            "\"process_bytes\": 48857088}\n",
            step, step * 1.5, step * 512, step * 500, 2 + 1000.0 / (step + 100));
        if (step % 50 != 0)
            continue;
        fprintf(file, "{\"step\": %d, \"grad_norms\": {\"model.norm.weight\": 0.25", step);
        for (int i = 0; i < 210; i++)
            fprintf(file, ", \"model.layers.%d.mlp.up_proj.weight\": 0.4944%d", i, step + i);
        fprintf(file, "}}\n{\"step\": %d, \"eval_loss\": 2.5}\n", step);
    }
    long size = ftell(file);
    assert_int_equal(fclose(file), 0);
    free(path);
    return (uint64_t)size;
}

/* Opening a history reads every byte once, but for lines that a chunk cuts, and keeps 32 bytes of a
 * line; another update reads what came since. */
static void test_a_history_is_read_once(void **state)
{
    (void)state;
    enum { STEPS = 40000, CHUNKS = 32 };
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    size_t added;
    char *job = make_job();
    uint64_t size = write_history(job, STEPS);
    assert_int_equal(sizeof *metrics.lines, 32);
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    pread_before = sys.pread;
    sys.pread = count_bytes;
    bytes_read = 0;
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(added, STEPS + 2 * STEPS / 50);
    assert_int_equal(metrics.skipped, 0);
    assert_true(bytes_read >= size && bytes_read < size + CHUNKS * 16384);
    assert_true(metrics.capacity < 2 * metrics.count);
    bytes_read = 0;
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(bytes_read, 0);
    append(job, "{\"step\": 40001, \"loss\": 2}\n");
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_true(added == 1 && bytes_read < 64);
    sys.pread = pread_before;
    job_metrics_free(&metrics);
    free(job);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_metrics_follow_a_growing_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_metrics_after_resume, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_many_lines_of_one_step, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_the_last_step_from_the_end, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_damaged_metrics, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_long_history, make_folder, remove_folder),
        cmocka_unit_test(test_plain_lines),
        cmocka_unit_test(test_plain_lines_of_many_keys),
        cmocka_unit_test_setup_teardown(test_gradients_of_a_step, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_history_is_read_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_foreign_bytes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_disk_holds_lines, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
