/* transformers' trainer_state.json: all steps so far in one object's "log_history", written whole
 * with each checkpoint, so in another folder each time:
 *
 *     output_dir/checkpoint-500/trainer_state.json
 *     output_dir/checkpoint-1000/trainer_state.json    the one with the highest number counts
 *
 * Of a file that was written again only what is new in the list is taken. */
#include "base/decimal.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/sys.h"
#include "tracker/format.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST = 512 << 20 }; /* bytes: two million steps */

struct seen {
    size_t taken; /* of log_history */
    int64_t checkpoint;
    struct tracker_seen file;
    bool half; /* what was seen there could not be read, once */
};

bool trainer_state_is(const char *name, const char *head, size_t length)
{
    (void)head;
    return strcmp(name, "trainer_state.json") == 0 && length > 0;
}

int trainer_state_open(struct tracker *tracker, struct error *err)
{
    struct seen *seen = array_alloc(1, sizeof *seen, err);
    tracker->state = seen;
    if (seen)
        seen->checkpoint = -1;
    return seen ? 0 : -1;
}

/* --- the newest --- */

/* The number in "checkpoint-N"; -1: it is none. */
static int64_t checkpoint_number(const char *name)
{
    static const char mark[] = "checkpoint-";
    int64_t number;
    return strncmp(name, mark, sizeof mark - 1) == 0 &&
                   decimal_read_whole(&number, name + sizeof mark - 1)
               ? number
               : -1;
}

/* The run's: that of its checkpoints, or of the state that it left at its end. */
char *trainer_state_folder(const char *path, struct error *err)
{
    char *folder = path_folder(path, err);
    if (!folder || checkpoint_number(path_last(folder)) < 0)
        return folder;
    char *around = path_folder(folder, err);
    free(folder);
    return around;
}

/* Of the folder that the checkpoint's folder lies in. */
static void find_newest(const char *around, struct seen *seen, char **path)
{
    DIR *open = sys.opendir(around);
    struct dirent *entry;
    while (open && folder_read(open, around, &entry, NULL) > 0) {
        int64_t number = checkpoint_number(entry->d_name);
        char *folder = number > seen->checkpoint ? path_join(around, entry->d_name, NULL) : NULL;
        char *file = folder ? path_join(folder, "trainer_state.json", NULL) : NULL;
        if (file && file_find(file, NULL) > 0) {
            free(*path);
            *path = file;
            file = NULL;
            seen->checkpoint = number;
        }
        free(file);
        free(folder);
    }
    if (open)
        sys.closedir(open);
}

/* A file that was named itself is meant alone. */
static void look_for_newer(struct tracker *tracker, struct seen *seen)
{
    char *folder = tracker->in_folder ? path_folder(tracker->path, NULL) : NULL, *around = NULL;
    if (folder && checkpoint_number(path_last(folder)) >= 0 && (around = path_folder(folder, NULL)))
        find_newest(around, seen, &tracker->path);
    free(around);
    free(folder);
}

/* --- reading --- */

/* A history that became shorter is of a run that went back; all of it is put again. */
static void take_history(struct tracker *tracker, struct seen *seen, const cJSON *state)
{
    const cJSON *history = json_get(state, "log_history"), *entry;
    int64_t step = -1, total = 0;
    size_t at = 0;
    steps_of(state, &tracker->steps.total);
    if ((size_t)cJSON_GetArraySize(history) < seen->taken)
        seen->taken = 0;
    cJSON_ArrayForEach(entry, history)
    {
        if (at++ >= seen->taken)
            steps_put_object(&tracker->steps, steps_of(entry, &total), entry);
    }
    seen->taken = at;
    tracker->ended = json_get_int64(state, "global_step", &step) && tracker->steps.total > 0 &&
                     step >= tracker->steps.total;
}

/* A state is written in place, so half of one is damage only where it stays that: it is read again at
 * the next look, and then no more before it is another. */
int trainer_state_read(struct tracker *tracker, bool *more, struct error *err)
{
    struct seen *seen = tracker->state;
    struct error why = ERROR_INIT;
    struct stat info;
    *more = false;
    look_for_newer(tracker, seen);
    int there = file_look(tracker->path, &info, err);
    if (there == 0)
        return error_set(err, "%s is gone", tracker->path);
    bool same = there > 0 && tracker_same(&seen->file, &info);
    if (there < 0 || (same && !seen->half))
        return there < 0 ? -1 : 0;
    cJSON *state = json_read_file(tracker->path, LARGEST, JSON_LOOSE_NUMBERS, &why);
    if (state)
        take_history(tracker, seen, state);
    else if (same)
        tracker_say_damage(tracker, "%s", why.text);
    seen->half = !state && !same;
    cJSON_Delete(state);
    return 0;
}
