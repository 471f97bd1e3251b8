/* What a run writes of its memory and of its gradients: resident bytes are what the kernel says of the
 * same pages; the norms of all tensors make up the norm of the whole, however tensors are updated;
 * and every line is one that readers take without a tree. */
#include "test_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json_flat.h"
#include "base/process.h"
#include "base/sys.h"
#include "compute/devices/devices.h"
#include "compute/host.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/job_line.h"
#include "job/metrics.h"
#include "job/training/training.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* --- resident bytes --- */

/* "Rss" of the mapping that has the address, in bytes, and how many bytes the mapping has. */
static size_t resident_of_mapping(const void *address, size_t *length)
{
    char line[512];
    size_t kilobytes = 0;
    bool inside = false;
    FILE *file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        uintptr_t begin, end;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2) {
            inside = (uintptr_t)address >= begin && (uintptr_t)address < end;
            if (inside)
                *length = end - begin;
        } else if (inside && sscanf(line, "Rss: %zu kB", &kilobytes) == 1) {
            break;
        }
    }
    fclose(file);
    assert_true(inside);
    return kilobytes * 1024;
}

/* A buffer of which two parts are touched. What else its mapping has stays as it is meanwhile. */
static void test_resident_is_what_the_kernel_says(void **state)
{
    (void)state;
    enum { PAGE = 4096, BYTES = 64 << 20, PART = 5 << 20 };
    struct error err = ERROR_INIT;
    struct backend *backend = NULL;
    size_t length = 0, none = 9, all = 0, part = 0;
    assert_int_equal(backend_open(&backend, "reference", 1, &err), 0);
    struct device_buffer *buffer = backend->alloc(backend->self, BYTES, &err);
    assert_non_null(buffer);
    const struct place begin = {buffer, 0}, middle = {buffer, BYTES / 2};
    char *memory = host_pointer(begin);
    size_t before = resident_of_mapping(memory, &length);
    assert_true(length >= BYTES);
    assert_true(backend->resident(backend->self, &none, begin, BYTES));
    memset(memory + 3 * PAGE, 1, PART);
    memset(memory + BYTES / 2, 1, PART);
    size_t touched = resident_of_mapping(memory, &length) - before;
    assert_true(backend->resident(backend->self, &all, begin, BYTES));
    assert_int_equal(all - none, touched);
    assert_true(touched >= 2 * PART);
    /* by bytes, where a page lies in two parts */
    assert_true(backend->resident(backend->self, &part, middle, PART));
    assert_int_equal(part, PART);
    const struct place odd = {buffer, 3 * PAGE + 100};
    assert_true(backend->resident(backend->self, &part, odd, PAGE));
    assert_int_equal(part, PAGE);
    backend->free(backend->self, buffer);
    backend_close(backend);
}

/* --- a run --- */

static const struct kind {
    const char *name;
    enum training_method method;
    enum optimizer_kind optimizer;
    enum weight_type dtype;
    int64_t accumulate;
    double clip; /* 0, with one batch a step: tensors are updated during the backward pass */
} kinds[] = {
    {"window", METHOD_FULL, OPTIMIZER_ADAMW, WEIGHTS_FP32, 1, 1e9},
    {"backward", METHOD_FULL, OPTIMIZER_ADAMW, WEIGHTS_FP32, 1, 0},
    {"accumulated", METHOD_FULL, OPTIMIZER_LION, WEIGHTS_BF16, 2, 1},
    {"adapters", METHOD_QLORA, OPTIMIZER_ADAMW, WEIGHTS_BF16, 1, 1},
    {"eight", METHOD_FULL, OPTIMIZER_ADAMW_8BIT, WEIGHTS_BF16, 1, 0},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static char *run_of(const struct kind *kind)
{
    return path_join(folder, kind->name, NULL);
}

static int train(const struct kind *kind, struct error *err)
{
    const char *tests = getenv("SPECTRUM_TEST_DATA");
    char *model = path_join(tests, "../../demo/model", NULL);
    char *text = path_join(folder, "text.txt", NULL), *run = run_of(kind);
    const char *data[] = {text};
    static char *const arguments[] = {(char *)"train"};
    struct training_request request;
    const struct training_view view = {.context = NULL};
    static const char words[] = "Once there was a little boat. It was red, and it was slow.\n\n"
                                "One day the wind was strong. The boat went up and down again.\n";
    assert_int_equal(file_save(text, words, sizeof words - 1, err), 0);
    assert_int_equal(job_dir_create(run, err), 0);
    training_request_init(&request);
    request.model = model;
    request.run = run;
    request.data = (struct option_list){.items = data, .count = 1};
    request.method = kind->method;
    request.optimizer = kind->optimizer;
    request.dtype = kind->dtype;
    request.steps = 3;
    request.eval_every = 2;
    request.eval_split = 0;
    request.seq_len = 16;
    request.batch = 1;
    request.accumulate = kind->accumulate;
    request.clip = kind->clip;
    request.device = "cpu";
    request.threads = 1;
    request.sample_tokens = 0;
    request.argc = 1;
    request.argv = arguments;
    training_request_fill(&request);
    int status = training_run(&request, false, &view, err);
    free(model);
    free(text);
    free(run);
    return status;
}

static int train_all(void **state)
{
    struct error err = ERROR_INIT;
    if (make_folder(state) != 0)
        return -1;
    for (size_t i = 0; i < KINDS; i++)
        if (train(&kinds[i], &err) != 0)
            fail_msg("%s: %s", kinds[i].name, err.text);
    return 0;
}

/* The line of the step that has an object of this key; the caller's. */
static cJSON *line_with(const struct kind *kind, int64_t step, const char *key)
{
    struct job_metrics metrics;
    size_t added;
    cJSON *found = NULL;
    char *run = run_of(kind);
    assert_int_equal(job_metrics_follow(&metrics, run, NULL), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, NULL), 0);
    assert_int_equal(metrics.skipped, 0);
    for (size_t i = 0; i < metrics.count && !found; i++) {
        cJSON *json = metrics.lines[i].step == step ? job_metrics_json(&metrics, i) : NULL;
        if (json_get(json, key))
            found = json;
        else
            cJSON_Delete(json);
    }
    job_metrics_free(&metrics);
    free(run);
    return found;
}

/* |g| = sqrt(sum of |g_i|^2), with a |g_i| for every tensor that trains. */
static void test_norms_make_up_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        char *run = run_of(&kinds[i]);
        cJSON *proof = job_dir_read(run, "proof.json", NULL);
        for (int64_t step = 1; step <= 3; step++) {
            double squares = 0, whole = 0;
            cJSON *norms = line_with(&kinds[i], step, "grad_norms");
            cJSON *line = line_with(&kinds[i], step, "grad_norm");
            const cJSON *norm;
            assert_true(json_get_double(line, "grad_norm", &whole) && whole > 0);
            assert_int_equal(norms != NULL, step > 1); /* every second one, and the last */
            cJSON_ArrayForEach(norm, json_get(norms, "grad_norms"))
            {
                assert_non_null(json_get(json_get(proof, "trained"), norm->string));
                squares += norm->valuedouble * norm->valuedouble;
            }
            if (norms && fabs(sqrt(squares) - whole) > 1e-6 * whole)
                fail_msg("%s, step %d: %.9g of all, %.9g of each", kinds[i].name, (int)step, whole,
                         sqrt(squares));
            if (norms)
                assert_int_equal(cJSON_GetArraySize(json_get(norms, "grad_norms")),
                                 cJSON_GetArraySize(json_get(proof, "trained")));
            cJSON_Delete(norms);
            cJSON_Delete(line);
        }
        cJSON_Delete(proof);
        free(run);
    }
}

/* During the backward pass each gradient is what it is when all are there together. */
static void test_norms_during_the_backward_pass(void **state)
{
    (void)state;
    cJSON *window = line_with(&kinds[0], 2, "grad_norms");
    cJSON *backward = line_with(&kinds[1], 2, "grad_norms");
    const cJSON *norm;
    int count = 0;
    cJSON_ArrayForEach(norm, json_get(window, "grad_norms"))
    {
        double other = NAN;
        assert_true(json_get_double(json_get(backward, "grad_norms"), norm->string, &other));
        if (!(fabs(other - norm->valuedouble) <= 1e-6 * norm->valuedouble))
            fail_msg("%s: %.9g and %.9g", norm->string, norm->valuedouble, other);
        count++;
    }
    assert_true(count > 20);
    cJSON_Delete(window);
    cJSON_Delete(backward);
}

/* The first line has them; weights, masters and states were all written, and no part is more than
 * was planned. */
static void test_resident_bytes_of_a_run(void **state)
{
    (void)state;
    static const char *const written[] = {"weights", "masters", "optimizer"};
    for (size_t i = 0; i < KINDS; i++) {
        cJSON *line = line_with(&kinds[i], 1, "resident_bytes");
        assert_non_null(line);
        for (int c = 0; c < MEMORY_CATEGORIES; c++) {
            const char *name = memory_category_name((enum memory_category)c);
            double planned = -1, resident = -1;
            assert_true(json_get_double(json_get(line, "memory_bytes"), name, &planned));
            assert_true(json_get_double(json_get(line, "resident_bytes"), name, &resident));
            assert_true(resident >= 0 && resident <= planned);
            for (size_t k = 0; k < sizeof written / sizeof *written; k++)
                if (strcmp(name, written[k]) == 0 && resident != planned)
                    fail_msg("%s: %s: %g of %g bytes are there", kinds[i].name, name, resident,
                             planned);
        }
        cJSON_Delete(line);
    }
}

/* No line of a run needs a tree, however many tensors it names. */
static void test_all_lines_are_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct buffer text = BUFFER_INIT;
        char *run = run_of(&kinds[i]), *path = path_join(run, "metrics.jsonl", NULL);
        int lines = 0;
        assert_int_equal(file_read_all(&text, path, 1 << 20, NULL), 0);
        for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n"), lines++) {
            struct json_flat member = {.key = "step"};
            if (!json_flat_read(line, strlen(line), &member, 1))
                fail_msg("%s: %.200s", kinds[i].name, line);
        }
        assert_in_range(lines, 3 + 2 + 1, 10);
        buffer_free(&text);
        free(path);
        free(run);
    }
}

/* --- what the system refuses --- */

static int no_pages(void *from, size_t count, unsigned char *out)
{
    (void)from, (void)count, (void)out;
    errno = ENOSYS;
    return -1;
}

/* What is not known is not written, and nothing else happens. */
static void test_where_the_system_does_not_say(void **state)
{
    (void)state;
    static const struct kind kind = {"unknown", METHOD_FULL, OPTIMIZER_ADAMW, WEIGHTS_FP32, 1, 1};
    struct error err = ERROR_INIT;
    const struct sys_table before = sys;
    sys.mincore = no_pages;
    int status = train(&kind, &err);
    sys = before;
    if (status != 0)
        fail_msg("%s", err.text);
    cJSON *line = line_with(&kind, 1, "memory_bytes");
    assert_non_null(line);
    assert_null(json_get(line, "resident_bytes"));
    assert_non_null(json_get(line, "process_bytes"));
    cJSON_Delete(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resident_is_what_the_kernel_says),
        cmocka_unit_test(test_norms_make_up_the_whole),
        cmocka_unit_test(test_norms_during_the_backward_pass),
        cmocka_unit_test(test_resident_bytes_of_a_run),
        cmocka_unit_test(test_all_lines_are_plain),
        cmocka_unit_test(test_where_the_system_does_not_say),
    };
    return cmocka_run_group_tests(tests, train_all, remove_folder);
}
