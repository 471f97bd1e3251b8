/* What a scan's job says of devices is taken in, checked and shown; what is wrong in it is not. */
#include "test_folder.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "compute/devices/devices.h"
#include "tui/app/dispatch.h"
#include "tui/app/draw.h"
#include "tui/screen/screens.h"

#include <string.h>

static const char h200[] = "{\"event\": \"device\", \"device\": \"cuda:0\", "
                           "\"name\": \"NVIDIA H200\", \"memory_bytes\": 150e9, "
                           "\"free_bytes\": 148e9, \"devices\": [{\"device\": \"cpu\", \"name\": "
                           "\"avx512, 16 threads\"}, {\"device\": \"cuda:0\", \"name\": "
                           "\"NVIDIA H200\", \"memory_bytes\": 150e9}]}";
static const char lost[] = "{\"event\": \"device\", \"device\": \"cpu\", \"name\": \"avx512, 16 "
                           "threads\", \"reason\": \"cuda:0 is lost: it fell off the bus\"}";
static const char no_room[] = "{\"event\": \"device\", \"device\": \"cpu\", \"module\": \"m.0.q\", "
                              "\"reason\": \"needs 12.3 GiB of device memory, 1.2 GiB are free\"}";

static void take(struct scan_devices *devices, const char *text)
{
    cJSON *event = json_parse(text, strlen(text), JSON_STRICT, "test", NULL);
    assert_non_null(event);
    scan_devices_take(devices, event);
    cJSON_Delete(event);
}

static void an_event_is_read(void **state)
{
    (void)state;
    struct scan_devices devices = {.count = 0};
    take(&devices, h200);
    assert_string_equal(devices.now.id, "cuda:0");
    assert_string_equal(devices.now.name, "NVIDIA H200");
    assert_true(devices.now.memory == 150000000000 && devices.now.free_memory == 148000000000);
    assert_int_equal(devices.count, 2);
    assert_string_equal(devices.all[0].name, "avx512, 16 threads");
    assert_string_equal(devices.all[1].id, "cuda:0");
    assert_int_equal(devices.reasons, 0);
}

static void reasons_are_kept_until_the_next_job(void **state)
{
    (void)state;
    struct scan_devices devices = {.count = 0};
    take(&devices, h200);
    take(&devices, no_room);
    assert_string_equal(devices.now.id, "cuda:0"); /* the others stay there */
    assert_string_equal(devices.reason, "m.0.q: needs 12.3 GiB of device memory, 1.2 GiB are free; "
                                        "the CPU computes it");
    take(&devices, lost);
    assert_string_equal(devices.now.id, "cpu");
    assert_string_equal(devices.reason, "cuda:0 is lost: it fell off the bus; the CPU computes");
    assert_int_equal(devices.reasons, 2);
    assert_int_equal(devices.count, 2);
    scan_devices_begin(&devices);
    assert_string_equal(devices.reason, "");
    assert_string_equal(devices.now.id, "");
    assert_int_equal(devices.count, 2);
}

static void hostile_values_are_left_out(void **state)
{
    (void)state;
    struct scan_devices devices = {.count = 0};
    static const char *const odd[] = {
        "{\"device\": \"cuda:0; rm -rf\", \"name\": \"x\"}",
        "{\"device\": \"--output\"}",
        "{\"device\": \"\"}",
        "{\"device\": \"cuda:000000000000000000000\"}",
        "{\"device\": 7, \"devices\": {\"device\": \"cpu\"}}",
        "{\"devices\": \"cpu\", \"reason\": 3, \"module\": 4}",
        "[]",
        "{}",
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        take(&devices, odd[i]);
    assert_string_equal(devices.now.id, "");
    assert_int_equal(devices.count, 0);
    assert_int_equal(devices.reasons, 0);

    take(&devices, "{\"device\": \"cpu\", \"name\": \"\\u001b[2J\\u202ex\", \"memory_bytes\": -5, "
                   "\"free_bytes\": 1e300, \"devices\": [{\"device\": \"\\u001b\"}, 3, null]}");
    assert_string_equal(devices.now.name, "?[2J?x");
    assert_true(devices.now.memory == 0 && devices.now.free_memory == 0);
    assert_int_equal(devices.count, 0);
    take(&devices, "{\"device\": \"cpu\", \"memory_bytes\": 10, \"free_bytes\": 11}");
    assert_true(devices.now.memory == 10 && devices.now.free_memory == 0);
}

static void what_is_too_much_is_cut(void **state)
{
    (void)state;
    struct scan_devices devices = {.count = 0};
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, "{\"device\": \"cpu\", \"name\": \"");
    for (int i = 0; i < 500; i++)
        buffer_text(&text, "é");
    buffer_text(&text, "\", \"module\": \"");
    for (int i = 0; i < 5000; i++)
        buffer_text(&text, "é");
    buffer_text(&text, "\", \"reason\": \"\\u0007");
    for (int i = 0; i < 5000; i++)
        buffer_text(&text, "€");
    buffer_text(&text, "\", \"devices\": [{\"device\": \"cpu\"}");
    for (int i = 0; i < 1000; i++)
        buffer_format(&text, ", {\"device\": \"cuda:%d\"}", i);
    buffer_text(&text, "]}");
    take(&devices, buffer_string(&text));
    assert_int_equal(devices.count, DEVICES_MAX);
    assert_string_equal(devices.all[DEVICES_MAX - 1].id, "cuda:15");
    assert_true(strlen(devices.reason) < sizeof devices.reason);
    assert_non_null(strstr(devices.reason, "; the CPU computes it"));
    assert_null(strchr(devices.reason, '\a'));
    buffer_free(&text);
}

static void a_device_fits_its_room(void **state)
{
    (void)state;
    struct device_info device = {
        .id = "cuda:0", .name = "NVIDIA H200", .memory = 150ull << 30, .free_memory = 148ull << 30};
    char text[256];
    device_put(&device, 80, text, sizeof text);
    assert_string_equal(text, "cuda:0 NVIDIA H200, 148 of 150 GiB free");
    device_put(&device, 37, text, sizeof text);
    assert_string_equal(text, "cuda:0, 148 of 150 GiB free");
    device_put(&device, 10, text, sizeof text);
    assert_string_equal(text, "cuda:0");
    device.free_memory = 900ull << 20;
    device_memory_put(&device, text, sizeof text);
    assert_string_equal(text, "900 MiB of 150 GiB free");
    device.free_memory = 0;
    device_memory_put(&device, text, sizeof text);
    assert_string_equal(text, "150 GiB");
    device.memory = 0;
    device_put(&device, 80, text, sizeof text);
    assert_string_equal(text, "cuda:0 NVIDIA H200");
}

/* --- on the screen --- */

static bool shows(struct app *app, const char *text)
{
    struct buffer screen = BUFFER_INIT;
    app_draw(app);
    canvas_put_text(&screen, &app->canvas);
    bool found = strstr(buffer_string(&screen), text) != NULL;
    if (!found)
        printf("\"%s\" is not on:\n%s", text, buffer_string(&screen));
    buffer_free(&screen);
    return found;
}

/* A model whose scan's job is a folder that this test writes. */
static void open_model(struct app *app, int width, int height)
{
    char path[512];
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/../../demo/model", getenv("SPECTRUM_TEST_DATA"));
    assert_int_equal(app_init(app, &screens, width, height, 0, false, &err), 0);
    if (app_open(app, path, &err) != 0)
        fail_msg("%s", err.text);
    struct scan_feed *feed = &app->session.feed;
    feed->job = path_join(folder, "job", NULL);
    feed->total = app->session.scan->count;
    feed->state = FEED_RUNNING;
    assert_int_equal(folder_make(feed->job, NULL), 0);
    assert_int_equal(job_metrics_follow(&feed->metrics, feed->job, NULL), 0);
}

static void write_lines(const struct app *app, const char *lines)
{
    assert_int_equal(file_save(app->session.feed.metrics.path, lines, strlen(lines), NULL), 0);
}

static void the_screen_shows_it(void **state)
{
    (void)state;
    struct app app;
    struct buffer lines = BUFFER_INIT;
    open_model(&app, 80, 24);
    assert_true(shows(&app, "d device: auto "));
    buffer_format(&lines, "{\"event\": \"scan\", \"total\": 56}\n%s\n", h200);
    write_lines(&app, buffer_string(&lines));
    assert_true(app_tick(&app));
    assert_true(shows(&app, "d device: cuda:0 NVIDIA H200, 138 of 140 GiB free ─"));
    assert_false(app_tick(&app)); /* silent when nothing changes */

    buffer_format(&lines, "%s\n", lost);
    write_lines(&app, buffer_string(&lines));
    assert_true(app_tick(&app));
    assert_true(
        shows(&app, "device: cpu avx512, 16 threads · cuda:0 is lost: it fell off the bus"));
    assert_string_equal(app.message, "cuda:0 is lost: it fell off the bus; the CPU computes");
    app_input(&app, 'j');
    assert_string_equal(app.message, "");
    assert_false(app_tick(&app));
    assert_string_equal(app.message, "");

    app_input(&app, 'd');
    assert_true(shows(&app, "cuda:0      NVIDIA H200"));
    assert_true(shows(&app, "● computes"));
    assert_true(shows(&app, "140 GiB"));
    assert_int_equal(app_resize(&app, 60, 16, NULL), 0);
    assert_true(shows(&app, "NVIDIA H200"));
    app_free(&app);
    buffer_free(&lines);
}

/* The job has ended, and another began the file anew: that is read from its start. */
static void a_file_that_began_anew_is_read(void **state)
{
    (void)state;
    struct app app;
    open_model(&app, 80, 24);
    write_lines(&app, h200);
    app_tick(&app);
    write_lines(&app,
                "{\"event\": \"device\", \"device\": \"cpu\", \"name\": \"a long name, so that "
                "this line is longer than what comes then\"}\n");
    app_tick(&app);
    assert_string_equal(app.session.feed.devices.now.id, "cpu");
    write_lines(&app, "{\"event\": \"device\", \"device\": \"cuda:3\"}\n");
    app_tick(&app);
    assert_string_equal(app.session.feed.devices.now.id, "cuda:3");
    app_free(&app);
}

static void a_choice_asks_the_job_to_stop(void **state)
{
    (void)state;
    struct app app;
    open_model(&app, 80, 24);
    write_lines(&app, "{\"event\": \"device\", \"device\": \"cpu\"}\n");
    app_tick(&app);
    char *request = path_join(app.session.feed.job, "requests/stop", NULL);
    char *requests = path_join(app.session.feed.job, "requests", NULL);
    assert_int_equal(folder_make(requests, NULL), 0);

    screen_choose_device(&app, "cpu");
    assert_string_equal(app.message, "the scan is on cpu already");
    assert_int_not_equal(access(request, F_OK), 0);
    screen_choose_device(&app, "qpu");
    assert_true(app.message_is_error);
    assert_string_equal(app.session.device, "cpu");
    screen_choose_device(&app, "cuda:1");
    assert_int_equal(access(request, F_OK), 0);
    assert_int_equal(app.session.feed.state, FEED_CHANGING);
    assert_true(shows(&app, "then on cuda:1"));
    /* Nobody runs it yet: that is looked at again, and not waited for. */
    app_tick(&app);
    assert_int_equal(app.session.feed.state, FEED_CHANGING);
    assert_true(app_tick_ms(&app) > 0);
    app_free(&app);
    free(request);
    free(requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_read),
        cmocka_unit_test(reasons_are_kept_until_the_next_job),
        cmocka_unit_test(hostile_values_are_left_out),
        cmocka_unit_test(what_is_too_much_is_cut),
        cmocka_unit_test(a_device_fits_its_room),
        cmocka_unit_test(the_screen_shows_it),
        cmocka_unit_test(a_file_that_began_anew_is_read),
        cmocka_unit_test(a_choice_asks_the_job_to_stop),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
