/* The table of kinds, and steering by it: what may be asked of which job in which state. */
#include "job_folder.h"

#include "base/sys.h"
#include "job/job_dir.h"
#include "job/job_kind.h"
#include "job/lock.h"
#include "tui/session/job_actions.h"
#include "tui/session/steer.h"

#include <stdio.h>
#include <string.h>

static void put(const char *job, const char *name, const char *text)
{
    struct buffer buffer = BUFFER_INIT;
    buffer_text(&buffer, text);
    assert_int_equal(job_dir_save(job, name, &buffer, NULL), 0);
    buffer_free(&buffer);
}

static void test_every_kind_is_found_and_says_all(void **state)
{
    (void)state;
    size_t count;
    const struct job_kind *kinds = job_kinds(&count);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(job_kind_find(kinds[i].command), &kinds[i]);
        assert_true(kinds[i].noun[0] && kinds[i].unit[0] && kinds[i].kept[0]);
        assert_false(kinds[i].steps && kinds[i].rows);
    }
    assert_null(job_kind_find("rm"));
    assert_string_equal(job_kind_of(NULL)->command, "");
    assert_false(job_kind_of(NULL)->resumes);
}

/* Opened as a list opens it, with the state that its files give. */
static struct job_follow *look(const char *path)
{
    struct job_follow *job;
    assert_int_equal(job_follow_open_end(&job, path, NULL), 0);
    return job;
}

static const char *refusal(const struct job_follow *job, enum steering what,
                           const struct steer_how *how)
{
    static struct error err;
    err = (struct error)ERROR_INIT;
    return steer_check(job, what, how, &err) == 0 ? "" : err.text;
}

static void test_a_running_job_takes_what_its_kind_takes(void **state)
{
    (void)state;
    char *path = make_job(), said[ERROR_TEXT_MAX];
    put(path, "job.json", "{\"command\": \"scan\", \"model\": \"m\"}");
    assert_int_equal(job_lock_take(path, NULL), 0);
    struct job_follow *job = look(path);
    assert_int_equal(job->state, JOB_RUNNING);
    assert_non_null(strstr(refusal(job, STEER_CHECKPOINT, NULL), "it has no checkpoints"));
    assert_non_null(strstr(refusal(job, STEER_RESUME, NULL), "nothing to resume"));
    assert_non_null(strstr(refusal(job, STEER_CONTINUE, NULL), "nothing to resume"));
    assert_int_equal(steer_pause_key(job), STEER_PAUSE);
    assert_int_equal(steer(job, STEER_PAUSE, NULL, said, sizeof said, NULL), 0);
    assert_string_equal(said, "the scan pauses after the current matrices");
    assert_true(job_dir_has(path, "requests/pause"));
    job_follow_update(job); /* what its worker has not taken yet is said */
    job_follow_describe(job, said, sizeof said);
    assert_string_equal(said, "running, asked to pause");
    steer_question(job, STEER_STOP, said, sizeof said);
    assert_non_null(strstr(said, "stop the scan?"));
    steer_question(job, STEER_PAUSE, said, sizeof said);
    assert_string_equal(said, "");

    put(path, "requests/paused", "");
    job_follow_refresh(job);
    job_follow_update(job);
    assert_int_equal(steer_pause_key(job), STEER_CONTINUE);
    assert_non_null(strstr(refusal(job, STEER_PAUSE, NULL), "nothing to pause"));
    assert_true(job_action_is(job, REQUEST_PAUSE)); /* the key lets it go on */
    assert_false(job_action_is(job, REQUEST_CHECKPOINT));
    assert_false(job_action_is(job, REQUEST_EXPORT));
    assert_true(job_action_is(job, REQUEST_RESUME));
    assert_true(job_actions_have(job_actions(job), REQUEST_STOP));
    assert_false(job_actions_have(job_actions(job), REQUEST_DELETE));
    assert_true(job_actions_have(0, REQUEST_HELP)); /* which asks nothing of a job */
    assert_int_equal(steer(job, STEER_RESUME, NULL, said, sizeof said, NULL), 0);
    assert_string_equal(said, "the scan goes on");
    assert_true(job_dir_has(path, "requests/resume"));
    assert_non_null(
        strstr(refusal(job, STEER_RESUME, &(struct steer_how){.step = 4}), "stop it before"));
    job_follow_close(job);
    job_lock_release(path);
    free(path);
}

/* Of each kind, in sentences that name it: "it is an export", "it is a scan". */
static void test_each_kind_has_its_article(void **state)
{
    (void)state;
    size_t count;
    const struct job_kind *kinds = job_kinds(&count);
    char *path = make_job();
    assert_int_equal(job_lock_take(path, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        char job[128], words[64];
        snprintf(job, sizeof job, "{\"command\": \"%s\"}", kinds[i].command);
        put(path, "job.json", job);
        struct job_follow *follow = look(path);
        bool vowel = strchr("aeiou", kinds[i].noun[0]) != NULL;
        snprintf(words, sizeof words, "it is %s %s", vowel ? "an" : "a", kinds[i].noun);
        if (!kinds[i].pauses)
            assert_non_null(strstr(refusal(follow, STEER_PAUSE, NULL), words));
        if (!kinds[i].checkpoints)
            assert_non_null(strstr(refusal(follow, STEER_CHECKPOINT, NULL), words));
        job_follow_close(follow);
    }
    job_lock_release(path);
    free(path);
}

static void test_an_ended_job_is_resumed_or_not(void **state)
{
    (void)state;
    char *path = make_job();
    put(path, "job.json", "{\"command\": \"train\"}");
    put(path, "result.json", "{\"status\": \"stopped\", \"last_step\": 9}");
    struct job_follow *job = look(path);
    assert_string_equal(refusal(job, STEER_STOP, NULL),
                        "the training run cannot stop: stopped at step 9; resuming it comes first");
    assert_string_equal(refusal(job, STEER_RESUME, NULL), "");
    assert_true(job_action_is(job, REQUEST_RESUME) && job_action_is(job, REQUEST_MORE_STEPS));
    assert_false(job_action_is(job, REQUEST_PAUSE) || job_action_is(job, REQUEST_STOP));
    job_follow_close(job);

    put(path, "job.json", "{\"command\": \"eval\"}");
    job = look(path);
    assert_non_null(strstr(refusal(job, STEER_RESUME, NULL), "not resumed but begun anew"));
    assert_false(job_action_is(job, REQUEST_RESUME) || job_action_is(job, REQUEST_EXPORT));
    job_follow_close(job);
    put(path, "job.json", "{\"command\": \"train\"}");

    put(path, "result.json", "{\"status\": \"completed\", \"last_step\": 9}");
    job = look(path);
    assert_string_equal(refusal(job, STEER_RESUME, NULL),
                        "completed at step 9; there is nothing to resume");
    assert_string_equal(refusal(job, STEER_RESUME, &(struct steer_how){.step = 8}), "");
    assert_non_null(strstr(refusal(job, STEER_RESUME, &(struct steer_how){.step = 9}),
                           "--step takes an earlier checkpoint"));
    job_follow_close(job);

    put(path, "job.json", "{\"command\": \"format\"}");
    put(path, "result.json", "{\"status\": \"stopped\"}");
    job = look(path);
    struct error err = ERROR_INIT;
    char said[ERROR_TEXT_MAX];
    assert_int_equal(steer(job, STEER_RESUME, NULL, said, sizeof said, &err), -1);
    assert_non_null(strstr(err.text, "cannot be resumed"));
    job_follow_close(job);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind_is_found_and_says_all, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_running_job_takes_what_its_kind_takes, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_each_kind_has_its_article, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_an_ended_job_is_resumed_or_not, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
