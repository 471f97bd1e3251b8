#include "train/state_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "train/state.h"
#include "train/state_check.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A state is complete or absent: it first gets a hidden name, which no reader takes for one. */
static void remove_state(const char *parent, const char *name)
{
    char hidden[340], unique[FILE_UNIQUE_SIZE];
    file_unique(unique);
    snprintf(hidden, sizeof hidden, ".%s.%s.old.tmp", name, unique);
    char *from = path_join(parent, name, NULL), *to = path_join(parent, hidden, NULL);
    if (from && to && sys.rename(from, to) == 0 && folder_sync(parent, NULL) == 0)
        folder_remove(to);
    free(from);
    free(to);
}

static void folder_free(struct state_folder *folder)
{
    free(folder->parent);
    free(folder->path);
    free(folder->temporary);
    *folder = (struct state_folder){0};
}

int state_folder_begin(struct state_folder *folder, const char *run, int64_t step,
                       struct error *err)
{
    char name[40], temporary[80], unique[FILE_UNIQUE_SIZE];
    file_unique(unique);
    snprintf(name, sizeof name, "step-%08" PRId64, step);
    snprintf(temporary, sizeof temporary, ".%s.%s.tmp", name, unique);
    *folder = (struct state_folder){0};
    folder->parent = path_join(run, "checkpoints", err);
    folder->path = folder->parent ? path_join(folder->parent, name, err) : NULL;
    folder->temporary = folder->path ? path_join(folder->parent, temporary, err) : NULL;
    if (folder->temporary && folder_make(folder->temporary, err) == 0)
        return 0;
    folder_free(folder);
    return -1;
}

int state_folder_commit(struct state_folder *folder, struct error *err)
{
    int status = folder_sync(folder->temporary, err);
    if (status == 0)
        remove_state(folder->parent, strrchr(folder->path, '/') + 1); /* of an earlier sitting */
    if (status == 0 && sys.rename(folder->temporary, folder->path) != 0)
        status = error_set_errno(err, errno, "cannot rename %s", folder->temporary);
    if (status == 0)
        status = folder_sync(folder->parent, err);
    if (status != 0)
        folder_remove(folder->temporary);
    folder_free(folder);
    return status;
}

void state_folder_abort(struct state_folder *folder)
{
    folder_remove(folder->temporary);
    folder_free(folder);
}

/* --- which there are --- */

int64_t state_step_of(const char *name)
{
    char *end;
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9')
        return -1;
    errno = 0;
    long long step = strtoll(name + 5, &end, 10);
    return *end || errno ? -1 : step;
}

/* One folder of RUN/checkpoints. */
struct found {
    int64_t step;
    char name[40];
    bool left; /* the run went on from an earlier one since it was written */
};

struct found_list {
    char *parent; /* RUN/checkpoints */
    struct found *states;
    size_t count;        /* by their steps, rising */
    struct error damage; /* of left.json: which were left is not known, and none is marked */
};

static void found_free(struct found_list *list)
{
    free(list->parent);
    free(list->states);
}

static int by_step(const void *a, const void *b)
{
    int64_t first = ((const struct found *)a)->step, second = ((const struct found *)b)->step;
    return (first > second) - (first < second);
}

/* Of a state.json that cannot be read, "". */
static void digest_state(const char *parent, const char *name, char out[DIGEST_TEXT_SIZE])
{
    char *folder = path_join(parent, name, NULL);
    char *path = folder ? path_join(folder, "state.json", NULL) : NULL;
    if (!path || digest_of_file(path, out, NULL) != 0)
        out[0] = '\0';
    free(folder);
    free(path);
}

/* left.json, NULL where there is none; what is not as it was written is an error. */
static cJSON *read_left(const char *parent, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct error why = ERROR_INIT;
    struct stat info;
    cJSON *json = NULL;
    char *path = path_join(parent, "left.json", err);
    if (path && (sys.lstat(path, &info) == 0 || errno != ENOENT)) {
        if (file_read_all(&text, path, STATE_JSON_MAX, &why) == 0 && state_seal_holds(&text) <= 0)
            error_set(&why, "its bytes are not those that were written");
        if (why.kind == ERROR_NONE)
            json = json_parse(buffer_string(&text), text.length, JSON_STRICT, path, &why);
        if (!json)
            error_set(err,
                      "%s is damaged: %s; it names the checkpoints of a line that was left, so "
                      "which one the run came to is not known",
                      path, why.text);
    }
    buffer_free(&text);
    free(path);
    return json;
}

/* left.json: {"states": {"step-00000006": "<SHA-256 of its state.json>"}}. Another state of that
 * name is the run's own. */
static void mark_left(struct found_list *list)
{
    cJSON *json = read_left(list->parent, &list->damage);
    for (size_t i = 0; json && i < list->count; i++) {
        char found[DIGEST_TEXT_SIZE];
        const char *digest;
        struct found *state = &list->states[i];
        if (!json_get_string(json_get(json, "states"), state->name, &digest))
            continue;
        digest_state(list->parent, state->name, found);
        state->left = strcmp(found, digest) == 0;
    }
    cJSON_Delete(json);
}

static int find_states(struct found_list *list, const char *run, struct error *err)
{
    size_t capacity = 0;
    *list = (struct found_list){.parent = path_join(run, "checkpoints", err)};
    if (!list->parent)
        return -1;
    struct stat link;
    int status = 0;
    DIR *folder = sys.opendir(list->parent);
    /* Where it cannot be read nothing is known: a run must not begin again because its disk is not
     * mounted, behind a link that leads nowhere for now. */
    if (!folder && errno != ENOENT)
        status = error_set_errno(err, errno, "cannot read the checkpoints in %s", list->parent);
    else if (!folder && sys.lstat(list->parent, &link) == 0)
        status =
            error_set(err,
                      "cannot read the checkpoints in %s: it is a link to nothing; is its disk "
                      "mounted?",
                      list->parent);
    for (struct dirent *entry; status == 0 && folder;) {
        int more = folder_read(folder, list->parent, &entry, err);
        if (more <= 0) {
            status = more;
            break;
        }
        int64_t step = state_step_of(entry->d_name);
        if (step < 0 || strlen(entry->d_name) >= sizeof list->states->name)
            continue;
        status = array_reserve((void **)&list->states, &capacity, list->count + 1,
                               sizeof *list->states, err);
        if (status != 0)
            break;
        struct found *state = &list->states[list->count++];
        *state = (struct found){.step = step};
        memcpy(state->name, entry->d_name, strlen(entry->d_name) + 1);
    }
    if (folder)
        sys.closedir(folder);
    if (list->count > 0) {
        qsort(list->states, list->count, sizeof *list->states, by_step);
        mark_left(list);
    }
    if (status != 0)
        found_free(list);
    return status;
}

/* The last that the run came to. */
static const struct found *last_of(const struct found_list *list)
{
    for (size_t i = list->count; i-- > 0;)
        if (!list->states[i].left)
            return &list->states[i];
    return NULL;
}

static const struct found *find_step(const struct found_list *list, int64_t step)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->states[i].step == step)
            return &list->states[i];
    return NULL;
}

int64_t state_latest_step(const char *run, struct error *err)
{
    struct found_list list;
    if (find_states(&list, run, err) != 0)
        return -1;
    const struct found *last = last_of(&list);
    int64_t step = last ? last->step : -1;
    if (list.damage.kind != ERROR_NONE)
        step = error_set_kind(err, list.damage.kind, "%s", list.damage.text);
    found_free(&list);
    return step;
}

int64_t state_step_before(const char *folder)
{
    struct found_list list;
    char *parent = path_folder(folder, NULL), *run = parent ? path_folder(parent, NULL) : NULL;
    int64_t before = -1, step = state_step_of(strrchr(folder, '/') ? strrchr(folder, '/') + 1 : "");
    if (run && find_states(&list, run, NULL) == 0) {
        for (size_t i = 0; i < list.count; i++)
            if (list.states[i].step < step && !list.states[i].left)
                before = list.states[i].step;
        found_free(&list);
    }
    free(parent);
    free(run);
    return before;
}

/* "2, 4, 6"; of many, the last ones. */
static void name_steps(const struct found_list *list, char *out, size_t size)
{
    enum { MOST = 12 };
    size_t first = list->count > MOST ? list->count - MOST : 0, length = 0;
    length = (size_t)snprintf(out, size, "%s", first ? "..., " : "");
    for (size_t i = first; i < list->count && length < size; i++)
        length += (size_t)snprintf(out + length, size - length, "%s%" PRId64, i > first ? ", " : "",
                                   list->states[i].step);
}

/* The step of the best evaluation up to the last state; -1 with an error. */
static int64_t best_step(const char *run, const struct found_list *list, const char *steps,
                         struct error *err)
{
    const struct found *last = last_of(list);
    char *folder = path_join(list->parent, last->name, err), *path = NULL;
    cJSON *json = folder ? state_read_json(folder, &path, err) : NULL;
    struct evaluated evaluated, best = {.step = -1};
    if (json && state_read_evaluations(json, last->step, &evaluated, &best, path, err) != 0)
        best.step = -1;
    else if (json && best.step == 0)
        best.step = error_set(err,
                              "%s has no evaluation behind a step that says which checkpoint is "
                              "the best; --step takes one of %s",
                              run, steps);
    else if (json && !find_step(list, best.step))
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
    struct found_list list;
    char *folder = NULL, steps[300];
    if (choice->best && choice->step > 0) {
        error_set_kind(err, ERROR_USAGE, "--step and --best exclude one another");
        return NULL;
    }
    if (find_states(&list, run, err) != 0)
        return NULL;
    name_steps(&list, steps, sizeof steps);
    const struct found *found = last_of(&list);
    int64_t step = choice->step;
    if (step == 0 && list.damage.kind != ERROR_NONE) {
        error_set(err, "%s; --step takes one of %s", list.damage.text, steps);
        found = NULL;
    } else if (!found)
        error_set(err, "%s has no training checkpoint yet", run);
    else if (choice->best && (step = best_step(run, &list, steps, err)) < 0)
        found = NULL;
    else if (step > 0 && !(found = find_step(&list, step)))
        error_set(err, "%s has no checkpoint of step %" PRId64 "; there are those of %s", run, step,
                  steps);
    if (found)
        folder = path_join(list.parent, found->name, err);
    found_free(&list);
    return folder;
}

char *state_latest(const char *run, struct error *err)
{
    return state_choose(run, &(struct state_choice){0}, err);
}

int state_leave_later(const char *run, int64_t step, struct error *err)
{
    struct found_list list;
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    bool any = false;
    if (find_states(&list, run, err) != 0) /* where left.json is damaged, those before count */
        return -1;
    json_begin(&json, "spectrum.left-checkpoints");
    json_object(&json, "states");
    for (size_t i = 0; i < list.count; i++) {
        const struct found *state = &list.states[i];
        char digest[DIGEST_TEXT_SIZE];
        if (state->step == step || (state->step < step && !state->left))
            continue;
        digest_state(list.parent, state->name, digest);
        json_text(&json, state->name, digest);
        any = true;
    }
    json_end(&json);
    char *path = path_join(list.parent, "left.json", err);
    int status = path ? state_put_seal(&json, err) : -1;
    if (status == 0 && any)
        status = file_save(path, out.data, out.length, err);
    else if (status == 0 && sys.unlink(path) != 0 && errno != ENOENT)
        status = error_set_errno(err, errno, "cannot remove %s", path);
    free(path);
    buffer_free(&out);
    found_free(&list);
    return status;
}

void state_remove_leftovers(const char *run)
{
    char *parent = path_join(run, "checkpoints", NULL);
    DIR *folder = parent ? sys.opendir(parent) : NULL;
    for (struct dirent *entry; folder && (entry = sys.readdir(folder));) {
        bool leftover =
            strncmp(entry->d_name, ".step-", 6) == 0 && text_ends_with(entry->d_name, ".tmp");
        char *path = leftover ? path_join(parent, entry->d_name, NULL) : NULL;
        if (path)
            folder_remove(path);
        free(path);
    }
    if (folder)
        sys.closedir(folder);
    free(parent);
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
    struct found_list list;
    state_remove_leftovers(run);
    if (find_states(&list, run, NULL) != 0)
        return;
    bool known = list.damage.kind == ERROR_NONE; /* else none goes */
    for (size_t i = known ? list.count : 0; i-- > 0;) {
        const struct found *state = &list.states[i];
        if (state->step > step || state->left)
            continue;
        bool stays = !is_for_best(list.parent, state->name) && --keep >= 0;
        if (!stays && state->step != best)
            remove_state(list.parent, state->name);
    }
    found_free(&list);
}
