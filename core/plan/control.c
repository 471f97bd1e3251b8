#include "plan/control.h"

#include "base/decimal.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/score_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    double most;
    bool whole;
} kinds[] = {
    [CONTROL_LAST] = {"last:", 1e6, true},
    [CONTROL_FIRST] = {"first:", 1e6, true},
    [CONTROL_RANDOM] = {"random:", 100, false},
};

/* A kind's name with its colon, and a number within that kind's bounds. */
int control_parse(struct control *out, const char *text, struct error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].name);
        double amount;
        if (strncmp(text, kinds[i].name, length) != 0)
            continue;
        bool right = decimal_read(&amount, text + length) && amount > 0 && amount <= kinds[i].most;
        if (!right || (kinds[i].whole && amount != floor(amount)))
            break;
        *out = (struct control){(enum control_kind)i, amount};
        return 0;
    }
    return error_set_kind(
        err, ERROR_USAGE,
        "--select takes last:N or first:N (blocks), or random:P (per cent of each "
        "type), not \"%.40s\"",
        text);
}

/* The rows of the blocks at one end of the model: block b of L is among the last N where b >= L -
 * N. */
static int choose_blocks(struct plan *plan, const struct scan *scan,
                         const struct matrix_part *parts, const struct control *control,
                         struct error *err)
{
    int layers = 0;
    size_t count = 0;
    size_t *rows = array_alloc(scan->count, sizeof *rows, err);
    if (!rows)
        return -1;
    for (size_t i = 0; i < scan->count; i++)
        layers = parts[i].parameter->layer >= layers ? parts[i].parameter->layer + 1 : layers;
    for (size_t i = 0; i < scan->count; i++) {
        int layer = parts[i].parameter->layer;
        bool in = control->kind == CONTROL_LAST ? layer >= layers - control->amount
                                                : layer < control->amount;
        if (layer >= 0 && in)
            rows[count++] = i;
    }
    int status = control->amount > layers
                     ? error_set_kind(err, ERROR_USAGE,
                                      "--select asks for %.0f blocks, and the model has %d",
                                      control->amount, layers)
                     : plan_toggle(plan, rows, count, err);
    free(rows);
    return status;
}

int control_plan(struct plan **out, struct scan **scan, const struct control *control,
                 const struct model *model, uint64_t seed, struct error *err)
{
    struct matrix_part *parts = NULL;
    if (scan_for_model(scan, &parts, model, NULL, err) != 0)
        return -1;
    int status = plan_new(out, *scan, model, err);
    if (status == 0)
        status = control->kind == CONTROL_RANDOM
                     ? plan_select_by(*out, control->amount, PLAN_BY_TYPE,
                                      &(struct plan_order){.kind = ORDER_RANDOM, .seed = seed}, err)
                     : choose_blocks(*out, *scan, parts, control, err);
    free(parts);
    return status;
}
