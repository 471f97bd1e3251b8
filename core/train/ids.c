/* Token ids come from a tokenizer, rows of the embedding from the model: where a token was added
 * without a row, or the two do not belong together, an id would read behind the weights. */
#include "train/transformer.h"

#include <stdio.h>

static int refuse(const struct model *model, int32_t id, const struct tokenizer *tokenizer,
                  struct error *err)
{
    const char *text = tokenizer ? tokenizer_token_text(tokenizer, id) : NULL;
    char name[64] = "";
    if (text)
        snprintf(name, sizeof name, "\"%.40s\" is ", text);
    return error_set(err,
                     "%sthe tokenizer's token %d, but the model has %lld (rows of its embedding): "
                     "leave it out of the text, give the embedding a row for it (transformers: "
                     "resize_token_embeddings), or take the tokenizer that belongs to the model",
                     name, id, (long long)model->config.vocab);
}

int transformer_check_tokens(const struct model *model, const int32_t *ids, size_t count,
                             const struct tokenizer *tokenizer, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= model->config.vocab)
            return refuse(model, ids[i], tokenizer, err);
    return 0;
}

int transformer_check_ids(const struct model *model, const struct dataset *data,
                          const struct tokenizer *tokenizer, struct error *err)
{
    const int32_t largest = dataset_largest_id(data);
    return transformer_check_tokens(model, &largest, 1, tokenizer, err);
}
