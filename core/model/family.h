/* What transformers calls the tensors of a file once it has loaded the model.
 *
 * A file's names are not always those of the loaded model: transformers 5 gathers the parts of a
 * multimodal model under "model.", holds the experts of a block in one tensor, renames others, and
 * takes files of AutoModel, which lack the base model's name in front. Tools that choose tensors
 * by name (Axolotl, TRL, ms-swift, PEFT) match the loaded model's, so these are what scans, plans
 * and exports are written in.
 *
 * Each family is known by config.json's model_type, and has rules that rewrite the beginning of a
 * name, component by component:
 *
 *     language_model.model                             -> model.language_model
 *     model.layers.*.block_sparse_moe.experts.*.w1.weight -> model.layers.*.mlp.experts.gate_up_proj
 *
 * "*" is a whole number, kept in its place. The longest rule that fits is taken, and the result
 * rewritten again until nothing fits; a loaded name stays what it is. Several tensors may come to
 * one (w1 and w3 above), one may come to several, which its rule has with "|" between them, and one
 * may be no parameter but a buffer: "-".
 *
 * family_rules.c is written by tests/oracle/make_families.py, which makes a small model of each
 * family with the transformers of tests/oracle/requirements.txt, saves it, loads it, and sees by
 * the values which tensor became which parameter. Nothing of it is typed by hand.
 */
#ifndef SPECTRUM_MODEL_FAMILY_H
#define SPECTRUM_MODEL_FAMILY_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct name_rule {
    const char *from, *to;
};

struct family {
    const char *model_type;
    const char *class_name; /* with which tools load it: "MixtralForCausalLM" */
    const char *roots;      /* first components of its parameters' names: " lm_head model " */
    const char *unadapted;  /* modules with a matrix beside which PEFT puts no adapter, with "*" */
    const struct name_rule *rules;
    size_t rule_count;
};

/* The transformers that the rules were seen in: "5.23.0". */
extern const char family_transformers[];

/* By config.json's model_type; NULL where it is not known. */
const struct family *family_by_type(const char *model_type);

/* All of them, in the order of strcmp() of their types: the table of family_rules.c. */
extern const struct family families[];
extern const size_t family_count;

/* Appends the names that a tensor of a file has once the model is loaded, "|" between several, "-" of
 * one that is no parameter; its own where no rule fits. False: it is not known, as the family has no parameters called so. */
bool family_put_loaded(struct buffer *out, const struct family *family, const char *name);

/* Does PEFT put an adapter beside a module of the loaded model, as far as its class decides? */
bool family_takes_adapter(const struct family *family, const char *module);

#endif
