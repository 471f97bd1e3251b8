/* Causal grouped-query attention inside documents, a query at a time (op.h has the formulas). For a
 * query i of a head, over the keys j that it sees:
 *
 *     s_j = q_i . k_j / sqrt(head_dim)       lse = log of the sum of e^s_j
 *     p_j = e^(s_j - lse)                    out_i = sum of p_j v_j
 *
 * and back, g = grad_out_i, D = g . out_i = sum of p_j (g . v_j):
 *
 *     dv_j += p_j g       ds_j = p_j (g . v_j - D)      dq_i += ds_j k_j / sqrt(head_dim)
 *                                                       dk_j += ds_j q_i / sqrt(head_dim)
 *
 * Several query heads read one head of k and v (grouped queries, Ainslie et al., arXiv 2305.13245).
 */
#include "compute/reference/elements.h"
#include "compute/reference/reference.h"

#include <math.h>

/* One query head's view of q, k and v, and the head of k and v that it reads. */
struct view {
    struct elements q, k, v;
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
        sum += get(view->q, q_at(view, i) + d) * get(view->k, kv_at(view, j) + d);
    return sum / sqrt(view->shape.head_dim);
}

/* The keys that a query sees: of what its document goes on from [first, end), and of its own. */
struct seen {
    int64_t before, before_end, first;
};

/* The key after j; the last is the query itself. */
static int64_t next_seen(const struct seen *seen, int64_t j)
{
    return j + 1 == seen->before_end ? seen->first : j + 1;
}

static int64_t begin_seen(const struct seen *seen)
{
    return seen->before < seen->before_end ? seen->before : seen->first;
}

/* Less the largest score, so that no exponential overflows. */
static double log_sum_exp(const struct view *view, const struct seen *seen, int64_t i)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t j = begin_seen(seen); j <= i; j = next_seen(seen, j))
        largest = fmax(largest, score(view, i, j));
    for (int64_t j = begin_seen(seen); j <= i; j = next_seen(seen, j))
        sum += exp(score(view, i, j) - largest);
    return largest + log(sum);
}

static struct view view_of(const struct tensor *q, const struct tensor *k, const struct tensor *v,
                           struct attention_shape shape, int head)
{
    return (struct view){elements_of(q), elements_of(k), elements_of(v),
                         shape,          head,           head / (shape.heads / shape.kv_heads)};
}

/* What token i of document n sees: the last `window` tokens, of which those before the document
 * are the last of what it goes on from. */
static struct seen seen_by(const struct attention_shape *shape, const struct documents *documents,
                           int n, int64_t i)
{
    int64_t document = documents->offsets[n], own = i - document + 1;
    struct seen seen = {.first = document};
    if (shape->window > 0 && own > shape->window)
        seen.first = i - shape->window + 1;
    if (!documents->before)
        return seen;
    seen.before = documents->before[n].begin;
    seen.before_end = documents->before[n].end;
    int64_t left = own < shape->window ? shape->window - own : 0;
    if (shape->window > 0 && seen.before_end - seen.before > left)
        seen.before = seen.before_end - left;
    return seen;
}

/* Scores are recomputed for each dimension: it is an oracle, and keeps no memory. */
static void forward_row(const struct view *view, struct elements out, float *lse, struct seen seen,
                        int64_t i)
{
    double total = log_sum_exp(view, &seen, i);
    for (int d = 0; d < view->shape.head_dim; d++) {
        double sum = 0;
        for (int64_t j = begin_seen(&seen); j <= i; j = next_seen(&seen, j))
            sum += exp(score(view, i, j) - total) * get(view->v, kv_at(view, j) + d);
        put(out, q_at(view, i) + d, sum);
    }
    lse[view->head * view->shape.tokens + i] = (float)total;
}

void reference_attention_forward(void *self, const struct op_call *call)
{
    const struct op_attention_forward *a = &call->attention_forward;
    struct attention_shape shape = attention_shape(&a->q, &a->k, a->head_dim, a->window);
    const struct documents *documents = &a->documents;
    (void)self;
    for (int head = 0; head < shape.heads; head++) {
        struct view view = view_of(&a->q, &a->k, &a->v, shape, head);
        for (int n = 0; n < documents->count; n++)
            for (int64_t i = documents->offsets[n]; i < documents->offsets[n + 1]; i++)
                forward_row(&view, elements_of(&a->out), host_data(&a->lse),
                            seen_by(&shape, documents, n, i), i);
    }
}

/* Sums of the three gradients in fp64, in the workspace. */
struct sums {
    double *q, *k, *v;
};

/* What query i adds to the gradients. */
static void backward_row(const struct view *view, const struct sums *sums, struct elements go,
                         struct elements out, struct seen seen, int64_t i)
{
    double total = log_sum_exp(view, &seen, i), delta = 0, scale = 1 / sqrt(view->shape.head_dim);
    int64_t row = q_at(view, i);
    /* delta = grad_out . out: what the softmax takes from every score's gradient */
    for (int d = 0; d < view->shape.head_dim; d++)
        delta += get(go, row + d) * get(out, row + d);
    for (int64_t j = seen.first; j <= i; j++) {
        /* the probability, recomputed from the scores */
        double p = exp(score(view, i, j) - total), dot = 0;
        int64_t at = kv_at(view, j);
        /* through out = p v to p, and through the softmax to the score */
        for (int d = 0; d < view->shape.head_dim; d++)
            dot += get(go, row + d) * get(view->v, at + d);
        double ds = p * (dot - delta) * scale;
        /* through the score to q and k, and through out = p v to v */
        for (int d = 0; d < view->shape.head_dim; d++) {
            sums->v[at + d] += p * get(go, row + d);
            sums->q[row + d] += ds * get(view->k, at + d);
            sums->k[at + d] += ds * get(view->q, row + d);
        }
    }
}

static void round_sums(const struct tensor *out, const double *sums)
{
    for (int64_t i = 0; i < tensor_elements(out); i++)
        put(elements_of(out), i, sums[i]);
}

/* lse is not looked at: the reference trusts nothing that was rounded. */
void reference_attention_backward(void *self, const struct op_call *call)
{
    const struct op_attention_backward *a = &call->attention_backward;
    struct attention_shape shape = attention_shape(&a->q, &a->k, a->head_dim, a->window);
    const struct documents *documents = &a->documents;
    int64_t q_count = tensor_elements(&a->q), kv_count = tensor_elements(&a->k);
    double *start = host_data(&a->workspace);
    struct sums sums = {start, start + q_count, start + q_count + kv_count};
    (void)self;
    for (int64_t i = 0; i < q_count + 2 * kv_count; i++)
        start[i] = 0;
    for (int head = 0; head < shape.heads; head++) {
        struct view view = view_of(&a->q, &a->k, &a->v, shape, head);
        for (int n = 0; n < documents->count; n++)
            for (int64_t i = documents->offsets[n]; i < documents->offsets[n + 1]; i++)
                backward_row(&view, &sums, elements_of(&a->grad_out), elements_of(&a->out),
                             seen_by(&shape, documents, n, i), i);
    }
    round_sums(&a->grad_q, sums.q);
    round_sums(&a->grad_k, sums.k);
    round_sums(&a->grad_v, sums.v);
}

size_t reference_attention_workspace(const struct op_attention_backward *a)
{
    return (size_t)(tensor_elements(&a->q) + 2 * tensor_elements(&a->k)) * sizeof(double);
}
