/* What is exported, and its tensors: as a whole model, model.safetensors or shards of one, or as
 * PEFT's adapters.
 *
 * A struct export is filled by export.c from a run (job/source.h) and freed there; the files of
 * this folder read it. A whole model has each parameter that the model uses, in one of three forms:
 *
 *     trained   the bytes of the run's checkpoint, in the run's type
 *     raw       the base's bytes as they are, in the base's type
 *     rounded   what the run read of the base, in the run's type: of a GGUF file, of a tensor that
 *               got rows of added tokens, and of a weight with an adapter, whose product is added
 *               before it is rounded, once
 */
#ifndef SPECTRUM_JOB_EXPORT_EXPORT_WEIGHTS_H
#define SPECTRUM_JOB_EXPORT_EXPORT_WEIGHTS_H

#include "base/buffer.h"
#include "checkpoint/safetensors.h"
#include "job/export/shards.h"
#include "job/source.h"
#include "text/tokenizer/tokenizer.h"

#include <signal.h>

struct export
{
    struct source source;
    struct tokenizer *tokenizer; /* the run's */
    struct part *parts;          /* [count], file by file, in each as it is written; free() it */
    size_t count;
    uint64_t shard_size; /* shards.h; 0: one file */
    size_t shard_count;
    const volatile sig_atomic_t *interrupted; /* NULL: never */
};

bool export_is_stopped(const struct export *export);

/* Fills parts from the source. */
int export_list_parts(struct export *export, struct error *err);

uint64_t export_model_bytes(const struct export *export); /* of all parts */

/* Writes the parts into `out`, and the index where they are several files; ERROR_INTERRUPTED where
 * it was stopped on the way. */
int export_write_weights(const struct export *export, const char *out, struct error *err);

/* A part's values as the folder has them, in whichever form it is: values[numel], rows and columns
 * as transformers has them. */
int export_read_part(const struct export *export, const struct part *part, float *values,
                     struct error *err);

/* For whatever file of an export: a tensor's bytes as they are, by way of `staging`, which has
 * EXPORT_STAGING bytes. */
enum { EXPORT_STAGING = 1 << 20 };
int export_copy_bytes(struct safetensors_writer *writer, const struct checkpoint *from,
                      const struct tensor_info *tensor, void *staging, struct error *err);

/* Writes folder/name, and frees the text whatever happens. */
int export_save_text(const char *folder, const char *name, struct buffer *text, struct error *err);

/* --- adapters as PEFT has them ---
 *
 *     adapter_config.json         rank, alpha, the base, and which modules have adapters; what else
 *                                 trained goes in whole, as "modules_to_save"
 *     adapter_model.safetensors   A and B of each adapter, and those whole tensors, by PEFT's names:
 *                                 those of adapters are the run's own (train/recipe.h), a whole one
 *                                 has "base_model.model." before it
 *
 * A head that is tied to an embedding that trained is written as a tensor of its own, too: PEFT
 * would leave it with the base's.
 */

/* Writes both into `out`; adapter_config.json names `base` as the model that the adapters belong
 * to. */
int export_write_adapters(const struct export *export, const char *out, const char *base,
                          struct error *err);

#endif
