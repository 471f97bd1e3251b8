/* Adapters against PEFT + PyTorch in fp32 (tests/oracle/make_lora.py): PEFT's own files are read,
 * loss to 1e-5, the gradient of every A and B to 1e-4 of its norm; ten AdamW steps; on both back
 * ends. The same with frozen weights in 4 and in 8 bits; and the z-loss. */
#include "train_data.h"

#include "compute/devices/devices.h"
#include "train/optimizer.h"
#include "train/state.h"
#include "train/step_rules.h"

enum { RANK = 4, ALPHA = 8, TOKENS = 48 };

struct bench {
    char name[64];
    struct model *model;
    struct backend *backend;
    struct transformer *transformer;
    bool *trained, *adapted, *quantized;
};

static struct checkpoint *open_file(const char *name)
{
    struct error err = ERROR_INIT;
    struct checkpoint *checkpoint;
    char *path = train_data_path(name);
    if (checkpoint_open(&checkpoint, path, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    return checkpoint;
}

/* The modules that an adapter file has an A for. */
static bool *adapted_by(const struct model *model, const char *adapter)
{
    bool *adapted = calloc(model->parameter_count, sizeof *adapted);
    struct checkpoint *file = open_file(adapter);
    for (size_t i = 0; i < checkpoint_count(file); i++) {
        size_t number = run_tensor_find(model, checkpoint_tensor(file, i)->name);
        assert_true(number < run_tensor_count(model));
        adapted[number % model->parameter_count] = true;
    }
    checkpoint_close(file);
    return adapted;
}

/* Model, back end and empty lists; the adapter's modules where one is named. */
static void bench_open(struct bench *bench, const char *name, const char *base, const char *adapter,
                       const char *device)
{
    struct error err = ERROR_INIT;
    char file[128];
    *bench = (struct bench){0};
    snprintf(bench->name, sizeof bench->name, "%s on %s", name, device);
    char *model = train_data_path(base);
    if (model_open(&bench->model, model, &err) != 0 ||
        backend_open(&bench->backend, device, 2, &err) != 0)
        fail_msg("%s", err.text);
    bench->trained = calloc(bench->model->parameter_count, sizeof(bool));
    bench->quantized = calloc(bench->model->parameter_count, sizeof(bool));
    snprintf(file, sizeof file, "lora/%s/adapter_model.safetensors", adapter ? adapter : "");
    bench->adapted = adapter ? adapted_by(bench->model, file)
                             : calloc(bench->model->parameter_count, sizeof(bool));
    free(model);
}

static void make_transformer(struct bench *bench, const char *adapter, enum storage frozen,
                             float z_loss)
{
    struct error err = ERROR_INIT;
    char file[128];
    snprintf(file, sizeof file, "lora/%s/adapter_model.safetensors", adapter ? adapter : "");
    char *weights = train_data_path(file);
    const struct transformer_options options = {.recipe = {.trained = bench->trained,
                                                           .adapted = bench->adapted,
                                                           .rank = RANK,
                                                           .alpha = ALPHA,
                                                           .quantized = bench->quantized,
                                                           .frozen = frozen},
                                                .tokens = TOKENS,
                                                .max_positions = TOKENS,
                                                .storage = STORAGE_F32,
                                                .z_loss = z_loss};
    if (transformer_new(&bench->transformer, bench->backend, bench->model, &options, &err) != 0 ||
        (adapter && state_overlay_file(weights, &bench->transformer->network, &err) != 0))
        fail_msg("%s", err.text);
    free(weights);
}

static void bench_close(struct bench *bench)
{
    transformer_free(bench->transformer);
    free(bench->trained);
    free(bench->adapted);
    free(bench->quantized);
    backend_close(bench->backend);
    model_close(bench->model);
}

/* A slot of every tensor of a file is what the file has. */
static void compare_file(const struct bench *bench, const char *name, enum tensor_slot slot)
{
    struct error err = ERROR_INIT;
    struct checkpoint *file = open_file(name);
    for (size_t i = 0; i < checkpoint_count(file); i++) {
        const struct tensor_info *tensor = checkpoint_tensor(file, i);
        size_t number = run_tensor_find(bench->model, tensor->name);
        assert_true(number < run_tensor_count(bench->model));
        float *own = read_slot_f32(bench->transformer, number, slot);
        float *expected = malloc((size_t)tensor->elements * sizeof *expected);
        if (checkpoint_read_f32(file, tensor, 0, tensor->elements, expected, &err) != 0)
            fail_msg("%s", err.text);
        double distance = relative_distance(own, expected, tensor->elements);
        if (!(distance <= 1e-4))
            fail_msg("%s: %s is %g from PEFT's", bench->name, tensor->name, distance);
        free(own);
        free(expected);
    }
    checkpoint_close(file);
}

/* Runs the oracle's batch and compares the loss and the gradients that its file has. */
static void check_batch(const struct bench *bench, const cJSON *oracle, const char *name)
{
    struct batch batch = {0};
    char file[128];
    double expected = oracle_number(oracle, "loss");
    batch_from_json(&batch, oracle);
    double loss = run_batch(bench->transformer, &batch);
    if (!(fabs(loss - expected) <= 1e-5 * expected))
        fail_msg("%s: loss %.9g, PEFT has %.9g", bench->name, loss, expected);
    snprintf(file, sizeof file, "lora/%s.gradients.safetensors", name);
    compare_file(bench, file, TENSOR_GRADIENT);
    batch_free(&batch);
}

static cJSON *open_oracle(const char *name, const char **base)
{
    char file[128];
    snprintf(file, sizeof file, "lora/%s.json", name);
    cJSON *oracle = train_data_json(file);
    assert_true(json_get_string(oracle, "base", base));
    return oracle;
}

static void check_case(const char *adapter, const char *device)
{
    struct bench bench;
    const char *base;
    cJSON *oracle = open_oracle(adapter, &base);
    bench_open(&bench, adapter, base, adapter, device);
    make_transformer(&bench, adapter, STORAGE_F32, 0);
    check_batch(&bench, oracle, adapter);
    bench_close(&bench);
    cJSON_Delete(oracle);
}

static void equals_peft(void **state)
{
    (void)state;
    static const char *const adapters[] = {"llama_gqa", "qwen2", "qwen3", "mistral", "subset"};
    for (size_t i = 0; i < sizeof adapters / sizeof *adapters; i++) {
        check_case(adapters[i], "cpu");
        check_case(adapters[i], "reference");
    }
}

/* Linear weights of the blocks that do not train. */
static void quantize_frozen(struct bench *bench)
{
    for (size_t i = 0; i < bench->model->parameter_count; i++) {
        const struct parameter *parameter = &bench->model->parameters[i];
        bench->quantized[i] = parameter->layer >= 0 && parameter->rows > 1 && !bench->trained[i];
    }
}

static void check_quantized(const char *name, const char *adapter, enum storage frozen,
                            const char *device)
{
    struct bench bench;
    const char *base;
    const cJSON *trained;
    cJSON *oracle = open_oracle(name, &base);
    bench_open(&bench, name, base, adapter, device);
    cJSON_ArrayForEach(trained, json_get(oracle, "trained"))
    {
        const struct parameter *parameter = model_find(bench.model, trained->valuestring);
        assert_non_null(parameter);
        bench.trained[parameter - bench.model->parameters] = true;
    }
    quantize_frozen(&bench);
    make_transformer(&bench, adapter, frozen, 0);
    check_batch(&bench, oracle, name);
    bench_close(&bench);
    cJSON_Delete(oracle);
}

static void frozen_weights_in_4_and_8_bits(void **state)
{
    (void)state;
    static const char *const devices[] = {"cpu", "reference", "checked"};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        check_quantized("qlora", "llama_gqa", STORAGE_NF4, devices[i]);
        check_quantized("int8", NULL, STORAGE_INT8, devices[i]);
    }
}

/* The z-loss is counted beside the loss, not in it; its gradients are in the gradients. */
static void z_loss_equals_pytorch(void **state)
{
    (void)state;
    struct bench bench;
    struct batch batch = {0};
    struct loss_sums sums;
    const char *base;
    const cJSON *norm;
    cJSON *oracle = open_oracle("zloss", &base);
    bench_open(&bench, "z-loss", base, NULL, "cpu");
    memset(bench.trained, 1, bench.model->parameter_count * sizeof(bool));
    make_transformer(&bench, NULL, STORAGE_F32, (float)oracle_number(oracle, "z_loss"));
    batch_from_json(&batch, oracle);
    run_batch(bench.transformer, &batch);
    assert_int_equal(transformer_loss(bench.transformer, &sums, NULL), 0);
    double both = sums.entropy + sums.z, expected = oracle_number(oracle, "loss");
    assert_true(sums.z > 0 && fabs(both - expected) <= 1e-5 * expected);
    compare_file(&bench, "lora/zloss.gradients.safetensors", TENSOR_GRADIENT);
    cJSON_ArrayForEach(norm, json_get(oracle, "norms"))
    {
        size_t tensor = run_tensor_find(bench.model, norm->string);
        int64_t count = network_tensor(&bench.transformer->network, tensor).numel;
        float *gradient = read_gradient(bench.transformer, tensor);
        double squares = 0;
        for (int64_t i = 0; i < count; i++)
            squares += (double)gradient[i] * (double)gradient[i];
        assert_true(fabs(sqrt(squares) - norm->valuedouble) <= 1e-4 * norm->valuedouble);
        free(gradient);
    }
    batch_free(&batch);
    bench_close(&bench);
    cJSON_Delete(oracle);
}

static void near(const char *what, int64_t step, double own, double expected)
{
    if (!(fabs(own - expected) <= 1e-4 * fabs(expected) + 1e-12))
        fail_msg("step %lld: %s %.9g, PyTorch has %.9g", (long long)step, what, own, expected);
}

static void take_step(struct optimizer *optimizer, const cJSON *step, int64_t at, double rate)
{
    struct error err = ERROR_INIT;
    struct loss_sums sums;
    double norm = 0;
    int64_t supervised = 0;
    const cJSON *item;
    transformer_clear(optimizer->transformer);
    cJSON_ArrayForEach(item, json_get(step, "batches"))
    {
        struct batch batch = {0};
        batch_from_json(&batch, item);
        transformer_run(optimizer->transformer, &batch, true);
        supervised += batch.supervised;
        batch_free(&batch);
    }
    assert_int_equal(transformer_loss(optimizer->transformer, &sums, &err), 0);
    if (optimizer_step(optimizer, at + 1, rate, 1 / (double)supervised, &norm, &err) != 0)
        fail_msg("%s", err.text);
    near("loss", at, sums.entropy / (double)supervised, oracle_number(step, "loss"));
    near("norm", at, norm, oracle_number(step, "norm"));
    near("learning rate", at, rate, oracle_number(step, "rate"));
}

static void ten_steps_equal_pytorch(void **state)
{
    (void)state;
    struct bench bench;
    struct error err = ERROR_INIT;
    struct optimizer *optimizer;
    cJSON *oracle = train_data_json("lora/adamw.json");
    const struct schedule schedule = {.kind = SCHEDULE_COSINE,
                                      .peak = oracle_number(oracle, "rate"),
                                      .warmup = (int64_t)oracle_number(oracle, "warmup"),
                                      .steps = 10};
    const struct optimizer_settings settings = {.weight_decay =
                                                    oracle_number(oracle, "weight_decay"),
                                                .clip = oracle_number(oracle, "clip")};
    int64_t at = 0;
    const cJSON *step;
    bench_open(&bench, "llama_gqa", "llama_gqa", "llama_gqa", "cpu");
    make_transformer(&bench, "llama_gqa", STORAGE_F32, 0);
    if (optimizer_new(&optimizer, bench.transformer, &settings, &err) != 0)
        fail_msg("%s", err.text);
    cJSON_ArrayForEach(step, json_get(oracle, "steps"))
    {
        take_step(optimizer, step, at, schedule_rate(&schedule, at));
        at++;
    }
    assert_int_equal(at, 10);
    compare_file(&bench, "lora/adamw.safetensors", TENSOR_WEIGHT);
    optimizer_free(optimizer);
    bench_close(&bench);
    cJSON_Delete(oracle);
}

/* A new adapter changes nothing, and the same seed makes the same one. */
static void begins_as_the_base(void **state)
{
    (void)state;
    struct bench bench;
    struct batch batch = {0};
    struct error err = ERROR_INIT;
    double losses[3];
    cJSON *oracle = train_data_json("lora/llama_gqa.json");
    bench_open(&bench, "llama_gqa", "llama_gqa", "llama_gqa", "cpu");
    batch_from_json(&batch, oracle);
    struct transformer_options options = {
        .tokens = TOKENS, .max_positions = TOKENS, .storage = STORAGE_F32, .seed = 7};
    float *first = NULL;
    size_t a = 0;
    for (size_t i = 0; i < bench.model->parameter_count && a == 0; i++)
        if (bench.adapted[i])
            a = run_tensor_index(bench.model, &bench.model->parameters[i], PART_A);
    for (int i = 0; i < 3; i++) {
        struct transformer *transformer;
        if (i > 0)
            options.recipe = (struct recipe){
                .trained = bench.trained, .adapted = bench.adapted, .rank = RANK, .alpha = ALPHA};
        assert_int_equal(transformer_new(&transformer, bench.backend, bench.model, &options, &err),
                         0);
        losses[i] = run_batch(transformer, &batch);
        float *values = i > 0 ? read_slot_f32(transformer, a, TENSOR_WEIGHT) : NULL;
        size_t bytes = (size_t)network_tensor(&transformer->network, a).numel * sizeof(float);
        if (i == 2)
            assert_memory_equal(values, first, bytes);
        if (i == 1)
            first = values;
        else
            free(values);
        transformer_free(transformer);
    }
    assert_true(losses[0] == losses[1] && losses[1] == losses[2]);
    free(first);
    batch_free(&batch);
    bench_close(&bench);
    cJSON_Delete(oracle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_peft),           cmocka_unit_test(frozen_weights_in_4_and_8_bits),
        cmocka_unit_test(z_loss_equals_pytorch), cmocka_unit_test(ten_steps_equal_pytorch),
        cmocka_unit_test(begins_as_the_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
