/* config.json or GGUF metadata into a model_config. Internal to core/model. */
#ifndef SPECTRUM_MODEL_CONFIG_H
#define SPECTRUM_MODEL_CONFIG_H

#include "model/architecture.h"

/* Finds the architecture and fills model->architecture_name and model->config. An architecture that
 * is not known is no error: *architecture is NULL then. */
int config_read(struct model *model, const struct architecture **architecture, struct error *err);

/* Does a linear layer of this role have a bias? */
bool config_has_bias(const struct model_config *config, enum module_role role);

/* Says why this model cannot be computed; the first reason stays. Scans and plans go on. */
void config_refuse(struct model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds a line to model_notes(). */
void config_note(struct model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- config_values.c: members that other tools wrote as a text, too: "1e-05" is what YAML 1.1
 * makes of 1e-5. Absent, they leave *out; what is of another type is refused by name, and null,
 * too, unless it is `nullable`. --- */
void config_get_real(struct model *model, const cJSON *object, const char *key, bool nullable,
                     double *out);
void config_get_flag(struct model *model, const cJSON *object, const char *key, bool *out);
/* `low` to `high` */
void config_get_whole(struct model *model, const cJSON *object, const char *key, bool nullable,
                      int64_t low, int64_t high, int64_t *out);
/* The number of a number or of a text that is one. */
bool config_number(const cJSON *item, double *out);
bool config_truth(const cJSON *item, bool *out);
/* The value as JSON, cut, for messages; into out[size]. */
void config_show(const cJSON *item, char *out, size_t size);

/* config_keys.c: refuses keys that change what a model computes and are not read here. */
void config_check_keys(struct model *model, const struct architecture *architecture);
/* Is this a key of config.json that is read? */
bool config_reads(const struct architecture *architecture, const char *key);

/* --- config_rope.c --- */

/* `scaling`, the metadata's "rope_scaling" or "rope_parameters" (an object), into the
 * configuration, whose max_positions is there already. `key` is what it is called there. */
void config_read_rope(struct model *model, const cJSON *scaling, const cJSON *metadata,
                      const char *key);

/* GGUF has Llama 3's scaling as a tensor "rope_freqs.weight", by whose elements the plain
 * frequencies are divided. Where they are those of Llama 3.1 to 3.3 but for the factor, the
 * configuration says so; any others are ROPE_UNSUPPORTED. To be called once the configuration is
 * complete. */
void config_recognise_factors(struct model *model);

/* config_gguf.c: a GGUF file's keys. */
void config_read_gguf(struct model *model, const struct architecture *architecture);

/* trainable.c: what of the configuration alone cannot be computed, or not be trained. */
int config_check(const struct model *model, struct error *err);
int config_check_dropout(const struct model *model, struct error *err);

#endif
