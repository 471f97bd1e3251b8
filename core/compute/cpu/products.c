#include "compute/cpu/products.h"

#include "base/memory.h"
#include "compute/cpu/widened.h"

#include <stdlib.h>

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
