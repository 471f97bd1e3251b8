#include "spectra/scan_matrix.h"

#include "base/memory.h"
#include "base/text.h"
#include "compute/spectra.h"
#include "model/score_rows.h"

#include <stdio.h>
#include <stdlib.h>

int64_t value_count(const struct parameter *parameter)
{
    return parameter->rows < parameter->cols ? parameter->rows : parameter->cols;
}

uint64_t need_of(const struct run *run, const struct backend *backend, size_t row)
{
    const struct parameter *parameter = run->parameters[row];
    bool empty = parameter->rows < 1 || parameter->cols < 1;
    return empty ? 0 : scratch_need(backend, parameter->rows, parameter->cols);
}

bool is_refused(const struct run *run, const struct backend *backend, size_t row)
{
    char reason[64];
    return scan_row_refusal(run->parameters[row], reason, sizeof reason) ||
           need_of(run, backend, row) > run->memory;
}

static void say_refused(const struct run *run, const struct backend *backend, size_t row,
                        char *reason, size_t size)
{
    if (!scan_row_refusal(run->parameters[row], reason, size))
        snprintf(reason, size, "needs %s, %s are free",
                 bytes_text((double)need_of(run, backend, row)).text,
                 bytes_text((double)run->memory).text);
}

static int compute(struct outcome *out, const struct backend *backend,
                   const struct parameter *parameter, const struct scratch *scratch,
                   struct error *err)
{
    struct error trouble = ERROR_INIT;
    out->values = array_alloc((size_t)value_count(parameter), sizeof *out->values, err);
    if (!out->values)
        return error_prefix(err, "%s", parameter->name);
    if (backend->spectra->values(backend->self, out->values, scratch->matrix, parameter->rows,
                                 parameter->cols, scratch->room, &trouble) == 0)
        return 0;
    free(out->values);
    out->values = NULL;
    if (trouble.kind == ERROR_NOT_HERE)
        out->end = OUTCOME_NOT_HERE;
    snprintf(out->reason, sizeof out->reason, "%.63s", trouble.text);
    if (trouble.kind == ERROR_NOT_FINITE || trouble.kind == ERROR_NOT_HERE)
        return 0;
    if (trouble.kind == ERROR_DEVICE) /* which has nothing to do with this matrix */
        return error_set_kind(err, trouble.kind, "%s", trouble.text);
    return error_set(err, "%s: %s", parameter->name, trouble.text);
}

int work_out(struct outcome *out, struct run *run, const struct backend *backend, size_t row,
             struct scratch *scratch, struct error *err)
{
    const struct parameter *parameter = run->parameters[row];
    struct error trouble = ERROR_INIT;
    *out = (struct outcome){.end = OUTCOME_KNOWN};
    if (is_refused(run, backend, row)) {
        say_refused(run, backend, row, out->reason, sizeof out->reason);
        return 0;
    }
    if (scratch_reserve(scratch, backend, parameter->rows, parameter->cols, &trouble) != 0) {
        snprintf(out->reason, sizeof out->reason, "%.63s", trouble.text);
        out->end = OUTCOME_NO_MEMORY;
        return 0;
    }
    if (model_read_f32(run->model, parameter, scratch->matrix, err) != 0)
        return error_prefix(err, "%s", parameter->name);
    out->values = spectra_cache_by_content(&run->cache, row, scratch->matrix, parameter->numel);
    if (!out->values)
        return compute(out, backend, parameter, scratch, err);
    out->end = OUTCOME_CACHED;
    return 0;
}
