/* The folders of checkpoints: their making under a temporary name, which a rename makes valid,
 * their listing, and the removal of old ones. A folder with a checkpoint's name is always whole:
 * what a kill leaves has another name, which state_remove_leftovers() knows. */
#include "train/state_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- a JSON text that ends with its digest --- */

/* `, "sha256": "` 64 digits `"}` newline. */
static const char begins[] = ", \"sha256\": \"", ends[] = "\"}\n";
enum { SEAL = sizeof begins - 1 + DIGEST_TEXT_SIZE - 1 + sizeof ends - 1 };

int state_seal_put(struct json_writer *json, struct error *err)
{
    char text[DIGEST_TEXT_SIZE];
    if (digest_of(buffer_string(json->out), json->out->length, text, err) != 0)
        return -1;
    json_text(json, "sha256", text);
    json_end(json);
    return json_finish(json, err);
}

/* 1: the text is as it was sealed; 0: it has no seal; -1: it is another text. */
static int seal_holds(const struct buffer *text)
{
    char digest[DIGEST_TEXT_SIZE];
    if (text->length < SEAL)
        return 0;
    const char *seal = text->data + text->length - SEAL;
    const char *end = text->data + text->length - (sizeof ends - 1);
    if (memcmp(seal, begins, sizeof begins - 1) != 0 || memcmp(end, ends, sizeof ends - 1) != 0)
        return 0;
    return digest_of(text->data, text->length - SEAL, digest, NULL) == 0 &&
                   memcmp(seal + sizeof begins - 1, digest, sizeof digest - 1) == 0
               ? 1
               : -1;
}

/* Without `sealed` a text must have its digest; with it, one that never had any is read, and
 * said. */
cJSON *state_seal_read(const char *path, bool *sealed, struct error *why)
{
    struct buffer text = BUFFER_INIT;
    cJSON *json = NULL;
    if (file_read_all(&text, path, STATE_JSON_MAX, why) == 0) {
        int holds = seal_holds(&text);
        if (holds < 0 || (holds == 0 && !sealed))
            error_set(why, "its bytes are not those that were written");
        else
            json = json_parse(buffer_string(&text), text.length, JSON_STRICT, path, why);
        if (sealed)
            *sealed = holds > 0;
    }
    buffer_free(&text);
    return json;
}

/* --- one folder --- */

/* A state is complete or absent: it first gets a hidden name, which no reader takes for one. */
void state_folder_remove(const char *parent, const char *name)
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

/* The temporary name is a hidden one beside the final one: a rename cannot leave the file
 * system. */
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
        state_folder_remove(folder->parent,
                            strrchr(folder->path, '/') + 1); /* of an earlier sitting */
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

void state_list_free(struct state_list *list)
{
    free(list->parent);
    free(list->states);
}

static int by_step(const void *a, const void *b)
{
    int64_t first = ((const struct listed_state *)a)->step,
            second = ((const struct listed_state *)b)->step;
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
    struct error why = ERROR_INIT;
    struct stat info;
    cJSON *json = NULL;
    char *path = path_join(parent, "left.json", err);
    if (path && (sys.lstat(path, &info) == 0 || errno != ENOENT) &&
        !(json = state_seal_read(path, NULL, &why)))
        error_set(err,
                  "%s is damaged: %s; it names the checkpoints of a line that was left, so "
                  "which one the run came to is not known",
                  path, why.text);
    free(path);
    return json;
}

/* left.json: {"states": {"step-00000006": "<SHA-256 of its state.json>"}}. Another state of that
 * name is the run's own. */
static void mark_left(struct state_list *list)
{
    cJSON *json = read_left(list->parent, &list->damage);
    for (size_t i = 0; json && i < list->count; i++) {
        char found[DIGEST_TEXT_SIZE];
        const char *digest;
        struct listed_state *state = &list->states[i];
        if (!json_get_string(json_get(json, "states"), state->name, &digest))
            continue;
        digest_state(list->parent, state->name, found);
        state->left = strcmp(found, digest) == 0;
    }
    cJSON_Delete(json);
}

int state_list_find(struct state_list *list, const char *run, struct error *err)
{
    size_t capacity = 0;
    *list = (struct state_list){.parent = path_join(run, "checkpoints", err)};
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
        struct listed_state *state = &list->states[list->count++];
        *state = (struct listed_state){.step = step};
        memcpy(state->name, entry->d_name, strlen(entry->d_name) + 1);
    }
    if (folder)
        sys.closedir(folder);
    if (list->count > 0) {
        qsort(list->states, list->count, sizeof *list->states, by_step);
        mark_left(list);
    }
    if (status != 0)
        state_list_free(list);
    return status;
}

/* The last that the run came to. */
const struct listed_state *state_list_last(const struct state_list *list)
{
    for (size_t i = list->count; i-- > 0;)
        if (!list->states[i].left)
            return &list->states[i];
    return NULL;
}

const struct listed_state *state_list_step(const struct state_list *list, int64_t step)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->states[i].step == step)
            return &list->states[i];
    return NULL;
}

/* A left.json that cannot be read is an error: it says which checkpoints no longer count. */
int64_t state_latest_step(const char *run, struct error *err)
{
    struct state_list list;
    if (state_list_find(&list, run, err) != 0)
        return -1;
    const struct listed_state *last = state_list_last(&list);
    int64_t step = last ? last->step : -1;
    if (list.damage.kind != ERROR_NONE)
        step = error_set_kind(err, list.damage.kind, "%s", list.damage.text);
    state_list_free(&list);
    return step;
}

/* The checkpoint before this one, on the line that the run is on: what to go back to from a damaged
 * one. */
int64_t state_step_before(const char *folder)
{
    struct state_list list;
    char *parent = path_folder(folder, NULL), *run = parent ? path_folder(parent, NULL) : NULL;
    int64_t before = -1, step = state_step_of(strrchr(folder, '/') ? strrchr(folder, '/') + 1 : "");
    if (run && state_list_find(&list, run, NULL) == 0) {
        for (size_t i = 0; i < list.count; i++)
            if (list.states[i].step < step && !list.states[i].left)
                before = list.states[i].step;
        state_list_free(&list);
    }
    free(parent);
    free(run);
    return before;
}

int state_leave_later(const char *run, int64_t step, struct error *err)
{
    struct state_list list;
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    bool any = false;
    if (state_list_find(&list, run, err) != 0) /* where left.json is damaged, those before count */
        return -1;
    json_begin(&json, "spectrum.left-checkpoints");
    json_object(&json, "states");
    for (size_t i = 0; i < list.count; i++) {
        const struct listed_state *state = &list.states[i];
        char digest[DIGEST_TEXT_SIZE];
        if (state->step == step || (state->step < step && !state->left))
            continue;
        digest_state(list.parent, state->name, digest);
        json_text(&json, state->name, digest);
        any = true;
    }
    json_end(&json);
    char *path = path_join(list.parent, "left.json", err);
    int status = path ? state_seal_put(&json, err) : -1;
    if (status == 0 && any)
        status = file_save(path, out.data, out.length, err);
    else if (status == 0 && sys.unlink(path) != 0 && errno != ENOENT)
        status = error_set_errno(err, errno, "cannot remove %s", path);
    free(path);
    buffer_free(&out);
    state_list_free(&list);
    return status;
}

/* By name alone: only a save makes such names, and a run has one process that saves. */
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
