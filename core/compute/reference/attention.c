/* Causal grouped-query attention inside documents (Vaswani et al. 2017; Ainslie et al. 2023). */
#include "compute/reference/reference.h"

#include <math.h>

/* One head's view of q, k and v: a dot product and an element, in doubles. */
struct view {
    const void *q, *k, *v;
    enum storage type;
    struct attention_shape shape;
    int head, kv_head;
};

static int64_t q_at(const struct view *view, int64_t token)
{
    return (token * view->shape.heads + view->head) * view->shape.head_dim;
}

static int64_t kv_at(const struct view *view, int64_t token)
{
    return (token * view->shape.kv_heads + view->kv_head) * view->shape.head_dim;
}

static double score(const struct view *view, int64_t i, int64_t j)
{
    double sum = 0;
    for (int d = 0; d < view->shape.head_dim; d++)
        sum += get(view->q, view->type, q_at(view, i) + d) *
               get(view->k, view->type, kv_at(view, j) + d);
    return sum / sqrt(view->shape.head_dim);
}

static double log_sum_exp(const struct view *view, int64_t first, int64_t i)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t j = first; j <= i; j++)
        largest = fmax(largest, score(view, i, j));
    for (int64_t j = first; j <= i; j++)
        sum += exp(score(view, i, j) - largest);
    return largest + log(sum);
}

static struct view view_of(struct place q, struct place k, struct place v, enum storage type,
                           struct attention_shape shape, int head)
{
    return (struct view){host_pointer(q),
                         host_pointer(k),
                         host_pointer(v),
                         type,
                         shape,
                         head,
                         head / (shape.heads / shape.kv_heads)};
}

/* The first token that token i of a document sees. */
static int64_t first_seen(const struct attention_shape *shape, int64_t document, int64_t i)
{
    return shape->window > 0 && i - shape->window >= document ? i - shape->window + 1 : document;
}

static void forward_row(const struct view *view, void *out, float *lse, int64_t first, int64_t i)
{
    double total = log_sum_exp(view, first, i);
    for (int d = 0; d < view->shape.head_dim; d++) {
        double sum = 0;
        for (int64_t j = first; j <= i; j++)
            sum += exp(score(view, i, j) - total) * get(view->v, view->type, kv_at(view, j) + d);
        put(out, view->type, q_at(view, i) + d, sum);
    }
    lse[view->head * view->shape.tokens + i] = (float)total;
}

void reference_attention_forward(void *self, struct place out, struct place lse, struct place q,
                                 struct place k, struct place v, enum storage type,
                                 struct attention_shape shape, struct documents documents)
{
    (void)self;
    for (int head = 0; head < shape.heads; head++) {
        struct view view = view_of(q, k, v, type, shape, head);
        for (int n = 0; n < documents.count; n++)
            for (int64_t i = documents.offsets[n]; i < documents.offsets[n + 1]; i++)
                forward_row(&view, host_pointer(out), host_pointer(lse),
                            first_seen(&shape, documents.offsets[n], i), i);
    }
}

/* Sums of the three gradients in fp64, in the workspace. */
struct sums {
    double *q, *k, *v;
};

/* With p the probabilities of row i: dv_j += p_j go, ds_j = p_j (go v_j - go out), dq += ds_j k_j,
 * dk_j += ds_j q. */
static void backward_row(const struct view *view, const struct sums *sums, const void *grad_out,
                         const void *out, int64_t first, int64_t i)
{
    double total = log_sum_exp(view, first, i), own = 0, scale = 1 / sqrt(view->shape.head_dim);
    int64_t row = q_at(view, i);
    for (int d = 0; d < view->shape.head_dim; d++)
        own += get(grad_out, view->type, row + d) * get(out, view->type, row + d);
    for (int64_t j = first; j <= i; j++) {
        double p = exp(score(view, i, j) - total), dot = 0;
        int64_t at = kv_at(view, j);
        for (int d = 0; d < view->shape.head_dim; d++)
            dot += get(grad_out, view->type, row + d) * get(view->v, view->type, at + d);
        double ds = p * (dot - own) * scale;
        for (int d = 0; d < view->shape.head_dim; d++) {
            sums->v[at + d] += p * get(grad_out, view->type, row + d);
            sums->q[row + d] += ds * get(view->k, view->type, at + d);
            sums->k[at + d] += ds * get(view->q, view->type, row + d);
        }
    }
}

static void round_sums(void *out, enum storage type, const double *sums, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        put(out, type, i, sums[i]);
}

void reference_attention_backward(void *self, struct place grad_q, struct place grad_k,
                                  struct place grad_v, struct place grad_out, struct place out,
                                  struct place lse, struct place q, struct place k, struct place v,
                                  enum storage type, struct attention_shape shape,
                                  struct documents documents, struct place workspace)
{
    (void)self;
    (void)lse; /* computed again here: the reference trusts nothing that was rounded */
    int64_t q_count = shape.tokens * shape.heads * shape.head_dim;
    int64_t kv_count = shape.tokens * shape.kv_heads * shape.head_dim;
    double *start = host_pointer(workspace);
    struct sums sums = {start, start + q_count, start + q_count + kv_count};
    for (int64_t i = 0; i < q_count + 2 * kv_count; i++)
        start[i] = 0;
    for (int head = 0; head < shape.heads; head++) {
        struct view view = view_of(q, k, v, type, shape, head);
        for (int n = 0; n < documents.count; n++)
            for (int64_t i = documents.offsets[n]; i < documents.offsets[n + 1]; i++)
                backward_row(&view, &sums, host_pointer(grad_out), host_pointer(out),
                             first_seen(&shape, documents.offsets[n], i), i);
    }
    round_sums(host_pointer(grad_q), type, sums.q, q_count);
    round_sums(host_pointer(grad_k), type, sums.k, kv_count);
    round_sums(host_pointer(grad_v), type, sums.v, kv_count);
}

size_t reference_attention_workspace(void *self, struct attention_shape shape, enum storage type)
{
    (void)self;
    (void)type;
    return (size_t)(shape.tokens * (shape.heads + 2 * (int64_t)shape.kv_heads) * shape.head_dim) *
           sizeof(double);
}
