/* What a run's checkpoints take on its disk, held against what is free there before the start. */
#include "base/folder.h"
#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "compute/quantize.h"
#include "job/training_parts.h"
#include "train/state.h"

#include <dirent.h>
#include <stdlib.h>

/* A header, state.json and the rounding to blocks of a folder of four files. */
enum { FOLDER_BYTES = 64 << 10, TENSOR_BYTES = 512 };

/* As recipe.h says it: modules that train, and both parts of adapters. */
static bool learns(const struct model *model, const struct recipe *recipe,
                   const struct run_tensor *tensor)
{
    size_t module = (size_t)(tensor->parameter - model->parameters);
    const bool *which = tensor->part == PART_MODULE ? recipe->trained : recipe->adapted;
    return recipe->trained && which && which[module];
}

static uint64_t state_bytes(const struct model *model, const struct recipe *recipe,
                            const struct train_settings *settings)
{
    uint64_t bytes = FOLDER_BYTES;
    for (size_t i = 0; i < run_tensor_count(model); i++) {
        struct run_tensor tensor = run_tensor(model, recipe->rank, i);
        if (!learns(model, recipe, &tensor))
            continue;
        uint64_t count = (uint64_t)tensor.parameters;
        struct stored_bytes moment =
            moment_bytes(recipe_moments(recipe, &tensor), tensor.parameters);
        bytes += count * storage_size(settings->storage) + 2 * (moment.data + moment.scales);
        if (settings->masters && settings->storage == STORAGE_BF16)
            bytes += count * 4;
        bytes += TENSOR_BYTES;
    }
    return bytes;
}

/* By epochs it is the data that says how many steps there are: as many as may be. */
static uint64_t states_at_once(const struct train_settings *s, bool evaluates)
{
    int64_t saves = 1, kept;
    if (s->save_every > 0 && s->steps > 0)
        saves = (s->steps + s->save_every - 1) / s->save_every;
    else if (s->save_every > 0)
        saves = INT64_MAX;
    kept = s->keep < saves ? s->keep + 1 : saves; /* the new one is whole before one goes */
    return (uint64_t)(kept + evaluates);
}

static uint64_t states_there(const char *folder)
{
    uint64_t count = 0;
    DIR *open = sys.opendir(folder);
    for (struct dirent *entry; open && (entry = sys.readdir(open));)
        count += state_step_of(entry->d_name) >= 0;
    if (open)
        sys.closedir(open);
    return count;
}

/* A run that goes on has a part of its states already; at least one is still to be written. */
int training_disk_look(struct training_disk *disk, const struct model *model,
                       const struct recipe *recipe, const struct train_settings *settings,
                       bool evaluates, const char *run, struct error *err)
{
    char *folder = path_join(run, "checkpoints", err);
    if (!folder)
        return -1;
    uint64_t there = states_there(folder);
    disk->state = state_bytes(model, recipe, settings);
    disk->states = states_at_once(settings, evaluates);
    disk->total = disk->state * (disk->states > there ? disk->states - there : 1);
    disk->known = disk_left(folder, &disk->left, &disk->quota);
    disk->fits = !disk->known || disk->total <= disk->left;
    free(folder);
    return 0;
}

void training_disk_put(struct buffer *out, const struct training_disk *disk)
{
    buffer_format(out, "up to %llu checkpoint%s of %s at once%s", (unsigned long long)disk->states,
                  text_s(disk->states), bytes_text((double)disk->state).text,
                  disk->fits ? "; " : " do not fit: ");
    if (disk->known)
        buffer_format(out, "%s are left %s", bytes_text((double)disk->left).text,
                      disk->quota ? "within the quota" : "there");
    else
        buffer_text(out, "how much room there is cannot be known here");
}

int training_check_disk(struct training *training, struct error *err)
{
    struct training_disk *disk = &training->disk;
    struct train_settings settings = training->settings;
    settings.steps = trainer_steps(training->trainer);
    if (training_disk_look(disk, training->inputs.model, &training->inputs.recipe, &settings,
                           training->inputs.eval != NULL, training->request->run, err) != 0)
        return -1;
    if (!disk->known)
        training_say(training, "how much room there is for checkpoints cannot be known here: %s",
                     bytes_text((double)disk->total).text);
    if (disk->fits)
        return 0;
    return error_set(err,
                     "%s: up to %llu checkpoint%s of %s on disk at once, of which %s are "
                     "still to be written, and %s are left %s; a lower --keep, --method lora, "
                     "--optimizer adamw-8bit, a --run on another disk, or `spectrum cache clear` "
                     "helps",
                     training->request->run, (unsigned long long)disk->states, text_s(disk->states),
                     bytes_text((double)disk->state).text, bytes_text((double)disk->total).text,
                     bytes_text((double)disk->left).text,
                     disk->quota ? "within the quota" : "there");
}
