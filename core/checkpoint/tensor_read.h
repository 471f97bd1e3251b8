/* The tensors of an open checkpoint: which there are, their data by positioned reads, checked and
 * widened, and what tells one content from another. */
#ifndef SPECTRUM_CHECKPOINT_TENSOR_READ_H
#define SPECTRUM_CHECKPOINT_TENSOR_READ_H

#include "base/error.h"
#include "checkpoint/tensor_info.h"

#include <stddef.h>

struct checkpoint;

/* Tensors in file order (shards in the order of their names). Owned by the checkpoint. */
size_t checkpoint_count(const struct checkpoint *checkpoint);
const struct tensor_info *checkpoint_tensor(const struct checkpoint *checkpoint, size_t index);
const struct tensor_info *checkpoint_find(const struct checkpoint *checkpoint, const char *name);

/* Reads `count` elements from element `first` on, in row-major order, widened to float (exact for
 * F32, F16, BF16 and integers below 2^24; quantised types as they are dequantised by their
 * definition; F64 rounded: use checkpoint_read_f64). `first` and `count` must be multiples of the
 * dtype's block size. Thread-safe. */
int checkpoint_read_f32(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        int64_t first, int64_t count, float *out, struct error *err);
int checkpoint_read_f64(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        int64_t first, int64_t count, double *out, struct error *err);
/* The stored bytes [first_byte, first_byte + count). */
int checkpoint_read_raw(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        uint64_t first_byte, uint64_t count, void *out, struct error *err);

/* The tensor is to be read soon: the system may bring it into memory meanwhile. */
void checkpoint_expect(const struct checkpoint *checkpoint, const struct tensor_info *tensor);

/* 32 hexadecimal digits over the content: names, shapes, dtypes and bytes of every tensor, tensors
 * above 1 MiB by 64 evenly spaced blocks of 16 KiB.
 * The same for a copied or moved checkpoint. */
int checkpoint_fingerprint(const struct checkpoint *checkpoint, char out[33], struct error *err);

/* 32 hexadecimal digits that say which files these are and in which state: device, inode, size and
 * time of change of each; or what their place names them by. The same for a moved checkpoint, not for
 * a copied one. */
int checkpoint_identity(const struct checkpoint *checkpoint, char out[33], struct error *err);

#endif
