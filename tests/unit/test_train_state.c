/* A state is never written from what is not finite, whatever of it that is and whoever asks for the
 * save; which states stay, which is the best, and which is the last. */
#include "test_folder.h"
#include "train_data.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/number.h"
#include "compute/devices/devices.h"
#include "compute/quantize.h"
#include "model/init.h"
#include "train/trainer.h"

#include <dirent.h>
#include <unistd.h>

enum { DOCUMENTS = 4, LENGTH = 24, STEPS = 6 };

struct bench {
    struct model *model;
    struct backend *backend;
    struct trainer *trainer;
    bool *trained, *adapted, *quantized;
    struct dataset data;
    struct piece_list pieces;
    int32_t ids[DOCUMENTS * LENGTH];
    float weights[DOCUMENTS * LENGTH];
    uint64_t offsets[DOCUMENTS + 1];
    struct run_identity identity;
    struct train_inputs inputs;
    /* what a test does to the run, and what it sees of it */
    enum tensor_slot slot;
    enum train_command command;
    int64_t bad_step;
    float value;
    int saved, asked;
    char name[200];
};

/* Two blocks of random weights; matrices of 4096 elements and more have moments of 8 bits. */
static char *make_base(void)
{
    static const char config[] =
        "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"vocab_size\": "
        "80, "
        "\"hidden_size\": 64, \"intermediate_size\": 96, \"num_hidden_layers\": 2, "
        "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"rms_norm_eps\": 1e-5, "
        "\"max_position_embeddings\": 64, \"rope_theta\": 10000, \"tie_word_embeddings\": false}";
    struct error err = ERROR_INIT;
    char *from = path_join(folder, "source", NULL), *base = path_join(folder, "base", NULL);
    char *path = path_join(from, "config.json", NULL);
    if (access(base, F_OK) != 0 &&
        (folder_make(from, &err) != 0 || file_save(path, config, sizeof config - 1, &err) != 0 ||
         model_init(from, base, 7, &err) != 0))
        fail_msg("%s", err.text);
    free(from);
    free(path);
    return base;
}

static void bench_open(struct bench *bench, const struct train_settings *settings,
                       enum optimizer_kind optimizer, bool adapters)
{
    struct error err = ERROR_INIT;
    char *base = make_base(), command[200];
    *bench = (struct bench){.command = TRAIN_CONTINUE};
    for (size_t i = 0; i < DOCUMENTS * LENGTH; i++) {
        bench->ids[i] = (int32_t)(i * 7 % 31);
        bench->weights[i] = 1;
    }
    for (size_t i = 0; i < DOCUMENTS; i++) {
        bench->offsets[i + 1] = (i + 1) * LENGTH;
    }
    bench->data = (struct dataset){.ids = bench->ids,
                                   .weights = bench->weights,
                                   .offsets = bench->offsets,
                                   .documents = DOCUMENTS,
                                   .tokens = DOCUMENTS * LENGTH};
    if (pieces_list(&bench->pieces, &bench->data, settings->seq_len, LONG_BY_KIND, &err) != 0)
        fail_msg("%s", err.text);
    if (model_open(&bench->model, base, &err) != 0 ||
        backend_open(&bench->backend, "cpu", 1, &err) != 0)
        fail_msg("%s", err.text);
    free(base);
    size_t count = bench->model->parameter_count;
    bench->trained = calloc(count, sizeof(bool));
    bench->adapted = calloc(count, sizeof(bool));
    bench->quantized = calloc(count, sizeof(bool));
    for (size_t i = 0; i < count; i++) {
        const struct parameter *parameter = &bench->model->parameters[i];
        bool linear = parameter->layer >= 0 && parameter->rows > 1;
        bench->trained[i] = parameter->layer == 1 || (parameter->layer < 0 && parameter->rows > 1);
        bench->quantized[i] = bench->adapted[i] = linear && parameter->layer == 0;
    }
    bench->inputs =
        (struct train_inputs){.model = bench->model,
                              .backend = bench->backend,
                              .recipe = {.trained = bench->trained, .optimizer = optimizer},
                              .train = &bench->pieces,
                              .eval = &bench->pieces,
                              .run = folder,
                              .identity = &bench->identity};
    if (adapters) {
        bench->inputs.recipe.adapted = bench->adapted;
        bench->inputs.recipe.quantized = bench->quantized;
        bench->inputs.recipe.frozen = STORAGE_NF4;
        bench->inputs.recipe.rank = 4;
        bench->inputs.recipe.alpha = 8;
    }
    snprintf(command, sizeof command, "rm -rf %s/checkpoints; mkdir %s/checkpoints", folder,
             folder);
    assert_int_equal(system(command), 0);
    if (trainer_new(&bench->trainer, &bench->inputs, settings, &err) != 0)
        fail_msg("%s", err.text);
}

static void bench_close(struct bench *bench)
{
    trainer_free(bench->trainer);
    backend_close(bench->backend);
    model_close(bench->model);
    pieces_free(&bench->pieces);
    free(bench->trained);
    free(bench->adapted);
    free(bench->quantized);
}

static struct train_settings settings_of(enum storage storage, bool masters)
{
    return (struct train_settings){.steps = STEPS,
                                   .seq_len = LENGTH,
                                   .batch = 1,
                                   .accumulate = 1,
                                   .rate = 1e-4,
                                   .optimizer = {.clip = 1},
                                   .storage = storage,
                                   .masters = masters,
                                   .keep = 9};
}

/* The last element of the last tensor that has the slot becomes `value`: no loss has said so yet.
 */
static int spoil(void *context, const struct train_report *report, struct error *err)
{
    struct bench *bench = context;
    const struct optimizer *optimizer = trainer_optimizer(bench->trainer);
    const struct transformer *t = optimizer->transformer;
    (void)err;
    if (report->progress.step != bench->bad_step)
        return 0;
    for (size_t i = optimizer->count; i-- > 0;) {
        size_t tensor = optimizer->tensors[i];
        struct run_tensor is = optimizer_tensor(optimizer, i);
        struct place place = network_place(&t->network, tensor, bench->slot);
        if (!place.buffer)
            continue;
        bool scales = bench->slot >= TENSOR_STATE_SCALES;
        bool narrow = network_values(&t->network, tensor, bench->slot).storage == STORAGE_BF16;
        uint16_t half = bf16_from_float(bench->value);
        place.offset += scales ? 0 : (size_t)(is.numel - 1) * (narrow ? 2 : 4);
        t->network.backend->write(t->network.backend->self, place,
                                  narrow ? (void *)&half : (void *)&bench->value, narrow ? 2 : 4);
        char *name = run_tensor_name(&is, NULL);
        snprintf(bench->name, sizeof bench->name, "%s", name);
        free(name);
        return 0;
    }
    fail_msg("nothing has the slot");
    return -1;
}

static int count_saved(void *context, int64_t step, struct error *err)
{
    struct bench *bench = context;
    (void)step;
    (void)err;
    bench->saved++;
    return 0;
}

static enum train_command ask_after(void *context)
{
    struct bench *bench = context;
    bool now = trainer_progress(bench->trainer)->step == bench->bad_step && bench->asked++ == 0;
    return now ? bench->command : TRAIN_CONTINUE;
}

static bool has_state(int64_t step)
{
    char path[120];
    snprintf(path, sizeof path, "%s/checkpoints/step-%08lld/state.json", folder, (long long)step);
    return access(path, F_OK) == 0;
}

/* No folder but those of states: what was begun is gone. */
static int folders(void)
{
    char path[120];
    int count = 0;
    snprintf(path, sizeof path, "%s/checkpoints", folder);
    DIR *open = opendir(path);
    for (struct dirent *entry; (entry = readdir(open));)
        count += strncmp(entry->d_name, ".", 2) != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(open);
    return count;
}

/* A good checkpoint after step 2; after step 4 the slot is spoiled and a save is commanded. */
static void refuses(const struct train_settings *settings, enum optimizer_kind optimizer,
                    bool adapters, enum tensor_slot slot, float value, enum train_command command)
{
    struct bench bench;
    struct error err = ERROR_INIT;
    struct train_settings with = *settings;
    const struct train_observer observer = {
        .context = &bench, .on_step = spoil, .on_saved = count_saved, .poll_command = ask_after};
    with.save_every = command == TRAIN_CONTINUE ? 2 : 0;
    bench_open(&bench, &with, optimizer, adapters);
    bench.slot = slot;
    bench.value = value;
    bench.command = command;
    bench.bad_step = INT64_MAX;
    if (trainer_run_until(bench.trainer, 2, &observer, &err) != 0 ||
        trainer_save(bench.trainer, &observer, &err) != 0)
        fail_msg("%s", err.text);
    bench.bad_step = 4;
    assert_int_equal(trainer_run(bench.trainer, &observer, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FINITE);
    if (!strstr(err.text, "step 4") || !strstr(err.text, bench.name) ||
        !strstr(err.text, "that of step 2"))
        fail_msg("%s was spoiled; it says \"%s\"", bench.name, err.text);
    assert_true(has_state(2) && !has_state(4));
    assert_int_equal(folders(), 1);
    assert_int_equal(bench.saved, 1);
    bench_close(&bench);
}

static void nothing_is_written_from_what_is_not_finite(void **state)
{
    (void)state;
    static const enum train_command commands[] = {TRAIN_CONTINUE, TRAIN_CHECKPOINT, TRAIN_STOP};
    const struct train_settings wide = settings_of(STORAGE_F32, false),
                                narrow = settings_of(STORAGE_BF16, true),
                                alone = settings_of(STORAGE_BF16, false);
    struct train_settings inside = wide;
    inside.optimizer.clip = 0; /* each tensor is updated in the backward pass */
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        enum train_command command = commands[i];
        refuses(&wide, OPTIMIZER_ADAMW, false, TENSOR_WEIGHT, NAN, command);
        refuses(&wide, OPTIMIZER_ADAMW, false, TENSOR_STATE + 1, INFINITY, command);
        refuses(&inside, OPTIMIZER_ADAMW, false, TENSOR_WEIGHT, -INFINITY, command);
        refuses(&narrow, OPTIMIZER_ADAMW, false, TENSOR_MASTER, NAN, command);
        refuses(&narrow, OPTIMIZER_ADAMW_BF16, false, TENSOR_STATE, -NAN, command);
        refuses(&alone, OPTIMIZER_ADAMW_BF16, false, TENSOR_WEIGHT, INFINITY, command);
        refuses(&narrow, OPTIMIZER_ADAMW_8BIT, false, TENSOR_STATE_SCALES + 1, INFINITY, command);
        refuses(&narrow, OPTIMIZER_ADAMW_8BIT, true, TENSOR_STATE_SCALES, NAN, command);
        refuses(&wide, OPTIMIZER_ADAMW, true, TENSOR_WEIGHT, NAN, command);
        refuses(&wide, OPTIMIZER_LION, false, TENSOR_STATE, NAN, command);
        refuses(&narrow, OPTIMIZER_MUON, true, TENSOR_STATE, INFINITY, command);
    }
}

/* A rate with which a weight can overflow, and a gradient that squared is more than fp32 holds:
 * such a step is looked at before the next one, though nothing is saved behind it. */
static void a_step_that_can_overflow_is_looked_at(void **state)
{
    (void)state;
    struct bench bench;
    struct error err = ERROR_INIT;
    double factors[400];
    struct train_settings settings = settings_of(STORAGE_F32, false);
    const struct train_observer observer = {0};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        factors[i] = 1e38;
    settings.rate = 10;
    settings.optimizer.factors = factors;
    bench_open(&bench, &settings, OPTIMIZER_ADAMW, false);
    assert_true(run_tensor_count(bench.model) < sizeof factors / sizeof *factors);
    assert_int_equal(trainer_run(bench.trainer, &observer, &err), -1);
    if (!strstr(err.text, "step 1: ") || !strstr(err.text, "no checkpoint before it"))
        fail_msg("it says \"%s\"", err.text);
    bench_close(&bench);
}

/* --- which stay --- */

/* "2 4 ": those and no others are there. */
static void expect_states(const char *expected)
{
    char found[100] = "";
    for (int64_t step = 0; step < 30; step++)
        if (has_state(step))
            snprintf(found + strlen(found), sizeof found - strlen(found), "%lld ", (long long)step);
    assert_string_equal(found, expected);
}

static void save_at(struct bench *bench, int64_t step, int64_t best, bool for_best)
{
    struct error err = ERROR_INIT;
    struct progress progress = {.step = step, .tokens = 1, .supervised = 1, .for_best = for_best};
    if (best > 0)
        progress.best = (struct evaluated){best, 1.0 / (double)best};
    progress.seconds = (double)bench->saved++; /* no two are the same */
    if (state_save(folder, trainer_optimizer(bench->trainer), &progress, &bench->identity, NULL,
                   &err) != 0)
        fail_msg("%s", err.text);
}

static void expect_chosen(struct state_choice choice, const char *expected)
{
    struct error err = ERROR_INIT;
    char *found = state_choose(folder, &choice, &err);
    const char *said = found ? strrchr(found, '/') + 1 : err.text;
    if (!strstr(said, expected))
        fail_msg("it says \"%s\", not \"%s\"", said, expected);
    free(found);
}

static void the_best_and_the_last_are_found(void **state)
{
    (void)state;
    struct bench bench;
    const struct train_settings settings = settings_of(STORAGE_F32, false);
    bench_open(&bench, &settings, OPTIMIZER_ADAMW, false);
    expect_chosen((struct state_choice){0}, "has no training checkpoint yet");
    expect_chosen((struct state_choice){.best = true}, "has no training checkpoint yet");
    save_at(&bench, 2, 0, false);
    expect_chosen((struct state_choice){.best = true}, "has no evaluation after a step");
    save_at(&bench, 3, 3, true);
    save_at(&bench, 4, 3, false);
    save_at(&bench, 6, 3, false);
    state_prune(folder, 6, 2, 3); /* 3 takes no place of the two */
    expect_states("3 4 6 ");
    expect_chosen((struct state_choice){.best = true}, "step-00000003");
    expect_chosen((struct state_choice){0}, "step-00000006");
    expect_chosen((struct state_choice){.step = 4}, "step-00000004");
    expect_chosen((struct state_choice){.step = 5}, "there are those of 3, 4, 6");
    expect_chosen((struct state_choice){.step = 4, .best = true}, "exclude one another");
    save_at(&bench, 7, 7, true);
    state_prune(folder, 7, 2, 7); /* it was there for its evaluation alone */
    expect_states("4 6 7 ");
    bench_close(&bench);
}

static void what_was_left_behind_is_not_the_last(void **state)
{
    (void)state;
    struct bench bench;
    const struct train_settings settings = settings_of(STORAGE_F32, false);
    bench_open(&bench, &settings, OPTIMIZER_ADAMW, false);
    for (int64_t step = 2; step <= 8; step += 2)
        save_at(&bench, step, 4, false);
    assert_int_equal(state_leave_later(folder, 4, NULL), 0);
    expect_chosen((struct state_choice){0}, "step-00000004");
    assert_int_equal(state_latest_step(folder, NULL), 4);
    expect_chosen((struct state_choice){.step = 8}, "step-00000008"); /* by its name it is */
    save_at(&bench, 6, 6, false);                                     /* the new line's own */
    state_prune(folder, 6, 1, 6);
    expect_states("6 8 ");
    assert_int_equal(state_latest_step(folder, NULL), 6);
    expect_chosen((struct state_choice){.best = true}, "step-00000006");
    /* going on from the old line's last makes that the run's */
    assert_int_equal(state_leave_later(folder, 8, NULL), 0);
    assert_int_equal(state_latest_step(folder, NULL), 8);
    bench_close(&bench);
}

/* Counted as none, it would give back the line that was left. */
static void a_damaged_left_json_is_an_error(void **state)
{
    (void)state;
    struct bench bench;
    struct error err = ERROR_INIT;
    const struct train_settings settings = settings_of(STORAGE_F32, false);
    bench_open(&bench, &settings, OPTIMIZER_ADAMW, false);
    for (int64_t step = 2; step <= 8; step += 2)
        save_at(&bench, step, 4, false);
    assert_int_equal(state_leave_later(folder, 4, NULL), 0);
    char *path = path_join(folder, "checkpoints/left.json", NULL);
    struct buffer whole = BUFFER_INIT;
    assert_int_equal(file_read_all(&whole, path, 1 << 16, NULL), 0);
    for (size_t i = 0; i < whole.length; i++) { /* any byte of it, and any length */
        whole.data[i] ^= 1;
        assert_int_equal(file_save(path, whole.data, whole.length, NULL), 0);
        expect_chosen((struct state_choice){0}, "left.json is damaged: ");
        whole.data[i] ^= 1;
        assert_int_equal(file_save(path, whole.data, i, NULL), 0);
        expect_chosen((struct state_choice){0}, "left.json is damaged: ");
    }
    static const char unsealed[] = "{\"states\": {}}\n";
    assert_int_equal(file_save(path, unsealed, sizeof unsealed - 1, NULL), 0);
    expect_chosen((struct state_choice){0}, "--step takes one of 2, 4, 6, 8");
    expect_chosen((struct state_choice){.best = true}, "left.json is damaged: ");
    expect_chosen((struct state_choice){.step = 8}, "step-00000008");
    assert_int_equal(state_latest_step(folder, &err), -1);
    assert_non_null(strstr(err.text, "left.json is damaged: "));
    state_prune(folder, 8, 1, 8);
    expect_states("2 4 6 8 ");
    /* what is gone on from by its step says anew what was left */
    assert_int_equal(state_leave_later(folder, 6, NULL), 0);
    assert_int_equal(state_latest_step(folder, NULL), 6);
    buffer_free(&whole);
    free(path);
    bench_close(&bench);
}

/* What trains has in optimizer.safetensors what the rule of its optimiser keeps, and nothing else
 * is there. */
static void check_kept(const struct bench *bench, enum optimizer_kind kind, const char *state)
{
    struct error err = ERROR_INIT;
    struct checkpoint *file = NULL;
    const struct optimizer *optimizer = trainer_optimizer(bench->trainer);
    char *path = path_join(state, "optimizer.safetensors", NULL);
    size_t count = 0;
    if (checkpoint_open(&file, path, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        const struct parameter *parameter = tensor.parameter;
        bool matrix = parameter->layer >= 0 && parameter->rows > 1;
        const char *states[] = {
            kind == OPTIMIZER_MUON && matrix ? "momentum_buffer" : "exp_avg",
            kind == OPTIMIZER_LION || (kind == OPTIMIZER_MUON && matrix) ? NULL : "exp_avg_sq"};
        char *name = run_tensor_name(&tensor, NULL);
        for (int k = 0; k < 2 && states[k]; k++) {
            char full[240];
            snprintf(full, sizeof full, "%s.%s", name, states[k]);
            const struct tensor_info *kept = checkpoint_find(file, full);
            if (!kept)
                fail_msg("%s: %s is not kept", optimizer_names[kind], full);
            assert_int_equal(kept->elements, tensor.numel);
            count++;
        }
        free(name);
    }
    assert_int_equal(checkpoint_count(file), count);
    checkpoint_close(file);
    free(path);
}

/* Everything that a state has of two benches is the same to the bit. */
static void check_same(const struct bench *a, const struct bench *b)
{
    const struct optimizer *first = trainer_optimizer(a->trainer);
    const struct network *networks[] = {&first->transformer->network,
                                        &trainer_optimizer(b->trainer)->transformer->network};
    for (size_t i = 0; i < first->count; i++)
        for (enum tensor_slot slot = 0; slot < TENSOR_SLOTS; slot++) {
            size_t tensor = first->tensors[i];
            int buffer = networks[0]->plan->tensors[tensor][slot];
            if (buffer < 0 || slot == TENSOR_GRADIENT)
                continue;
            size_t bytes = networks[0]->plan->buffers[buffer].bytes;
            char *values[2];
            for (int side = 0; side < 2; side++) {
                struct backend *backend = networks[side]->backend;
                values[side] = malloc(bytes);
                backend->read(backend->self, values[side],
                              network_place(networks[side], tensor, slot), bytes);
            }
            assert_memory_equal(values[0], values[1], bytes);
            free(values[0]);
            free(values[1]);
        }
}

/* A state has what its optimiser keeps; a run that goes on from it comes to be what one that was
 * not interrupted is, to the bit; another optimiser refuses it, by the names of both. */
static void a_state_is_its_optimisers(void **state)
{
    (void)state;
    static const enum optimizer_kind kinds[] = {OPTIMIZER_ADAMW, OPTIMIZER_LION, OPTIMIZER_MUON};
    static const struct train_observer silent = {0};
    struct error err = ERROR_INIT;
    char command[400], half[120];
    bool exact;
    snprintf(half, sizeof half, "%s/half", folder);
    enum { KINDS = sizeof kinds / sizeof *kinds };
    for (int i = 0; i < 2 * KINDS; i++) { /* each by itself, then with adapters */
        bool adapters = i >= KINDS;
        struct train_settings settings =
            settings_of(adapters ? STORAGE_BF16 : STORAGE_F32, adapters && i % KINDS != 1);
        settings.save_every = STEPS / 2;
        settings.optimizer.clip = i % 2; /* 0: each tensor is updated in the backward pass */
        struct bench whole, resumed, other;
        bench_open(&whole, &settings, kinds[i % KINDS], adapters);
        if (trainer_run(whole.trainer, &silent, &err) != 0)
            fail_msg("%s", err.text);
        snprintf(command, sizeof command, "rm -rf %s; cp -r %s/checkpoints/step-%08d %s", half,
                 folder, STEPS / 2, half);
        assert_int_equal(system(command), 0);
        check_kept(&whole, kinds[i % KINDS], half);
        bench_open(&resumed, &settings, kinds[i % KINDS], adapters);
        if (trainer_resume(resumed.trainer, half, &exact, &err) != 0 ||
            trainer_run(resumed.trainer, &silent, &err) != 0)
            fail_msg("%s", err.text);
        assert_true(exact);
        check_same(&whole, &resumed);
        bench_open(&other, &settings, kinds[(i + 1) % KINDS], adapters);
        char wanted[80];
        snprintf(wanted, sizeof wanted, "--optimizer %s, not %s", optimizer_names[kinds[i % KINDS]],
                 optimizer_names[kinds[(i + 1) % KINDS]]);
        assert_int_equal(trainer_resume(other.trainer, half, &exact, &err), -1);
        if (!strstr(err.text, wanted))
            fail_msg("it says \"%s\", not \"%s\"", err.text, wanted);
        bench_close(&whole);
        bench_close(&resumed);
        bench_close(&other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_written_from_what_is_not_finite, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_state_is_its_optimisers, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_step_that_can_overflow_is_looked_at, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(the_best_and_the_last_are_found, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_damaged_left_json_is_an_error, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_was_left_behind_is_not_the_last, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
