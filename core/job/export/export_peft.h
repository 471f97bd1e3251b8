/* A run's adapters as PEFT has them.
 *
 *     adapter_config.json         rank, alpha, the base, and which modules have adapters; what else
 *                                 trained goes in whole, as "modules_to_save"
 *     adapter_model.safetensors   A and B of each adapter, and those whole tensors, by PEFT's names:
 *                                 those of adapters are the run's own (train/recipe.h), a whole one
 *                                 has "base_model.model." before it
 *
 * A head that is tied to an embedding that trained is written as a tensor of its own, too: PEFT would
 * leave it with the base's.
 */
#ifndef SPECTRUM_JOB_EXPORT_EXPORT_PEFT_H
#define SPECTRUM_JOB_EXPORT_EXPORT_PEFT_H

#include "job/export/export_model.h"

/* Writes both into `out`; adapter_config.json names `base` as the model that the adapters belong to. */
int export_write_adapters(const struct export *export, const char *out, const char *base,
                          struct error *err);

#endif
