/* The scan of real models against fp64 and the reference script's fp32; noise laws against
 * REFERENCE 1. */
#include "test.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/random.h"
#include "checkpoint/safetensors.h"
#include "compute/devices/devices.h"
#include "compute/spectra.h"
#include "model/score_rows.h"
#include "spectra/scan.h"
#include "spectra/scan_result.h"
#include "spectra/scan_work.h"
#include "spectra/score.h"

#include <math.h>
#include <string.h>

/* What computes: $SPECTRUM_TEST_DEVICE, or the CPU. */
static const char *device_name(void)
{
    const char *name = getenv("SPECTRUM_TEST_DEVICE");
    return name ? name : "cpu";
}

static struct scan_result *scan_path(const char *path, const struct scan_options *options,
                                     const struct scan_observer *observer, struct error *err)
{
    struct model *model = NULL;
    struct backend *backend = NULL;
    struct scan_result *result = NULL;
    if (model_open(&model, path, err) == 0 && backend_open(&backend, device_name(), 0, err) == 0)
        scan_run(&result, model, backend, options, observer, err);
    backend_close(backend);
    model_close(model);
    return result;
}

static bool near(double a, double b, double relative)
{
    return a == b || fabs(a - b) <= relative * fabs(b);
}

/* How many modules of the row's type score higher, ties in file order: its place in a selection. */
static int place_by(const struct scan *scan, size_t row, const double *snr)
{
    int place = 0;
    for (size_t i = 0; i < scan->count; i++)
        if (strcmp(scan->rows[i].type, scan->rows[row].type) == 0)
            place += snr[i] > snr[row] || (snr[i] == snr[row] && i < row);
    return place;
}

/* Of that back end's values, in parts of the largest. */
static double accuracy(void)
{
    struct backend *backend = NULL;
    assert_int_equal(backend_open(&backend, device_name(), 0, NULL), 0);
    double found = backend->spectra->accuracy;
    backend_close(backend);
    return found;
}

static void compare(const char *path, const char *oracle_name)
{
    const char *data = getenv("SPECTRUM_TEST_DATA");
    assert_non_null(data);
    char *oracle_path = path_join(data, oracle_name, NULL);
    struct error err = ERROR_INIT;
    struct scan_options options = {.use_cache = false};
    struct scan_result *result = scan_path(path, &options, NULL, &err);
    cJSON *oracle = json_read_file(oracle_path, 1 << 24, JSON_LOOSE_NUMBERS, &err);
    if (!result || !oracle)
        fail_msg("%s", err.text);
    const struct scan *scan = result->scan;
    double ours[1024], theirs[1024], off = accuracy();
    int exempt = 0;
    assert_int_equal(scan->count, cJSON_GetArraySize(oracle));
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        const cJSON *expected = json_get(oracle, row->module);
        double snr, snr32, threshold, smallest;
        bool close = false;
        assert_true(json_get_double(expected, "snr", &snr));
        assert_true(json_get_double(expected, "snr_fp32", &snr32));
        assert_true(json_get_double(expected, "threshold", &threshold));
        assert_true(json_get_double(expected, "sigma_min", &smallest));
        json_get_bool(expected, "near", &close);
        if (!near(row->snr, snr, 1e-6))
            fail_msg("%s: %.17g, fp64 has %.17g", row->module, row->snr, snr);
        if (!close && !near(row->snr, snr32, 1e-3))
            fail_msg("%s: %.17g, the script has %.17g", row->module, row->snr, snr32);
        assert_true(near(row->threshold, threshold, 1e-6));
        assert_true(fabs(result->values[i][result->counts[i] - 1] - smallest) <=
                    off * row->sigma_max);
        exempt += close;
        ours[i] = row->snr;
        theirs[i] = snr;
    }
    /* The same order within every type is the same selection at every percentage. */
    for (size_t i = 0; i < scan->count; i++)
        assert_int_equal(place_by(scan, i, ours), place_by(scan, i, theirs));
    printf("%s: %zu matrices, %d exempt from the fp32 comparison\n", oracle_name, scan->count,
           exempt);
    cJSON_Delete(oracle);
    scan_result_free(result);
    free(oracle_path);
}

static void shared_models_score_as_the_reference(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    char *small = path_join(shared, "models/stories260K-hf-f32", NULL);
    char *large = path_join(shared, "models/stories15M-hf-bf16", NULL);
    compare(small, "spectra/snr_stories260k.json");
    compare(large, "spectra/snr_stories15m.json");
    free(small);
    free(large);
}

static void demo_scores_as_the_reference(void **state)
{
    (void)state;
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "../../demo/model", NULL);
    compare(path, "spectra/snr_demo.json");
    free(path);
}

static void smollm2_scores_as_the_reference(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(models, "SPECTRUM_MODELS");
    char *path = path_join(models, "SmolLM2-135M-Instruct.Q4_1.gguf", NULL);
    if (access(path, R_OK) != 0) {
        printf("SKIPPED: %s is not here (script/fetch-models)\n", path);
        free(path);
        skip();
    }
    compare(path, "spectra/snr_smollm2.json");
    free(path);
}

/* Bytes that leave 64 bits are not few. */
static void vast_matrices_need_vast_memory(void **state)
{
    (void)state;
    struct backend *backend = NULL;
    assert_int_equal(backend_open(&backend, "cpu", 1, NULL), 0);
    assert_true(scratch_need(backend, 1024, 1024) < 1 << 25);
    assert_true(scratch_need(backend, (int64_t)1 << 40, 3) > (uint64_t)1 << 43);
    assert_int_equal(scratch_need(backend, (int64_t)1 << 54, 256), UINT64_MAX);
    assert_int_equal(scratch_need(backend, (int64_t)1 << 31, (int64_t)1 << 31), UINT64_MAX);
    backend_close(backend);
}

/* REFERENCE 1's table of what pure noise gives. */
static void noise_scores_as_published(void **state)
{
    (void)state;
    static const struct {
        int64_t rows, cols;
        double ratio; /* signal / noise */
    } cases[] = {{4096, 4096, 0.79}, {1024, 4096, INFINITY}, {512, 3584, INFINITY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double beta = (double)cases[i].rows / (double)cases[i].cols, *x = calloc(4096, 8);
        noise_quantiles(x, cases[i].rows, beta);
        double null =
            score_null(cases[i].rows, cases[i].cols, ESTIMATOR_REFERENCE, EMPTY_NOISE_INFINITY);
        if (isinf(cases[i].ratio))
            assert_true(isinf(null));
        else
            assert_true(fabs(null * x[0] - cases[i].ratio) < 0.005);
        assert_true(x[0] < 1 + sqrt(beta) && x[cases[i].rows - 1] > 1 - sqrt(beta) - 1e-12);
        free(x);
    }
    /* Gavish & Donoho's published omega(1) = 2.858, omega(0.5) = 2.1711 (table IV). */
    assert_true(fabs(noise_shape(8, 8).hard_threshold - 2.8582) < 2e-3);
    assert_true(fabs(noise_shape(4, 8).hard_threshold - 2.1711) < 2e-3);
}

/* Blocks by their numbers, whatever the file's order: ties are decided as the reference does. */
static void rows_follow_the_computation(void **state)
{
    (void)state;
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "../../demo/model", NULL);
    struct model *model = NULL;
    struct scan *scan = NULL;
    assert_int_equal(model_open(&model, path, NULL), 0);
    assert_int_equal(scan_for_model(&scan, NULL, model, &(struct scan_choice){".", false}, NULL),
                     0);
    assert_string_equal(scan->rows[0].module, "model.embed_tokens");
    assert_string_equal(scan->rows[scan->count - 1].module, "model.norm");
    int last = 0;
    for (size_t i = 1; i + 1 < scan->count; i++) {
        int layer = atoi(scan->rows[i].module + strlen("model.layers."));
        assert_true(layer == last || layer == last + 1);
        last = layer;
    }
    assert_int_equal(last, 7);
    scan_free(scan);
    model_close(model);
    free(path);
}

static bool stop_at_once(void *context)
{
    return ++*(int *)context > 5;
}

static void count_cached(void *context, const struct scan_row *row, const double *values,
                         int64_t count, size_t done, size_t total, double seconds, bool cached)
{
    (void)row;
    (void)values;
    (void)count;
    (void)done;
    (void)total;
    (void)seconds;
    *(int *)context += cached;
}

static void an_interrupted_scan_goes_on(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    char cache[] = "/tmp/spectrum-cache-XXXXXX";
    assert_non_null(mkdtemp(cache));
    setenv("XDG_CACHE_HOME", cache, 1);
    char *path = path_join(shared, "models/stories260K-hf-f32", NULL);
    struct scan_options options = {.use_cache = true, .threads = 1};
    int asked = 0, cached = 0;
    struct scan_observer stopping = {.context = &asked, .should_stop = stop_at_once};
    struct scan_observer counting = {.context = &cached, .on_row = count_cached};
    struct error err = ERROR_INIT;
    struct scan_result *part = scan_path(path, &options, &stopping, &err);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    struct scan_result *whole = scan_path(path, &options, &counting, &err);
    assert_non_null(whole);
    assert_int_equal(cached, 5);
    /* A scan of some modules adds to what is known and takes nothing away; the oracle takes none.
     */
    options.rows.modules = "embed_tokens";
    scan_result_free(scan_path(path, &options, NULL, &err));
    options.rows.modules = NULL;
    cached = 0;
    scan_result_free(scan_path(path, &options, &counting, &err));
    assert_int_equal(cached, 35);
    options.use_cache = false;
    struct scan_result *fresh = scan_path(path, &options, NULL, &err);
    for (size_t i = 0; i < fresh->scan->count; i++)
        assert_true(fresh->scan->rows[i].snr == whole->scan->rows[i].snr);
    scan_result_free(part);
    scan_result_free(whole);
    scan_result_free(fresh);
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", cache);
    assert_int_equal(system(command), 0);
    free(path);
}

struct looking {
    int64_t at; /* told once */
    int layers[64], count;
};

static int64_t look(void *context)
{
    struct looking *looking = context;
    int64_t at = looking->at;
    looking->at = -1;
    return at;
}

static void note_layer(void *context, const struct scan_row *row, const double *values,
                       int64_t count, size_t done, size_t total, double seconds, bool cached)
{
    (void)values;
    (void)count;
    (void)done;
    (void)total;
    (void)seconds;
    (void)cached;
    struct looking *looking = context;
    looking->layers[looking->count++] = atoi(row->module + strlen("model.layers."));
}

/* The cell under the cursor, its block, then the blocks around it. */
static void what_is_looked_at_comes_first(void **state)
{
    (void)state;
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "../../demo/model", NULL);
    struct looking looking = {.at = 5 * 7 + 3};
    struct scan_options options = {.threads = 1};
    struct scan_observer observer = {.context = &looking, .on_row = note_layer, .wanted = look};
    scan_result_free(scan_path(path, &options, &observer, NULL));
    assert_int_equal(looking.count, 56);
    for (int i = 0; i < 56; i++) {
        int far = abs(looking.layers[i] - 5), before = i ? abs(looking.layers[i - 1] - 5) : 0;
        assert_true(far >= before && (i >= 7 || far == 0));
    }
    free(path);
}

enum { SIDE = 700 };

static void write_matrix(const char *path, const float *matrix)
{
    const struct safetensors_entry entry = {
        .name = "model.layers.0.x.weight", .dtype = DTYPE_F32, .rank = 2, .shape = {SIDE, SIDE}};
    struct safetensors_writer writer;
    assert_int_equal(safetensors_writer_open(&writer, path, &entry, 1, NULL, NULL), 0);
    assert_int_equal(safetensors_writer_put(&writer, matrix, SIDE * SIDE * sizeof *matrix, NULL),
                     0);
    assert_int_equal(safetensors_writer_commit(&writer, NULL), 0);
}

static void fingerprint_of(const char *path, char out[33])
{
    struct checkpoint *checkpoint = NULL;
    assert_int_equal(checkpoint_open(&checkpoint, path, NULL), 0);
    assert_int_equal(checkpoint_fingerprint(checkpoint, out, NULL), 0);
    checkpoint_close(checkpoint);
}

/* SNR, and whether it came from the cache. */
static double snr_of(const char *path, bool use_cache, bool *cached)
{
    int count = 0;
    struct scan_options options = {.use_cache = use_cache, .threads = 1};
    struct scan_observer counting = {.context = &count, .on_row = count_cached};
    struct error err = ERROR_INIT;
    struct scan_result *result = scan_path(path, &options, &counting, &err);
    if (!result)
        fail_msg("%s", err.text);
    double snr = result->scan->rows[0].snr;
    *cached = count > 0;
    scan_result_free(result);
    return snr;
}

/* Moved and copied files are known, one that was changed where the fingerprint does not look is
 * not. */
static void the_cache_goes_by_content(void **state)
{
    (void)state;
    char folder[] = "/tmp/spectrum-content-XXXXXX", path[64], other[64], before[33], after[33];
    float *matrix = malloc(SIDE * SIDE * sizeof *matrix);
    struct random_stream r = {.seed = 3};
    bool cached;
    assert_true(mkdtemp(folder) && matrix);
    setenv("XDG_CACHE_HOME", folder, 1);
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    snprintf(other, sizeof other, "%s/b.safetensors", folder);
    for (int i = 0; i < SIDE * SIDE; i++)
        matrix[i] = (float)random_normal(&r);
    write_matrix(path, matrix);
    double snr = snr_of(path, true, &cached);
    assert_false(cached);
    assert_int_equal(rename(path, other), 0);
    assert_true(snr_of(other, true, &cached) == snr && cached);
    assert_int_equal(file_copy(other, path, 16 << 20, NULL), 0);
    assert_true(snr_of(path, true, &cached) == snr && cached);
    fingerprint_of(path, before);
    int at = SIDE * SIDE;
    do { /* one that the samples miss */
        assert_true(at > 0);
        float kept = matrix[--at];
        matrix[at] = 40;
        write_matrix(path, matrix);
        fingerprint_of(path, after);
        if (strcmp(before, after) != 0)
            matrix[at] = kept;
        at -= 1000;
    } while (strcmp(before, after) != 0);
    double changed = snr_of(path, true, &cached);
    assert_true(!cached && changed != snr);
    assert_true(snr_of(path, false, &cached) == changed);
    assert_true(snr_of(path, true, &cached) == changed && cached);
    free(matrix);
    char command[80];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_models_score_as_the_reference),
        cmocka_unit_test(demo_scores_as_the_reference),
        cmocka_unit_test(smollm2_scores_as_the_reference),
        cmocka_unit_test(vast_matrices_need_vast_memory),
        cmocka_unit_test(noise_scores_as_published),
        cmocka_unit_test(rows_follow_the_computation),
        cmocka_unit_test(an_interrupted_scan_goes_on),
        cmocka_unit_test(what_is_looked_at_comes_first),
        cmocka_unit_test(the_cache_goes_by_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
