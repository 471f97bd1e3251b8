/* The merge loop of byte-pair encoding (Sennrich, Haddow & Birch, "Neural Machine Translation of
 * Rare Words with Subword Units", ACL 2016):
 *
 *     while some neighbouring pair of symbols is in the table
 *         of those, take the one of the lowest rank, on a tie the leftmost
 *         put the one symbol that the table has for it in its place
 *
 * Looking at all pairs for each merge costs O(n^2) for a word of n symbols, and a text without a
 * space is one word, however long. So the symbols are a doubly linked list in an array, and a
 * binary heap has a candidate for every pair in the table that came up, by (rank, left symbol). A
 * merge makes two new pairs at most: no more than 3 (n - 1) candidates ever are in the heap, and
 * the whole takes O(n log n) time and O(n) memory.
 *
 * Between two merges
 *   1. the symbols that are left have a length above 0, and `previous` and `next` give them in the
 *      order of the word: of a merged pair the left one has the new id, the right one length 0;
 *   2. every neighbouring pair that the table knows has a candidate in the heap. What else is there
 *      is of pairs that are gone, and is passed over when its turn comes.
 */
#include "text/tokenizer/parts.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* --- the table: pair of ids -> rank, id --- */

static size_t merge_slot(const struct merge_table *table, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    key *= 0x9E3779B97F4A7C15u; /* Fibonacci hashing: the high bits are the mixed ones */
    size_t mask = table->slot_count - 1, slot = (key >> 32) & mask;
    while (table->slots[slot].left >= 0 &&
           (table->slots[slot].left != left || table->slots[slot].right != right))
        slot = (slot + 1) & mask;
    return slot;
}

/* Twice the slots, and every merge in its new place. */
static int grow_merges(struct merge_table *table, struct error *err)
{
    struct merge_table old = *table;
    size_t count = old.slot_count ? old.slot_count * 2 : 1024;
    struct merge *slots = array_alloc(count, sizeof *slots, err);
    if (!slots)
        return -1;
    for (size_t i = 0; i < count; i++)
        slots[i].left = -1;
    table->slots = slots;
    table->slot_count = count;
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].left >= 0)
            slots[merge_slot(table, old.slots[i].left, old.slots[i].right)] = old.slots[i];
    free(old.slots);
    return 0;
}

/* Of a pair that is listed twice the lower rank counts, as it would be found first. */
int merge_table_add(struct merge_table *table, struct merge merge, struct error *err)
{
    if (2 * (table->used + 1) > table->slot_count && grow_merges(table, err) != 0)
        return -1;
    struct merge *slot = &table->slots[merge_slot(table, merge.left, merge.right)];
    if (slot->left >= 0 && slot->rank <= merge.rank)
        return 0;
    table->used += slot->left < 0;
    *slot = merge;
    return 0;
}

const struct merge *merge_table_find(const struct merge_table *table, int32_t left, int32_t right)
{
    if (!table->slot_count)
        return NULL;
    const struct merge *slot = &table->slots[merge_slot(table, left, right)];
    return slot->left >= 0 ? slot : NULL;
}

void merge_table_free(struct merge_table *table)
{
    free(table->slots);
}

/* --- a word --- */

/* A symbol knows its neighbours by number and its bytes by place, from which weights are found
 * later. */
int bpe_push(struct bpe_word *word, int32_t id, size_t begin, size_t length, struct error *err)
{
    if (word->count >= INT32_MAX || begin + length > UINT32_MAX)
        return error_set(err, "a word of more than 2^31 symbols; split the text");
    if (array_reserve((void **)&word->symbols, &word->capacity, word->count + 1,
                      sizeof *word->symbols, err) != 0)
        return -1;
    int32_t at = (int32_t)word->count++;
    if (at > 0)
        word->symbols[at - 1].next = at;
    word->symbols[at] = (struct bpe_symbol){id, at - 1, -1, (uint32_t)begin, (uint32_t)length};
    return 0;
}

static bool comes_before(const struct bpe_candidate *a, const struct bpe_candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

/* The usual heap in an array: the parent of `at` is (at - 1) / 2. */
static int heap_push(struct bpe_word *word, struct bpe_candidate candidate, struct error *err)
{
    if (array_reserve((void **)&word->heap, &word->heap_capacity, word->heap_count + 1,
                      sizeof *word->heap, err) != 0)
        return -1;
    struct bpe_candidate *heap = word->heap;
    size_t at = word->heap_count++;
    for (; at > 0 && comes_before(&candidate, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = candidate;
    return 0;
}

/* The last one sinks from the top to where it belongs. */
static struct bpe_candidate heap_pop(struct bpe_word *word)
{
    struct bpe_candidate *heap = word->heap, top = heap[0], last = heap[--word->heap_count];
    size_t at = 0, count = word->heap_count;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
}

/* The candidate of the pair that begins at `left`, where there is a pair and the table knows it. */
static int push_pair(struct bpe_word *word, const struct merge_table *merges, int32_t left,
                     struct error *err)
{
    int32_t right = left < 0 ? -1 : word->symbols[left].next;
    if (right < 0)
        return 0;
    const struct merge *merge =
        merge_table_find(merges, word->symbols[left].id, word->symbols[right].id);
    return merge ? heap_push(word, (struct bpe_candidate){merge->rank, left, merge->id}, err) : 0;
}

int bpe_merge(struct bpe_word *word, const struct merge_table *merges, struct error *err)
{
    word->heap_count = 0;
    for (size_t i = 0; i + 1 < word->count; i++)
        if (push_pair(word, merges, (int32_t)i, err) != 0)
            return -1;
    while (word->heap_count > 0) {
        struct bpe_candidate candidate = heap_pop(word);
        struct bpe_symbol *left = &word->symbols[candidate.left];
        if (left->length == 0 || left->next < 0)
            continue;
        /* A candidate outlives its pair. As in the `tokenizers` package, one is still good when its
         * place now holds any pair that gives the same token. */
        struct bpe_symbol *right = &word->symbols[left->next];
        const struct merge *merge = merge_table_find(merges, left->id, right->id);
        if (!merge || merge->id != candidate.id)
            continue;
        left->id = candidate.id;
        left->length += right->length;
        left->next = right->next;
        right->length = 0;
        if (right->next >= 0)
            word->symbols[right->next].previous = candidate.left;
        if (push_pair(word, merges, left->previous, err) != 0 ||
            push_pair(word, merges, candidate.left, err) != 0)
            return -1;
    }
    size_t kept = 0;
    for (size_t i = 0; i < word->count; i++)
        if (word->symbols[i].length > 0)
            word->symbols[kept++] = word->symbols[i];
    word->count = kept;
    return 0;
}

void bpe_free(struct bpe_word *word)
{
    free(word->symbols);
    free(word->heap);
}
