/* Rows of a scan's job are those of the model's files as they were opened here, or none. */
#include "test_folder.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "tui/session/session_open.h"

#include <string.h>

static const char others[] = "0123456789abcdef0123456789abcdef";

/* A model whose scan's job is a folder that this test writes. */
static void open_model(struct session *session)
{
    char path[512];
    struct error err = ERROR_INIT;
    struct scan_feed *feed = &session->feed;
    snprintf(path, sizeof path, "%s/../../demo/model", getenv("SPECTRUM_TEST_DATA"));
    session_init(session);
    if (session_open(session, path, &err) != 0)
        fail_msg("%s", err.text);
    feed->job = path_join(folder, "job", NULL);
    feed->total = session->scan->count;
    feed->state = FEED_RUNNING;
    snprintf(feed->asked_device, sizeof feed->asked_device, "cpu");
    assert_int_equal(folder_make(feed->job, NULL), 0);
    char *requests = path_join(feed->job, "requests", NULL);
    assert_int_equal(folder_make(requests, NULL), 0);
    free(requests);
    assert_int_equal(job_metrics_follow(&feed->metrics, feed->job, NULL), 0);
}

/* A job begins with such files, and tells the first row. */
static void tell(struct buffer *lines, struct session *session, const char *files)
{
    struct scan_feed *feed = &session->feed;
    buffer_format(lines, "{\"event\": \"scan\", \"total\": 56, \"files\": \"%s\"}\n", files);
    buffer_format(lines, "{\"event\": \"row\", \"module\": \"%s\", \"done\": 1, \"snr\": 2.5}\n",
                  session->scan->rows[0].module);
    assert_int_equal(file_save(feed->metrics.path, lines->data, lines->length, NULL), 0);
}

/* One that runs since before the files were written anew: it is asked to stop, and another follows. */
static void what_is_joined_has_other_files(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    struct session session;
    struct buffer lines = BUFFER_INIT;
    open_model(&session);
    tell(&lines, &session, others);
    assert_true(scan_feed_update(&session.feed, session.scan));
    assert_false(session.scan->rows[0].known);
    assert_int_equal(session.feed.state, FEED_CHANGING);
    assert_string_equal(session.feed.device, "cpu");
    char *request = path_join(session.feed.job, "requests/stop", NULL);
    assert_int_equal(access(request, F_OK), 0);
    free(request);
    buffer_free(&lines);
    session_free(&session);
}

/* Those who open the files as they are now scan them; who has the older ones open takes nothing of
 * that in, and does not stop it. */
static void files_change_while_they_are_open(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    struct session session;
    struct buffer lines = BUFFER_INIT;
    open_model(&session);
    tell(&lines, &session, session.scan->files);
    assert_true(scan_feed_update(&session.feed, session.scan));
    assert_true(session.scan->rows[0].known);
    double before = session.scan->rows[0].snr;
    buffer_format(&lines, "{\"event\": \"scan\", \"total\": 56, \"files\": \"%s\"}\n", others);
    buffer_format(&lines, "{\"event\": \"row\", \"module\": \"%s\", \"done\": 1, \"snr\": 9}\n",
                  session.scan->rows[0].module);
    assert_int_equal(file_save(session.feed.metrics.path, lines.data, lines.length, NULL), 0);
    assert_true(scan_feed_update(&session.feed, session.scan));
    assert_int_equal(session.feed.state, FEED_FAILED);
    assert_non_null(strstr(session.feed.message, "have changed"));
    assert_true(session.scan->rows[0].snr == before);
    assert_false(scan_feed_update(&session.feed, session.scan));
    char *request = path_join(session.feed.job, "requests/stop", NULL);
    assert_int_not_equal(access(request, F_OK), 0);
    free(request);
    buffer_free(&lines);
    session_free(&session);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_joined_has_other_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(files_change_while_they_are_open, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
