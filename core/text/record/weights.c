/* How much a record and its turns count.
 *
 *     weight of a target = (number x word) of the record x (number x word) of its turn
 *
 * with, for a record, the number under --columns weight= or "loss_weight" and the words "train" and
 * "training"; for a turn the numbers and words that the tools below have; 1 where nothing is said,
 * but 0 for turns that are not an assistant's. A KTO record whose label is false counts 0.
 */
#include "text/record/reader.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

bool turn_is_weight(double value)
{
    return value == 0 || (value >= 1e-15 && value <= 1e15);
}

/* The number under one of several keys; *says becomes true where one is there. */
static int find_number(const cJSON *item, const char *const keys[], size_t count, double *out,
                       bool *says, struct error *err)
{
    static const char *const details[] = {"train_detail", "training_detail"};
    const char *found = NULL;
    for (size_t i = 0; i < 2; i++)
        if (json_is_there(json_get(item, details[i])))
            return error_set(err,
                             "\"%s\" marks parts of a turn, which is not known here; \"train\" and "
                             "\"weight\" are for whole turns",
                             details[i]);
    for (size_t i = 0; i < count; i++) {
        const cJSON *value = keys[i][0] ? json_get(item, keys[i]) : NULL;
        if (!json_is_there(value))
            continue;
        *out = cJSON_IsNumber(value) ? value->valuedouble : -1;
        if (!turn_is_weight(*out))
            return error_set(err, "\"%s\" must be a number: 0, or from 1e-15 to 1e15", keys[i]);
        if (found)
            return error_set(err, "both \"%s\" and \"%s\"", found, keys[i]);
        found = keys[i];
    }
    *says |= found != NULL;
    return 0;
}

/* What tools call it whether a turn trains, and what true means there. */
static const struct {
    const char *key;
    bool means, replies; /* of an assistant's turns alone */
} words[] = {
    {"train", true, false},    /* Axolotl */
    {"training", true, false}, /* its older name */
    {"loss", true, true},      /* ms-swift */
    {"masked", false, false},  /* torchtune */
};
enum { RECORD_WORDS = 2, TURN_WORDS = sizeof words / sizeof *words };

/* The words that say whether something trains. Several may stand there where they agree; some
 * count for an assistant's turns alone. */
static int find_word(const cJSON *item, size_t count, bool speaks, double *out, bool *says,
                     struct error *err)
{
    const char *found = NULL;
    for (size_t i = 0; i < count; i++) {
        const cJSON *word = json_get(item, words[i].key);
        if (!json_is_there(word))
            continue;
        if (!cJSON_IsBool(word))
            return error_set(err, "\"%s\" must be true or false", words[i].key);
        if (words[i].replies && !speaks)
            continue;
        double trains = (bool)cJSON_IsTrue(word) == words[i].means;
        if (found && trains != *out)
            return error_set(err, "\"%s\" and \"%s\" say different things", found, words[i].key);
        found = words[i].key;
        *out = trains;
    }
    *says |= found != NULL;
    return 0;
}

int turn_weight(const cJSON *turn, bool speaks, bool otherwise, double *out, bool *says,
                struct error *err)
{
    static const char *const numbers[] = {"weight", "loss_weight", "loss_scale"};
    double number = 1, trains = otherwise;
    if (find_number(turn, numbers, 3, &number, says, err) != 0 ||
        find_word(turn, TURN_WORDS, speaks, &trains, says, err) != 0)
        return -1;
    *out = trains * number;
    return 0;
}

/* --- the record --- */

/* "--columns weight=" (an empty name) leaves all of it unread. */
int reader_read_weight(struct reader *r, struct error *err)
{
    const char *const numbers[] = {r->context->columns->names[COLUMN_WEIGHT], "loss_weight"};
    double number = 1, trains = 1;
    if (!*numbers[0])
        return 0;
    r->weighed = false;
    if (find_number(r->record, numbers, 2, &number, &r->weighed, err) != 0 ||
        find_word(r->record, RECORD_WORDS, true, &trains, &r->weighed, err) != 0)
        return error_prefix(err,
                            "how much the record counts (--columns weight= leaves that unread)");
    r->weight = trains * number;
    column_take(r, COLUMN_WEIGHT);
    column_read(r, "loss_weight");
    column_read(r, "train");
    column_read(r, "training");
    return 0;
}

/* --- KTO's labels --- */

/* true, 1 and "true" are 1; false, 0 and "false" are 0; -1: neither. */
static int truth_of(const cJSON *item)
{
    if (cJSON_IsBool(item))
        return cJSON_IsTrue(item);
    if (cJSON_IsNumber(item))
        return item->valuedouble == 0 ? 0 : item->valuedouble == 1 ? 1 : -1;
    if (!cJSON_IsString(item))
        return -1;
    return strcasecmp(item->valuestring, "true") == 0    ? 1
           : strcasecmp(item->valuestring, "false") == 0 ? 0
                                                         : -1;
}

/* Who names the column says that it is KTO's. Else true and false are, and numbers and texts are
 * classes; but the words of KTO, and beside TRL's columns its 0 and 1, could be either, and a
 * rejected answer must not train by mistake. */
static int check_label(const struct reader *r, const cJSON *label, enum column form,
                       struct error *err)
{
    const char *name = column_name(r, COLUMN_LABEL);
    if (!label || cJSON_IsBool(label))
        return 0;
    if (r->context->columns->named[COLUMN_LABEL])
        return truth_of(label) >= 0
                   ? 0
                   : error_set(err,
                               "the label \"%.80s\" is neither true nor false (or 1, 0); "
                               "--columns label= leaves it unread",
                               name);
    if (truth_of(label) < 0 || (form != COLUMN_PROMPT && !cJSON_IsString(label)))
        return 0;
    return error_set(err,
                     "the label \"%.80s\" is %s: --columns label=%.80s reads it as KTO's, and "
                     "trains nothing of what is labelled false; if it is a class, --columns label= "
                     "leaves it unread",
                     name, cJSON_IsString(label) ? "a text that says true or false" : "0 or 1",
                     name);
}

int reader_read_label(struct reader *r, enum column form, struct error *err)
{
    const struct column_names *columns = r->context->columns;
    const char *name = columns->names[COLUMN_LABEL];
    const cJSON *label = column_look(r, COLUMN_LABEL);
    const cJSON *tag = strcmp(name, "kto_tag") == 0 ? NULL : json_get(r->record, "kto_tag");
    tag = json_is_there(tag) ? tag : NULL;
    bool named = columns->named[COLUMN_LABEL];
    if (!*name)
        return 0;
    if (form == COLUMN_TEXT && !named)
        label = NULL; /* a class, which texts have */
    if (check_label(r, label, form, err) != 0)
        return -1;
    if (tag && !cJSON_IsBool(tag))
        return error_set(err,
                         "\"kto_tag\" is neither true nor false; --columns label=kto_tag reads "
                         "1 and 0, too, --columns label= leaves it unread");
    if (!cJSON_IsBool(label) && !named)
        label = NULL;
    if (label)
        column_take(r, COLUMN_LABEL);
    if (tag)
        column_read(r, "kto_tag");
    if (label && tag && truth_of(label) != truth_of(tag))
        return error_set(err,
                         "\"%.80s\" and \"kto_tag\" say different things; --columns label= "
                         "leaves both unread",
                         name);
    r->form->labelled = label || tag;
    r->form->undesired = (label && !truth_of(label)) || (tag && !truth_of(tag));
    return 0;
}
