/* A tensor: memory of a device, how values are stored there, and the shape. Activations, weights,
 * gradients, token ids and an optimiser's state are all described by it; whoever passes one owns
 * nothing by it, as the memory belongs to its buffer.
 */
#ifndef SPECTRUM_COMPUTE_TENSOR_H
#define SPECTRUM_COMPUTE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device_buffer; /* memory of a device: only its back end knows more */

/* A place in a buffer. A NULL buffer means "not there" where an operation allows that. */
struct place {
    struct device_buffer *buffer;
    size_t offset; /* bytes; a multiple of 64 for matrices */
};

/* How the values of a tensor of n elements are stored, row by row.
 *
 * The quantised ones have scales beside their data, blocks are of consecutive elements, and the
 * last one may be shorter. With B = ceil(n / 64) and G = ceil(B / 256):
 *
 *     INT8      data i8 [n]; scales: absmax f32 [B], the largest magnitude of a block of 64.
 *               value = code * (absmax / 127)
 *     NF4       QLoRA (arXiv 2305.14314), as bitsandbytes has it: data u8 [ceil(n / 2)], two codes
 *               a byte, the first in the high half; scales: offset f32 [1], absmax2 f32 [G],
 *               q u8 [B], one after another: a block's absmax is quantised itself, in groups of
 *               256 blocks.
 *               absmax = dynamic_map[q] * absmax2 + offset,  value = nf4_values[code] * absmax
 *     DYNAMIC8  an optimiser's moments (Dettmers et al., "8-bit optimizers via block-wise
 *               quantization", ICLR 2022): code u8 [n]; scales: absmax f32 [ceil(n / 256)], of a
 *               block of 256. A first moment has the signed map, a second the unsigned one
 *               (dynamic.h).  value = dynamic_map[code] * absmax
 */
enum storage {
    STORAGE_F32,
    STORAGE_BF16,
    STORAGE_INT8,
    STORAGE_NF4,
    STORAGE_DYNAMIC8,
    STORAGE_I32, /* token ids, positions */
    STORAGE_F64, /* sums of losses and squares */
    STORAGE_U8   /* bytes: workspaces, and what is only copied or cleared */
};

/* Elements of a quantised weight's block; NF4: blocks of a group, which share the scale of their
 * scales; elements of a block of 8-bit moments. */
enum { WEIGHT_BLOCK = 64, WEIGHT_GROUP = 256, MOMENT_BLOCK = 256 };

/* A matrix, or a vector as a matrix of one row. */
struct tensor {
    struct place data, scales; /* scales: not there for what is not quantised */
    enum storage storage;
    int64_t rows, cols;
};

/* Bytes of one element of what is not quantised. */
static inline size_t storage_size(enum storage storage)
{
    switch (storage) {
    case STORAGE_F64:
        return 8;
    case STORAGE_BF16:
        return 2;
    case STORAGE_U8:
        return 1;
    default:
        return 4;
    }
}

/* Bytes; scales 0: there are none. */
struct stored_bytes {
    size_t data, scales;
};

/* Blocks that `count` elements come to, the last one perhaps shorter. */
static inline size_t storage_blocks(size_t count, size_t block)
{
    return (count + block - 1) / block;
}

/* Of `count` elements in any storage. */
static inline struct stored_bytes storage_bytes(enum storage storage, int64_t count)
{
    size_t n = (size_t)count, blocks = storage_blocks(n, WEIGHT_BLOCK);
    switch (storage) {
    case STORAGE_INT8:
        return (struct stored_bytes){n, blocks * sizeof(float)};
    case STORAGE_NF4:
        return (struct stored_bytes){storage_blocks(n, 2),
                                     (1 + storage_blocks(blocks, WEIGHT_GROUP)) * sizeof(float) +
                                         blocks};
    case STORAGE_DYNAMIC8:
        return (struct stored_bytes){n, storage_blocks(n, MOMENT_BLOCK) * sizeof(float)};
    default:
        return (struct stored_bytes){n * storage_size(storage), 0};
    }
}

static inline struct tensor tensor_at(struct place data, enum storage storage, int64_t rows,
                                      int64_t cols)
{
    return (struct tensor){.data = data, .storage = storage, .rows = rows, .cols = cols};
}

/* Memory as it is: for workspaces, and for what is only copied or cleared. */
static inline struct tensor tensor_of_bytes(struct place data, size_t bytes)
{
    return tensor_at(data, STORAGE_U8, 1, (int64_t)bytes);
}

/* The same values in rows of `cols`, of which their number is a multiple: q [T, heads head_dim] is
 * [T heads, head_dim] to the norm of its heads. */
static inline struct tensor tensor_in_rows_of(struct tensor tensor, int64_t cols)
{
    tensor.rows = tensor.rows * tensor.cols / cols;
    tensor.cols = cols;
    return tensor;
}

static inline bool tensor_is_there(const struct tensor *tensor)
{
    return tensor->data.buffer != NULL;
}

static inline int64_t tensor_elements(const struct tensor *tensor)
{
    return tensor->rows * tensor->cols;
}

static inline struct stored_bytes tensor_bytes(const struct tensor *tensor)
{
    return storage_bytes(tensor->storage, tensor_elements(tensor));
}

#endif
