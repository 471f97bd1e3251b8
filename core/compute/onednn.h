/* Matrix products by oneDNN; onednn.c is the only file that includes its headers. */
#ifndef SPECTRUM_COMPUTE_ONEDNN_H
#define SPECTRUM_COMPUTE_ONEDNN_H

#include "compute/backend.h"

struct onednn; /* an engine, a stream, and the primitives that were made so far */

struct onednn *onednn_new(struct error *err);
void onednn_free(struct onednn *onednn);

/* One operand: rows x cols; element (i, j) is at i * row_stride + j * col_stride, and one of the
 * two strides is 1. */
struct operand {
    const void *data;
    enum storage storage;
    int64_t row_stride, col_stride;
};

/* c[m, n] = or += a[m, k] b[k, n] (+ bias[n] where there is one, stored as b is), fp32
 * accumulation; c is row-major. Results depend on the shapes and the number of threads only. False,
 * with nothing done, where this processor has no such product (bf16 without AVX-512). */
bool onednn_matmul(struct onednn *onednn, void *c, enum storage c_storage,
                   enum accumulate accumulate, struct operand a, struct operand b, const void *bias,
                   int64_t m, int64_t n, int64_t k);

/* "oneDNN 2.6.3" */
const char *onednn_version(void);

#endif
