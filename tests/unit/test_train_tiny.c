/* Tiny random models of every form that the trainer runs (tied, untied, grouped queries, biases,
 * rotary scalings, heads of their own width; sliding windows, norms of heads) against transformers
 * + PyTorch in fp32 (tests/oracle/make_tiny_models.py): loss to 1e-5, every gradient tensor to 1e-4
 * of its norm. In bf16 the gradients of each case are at most twice as far from fp32's as PyTorch's
 * are (make_tiny_bf16.py), and so are the losses of all cases together: that of one is chance. */
#include "compute/devices/devices.h"
#include "train/optimizer.h"
#include "train_data.h"

static const char *const names[] = {
    "llama_tied",        "llama_untied",   "llama_gqa",  "llama_bias", "llama_rope3",
    "llama_rope_linear", "llama_head_dim", "llama_yarn", "mistral",    "qwen2",
    "qwen2_tied",        "qwen2_window",   "qwen3",      "qwen3_tied"};
static const char *const kinds[] = {"packed", "single"};

struct bench {
    const char *name, *kind;
    struct model *model;
    struct backend *backend;
    struct checkpoint *gradients;
    cJSON *cases;
    bool *trained;
    double worst_loss, worst_gradient;
};

static void bench_open(struct bench *bench, const char *name, const char *device)
{
    struct error err = ERROR_INIT;
    char file[128], *model = train_data_path(name);
    *bench = (struct bench){.name = name};
    snprintf(file, sizeof file, "%s.json", name);
    bench->cases = train_data_json(file);
    snprintf(file, sizeof file, "%s.gradients.safetensors", name);
    char *gradients = train_data_path(file);
    if (model_open(&bench->model, model, &err) != 0 ||
        backend_open(&bench->backend, device, 1, &err) != 0 ||
        checkpoint_open(&bench->gradients, gradients, &err) != 0)
        fail_msg("%s", err.text);
    bench->trained = malloc(bench->model->parameter_count * sizeof(bool));
    memset(bench->trained, 1, bench->model->parameter_count * sizeof(bool));
    free(model);
    free(gradients);
}

static void bench_close(struct bench *bench)
{
    free(bench->trained);
    cJSON_Delete(bench->cases);
    checkpoint_close(bench->gradients);
    backend_close(bench->backend);
    model_close(bench->model);
}

static float *read_expected(const struct bench *bench, const char *module)
{
    struct error err = ERROR_INIT;
    char key[256];
    snprintf(key, sizeof key, "%s.%s", bench->kind, module);
    const struct tensor_info *tensor = checkpoint_find(bench->gradients, key);
    if (!tensor)
        fail_msg("no %s in the oracle of %s", key, bench->name);
    float *values = malloc((size_t)tensor->elements * sizeof *values);
    if (checkpoint_read_f32(bench->gradients, tensor, 0, tensor->elements, values, &err) != 0)
        fail_msg("%s", err.text);
    return values;
}

static void check_gradient(struct bench *bench, const struct transformer *transformer, size_t index)
{
    const struct parameter *parameter = &bench->model->parameters[index];
    float *expected = read_expected(bench, parameter->name);
    float *gradient = read_gradient(transformer, index);
    double distance = relative_distance(gradient, expected, parameter->numel);
    free(expected);
    free(gradient);
    bench->worst_gradient = fmax(bench->worst_gradient, distance);
    if (!(distance <= 1e-4))
        fail_msg("%s, %s, %s: gradient %g from PyTorch's", bench->name, bench->kind,
                 parameter->name, distance);
}

/* The norm of each tensor's gradient as a step has it (metrics.jsonl's grad_norms), against that of
 * PyTorch's gradient, and of all of them against the whole's. The step's rate is 0. */
static void check_norms(struct bench *bench, struct transformer *transformer)
{
    struct error err = ERROR_INIT;
    struct optimizer *optimizer = NULL;
    const struct optimizer_settings settings = {.weight_decay = 0};
    double whole = 0, squares = 0;
    if (optimizer_new(&optimizer, transformer, &settings, &err) != 0 ||
        optimizer_step(optimizer, 1, 0, 1, &whole, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < optimizer->count; i++) {
        const struct parameter *parameter = optimizer_tensor(optimizer, i).parameter;
        float *expected = read_expected(bench, parameter->name);
        double sum = 0;
        for (int64_t k = 0; k < parameter->numel; k++)
            sum += (double)expected[k] * (double)expected[k];
        free(expected);
        squares += optimizer->norms[i] * optimizer->norms[i];
        if (!(fabs(optimizer->norms[i] - sqrt(sum)) <= 1e-4 * sqrt(sum)))
            fail_msg("%s, %s, %s: a gradient's norm is %.9g, PyTorch's %.9g", bench->name,
                     bench->kind, parameter->name, optimizer->norms[i], sqrt(sum));
    }
    assert_true(optimizer->count > 0 && fabs(sqrt(squares) - whole) <= 1e-12 * whole);
    optimizer_free(optimizer);
}

/* The loss of bench->kind; the caller frees both. */
static double run_case(const struct bench *bench, enum storage storage, struct batch *batch,
                       struct transformer **transformer)
{
    struct error err = ERROR_INIT;
    batch_from_json(batch, json_get(bench->cases, bench->kind));
    struct transformer_options options = {.recipe = {.trained = bench->trained},
                                          .tokens = batch->tokens,
                                          .max_positions = batch->tokens,
                                          .storage = storage};
    if (transformer_new(transformer, bench->backend, bench->model, &options, &err) != 0)
        fail_msg("%s", err.text);
    return run_batch(*transformer, batch);
}

static void check_case(struct bench *bench, const char *kind)
{
    struct transformer *transformer = NULL;
    struct batch batch = {0};
    double expected = 0;
    bench->kind = kind;
    double loss = run_case(bench, STORAGE_F32, &batch, &transformer);
    assert_true(json_get_double(json_get(bench->cases, kind), "loss", &expected));
    bench->worst_loss = fmax(bench->worst_loss, fabs(loss - expected) / expected);
    if (!(fabs(loss - expected) <= 1e-5 * expected))
        fail_msg("%s, %s: loss %.9g, PyTorch has %.9g", bench->name, kind, loss, expected);
    for (size_t i = 0; i < bench->model->parameter_count; i++)
        check_gradient(bench, transformer, i);
    check_norms(bench, transformer);
    transformer_free(transformer);
    batch_free(&batch);
}

/* Squared distance from fp32's gradient, and its squared norm. */
static void add_distance(double sums[2], const struct bench *bench,
                         const struct transformer *transformer, size_t index)
{
    const struct parameter *parameter = &bench->model->parameters[index];
    float *expected = read_expected(bench, parameter->name);
    float *gradient = read_gradient(transformer, index);
    for (int64_t i = 0; i < parameter->numel; i++) {
        double difference = (double)gradient[i] - (double)expected[i];
        sums[0] += difference * difference;
        sums[1] += (double)expected[i] * (double)expected[i];
    }
    free(expected);
    free(gradient);
}

/* losses: squared relative distances from fp32's loss, ours and PyTorch's. */
static void check_bf16_case(struct bench *bench, const char *kind, const cJSON *pytorch,
                            double losses[2])
{
    struct transformer *transformer = NULL;
    struct batch batch = {0};
    double exact = 0, rough = 0, allowed = 0, sums[2] = {0};
    bench->kind = kind;
    double loss = run_case(bench, STORAGE_BF16, &batch, &transformer);
    for (size_t i = 0; i < bench->model->parameter_count; i++)
        add_distance(sums, bench, transformer, i);
    assert_true(json_get_double(json_get(bench->cases, kind), "loss", &exact));
    assert_true(json_get_double(json_get(pytorch, kind), "loss", &rough));
    assert_true(json_get_double(json_get(pytorch, kind), "gradients", &allowed));
    losses[0] += pow(loss / exact - 1, 2);
    losses[1] += pow(rough / exact - 1, 2);
    double distance = sqrt(sums[0] / sums[1]);
    bench->worst_gradient = fmax(bench->worst_gradient, distance / allowed);
    if (!(distance <= 2 * allowed))
        fail_msg("%s, %s, bf16: gradients %g from fp32's, PyTorch's are %g", bench->name, kind,
                 distance, allowed);
    transformer_free(transformer);
    batch_free(&batch);
}

static void bf16_is_as_far_as_pytorchs(void **state)
{
    (void)state;
    cJSON *oracle = train_data_json("tiny_bf16.json");
    double losses[2] = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bench bench;
        bench_open(&bench, names[i], "cpu");
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            check_bf16_case(&bench, kinds[k], json_get(oracle, names[i]), losses);
        printf("bf16, %s: gradients at most %.2f times as far from fp32's as PyTorch's\n", names[i],
               bench.worst_gradient);
        bench_close(&bench);
    }
    printf("bf16: losses %.2f times as far\n", sqrt(losses[0] / losses[1]));
    assert_true(losses[0] <= 4 * losses[1]);
    cJSON_Delete(oracle);
}

static void check_device(const char *device)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bench bench;
        bench_open(&bench, names[i], device);
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            check_case(&bench, kinds[k]);
        printf("%s, %s: loss within %.1e, gradients within %.1e of PyTorch\n", device, names[i],
               bench.worst_loss, bench.worst_gradient);
        bench_close(&bench);
    }
}

static void reference_equals_pytorch(void **state)
{
    (void)state;
    check_device("reference");
}

static void cpu_equals_pytorch(void **state)
{
    (void)state;
    check_device("cpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_equals_pytorch),
        cmocka_unit_test(cpu_equals_pytorch),
        cmocka_unit_test(bf16_is_as_far_as_pytorchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
