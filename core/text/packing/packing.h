/* Packing: pieces of documents (pieces.h) into rows of exactly seq_len tokens, in a seeded order,
 * resumable exactly.
 *
 * A piece is put whole into the row, of those that are not full, that it fills best. Attention
 * never crosses a piece (offsets), positions restart at 0 in each. What is left of a row is
 * padding: a document of its own without targets. Every row has a target, as every piece has. The
 * rows of epoch e depend on (seed, e) alone; what is shuffled is pieces, so that the rows of a long
 * text come in another order in each epoch, too.
 *
 * Where sources have weights (dataset.h), an epoch has each unit (a document, or a row of a text)
 * of a source of weight w floor(w) times, and a share of them, w - floor(w), once more: in a seeded
 * order of its own, epoch after epoch takes the next of them, so that over the epochs each comes as
 * often as any other. (The weights of sources say how often a piece comes, those of tokens how much
 * its loss counts.)
 */
#ifndef SPECTRUM_TEXT_PACKING_PACKING_H
#define SPECTRUM_TEXT_PACKING_PACKING_H

#include "text/packing/pieces.h"

#include <stddef.h>
#include <stdint.h>

struct packing;

/* Where a run stands: the next row to be given out. All that a resume needs, with the seed. */
struct packing_position {
    uint64_t epoch;
    uint64_t row; /* rows given out in this epoch */
};

/* `batch_rows` rows of seq_len tokens, T = batch_rows * seq_len, in memory of its own. */
struct batch {
    int64_t tokens;     /* T */
    int32_t *ids;       /* [T] */
    int32_t *targets;   /* [T], -1 = not supervised */
    float *weights;     /* [T], of the targets: above 0, and 0 where there is none. NULL: 1 each */
    int32_t *positions; /* [T], restart in each document */
    int32_t *offsets; /* [documents + 1], offsets[0] = 0, offsets[documents] = T; room for T + 1 */
    int documents;
    int64_t supervised; /* targets that are not -1 */
    double weight;      /* the sum of their weights */
};

/* Weights begin as 1. */
int batch_alloc(struct batch *batch, int64_t batch_rows, int64_t seq_len, struct error *err);
void batch_free(struct batch *batch);

/* Packs a list of pieces, which must outlive the packing. `pad` is the token id that fills rows
 * (any valid id). `shuffle` false keeps the file's order and takes each piece once, whatever its
 * source's weight (evaluation). */
int packing_new(struct packing **out, const struct piece_list *pieces, uint64_t seed, bool shuffle,
                int32_t pad, struct error *err);
void packing_free(struct packing *packing);

/* Rows of the present epoch; another can have one more or less. */
uint64_t packing_rows(const struct packing *packing);

/* Targets of the present epoch: of a source with a weight, as often as it comes. */
uint64_t packing_targets(const struct packing *packing);

/* Steps of `rows_per_step` rows that so many passes over the data are. A step takes rows of one
 * epoch only, so that an epoch's last one may be short. Of a part of an epoch it is that part of
 * its steps, rounded up. Lays out every epoch; the position stays. */
int64_t packing_steps(struct packing *packing, double epochs, int64_t rows_per_step);

struct packing_position packing_position(const struct packing *packing);
void packing_seek(struct packing *packing, struct packing_position position);

/* Fills the batch with the next rows of the present epoch; where too few are left, the others are
 * padding. Returns the number of rows filled, 0 when the epoch is done (packing_seek() begins
 * another), or -1 where the data cannot be read. */
int packing_next(struct packing *packing, struct batch *batch, int64_t batch_rows,
                 struct error *err);

#endif
