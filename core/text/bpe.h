/* The merge loop of byte-pair encoding (Sennrich, Haddow & Birch, "Neural Machine Translation of
 * Rare Words with Subword Units", ACL 2016): of all neighbouring pairs that the table knows, the
 * one of lowest rank (leftmost on a tie) becomes one symbol, until none is left. A heap of
 * candidates makes it O(n log n) however long the word is. */
#ifndef SPECTRUM_TEXT_BPE_H
#define SPECTRUM_TEXT_BPE_H

#include "text/vocabulary.h"

struct bpe_symbol {
    int32_t id;
    int32_t previous, next; /* indices, -1 at the ends */
    uint32_t begin, length; /* bytes of the word that it stands for; length 0: merged away */
};

struct bpe_candidate {
    int32_t rank, left, id; /* index of the left symbol, what would come out */
};

/* Symbols of one word, reused from word to word. */
struct bpe_word {
    struct bpe_symbol *symbols;
    size_t count, capacity;
    struct bpe_candidate *heap;
    size_t heap_count, heap_capacity;
};

/* Appends a symbol after the others. */
int bpe_push(struct bpe_word *word, int32_t id, size_t begin, size_t length, struct error *err);

/* Merges until nothing merges and closes the gaps: symbols[0..count) is the result. */
int bpe_merge(struct bpe_word *word, const struct merge_table *merges, struct error *err);
void bpe_free(struct bpe_word *word);

#endif
