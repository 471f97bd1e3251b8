/* Times the CUDA back end's singular values, many matrices side by side as a scan has them:
 *
 *     bench_gpu [--device N] [--pageable] shape ROWS COLS COUNT REPEATS
 *     bench_gpu [--device N] [--pageable] model 8b|70b LAYERS REPEATS
 *
 * The matrices lie in host memory before the clock starts: memory that the device copies from
 * quickest, as a scan's, or with --pageable malloc()'s. `shape` makes an untimed pass first;
 * `model` does not, as a scan has none: its first pass opens the stream slots, too. All values are
 * checked.
 *
 * One line of JSON: the seconds of each pass and, apart, of taking the host memory, the operations
 * that a pass needs, and the device memory that was free at the least. Plain C, without the
 * program's libraries, for machines that have a GPU and nothing else (script/bench-gpu).
 * $SPECTRUM_PLUGINS says where spectrum-cuda.so is. */
#include "bench_run.h"

#include "compute/plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 5 };

struct request {
    int64_t device;
    bool pageable;
    const char *arguments[ARGUMENTS_MAX]; /* without the options; unused ones are NULL */
    int count;
};

static bool is_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    return end > text && *end == '\0' && *out >= least && *out <= most;
}

static int read_request(struct request *out, int argc, char **argv)
{
    *out = (struct request){.device = 0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--pageable") == 0)
            out->pageable = true;
        else if (strcmp(argv[i], "--device") == 0 && i + 1 < argc) {
            if (!is_number(argv[++i], 0, 1000, &out->device))
                return -1;
        } else if (out->count < ARGUMENTS_MAX)
            out->arguments[out->count++] = argv[i];
        else
            return -1;
    }
    return 0;
}

/* The list that is asked for, and how it is run. */
static int make_list(struct bench_run *run, const struct request *request, struct error *err)
{
    const char *const *words = request->arguments;
    int64_t rows, cols, count, repeats;
    const int64_t side = 1 << 20;
    bool shape = request->count == 5 && strcmp(words[0], "shape") == 0;
    if (!(shape || (request->count == 4 && strcmp(words[0], "model") == 0)) ||
        !is_number(words[request->count - 1], 1, REPEATS_MAX, &repeats))
        return error_set_kind(err, ERROR_USAGE, "see the head of tests/gpu/bench.c for its use");
    run->repeats = (int)repeats;
    run->warm = shape;
    run->pageable = request->pageable;
    if (!shape && is_number(words[2], 1, 1000, &count))
        return list_model(&run->list, words[1], count, err);
    if (shape && is_number(words[1], MATRIX_SIDE_LEAST, side, &rows) &&
        is_number(words[2], MATRIX_SIDE_LEAST, side, &cols) &&
        is_number(words[3], 1, 1 << 20, &count))
        return list_shape(&run->list, rows, cols, count, err);
    return error_set_kind(err, ERROR_USAGE, "a number that makes no sense (sides: %d or more)",
                          MATRIX_SIDE_LEAST);
}

static int open_device(struct backend **out, int64_t number, struct error *err)
{
    const struct backend_plugin *plugin = plugin_find("cuda", true, err);
    int count = plugin ? plugin->count(err) : -1;
    if (count < 0)
        return -1;
    if (number >= count)
        return error_set(err, "there is no cuda:%" PRId64 ", the last is cuda:%d", number,
                         count - 1);
    return plugin->open(out, (int)number, err);
}

static void print_name(const char *name)
{
    for (; *name; name++)
        if (*name >= ' ' && *name != '"' && *name != '\\')
            putchar(*name);
}

static void print_run(const struct bench_run *run, const struct request *request)
{
    struct device_info info;
    run->backend->describe(run->backend->self, &info);
    printf("{\"device\": \"");
    print_name(info.name);
    printf("\", \"device_bytes\": %" PRIu64 ", ", info.memory);
    if (run->warm)
        printf("\"rows\": %s, \"cols\": %s", request->arguments[1], request->arguments[2]);
    else
        printf("\"model\": \"%s\", \"layers\": %s", request->arguments[1], request->arguments[2]);
    printf(", \"count\": %zu, \"threads\": %d, \"pageable\": %s, \"bytes\": %" PRIu64
           ", \"flops\": %.17g, \"free_opened\": %" PRIu64 ", \"free_least\": %" PRIu64
           ", \"allocation_seconds\": %.6f, \"seconds\": [",
           run->list.count, run->threads, run->pageable ? "true" : "false", list_bytes(&run->list),
           list_flops(&run->list), run->opened, run->least, run->allocation);
    for (int i = 0; i < run->repeats; i++)
        printf("%s%.6f", i ? ", " : "", run->seconds[i]);
    printf("]}\n");
}

static int fail(const struct error *err)
{
    fprintf(stderr, "bench_gpu: %s\n", err->text);
    return err->kind == ERROR_USAGE ? 2 : 1;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct request request;
    struct bench_run run = {.backend = NULL};
    struct backend *backend = NULL;
    if (read_request(&request, argc, argv) != 0)
        error_set_kind(&err, ERROR_USAGE, "see the head of tests/gpu/bench.c for its use");
    else if (make_list(&run, &request, &err) == 0)
        open_device(&backend, request.device, &err);
    if (backend) {
        run.backend = backend;
        if (run_bench(&run, &err) == 0)
            print_run(&run, &request);
    }
    run_free(&run);
    if (backend)
        backend->close(backend);
    return err.kind == ERROR_NONE ? 0 : fail(&err);
}
