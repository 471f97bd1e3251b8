#include "tui/session/plan_words.h"

#include "base/folder.h"
#include "base/text.h"
#include "tui/session/grid.h"

#include <stdio.h>
#include <string.h>

enum { NAME_COLUMNS = 40, BRIEF_COLUMNS = 20 };

/* Appends " by last"; nothing by SNR. */
static void put_order(const struct plan_order *order, char *out, size_t size)
{
    size_t used = strlen(out);
    if (!plan_order_is_snr(order))
        snprintf(out + used, size - used, " by %s", plan_order_name(order));
}

void plan_rank_put(const struct plan *plan, size_t row, char *out, size_t size)
{
    size_t of, rank = plan_rank(plan, row, &of);
    struct plan_order order = plan_base(plan).order;
    snprintf(out, size, "rank %zu of %zu", rank, of);
    put_order(&order, out, size);
}

/* As much as the width has room for. */
void plan_base_put(const struct plan_base *base, enum plan_words words, char *out, size_t size)
{
    static const char *const of[][2] = {
        [PLAN_BY_TYPE] = {" of each type", "/type"},
        [PLAN_GLOBAL] = {" of all types", " of all"},
        [PLAN_TOGETHER] = {" of each type, experts together", "/type"},
    };
    switch (base->kind) {
    case PLAN_PERCENT:
        snprintf(out, size, "%.4g %%%s", base->percent, of[base->scope][words == WORDS_LEAST]);
        put_order(&base->order, out, size);
        break;
    case PLAN_NAMES:
        utf8_copy(out,
                  words == WORDS_WHOLE && size > NAME_COLUMNS ? NAME_COLUMNS
                  : size > BRIEF_COLUMNS                      ? BRIEF_COLUMNS
                                                              : size,
                  base->source ? path_last(base->source) : "a list of names");
        break;
    case PLAN_ALL:
        snprintf(out, size, "everything");
        break;
    case PLAN_NOTHING:
        snprintf(out, size, "nothing");
        break;
    }
}

/* The base, then edits over it: "25 % of each type, +2 -1 by hand". */
void plan_words_put(const struct plan *plan, enum plan_words words, char *out, size_t size)
{
    struct plan_base base = plan_base(plan);
    struct plan_edits edits = plan_edits(plan);
    bool whole = words == WORDS_WHOLE;
    size_t all = edits.trained + edits.frozen + edits.agreeing;
    plan_base_put(&base, words, out, size);
    if (all == 0)
        return;
    size_t used = strlen(out);
    if (whole)
        used += (size_t)snprintf(out + used, size - used, ",");
    if (edits.trained > 0 && used < size)
        used += (size_t)snprintf(out + used, size - used, " +%zu", edits.trained);
    if (edits.frozen > 0 && used < size)
        used += (size_t)snprintf(out + used, size - used, " -%zu", edits.frozen);
    if (edits.agreeing == all && used < size)
        snprintf(out + used, size - used, whole ? " %zu by hand agree%s" : " =%zu", all,
                 all == 1 ? "s" : "");
    else if (whole && used < size)
        used += (size_t)snprintf(out + used, size - used, " by hand");
    if (whole && edits.agreeing > 0 && edits.agreeing < all && used < size)
        snprintf(out + used, size - used, ", %zu agree%s", edits.agreeing,
                 edits.agreeing == 1 ? "s" : "");
}

/* Appends a part, with ", " before it where it is not the first. */
static void add(char *out, size_t size, const char *part)
{
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s", used ? ", " : "", part);
}

/* What a step has changed, in the order in which a user would say it. */
void plan_step_put(const struct plan *plan, const struct plan_step *step, bool first, char *out,
                   size_t size)
{
    char part[PLAN_WORDS_SIZE];
    out[0] = '\0';
    if (first || step->new_base) {
        plan_base_put(&step->base, WORDS_WHOLE, part, sizeof part);
        add(out, size, part);
    }
    if (first && step->edits > 0) {
        snprintf(part, sizeof part, "%zu by hand", step->edits);
        add(out, size, part);
    }
    if (step->edited == 1) {
        const struct scan_row *row = &plan_scan(plan)->rows[step->first];
        const char *mark = step->trained ? "+" : step->frozen ? "-" : "no edit of";
        int layer = module_layer(row->module);
        if (layer >= 0)
            snprintf(part, sizeof part, "%s layer %d %.120s", mark, layer, row->type);
        else
            snprintf(part, sizeof part, "%s %.120s", mark, row->module);
        utf8_sanitize(part);
        add(out, size, part);
    } else if (step->edited > 1 && step->trained + step->frozen == 0) {
        snprintf(part, sizeof part, "%zu edits dropped", step->edited);
        add(out, size, part);
    } else if (step->edited > 1) {
        snprintf(part, sizeof part, "by hand: %zu to train, %zu to freeze", step->trained,
                 step->frozen);
        add(out, size, part);
    }
    if (step->new_embeddings)
        add(out, size, step->embeddings ? "embeddings train" : "embeddings frozen");
    if (step->new_head)
        add(out, size, step->head ? "head trains" : "head frozen");
    if (!out[0])
        add(out, size, "no change");
}

void age_put(double seconds, char *out, size_t size)
{
    if (!(seconds >= 60))
        snprintf(out, size, "now");
    else if (seconds < 3600)
        snprintf(out, size, "%d min", (int)(seconds / 60));
    else if (seconds < 2 * 86400.0)
        snprintf(out, size, "%d h", (int)(seconds / 3600));
    else
        snprintf(out, size, "%.0f days", seconds / 86400);
}
