/* Ten optimiser steps against PyTorch (tests/oracle/make_adamw.py): loss, gradient norm and
 * learning rate of each, with everything or a part trained; windows of two batches with uneven
 * masks. */
#include "train_data.h"

#include "compute/devices/devices.h"
#include "train/optimizer.h"
#include "train/step_rules.h"

enum { TOKENS = 32 };

struct course {
    const cJSON *oracle; /* of the whole file */
    const cJSON *model;  /* of this model */
    struct schedule schedule;
};

static bool *trained_flags(const struct model *model, const cJSON *names)
{
    bool *trained = calloc(model->parameter_count, sizeof *trained);
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        const struct parameter *parameter = model_find(model, name->valuestring);
        assert_non_null(parameter);
        trained[parameter - model->parameters] = true;
    }
    return trained;
}

static void near(const char *what, int64_t step, double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-4 * fabs(expected) + 1e-12))
        fail_msg("step %lld: %s %.8g, PyTorch has %.8g", (long long)step + 1, what, value,
                 expected);
}

static void take_step(struct optimizer *optimizer, const struct course *course, const cJSON *step,
                      int64_t number_of)
{
    struct transformer *transformer = optimizer->transformer;
    int64_t supervised;
    double norm = 0, rate = schedule_rate(&course->schedule, number_of);
    struct error err = ERROR_INIT;
    double loss = run_step(transformer, step, &supervised);
    if (optimizer_step(optimizer, number_of + 1, rate, 1 / (double)supervised, &norm, &err) != 0)
        fail_msg("%s", err.text);
    near("loss", number_of, loss, oracle_number(step, "loss"));
    near("norm", number_of, norm, oracle_number(step, "norm"));
    near("learning rate", number_of, rate, oracle_number(step, "rate"));
}

static void run_course(const struct course *course, const char *name, const char *device)
{
    struct model *model = NULL;
    struct backend *backend = NULL;
    struct transformer *transformer = NULL;
    struct optimizer *optimizer = NULL;
    struct error err = ERROR_INIT;
    char *path = train_data_path(name);
    if (model_open(&model, path, &err) != 0 || backend_open(&backend, device, 2, &err) != 0)
        fail_msg("%s", err.text);
    bool *trained = trained_flags(model, json_get(course->model, "trained"));
    const struct transformer_options options = {.recipe = {.trained = trained},
                                                .tokens = TOKENS,
                                                .max_positions = TOKENS,
                                                .storage = STORAGE_F32};
    const struct optimizer_settings settings = {.weight_decay =
                                                    oracle_number(course->oracle, "weight_decay"),
                                                .clip = oracle_number(course->oracle, "clip")};
    if (transformer_new(&transformer, backend, model, &options, &err) != 0 ||
        optimizer_new(&optimizer, transformer, &settings, &err) != 0)
        fail_msg("%s", err.text);
    const cJSON *step;
    int64_t count = 0;
    cJSON_ArrayForEach(step, json_get(course->model, "steps"))
        take_step(optimizer, course, step, count++);
    assert_int_equal(count, 10);
    optimizer_free(optimizer);
    transformer_free(transformer);
    free(trained);
    backend_close(backend);
    model_close(model);
    free(path);
}

static void ten_steps(const char *device)
{
    cJSON *oracle = train_data_json("adamw.json");
    const cJSON *model;
    cJSON_ArrayForEach(model, json_get(oracle, "models"))
    {
        struct course course = {.oracle = oracle,
                                .model = model,
                                .schedule = {.kind = SCHEDULE_COSINE,
                                             .peak = oracle_number(oracle, "rate"),
                                             .warmup = (int64_t)oracle_number(oracle, "warmup"),
                                             .steps = 10}};
        run_course(&course, model->string, device);
    }
    cJSON_Delete(oracle);
}

/* With these constants the reference's ten steps of one tensor are PyTorch's documented formula
 * (torch.optim.AdamW), in double and with the gradients that the steps saw:
 *
 *     m = b1 m + (1 - b1) g,    v = b2 v + (1 - b2) g^2
 *     p = p - lr wd p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + e)
 */
static void take_formula(double *p, double *m, double *v, const float *g, int64_t count,
                         const struct optimizer_constants *c, double scale, double rate,
                         double decay, int t)
{
    for (int64_t i = 0; i < count; i++) {
        double gradient = scale * (double)g[i];
        m[i] = c->beta1 * m[i] + (1 - c->beta1) * gradient;
        v[i] = c->beta2 * v[i] + (1 - c->beta2) * gradient * gradient;
        double mean = m[i] / (1 - pow(c->beta1, t)), square = v[i] / (1 - pow(c->beta2, t));
        p[i] -= rate * decay * p[i] + rate * mean / (sqrt(square) + c->epsilon);
    }
}

static void constants_are_of_the_formula(void **state)
{
    (void)state;
    const struct optimizer_constants cases[] = {
        {0.8, 0.95, 1e-6}, {0, 0.5, 1e-3}, {0.95, 0.999999, 1e-12}};
    struct model *model = NULL;
    struct backend *backend = NULL;
    struct error err = ERROR_INIT;
    struct batch batch = {0};
    char *path = train_data_path("llama_gqa");
    cJSON *json = train_data_json("llama_gqa.json");
    if (model_open(&model, path, &err) != 0 || backend_open(&backend, "cpu", 2, &err) != 0)
        fail_msg("%s", err.text);
    batch_from_json(&batch, json_get(json, "packed"));
    const struct parameter *parameter = model_find(model, "model.layers.0.mlp.up_proj.weight");
    assert_non_null(parameter);
    size_t tensor = (size_t)(parameter - model->parameters), count = (size_t)parameter->numel;
    bool *trained = calloc(model->parameter_count, sizeof *trained);
    trained[tensor] = true;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const struct transformer_options options = {.recipe = {.trained = trained},
                                                    .tokens = batch.tokens,
                                                    .max_positions = batch.tokens,
                                                    .storage = STORAGE_F32};
        const struct optimizer_settings settings = {.weight_decay = 0.1, .constants = &cases[k]};
        struct transformer *transformer;
        struct optimizer *optimizer;
        double *p = calloc(3 * count, sizeof *p), norm;
        assert_int_equal(transformer_new(&transformer, backend, model, &options, &err), 0);
        assert_int_equal(optimizer_new(&optimizer, transformer, &settings, &err), 0);
        float *begun = read_slot_f32(transformer, tensor, TENSOR_WEIGHT);
        for (size_t i = 0; i < count; i++)
            p[i] = (double)begun[i];
        for (int t = 1; t <= 10; t++) {
            run_batch(transformer, &batch);
            float *g = read_slot_f32(transformer, tensor, TENSOR_GRADIENT);
            take_formula(p, p + count, p + 2 * count, g, (int64_t)count, &cases[k], 0.5, 1e-3, 0.1,
                         t);
            assert_int_equal(optimizer_step(optimizer, t, 1e-3, 0.5, &norm, &err), 0);
            free(g);
        }
        float *now = read_slot_f32(transformer, tensor, TENSOR_WEIGHT);
        for (size_t i = 0; i < count; i++)
            if (!(fabs((double)now[i] - p[i]) <= 2e-6 + 1e-5 * fabs(p[i])))
                fail_msg("case %zu: element %zu is %.8g, the formula has %.8g", k, i,
                         (double)now[i], p[i]);
        free(now);
        free(begun);
        free(p);
        optimizer_free(optimizer);
        transformer_free(transformer);
    }
    free(trained);
    batch_free(&batch);
    backend_close(backend);
    model_close(model);
    cJSON_Delete(json);
    free(path);
}

/* AdamW's first step moves every element by the rate, but for epsilon: a factor is to be seen. */
static void factors_are_of_the_rate(void **state)
{
    (void)state;
    struct model *model = NULL;
    struct backend *backend = NULL;
    struct error err = ERROR_INIT;
    struct batch batch = {0};
    char *path = train_data_path("llama_gqa");
    cJSON *cases = train_data_json("llama_gqa.json");
    if (model_open(&model, path, &err) != 0 || backend_open(&backend, "cpu", 2, &err) != 0)
        fail_msg("%s", err.text);
    batch_from_json(&batch, json_get(cases, "packed"));
    size_t count = run_tensor_count(model);
    bool *trained = malloc(model->parameter_count * sizeof *trained);
    double *factors = malloc(count * sizeof *factors), norm;
    memset(trained, 1, model->parameter_count * sizeof *trained);
    for (size_t i = 0; i < count; i++)
        factors[i] = (double)(i % 3) / 2;
    const struct transformer_options options = {.recipe = {.trained = trained},
                                                .tokens = batch.tokens,
                                                .max_positions = batch.tokens,
                                                .storage = STORAGE_F32};
    const struct optimizer_settings settings = {.factors = factors};
    struct transformer *transformer;
    struct optimizer *optimizer;
    assert_int_equal(transformer_new(&transformer, backend, model, &options, &err), 0);
    assert_int_equal(optimizer_new(&optimizer, transformer, &settings, &err), 0);
    run_batch(transformer, &batch);
    float **before = malloc(model->parameter_count * sizeof *before);
    for (size_t i = 0; i < model->parameter_count; i++)
        before[i] = read_slot_f32(transformer, i, TENSOR_WEIGHT);
    assert_int_equal(optimizer_step(optimizer, 1, 0.01, 1, &norm, &err), 0);
    for (size_t i = 0; i < model->parameter_count; i++) {
        float *after = read_slot_f32(transformer, i, TENSOR_WEIGHT), most = 0;
        for (int64_t k = 0; k < model->parameters[i].numel; k++)
            most = fmaxf(most, fabsf(after[k] - before[i][k]));
        assert_true(fabs((double)most - 0.01 * factors[i]) <= 1e-5);
        free(after);
        free(before[i]);
    }
    free(before);
    optimizer_free(optimizer);
    transformer_free(transformer);
    free(factors);
    free(trained);
    batch_free(&batch);
    backend_close(backend);
    model_close(model);
    cJSON_Delete(cases);
    free(path);
}

static void reference_equals_pytorch(void **state)
{
    (void)state;
    ten_steps("reference");
}

static void cpu_equals_pytorch(void **state)
{
    (void)state;
    ten_steps("cpu");
}

static void schedules_have_their_shapes(void **state)
{
    (void)state;
    const struct schedule linear = {.kind = SCHEDULE_LINEAR, .peak = 2, .warmup = 4, .steps = 12};
    const struct schedule constant = {.kind = SCHEDULE_CONSTANT, .peak = 2, .steps = 12};
    const struct schedule cosine = {.kind = SCHEDULE_COSINE, .peak = 2, .steps = 12};
    enum schedule_kind kind;
    struct error err = ERROR_INIT;
    assert_true(schedule_rate(&linear, 0) == 0 && schedule_rate(&linear, 2) == 1);
    assert_true(schedule_rate(&linear, 4) == 2 && schedule_rate(&linear, 8) == 1);
    assert_true(schedule_rate(&linear, 12) == 0 && schedule_rate(&linear, 20) == 0);
    assert_true(schedule_rate(&constant, 0) == 2 && schedule_rate(&constant, 11) == 2);
    assert_true(schedule_rate(&cosine, 0) == 2 && fabs(schedule_rate(&cosine, 6) - 1) < 1e-12);
    const struct schedule floored[] = {
        {.kind = SCHEDULE_LINEAR, .peak = 2, .warmup = 4, .steps = 12, .floor = 0.5},
        {.kind = SCHEDULE_COSINE, .peak = 2, .warmup = 4, .steps = 12, .floor = 0.5}};
    for (int i = 0; i < 2; i++) { /* as get_cosine_with_min_lr_schedule_with_warmup has it */
        assert_true(schedule_rate(&floored[i], 2) == 1 && schedule_rate(&floored[i], 4) == 2);
        assert_true(fabs(schedule_rate(&floored[i], 8) - 1.25) < 1e-12);
        assert_true(schedule_rate(&floored[i], 12) == 0.5 && schedule_rate(&floored[i], 99) == 0.5);
    }
    assert_true(fabs(schedule_rate(&floored[1], 6) - (0.5 + 1.5 * (1 + sqrt(0.5)) / 2)) < 1e-12);
    const struct schedule_part parts[] = {{12, 8, 0.25, SCHEDULE_CONSTANT},
                                          {20, 4, 1, SCHEDULE_LINEAR}};
    const struct schedule longer = {.kind = SCHEDULE_LINEAR,
                                    .peak = 2,
                                    .warmup = 4,
                                    .steps = 12,
                                    .floor = 0.5,
                                    .parts = parts,
                                    .part_count = 2};
    assert_true(schedule_rate(&longer, 11) == schedule_rate(&floored[0], 11));
    assert_true(schedule_rate(&longer, 12) == 0.25 && schedule_rate(&longer, 19) == 0.25);
    assert_true(schedule_rate(&longer, 20) == 1 && schedule_rate(&longer, 22) == 0.75);
    assert_true(schedule_rate(&longer, 24) == 0.5);
    assert_int_equal(schedule_by_name(&kind, "linear", &err), 0);
    assert_int_equal(kind, SCHEDULE_LINEAR);
    assert_int_equal(schedule_by_name(&kind, "polynomial", &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_equals_pytorch),
        cmocka_unit_test(cpu_equals_pytorch),
        cmocka_unit_test(factors_are_of_the_rate),
        cmocka_unit_test(constants_are_of_the_formula),
        cmocka_unit_test(schedules_have_their_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
