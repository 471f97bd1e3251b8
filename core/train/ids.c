/* Token ids come from a tokenizer, rows of the embedding from the model. */
#include "train/transformer.h"

int transformer_check_ids(const struct model *model, const struct dataset *data, struct error *err)
{
    for (uint64_t i = 0; i < data->tokens; i++)
        if (data->ids[i] < 0 || data->ids[i] >= model->config.vocab)
            return error_set(err,
                             "the tokenizer gives token %d, but the model has %lld: they do not "
                             "belong together",
                             data->ids[i], (long long)model->config.vocab);
    return 0;
}
