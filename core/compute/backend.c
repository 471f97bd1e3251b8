#include "compute/backend.h"

#include "compute/cpu.h"
#include "compute/guard.h"
#include "compute/host.h"
#include "compute/reference_common.h"
#include "compute/spectra_ops.h"

#include <string.h>

int backend_check(const char *device, struct error *err)
{
    static const char *const names[] = {"auto", "cpu", "guard", "reference"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(device, names[i]) == 0)
            return 0;
    if (strcmp(device, "cuda") == 0)
        return error_set(err, "--device cuda: this program has no CUDA plug-in; use cpu");
    return error_set_kind(err, ERROR_USAGE,
                          "there is no device \"%s\"; there are auto, cpu, cuda, reference",
                          device);
}

int backend_open(struct backend **out, const char *device, int threads, struct error *err)
{
    *out = NULL;
    if (backend_check(device, err) != 0)
        return -1;
    if (strcmp(device, "guard") == 0)
        return guard_backend_new(out, threads, err);
    if (strcmp(device, "reference") == 0)
        return host_backend_new(out, "reference", &reference_train_ops, &spectra_reference_ops, 1,
                                err);
    return cpu_backend_new(out, NULL, threads, err);
}

void backend_close(struct backend *backend)
{
    if (backend)
        backend->close(backend);
}
