/* What the proof promises, broken on purpose: a back end that skips a weight gradient, scribbles on
 * a frozen tensor, or leaves out AdamW for one tensor ends the run with an error that names it. */
#include "test_folder.h"
#include "train_data.h"

#include "compute/devices/devices.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/training/run_observer.h"

enum { DOCUMENTS = 6, LENGTH = 9, TOKENS = DOCUMENTS * LENGTH, STEPS = 4 };

/* --- a back end that can be told to be wrong --- */

static struct fault {
    struct place gradient, weight, scribble; /* that is not made, not updated, written to */
    int scribble_after;                      /* updates of tensors until then */
} fault;

static op_function *sound[OP_COUNT];

static bool same_place(struct place a, struct place b)
{
    return a.buffer && a.buffer == b.buffer && a.offset == b.offset;
}

static void skipping_backward_weight(void *self, const struct op_call *call)
{
    if (!same_place(call->linear_backward_weight.grad_weight.data, fault.gradient))
        sound[call->op](self, call);
}

static void wrong_adamw(void *self, const struct op_call *call)
{
    if (!same_place(call->adamw.parameter.data, fault.weight))
        sound[call->op](self, call);
    if (fault.scribble.buffer && fault.scribble_after-- == 0)
        sound[OP_FILL_ZERO](
            self,
            &(struct op_call){OP_FILL_ZERO, .fill_zero = {tensor_of_bytes(fault.scribble, 4)}});
}

/* --- a run by hand: the parts that its observer has, with that back end --- */

struct bench {
    struct training_request request;
    struct training_view view;
    struct run_sitting sitting;
    struct model *model;
    struct dataset data;
    struct run_setup setup;
    struct run_lines lines;
    struct run_proof proof;
    struct backend backend, *below;
    bool *trained, *adapted, *quantized;
    struct piece_list pieces;
    int32_t ids[TOKENS];
    float weights[TOKENS];
    uint64_t offsets[DOCUMENTS + 1];
    char run[128];
};

/* The first of a document's tokens has a weight in every other one, where it must not count. */
static void fill_data(struct bench *bench)
{
    for (size_t i = 0; i < TOKENS; i++) {
        bench->ids[i] = (int32_t)(i * 7 % 31 + i % 5);
        bench->weights[i] = i % 4 != 1;
    }
    for (size_t d = 0; d <= DOCUMENTS; d++)
        bench->offsets[d] = d * LENGTH;
    struct dataset *data = &bench->data;
    *data = (struct dataset){.ids = bench->ids,
                             .weights = bench->weights,
                             .offsets = bench->offsets,
                             .documents = DOCUMENTS,
                             .tokens = TOKENS};
    for (size_t i = 0; i < TOKENS; i++)
        data->supervised += bench->weights[i] > 0 && i % LENGTH != 0;
    assert_int_equal(pieces_list(&bench->pieces, data, 2 * LENGTH, LONG_BY_KIND, NULL), 0);
}

static void open_parts(struct bench *bench)
{
    struct error err = ERROR_INIT;
    char *path = train_data_path("llama_gqa");
    if (model_open(&bench->model, path, &err) != 0 ||
        backend_open(&bench->below, "cpu", 2, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    memcpy(sound, bench->below->ops, sizeof sound);
    bench->backend = *bench->below;
    bench->backend.ops[OP_LINEAR_BACKWARD_WEIGHT] = skipping_backward_weight;
    bench->backend.ops[OP_ADAMW] = wrong_adamw;
    size_t count = bench->model->parameter_count;
    bench->trained = calloc(count, sizeof(bool));
    bench->adapted = calloc(count, sizeof(bool));
    bench->quantized = calloc(count, sizeof(bool));
}

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){0};
    fault = (struct fault){0};
    fill_data(bench);
    open_parts(bench);
    snprintf(bench->run, sizeof bench->run, "%s/run", folder);
    bench->request = (struct training_request){.run = bench->run};
    bench->sitting = (struct run_sitting){.request = &bench->request, .view = &bench->view};
    bench->setup.inputs = (struct train_inputs){
        .model = bench->model,
        .backend = &bench->backend,
        .recipe = {.trained = bench->trained},
        .train = &bench->pieces,
        .run = bench->run,
        .identity = &bench->setup.identity,
    };
}

static struct train_settings settings_of(enum storage storage, bool masters)
{
    return (struct train_settings){.steps = STEPS,
                                   .seq_len = 2 * LENGTH,
                                   .batch = 1,
                                   .accumulate = 1,
                                   .rate = 1e-3,
                                   .optimizer = {.clip = 1},
                                   .storage = storage,
                                   .masters = masters,
                                   .save_every = 2,
                                   .keep = 9};
}

static void make_trainer(struct bench *bench, const struct train_settings *settings)
{
    struct error err = ERROR_INIT;
    struct run_setup *setup = &bench->setup;
    run_proof_begin(&bench->proof, bench->run, &bench->data, setup->inputs.model, false);
    if (job_dir_create(bench->run, &err) != 0 ||
        run_lines_open(&bench->lines, &bench->sitting, &err) != 0 ||
        trainer_new(&setup->trainer, &setup->inputs, settings, &err) != 0)
        fail_msg("%s", err.text);
}

static int run(struct bench *bench, struct error *err)
{
    struct run_observer observer = {.sitting = &bench->sitting,
                                    .setup = &bench->setup,
                                    .lines = &bench->lines,
                                    .proof = &bench->proof};
    struct train_observer callbacks = run_observer_callbacks(&observer);
    return trainer_run(bench->setup.trainer, &callbacks, err);
}

static void run_fails(struct bench *bench, const char *name, const char *how)
{
    struct error err = ERROR_INIT;
    assert_int_equal(run(bench, &err), -1);
    if (!strstr(err.text, name) || !strstr(err.text, how))
        fail_msg("it says \"%s\", not \"%s %s\"", err.text, name, how);
}

static void bench_close(struct bench *bench)
{
    run_lines_close(&bench->lines);
    trainer_free(bench->setup.trainer);
    backend_close(bench->below);
    model_close(bench->model);
    pieces_free(&bench->pieces);
    free(bench->trained);
    free(bench->adapted);
    free(bench->quantized);
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", bench->run);
    assert_int_equal(system(command), 0);
}

/* --- which tensors --- */

static const char trains[] = "model.layers.1.mlp.up_proj.weight";
static const char frozen[] = "model.layers.0.self_attn.q_proj.weight";

static size_t parameter_number(const struct bench *bench, const char *name)
{
    const struct parameter *parameter = model_find(bench->model, name);
    assert_non_null(parameter);
    return (size_t)(parameter - bench->model->parameters);
}

static void train_block_1(struct bench *bench)
{
    const struct model *model = bench->model;
    for (size_t i = 0; i < model->parameter_count; i++)
        bench->trained[i] = model->parameters[i].layer == 1;
}

static struct place place_of(const struct bench *bench, size_t tensor, enum tensor_slot slot)
{
    const struct optimizer *optimizer = trainer_optimizer(bench->setup.trainer);
    struct place place = network_place(&optimizer->transformer->network, tensor, slot);
    assert_non_null(place.buffer);
    return place;
}

static bool has_checkpoint(const struct bench *bench, int step)
{
    char name[64];
    snprintf(name, sizeof name, "checkpoints/step-%08d/state.json", step);
    return job_dir_has(bench->run, name);
}

static double proof_number(const struct bench *bench, const char *object, const char *key)
{
    double value = -1;
    cJSON *proof = job_dir_read(bench->run, "proof.json", NULL);
    json_get_double(object ? json_get(proof, object) : proof, key, &value);
    cJSON_Delete(proof);
    return value;
}

/* --- the tests --- */

/* Nothing wrong: the run ends well, and the proof has what is counted here. */
static void sound_run_is_proved(void **state)
{
    (void)state;
    struct bench bench;
    struct error err = ERROR_INIT;
    double parameters = 0, kept = 0, tensors = 0;
    bench_open(&bench);
    train_block_1(&bench);
    const struct model *model = bench.model;
    for (size_t i = 0; i < model->parameter_count; i++) {
        double own = (double)(model->parameters[i].rows * model->parameters[i].cols);
        tensors += !bench.trained[i];
        *(bench.trained[i] ? &parameters : &kept) += own;
    }
    const struct train_settings settings = settings_of(STORAGE_BF16, true);
    make_trainer(&bench, &settings);
    if (run(&bench, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(proof_number(&bench, NULL, "trained_parameters") == parameters);
    assert_true(proof_number(&bench, "frozen", "parameters") == kept);
    assert_true(proof_number(&bench, "frozen", "tensors") == tensors);
    assert_true(proof_number(&bench, "frozen", "unchanged_at_step") == STEPS);
    double supervised = (double)bench.data.supervised;
    assert_true(proof_number(&bench, NULL, "supervised_tokens") == supervised);
    assert_true(proof_number(&bench, NULL, "supervised_share") == supervised / TOKENS);
    bench_close(&bench);
}

static void skipped_gradient_is_named(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    train_block_1(&bench);
    const struct train_settings settings = settings_of(STORAGE_F32, false);
    make_trainer(&bench, &settings);
    fault.gradient = place_of(&bench, parameter_number(&bench, trains), TENSOR_GRADIENT);
    run_fails(&bench, trains, "trains but its gradient is zero (1 of 9 tensors");
    assert_false(has_checkpoint(&bench, 2));
    bench_close(&bench);
}

/* In a weight, in quantised data, in their scales: after the save of step 2. */
static void scribbled_tensor_is_named(void **state)
{
    (void)state;
    struct bench bench;
    for (int where = 0; where < 3; where++) {
        bench_open(&bench);
        train_block_1(&bench);
        bench.quantized[parameter_number(&bench, frozen)] = true;
        struct recipe *recipe = &bench.setup.inputs.recipe;
        recipe->quantized = where > 0 ? bench.quantized : NULL;
        recipe->frozen = STORAGE_NF4;
        const struct train_settings settings = settings_of(STORAGE_BF16, true);
        make_trainer(&bench, &settings);
        fault.scribble = place_of(&bench, parameter_number(&bench, frozen),
                                  where == 2 ? TENSOR_SCALES : TENSOR_WEIGHT);
        fault.scribble_after = (int)trainer_optimizer(bench.setup.trainer)->count * 2 + 1;
        run_fails(&bench, frozen, "is frozen but has changed");
        assert_true(has_checkpoint(&bench, 2));
        assert_false(has_checkpoint(&bench, 4));
        assert_true(proof_number(&bench, "frozen", "unchanged_at_step") == 2);
        bench_close(&bench);
    }
}

static void skip_update(struct bench *bench, const struct train_settings *settings, size_t tensor)
{
    make_trainer(bench, settings);
    fault.weight = place_of(bench, tensor, TENSOR_WEIGHT);
}

static void skipped_update_is_named(void **state)
{
    (void)state;
    struct bench bench;
    for (int masters = 0; masters < 2; masters++) {
        bench_open(&bench);
        train_block_1(&bench);
        const struct train_settings settings =
            settings_of(masters ? STORAGE_BF16 : STORAGE_F32, masters);
        skip_update(&bench, &settings, parameter_number(&bench, trains));
        run_fails(&bench, trains, "is what it was before the run");
        bench_close(&bench);
    }
}

static void skipped_update_of_an_adapter_is_named(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct recipe *recipe = &bench.setup.inputs.recipe;
    size_t adapted = parameter_number(&bench, frozen);
    bench.adapted[adapted] = true;
    recipe->adapted = bench.adapted;
    recipe->rank = 2;
    recipe->alpha = 4;
    const struct train_settings settings = settings_of(STORAGE_F32, false);
    const struct model *model = bench.model;
    skip_update(&bench, &settings, run_tensor_index(model, &model->parameters[adapted], PART_A));
    run_fails(&bench, "q_proj.lora_A.weight", "is what it was before the run");
    bench_close(&bench);
}

/* What rounding may leave where it is, is not promised: a rate that vanishes in fp32, or bf16
 * alone.
 */
static void rounding_is_no_fault(void **state)
{
    (void)state;
    struct bench bench;
    for (int masters = 0; masters < 2; masters++) {
        struct error err = ERROR_INIT;
        bench_open(&bench);
        train_block_1(&bench);
        struct train_settings settings = settings_of(STORAGE_BF16, masters);
        settings.rate = 1e-30;
        make_trainer(&bench, &settings);
        if (run(&bench, &err) != 0)
            fail_msg("%s", err.text);
        bench_close(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_run_is_proved),
        cmocka_unit_test(skipped_gradient_is_named),
        cmocka_unit_test(scribbled_tensor_is_named),
        cmocka_unit_test(skipped_update_is_named),
        cmocka_unit_test(skipped_update_of_an_adapter_is_named),
        cmocka_unit_test(rounding_is_no_fault),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
