#include "checkpoint/tensor_read.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/sys.h"
#include "checkpoint/composed.h"
#include "checkpoint/tensor_info.h"
#include "checkpoint/tensor_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- which tensors there are --- */

size_t checkpoint_count(const struct checkpoint *checkpoint)
{
    return checkpoint->tensor_count;
}

const struct tensor_info *checkpoint_tensor(const struct checkpoint *checkpoint, size_t index)
{
    return index < checkpoint->tensor_count ? &checkpoint->tensors[index] : NULL;
}

/* By halving over the names in order: models have hundreds of thousands. */
const struct tensor_info *checkpoint_find(const struct checkpoint *checkpoint, const char *name)
{
    size_t low = 0, high = checkpoint->tensor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct tensor_info *tensor = &checkpoint->tensors[checkpoint->by_name[middle]];
        int order = strcmp(name, tensor->name);
        if (order == 0)
            return tensor;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* --- their data --- */

/* As it is stored; of a tensor that is put together, its parts' bytes one after another. */
int checkpoint_read_raw(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        uint64_t first_byte, uint64_t count, void *out, struct error *err)
{
    const struct checkpoint_file *file = &checkpoint->files[tensor->file];
    if (tensor->composed && first_byte <= tensor->bytes && count <= tensor->bytes - first_byte)
        return composed_read_raw(checkpoint, tensor->composed, first_byte, count, out, err);
    if (first_byte > tensor->bytes || count > tensor->bytes - first_byte)
        return error_set(err, "tensor %s: bytes [%llu, +%llu) are outside its %llu", tensor->name,
                         (unsigned long long)first_byte, (unsigned long long)count,
                         (unsigned long long)tensor->bytes);
    return place_read_at(file, out, (size_t)count, tensor->offset + first_byte, err);
}

void checkpoint_expect(const struct checkpoint *checkpoint, const struct tensor_info *tensor)
{
    enum { PIECE = 128 << 10 }; /* Linux cuts larger ones to what it reads ahead */
    const struct composed *composed = tensor->composed;
    for (size_t i = 0; composed && i < composed->part_count; i++)
        checkpoint_expect(checkpoint, &composed->parts[i]);
    if (composed)
        return;
    int fd = checkpoint->files[tensor->file].fd;
    for (uint64_t at = 0; fd >= 0 && at < tensor->bytes; at += PIECE)
        posix_fadvise(fd, (off_t)(tensor->offset + at), PIECE, POSIX_FADV_WILLNEED);
}

/* Blocks are read whole: a range begins and ends between two. */
static int check_range(const struct tensor_info *tensor, int64_t first, int64_t count,
                       struct error *err)
{
    const struct dtype_traits *traits = dtype_traits(tensor->dtype);
    if (tensor->dtype == DTYPE_UNSUPPORTED)
        return error_set(
            err,
            "tensor %s has the type %s, which cannot be read%s%s; supported are F64 F32 F16 "
            "BF16, and in GGUF Q4_0 Q4_1 Q5_0 Q5_1 Q8_0, Q2_K to Q6_K, IQ1_S to "
            "IQ4_XS, TQ1_0 TQ2_0 and MXFP4",
            tensor->name, tensor->dtype_name, tensor->refusal ? ": " : "",
            tensor->refusal ? tensor->refusal : "");
    if (first < 0 || count < 0 || first > tensor->elements || count > tensor->elements - first ||
        first % traits->block_elements || count % traits->block_elements)
        return error_set(err, "tensor %s: elements [%lld, +%lld) cannot be read on their own",
                         tensor->name, (long long)first, (long long)count);
    return 0;
}

/* Bounded: a piece is at most READ_BLOCKS blocks, or what its place gives best at once, whatever the
 * tensor's size. */
enum { READ_BLOCKS = 1 << 16 };

/* In pieces, so that memory does not grow with the tensor; f32 is read in place. */
int checkpoint_read_f32(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        int64_t first, int64_t count, float *out, struct error *err)
{
    if (check_range(tensor, first, count, err) != 0)
        return -1;
    if (tensor->composed)
        return composed_read(checkpoint, tensor->composed, first, count, out, err);
    const struct dtype_traits *traits = dtype_traits(tensor->dtype);
    int64_t per_block = traits->block_elements, blocks = count / per_block;
    uint64_t at = (uint64_t)(first / per_block) * (uint64_t)traits->block_bytes;
    if (tensor->dtype == DTYPE_F32)
        return checkpoint_read_raw(checkpoint, tensor, at, (uint64_t)count * 4, out, err);
    int64_t best = (int64_t)place_piece(&checkpoint->files[tensor->file]) / traits->block_bytes;
    int64_t most = best > READ_BLOCKS ? best : READ_BLOCKS, piece = blocks < most ? blocks : most;
    void *raw = array_alloc((size_t)piece, (size_t)traits->block_bytes, err);
    int status = raw ? 0 : -1;
    for (int64_t done = 0; status == 0 && done < blocks; done += piece) {
        int64_t n = blocks - done < piece ? blocks - done : piece;
        uint64_t bytes = (uint64_t)n * (uint64_t)traits->block_bytes;
        status = checkpoint_read_raw(checkpoint, tensor, at, bytes, raw, err);
        if (status == 0)
            dtype_widen(tensor->dtype, raw, n * per_block, out + done * per_block);
        at += bytes;
    }
    free(raw);
    return status;
}

int checkpoint_read_f64(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        int64_t first, int64_t count, double *out, struct error *err)
{
    if (check_range(tensor, first, count, err) != 0)
        return -1;
    if (tensor->dtype == DTYPE_F64)
        return checkpoint_read_raw(checkpoint, tensor, (uint64_t)first * 8, (uint64_t)count * 8,
                                   out, err);
    /* The floats go into the upper half of the output and are widened from its start on: element i
     * is read at byte 4 (count + i), which no write before it has touched. */
    float *upper = (float *)(void *)out + count;
    if (checkpoint_read_f32(checkpoint, tensor, first, count, upper, err) != 0)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, upper + i, sizeof value);
        double wide = value;
        memcpy(out + i, &wide, sizeof wide);
    }
    return 0;
}

/* Content for the fingerprint: small tensors whole, of large ones evenly spaced blocks. */
enum { SAMPLE_WHOLE = 1 << 20, SAMPLE_BLOCK = 1 << 14, SAMPLE_COUNT = 64 };

/* Ranges of a tensor's bytes; of one that is composed they may lie in several parts. */
static int read_samples(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        struct byte_range *ranges, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (tensor->composed && checkpoint_read_raw(checkpoint, tensor, ranges[i].offset,
                                                    ranges[i].count, ranges[i].out, err) != 0)
            return -1;
        ranges[i].offset += tensor->offset;
    }
    return tensor->composed ? 0 : place_read(&checkpoint->files[tensor->file], ranges, count, err);
}

/* What goes into the fingerprint of one tensor: name, type, shape, and its bytes or their samples.
 */
static int hash_tensor(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                       struct hash *hash, char *buffer, struct error *err)
{
    hash_update(hash, tensor->name, strlen(tensor->name) + 1);
    hash_update(hash, tensor->dtype_name, strlen(tensor->dtype_name) + 1);
    hash_update(hash, tensor->shape, sizeof tensor->shape);
    bool whole = tensor->bytes <= SAMPLE_WHOLE;
    struct byte_range ranges[SAMPLE_COUNT] = {{buffer, 0, (size_t)tensor->bytes}};
    uint64_t stride = whole ? 0 : (tensor->bytes - SAMPLE_BLOCK) / (SAMPLE_COUNT - 1);
    for (uint64_t i = 0; i < SAMPLE_COUNT && !whole; i++)
        ranges[i] = (struct byte_range){buffer + i * SAMPLE_BLOCK, stride * i, SAMPLE_BLOCK};
    size_t total = whole ? (size_t)tensor->bytes : (size_t)SAMPLE_COUNT * SAMPLE_BLOCK;
    if (read_samples(checkpoint, tensor, ranges, whole ? 1 : SAMPLE_COUNT, err) != 0)
        return -1;
    hash_update(hash, buffer, total);
    return 0;
}

/* Of the contents: names, shapes and samples of each tensor, so that a copy has the same. */
int checkpoint_fingerprint(const struct checkpoint *checkpoint, char out[33], struct error *err)
{
    struct hash *hash = hash_new(err);
    char *buffer = hash ? array_alloc(SAMPLE_COUNT, SAMPLE_BLOCK, err) : NULL;
    int status = buffer ? 0 : -1;
    for (size_t i = 0; status == 0 && i < checkpoint->tensor_count; i++)
        status = hash_tensor(checkpoint, &checkpoint->tensors[i], hash, buffer, err);
    if (status == 0)
        hash_text(hash, out);
    free(buffer);
    if (hash)
        hash_free(hash);
    return status;
}

/* Of the files: cheap, and another one after any change or copy. It says whether a fingerprint that
 * was computed once still holds. */
int checkpoint_identity(const struct checkpoint *checkpoint, char out[33], struct error *err)
{
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        const struct byte_source *source = &checkpoint->files[i].source;
        struct stat at;
        if (source->read) {
            source->put_identity(source->context, hash);
            continue;
        }
        if (sys.fstat(checkpoint->files[i].fd, &at) != 0) {
            hash_free(hash);
            return error_set_errno(err, errno, "cannot look at %s", checkpoint->files[i].path);
        }
        const int64_t state[] = {(int64_t)at.st_dev, (int64_t)at.st_ino, (int64_t)at.st_size,
                                 (int64_t)at.st_mtim.tv_sec, (int64_t)at.st_mtim.tv_nsec};
        hash_update(hash, state, sizeof state);
    }
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}
