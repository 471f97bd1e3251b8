/* In which type moments are kept where 8 bits are asked for: by the tensor's size and role, and the
 * plan and the steps of a run follow. */
#include "train_data.h"

#include "compute/devices/devices.h"
#include "train/optimizer.h"

#include <stdlib.h>

enum { TOKENS = 48, STEPS = 3 };

static void type_follows_size_and_role(void **state)
{
    (void)state;
    static const struct {
        enum parameter_role role;
        int64_t parameters;
        enum optimizer_kind wanted;
        enum storage is;
    } cases[] = {
        {ROLE_Q, 4096, OPTIMIZER_ADAMW_8BIT, STORAGE_DYNAMIC8},
        {ROLE_Q, 4095, OPTIMIZER_ADAMW_8BIT, STORAGE_F32},
        {ROLE_Q, 3, OPTIMIZER_ADAMW_BF16, STORAGE_BF16},
        {ROLE_DOWN, 8192, OPTIMIZER_ADAMW_8BIT, STORAGE_DYNAMIC8},
        {ROLE_DOWN, 1024, OPTIMIZER_ADAMW_8BIT, STORAGE_F32},
        {ROLE_EMBEDDING, 1 << 20, OPTIMIZER_ADAMW_8BIT, STORAGE_F32},
        {ROLE_EMBEDDING, 1 << 20, OPTIMIZER_ADAMW_BF16, STORAGE_BF16},
        {ROLE_EMBEDDING, 1 << 20, OPTIMIZER_ADAMW, STORAGE_F32},
        {ROLE_HEAD, 1 << 20, OPTIMIZER_ADAMW_8BIT, STORAGE_DYNAMIC8},
        {ROLE_FINAL_NORM, 1 << 20, OPTIMIZER_ADAMW_8BIT, STORAGE_DYNAMIC8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct parameter parameter = {.role = cases[i].role};
        assert_int_equal(optimizer_storage(cases[i].wanted, &parameter, cases[i].parameters),
                         cases[i].is);
    }
}

/* One document of tokens, each of which has the next as its target. */
static void fill_batch(struct batch *batch)
{
    batch_alloc(batch, 1, TOKENS, NULL);
    for (int i = 0; i < TOKENS; i++) {
        batch->ids[i] = i * i % 400;
        batch->targets[i] = (i + 1) * (i + 1) % 400;
        batch->positions[i] = i;
    }
    batch->supervised = TOKENS;
}

static struct transformer *train(struct backend *backend, struct model *model,
                                 const struct recipe *recipe, const struct batch *batch)
{
    const struct optimizer_settings settings = {.weight_decay = 0.1, .clip = 1, .seed = 7};
    struct error err = ERROR_INIT;
    struct transformer *transformer;
    struct optimizer *optimizer;
    double norm;
    const struct transformer_options options = {
        .recipe = *recipe, .tokens = TOKENS, .max_positions = TOKENS, .storage = STORAGE_F32};
    if (transformer_new(&transformer, backend, model, &options, &err) != 0 ||
        optimizer_new(&optimizer, transformer, &settings, &err) != 0)
        fail_msg("%s", err.text);
    for (int step = 1; step <= STEPS; step++) {
        transformer_clear(transformer);
        transformer_train(transformer, batch, (struct noise_draw){1, step, 0}, NULL);
        if (optimizer_step(optimizer, step, 1e-2, 1.0 / TOKENS, &norm, &err) != 0)
            fail_msg("%s", err.text);
    }
    optimizer_free(optimizer);
    return transformer;
}

/* Where the embeddings alone train, 8 bits are AdamW to the bit, in the same memory. */
static void embeddings_take_steps_of_fp32(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    struct error err = ERROR_INIT;
    struct model *model;
    struct backend *backend;
    struct batch batch;
    struct transformer *made[2];
    float *weights[2];
    char *path = path_join(data, "../../demo/model", NULL);
    if (model_open(&model, path, &err) != 0 || backend_open(&backend, "cpu", 2, &err) != 0)
        fail_msg("%s", err.text);
    fill_batch(&batch);
    bool *trained = calloc(model->parameter_count, sizeof *trained);
    size_t embedding = (size_t)(model_role(model, ROLE_EMBEDDING, -1, false) - model->parameters);
    size_t matrix = (size_t)(model_role(model, ROLE_DOWN, 7, false) - model->parameters);
    trained[embedding] = true;
    for (int i = 0; i < 2; i++) {
        const struct recipe recipe = {.trained = trained,
                                      .optimizer = i == 0 ? OPTIMIZER_ADAMW : OPTIMIZER_ADAMW_8BIT};
        made[i] = train(backend, model, &recipe, &batch);
        weights[i] = read_slot_f32(made[i], embedding, TENSOR_WEIGHT);
    }
    assert_memory_equal(weights[0], weights[1],
                        (size_t)model->parameters[embedding].numel * sizeof(float));
    assert_int_equal(made[0]->network.plan->bytes[MEMORY_OPTIMIZER],
                     made[1]->network.plan->bytes[MEMORY_OPTIMIZER]);
    assert_null(network_place(&made[1]->network, embedding, TENSOR_STATE_SCALES).buffer);
    for (int i = 0; i < 2; i++) {
        free(weights[i]);
        transformer_free(made[i]);
    }
    trained[matrix] = true;
    made[0] =
        train(backend, model,
              &(struct recipe){.trained = trained, .optimizer = OPTIMIZER_ADAMW_8BIT}, &batch);
    assert_null(network_place(&made[0]->network, embedding, TENSOR_STATE_SCALES + 1).buffer);
    assert_non_null(network_place(&made[0]->network, matrix, TENSOR_STATE_SCALES + 1).buffer);
    transformer_free(made[0]);
    free(trained);
    batch_free(&batch);
    backend_close(backend);
    model_close(model);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_follows_size_and_role),
        cmocka_unit_test(embeddings_take_steps_of_fp32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
