/* Ten steps of the optimisers that are not AdamW against independent ones
 * (tests/oracle/make_optimizers.py): loss, gradient norm and learning rate of each, how far every
 * tensor has come and where its first elements are; with everything trained, a part, and adapters.
 * Batches and what trains are those of make_adamw.py and make_lora.py. What a plan has of them. */
#include "train_data.h"

#include "checkpoint/checkpoint.h"
#include "compute/devices/devices.h"
#include "train/optimizer.h"
#include "train/state.h"
#include "train/step_rules.h"

enum { TOKENS = 32, RANK = 4, ALPHA = 8, FIRST = 4 };

/* One optimiser on one model. */
struct course {
    enum optimizer_kind kind;
    const char *name; /* as messages say it */
    const cJSON *expected, *steps, *trained;
    bool adapters;
    double tolerance, weight_decay, clip;
    struct schedule schedule;
};

static void near(const struct course *course, const char *what, double value, double expected,
                 double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected) + 1e-12))
        fail_msg("%s: %s %.8g, the oracle has %.8g", course->name, what, value, expected);
}

static void take_step(struct optimizer *optimizer, const struct course *course, int number_of)
{
    struct transformer *transformer = optimizer->transformer;
    const cJSON *step = cJSON_GetArrayItem(course->steps, number_of);
    const cJSON *expected = cJSON_GetArrayItem(json_get(course->expected, "steps"), number_of);
    int64_t supervised;
    double norm = 0, rate = schedule_rate(&course->schedule, number_of);
    struct error err = ERROR_INIT;
    double loss = run_step(transformer, step, &supervised);
    if (optimizer_step(optimizer, number_of + 1, rate, 1 / (double)supervised, &norm, &err) != 0)
        fail_msg("%s", err.text);
    near(course, "loss", loss, oracle_number(expected, "loss"), course->tolerance);
    near(course, "norm", norm, oracle_number(expected, "norm"), 10 * course->tolerance);
    near(course, "rate", rate, oracle_number(expected, "rate"), 1e-6);
}

/* How far each tensor came, and its first elements. */
static void compare_weights(const struct optimizer *optimizer, const struct course *course,
                            float **begun)
{
    const cJSON *moved = json_get(course->expected, "moved");
    const cJSON *first = json_get(course->expected, "first");
    for (size_t i = 0; moved && i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        char *name = run_tensor_name(&tensor, NULL);
        float *now = read_slot_f32(optimizer->transformer, optimizer->tensors[i], TENSOR_WEIGHT);
        double squares = 0, distance = oracle_number(moved, name);
        for (int64_t k = 0; k < tensor.numel; k++)
            squares += pow((double)now[k] - (double)begun[i][k], 2);
        near(course, name, sqrt(squares), distance, 2e-3);
        for (int k = 0; k < FIRST && k < tensor.numel; k++) {
            double is = (double)now[k];
            double wanted = cJSON_GetArrayItem(json_get(first, name), k)->valuedouble;
            if (!(fabs(is - wanted) <= 1e-4 * fabs(wanted) + 2e-5))
                fail_msg("%s: element %d of %s is %.8g, the oracle has %.8g", course->name, k, name,
                         is, wanted);
        }
        free(name);
        free(now);
    }
}

static void run_course(struct course *course, const char *model_name, const char *device)
{
    struct model *model = NULL;
    struct backend *backend = NULL;
    struct transformer *transformer = NULL;
    struct optimizer *optimizer = NULL;
    struct error err = ERROR_INIT;
    char *path = train_data_path(model_name);
    char *adapter = train_data_path("lora/llama_gqa/adapter_model.safetensors");
    if (model_open(&model, path, &err) != 0 || backend_open(&backend, device, 2, &err) != 0)
        fail_msg("%s", err.text);
    bool *trained = calloc(model->parameter_count, sizeof *trained);
    bool *adapted = calloc(model->parameter_count, sizeof *adapted);
    const cJSON *name;
    cJSON_ArrayForEach(name, course->trained)
    {
        size_t tensor = run_tensor_find(model, name->valuestring);
        assert_true(tensor < run_tensor_count(model));
        (course->adapters ? adapted : trained)[tensor % model->parameter_count] = true;
    }
    const struct transformer_options options = {.recipe = {.trained = trained,
                                                           .adapted = adapted,
                                                           .rank = RANK,
                                                           .alpha = ALPHA,
                                                           .optimizer = course->kind},
                                                .tokens = TOKENS,
                                                .max_positions = TOKENS,
                                                .storage = STORAGE_F32};
    const struct optimizer_settings settings = {.weight_decay = course->weight_decay,
                                                .clip = course->clip};
    if (transformer_new(&transformer, backend, model, &options, &err) != 0 ||
        (course->adapters && state_overlay_file(adapter, &transformer->network, &err) != 0) ||
        optimizer_new(&optimizer, transformer, &settings, &err) != 0)
        fail_msg("%s", err.text);
    float **begun = calloc(optimizer->count, sizeof *begun);
    for (size_t i = 0; i < optimizer->count; i++)
        begun[i] = read_slot_f32(transformer, optimizer->tensors[i], TENSOR_WEIGHT);
    for (int step = 0; step < 10; step++)
        take_step(optimizer, course, step);
    compare_weights(optimizer, course, begun);
    for (size_t i = 0; i < optimizer->count; i++)
        free(begun[i]);
    free(begun);
    optimizer_free(optimizer);
    transformer_free(transformer);
    free(trained);
    free(adapted);
    backend_close(backend);
    model_close(model);
    free(path);
    free(adapter);
}

/* Of the oracle's optimizer `name`, all cases. */
static void ten_steps(const char *name, enum optimizer_kind kind, double tolerance,
                      const char *device)
{
    cJSON *oracle = train_data_json("optimizers.json");
    cJSON *adamw = train_data_json("adamw.json"), *lora = train_data_json("lora/adamw.json");
    const cJSON *expected, *cases = json_get(json_get(oracle, "optimizers"), name);
    int count = 0;
    if (!cases)
        fail_msg("optimizers.json has no %s", name);
    cJSON_ArrayForEach(expected, cases)
    {
        char said[80];
        bool adapters = strcmp(expected->string, "lora") == 0;
        const cJSON *model =
            adapters ? lora : json_get(json_get(adamw, "models"), expected->string);
        snprintf(said, sizeof said, "%s of %s on %s", name, expected->string, device);
        struct course course = {.kind = kind,
                                .name = said,
                                .expected = expected,
                                .steps = json_get(model, "steps"),
                                .trained = json_get(model, "trained"),
                                .adapters = adapters,
                                .tolerance = tolerance,
                                .weight_decay = oracle_number(oracle, "weight_decay"),
                                .clip = oracle_number(adapters ? lora : adamw, "clip"),
                                .schedule = {.kind = SCHEDULE_COSINE,
                                             .peak = oracle_number(json_get(oracle, "rates"), name),
                                             .warmup = (int64_t)oracle_number(oracle, "warmup"),
                                             .steps = 10}};
        run_course(&course, adapters ? "llama_gqa" : expected->string, device);
        count++;
    }
    assert_int_equal(count, 5);
    cJSON_Delete(oracle);
    cJSON_Delete(adamw);
    cJSON_Delete(lora);
}

static void lion_is_lion_pytorch(void **state)
{
    (void)state;
    ten_steps("lion", OPTIMIZER_LION, 1e-5, "reference");
    ten_steps("lion", OPTIMIZER_LION, 1e-5, "cpu");
}

static void muon_is_its_formula(void **state)
{
    (void)state;
    ten_steps("muon", OPTIMIZER_MUON, 2e-5, "reference");
    ten_steps("muon", OPTIMIZER_MUON, 2e-5, "cpu");
}

/* Which orthogonalises in bf16. */
static void muon_is_about_torchs(void **state)
{
    (void)state;
    ten_steps("muon-bf16", OPTIMIZER_MUON, 5e-4, "cpu");
}

/* The plan has the states that the rules name, of all that trains and of nothing else, and the
 * workspace that a step asks for. */
static void a_plan_has_what_the_rules_keep(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct model *model = NULL;
    struct backend *backend = NULL;
    char *path = train_data_path("llama_untied");
    if (model_open(&model, path, &err) != 0 || backend_open(&backend, "cpu", 1, &err) != 0)
        fail_msg("%s", err.text);
    bool *trained = calloc(model->parameter_count, sizeof *trained);
    for (size_t i = 0; i < model->parameter_count; i++)
        trained[i] = model->parameters[i].layer != 0;
    for (enum optimizer_kind kind = 0; kind < OPTIMIZER_KINDS; kind++) {
        struct memory_plan *plan = NULL;
        uint64_t bytes = 0, workspace = 0;
        const struct transformer_options options = {
            .recipe = {.trained = trained, .optimizer = kind},
            .tokens = TOKENS,
            .max_positions = TOKENS,
            .storage = STORAGE_F32};
        if (transformer_plan(&plan, backend, model, &options, &err) != 0)
            fail_msg("%s", err.text);
        for (size_t i = 0; i < model->parameter_count; i++) {
            const struct parameter *parameter = &model->parameters[i];
            int states = optimizer_state_count(optimizer_rule_of(kind, parameter));
            struct stored_bytes stored = storage_bytes(
                optimizer_storage(kind, parameter, parameter->numel), parameter->numel);
            if (!trained[i])
                continue;
            bytes +=
                (uint64_t)states * ((stored.data + 63) / 64 * 64 + (stored.scales + 63) / 64 * 64);
            uint64_t N = (uint64_t)parameter->rows, K = (uint64_t)parameter->cols,
                     d = N < K ? N : K;
            bool muon = optimizer_rule_of(kind, parameter) == &muon_rule;
            uint64_t needs = muon ? (2 * N * K + 2 * d * d) * sizeof(float) : 0;
            workspace = needs > workspace ? needs : workspace;
        }
        assert_int_equal(plan->bytes[MEMORY_OPTIMIZER], bytes);
        assert_int_equal(plan->run[RUN_OPTIMIZER_WORKSPACE] >= 0, kind == OPTIMIZER_MUON);
        if (kind == OPTIMIZER_MUON)
            assert_int_equal(plan->buffers[plan->run[RUN_OPTIMIZER_WORKSPACE]].bytes,
                             (workspace + 63) / 64 * 64);
        memory_plan_free(plan);
    }
    free(trained);
    backend_close(backend);
    model_close(model);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lion_is_lion_pytorch),
        cmocka_unit_test(muon_is_its_formula),
        cmocka_unit_test(muon_is_about_torchs),
        cmocka_unit_test(a_plan_has_what_the_rules_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
