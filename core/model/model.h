/* What a checkpoint means: its architecture, and its tensors as parameters of that architecture.
 *
 * A parameter is one weight or bias under its Hugging Face name, whatever the file calls it. Models
 * of an unknown architecture open too (`architecture` is NULL): their 2-D tensors are parameters
 * under the names they have, and only training refuses them.
 *
 *     model_open -> model_scale_rope, model_add_rows where a command asks for that
 *                -> model_check_computable -> model_read_f32 ... -> model_close
 *
 * This is the face of core/model: what is asked of a model in hand is in parameters.h, whether it
 * can be computed and trained in trainable.h, the rotary scaling in rope.h.
 */
#ifndef SPECTRUM_MODEL_MODEL_H
#define SPECTRUM_MODEL_MODEL_H

#include "base/hash.h"
#include "model/parameters.h"
#include "model/rope.h"
#include "model/trainable.h"

/* Opens a checkpoint and works out its parameters. */
int model_open(struct model **out, const char *path, struct error *err);
/* Of one that is open, which is the model's from now on, also where this fails. */
int model_of(struct model **out, struct checkpoint *checkpoint, struct error *err);
void model_close(struct model *model);

/* Gives embedding and head `rows` rows, where they have fewer, and the configuration as many
 * tokens. A new row is the mean of the tensor's own: a token that nothing is known of.
 * (transformers' resize_token_embeddings() draws around that mean; here a model is the same
 * whenever it is opened.)
 */
int model_add_rows(struct model *model, int64_t rows, struct error *err);

/* The whole matrix, row-major rows x cols, rotary rows in Hugging Face's order. */
int model_read_f32(const struct model *model, const struct parameter *parameter, float *out,
                   struct error *err);

#endif
