/* A scan whose device has no room, or is lost: the CPU computes the rest, and the observer hears of
 * it. The device here is the CPU's back end that says no. */
#include "test.h"

#include "base/folder.h"
#include "compute/devices/devices.h"
#include "compute/spectra.h"
#include "spectra/scan.h"
#include "spectra/scan_result.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* The device's troubles; values below 0: never. */
static atomic_int lives;    /* matrices that it computes before it is lost */
static int64_t room;        /* elements that it has room for */
static atomic_int computed; /* by the device */
static atomic_int at_once, at_once_most;
static const struct spectra_ops *below;

static int values(void *self, double *out, const float *matrix, int64_t rows, int64_t cols,
                  void *memory, struct error *err)
{
    if (room >= 0 && rows * cols > room)
        return error_set_kind(err, ERROR_NOT_HERE, "needs more than it has");
    if (lives >= 0 && atomic_fetch_sub(&lives, 1) <= 0) {
        lives = 0;
        return error_set_kind(err, ERROR_DEVICE, "it fell off the bus");
    }
    computed++;
    int others = atomic_fetch_add(&at_once, 1);
    if (others >= at_once_most)
        at_once_most = others + 1;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* so that others come */
    int status = below->values(self, out, matrix, rows, cols, memory, err);
    at_once--;
    return status;
}

static size_t workspace(void *self, int64_t rows, int64_t cols)
{
    return below->workspace(self, rows, cols);
}

static int side_by_side(void *self, int64_t rows, int64_t cols)
{
    (void)self;
    (void)rows;
    (void)cols;
    return 5;
}

static const struct spectra_ops troubled = {
    .values = values, .workspace = workspace, .side_by_side = side_by_side, .accuracy = 1e-10};

/* What the observer heard. */
static struct heard {
    int devices, rows_alone;
    char last[200], device[16];
} heard;

static void on_device(void *context, const struct device_info *device, const struct scan_row *row,
                      const char *why)
{
    (void)context;
    heard.devices++;
    heard.rows_alone += row != NULL;
    snprintf(heard.last, sizeof heard.last, "%s", why ? why : "");
    snprintf(heard.device, sizeof heard.device, "%s", device->id);
}

static struct scan_result *scan(struct backend *backend)
{
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "../../demo/model", NULL);
    struct model *model = NULL;
    struct scan_result *result = NULL;
    const struct scan_options options = {.use_cache = false};
    const struct scan_observer observer = {.on_device = on_device};
    struct error err = ERROR_INIT;
    heard = (struct heard){0};
    computed = at_once_most = 0;
    if (model_open(&model, path, &err) != 0 ||
        scan_run(&result, model, backend, &options, &observer, &err) != 0)
        fail_msg("%s", err.text);
    model_close(model);
    free(path);
    return result;
}

/* Scans with these troubles, and compares with the CPU's scan. */
static void compare(int lives_before, int64_t room_before)
{
    struct backend *plain = NULL, *device = NULL;
    assert_int_equal(backend_open(&plain, "cpu", 0, NULL), 0);
    assert_int_equal(backend_open(&device, "cpu", 0, NULL), 0);
    struct scan_result *expected = scan(plain);
    below = device->spectra;
    device->spectra = &troubled;
    lives = lives_before;
    room = room_before;
    struct scan_result *result = scan(device);
    assert_int_equal(result->scan->count, expected->scan->count);
    for (size_t i = 0; i < result->scan->count; i++) {
        assert_true(result->scan->rows[i].known);
        assert_true(result->scan->rows[i].snr == expected->scan->rows[i].snr);
    }
    scan_result_free(result);
    scan_result_free(expected);
    backend_close(device);
    backend_close(plain);
}

static void a_sound_device_computes_all(void **state)
{
    (void)state;
    compare(-1, -1);
    assert_int_equal(heard.devices, 1);
    assert_string_equal(heard.last, "");
    assert_true(computed > 20);
}

static void a_lost_device_is_replaced(void **state)
{
    (void)state;
    static const int lives_before[] = {0, 1, 7, 1000};
    for (size_t i = 0; i < sizeof lives_before / sizeof *lives_before; i++) {
        compare(lives_before[i], -1);
        bool lost = lives_before[i] < 1000;
        assert_int_equal(heard.devices, 1 + lost);
        assert_int_equal(heard.rows_alone, 0);
        if (!lost)
            continue;
        assert_int_equal(computed, lives_before[i]);
        assert_non_null(strstr(heard.last, "it fell off the bus"));
        assert_string_equal(heard.device, "cpu");
    }
}

/* The demo's matrices: 32 of 192x192, 16 of 384x192, 8 of 192x384. A shape is said once. */
static void what_has_no_room_is_computed_elsewhere(void **state)
{
    (void)state;
    compare(-1, 192 * 192);
    assert_int_equal(computed, 32);
    assert_int_equal(heard.rows_alone, 2);
    assert_int_equal(heard.devices, 1 + heard.rows_alone);
    assert_string_equal(heard.last, "needs more than it has");
    assert_true(at_once_most >= 2); /* one large matrix does not leave the device to one thread */
    compare(-1, 0);
    assert_int_equal(computed, 0);
    assert_int_equal(heard.rows_alone, 3);
}

static void full_and_then_lost(void **state)
{
    (void)state;
    compare(3, 192 * 192);
    assert_int_equal(computed, 3);
    assert_non_null(strstr(heard.last, "it fell off the bus"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_device_computes_all),
        cmocka_unit_test(a_lost_device_is_replaced),
        cmocka_unit_test(what_has_no_room_is_computed_elsewhere),
        cmocka_unit_test(full_and_then_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
