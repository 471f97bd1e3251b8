/* The transformer on the reference and the CPU back end against transformers + PyTorch
 * (tests/oracle/make_llama.py): loss to 1e-5, every gradient's norm and a projection to 1e-4; and
 * what a frozen set leaves out. */
#include "test.h"

#include "base/folder.h"
#include "base/json.h"
#include "compute/devices/devices.h"
#include "train/transformer.h"

#include <math.h>
#include <string.h>

struct bench {
    struct model *model;
    struct backend *backend;
    cJSON *oracle;
    struct batch batch;
};

static int64_t fill_words(int32_t *out, const cJSON *list)
{
    int64_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) out[count++] = (int32_t)item->valuedouble;
    return count;
}

/* The oracle's batch: every position but each document's last is supervised. */
static void fill_batch(struct batch *batch, const cJSON *oracle)
{
    batch->tokens = fill_words(batch->ids, json_get(oracle, "ids"));
    batch->documents = (int)fill_words(batch->offsets, json_get(oracle, "offsets")) - 1;
    batch->supervised = 0;
    for (int d = 0; d < batch->documents; d++) {
        for (int32_t t = batch->offsets[d]; t < batch->offsets[d + 1]; t++) {
            bool last = t + 1 == batch->offsets[d + 1];
            batch->positions[t] = t - batch->offsets[d];
            batch->targets[t] = last ? -1 : batch->ids[t + 1];
            batch->supervised += !last;
        }
    }
}

static bool bench_open(struct bench *bench, const char *device)
{
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    struct error err = ERROR_INIT;
    if (!shared)
        return false;
    char *path = path_join(shared, "models/stories260K-hf-f32", NULL);
    char *oracle = path_join(getenv("SPECTRUM_TEST_DATA"), "train/stories260k.json", NULL);
    *bench = (struct bench){0};
    if (model_open(&bench->model, path, &err) != 0 ||
        backend_open(&bench->backend, device, 2, &err) != 0 ||
        !(bench->oracle = json_read_file(oracle, 1 << 20, JSON_STRICT, &err)) ||
        batch_alloc(&bench->batch, 1, 48, &err) != 0)
        fail_msg("%s", err.text);
    fill_batch(&bench->batch, bench->oracle);
    free(path);
    free(oracle);
    return true;
}

static void bench_close(struct bench *bench)
{
    batch_free(&bench->batch);
    cJSON_Delete(bench->oracle);
    backend_close(bench->backend);
    model_close(bench->model);
}

static struct transformer *open_transformer(const struct bench *bench, const bool *trained)
{
    struct transformer_options options = {
        .recipe = {.trained = trained}, .tokens = 48, .max_positions = 48, .storage = STORAGE_F32};
    struct transformer *transformer = NULL;
    struct error err = ERROR_INIT;
    if (transformer_new(&transformer, bench->backend, bench->model, &options, &err) != 0)
        fail_msg("%s", err.text);
    return transformer;
}

static double run(struct transformer *transformer, const struct batch *batch)
{
    struct loss_sums loss = {0};
    transformer_clear(transformer);
    transformer_run(transformer, batch, true);
    assert_int_equal(transformer_loss(transformer, &loss, NULL), 0);
    return loss.entropy;
}

static void check_gradient(const struct bench *bench, const struct transformer *transformer,
                           size_t index)
{
    const struct parameter *parameter = &bench->model->parameters[index];
    const cJSON *expected = json_get(json_get(bench->oracle, "gradients"), parameter->name);
    double norm = 0, projection = 0, squares = 0, sum = 0;
    assert_true(json_get_double(expected, "norm", &norm));
    assert_true(json_get_double(expected, "projection", &projection));
    float *gradient = malloc((size_t)parameter->numel * sizeof *gradient);
    bench->backend->read(bench->backend->self, gradient,
                         network_place(&transformer->network, index, TENSOR_GRADIENT),
                         (size_t)parameter->numel * sizeof *gradient);
    for (int64_t i = 0; i < parameter->numel; i++) {
        double g = (double)gradient[i];
        bool negative = (uint64_t)i * UINT64_C(2654435761) & 0x80000000u;
        squares += g * g;
        sum += negative ? -g : g;
    }
    free(gradient);
    if (!(fabs(sqrt(squares) - norm) <= 1e-4 * norm) || !(fabs(sum - projection) <= 1e-4 * norm))
        fail_msg("%s: norm %g, projection %g; PyTorch has %g and %g", parameter->name,
                 sqrt(squares), sum, norm, projection);
}

static void equals_pytorch(const char *device)
{
    struct bench bench;
    if (!bench_open(&bench, device))
        skip();
    size_t count = bench.model->parameter_count;
    bool *trained = malloc(count * sizeof *trained);
    memset(trained, 1, count * sizeof *trained);
    struct transformer *transformer = open_transformer(&bench, trained);
    double expected = 0, loss = run(transformer, &bench.batch);
    assert_true(json_get_double(bench.oracle, "loss", &expected));
    if (!(fabs(loss - expected) <= 1e-5 * expected))
        fail_msg("loss %.9g, PyTorch has %.9g", loss, expected);
    for (size_t i = 0; i < count; i++)
        check_gradient(&bench, transformer, i);
    transformer_free(transformer);
    free(trained);
    bench_close(&bench);
}

/* Two matrices high up train: their gradients are the same, others have no buffer, and less memory
 * is planned. */
static void frozen_tensors_have_no_gradient(void **state)
{
    (void)state;
    struct bench bench;
    if (!bench_open(&bench, "cpu"))
        skip();
    size_t count = bench.model->parameter_count;
    bool *trained = calloc(count, sizeof *trained);
    static const char *const names[] = {"model.layers.3.mlp.up_proj.weight",
                                        "model.layers.4.self_attn.k_proj.weight"};
    for (int i = 0; i < 2; i++)
        trained[model_find(bench.model, names[i]) - bench.model->parameters] = true;
    struct transformer *transformer = open_transformer(&bench, trained);
    run(transformer, &bench.batch);
    for (size_t i = 0; i < count; i++) {
        if (trained[i])
            check_gradient(&bench, transformer, i);
        else
            assert_null(network_place(&transformer->network, i, TENSOR_GRADIENT).buffer);
    }
    transformer_free(transformer);
    free(trained);
    bench_close(&bench);
}

static void reference_equals_pytorch(void **state)
{
    (void)state;
    equals_pytorch("reference");
}

static void cpu_equals_pytorch(void **state)
{
    (void)state;
    equals_pytorch("cpu");
}

/* The same with memory that only operations can touch: nothing here relies on host pointers. */
static void guard_equals_pytorch(void **state)
{
    (void)state;
    equals_pytorch("checked");
}

/* bf16 weights and activations: the loss within the rounding of 8 bits. */
static void bf16_is_near_pytorch(void **state)
{
    (void)state;
    struct bench bench;
    if (!bench_open(&bench, "cpu"))
        skip();
    struct transformer_options options = {
        .tokens = 48, .max_positions = 48, .storage = STORAGE_BF16};
    struct transformer *transformer = NULL;
    double expected = 0, loss;
    struct loss_sums sums;
    assert_int_equal(transformer_new(&transformer, bench.backend, bench.model, &options, NULL), 0);
    transformer_run(transformer, &bench.batch, false);
    assert_int_equal(transformer_loss(transformer, &sums, NULL), 0);
    loss = sums.entropy;
    assert_true(json_get_double(bench.oracle, "loss", &expected));
    if (!(fabs(loss - expected) <= 1e-2 * expected))
        fail_msg("loss %.9g, PyTorch has %.9g", loss, expected);
    transformer_free(transformer);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_equals_pytorch),
        cmocka_unit_test(cpu_equals_pytorch),
        cmocka_unit_test(guard_equals_pytorch),
        cmocka_unit_test(bf16_is_near_pytorch),
        cmocka_unit_test(frozen_tensors_have_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
