/* Perplexity of the stories models against llama.cpp's own figures (shared reference data): its
 * `perplexity` at context 128 cuts the tokenised text into rows of 128, puts bos in place of each
 * row's first token, and counts the second half of each row. The F16 model must agree to 1e-3; of
 * the quantised one llama.cpp rounds the activations to 8 bits, too, which costs it up to 1 %. */
#include "test.h"

#include "base/file.h"
#include "base/folder.h"
#include "compute/devices/devices.h"
#include "text/tokenizer/tokenizer.h"
#include "train/transformer.h"

#include <math.h>
#include <string.h>

enum { CONTEXT = 128, ROWS = 4 };

struct bench {
    struct model *model;
    struct backend *backend;
    struct tokenizer *tokenizer;
    struct transformer *transformer;
    struct token_list text;
    struct batch batch;
};

static void bench_open(struct bench *bench, const char *shared, const char *name)
{
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    char *model = path_join(shared, name, NULL);
    char *stories = path_join(shared, "reference/tinystories_first200.txt", NULL);
    const struct transformer_options options = {
        .tokens = CONTEXT * ROWS, .max_positions = CONTEXT, .storage = STORAGE_F32};
    *bench = (struct bench){0};
    if (model_open(&bench->model, model, &err) != 0 ||
        backend_open(&bench->backend, "cpu", 2, &err) != 0 ||
        tokenizer_for_checkpoint(&bench->tokenizer, bench->model->checkpoint, &err) != 0 ||
        transformer_new(&bench->transformer, bench->backend, bench->model, &options, &err) != 0 ||
        file_read_all(&text, stories, 16 << 20, &err) != 0 ||
        tokenizer_encode(bench->tokenizer, buffer_string(&text), text.length, ENCODE_ADD_SPECIAL,
                         &bench->text, &err) != 0 ||
        batch_alloc(&bench->batch, ROWS, CONTEXT, &err) != 0)
        fail_msg("%s", err.text);
    buffer_free(&text);
    free(model);
    free(stories);
}

static void bench_close(struct bench *bench)
{
    batch_free(&bench->batch);
    token_list_free(&bench->text);
    transformer_free(bench->transformer);
    tokenizer_close(bench->tokenizer);
    backend_close(bench->backend);
    model_close(bench->model);
}

/* One row of the text as a document of its own. */
static void put_row(struct bench *bench, int row, size_t first)
{
    struct batch *batch = &bench->batch;
    const int32_t *ids = bench->text.ids + first;
    for (int i = 0; i < CONTEXT; i++) {
        int at = row * CONTEXT + i;
        bool counts = i >= CONTEXT / 2 && i + 1 < CONTEXT;
        batch->ids[at] = i == 0 ? tokenizer_bos(bench->tokenizer) : ids[i];
        batch->targets[at] = counts ? ids[i + 1] : -1;
        batch->positions[at] = i;
        batch->supervised += counts;
    }
    batch->offsets[row + 1] = (row + 1) * CONTEXT;
    batch->documents = row + 1;
    batch->tokens = (int64_t)(row + 1) * CONTEXT;
}

static double perplexity(struct bench *bench)
{
    struct error err = ERROR_INIT;
    double sum = 0;
    struct loss_sums loss;
    int64_t counted = 0;
    size_t rows = bench->text.count / CONTEXT;
    for (size_t first = 0; first < rows; first += ROWS) {
        bench->batch.supervised = 0;
        for (size_t row = first; row < rows && row < first + ROWS; row++)
            put_row(bench, (int)(row - first), row * CONTEXT);
        transformer_clear(bench->transformer);
        transformer_run(bench->transformer, &bench->batch, false);
        if (transformer_loss(bench->transformer, &loss, &err) != 0)
            fail_msg("%s", err.text);
        sum += loss.entropy;
        counted += bench->batch.supervised;
    }
    assert_true(counted > 10000);
    return exp(sum / (double)counted);
}

static void check(const char *name, double expected, double tolerance)
{
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    struct bench bench;
    if (!shared)
        skip();
    bench_open(&bench, shared, name);
    double value = perplexity(&bench);
    printf("%s: perplexity %.4f, llama.cpp has %.4f\n", name, value, expected);
    if (!(fabs(value - expected) <= tolerance * expected))
        fail_msg("%s: perplexity %.4f, llama.cpp has %.4f", name, value, expected);
    bench_close(&bench);
}

static void small_model_agrees(void **state)
{
    (void)state;
    check("models/stories260K-gguf/stories260K-F16.gguf", 5.9809, 1e-3);
}

static void quantised_model_agrees(void **state)
{
    (void)state;
    check("models/stories15M-gguf/stories15M-Q4_K_M.gguf", 7.7445, 1e-2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_model_agrees),
        cmocka_unit_test(quantised_model_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
