/* Pieces: what a document becomes in rows of seq_len tokens. All but the longest are one piece.
 *
 * A document that is longer than a row is left out, cut off after its first row, or split into
 * parts of a row's length, each a document of its own without what came before (`enum
 * long_documents`). Plain text is split; of a record with a prompt, only the beginning makes sense.
 *
 * A piece's token t has the next token of the document as its target, and counts as much as that
 * weighs. Where a document is split, the token after the cut is still the target of the last one
 * before it; where it is cut off, nothing after the cut is. A piece without a target of a weight
 * above 0 would cost a row's time and teach nothing: it is not in the list.
 */
#ifndef SPECTRUM_TEXT_PACKING_PIECES_H
#define SPECTRUM_TEXT_PACKING_PIECES_H

#include "text/dataset/dataset.h"

enum long_documents {
    /* Plain text is split, records with a prompt are cut off; where that leaves nothing to learn
     * from in all of the data, they are split after all (`without_prompt`) */
    LONG_BY_KIND,
    LONG_DROP,
    LONG_TRUNCATE,
    LONG_SPLIT /* an error where a record has a prompt */
};
/* "drop", "truncate", "split"; a NULL ends them. */
extern const char *const long_documents_names[];

/* "drop", "truncate", "split"; NULL stands for the kind's own. 0, or ERROR_USAGE. */
int long_documents_by_name(enum long_documents *out, const char *name, struct error *err);

/* What becomes of one document of so many tokens; LONG_BY_KIND where some of the data is left. */
enum piece_fate { PIECE_WHOLE, PIECE_DROPPED, PIECE_TRUNCATED, PIECE_SPLIT };
enum piece_fate piece_fate(enum long_documents how, bool prompted, uint64_t length,
                           int64_t seq_len);

/* Tokens of the document from part * seq_len on. Small: there are as many as documents. */
struct piece {
    uint32_t document, part;
    uint32_t targets; /* of a weight above 0 */
};

/* What became of the documents: for whoever says so. */
struct piece_counts {
    size_t dropped, truncated, split; /* documents longer than a row */
    size_t without_target;            /* documents of which no piece has one */
    bool without_prompt;              /* records with a prompt were split: nothing else was left */
    uint64_t supervised;              /* targets of the pieces */
    int64_t longest;                  /* tokens of the longest piece */
};

/* Some pieces of a data set, ascending. It does not own the data. */
struct piece_list {
    const struct dataset *data;
    int64_t seq_len;
    enum long_documents how;
    struct piece *items;
    size_t count;
    struct piece_counts counts;
};

/* All pieces of the data. Reads all of its weights once. An error where none is left, or where
 * LONG_SPLIT meets a record with a prompt. */
int pieces_list(struct piece_list *out, const struct dataset *data, int64_t seq_len,
                enum long_documents how, struct error *err);
void pieces_free(struct piece_list *list);

/* Where a piece's tokens begin in the data set; *length of them, at most seq_len, and *known of
 * them or one more: those that may be targets. */
uint64_t piece_tokens(const struct piece_list *list, const struct piece *piece, int64_t *length,
                      int64_t *known);

/* How many pieces are of sources before `source`. */
size_t pieces_source_begin(const struct piece_list *list, size_t source);

/* A unit is what is kept or left together where only a part of the data is taken: a document's
 * pieces; of a stream of text, each row is one. Does one begin with piece i? */
bool pieces_begin_unit(const struct piece_list *list, size_t i);
size_t pieces_units(const struct piece_list *list);

/* Splits into training and evaluation sets, `fraction` of the units (at least one, fewer than all)
 * for evaluation, chosen by the seed. `counts` of both are the whole list's, but for `supervised`
 * and `longest`. */
int pieces_divide(const struct piece_list *list, double fraction, uint64_t seed,
                  struct piece_list *train, struct piece_list *eval, struct error *err);

/* Brings indices into an order drawn by chance. `what` tells apart shuffles of one seed: an epoch,
 * or a number that none has. */
void indices_shuffle(size_t *items, size_t count, uint64_t seed, uint64_t what);

#endif
