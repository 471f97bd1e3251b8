/* What a terminal is told when a job that is watched ends: only what was asked for, only once, and
 * nothing of what had ended before. */
#include "base/buffer.h"
#include "base/folder.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "tui/app/notice.h"
#include "window.h"

static void put(const char *job, const char *name, const char *text)
{
    struct buffer buffer = BUFFER_INIT;
    buffer_text(&buffer, text);
    assert_int_equal(job_dir_save(job, name, &buffer, NULL), 0);
    buffer_free(&buffer);
}

/* A run that this process holds, at its third step. */
static char *make_run(const char *name)
{
    char *job = path_join(folder, name, NULL);
    assert_int_equal(job_dir_create(job, NULL), 0);
    put(job, "job.json", "{\"command\": \"train\", \"model\": \"m\", \"steps\": 4}");
    put(job, "metrics.jsonl", "{\"step\": 3, \"loss\": 2}\n");
    assert_int_equal(job_lock_take(job, NULL), 0);
    return job;
}

static void end_run(const char *job)
{
    put(job, "result.json", "{\"status\": \"completed\", \"message\": \"m\", \"last_step\": 4}");
    job_lock_release(job);
}

/* Watches a run to its end, `key` pressed before (NULL: none is). */
static void watch(struct window *window, const char *name, const char *ways, const char *key)
{
    char *job = make_run(name);
    if (ways)
        setenv("SPECTRUM_NOTIFY", ways, 1);
    else
        unsetenv("SPECTRUM_NOTIFY");
    start(window, 80, 24, "xterm-256color", "C.UTF-8", job);
    unsetenv("SPECTRUM_NOTIFY");
    wait_text(window, "running");
    if (key) {
        press(window, key);
        wait_text(window, "the end of the job will");
    }
    assert_int_equal(window->bells, 0);
    end_run(job);
    wait_text(window, "completed at step 4");
    for (double from = now_ms(); now_ms() - from < 500;)
        pump(window, 50);
    free(job);
}

static void finish(struct window *window)
{
    press(window, "Q");
    assert_int_equal(wait_end(window), 0);
    end(window);
}

static void an_end_rings_once_where_it_was_asked_for(void **state)
{
    (void)state;
    struct window window;
    watch(&window, "asked", "bell", NULL);
    assert_int_equal(window.bells, 1);
    finish(&window);
    watch(&window, "key", NULL, "B");
    assert_int_equal(window.bells, 1);
    finish(&window);
}

static void nobody_is_told_who_did_not_ask(void **state)
{
    (void)state;
    struct window window;
    watch(&window, "quiet", NULL, NULL);
    assert_int_equal(window.bells, 0);
    finish(&window);
    watch(&window, "off", "bell", "B");
    assert_int_equal(window.bells, 0);
    finish(&window);
}

static void what_had_ended_before_is_no_news(void **state)
{
    (void)state;
    struct window window;
    char *job = make_run("before");
    end_run(job);
    setenv("SPECTRUM_NOTIFY", "all", 1);
    start(&window, 80, 24, "xterm-256color", "C.UTF-8", job);
    unsetenv("SPECTRUM_NOTIFY");
    wait_text(&window, "completed at step 4");
    for (double from = now_ms(); now_ms() - from < 500;)
        pump(&window, 50);
    assert_int_equal(window.bells, 0);
    finish(&window);
    free(job);
}

static void ways_are_named(void **state)
{
    (void)state;
    unsigned kinds;
    struct error err = ERROR_INIT;
    assert_int_equal(notice_kinds(&kinds, "", &err), 0);
    assert_int_equal(kinds, 0);
    assert_int_equal(notice_kinds(&kinds, "bell,osc777", &err), 0);
    assert_int_equal(kinds, NOTIFY_BELL | NOTIFY_OSC_777);
    assert_int_equal(notice_kinds(&kinds, "off", &err), 0);
    assert_int_equal(kinds, 0);
    assert_int_equal(notice_kinds(&kinds, "bell,horn", &err), -1);
    assert_non_null(strstr(err.text, "not \"horn\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways_are_named),
        cmocka_unit_test(an_end_rings_once_where_it_was_asked_for),
        cmocka_unit_test(nobody_is_told_who_did_not_ask),
        cmocka_unit_test(what_had_ended_before_is_no_news),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
