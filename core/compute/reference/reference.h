/* The reference back end: plain loops over host memory, everything widened to double, computed, and
 * rounded once. Never optimised: it is what every other back end is compared with, and where an
 * operation runs that another one lacks.
 *
 * One family of operations a file: linear.c (with embeddings), pointwise.c (with norms and
 * quantised weights), attention.c, head.c, optimizers.c, and jacobi.c for singular values;
 * reference.c makes the table, elements.h has what they read and write elements with.
 */
#ifndef SPECTRUM_COMPUTE_REFERENCE_H
#define SPECTRUM_COMPUTE_REFERENCE_H

#include "compute/host.h"
#include "compute/spectra.h"

/* Opens it; backend_close() frees it. */
int reference_backend_new(struct backend **out, struct error *err);

/* All operations, by enum op. They take tensors of any back end over host memory (host.h), with
 * that back end's self. */
extern op_function *const reference_ops[OP_COUNT];
size_t reference_workspace(void *self, const struct op_call *call);

/* One-sided Jacobi: slow, and accurate for small values, too. */
extern const struct spectra_ops reference_spectra_ops;

/* --- what the files share --- */

op_function reference_embedding_forward, reference_embedding_backward, reference_rmsnorm_forward,
    reference_rmsnorm_backward, reference_dequantize, reference_linear_forward,
    reference_linear_backward_input, reference_linear_backward_weight, reference_bias_backward,
    reference_rope, reference_attention_forward, reference_attention_backward,
    reference_swiglu_forward, reference_swiglu_backward, reference_add, reference_scale,
    reference_add_noise, reference_head_loss, reference_sum_squares, reference_adamw,
    reference_lion, reference_muon, reference_fill_zero, reference_copy;

size_t reference_attention_workspace(const struct op_attention_backward *a);
size_t reference_head_workspace(const struct op_head_loss *a);
size_t reference_muon_workspace(const struct op_muon *a);

#endif
