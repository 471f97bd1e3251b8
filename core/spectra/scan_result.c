#include "spectra/scan_result.h"

#include "base/folder.h"
#include "base/memory.h"
#include "base/xdg.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Also of a result whose arrays were not all made. */
void scan_result_free(struct scan_result *result)
{
    if (!result)
        return;
    for (size_t i = 0; result->scan && result->values && i < result->scan->count; i++)
        free(result->values[i]);
    scan_free(result->scan);
    free(result->values);
    free(result->counts);
    free(result);
}

/* --- files --- */

/* One module's vector; those of a result are borrowed. */
struct vector {
    const char *module;
    const double *values;
    int64_t count;
};

static size_t known_vectors(struct vector *out, const struct scan_result *result)
{
    size_t count = 0;
    for (size_t i = 0; i < result->scan->count; i++)
        if (result->values[i])
            out[count++] =
                (struct vector){result->scan->rows[i].module, result->values[i], result->counts[i]};
    return count;
}

/* One vector a module, as fp64 in a safetensors file; its metadata says of what scan they are. */
static int write_vectors(const char *path, bool output, const struct vector *vectors, size_t count,
                         const struct scan *scan, struct error *err)
{
    const char *const metadata[] = {"format",      "spectrum.spectra", "version",   "1",
                                    "model",       scan->fingerprint,  "estimator", scan->estimator,
                                    "empty_noise", scan->empty_noise,  "precision", "F64",
                                    NULL};
    struct safetensors_writer writer;
    struct safetensors_entry *entries = array_alloc(count, sizeof *entries, err);
    if (!entries)
        return -1;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct safetensors_entry){
            .name = vectors[i].module, .dtype = DTYPE_F64, .rank = 1, .shape = {vectors[i].count}};
    int status = (output ? safetensors_writer_open_output
                         : safetensors_writer_open)(&writer, path, entries, count, metadata, err);
    free(entries);
    if (status != 0)
        return -1;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = safetensors_writer_put(&writer, vectors[i].values,
                                        (size_t)vectors[i].count * sizeof(double), err);
    if (status == 0)
        return safetensors_writer_commit(&writer, err);
    safetensors_writer_abort(&writer);
    return -1;
}

static int write_known(const char *path, bool output, const struct scan_result *result,
                       struct error *err)
{
    struct vector *vectors = array_alloc(result->scan->count, sizeof *vectors, err);
    if (!vectors)
        return -1;
    int status =
        write_vectors(path, output, vectors, known_vectors(vectors, result), result->scan, err);
    free(vectors);
    return status;
}

int spectra_file_write(const char *path, const struct scan_result *result, struct error *err)
{
    return write_known(path, true, result, err);
}

/* Appends what the file has beside the first `known` vectors; the values are the caller's to free.
 */
static size_t other_vectors(struct vector *out, size_t known, const struct checkpoint *file,
                            const bool *replaced)
{
    size_t count = known;
    for (size_t i = 0; i < checkpoint_count(file); i++) {
        const struct tensor_info *tensor = checkpoint_tensor(file, i);
        double *values = NULL;
        if (tensor->dtype != DTYPE_F64 || replaced[i] ||
            !(values = array_alloc((size_t)tensor->elements, sizeof *values, NULL)))
            continue;
        if (checkpoint_read_f64(file, tensor, 0, tensor->elements, values, NULL) == 0)
            out[count++] = (struct vector){tensor->name, values, tensor->elements};
        else
            free(values);
    }
    return count;
}

/* What is known now, and of the file that is there what this scan does not have: scans of parts of
 * a model add to one another. */
int spectra_cache_write(const char *path, const struct scan_result *result, struct error *err)
{
    struct checkpoint *file = NULL;
    if (checkpoint_open(&file, path, NULL) != 0)
        return write_known(path, false, result, err);
    int status = -1;
    size_t inside = checkpoint_count(file);
    struct vector *vectors = array_alloc(result->scan->count + inside, sizeof *vectors, err);
    bool *replaced = array_alloc(inside, sizeof *replaced, err);
    if (vectors && replaced) {
        size_t known = known_vectors(vectors, result);
        for (size_t i = 0; i < known; i++) {
            const struct tensor_info *tensor = checkpoint_find(file, vectors[i].module);
            if (tensor)
                replaced[tensor - checkpoint_tensor(file, 0)] = true;
        }
        size_t count = other_vectors(vectors, known, file, replaced);
        status = write_vectors(path, false, vectors, count, result->scan, err);
        for (size_t i = known; i < count; i++)
            free((void *)(uintptr_t)vectors[i].values);
    }
    free(vectors);
    free(replaced);
    checkpoint_close(file);
    return status;
}

/* What fits a row that has no values yet is taken, anything else passed over: the file may be of
 * another scan. */
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
        if (result->values[i] || !tensor || tensor->dtype != DTYPE_F64 ||
            tensor->elements != expected)
            continue;
        double *values = array_alloc((size_t)expected, sizeof *values, err);
        status = values ? checkpoint_read_f64(file, tensor, 0, expected, values, err) : -1;
        if (status != 0) {
            free(values);
            continue;
        }
        result->values[i] = values;
        result->counts[i] = expected;
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
