/* Whole matrices, with the rotary rows of GGUF files put back into Hugging Face's order. */
#include "model/model.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* llama.cpp's converter stores row j + p * d/2 of a head (p = 0, 1) as row 2 j + p; this puts the
 * rows of one head back. `row` is the bytes of a row. */
static void deinterleave_head(char *head, char *copy, int64_t head_dim, size_t row)
{
    memcpy(copy, head, (size_t)head_dim * row);
    for (int64_t j = 0; j < head_dim / 2; j++)
        for (int64_t p = 0; p < 2; p++)
            memcpy(head + (size_t)(j + p * (head_dim / 2)) * row, copy + (size_t)(2 * j + p) * row,
                   row);
}

static int deinterleave(const struct module *module, float *matrix, struct error *err)
{
    /* A bias is 1 x n here: its "rows" are its elements. */
    int64_t rows = module->bias ? module->cols : module->rows;
    int64_t cols = module->bias ? 1 : module->cols;
    int heads = module->rotary_heads;
    if (heads == 0 || module->parameters == 0)
        return 0;
    if (rows % heads != 0 || rows / heads % 2 != 0)
        return error_set(err, "tensor %s: %lld rows do not make %d rotary heads",
                         module->tensor->name, (long long)rows, heads);
    int64_t head_dim = rows / heads;
    size_t row = (size_t)cols * sizeof *matrix;
    char *copy = array_alloc((size_t)head_dim, row, err);
    if (!copy)
        return -1;
    for (int h = 0; h < heads; h++)
        deinterleave_head((char *)matrix + (size_t)(h * head_dim) * row, copy, head_dim, row);
    free(copy);
    return 0;
}

/* The rows behind the tensor's own: the mean of those, each column summed in fp64. */
static int fill_added(const struct module *module, float *matrix, struct error *err)
{
    int64_t cols = module->cols, own = module->rows - module->added_rows;
    double *sums = array_alloc((size_t)cols, sizeof *sums, err);
    if (!sums)
        return -1;
    for (int64_t i = 0; i < own; i++)
        for (int64_t j = 0; j < cols; j++)
            sums[j] += (double)matrix[i * cols + j];
    for (int64_t i = own; i < module->rows; i++)
        for (int64_t j = 0; j < cols; j++)
            matrix[i * cols + j] = (float)(sums[j] / (double)own);
    free(sums);
    return 0;
}

int model_read_f32(const struct model *model, const struct module *module, float *out,
                   struct error *err)
{
    int64_t own = module->parameters - module->added_rows * module->cols;
    if (checkpoint_read_f32(model->checkpoint, module->tensor, 0, own, out, err) != 0)
        return -1;
    return module->added_rows > 0 ? fill_added(module, out, err) : deinterleave(module, out, err);
}
