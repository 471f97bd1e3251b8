/* Matrix products of the CPU, whatever the types: oneDNN's own, or, where the processor has none of
 * bf16 (no AVX-512), fp32 panels in their place. Results depend on the shapes and the
 * number of threads only.
 */
#ifndef SPECTRUM_COMPUTE_CPU_PRODUCTS_H
#define SPECTRUM_COMPUTE_CPU_PRODUCTS_H

#include "compute/cpu/onednn.h"

struct products;

struct products *products_new(struct error *err);
void products_free(struct products *products);

/* False, with nothing done, where there is no way; products_have() says so beforehand. */
bool products_run(struct products *products, const struct matmul *matmul);
bool products_have(struct products *products, const struct matmul *matmul);

#endif
