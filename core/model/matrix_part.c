#include "model/matrix_part.h"

#include "base/memory.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

/* --- one of its matrices --- */

static struct lines all_of(int64_t count)
{
    return (struct lines){0, count, count, 1};
}

/* The whole of a matrix, or of the n-th one of a stack [n, rows, cols]. */
struct matrix_part matrix_part(const struct model *model, const struct parameter *parameter,
                               int64_t n)
{
    bool stack = parameter_is_stack(model, parameter);
    int64_t rows = stack ? parameter->tensor->shape[1] : parameter->rows;
    return (struct matrix_part){.parameter = parameter,
                                .expert = stack ? n : -1,
                                .down = all_of(rows),
                                .over = all_of(parameter->cols),
                                .rows = rows,
                                .cols = parameter->cols};
}

bool matrix_part_is_of_several(const struct matrix_part *part)
{
    return part->expert >= 0 || part->projection;
}

/* --- reading --- */

/* Of whole rows of which some columns are taken: many, as what is stored by columns is read in one
 * way through the matrix. */
static int64_t rows_at_once(const struct matrix_part *part)
{
    enum { VALUES = 1 << 24 };
    int64_t cols = part->parameter->cols, most = VALUES / cols;
    return most < 1 ? 1 : most < part->down.run ? most : part->down.run;
}

uint64_t matrix_part_need(const struct matrix_part *part)
{
    int64_t cols = part->parameter->cols;
    bool some = matrix_part_is_of_several(part) && part->cols < cols;
    return some ? (uint64_t)rows_at_once(part) * (uint64_t)cols * sizeof(float) : 0;
}

/* Rows [first, first + count) of the part's matrix, of each the part's columns. */
static int read_rows(const struct model *model, const struct matrix_part *part, int64_t first,
                     int64_t count, float *out, struct error *err)
{
    const struct lines *over = &part->over;
    const struct tensor_info *tensor = part->parameter->tensor;
    int64_t cols = part->parameter->cols;
    int64_t matrix = part->expert > 0 ? part->expert * tensor->shape[1] : 0;
    if (part->cols == cols)
        return checkpoint_read_f32(model->checkpoint, tensor, (matrix + first) * cols, count * cols,
                                   out, err);
    int64_t most = rows_at_once(part);
    float *rows = array_alloc((size_t)most, (size_t)cols * sizeof *rows, err);
    int status = rows ? 0 : -1;
    for (int64_t i = 0; status == 0 && i < count; i += most) {
        int64_t now = count - i < most ? count - i : most;
        status = checkpoint_read_f32(model->checkpoint, tensor, (matrix + first + i) * cols,
                                     now * cols, rows, err);
        for (int64_t row = 0; status == 0 && row < now; row++)
            for (int64_t k = 0; k < over->count; k++, out += over->run)
                memcpy(out, rows + row * cols + over->first + k * over->step,
                       (size_t)over->run * sizeof *out);
    }
    free(rows);
    return status;
}

/* Rows in runs, as they lie in the file: the part of a fused matrix is read without the rest, where
 * it is rows, and columns are picked out of the rows that they are in. */
int matrix_part_read(const struct model *model, const struct matrix_part *part, float *out,
                     struct error *err)
{
    const struct lines *down = &part->down;
    int status = 0;
    if (!matrix_part_is_of_several(part))
        return model_read_f32(model, part->parameter, out, err);
    for (int64_t k = 0; status == 0 && k < down->count; k++)
        status = read_rows(model, part, down->first + k * down->step, down->run,
                           out + k * down->run * part->cols, err);
    return status;
}
