/* Packing: documents into rows of exactly seq_len tokens, in a seeded order, resumable exactly.
 *
 * A document is put whole into the row, of those that are not full, that it fills best; only one
 * that is longer than a row is cut, into parts of a row's length, each a document of its own
 * without the context before. Attention never crosses a document (offsets), positions restart at 0
 * in each, targets are the next token of the document (also where a row's end cuts it), -1 at its
 * end and where the mask of that next token is 0. What is left of a row is padding: a document of
 * its own without targets. A row without any target is passed over. The rows of epoch e depend on
 * (seed, e) alone.
 *
 * Where sources have weights (dataset.h), an epoch has each document of a source of weight w
 * floor(w) times, and a share of them, w - floor(w), once more: in a seeded order of its own, epoch
 * after epoch takes the next of them, so that over the epochs each comes as often as any other.
 */
#ifndef SPECTRUM_TEXT_PACKING_H
#define SPECTRUM_TEXT_PACKING_H

#include "text/dataset.h"

#include <stddef.h>
#include <stdint.h>

struct packing;

/* Where a run stands: the next row to be given out. All that a resume needs, with the seed. */
struct packing_position {
    uint64_t epoch;
    uint64_t row; /* rows given out or passed over in this epoch */
};

/* `batch_rows` rows of seq_len tokens, T = batch_rows * seq_len, in memory of its own. */
struct batch {
    int64_t tokens;     /* T */
    int32_t *ids;       /* [T] */
    int32_t *targets;   /* [T], -1 = not supervised */
    int32_t *positions; /* [T], restart in each document */
    int32_t *offsets; /* [documents + 1], offsets[0] = 0, offsets[documents] = T; room for T + 1 */
    int documents;
    int64_t supervised; /* targets that are not -1 */
};

int batch_alloc(struct batch *batch, int64_t batch_rows, int64_t seq_len, struct error *err);
void batch_free(struct batch *batch);

/* Packs the listed documents of a data set, which ascend; it must outlive the packing (the list
 * need not). `pad` is the token id that fills rows (any valid id). `shuffle` false keeps the file's
 * order and takes each document once, whatever its weight (evaluation). An error when no row would
 * have a target. */
int packing_new(struct packing **out, const struct dataset *data, const size_t *documents,
                size_t count, int64_t seq_len, uint64_t seed, bool shuffle, int32_t pad,
                struct error *err);
void packing_free(struct packing *packing);

/* Rows of the present epoch, those without targets included; another has about as many. */
uint64_t packing_rows(const struct packing *packing);

/* Documents that are longer than a row. */
size_t packing_cut_documents(const struct packing *packing);

struct packing_position packing_position(const struct packing *packing);
void packing_seek(struct packing *packing, struct packing_position position);

/* Fills all rows of the batch, going into the next epoch where one ends. Fails only where the data
 * cannot be read. */
int packing_next(struct packing *packing, struct batch *batch, int64_t batch_rows,
                 struct error *err);

/* The same but stops at the epoch's end: rows that are left over are padding. Returns the number of
 * rows filled, 0 when the epoch is done (evaluation: one pass, then packing_seek()), -1. */
int packing_next_in_epoch(struct packing *packing, struct batch *batch, int64_t batch_rows,
                          struct error *err);

/* Splits documents 0..documents-1 into training and evaluation sets, `fraction` of them (at least
 * one, fewer than all) for evaluation, chosen by (seed). Indices ascend. Both lists are allocated
 * and become the caller's. */
int dataset_split(const struct dataset *data, double fraction, uint64_t seed, size_t **train,
                  size_t *train_count, size_t **eval, size_t *eval_count, struct error *err);

#endif
