/* `spectrum scan MODEL --no-cache` with the processor's instructions held to a level:
 *
 *     bench_scan MODEL LEVEL        avx512bf16, avx512, avx2 or base (compute/devices/devices.c)
 *
 * One line, how many matrices there are. For scan.py, which times it as a whole process. Status 3:
 * this processor lacks the level. */
#include "compute/devices/devices.h"
#include "model/model.h"
#include "spectra/scan.h"
#include "spectra/scan_result.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct model *model = NULL;
    struct backend *backend = NULL;
    struct scan_result *result = NULL;
    const struct scan_options options = {.use_cache = false};
    struct error err = ERROR_INIT;
    if (argc != 3)
        return 2;
    if (cpu_backend_new(&backend, argv[2], 0, NULL) != 0)
        return 3;
    int status = model_open(&model, argv[1], &err) == 0 &&
                         scan_run(&result, model, backend, &options, NULL, &err) == 0
                     ? 0
                     : 1;
    if (status == 0)
        printf("%zu matrices\n", result->scan->count);
    else
        fprintf(stderr, "%s\n", err.text);
    scan_result_free(result);
    model_close(model);
    backend_close(backend);
    return status;
}
