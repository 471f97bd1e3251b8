/* The configuration of an engine that has one of its own, beside engine.json: DeepSpeed's, and
 * Axolotl's. Both are made of the same request and say nothing that engine.json does not; the scripts
 * take from engine.json what they do themselves. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_CONFIG_H
#define SPECTRUM_JOB_ENGINES_ENGINE_CONFIG_H

#include "job/training/training.h"

/* deepspeed.json: ZeRO stage 3, without what would compile at its first start. */
int engine_config_write_deepspeed(const struct training_parts *parts, struct error *err);

/* axolotl.yml: the exact names of what trains in `names`, and the plug-in that does the rest. */
int engine_config_write_axolotl(const struct training_parts *parts, char *const *names,
                                size_t count, struct error *err);

/* plan.yaml, by the exact names of tensors, where a run's own names modules: it is read by whoever looks
 * at the folder, and by tools that match names. */
int engine_config_write_plan(const struct training_parts *parts, char *const *names, size_t count,
                             struct error *err);

#endif
