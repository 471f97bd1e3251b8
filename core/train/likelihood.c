/* One pass through the blocks for a row of texts, then the head alone for each set of targets: it
 * computes the logits of tokens that have a target, so what is only read costs none. */
#include "train/likelihood.h"

/* -log p of one set's targets. */
static int run_head(float *losses, const struct pass *pass, const int32_t *targets,
                    struct error *err)
{
    const struct network *network = pass->network;
    struct backend *backend = pass->backend;
    struct tensor out =
        tensor_at(network_run_place(network, RUN_LOSSES), STORAGE_F32, 1, pass->tokens);
    struct op_call call = {
        OP_HEAD_LOSS,
        .head_loss = {
            .loss = tensor_at(network_run_place(network, RUN_LOSS), STORAGE_F64, 1, 2),
            .losses = out,
            .x = pass_rows(pass, RUN_FINAL_NORM, network->config->hidden),
            .head = pass_weight(pass, pass_head_role(pass), -1),
            .targets = pass->targets,
            .workspace = network_workspace(network, RUN_HEAD_WORKSPACE),
            .scale = 1,
        }};
    backend->write(backend->self, pass->targets.data, targets,
                   (size_t)pass->tokens * sizeof *targets);
    pass_run(pass, &call);
    if (backend->wait(backend->self, err) != 0)
        return -1;
    backend->read(backend->self, losses, out.data, (size_t)pass->tokens * sizeof *losses);
    return 0;
}

/* The batch's own targets stay away from the pass: each set has its own. */
int transformer_losses(float *losses, struct transformer *transformer,
                       const struct likelihood_row *row, struct error *err)
{
    struct batch batch = row->batch;
    batch.targets = NULL;
    batch.weights = NULL;
    if (batch.tokens > transformer->network.tokens)
        return error_set(err, "a row of %lld tokens; this transformer takes %lld",
                         (long long)batch.tokens, (long long)transformer->network.tokens);
    if (transformer_check_tokens(transformer->network.model, batch.ids, (size_t)batch.tokens, NULL,
                                 err) != 0)
        return -1;
    struct pass pass = pass_begin(&transformer->network, &batch);
    pass.documents.before = row->before;
    pass.should_stop = transformer->should_stop;
    pass.stop_context = transformer->stop_context;
    forward_embed(&pass);
    if (!forward_blocks(&pass))
        return error_set_kind(err, ERROR_INTERRUPTED, "interrupted");
    for (int set = 0; set < row->sets; set++)
        if (run_head(losses + set * batch.tokens, &pass, row->targets + set * batch.tokens, err) !=
            0)
            return -1;
    return 0;
}
