/* Matrix products by oneDNN; onednn.c is the only file that includes its headers. */
#ifndef SPECTRUM_COMPUTE_CPU_ONEDNN_H
#define SPECTRUM_COMPUTE_CPU_ONEDNN_H

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
 * accumulation; rows of c are c_stride elements apart. */
struct matmul {
    void *c;
    enum storage c_storage;
    int64_t c_stride;
    enum accumulate accumulate;
    struct operand a, b;
    const void *bias; /* or NULL */
    int64_t m, n, k;
};

/* False, with nothing done, where oneDNN has no such product on this processor; onednn_has() says
 * so beforehand. */
bool onednn_matmul(struct onednn *onednn, const struct matmul *matmul);
bool onednn_has(struct onednn *onednn, const struct matmul *matmul);

/* "oneDNN 2.6.3" */
const char *onednn_version(void);

#endif
