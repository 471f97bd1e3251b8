/* Products of bf16 operands on a processor that has none are widened to fp32 in panels, and
 * multiplied there. Panels are bounded (about 8 MiB; what is never used is never resident), so that
 * a head's weight never lies in memory twice. Every sum is fp32 and rounded once. */
#include "compute/cpu/products.h"

#include "base/memory.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

/* --- panels --- */

/* An element that is widened takes part in at least ROWS products, which hides the widening. */
enum { ROWS = 512, COLUMNS = 1024, DEPTH = 1024 };

struct panels {
    float *a; /* [ROWS, DEPTH], or transposed, as the operand lies */
    float *b; /* [DEPTH, COLUMNS], the same */
    float *c; /* [ROWS, COLUMNS] */
    float *bias;
};

enum { FLOATS = ROWS * DEPTH + DEPTH * COLUMNS + ROWS * COLUMNS + COLUMNS };

static struct panels *panels_new(struct error *err)
{
    struct panels *panels = array_alloc(1, sizeof *panels, err);
    if (!panels)
        return NULL;
    panels->a = aligned_alloc(64, FLOATS * sizeof *panels->a);
    if (!panels->a) {
        error_set(err, "not enough memory for the panels of products (%zu bytes)",
                  FLOATS * sizeof *panels->a);
        free(panels);
        return NULL;
    }
    panels->b = panels->a + ROWS * DEPTH;
    panels->c = panels->b + DEPTH * COLUMNS;
    panels->bias = panels->c + ROWS * COLUMNS;
    return panels;
}

static void panels_free(struct panels *panels)
{
    if (!panels)
        return;
    free(panels->a);
    free(panels);
}

/* --- lines of numbers --- */

enum { WORTH_THREADS = 1 << 15 };

/* `lines` lines of `length`, `stride` apart in memory; wide ones lie one after another. */
struct lines {
    int64_t count, length, stride;
};

static void widen_line(float *out, const uint16_t *from, const struct lines *lines, int64_t line)
{
    for (int64_t i = 0; i < lines->length; i++)
        out[line * lines->length + i] = bf16_to_float(from[line * lines->stride + i]);
}

static void narrow_line(uint16_t *out, const float *from, const struct lines *lines, int64_t line)
{
    for (int64_t i = 0; i < lines->length; i++)
        out[line * lines->stride + i] = bf16_from_float(from[line * lines->length + i]);
}

/* Two loops: for a parallel region of one thread (the clause `if`) libgomp allocates a team. */
static void widen_lines(float *out, const uint16_t *from, struct lines lines)
{
    if (lines.count * lines.length <= WORTH_THREADS) {
        for (int64_t line = 0; line < lines.count; line++)
            widen_line(out, from, &lines, line);
        return;
    }
#pragma omp parallel for
    for (int64_t line = 0; line < lines.count; line++)
        widen_line(out, from, &lines, line);
}

static void narrow_lines(uint16_t *out, const float *from, struct lines lines)
{
    if (lines.count * lines.length <= WORTH_THREADS) {
        for (int64_t line = 0; line < lines.count; line++)
            narrow_line(out, from, &lines, line);
        return;
    }
#pragma omp parallel for
    for (int64_t line = 0; line < lines.count; line++)
        narrow_line(out, from, &lines, line);
}

/* --- tiles --- */

struct range {
    int64_t first, count;
};

/* A range from `first` on, of at most `most`, that ends at `end`. */
static struct range range_from(int64_t first, int64_t most, int64_t end)
{
    return (struct range){first, end - first < most ? end - first : most};
}

/* What is done with each part: a look whether oneDNN has its product, or the work. */
struct tiling {
    struct panels *panels;
    struct onednn *onednn;
    const struct matmul *whole;
    bool only_ask;
};

/* A part of an operand, in fp32. */
static struct operand widened(const struct tiling *tiling, float *panel,
                              const struct operand *whole, struct range rows, struct range columns)
{
    int64_t start = rows.first * whole->row_stride + columns.first * whole->col_stride;
    bool transposed = whole->col_stride != 1;
    int64_t lines = transposed ? columns.count : rows.count;
    int64_t length = transposed ? rows.count : columns.count;
    if (whole->storage == STORAGE_F32)
        return (struct operand){(const float *)whole->data + start, STORAGE_F32, whole->row_stride,
                                whole->col_stride};
    if (!tiling->only_ask)
        widen_lines(
            panel, (const uint16_t *)whole->data + start,
            (struct lines){lines, length, transposed ? whole->col_stride : whole->row_stride});
    return (struct operand){panel, STORAGE_F32, transposed ? 1 : length, transposed ? length : 1};
}

/* The bias is stored as b is. */
static const float *widened_bias(const struct tiling *tiling, struct range n)
{
    const struct matmul *whole = tiling->whole;
    if (!whole->bias)
        return NULL;
    if (whole->b.storage == STORAGE_F32)
        return (const float *)whole->bias + n.first;
    if (!tiling->only_ask)
        widen_lines(tiling->panels->bias, (const uint16_t *)whole->bias + n.first,
                    (struct lines){1, n.count, 0});
    return tiling->panels->bias;
}

/* All of k into one tile of c, which is fp32 already or is kept so until it is whole. */
static bool sum_tile(const struct tiling *tiling, float *c, int64_t c_stride, struct range m,
                     struct range n)
{
    const struct matmul *whole = tiling->whole;
    const struct panels *panels = tiling->panels;
    for (int64_t at = 0; at < whole->k; at += DEPTH) {
        struct range k = range_from(at, DEPTH, whole->k);
        const struct matmul part = {.c = c,
                                    .c_storage = STORAGE_F32,
                                    .c_stride = c_stride,
                                    .accumulate = at == 0 ? whole->accumulate : ADD,
                                    .a = widened(tiling, panels->a, &whole->a, m, k),
                                    .b = widened(tiling, panels->b, &whole->b, k, n),
                                    .bias = at == 0 ? widened_bias(tiling, n) : NULL,
                                    .m = m.count,
                                    .n = n.count,
                                    .k = k.count};
        if (!(tiling->only_ask ? onednn_has : onednn_matmul)(tiling->onednn, &part))
            return false;
    }
    return true;
}

/* Where c is bf16, its tile is widened, summed into in the panel, and rounded once, after all of
 * k. */
static bool make_tile(const struct tiling *tiling, struct range m, struct range n)
{
    const struct matmul *whole = tiling->whole;
    float *panel = tiling->panels->c;
    int64_t start = m.first * whole->c_stride + n.first;
    if (whole->c_storage == STORAGE_F32)
        return sum_tile(tiling, (float *)whole->c + start, whole->c_stride, m, n);
    uint16_t *out = (uint16_t *)whole->c + start;
    if (whole->accumulate == ADD && !tiling->only_ask)
        widen_lines(panel, out, (struct lines){m.count, n.count, whole->c_stride});
    if (!sum_tile(tiling, panel, n.count, m, n))
        return false;
    if (!tiling->only_ask)
        narrow_lines(out, panel, (struct lines){m.count, n.count, whole->c_stride});
    return true;
}

/* By columns of c outside: the tiles of a one after another meet the same part of b. */
static bool make_tiles(const struct tiling *tiling)
{
    const struct matmul *whole = tiling->whole;
    for (int64_t n = 0; n < whole->n; n += COLUMNS)
        for (int64_t m = 0; m < whole->m; m += ROWS)
            if (!make_tile(tiling, range_from(m, ROWS, whole->m), range_from(n, COLUMNS, whole->n)))
                return false;
    return true;
}

/* Of f32 alone there is nothing to widen: a product that oneDNN lacks there is not here either. */
static bool panels_have(struct panels *panels, struct onednn *onednn, const struct matmul *matmul)
{
    const struct tiling asking = {panels, onednn, matmul, true};
    bool narrow = matmul->a.storage == STORAGE_BF16 || matmul->b.storage == STORAGE_BF16 ||
                  matmul->c_storage == STORAGE_BF16;
    return narrow && make_tiles(&asking);
}

/* All parts are asked for before the first is computed, as what has been added to c cannot be
 * undone. */
static bool panels_matmul(struct panels *panels, struct onednn *onednn, const struct matmul *matmul)
{
    const struct tiling tiling = {panels, onednn, matmul, false};
    return panels_have(panels, onednn, matmul) && make_tiles(&tiling);
}

/* --- either way --- */

struct products {
    struct onednn *onednn;
    struct panels *panels;
};

struct products *products_new(struct error *err)
{
    struct products *products = array_alloc(1, sizeof *products, err);
    if (!products)
        return NULL;
    products->onednn = onednn_new(err);
    products->panels = products->onednn ? panels_new(err) : NULL;
    if (products->panels)
        return products;
    products_free(products);
    return NULL;
}

void products_free(struct products *products)
{
    if (!products)
        return;
    panels_free(products->panels);
    onednn_free(products->onednn);
    free(products);
}

bool products_run(struct products *products, const struct matmul *matmul)
{
    return onednn_matmul(products->onednn, matmul) ||
           panels_matmul(products->panels, products->onednn, matmul);
}

bool products_have(struct products *products, const struct matmul *matmul)
{
    return onednn_has(products->onednn, matmul) ||
           panels_have(products->panels, products->onednn, matmul);
}
