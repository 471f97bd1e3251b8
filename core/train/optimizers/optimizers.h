/* The optimisers, as --optimizer names them: a row each of one table. A row says which rule steps
 * the matrices of the blocks and which steps everything else, and how what they keep is stored; a
 * rule is a file of this folder: what it keeps of a tensor, by which names, and the operation of a
 * back end that takes its step (compute/op.h).
 *
 * The memory plan, the network, the state on disk, the form's estimate and job.json follow from
 * these two tables; train/optimizer.h takes the steps. Nothing here is made or freed: it is const.
 *
 * What no rule decides: weights decay that are matrices, decoupled from the gradient; gradients are
 * clipped by one norm of all; adapters' tensors are matrices of the blocks.
 */
#ifndef SPECTRUM_TRAIN_OPTIMIZERS_H
#define SPECTRUM_TRAIN_OPTIMIZERS_H

#include "compute/op.h"
#include "model/model.h"

enum optimizer_kind {
    OPTIMIZER_ADAMW,
    OPTIMIZER_ADAMW_BF16,
    OPTIMIZER_ADAMW_8BIT,
    OPTIMIZER_LION,
    OPTIMIZER_MUON,
    OPTIMIZER_KINDS
};

extern const char *const optimizer_names[]; /* by the enum; a NULL ends them */

/* --- rules --- */

enum { OPTIMIZER_STATES = 2 }; /* the most that a rule keeps of a tensor */

/* The tensors of one step. */
struct step_tensors {
    struct tensor parameter, master; /* [N, K]; master: may be absent */
    /* of the parameter's shape, zero before its first step */
    struct tensor states[OPTIMIZER_STATES];
    struct tensor gradient;  /* f32 */
    struct tensor workspace; /* backend_workspace() bytes of the call */
};

/* What options say of an algorithm: --beta1, --beta2, --epsilon. */
struct optimizer_constants {
    double beta1, beta2, epsilon;
};

/* What the algorithm has that no option says; job.json records it. */
struct optimizer_constant {
    const char *name;
    double value;
};

struct optimizer_rule {
    /* What it keeps of each tensor, as a checkpoint calls it ("<tensor>.exp_avg") and in the order
     * of step_tensors.states; NULL: no more. */
    const char *states[OPTIMIZER_STATES];
    struct optimizer_constants usual; /* where no option says another; 0: it has no such constant */
    struct optimizer_constant constants[3]; /* name NULL: no more */
    /* The call that takes a tensor's step number `step`, the first is 1. Of the settings lr,
     * weight_decay, gradient_scale, key and tensor are there; the rule adds its own. */
    struct op_call (*step)(const struct step_tensors *tensors, struct step_settings settings,
                           const struct optimizer_constants *constants, int64_t step);
    /* How far a step of learning rate 1 surely moves the element that it moves most, where the
     * gradient has this root mean square above 0: what integrity.h promises. */
    double (*least_move)(const struct optimizer_constants *constants, int64_t rows, int64_t cols,
                         double rms);
};

/* adamw.c, lion.c, muon.c */
extern const struct optimizer_rule adamw_rule, lion_rule, muon_rule;

/* --- the table --- */

struct optimizer_row {
    const struct optimizer_rule *matrices; /* the linear layers of the blocks, and adapters */
    const struct optimizer_rule *rest;     /* embeddings, head, norms, biases */
    enum storage storage;                  /* of the states, where optimizer_storage() allows */
    const char *precision; /* as state.json's "precision" says that storage: "+bf16 moments" */
    bool small_rate;       /* its learning rates are a tenth of AdamW's, by default, too */
};
extern const struct optimizer_row optimizer_rows[OPTIMIZER_KINDS];

/* Is it a matrix to an optimiser, which decays? Norms and biases are not. */
bool optimizer_is_matrix(const struct parameter *parameter);

/* The rule of a tensor that is the parameter, or an adapter beside it. */
const struct optimizer_rule *optimizer_rule_of(enum optimizer_kind kind,
                                               const struct parameter *parameter);

/* Those of the row's rules; 0: neither has such a constant. */
struct optimizer_constants optimizer_usual(enum optimizer_kind kind);

/* How many states a rule keeps. */
int optimizer_state_count(const struct optimizer_rule *rule);

/* Tensors of fewer elements are small and sensitive: norms and biases (bitsandbytes'
 * min_8bit_size). */
enum { OPTIMIZER_8BIT_LEAST = 4096 };

/* How the states of a tensor of `numel` elements are stored, which is the parameter or an adapter
 * beside it: as the row says, but where that is 8 bits, f32 for a tensor of fewer than
 * OPTIMIZER_8BIT_LEAST elements, and for the embeddings, with them a head that is tied to them.
 * Most tokens are absent from a step; an element's second moment then stands far below the largest
 * of its block and becomes 0 in 8 bits, while the first moment's code does not, and the quotient
 * moves a weight by hundreds of times the rate. transformers' Trainer asks bitsandbytes for the
 * same (trainer.py: register_module_override of every nn.Embedding, optim_bits 32); a head of its
 * own is an nn.Linear and stays in 8 bits, there as here. */
enum storage optimizer_storage(enum optimizer_kind kind, const struct parameter *parameter,
                               int64_t numel);

#endif
