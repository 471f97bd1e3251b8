#include "job/training/resources.h"

#include "base/folder.h"
#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "compute/machine.h"
#include "train/state.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One that was given has the others filled in beside it. */
static bool sets_constants(const struct training_request *r)
{
    return option_is_given(&r->given, TRAINING_ROW(constants.beta1)) ||
           option_is_given(&r->given, TRAINING_ROW(constants.beta2)) ||
           option_is_given(&r->given, TRAINING_ROW(constants.epsilon));
}

/* The trainer's settings, as they follow from the request alone: the form's estimate takes the
 * same. */
struct train_settings training_settings(const struct training_request *r)
{
    bool bf16 = r->dtype == WEIGHTS_AUTO ? machine_has_bf16() : r->dtype == WEIGHTS_BF16;
    return (struct train_settings){
        .steps = r->steps,
        .epochs = r->epochs,
        .seq_len = r->seq_len,
        .batch = r->batch,
        .accumulate = r->accumulate,
        .schedule = r->schedule,
        .rate = r->rate,
        .warmup = r->warmup,
        .least_rate = r->least_rate,
        .optimizer = {.weight_decay = r->weight_decay,
                      .clip = r->clip,
                      .seed = (uint64_t)r->seed,
                      .constants = sets_constants(r) ? &r->constants : NULL},
        .storage = bf16 ? STORAGE_BF16 : STORAGE_F32,
        .masters = bf16 && r->master == MASTERS_FP32,
        .z_loss = r->z_loss,
        .neftune = r->neftune,
        .spike_guard = r->spike_guard,
        .eval_every = r->eval_every,
        .save_every = r->save_every,
        .keep = r->keep,
    };
}

void training_step_put(struct buffer *out, const struct training_request *request)
{
    const struct option *const constants[] = {TRAINING_OPTION(constants.beta1),
                                              TRAINING_OPTION(constants.beta2),
                                              TRAINING_OPTION(constants.epsilon)};
    buffer_format(out, "%s, learning rate %g, %s", optimizer_names[request->optimizer],
                  request->rate, schedule_name(request->schedule));
    if (request->least_rate > 0)
        buffer_format(out, " to %g", request->least_rate);
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (constants[i]->applies(request))
            buffer_format(out, ", %s %g", constants[i]->name,
                          *(const double *)((const char *)request + constants[i]->at));
}

/* The lists are the choice's, which must outlive the recipe. */
struct recipe training_recipe(const struct training_request *request,
                              const struct method_choice *choice)
{
    struct recipe recipe = {.trained = choice->trained, .optimizer = request->optimizer};
    if (method_info(request->method)->adapters) {
        recipe.adapted = choice->adapted;
        recipe.rank = request->rank;
        recipe.alpha = request->alpha;
    }
    if (request->frozen == FROZEN_INT8 || request->frozen == FROZEN_NF4) {
        recipe.quantized = choice->frozen;
        recipe.frozen = request->frozen == FROZEN_INT8 ? STORAGE_INT8 : STORAGE_NF4;
    }
    return recipe;
}

/* Only options that this request has not used up already. */
void training_memory_remedy(struct buffer *out, const struct training_request *request)
{
    const char *lower[3] = {"--seq-len"}, *other[4] = {NULL};
    int lowers = 1, others = 0;
    bool here = request->engine == ENGINE_HERE;
    if (request->batch > 1 && here)
        lower[lowers++] = "--batch";
    if (method_info(request->method)->plan && !request->plan && !request->select)
        lower[lowers++] = "--top";
    if (!here)
        other[others++] = "fewer --processes";
    if (request->memory_limit == 0 && here)
        other[others++] = "--memory-limit";
    if (request->method != METHOD_FULL && request->frozen != FROZEN_NF4 && here)
        other[others++] = "--frozen-dtype nf4";
    if (request->optimizer != OPTIMIZER_ADAMW_8BIT && here)
        other[others++] = "--optimizer adamw-8bit";
    if (training_settings(request).masters && here)
        other[others++] = "--master none";
    for (int i = 0; i < lowers; i++)
        buffer_format(out, "%s%s", i == 0 ? "a lower " : i < lowers - 1 ? ", " : " or ", lower[i]);
    for (int i = 0; i < others; i++)
        buffer_format(out, ", %s%s", i == others - 1 ? "or " : "", other[i]);
    buffer_text(out, others > 0 ? ", needs less" : " needs less");
}

int training_memory(struct memory_plan **out, const struct training_request *request,
                    const struct train_inputs *inputs, struct train_settings *settings,
                    struct error *err)
{
    return request->memory_limit > 0
               ? trainer_fit(out, inputs, settings, request->memory_limit, err)
               : trainer_plan(out, inputs, settings, err);
}

/* --- the disk ---
 *
 * A checkpoint has every tensor that trains: its weight in the run's storage, what its optimiser
 * keeps (train/optimizers/optimizers.h), and with --master fp32 a master of a bf16 weight:
 *
 *     state  = sum over tensors of  numel storage + optimiser + numel 4 + header,  and the folder
 *     states = min(keep + 1, saves) + best
 *
 * keep + 1, as the new state is whole before an old one goes (train/state.h).
 */

/* A header, state.json and the rounding to blocks of a folder of four files. */
enum { FOLDER_BYTES = 64 << 10, TENSOR_BYTES = 512 };

static uint64_t state_bytes(const struct model *model, const struct recipe *recipe,
                            const struct train_settings *settings)
{
    uint64_t bytes = FOLDER_BYTES;
    for (size_t i = 0; i < run_tensor_count(model); i++) {
        struct run_tensor tensor = run_tensor(model, recipe->rank, i);
        /* a parameter that trains by itself, or either part of its adapter */
        const bool *which = tensor.part == PART_PARAMETER ? recipe->trained : recipe->adapted;
        if (!recipe->trained || !which || !which[tensor.parameter - model->parameters])
            continue;
        uint64_t count = (uint64_t)tensor.numel;
        struct stored_bytes state = storage_bytes(
            optimizer_storage(recipe->optimizer, tensor.parameter, tensor.numel), tensor.numel);
        int states = optimizer_state_count(optimizer_rule_of(recipe->optimizer, tensor.parameter));
        bytes += count * storage_size(settings->storage) +
                 (uint64_t)states * (state.data + state.scales);
        if (settings->masters && settings->storage == STORAGE_BF16)
            bytes += count * 4;
        bytes += TENSOR_BYTES;
    }
    return bytes;
}

/* With epochs only the data says how many steps there are: the most that `keep` allows. */
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

/* A run that continues has some of its states already; at least one is still to be written. */
int training_disk_look(struct training_disk *disk, const struct model *model,
                       const struct recipe *recipe, const struct train_settings *settings,
                       bool evaluates, const char *run, struct error *err)
{
    char *folder = path_join(run, "checkpoints", err);
    if (!folder)
        return -1;
    uint64_t there = 0;
    DIR *open = run[0] ? sys.opendir(folder) : NULL;
    if (run[0] && !open && errno != ENOENT && errno != ENOTDIR) {
        error_set_errno(err, errno, "cannot read the checkpoints in %s", folder);
        free(folder);
        return -1;
    }
    for (struct dirent *entry; open && (entry = sys.readdir(open));)
        there += state_step_of(entry->d_name) >= 0;
    if (open)
        sys.closedir(open);
    disk->state = state_bytes(model, recipe, settings);
    disk->states = states_at_once(settings, evaluates);
    disk->total = disk->state * (disk->states > there ? disk->states - there : 1);
    disk->known = run[0] && disk_left(folder, &disk->left, &disk->quota);
    disk->fits = !disk->known || disk->total <= disk->left;
    free(folder);
    return 0;
}

/* One sentence for the run, the dry run and the form. */
void training_disk_put(struct buffer *out, const struct training_disk *disk)
{
    buffer_format(out, "up to %llu checkpoint%s of %s%s", (unsigned long long)disk->states,
                  text_s(disk->states), bytes_text((double)disk->state).text,
                  disk->fits ? "; " : " do not fit: ");
    if (disk->known)
        buffer_format(out, "%s are left%s", bytes_text((double)disk->left).text,
                      disk->quota ? " within the quota" : "");
    else
        buffer_text(out, "how much room there is cannot be known here");
}
