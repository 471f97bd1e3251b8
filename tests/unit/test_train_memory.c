/* Ways to need less memory change where things are, not what comes out: computing blocks anew in
 * the backward pass, and updating each tensor as soon as its gradient is there, give the same
 * numbers to the bit, in a smaller plan. */
#include "train_data.h"

#include "compute/devices/devices.h"
#include "train/optimizer.h"

#include <stdlib.h>

enum { TOKENS = 48, STEPS = 4 };

static const char *const models[] = {"llama_gqa", "qwen2_tied", "qwen3", "llama_untied"};

struct bench {
    struct model *model;
    struct backend *backend;
    struct batch batch;
    bool *flags; /* [module_count] */
};

static void bench_open(struct bench *bench, const char *name, const char *device)
{
    struct error err = ERROR_INIT;
    char file[64], *path = train_data_path(name);
    *bench = (struct bench){0};
    if (model_open(&bench->model, path, &err) != 0 ||
        backend_open(&bench->backend, device, 2, &err) != 0)
        fail_msg("%s", err.text);
    snprintf(file, sizeof file, "%s.json", name);
    cJSON *cases = train_data_json(file);
    batch_from_json(&bench->batch, json_get(cases, "packed"));
    cJSON_Delete(cases);
    bench->flags = malloc(bench->model->parameter_count * sizeof(bool));
    free(path);
}

static void bench_close(struct bench *bench)
{
    free(bench->flags);
    batch_free(&bench->batch);
    backend_close(bench->backend);
    model_close(bench->model);
}

/* Everything trains, or in turn what a number's bits say of each module. */
static void choose(struct bench *bench, unsigned pattern)
{
    for (size_t i = 0; i < bench->model->parameter_count; i++)
        bench->flags[i] = pattern == 0 || (i * 2654435761u >> (pattern & 15) & 3) == 0;
}

static struct transformer *make(struct bench *bench, struct transformer_options options)
{
    struct error err = ERROR_INIT;
    struct transformer *transformer;
    options.tokens = options.max_positions = TOKENS;
    options.storage = STORAGE_F32;
    if (transformer_new(&transformer, bench->backend, bench->model, &options, &err) != 0)
        fail_msg("%s", err.text);
    return transformer;
}

/* All of a slot that tensors of both have is the same to the bit; how many tensors that are. */
static size_t compare(const struct transformer *a, const struct transformer *b,
                      enum tensor_slot slot)
{
    size_t compared = 0;
    for (size_t i = 0; i < run_tensor_count(a->network.model); i++) {
        if (!network_place(&a->network, i, slot).buffer)
            continue;
        size_t bytes = (size_t)network_tensor(&a->network, i).numel * sizeof(float);
        float *x = read_slot_f32(a, i, slot), *y = read_slot_f32(b, i, slot);
        if (memcmp(x, y, bytes) != 0)
            fail_msg("%s, part %zu, slot %d: another",
                     a->network.model->parameters[i % a->network.model->parameter_count].name,
                     i / a->network.model->parameter_count, slot);
        free(x);
        free(y);
        compared++;
    }
    return compared;
}

static void check_again(struct bench *bench, struct recipe recipe)
{
    struct transformer *plain = make(bench, (struct transformer_options){.recipe = recipe});
    double loss = run_batch(plain, &bench->batch);
    uint64_t before = plain->network.plan->bytes[MEMORY_ACTIVATIONS];
    for (int64_t blocks = 1; blocks <= bench->model->config.layers; blocks++) {
        struct transformer *other =
            make(bench, (struct transformer_options){.recipe = recipe, .recomputed = blocks});
        assert_true(run_batch(other, &bench->batch) == loss);
        assert_true(compare(plain, other, TENSOR_GRADIENT) > 0);
        assert_true(other->network.plan->bytes[MEMORY_ACTIVATIONS] <= before);
        transformer_free(other);
    }
    transformer_free(plain);
}

static void computed_again_is_the_same(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct bench bench;
        bench_open(&bench, models[m], m == 0 ? "checked" : "cpu");
        for (unsigned pattern = 0; pattern < 6; pattern++) {
            choose(&bench, pattern);
            check_again(&bench, (struct recipe){.trained = bench.flags});
        }
        bool *none = calloc(bench.model->parameter_count, sizeof(bool));
        for (size_t i = 0; i < bench.model->parameter_count; i++)
            bench.flags[i] =
                bench.model->parameters[i].layer >= 0 && bench.model->parameters[i].rows > 1;
        check_again(&bench, (struct recipe){.trained = none,
                                            .adapted = bench.flags,
                                            .rank = 3,
                                            .alpha = 6,
                                            .quantized = bench.flags,
                                            .frozen = STORAGE_NF4});
        free(none);
        bench_close(&bench);
    }
}

/* `in_backward`: through a sink. */
static void take_steps(struct optimizer *optimizer, const struct batch *batch, bool in_backward,
                       double norms[STEPS])
{
    struct error err = ERROR_INIT;
    struct transformer *t = optimizer->transformer;
    double scale = 1 / (double)batch->supervised;
    for (int step = 1; step <= STEPS; step++) {
        struct noise_draw draw = {1, step, 0};
        int status;
        transformer_clear(t);
        if (in_backward) {
            struct gradient_sink sink = optimizer_begin(optimizer, step, 1e-2, scale);
            transformer_train(t, batch, draw, &sink);
            status = optimizer_end(optimizer, &norms[step - 1], &err);
        } else {
            transformer_train(t, batch, draw, NULL);
            status = optimizer_step(optimizer, step, 1e-2, scale, &norms[step - 1], &err);
        }
        if (status != 0)
            fail_msg("%s", err.text);
    }
}

static void check_updates(struct bench *bench, struct recipe recipe)
{
    const struct optimizer_settings settings = {.weight_decay = 0.1, .seed = 7};
    struct error err = ERROR_INIT;
    struct transformer *transformers[2];
    double norms[2][STEPS];
    for (int i = 0; i < 2; i++) {
        struct optimizer *optimizer;
        transformers[i] = make(bench, (struct transformer_options){.recipe = recipe,
                                                                   .recomputed = i,
                                                                   .updates_in_backward = i > 0,
                                                                   .neftune = 3});
        assert_int_equal(optimizer_new(&optimizer, transformers[i], &settings, &err), 0);
        take_steps(optimizer, &bench->batch, i > 0, norms[i]);
        optimizer_free(optimizer);
    }
    assert_memory_equal(norms[0], norms[1], sizeof norms[0]);
    assert_true(compare(transformers[0], transformers[1], TENSOR_WEIGHT) > 0);
    assert_true(compare(transformers[0], transformers[1], TENSOR_STATE) > 0);
    assert_true(transformers[1]->network.plan->bytes[MEMORY_GRADIENTS] <
                transformers[0]->network.plan->bytes[MEMORY_GRADIENTS]);
    for (int i = 0; i < 2; i++)
        transformer_free(transformers[i]);
}

/* The gradients' region is as large as the largest tensor's gradient with what must live beside it,
 * and no larger. */
static void check_one_gradient(struct bench *bench, struct recipe recipe)
{
    struct transformer *t =
        make(bench, (struct transformer_options){.recipe = recipe, .updates_in_backward = true});
    int64_t largest = 0, tied = 0;
    for (size_t i = 0; i < bench->model->parameter_count; i++) {
        const struct parameter *parameter = &bench->model->parameters[i];
        if (parameter->layer >= 0 && parameter->numel > largest)
            largest = parameter->numel;
        if (parameter->role == ROLE_EMBEDDING && parameter->numel > tied)
            tied = parameter->numel;
    }
    uint64_t most = (uint64_t)(bench->model->config.tied ? tied + 2 * largest
                                                         : (tied > largest ? tied : largest)) *
                        4 +
                    4096;
    assert_true(t->network.plan->bytes[MEMORY_GRADIENTS] <= most);
    transformer_free(t);
}

static void updates_in_the_backward_pass_are_the_same(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct bench bench;
        bench_open(&bench, models[m], m == 0 ? "checked" : "cpu");
        for (unsigned pattern = 0; pattern < 4; pattern++) {
            choose(&bench, pattern);
            check_updates(&bench, (struct recipe){.trained = bench.flags});
        }
        choose(&bench, 0);
        check_one_gradient(&bench, (struct recipe){.trained = bench.flags});
        bool *none = calloc(bench.model->parameter_count, sizeof(bool));
        for (size_t i = 0; i < bench.model->parameter_count; i++)
            bench.flags[i] =
                bench.model->parameters[i].layer >= 0 && bench.model->parameters[i].rows > 1;
        check_updates(&bench, (struct recipe){
                                  .trained = none, .adapted = bench.flags, .rank = 3, .alpha = 6});
        free(none);
        bench_close(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computed_again_is_the_same),
        cmocka_unit_test(updates_in_the_backward_pass_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
