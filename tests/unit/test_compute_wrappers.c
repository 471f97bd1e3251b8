/* What wraps a back end: the checked one, whose memory only operations can touch, the one that
 * measures, and the one that runs on the reference what the device lacks. */
#include "test.h"

#include "compute/devices/devices.h"
#include "compute/host.h"
#include "compute/reference/reference.h"
#include "compute/wrappers/wrapper.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct tensor new_row(struct backend *backend, const float *values, int64_t count)
{
    struct tensor row = {.storage = STORAGE_F32, .rows = 1, .cols = count};
    row.data.buffer = backend->alloc(backend->self, tensor_bytes(&row).data, NULL);
    assert_non_null(row.data.buffer);
    backend->write(backend->self, row.data, values, tensor_bytes(&row).data);
    return row;
}

static void release(struct backend *backend, struct tensor tensor)
{
    backend->free(backend->self, tensor.data.buffer);
}

static struct op_call add_call(struct tensor out, struct tensor x)
{
    return (struct op_call){OP_ADD, .add = {.out = out, .x = x}};
}

static bool dies(void (*what)(void *context), void *context)
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        what(context);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/* --- what all of them go by --- */

/* Each operation has a row: a name of its own, and tensors that lie in its call, one of them
 * written. */
static void every_operation_is_described(void **state)
{
    (void)state;
    for (enum op op = 0; op < OP_COUNT; op++) {
        const struct op_info *info = &op_info[op];
        unsigned uses = 0;
        assert_non_null(info->name);
        for (enum op other = 0; other < op; other++)
            assert_string_not_equal(info->name, op_info[other].name);
        for (const struct op_operand *operand = info->operands; operand->name; operand++) {
            assert_true(operand->offset >= offsetof(struct op_call, add));
            assert_true(operand->offset + sizeof(struct tensor) <= sizeof(struct op_call));
            uses |= operand->use;
        }
        assert_true(uses & OPERAND_WRITTEN);
    }
}

/* --- checked --- */

static void look_inside(void *context)
{
    const struct tensor *tensor = context;
    _exit(*(volatile float *)host_data(tensor) == 2 ? 0 : 1);
}

static void operations_see_what_others_cannot(void **state)
{
    (void)state;
    struct backend *backend = NULL;
    float values[] = {1, 2, 3}, sum[3] = {0};
    assert_int_equal(backend_open(&backend, "checked", 1, NULL), 0);
    struct tensor row = new_row(backend, values, 3);
    const struct op_call twice = add_call(row, row);
    backend_run(backend, &twice);
    backend->read(backend->self, sum, row.data, sizeof sum);
    assert_true(sum[0] == 2 && sum[1] == 4 && sum[2] == 6);
    assert_true(dies(look_inside, &row));
    release(backend, row);
    backend_close(backend);
}

static void add_backwards(void *self, const struct op_call *call)
{
    (void)self;
    *(volatile float *)host_data(&call->add.x) = 1;
}

struct attempt {
    struct backend *backend;
    struct op_call call;
};

static void run_attempt(void *context)
{
    struct attempt *attempt = context;
    backend_run(attempt->backend, &attempt->call);
}

/* An operation that writes what it is only to read. */
static void what_is_read_cannot_be_written(void **state)
{
    (void)state;
    struct backend *below = NULL, *backend = NULL;
    const float values[] = {1, 2, 3};
    assert_int_equal(reference_backend_new(&below, NULL), 0);
    below->ops[OP_ADD] = add_backwards;
    assert_int_equal(checked_backend_new(&backend, below, NULL), 0);
    struct tensor out = new_row(backend, values, 3), x = new_row(backend, values, 3);
    struct attempt attempt = {backend, add_call(out, x)};
    assert_true(dies(run_attempt, &attempt));
    release(backend, out);
    release(backend, x);
    backend_close(backend);
}

static void expect_trouble(struct tensor out, struct tensor x, struct backend *backend,
                           const char *what)
{
    struct error err = ERROR_INIT;
    const struct op_call call = add_call(out, x);
    assert_int_equal(backend->wait(backend->self, &err), 0);
    backend_run(backend, &call);
    assert_int_equal(backend->wait(backend->self, &err), -1);
    assert_string_equal(err.text, what);
}

static void bad_tensors_are_named(void **state)
{
    (void)state;
    const float values[] = {1, 2, 3};
    static const char *const says[] = {
        "add: its tensor x does not lie within its buffer",
        "add: its tensor x is missing",
        "add: its tensor x has not the shape that goes with the others'",
    };
    for (int i = 0; i < 3; i++) {
        struct backend *backend = NULL;
        assert_int_equal(backend_open(&backend, "checked", 1, NULL), 0);
        struct tensor row = new_row(backend, values, 3), other = row;
        if (i == 0)
            other.data.offset = 4;
        else if (i == 1)
            other.data.buffer = NULL;
        else
            other.cols = 2;
        expect_trouble(row, other, backend, says[i]);
        release(backend, row);
        backend_close(backend);
    }
}

/* --- timing --- */

static void calls_are_counted_and_timed(void **state)
{
    (void)state;
    struct backend *below = NULL, *backend = NULL;
    const float values[] = {1, 2, 3};
    assert_int_equal(reference_backend_new(&below, NULL), 0);
    assert_int_equal(timing_backend_new(&backend, below, NULL), 0);
    struct tensor row = new_row(backend, values, 3);
    const struct op_call call = add_call(row, row);
    for (int i = 0; i < 5; i++)
        backend_run(backend, &call);
    const struct op_time *times = timing_of(backend);
    assert_int_equal(times[OP_ADD].calls, 5);
    assert_true(times[OP_ADD].seconds > 0);
    assert_int_equal(times[OP_COPY].calls, 0);
    timing_clear(backend);
    assert_int_equal(times[OP_ADD].calls, 0);
    release(backend, row);
    backend_close(backend);
}

/* --- falling back; test_train_fallback.c has all operations --- */

static void complete_back_ends_stay_as_they_are(void **state)
{
    (void)state;
    struct backend *backend = NULL, *before;
    assert_int_equal(reference_backend_new(&backend, NULL), 0);
    before = backend;
    assert_int_equal(fallback_complete(&backend, NULL), 0);
    assert_ptr_equal(backend, before);
    assert_null(backend->fallbacks);
    backend_close(backend);
}

/* As who starts a run says it; what does not fit is cut off. */
static void missing_operations_are_named(void **state)
{
    (void)state;
    struct backend *backend = NULL;
    char text[64], little[8];
    assert_int_equal(reference_backend_new(&backend, NULL), 0);
    assert_int_equal(backend_missing(backend, text, sizeof text), 0);
    assert_string_equal(text, "");
    backend->ops[OP_SCALE] = backend->ops[OP_ADAMW] = NULL;
    assert_int_equal(fallback_complete(&backend, NULL), 0);
    assert_int_equal(backend_missing(backend, text, sizeof text), 2);
    assert_string_equal(text, "scale, adamw");
    assert_int_equal(backend_missing(backend, little, sizeof little), 2);
    assert_string_equal(little, "scale, ");
    backend_close(backend);
}

/* One that only scans, as a GPU does. */
static void who_has_no_memory_for_tensors_cannot_fall_back(void **state)
{
    (void)state;
    struct backend *backend = NULL, *before;
    assert_int_equal(reference_backend_new(&backend, NULL), 0);
    before = backend;
    memset(backend->ops, 0, sizeof backend->ops);
    backend->alloc = NULL;
    assert_int_equal(fallback_complete(&backend, NULL), 0);
    assert_ptr_equal(backend, before);
    assert_false(backend_can_train(backend));
    backend_close(backend);
}

/* Wrappers hand on what the device can do besides, and go around one another. */
static void wrappers_go_around_wrappers(void **state)
{
    (void)state;
    struct backend *backend = NULL;
    const float values[] = {3, 0, 0, 4};
    double found[2];
    float sum[4];
    assert_int_equal(reference_backend_new(&backend, NULL), 0);
    backend->ops[OP_ADD] = NULL;
    assert_int_equal(checked_backend_new(&backend, backend, NULL), 0);
    assert_int_equal(fallback_complete(&backend, NULL), 0);
    assert_int_equal(timing_backend_new(&backend, backend, NULL), 0);
    struct tensor row = new_row(backend, values, 4);
    const struct op_call call = add_call(row, row);
    backend_run(backend, &call);
    backend->read(backend->self, sum, row.data, sizeof sum);
    assert_true(sum[0] == 6 && sum[3] == 8);
    assert_int_equal(backend->fallbacks[OP_ADD].calls, 1);
    assert_int_equal(timing_of(backend)[OP_ADD].calls, 1);
    double room[4];
    assert_true(backend->spectra->workspace(backend->self, 2, 2) <= sizeof room);
    assert_int_equal(backend->spectra->values(backend->self, found, values, 2, 2, room, NULL), 0);
    assert_true(found[0] == 4 && found[1] == 3);
    release(backend, row);
    backend_close(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_described),
        cmocka_unit_test(operations_see_what_others_cannot),
        cmocka_unit_test(what_is_read_cannot_be_written),
        cmocka_unit_test(bad_tensors_are_named),
        cmocka_unit_test(calls_are_counted_and_timed),
        cmocka_unit_test(complete_back_ends_stay_as_they_are),
        cmocka_unit_test(missing_operations_are_named),
        cmocka_unit_test(who_has_no_memory_for_tensors_cannot_fall_back),
        cmocka_unit_test(wrappers_go_around_wrappers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
