/* A back end that lacks operations trains as one that has all: what it lacks runs on the reference,
 * through copies, and is counted. The model has all that calls an operation: biases, tied
 * embeddings, adapters beside quantised weights, noise, and logits at the end; each optimiser that has
 * an operation of its own trains it, AdamW with 8-bit moments. */
#include "train_data.h"

#include "compute/devices/devices.h"
#include "compute/reference/reference.h"
#include "compute/wrappers/wrapper.h"
#include "train/optimizer.h"

static const enum optimizer_kind kinds[] = {OPTIMIZER_ADAMW_8BIT, OPTIMIZER_LION, OPTIMIZER_MUON};
enum { KINDS = sizeof kinds / sizeof *kinds, STEPS = 3, RANK = 4 };

struct course {
    double losses[KINDS][STEPS], norms[KINDS][STEPS];
    float logits[KINDS][16]; /* of the trained model's first ones */
    uint64_t calls[OP_COUNT];
};

/* Which operations the device keeps. */
typedef bool keeps(enum op op);

static bool keeps_all(enum op op)
{
    (void)op;
    return true;
}

static bool keeps_none(enum op op)
{
    (void)op;
    return false;
}

static bool keeps_products(enum op op)
{
    return op == OP_LINEAR_FORWARD || op == OP_LINEAR_BACKWARD_INPUT ||
           op == OP_LINEAR_BACKWARD_WEIGHT;
}

static bool keeps_what_takes_workspace(enum op op)
{
    return op == OP_ATTENTION_BACKWARD || op == OP_HEAD_LOSS || op == OP_MUON;
}

/* Memory that only operations and copies can touch, around the reference or the CPU. */
static struct backend *open_lacking(const char *name, keeps *has)
{
    struct error err = ERROR_INIT;
    struct backend *below = NULL, *backend = NULL;
    bool is_cpu = strcmp(name, "cpu") == 0;
    if ((is_cpu ? cpu_backend_new(&below, NULL, 2, &err) : reference_backend_new(&below, &err)) !=
        0)
        fail_msg("%s", err.text);
    for (enum op op = 0; op < OP_COUNT; op++)
        if (!has(op))
            below->ops[op] = NULL;
    if (checked_backend_new(&backend, below, &err) != 0 || fallback_complete(&backend, &err) != 0)
        fail_msg("%s", err.text);
    return backend;
}

static void take_step(struct optimizer *optimizer, const struct batch *batch, int step,
                      double *loss, double *norm)
{
    struct transformer *transformer = optimizer->transformer;
    struct error err = ERROR_INIT;
    struct loss_sums sums;
    transformer_clear(transformer);
    transformer_train(transformer, batch, (struct noise_draw){7, step, 0}, NULL);
    if (transformer_loss(transformer, &sums, &err) != 0 ||
        optimizer_step(optimizer, step, 1e-3, 1 / (double)batch->supervised, norm, &err) != 0)
        fail_msg("%s", err.text);
    *loss = sums.entropy;
}

static void run_course(struct course *course, int kind, struct backend *backend,
                       struct model *model, const struct recipe *recipe, const struct batch *batch)
{
    struct error err = ERROR_INIT;
    struct transformer *transformer = NULL;
    struct optimizer *optimizer = NULL;
    float *logits = malloc((size_t)model->config.vocab * sizeof *logits);
    const struct transformer_options options = {.recipe = *recipe,
                                                .tokens = batch->tokens,
                                                .max_positions = batch->tokens,
                                                .storage = STORAGE_F32,
                                                .generation = true,
                                                .seed = 3,
                                                .neftune = 5};
    const struct optimizer_settings settings = {.weight_decay = 0.1, .clip = 1, .seed = 1};
    if (transformer_new(&transformer, backend, model, &options, &err) != 0 ||
        optimizer_new(&optimizer, transformer, &settings, &err) != 0)
        fail_msg("%s", err.text);
    for (int step = 1; step <= STEPS; step++)
        take_step(optimizer, batch, step, &course->losses[kind][step - 1],
                  &course->norms[kind][step - 1]);
    if (transformer_logits(transformer, batch->ids, batch->offsets[1], logits, &err) != 0)
        fail_msg("%s", err.text);
    memcpy(course->logits[kind], logits, sizeof course->logits[kind]);
    for (enum op op = 0; backend->fallbacks && op < OP_COUNT; op++)
        course->calls[op] = backend->fallbacks[op].calls;
    free(logits);
    optimizer_free(optimizer);
    transformer_free(transformer);
}

/* Block 0 has adapters beside NF4, block 1 and the embeddings train. */
static struct course train_on(const char *name, keeps *has)
{
    struct error err = ERROR_INIT;
    struct course course = {0};
    struct model *model = NULL;
    struct batch batch = {0};
    char *path = train_data_path("qwen2_tied");
    cJSON *cases = train_data_json("qwen2_tied.json");
    batch_from_json(&batch, json_get(cases, "packed"));
    if (model_open(&model, path, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(model->config.vocab >= 16);
    bool *trained = calloc(model->parameter_count, sizeof *trained);
    bool *adapted = calloc(model->parameter_count, sizeof *adapted);
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        trained[i] = parameter->layer == 1 || parameter->role == ROLE_EMBEDDING;
        adapted[i] = parameter->layer == 0 && parameter->rows > 1 && !parameter->bias;
    }
    struct recipe recipe = {.trained = trained,
                            .adapted = adapted,
                            .rank = RANK,
                            .alpha = 8,
                            .quantized = adapted,
                            .frozen = STORAGE_NF4};
    struct backend *backend = open_lacking(name, has);
    for (int kind = 0; kind < KINDS; kind++) {
        recipe.optimizer = kinds[kind];
        run_course(&course, kind, backend, model, &recipe, &batch);
    }
    backend_close(backend);
    free(trained);
    free(adapted);
    batch_free(&batch);
    model_close(model);
    cJSON_Delete(cases);
    free(path);
    return course;
}

/* What is not here, and nothing else, ran on the reference. */
static void check_calls(const struct course *course, keeps *has)
{
    for (enum op op = 0; op < OP_COUNT; op++)
        if ((course->calls[op] > 0) == has(op))
            fail_msg("%s: %d calls on the reference", op_info[op].name, (int)course->calls[op]);
}

/* The reference through copies is the reference: to the bit. */
static void copies_change_nothing(void **state)
{
    (void)state;
    static keeps *const kept[] = {keeps_none, keeps_products, keeps_what_takes_workspace};
    struct course all = train_on("reference", keeps_all);
    check_calls(&all, keeps_all);
    for (int kind = 0; kind < KINDS; kind++)
        assert_true(all.losses[kind][0] != all.losses[kind][STEPS - 1]);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct course some = train_on("reference", kept[i]);
        check_calls(&some, kept[i]);
        assert_memory_equal(all.losses, some.losses, sizeof all.losses);
        assert_memory_equal(all.norms, some.norms, sizeof all.norms);
        assert_memory_equal(all.logits, some.logits, sizeof all.logits);
    }
}

/* Two back ends in one: its products, all else the reference's. */
static void cpu_with_products_alone_trains(void **state)
{
    (void)state;
    struct course all = train_on("cpu", keeps_all), some = train_on("cpu", keeps_products);
    check_calls(&some, keeps_products);
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < STEPS; i++)
            if (!(fabs(all.losses[kind][i] - some.losses[kind][i]) <= 1e-5 * all.losses[kind][i]))
                fail_msg("%s, step %d: loss %.9g, with all operations it is %.9g",
                         optimizer_names[kinds[kind]], i + 1, some.losses[kind][i],
                         all.losses[kind][i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_change_nothing),
        cmocka_unit_test(cpu_with_products_alone_trains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
