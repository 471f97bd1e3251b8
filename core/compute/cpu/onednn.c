/* Products of matrices by oneDNN. A product of one shape is a primitive, whose kernel is compiled
 * when it is made, which takes milliseconds. The few dozen shapes of a run recur at every step, so
 * primitives are kept:
 *
 *     struct matmul -> shape (what its kernel depends on) -> product, found or made -> run
 *
 * Two rules of the kept products:
 *
 * 1. A slot below `count` has been made for its shape, and its primitive is NULL where oneDNN has
 *    no kernel for that: it is asked once.
 * 2. All primitives take their scratch memory from the caller (scratchpad mode "user"), and all get
 *    the same one, as large as the largest wants: one product runs at a time.
 */
#include "compute/cpu/onednn.h"

#include "base/memory.h"
#include "compute/host.h"

#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a primitive was made for. Compared by its bytes: no padding. */
struct shape {
    int64_t m, n, k, a_stride, b_stride, c_stride;
    int8_t a_transposed, b_transposed, a_storage, b_storage, c_storage, accumulate, bias, unused;
};

enum { PRIMITIVES = 256 };

/* A primitive with the memory objects that its arguments are given in. */
struct product {
    struct shape shape;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c, bias;
    dnnl_memory_t scratch; /* NULL: needs none */
};

struct onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct product products[PRIMITIVES];
    int count, next; /* `next` is replaced when all are taken */
    void *scratch;   /* of whichever primitive runs; each would keep its own otherwise */
    size_t scratch_bytes;
};

/* An engine is the processor, a stream the order in which products run on it: one of each is
 * enough. */
struct onednn *onednn_new(struct error *err)
{
    struct onednn *onednn = array_alloc(1, sizeof *onednn, err);
    if (!onednn)
        return NULL;
    if (dnnl_engine_create(&onednn->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_stream_create(&onednn->stream, onednn->engine, dnnl_stream_default_flags) ==
            dnnl_success)
        return onednn;
    error_set(err, "oneDNN does not start on this processor");
    onednn_free(onednn);
    return NULL;
}

static void product_clear(struct product *product)
{
    if (product->primitive)
        dnnl_primitive_destroy(product->primitive);
    dnnl_memory_destroy(product->a);
    dnnl_memory_destroy(product->b);
    dnnl_memory_destroy(product->c);
    if (product->bias)
        dnnl_memory_destroy(product->bias);
    if (product->scratch)
        dnnl_memory_destroy(product->scratch);
    *product = (struct product){0};
}

void onednn_free(struct onednn *onednn)
{
    if (!onednn)
        return;
    for (int i = 0; i < onednn->count; i++)
        product_clear(&onednn->products[i]);
    free(onednn->scratch);
    if (onednn->stream)
        dnnl_stream_destroy(onednn->stream);
    if (onednn->engine)
        dnnl_engine_destroy(onednn->engine);
    free(onednn);
}

const char *onednn_version(void)
{
    static char text[40];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
    return text;
}

static dnnl_data_type_t type_of(int8_t storage)
{
    return storage == STORAGE_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* --- the two APIs: descriptors are values in version 2 and objects in version 3 --- */

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t description;
typedef const_dnnl_memory_desc_t borrowed_description;

static void describe(description *out, int64_t rows, int64_t cols, int8_t storage,
                     int64_t row_stride, int64_t col_stride)
{
    const dnnl_dims_t dims = {rows, cols}, strides = {row_stride, col_stride};
    dnnl_memory_desc_create_with_strides(out, 2, dims, type_of(storage), strides);
}

static void forget(description *out)
{
    dnnl_memory_desc_destroy(*out);
}

static dnnl_memory_t memory_new(const struct onednn *onednn, const description *of)
{
    dnnl_memory_t memory = NULL;
    dnnl_memory_create(&memory, *of, onednn->engine, DNNL_MEMORY_NONE);
    return memory;
}

static dnnl_primitive_desc_t plan_product(const struct onednn *onednn, const description *a,
                                          const description *b, const description *bias,
                                          const description *c, dnnl_primitive_attr_t attributes)
{
    dnnl_primitive_desc_t plan = NULL;
    dnnl_matmul_primitive_desc_create(&plan, onednn->engine, *a, *b, bias ? *bias : NULL, *c,
                                      attributes);
    return plan;
}

static void append_sum(dnnl_post_ops_t operations)
{
    dnnl_post_ops_append_sum(operations, 1.0f, 0, dnnl_data_type_undef);
}
#else
typedef dnnl_memory_desc_t description;
typedef const dnnl_memory_desc_t *borrowed_description;

static void describe(description *out, int64_t rows, int64_t cols, int8_t storage,
                     int64_t row_stride, int64_t col_stride)
{
    const dnnl_dims_t dims = {rows, cols}, strides = {row_stride, col_stride};
    dnnl_memory_desc_init_by_strides(out, 2, dims, type_of(storage), strides);
}

static void forget(description *out)
{
    (void)out;
}

static dnnl_memory_t memory_new(const struct onednn *onednn, const description *of)
{
    dnnl_memory_t memory = NULL;
    dnnl_memory_create(&memory, of, onednn->engine, DNNL_MEMORY_NONE);
    return memory;
}

static dnnl_primitive_desc_t plan_product(const struct onednn *onednn, const description *a,
                                          const description *b, const description *bias,
                                          const description *c, dnnl_primitive_attr_t attributes)
{
    dnnl_matmul_desc_t operation;
    dnnl_primitive_desc_t plan = NULL;
    if (dnnl_matmul_desc_init(&operation, a, b, bias, c) == dnnl_success)
        dnnl_primitive_desc_create(&plan, &operation, attributes, onednn->engine, NULL);
    return plan;
}

static void append_sum(dnnl_post_ops_t operations)
{
    dnnl_post_ops_append_sum(operations, 1.0f);
}
#endif

/* --- products --- */

/* c += a b is a product with a sum appended, whose second operand is what c holds already. */
static dnnl_primitive_attr_t attributes_of(const struct shape *shape)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t operations = NULL;
    dnnl_primitive_attr_create(&attributes);
    dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (shape->accumulate) {
        dnnl_post_ops_create(&operations);
        append_sum(operations);
        dnnl_primitive_attr_set_post_ops(attributes, operations);
        dnnl_post_ops_destroy(operations);
    }
    return attributes;
}

/* Row-major operands have the stride between rows, transposed ones between columns. */
static void describe_operand(description *out, int64_t rows, int64_t cols, int8_t storage,
                             int8_t transposed, int64_t stride)
{
    describe(out, rows, cols, storage, transposed ? 1 : stride, transposed ? stride : 1);
}

/* False where there is not enough memory. */
static bool reserve_scratch(struct onednn *onednn, size_t bytes)
{
    if (bytes <= onednn->scratch_bytes)
        return true;
    size_t whole = (bytes + HOST_PAGE - 1) / HOST_PAGE * HOST_PAGE;
    void *grown = aligned_alloc(HOST_PAGE, whole);
    if (!grown)
        return false;
    free(onednn->scratch);
    onednn->scratch = grown;
    onednn->scratch_bytes = whole;
    return true;
}

/* Without memory for its scratch there is no primitive, as if oneDNN had no such kernel. */
static void primitive_make(struct onednn *onednn, struct product *product,
                           const_dnnl_primitive_desc_t plan)
{
    borrowed_description scratch = dnnl_primitive_desc_query_md(plan, dnnl_query_scratchpad_md, 0);
    size_t bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (!reserve_scratch(onednn, bytes))
        return;
    if (bytes > 0)
        dnnl_memory_create(&product->scratch, scratch, onednn->engine, DNNL_MEMORY_NONE);
    dnnl_primitive_create(&product->primitive, plan);
}

/* Descriptions say how operands lie, the plan which kernel fits them; both can go once the
 * primitive and the memory objects are made. These have no data yet: each run hands in its
 * pointers. */
static void product_make(struct onednn *onednn, struct product *product, const struct shape *shape)
{
    description a, b, c, bias;
    describe_operand(&a, shape->m, shape->k, shape->a_storage, shape->a_transposed,
                     shape->a_stride);
    describe_operand(&b, shape->k, shape->n, shape->b_storage, shape->b_transposed,
                     shape->b_stride);
    describe(&c, shape->m, shape->n, shape->c_storage, shape->c_stride, 1);
    describe(&bias, 1, shape->n, shape->b_storage, shape->n, 1);
    dnnl_primitive_attr_t attributes = attributes_of(shape);
    dnnl_primitive_desc_t plan =
        plan_product(onednn, &a, &b, shape->bias ? &bias : NULL, &c, attributes);
    *product = (struct product){.shape = *shape};
    if (plan)
        primitive_make(onednn, product, plan);
    product->a = memory_new(onednn, &a);
    product->b = memory_new(onednn, &b);
    product->c = memory_new(onednn, &c);
    if (shape->bias)
        product->bias = memory_new(onednn, &bias);
    if (plan)
        dnnl_primitive_desc_destroy(plan);
    dnnl_primitive_attr_destroy(attributes);
    forget(&a);
    forget(&b);
    forget(&c);
    forget(&bias);
}

/* The first slot whose shape is equal; else a free one, or, where all are taken, the next in
 * turn. */
static struct product *product_for(struct onednn *onednn, const struct shape *shape)
{
    for (int i = 0; i < onednn->count; i++)
        if (memcmp(&onednn->products[i].shape, shape, sizeof *shape) == 0)
            return &onednn->products[i];
    int slot = onednn->count < PRIMITIVES ? onednn->count++ : onednn->next;
    onednn->next = (slot + 1) % PRIMITIVES;
    if (onednn->products[slot].a)
        product_clear(&onednn->products[slot]);
    product_make(onednn, &onednn->products[slot], shape);
    return &onednn->products[slot];
}

/* An operand with neighbours in a column is a transposed one, whose stride is that between
 * columns. */
static struct shape shape_of(const struct matmul *of)
{
    bool a_transposed = of->a.col_stride != 1, b_transposed = of->b.col_stride != 1;
    return (struct shape){.m = of->m,
                          .n = of->n,
                          .k = of->k,
                          .a_stride = a_transposed ? of->a.col_stride : of->a.row_stride,
                          .b_stride = b_transposed ? of->b.col_stride : of->b.row_stride,
                          .c_stride = of->c_stride,
                          .a_transposed = a_transposed,
                          .b_transposed = b_transposed,
                          .a_storage = (int8_t)of->a.storage,
                          .b_storage = (int8_t)of->b.storage,
                          .c_storage = (int8_t)of->c_storage,
                          .accumulate = of->accumulate == ADD,
                          .bias = of->bias != NULL};
}

bool onednn_has(struct onednn *onednn, const struct matmul *matmul)
{
    const struct shape shape = shape_of(matmul);
    return product_for(onednn, &shape)->primitive != NULL;
}

/* Fills the kept memory objects with this call's pointers, runs, and waits: a product is complete
 * when this returns. The bias is added to each row of c. */
bool onednn_matmul(struct onednn *onednn, const struct matmul *matmul)
{
    const struct shape shape = shape_of(matmul);
    struct product *product = product_for(onednn, &shape);
    if (!product->primitive)
        return false;
    dnnl_exec_arg_t arguments[5] = {
        {DNNL_ARG_SRC, product->a}, {DNNL_ARG_WEIGHTS, product->b}, {DNNL_ARG_DST, product->c}};
    int count = 3;
    /* oneDNN takes inputs as pointers to what it might write; it does not. */
    dnnl_memory_set_data_handle(product->a, (void *)(uintptr_t)matmul->a.data);
    dnnl_memory_set_data_handle(product->b, (void *)(uintptr_t)matmul->b.data);
    dnnl_memory_set_data_handle(product->c, matmul->c);
    if (matmul->bias) {
        dnnl_memory_set_data_handle(product->bias, (void *)(uintptr_t)matmul->bias);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, product->bias};
    }
    if (product->scratch) {
        dnnl_memory_set_data_handle(product->scratch, onednn->scratch);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, product->scratch};
    }
    dnnl_primitive_execute(product->primitive, onednn->stream, count, arguments);
    dnnl_stream_wait(onednn->stream);
    return true;
}
