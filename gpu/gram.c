/* Slice by slice: copied, widened to fp64, and added to the Gram matrix's lower triangle.
 *
 * The shorter side is what the Gram matrix is of. A matrix [rows, cols] in rows is [cols, rows] in
 * columns, which is how cuBLAS sees it: where rows are fewer, a slice is a range of columns, each
 * slice a product B^T B; otherwise it is a range of rows, and a product B B^T.
 */
#include "gpu/stages.h"

/* Of the longer side. */
static int64_t slice_width(int64_t rows, int64_t cols)
{
    int64_t width = SLICE / shorter(rows, cols), all = longer(rows, cols);
    return width < 1 ? 1 : width < all ? width : all;
}

void gram_take(struct gram_work *work, struct arena *arena, int64_t rows, int64_t cols)
{
    uint64_t count = (uint64_t)(slice_width(rows, cols) * shorter(rows, cols));
    work->slice = arena_take(arena, count, sizeof *work->slice);
    work->wide = arena_take(arena, count, sizeof *work->wide);
}

/* Bytes between two rows, at the most, that a copy of a rectangle takes. */
static const int64_t pitch_most = INT32_MAX;

/* Columns [from, from + width) of a matrix with wider rows. */
static cudaError_t copy_rows(float *to, const float *matrix, int64_t rows, int64_t cols,
                             int64_t from, int64_t width, cudaStream_t stream)
{
    cudaError_t status = cudaSuccess;
    for (int64_t i = 0; i < rows && status == cudaSuccess; i++)
        status = cudaMemcpyAsync(to + i * width, matrix + i * cols + from,
                                 (size_t)width * sizeof *to, cudaMemcpyHostToDevice, stream);
    return status;
}

/* Columns [from, from + width) of the matrix, or rows where these are more. */
static cudaError_t copy_slice(float *to, const float *matrix, int64_t rows, int64_t cols,
                              int64_t from, int64_t width, cudaStream_t stream)
{
    if (rows > cols)
        return cudaMemcpyAsync(to, matrix + from * cols, (size_t)(width * cols) * sizeof *to,
                               cudaMemcpyHostToDevice, stream);
    if (cols * (int64_t)sizeof *to > pitch_most)
        return copy_rows(to, matrix, rows, cols, from, width, stream);
    return cudaMemcpy2DAsync(to, (size_t)width * sizeof *to, matrix + from,
                             (size_t)cols * sizeof *to, (size_t)width * sizeof *to, (size_t)rows,
                             cudaMemcpyHostToDevice, stream);
}

static cublasStatus_t add_slice(const struct stream_slot *slot, double *gram, const double *wide,
                                int64_t rows, int64_t cols, int64_t width, bool first)
{
    const double one = 1, before = first ? 0 : 1;
    int n = (int)shorter(rows, cols);
    bool transposed = rows <= cols;
    return cublasDsyrk(slot->blas, CUBLAS_FILL_MODE_LOWER, transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                       n, (int)width, &one, wide, transposed ? (int)width : n, &before, gram, n);
}

/* Everything is queued on the slot's stream; `found` is set by a kernel where an element is not
 * finite, and looked at when the stream is waited for. */
int gram_put(const struct stream_slot *slot, const struct gram_work *work, double *gram, int *found,
             const float *matrix, int64_t rows, int64_t cols, struct error *err)
{
    int64_t n = shorter(rows, cols), all = longer(rows, cols), most = slice_width(rows, cols);
    for (int64_t from = 0; from < all; from += most) {
        int64_t width = from + most < all ? most : all - from;
        cudaError_t status = copy_slice(work->slice, matrix, rows, cols, from, width, slot->stream);
        if (status == cudaSuccess)
            status = kernel_widen(work->wide, found, work->slice, width * n, slot->stream);
        if (status_check(status, err) != 0 ||
            status_check_blas(add_slice(slot, gram, work->wide, rows, cols, width, from == 0),
                              err) != 0)
            return -1;
    }
    return status_check(kernel_mirror(gram, n, slot->stream), err);
}
