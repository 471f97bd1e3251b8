/* What of a checkpoint can be known without the model: digests of its files, its evaluations, its
 * base, and from these which checkpoint a command means and which are to be removed. */
#include "train/state_json.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/sys.h"
#include "train/state_folder.h"
#include "train/state_tensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "PATH is damaged: WHAT", and what to continue from. */
static int set_damaged(const char *folder, const char *path, const char *what, struct error *err)
{
    int64_t before = state_step_before(folder);
    if (before < 0)
        return error_set(err, "%s is damaged: %s; there is no checkpoint before it", path, what);
    return error_set(err,
                     "%s is damaged: %s; with --step %" PRId64 " resume, eval, generate and export "
                     "take the checkpoint before it",
                     path, what, before);
}

cJSON *state_read_json(const char *folder, char **path, struct error *err)
{
    struct error why = ERROR_INIT;
    bool sealed = false;
    if (!(*path = path_join(folder, "state.json", err)))
        return NULL;
    cJSON *json = state_seal_read(*path, &sealed, &why);
    if (!json)
        set_damaged(folder, *path, why.text, err);
    else if (!sealed && json_get(json, "files")) { /* who writes one writes the other */
        set_damaged(folder, *path, "it does not end as it was written", err);
        cJSON_Delete(json);
        json = NULL;
    }
    return json;
}

/* Size first, which costs nothing; then the digest of all bytes. */
static int check_file(const char *folder, const char *name, const cJSON *said, struct error *err)
{
    const char *digest = "";
    char found[DIGEST_TEXT_SIZE];
    struct error why = ERROR_INIT;
    int64_t bytes = 0;
    uint64_t size = 0;
    char *path = path_join(folder, name, err);
    if (!path)
        return -1;
    json_get_string(said, "sha256", &digest);
    json_get_int64(said, "bytes", &bytes);
    int status = -1, fd = file_open_read(path, &size, &why);
    if (fd >= 0)
        sys.close(fd);
    if (fd >= 0 && size != (uint64_t)bytes)
        error_set(&why, "it has %" PRIu64 " bytes, not %" PRId64, size, bytes);
    else if (fd >= 0 && digest_of_file(path, found, &why) == 0 && strcmp(found, digest) != 0)
        error_set(&why, "its bytes are not those that were written");
    if (why.kind == ERROR_NONE)
        status = 0;
    else
        set_damaged(folder, path, why.text, err);
    free(path);
    return status;
}

/* In the order of the files, weights first; a state from before digests has none to compare
 * with. */
int state_check(const char *folder, enum state_part part, bool *digested, struct error *err)
{
    char *path;
    cJSON *json = state_read_json(folder, &path, err);
    const cJSON *files = json_get(json, "files"), *said;
    int status = json ? 0 : -1;
    *digested = files != NULL;
    for (size_t i = 0; files && status == 0 && i < STATE_FILES; i++) {
        const char *name = state_file_name(i);
        if (i > 0 && part == STATE_WEIGHTS)
            break;
        if ((said = json_get(files, name)))
            status = check_file(folder, name, said, err);
        else if (i == 0)
            status = error_set(err, "%s: \"files\" has no %s", path, name);
    }
    cJSON_Delete(json);
    free(path);
    return status;
}

/* --- evaluations --- */

void state_put_evaluated(struct json_writer *json, const char *key,
                         const struct evaluated *evaluated)
{
    if (evaluated->step == 0)
        return;
    json_object(json, key);
    json_integer(json, "step", evaluated->step);
    json_real(json, "eval_loss", evaluated->loss);
    json_end(json);
}

/* An absent one is step 0; one that is there must be of a step that the run has had. */
static int read_evaluated(const cJSON *json, const char *key, int64_t step, struct evaluated *out,
                          const char *where, struct error *err)
{
    const cJSON *evaluated = json_get(json, key);
    *out = (struct evaluated){0};
    if (!evaluated)
        return 0;
    if (json_need_int64(evaluated, "step", &out->step, 1, step, where, err) != 0)
        return -1;
    return json_get_double(evaluated, "eval_loss", &out->loss) && isfinite(out->loss)
               ? 0
               : error_set(err, "%s: \"%s\" has no \"eval_loss\" that is a number", where, key);
}

int state_read_evaluations(const cJSON *json, int64_t step, struct evaluated *last,
                           struct evaluated *best, const char *where, struct error *err)
{
    return read_evaluated(json, "evaluated", step, last, where, err) == 0
               ? read_evaluated(json, "best", step, best, where, err)
               : -1;
}

/* --- the base --- */

static const char *const base_keys[] = {
    [BASE_CONFIGURATION] = "configuration", [BASE_TOKENIZER] = "tokenizer"};

const char *state_base_key(enum base_part part)
{
    return base_keys[part];
}

int state_read_base(const cJSON *json, enum base_part part, char out[HASH_TEXT_SIZE],
                    const char *where, struct error *err)
{
    const char *said = "";
    if (json_get(json, base_keys[part]) &&
        json_need_string(json, base_keys[part], &said, where, err) != 0)
        return -1;
    snprintf(out, HASH_TEXT_SIZE, "%s", said);
    return 0;
}

/* A state of before this was recorded has no text, and is let pass. */
int state_compare_base(enum base_part part, const char *said, const char *found,
                       const struct checkpoint *base, struct error *err)
{
    static const char *const files[] = {
        [BASE_CONFIGURATION] = "config.json",
        [BASE_TOKENIZER] = "tokenizer.json and what is beside it, the chat template, too"};
    bool gguf = checkpoint_format(base) == CHECKPOINT_GGUF;
    if (!said[0] || strcmp(said, found) == 0)
        return 0;
    return error_set(err,
                     "%s: the base's %s (%s) is not what the run began with, and what it trained "
                     "does not belong to it: put the model back that it was, or start a new run",
                     checkpoint_path(base), base_keys[part], gguf ? "metadata" : files[part]);
}

/* --- which state is meant, and which stay --- */

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

/* The best evaluation up to the last state of the list, which has one. */
static int read_best(const struct state_list *list, struct evaluated *best, struct error *err)
{
    const struct listed_state *last = state_list_last(list);
    char *folder = path_join(list->parent, last->name, err), *path = NULL;
    cJSON *json = folder ? state_read_json(folder, &path, err) : NULL;
    struct evaluated evaluated;
    int status = json ? state_read_evaluations(json, last->step, &evaluated, best, path, err) : -1;
    cJSON_Delete(json);
    free(path);
    free(folder);
    return status;
}

/* Its step; -1 with an error. */
static int64_t best_step(const char *run, const struct state_list *list, const char *steps,
                         struct error *err)
{
    struct evaluated best;
    if (read_best(list, &best, err) != 0)
        return -1;
    if (best.step == 0)
        return error_set(err,
                         "%s has no evaluation after a step that says which checkpoint is "
                         "the best; --step takes one of %s",
                         run, steps);
    if (!state_list_step(list, best.step))
        return error_set(err,
                         "the checkpoint of step %" PRId64 ", whose evaluation loss %.6g was "
                         "the best, is not in %s; --step takes one of %s",
                         best.step, best.loss, list->parent, steps);
    return best.step;
}

/* *kept: is its checkpoint still there? --best of a run needs it. */
int state_best(const char *run, struct evaluated *best, bool *kept, struct error *err)
{
    struct state_list list;
    int status = -1;
    *kept = false;
    if (state_list_find(&list, run, err) != 0)
        return -1;
    if (list.damage.kind != ERROR_NONE)
        error_set(err, "%s", list.damage.text);
    else if (!state_list_last(&list))
        error_set(err, "%s has no training checkpoint yet", run);
    else
        status = read_best(&list, best, err);
    if (status == 0)
        *kept = best->step > 0 && state_list_step(&list, best->step);
    state_list_free(&list);
    return status;
}

/* The last, one by its step, or the best one's; an error names the steps that there are. */
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

/* One that cannot be read is not for the best, and goes the way of the others. */
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
