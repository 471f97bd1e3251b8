/* The turns of a record, as chat templates take them. Internal to core/text.
 *
 * Templates know messages with a "role" and a "content". Other spellings become that: ShareGPT's
 * "from" and "value", its names of roles, a function_call whose value is the JSON of calls, parts
 * of text under other keys. All else of a turn is passed on as it stands.
 */
#ifndef SPECTRUM_TEXT_TURNS_H
#define SPECTRUM_TEXT_TURNS_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

/* Something of a turn that only a template could read. */
struct turn_member {
    char name[128];  /* "messages[].thought": may be cut in a letter, after 80 bytes */
    const char *key; /* the record's; NULL: what templates get has it no more */
};
enum { TURN_MEMBERS_MAX = 32 };

struct turns {
    cJSON *messages; /* an array; what it has from the record it only refers to */
    double *weights; /* [count], a turn's own, without the record's */
    size_t count, capacity;
    bool weighed;                                 /* some turn says itself how much it counts */
    struct turn_member members[TURN_MEMBERS_MAX]; /* each once */
    size_t member_count;
};

int turns_begin(struct turns *out, struct error *err);
void turns_free(struct turns *turns);

/* Appends one of our own. */
int turns_add(struct turns *turns, const char *role, const char *content, double weight,
              struct error *err);

/* Appends those of a list of the record. `name` is the list's, for messages; `single`: one turn
 * that stands alone is a list of one; `trains`: an assistant's turns that do not say it themselves
 * count. The record must outlive them. */
int turns_read(struct turns *turns, const cJSON *list, const char *name, bool single, bool trains,
               struct error *err);

/* How much a record counts by what it says itself (forms.h), and whether it says it. `weight_name`
 * is the key beside "loss_weight". */
int turn_record_weight(const cJSON *record, const char *weight_name, double *out, bool *says,
                       struct error *err);

/* What columns and members with pictures or sounds are called; NULL ends it. */
extern const char *const turn_media[];

/* Of a weight, and of the product of a record's and a turn's: sums of the smallest and the largest
 * that are let pass stay in the range of fp32, in which gradients are added up. */
bool turn_is_weight(double value);

/* The role of a list's first turn, as templates call it, or "". */
const char *turns_first_role(const cJSON *list);

#endif
