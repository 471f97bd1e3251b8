/* The Llama transformer, forwards and backwards, written by hand over the operations of
 * a back end: no graph, no autograd, one loop over the blocks each way.
 *
 *     x = embedding(ids)
 *     x = x + o(attention(rope(q(n)), rope(k(n)), v(n))),  n = rmsnorm(x)     every block
 *         (Qwen3: rope(rmsnorm(q(n))) and rope(rmsnorm(k(n))), head by head)
 *     x = x + down(silu(gate(n)) * up(n)),                 n = rmsnorm(x)
 *     loss = cross-entropy(head(rmsnorm(x)))
 *
 * It lives in one arena, laid out by memory_plan.h. Gradients are those of the sum of the losses of
 * supervised tokens, each times its weight, added up until transformer_clear(); the optimiser
 * divides.
 */
#ifndef SPECTRUM_TRAIN_TRANSFORMER_H
#define SPECTRUM_TRAIN_TRANSFORMER_H

#include "compute/backend.h"
#include "model/model.h"
#include "text/packing/packing.h"
#include "text/tokenizer/tokenizer.h"
#include "train/pass.h"

struct transformer {
    struct network network; /* what it computes with */
    float z_loss, neftune;
    bool (*should_stop)(void *context); /* transformer_ask() */
    void *stop_context;
};

struct transformer_options {
    struct recipe recipe;  /* what it points to must outlive the transformer */
    int64_t tokens;        /* of a micro-batch */
    int64_t max_positions; /* the longest document */
    enum storage storage;
    bool masters, generation;
    int64_t recomputed;       /* blocks that the backward pass recomputes */
    bool updates_in_backward; /* gradients are used up as they come */
    uint64_t seed;            /* of new adapters: A uniform in +-1/sqrt(K), as PEFT's; B zero */
    float z_loss;             /* times the squared log-sum-exp of the logits is added to the loss */
    float neftune;            /* alpha of the noise on the embeddings; 0: none */
    bool layout_only; /* takes no memory for the arena and reads no weights: it can be asked what
                         lies in it, and nothing can be run */
    const struct work_watch *work; /* is told how much of the weights is read; may be NULL */
};

/* The memory that transformer_new() will take, without taking it. The caller frees the plan. */
int transformer_plan(struct memory_plan **out, struct backend *backend, const struct model *model,
                     const struct transformer_options *options, struct error *err);

/* Plans, allocates the arena, and reads the weights. Backend and model must outlive it. */
int transformer_new(struct transformer **out, struct backend *backend, const struct model *model,
                    const struct transformer_options *options, struct error *err);
void transformer_free(struct transformer *transformer);

/* Loss and gradients to zero: the start of an accumulation window. */
void transformer_clear(struct transformer *transformer);
/* Adds the batch's loss, and with `backward` its gradients; without noise. */
void transformer_run(struct transformer *transformer, const struct batch *batch, bool backward);
/* The same with gradients, and with the run's noise, which depends on nothing but where in the run
 * this is. */
struct noise_draw {
    uint64_t seed;
    int64_t step;
    uint32_t batch; /* of the step */
};
/* With a sink gradients do not add up over batches. */
void transformer_train(struct transformer *transformer, const struct batch *batch,
                       struct noise_draw draw, const struct gradient_sink *sink);
/* Waits. */
int transformer_loss(struct transformer *transformer, struct loss_sums *sums, struct error *err);
/* Tokens of the longest single document: a batch may be longer, its positions may not. */
int64_t transformer_longest(const struct transformer *transformer);
/* Logits [vocab] of the last token of ids[0..count). Needs `generation`; more tokens than
 * transformer_longest(), and ids without a row in the embedding, are refused. */
int transformer_logits(struct transformer *transformer, const int32_t *ids, int64_t count,
                       float *logits, struct error *err);

/* From now on transformer_logits() asks between the halves of blocks whether it should end, and
 * when it should, does so with ERROR_INTERRUPTED: the prompt of a big model takes minutes. NULL: it
 * no longer asks. */
void transformer_ask(struct transformer *transformer, bool (*should_stop)(void *context),
                     void *context);

/* An error where a token of ids[0..count), or of the data, has no row in the model's
 * embedding; `tokenizer` (may be NULL) gives the message its text. transformer_logits() checks for
 * itself; data is checked before it is packed. */
int transformer_check_tokens(const struct model *model, const int32_t *ids, size_t count,
                             const struct tokenizer *tokenizer, struct error *err);
int transformer_check_ids(const struct model *model, const struct dataset *data,
                          const struct tokenizer *tokenizer, struct error *err);

/* The loss of documents under the weights as they are: one pass, in their order, packed. */
struct evaluation {
    double loss;     /* mean of -log p over the supervised tokens by their weights, in nats */
    uint64_t tokens; /* supervised */
};

/* Who waits for an evaluation; any member may be NULL. */
struct evaluation_watch {
    bool (*should_stop)(void *context); /* asked before each batch: true is ERROR_INTERRUPTED */
    void *context;
    const struct work_watch *work; /* is told of the batches */
};

/* Runs `packing` (made with shuffle false) through the transformer, `rows` rows at a time into
 * `batch`. The summed gradients are lost. */
int evaluate(struct evaluation *out, struct transformer *transformer, struct packing *packing,
             struct batch *batch, int64_t rows, const struct evaluation_watch *watch,
             struct error *err);

#endif
