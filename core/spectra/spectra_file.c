#include "spectra/spectra_file.h"

#include "base/memory.h"
#include "base/xdg.h"
#include "checkpoint/safetensors_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int spectra_file_write(const char *path, const struct scan_result *result, struct error *err)
{
    const struct scan *scan = result->scan;
    struct safetensors_entry *entries = array_alloc(scan->count, sizeof *entries, err);
    if (!entries)
        return -1;
    size_t count = 0;
    for (size_t i = 0; i < scan->count; i++)
        if (result->values[i])
            entries[count++] = (struct safetensors_entry){.name = scan->rows[i].module,
                                                          .dtype = DTYPE_F64,
                                                          .rank = 1,
                                                          .shape = {result->counts[i]}};
    const char *const metadata[] = {"format",      "spectrum.spectra", "version",   "1",
                                    "model",       scan->fingerprint,  "estimator", scan->estimator,
                                    "empty_noise", scan->empty_noise,  "precision", "F64",
                                    NULL};
    struct safetensors_writer writer;
    int status = safetensors_writer_open(&writer, path, entries, count, metadata, err);
    free(entries);
    if (status != 0)
        return -1;
    for (size_t i = 0; status == 0 && i < scan->count; i++)
        if (result->values[i])
            status = safetensors_writer_put(&writer, result->values[i],
                                            (size_t)result->counts[i] * sizeof(double), err);
    if (status == 0)
        return safetensors_writer_commit(&writer, err);
    safetensors_writer_abort(&writer);
    return -1;
}

static int take_over(struct scan_result *result, size_t row, const struct checkpoint *file,
                     const struct tensor_info *tensor, struct error *err)
{
    double *values = array_alloc((size_t)tensor->elements, sizeof *values, err);
    if (!values)
        return -1;
    if (checkpoint_read_f64(file, tensor, 0, tensor->elements, values, err) != 0) {
        free(values);
        return -1;
    }
    result->values[row] = values;
    result->counts[row] = tensor->elements;
    return 0;
}

int spectra_file_read(const char *path, struct scan_result *result, struct error *err)
{
    struct checkpoint *file = NULL;
    if (checkpoint_open(&file, path, err) != 0)
        return -1;
    int status = 0;
    for (size_t i = 0; status == 0 && i < result->scan->count; i++) {
        const struct scan_row *row = &result->scan->rows[i];
        const struct tensor_info *tensor = checkpoint_find(file, row->module);
        int64_t expected = row->rows < row->cols ? row->rows : row->cols;
        if (!result->values[i] && tensor && tensor->dtype == DTYPE_F64 &&
            tensor->elements == expected)
            status = take_over(result, i, file, tensor, err);
    }
    checkpoint_close(file);
    return status;
}

char *spectra_cache_path(const char *fingerprint, struct error *err)
{
    char name[64];
    char *folder = xdg_cache_folder("spectra", err);
    snprintf(name, sizeof name, "%.32s.safetensors", fingerprint);
    char *path = folder ? path_join(folder, name, err) : NULL;
    free(folder);
    return path;
}
