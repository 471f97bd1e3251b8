#include "train/state_choice.h"

#include "base/folder.h"
#include "train/state_folder.h"
#include "train/state_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* "2, 4, 6"; of many, the last ones. */
static void name_steps(const struct state_list *list, char *out, size_t size)
{
    enum { MOST = 12 };
    size_t first = list->count > MOST ? list->count - MOST : 0, length = 0;
    length = (size_t)snprintf(out, size, "%s", first ? "..., " : "");
    for (size_t i = first; i < list->count && length < size; i++)
        length += (size_t)snprintf(out + length, size - length, "%s%" PRId64, i > first ? ", " : "",
                                   list->states[i].step);
}

/* The step of the best evaluation up to the last state; -1 with an error. */
static int64_t best_step(const char *run, const struct state_list *list, const char *steps,
                         struct error *err)
{
    const struct listed_state *last = state_list_last(list);
    char *folder = path_join(list->parent, last->name, err), *path = NULL;
    cJSON *json = folder ? state_read_json(folder, &path, err) : NULL;
    struct evaluated evaluated, best = {.step = -1};
    if (json && state_read_evaluations(json, last->step, &evaluated, &best, path, err) != 0)
        best.step = -1;
    else if (json && best.step == 0)
        best.step = error_set(err,
                              "%s has no evaluation after a step that says which checkpoint is "
                              "the best; --step takes one of %s",
                              run, steps);
    else if (json && !state_list_step(list, best.step))
        best.step = error_set(err,
                              "the checkpoint of step %" PRId64 ", whose evaluation loss %.6g was "
                              "the best, is not in %s; --step takes one of %s",
                              best.step, best.loss, list->parent, steps);
    cJSON_Delete(json);
    free(path);
    free(folder);
    return best.step;
}

char *state_choose(const char *run, const struct state_choice *choice, struct error *err)
{
    struct state_list list;
    char *folder = NULL, steps[300];
    if (choice->best && choice->step > 0) {
        error_set_kind(err, ERROR_USAGE, "--step and --best exclude one another");
        return NULL;
    }
    if (state_list_find(&list, run, err) != 0)
        return NULL;
    name_steps(&list, steps, sizeof steps);
    const struct listed_state *found = state_list_last(&list);
    int64_t step = choice->step;
    if (step == 0 && list.damage.kind != ERROR_NONE) {
        error_set(err, "%s; --step takes one of %s", list.damage.text, steps);
        found = NULL;
    } else if (!found)
        error_set(err, "%s has no training checkpoint yet", run);
    else if (choice->best && (step = best_step(run, &list, steps, err)) < 0)
        found = NULL;
    else if (step > 0 && !(found = state_list_step(&list, step)))
        error_set(err, "%s has no checkpoint of step %" PRId64 "; there are those of %s", run, step,
                  steps);
    if (found)
        folder = path_join(list.parent, found->name, err);
    state_list_free(&list);
    return folder;
}

char *state_latest(const char *run, struct error *err)
{
    return state_choose(run, &(struct state_choice){0}, err);
}

static bool is_for_best(const char *parent, const char *name)
{
    char *folder = path_join(parent, name, NULL), *path = NULL;
    cJSON *json = folder ? state_read_json(folder, &path, NULL) : NULL;
    bool is = cJSON_IsTrue(json_get(json, "for_best"));
    cJSON_Delete(json);
    free(path);
    free(folder);
    return is;
}

void state_prune(const char *run, int64_t step, int64_t keep, int64_t best)
{
    struct state_list list;
    state_remove_leftovers(run);
    if (state_list_find(&list, run, NULL) != 0)
        return;
    bool known = list.damage.kind == ERROR_NONE; /* else none goes */
    for (size_t i = known ? list.count : 0; i-- > 0;) {
        const struct listed_state *state = &list.states[i];
        if (state->step > step || state->left)
            continue;
        bool stays = !is_for_best(list.parent, state->name) && --keep >= 0;
        if (!stays && state->step != best)
            state_folder_remove(list.parent, state->name);
    }
    state_list_free(&list);
}
