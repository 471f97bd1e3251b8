/* Weights that a quantiser stored as several tensors: codes, and the scales that make numbers of
 * them. In the tensor table such a weight is one tensor of the weight's own name and shape, of the
 * type DTYPE_COMPOSED, whose dtype_name says how it is stored; its parts are in the table no more.
 *
 *     compose() (compose.h) finds them -> composed_read, composed_read_raw -> composed_free
 *
 * Elements are read in units, that is, in what a quantiser's reader makes at once: a row, or a block
 * of codes that share a scale. Memory: a piece of some units and their codes, whatever the tensor's
 * size. Internal to core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_COMPOSED_H
#define SPECTRUM_CHECKPOINT_COMPOSED_H

#include "checkpoint/tensor_table.h"

enum { COMPOSED_PARTS_MAX = 8, COMPOSED_PIECE = 1 << 18 /* elements */ };

struct composed {
    /* Makes `units` units, from unit `first` on, of a piece: out[units * unit]; what a last unit
     * has beyond the tensor's end is left as it is. */
    int (*read)(const struct checkpoint *checkpoint, const struct composed *composed, int64_t first,
                int64_t units, float *out, struct error *err);
    int64_t unit;                                 /* elements */
    int64_t piece;                                /* units; a read does not cross its multiples */
    int64_t elements;                             /* of the weight */
    int64_t rows, cols;                           /* of each of its matrices */
    struct tensor_info parts[COMPOSED_PARTS_MAX]; /* as stored, the codes first; own their names */
    size_t part_count;
    union {
        /* quantizer_fp8.c: a scale for each block of block_rows x block_cols */
        struct {
            int64_t block_rows, block_cols, grid_rows, grid_cols;
        } fp8;
        /* quantizer_fp4.c: a scale for each `group` elements of a row, and one for all, parts[2] */
        struct {
            int64_t group;
            bool whole, divides; /* there is one for all; scales are divided by it */
        } fp4;
        /* quantizer_int.c: codes of `bits` bits, a scale for each `group` elements of each row, or
         * of all rows; zeros: parts[2] has what is taken off each code */
        struct {
            int bits;
            int64_t group;
            bool shared, packed, zeros;
        } ints;
        /* quantizer_mlx.c: a scale and a bias for each `group` elements of a row */
        struct {
            int bits;
            int64_t group;
        } mlx;
        /* quantizer_bnb.c: an absmax for each `block` elements, itself a code where nested > 0 */
        struct {
            int64_t block, nested;
            enum dtype dtype;
            float map[16], offset;
        } bnb;
    };
};

/* [elements first, first + count) of a composed tensor, which has them. */
int composed_read(const struct checkpoint *checkpoint, const struct composed *composed,
                  int64_t first, int64_t count, float *out, struct error *err);

/* The bytes of its parts, one after another. */
int composed_read_raw(const struct checkpoint *checkpoint, const struct composed *composed,
                      uint64_t first, uint64_t count, void *out, struct error *err);

void composed_free(struct composed *composed);

/* --- for the readers --- */

/* Bytes of a part, newly allocated. */
void *part_read(const struct checkpoint *checkpoint, const struct tensor_info *part, uint64_t first,
                uint64_t count, struct error *err);

/* Elements of a part that is of a plain type, widened; newly allocated. */
float *part_read_f32(const struct checkpoint *checkpoint, const struct tensor_info *part,
                     int64_t first, int64_t count, struct error *err);

#endif
