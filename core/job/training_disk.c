/* What a run's checkpoints take on its disk, held against what is free there before the start. */
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "compute/quantize.h"
#include "job/training_parts.h"
#include "train/state.h"

#include <dirent.h>
#include <stdlib.h>

/* A header, state.json and the rounding to blocks of a folder of four files. */
enum { FOLDER_BYTES = 64 << 10, TENSOR_BYTES = 512 };

uint64_t training_state_bytes(const struct optimizer *optimizer, const struct recipe *recipe,
                              const struct train_settings *settings)
{
    uint64_t bytes = FOLDER_BYTES;
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
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

uint64_t training_states_at_once(const struct train_settings *s, int64_t steps, bool evaluates)
{
    int64_t saves = s->save_every > 0 ? (steps + s->save_every - 1) / s->save_every : 1;
    int64_t kept = s->keep < saves ? s->keep + 1 : saves; /* the new one is whole before one goes */
    return (uint64_t)(kept + evaluates);
}

static uint64_t states_there(const char *folder)
{
    uint64_t count = 0;
    DIR *open = opendir(folder);
    for (struct dirent *entry; open && (entry = readdir(open));)
        count += state_step_of(entry->d_name) >= 0;
    if (open)
        closedir(open);
    return count;
}

/* A run that goes on has a part of its states already; at least one is still to be written. */
int training_check_disk(struct training *training, struct error *err)
{
    struct training_disk *disk = &training->disk;
    char *folder = path_join(training->request->run, "checkpoints", err);
    if (!folder)
        return -1;
    uint64_t there = states_there(folder);
    disk->state = training_state_bytes(trainer_optimizer(training->trainer),
                                       &training->inputs.recipe, &training->settings);
    disk->states = training_states_at_once(&training->settings, trainer_steps(training->trainer),
                                           training->inputs.eval != NULL);
    disk->total = disk->state * (disk->states > there ? disk->states - there : 1);
    disk->known = disk_left(folder, &disk->left, &disk->quota);
    free(folder);
    if (!disk->known)
        training_say(training, "how much room there is for checkpoints cannot be known here: %s",
                     bytes_text((double)disk->total).text);
    if (!disk->known || disk->total <= disk->left)
        return 0;
    return error_set(err,
                     "%s: up to %llu checkpoints of %s each are on disk at once, of which %s are "
                     "still to be written, and %s are left %s; a lower --keep, --method lora, "
                     "--optimizer adamw-8bit, a --run on another disk, or `spectrum cache clear` "
                     "helps",
                     training->request->run, (unsigned long long)disk->states,
                     bytes_text((double)disk->state).text, bytes_text((double)disk->total).text,
                     bytes_text((double)disk->left).text,
                     disk->quota ? "within the quota" : "there");
}
