#include "text/bpe.h"

#include "base/memory.h"

#include <stdlib.h>

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

/* A candidate outlives its pair. Like the `tokenizers` package, one is still good when its place
 * now holds any pair that gives the same token. */
static bool is_current(const struct bpe_word *word, const struct merge_table *merges,
                       struct bpe_candidate candidate)
{
    const struct bpe_symbol *left = &word->symbols[candidate.left];
    if (left->length == 0 || left->next < 0)
        return false;
    const struct merge *merge = merge_table_find(merges, left->id, word->symbols[left->next].id);
    return merge && merge->id == candidate.id;
}

static void join(struct bpe_word *word, struct bpe_candidate candidate)
{
    struct bpe_symbol *left = &word->symbols[candidate.left], *right = &word->symbols[left->next];
    left->id = candidate.id;
    left->length += right->length;
    left->next = right->next;
    right->length = 0;
    if (right->next >= 0)
        word->symbols[right->next].previous = candidate.left;
}

int bpe_merge(struct bpe_word *word, const struct merge_table *merges, struct error *err)
{
    word->heap_count = 0;
    for (size_t i = 0; i + 1 < word->count; i++)
        if (push_pair(word, merges, (int32_t)i, err) != 0)
            return -1;
    while (word->heap_count > 0) {
        struct bpe_candidate candidate = heap_pop(word);
        if (!is_current(word, merges, candidate))
            continue;
        join(word, candidate);
        if (push_pair(word, merges, word->symbols[candidate.left].previous, err) != 0 ||
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
