/* Token ids come from a tokenizer, rows of the embedding from the model. */
#include "train/transformer.h"

int transformer_check_ids(const struct model *model, const struct dataset *data, struct error *err)
{
    int32_t largest = dataset_largest_id(data);
    if (largest < 0 || largest >= model->config.vocab)
        return error_set(err,
                         "the tokenizer gives token %d, but the model has %lld: they do not "
                         "belong together",
                         largest, (long long)model->config.vocab);
    return 0;
}
