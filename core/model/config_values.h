/* Members of a configuration, of the types that they should have or that other tools write for
 * them: "1e-05" as a text is what YAML 1.1 makes of 1e-5. Internal to core/model. */
#ifndef SPECTRUM_MODEL_CONFIG_VALUES_H
#define SPECTRUM_MODEL_CONFIG_VALUES_H

#include "base/json.h"
#include "model/parameters.h"

/* Says why this model cannot be computed; the first reason stays. Scans and plans need not compute
 * it. */
void config_refuse(struct model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds a line to model_notes(). */
void config_note(struct model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Absent members leave *out; what is of another type is refused by name, and null, too, unless it
 * is `nullable`. */
void config_get_real(struct model *model, const cJSON *object, const char *key, bool nullable,
                     double *out);
void config_get_flag(struct model *model, const cJSON *object, const char *key, bool *out);
/* `low` to `high` */
void config_get_whole(struct model *model, const cJSON *object, const char *key, bool nullable,
                      int64_t low, int64_t high, int64_t *out);
/* The number of a number or of a text that is one. */
bool config_number(const cJSON *item, double *out);
bool config_truth(const cJSON *item, bool *out);
/* null, false, 0, or an empty text, list or object. */
bool config_is_off(const cJSON *item);
/* The value as JSON, cut, for messages; into out[size]. */
void config_show(const cJSON *item, char *out, size_t size);

#endif
