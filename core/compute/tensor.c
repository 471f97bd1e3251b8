#include "compute/tensor.h"

static size_t blocks_of(size_t count, size_t block)
{
    return (count + block - 1) / block;
}

struct stored_bytes storage_bytes(enum storage storage, int64_t count)
{
    size_t n = (size_t)count, blocks = blocks_of(n, WEIGHT_BLOCK);
    switch (storage) {
    case STORAGE_INT8:
        return (struct stored_bytes){n, blocks * sizeof(float)};
    case STORAGE_NF4:
        return (struct stored_bytes){
            blocks_of(n, 2), (1 + blocks_of(blocks, WEIGHT_GROUP)) * sizeof(float) + blocks};
    case STORAGE_DYNAMIC8:
        return (struct stored_bytes){n, blocks_of(n, MOMENT_BLOCK) * sizeof(float)};
    default:
        return (struct stored_bytes){n * storage_size(storage), 0};
    }
}
