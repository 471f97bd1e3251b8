/* Nothing is allocated after the first step. Every allocation of the process is counted, oneDNN's
 * and OpenMP's too, by taking the functions of the C and C++ libraries over; from the end of step 1
 * to the end of the last, over several epochs, with batches of very different numbers of supervised
 * tokens. The one thing allowed is what oneDNN, which is C++, does in every call: it keeps the
 * call's arguments in a few maps, under 1 KB, and gives them back. */
#include "train_data.h"

#include "compute/devices/devices.h"
#include "train/trainer.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_OWN_ALLOCATOR
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define HAS_OWN_ALLOCATOR
#endif

static atomic_bool counting;
static atomic_int allocations, lasting; /* lasting: C++'s that were not given back */

#ifndef HAS_OWN_ALLOCATOR
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *pointer, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static void note(void)
{
    if (counting)
        allocations++;
}

void *malloc(size_t bytes)
{
    note();
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    note();
    return __libc_calloc(count, bytes);
}

void *realloc(void *pointer, size_t bytes)
{
    note();
    return __libc_realloc(pointer, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    note();
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    note();
    return __libc_memalign(alignment, bytes);
}

/* Only oneDNN's: where the processor has products of bf16, its kernels take nothing in a call; its
 * older ones, for other processors, take room to pack their operands, and give it back. */
static bool packs_in_calls(void)
{
#if defined(__x86_64__)
    return getenv("ONEDNN_MAX_CPU_ISA") || !__builtin_cpu_supports("avx512bf16");
#else
    return true;
#endif
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
    if (!packs_in_calls())
        note();
    *out = __libc_memalign(alignment, bytes);
    return *out ? 0 : ENOMEM;
}

enum { SMALL = 1024 };

void *new_object(size_t bytes) __asm__("_Znwm");
void delete_object(void *object) __asm__("_ZdlPv");
void delete_sized_object(void *object, size_t bytes) __asm__("_ZdlPvm");

void *new_object(size_t bytes)
{
    if (bytes > SMALL)
        note();
    lasting += counting;
    return __libc_malloc(bytes);
}

void delete_object(void *object)
{
    lasting -= counting && object;
    free(object);
}

void delete_sized_object(void *object, size_t bytes)
{
    (void)bytes;
    delete_object(object);
}

/* As JIT compilers do. */
void *mmap(void *address, size_t bytes, int access, int flags, int fd, off_t offset)
{
    note();
    return (void *)syscall(SYS_mmap, address, bytes, access, flags, fd, offset);
}
#endif

/* --- runs --- */

enum { DOCUMENTS = 24, TOKENS = 24 * 60, SEQ_LEN = 240, STEPS = 12 };

struct bench {
    struct model *model;
    struct backend *backend;
    bool *trained, *adapted, *quantized;
    struct dataset data;
    struct piece_list pieces;
    int32_t ids[TOKENS];
    float weights[TOKENS];
    uint64_t offsets[DOCUMENTS + 1];
    struct run_identity identity;
};

/* Documents of 20 to 100 tokens; of most nearly nothing is supervised, of some everything. */
static void fill_data(struct bench *bench)
{
    for (size_t d = 0; d < DOCUMENTS; d++) {
        uint64_t length = d % 2 == 0 ? 20 + d % 3 * 20 : 100 - d % 3 * 20;
        bench->offsets[d + 1] = bench->offsets[d] + length;
        for (uint64_t i = bench->offsets[d]; i < bench->offsets[d + 1]; i++) {
            bench->ids[i] = (int32_t)(i * 7 % 31 + i % 5);
            bench->weights[i] = d % 3 == 0 || i % 17 == 0;
        }
    }
    bench->data = (struct dataset){.ids = bench->ids,
                                   .weights = bench->weights,
                                   .offsets = bench->offsets,
                                   .documents = DOCUMENTS,
                                   .tokens = bench->offsets[DOCUMENTS]};
    assert_int_equal(pieces_list(&bench->pieces, &bench->data, SEQ_LEN, LONG_BY_KIND, NULL), 0);
}

static void bench_open(struct bench *bench)
{
    struct error err = ERROR_INIT;
    char *path = train_data_path("llama_gqa");
    *bench = (struct bench){0};
    fill_data(bench);
    if (model_open(&bench->model, path, &err) != 0 ||
        backend_open(&bench->backend, "cpu", 2, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    size_t count = bench->model->parameter_count;
    bench->trained = calloc(count, sizeof(bool));
    bench->adapted = calloc(count, sizeof(bool));
    bench->quantized = calloc(count, sizeof(bool));
    for (size_t i = 0; i < count; i++) {
        const struct parameter *parameter = &bench->model->parameters[i];
        bool linear = parameter->layer >= 0 && parameter->rows > 1;
        bench->trained[i] = parameter->layer == 1;
        bench->quantized[i] = bench->adapted[i] = linear && parameter->layer == 0;
    }
}

static void bench_close(struct bench *bench)
{
    backend_close(bench->backend);
    model_close(bench->model);
    pieces_free(&bench->pieces);
    free(bench->trained);
    free(bench->adapted);
    free(bench->quantized);
}

static int count_between(void *context, const struct train_report *report, struct error *err)
{
    (void)context;
    (void)err;
    counting = report->progress.step < STEPS;
    return 0;
}

static void check(struct bench *bench, const char *what, const struct recipe *recipe,
                  const struct train_settings *settings)
{
    struct error err = ERROR_INIT;
    struct trainer *trainer = NULL;
    char run[] = "/tmp/spectrum-test-XXXXXX", command[80];
    assert_non_null(mkdtemp(run));
    const struct train_inputs inputs = {.model = bench->model,
                                        .backend = bench->backend,
                                        .recipe = *recipe,
                                        .train = &bench->pieces,
                                        .run = run,
                                        .identity = &bench->identity};
    const struct train_observer observer = {.on_step = count_between};
    snprintf(command, sizeof command, "mkdir %s/checkpoints", run);
    assert_int_equal(system(command), 0);
    if (trainer_new(&trainer, &inputs, settings, &err) != 0)
        fail_msg("%s", err.text);
    allocations = lasting = 0;
    if (trainer_run(trainer, &observer, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(trainer_progress(trainer)->position.epoch > 0);
    if (allocations > 0 || lasting != 0)
        fail_msg("%s: %d allocations after the first step, and %d of oneDNN's that stayed", what,
                 allocations, lasting);
    trainer_free(trainer);
    snprintf(command, sizeof command, "rm -rf %s", run);
    assert_int_equal(system(command), 0);
}

static struct train_settings settings_of(enum storage storage)
{
    return (struct train_settings){.steps = STEPS,
                                   .seq_len = SEQ_LEN,
                                   .batch = 1,
                                   .accumulate = 1,
                                   .rate = 1e-4,
                                   .optimizer = {.clip = 1},
                                   .storage = storage,
                                   .masters = true,
                                   .keep = 1};
}

static void nothing_behind_the_first_step(void **state)
{
    (void)state;
#ifdef HAS_OWN_ALLOCATOR
    printf("SKIPPED: a sanitizer has taken the allocator over\n");
    skip();
#endif
    struct bench bench;
    bench_open(&bench);
    struct train_settings settings = settings_of(STORAGE_BF16);
    const struct recipe plain = {.trained = bench.trained},
                        adapters = {.trained = bench.trained,
                                    .adapted = bench.adapted,
                                    .rank = 4,
                                    .alpha = 8,
                                    .quantized = bench.quantized,
                                    .frozen = STORAGE_NF4,
                                    .optimizer = OPTIMIZER_ADAMW_8BIT};
    check(&bench, "bf16", &plain, &settings);
    check(&bench, "adapters and 4 bits", &adapters, &settings);
    settings.optimizer.clip = 0;
    settings.recomputed = 1;
    check(&bench, "computed anew, updated in the backward pass", &plain, &settings);
    settings = settings_of(STORAGE_F32);
    settings.accumulate = 2;
    settings.z_loss = 1e-4;
    settings.neftune = 5;
    check(&bench, "fp32, accumulated", &plain, &settings);
    bench_close(&bench);
}

/* Else a count of zero would say nothing. */
static void allocations_are_counted(void **state)
{
    (void)state;
#ifdef HAS_OWN_ALLOCATOR
    skip();
#endif
    struct bench bench;
    allocations = 0;
    counting = true;
    bench_open(&bench);
    counting = false;
    assert_true(allocations > 10);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_counted),
        cmocka_unit_test(nothing_behind_the_first_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
