/* What a model is in a GGUF file: the keys of its architecture, the names of its tensors, in which
 * order their rows stand, and the rotary factors that are a tensor of their own. */
#ifndef SPECTRUM_JOB_EXPORT_GGUF_MODEL_H
#define SPECTRUM_JOB_EXPORT_GGUF_MODEL_H

#include "checkpoint/gguf_write.h"
#include "job/export/gguf_documents.h"

struct gguf_model {
    const char *architecture; /* general.architecture */
    bool llama;               /* llama.cpp's own, of Llama and Mistral */
    bool says_head_dim;       /* also where config.json does not */
};

/* What llama.cpp has for the model; one that it knows otherwise, or not, is refused by name. */
int gguf_model_find(struct gguf_model *out, const struct model *model, const cJSON *config,
                    struct error *err);

/* Adds "<architecture>.block_count" and so on; `type` is the general.file_type. */
void gguf_put_model(struct gguf_keys *keys, const struct gguf_model *gguf,
                    const struct model *model, const cJSON *config, uint32_t type);

/* "blk.7.ffn_down.weight", newly allocated. */
char *gguf_tensor_name(const struct model *model, const struct parameter *parameter,
                       struct error *err);

/* Where the file has a row of `parameter`: query and key of Llama's rotate pairs (2 i, 2 i + 1) of
 * a head's rows in llama.cpp, and pairs (i, i + n / 2) in transformers. Of others the same. */
int64_t gguf_row(const struct gguf_model *gguf, const struct model *model,
                 const struct parameter *parameter, int64_t row);

/* "rope_freqs.weight": what Llama 3's scaling divides the frequency of each pair of a head by,
 * newly allocated, [head_dim / 2]; NULL without an error where there is no such scaling. */
int gguf_rope_factors(float **out, const struct gguf_model *gguf, const struct model *model,
                      struct error *err);

#endif
