/* A stack of blocks, each twice the one before it up to a bound.
 *
 * A mark is a position: the bytes of all blocks below, whether used or left at their ends, and
 * those used in the last block. So it only grows, and whatever lies above a mark can be given back.
 */
#include "jinja/value/value.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST_BLOCK ((size_t)16 << 10)
#define LARGEST_BLOCK ((size_t)1 << 20)

struct block {
    struct block *below;
    size_t base; /* position of its first byte */
    size_t size, used;
    max_align_t bytes[];
};

struct jinja_heap {
    struct block *top;
    size_t limit;
};

/* The first block comes with the first value. */
struct jinja_heap *jinja_heap_new(size_t limit, struct error *err)
{
    struct jinja_heap *heap = calloc(1, sizeof *heap);
    if (!heap) {
        error_set_kind(err, ERROR_BOUND, "not enough memory for a template's values");
        return NULL;
    }
    heap->limit = limit;
    return heap;
}

void *jinja_heap_take(struct jinja_heap *heap, size_t bytes, struct error *err)
{
    const size_t unit = _Alignof(max_align_t);
    struct block *top = heap->top;
    if (bytes > SIZE_MAX / 4)
        goto over;
    bytes = bytes ? (bytes + unit - 1) / unit * unit : unit;
    if (!top || bytes > top->size - top->used) {
        size_t base = top ? top->base + top->size : 0;
        size_t size = top ? top->size * 2 : SMALLEST_BLOCK;
        if (size > LARGEST_BLOCK)
            size = LARGEST_BLOCK;
        if (size < bytes)
            size = bytes;
        if (size > heap->limit - base) /* the last of them, as small as it may be */
            size = bytes;
        if (size > heap->limit - base)
            goto over;
        struct block *block = malloc(sizeof *block + size);
        if (!block) {
            error_set_kind(err, ERROR_BOUND,
                           "not enough memory for a template's values (%zu bytes)", size);
            return NULL;
        }
        *block = (struct block){.below = top, .base = base, .size = size};
        heap->top = top = block;
    }
    void *taken = (char *)top->bytes + top->used;
    top->used += bytes;
    return memset(taken, 0, bytes);
over:
    error_set_kind(err, ERROR_BOUND, "the template takes more than %zu bytes of memory, its limit",
                   heap->limit);
    return NULL;
}

size_t jinja_heap_room(const struct jinja_heap *heap)
{
    return heap->limit - jinja_heap_mark(heap);
}

size_t jinja_heap_mark(const struct jinja_heap *heap)
{
    return heap->top ? heap->top->base + heap->top->used : 0;
}

/* Blocks that begin above the mark go; the one that has it is cut back to it. */
void jinja_heap_release(struct jinja_heap *heap, size_t mark)
{
    while (heap->top && (heap->top->base > mark || mark == 0)) {
        struct block *block = heap->top;
        heap->top = block->below;
        free(block);
    }
    if (heap->top && mark - heap->top->base < heap->top->used)
        heap->top->used = mark - heap->top->base;
}

void jinja_heap_free(struct jinja_heap *heap)
{
    if (!heap)
        return;
    jinja_heap_release(heap, 0);
    free(heap);
}
