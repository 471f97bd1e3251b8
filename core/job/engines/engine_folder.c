#include "job/engines/engine_folder.h"

#include "base/decimal.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"
#include "job/engines/engine_command.h"
#include "job/engines/engine_config.h"
#include "job/engines/engine_first_loss.h"
#include "job/engines/engine_rows.h"
#include "job/engines/engine_script.h"
#include "job/engines/engine_slurm_script.h"
#include "job/job_dir.h"
#include "job/training/engine_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what trains, by the names that the loaded model has --- */

struct names {
    char **items;
    size_t count, capacity;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

/* Of a name that several may have, one that is there already is not added. */
static int names_add(struct names *names, const char *name, size_t length, bool shared,
                     struct error *err)
{
    for (size_t i = 0; shared && i < names->count; i++)
        if (strlen(names->items[i]) == length && memcmp(names->items[i], name, length) == 0)
            return 0;
    if (array_reserve((void **)&names->items, &names->capacity, names->count + 1,
                      sizeof *names->items, err) != 0)
        return -1;
    char *copy = array_alloc(length + 1, 1, err);
    if (!copy)
        return -1;
    memcpy(copy, name, length);
    names->items[names->count++] = copy;
    return 0;
}

/* The loaded tensors that a parameter is, or, with others, is a part of, or becomes. */
static int add_parameter(struct names *names, const struct parameter *parameter, struct error *err)
{
    const char *at = parameter->loaded ? parameter->loaded : parameter->name;
    for (;;) {
        size_t length = strcspn(at, "|");
        if (names_add(names, at, length, parameter->loaded != NULL, err) != 0)
            return -1;
        if (!at[length])
            return 0;
        at += length + 1;
    }
}

static int add_adapter(struct names *names, const struct training_parts *parts,
                       const struct parameter *parameter, struct error *err)
{
    const struct model *model = parts->base->model;
    int64_t rank = parts->setup->inputs.recipe.rank;
    for (enum tensor_part part = PART_A; part <= PART_B; part++) {
        struct run_tensor tensor =
            run_tensor(model, rank, run_tensor_index(model, parameter, part));
        char *name = run_tensor_name(&tensor, err);
        int status = name ? names_add(names, name, strlen(name), false, err) : -1;
        free(name);
        if (status != 0)
            return -1;
    }
    return 0;
}

static int list_trained(struct names *names, const struct training_parts *parts, struct error *err)
{
    const struct model *model = parts->base->model;
    const struct method_choice *choice = &parts->choice->choice;
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        if (choice->trained[i] && add_parameter(names, parameter, err) != 0)
            return -1;
        if (choice->adapted[i] && add_adapter(names, parts, parameter, err) != 0)
            return -1;
    }
    return 0;
}

/* What trains and is not one tensor in the files, as the experts of a mixture: by its names in the loaded
 * model, with "|" between several, those of the files, which a checkpoint has. */
static int put_parts(struct json_writer *json, const struct training_parts *parts,
                     struct error *err)
{
    const struct model *model = parts->base->model;
    struct names loaded = {0};
    int status = 0;
    json_object(json, "parts");
    json_layout(json, JSON_ROWS);
    for (size_t i = 0; i < model->parameter_count && status == 0; i++) {
        const struct parameter *parameter = &model->parameters[i];
        if (parts->choice->choice.trained[i] && parameter->loaded)
            status = names_add(&loaded, parameter->loaded, strlen(parameter->loaded), true, err);
    }
    for (size_t n = 0; n < loaded.count && status == 0; n++) {
        json_list(json, loaded.items[n]);
        for (size_t i = 0; i < model->parameter_count; i++)
            if (model->parameters[i].loaded &&
                strcmp(model->parameters[i].loaded, loaded.items[n]) == 0)
                json_text(json, NULL, model->parameters[i].name);
        json_end(json);
    }
    json_end(json);
    names_free(&loaded);
    return status;
}

static int hash_names(const struct names *names, char out[HASH_TEXT_SIZE], struct error *err)
{
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    for (size_t i = 0; i < names->count; i++)
        hash_update(hash, names->items[i], strlen(names->items[i]) + 1);
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

/* --- engine.json --- */

static void put_adapters(struct json_writer *json, const struct training_parts *parts)
{
    const struct model *model = parts->base->model;
    const struct recipe *recipe = &parts->setup->inputs.recipe;
    if (recipe->rank == 0)
        return;
    json_object(json, "lora");
    json_integer(json, "rank", recipe->rank);
    json_real(json, "alpha", recipe->alpha);
    json_list(json, "modules");
    for (size_t i = 0; i < model->parameter_count; i++) {
        char module[512];
        if (!parts->choice->choice.adapted[i])
            continue;
        snprintf(module, sizeof module, "%.*s",
                 (int)(strlen(model->parameters[i].name) - strlen(".weight")),
                 model->parameters[i].name);
        json_text(json, NULL, module);
    }
    json_end(json);
    json_end(json);
}

static void put_first_loss(struct json_writer *json, const struct engine_first_loss *first)
{
    if (first->known)
        json_real(json, "first_loss", first->loss);
    else
        json_null(json, "first_loss");
    json_real(json, "first_loss_tolerance", first->tolerance);
    if (!first->known)
        json_text(json, "why_no_first_loss", first->why);
}

static void put_step(struct json_writer *json, const struct training_request *request,
                     const struct run_setup *setup)
{
    json_integer(json, "steps", setup->course->steps);
    json_real(json, "clip", request->clip);
    json_real(json, "weight_decay", request->weight_decay);
    json_real(json, "beta1", request->constants.beta1);
    json_real(json, "beta2", request->constants.beta2);
    json_real(json, "epsilon", request->constants.epsilon);
    json_integer(json, "seed", request->seed);
    json_integer(json, "eval_every", request->eval_every);
    json_integer(json, "save_every", request->save_every);
    json_integer(json, "keep", request->keep);
}

/* The whole path: the script may be started from anywhere. */
static int put_model(struct json_writer *json, const struct run_base *base, struct error *err)
{
    char *whole = sys.realpath(base->path, NULL);
    if (!whole)
        return error_set_errno(err, errno, "cannot find %s", base->path);
    json_text(json, "model", whole);
    free(whole);
    return 0;
}

static int write_json(const struct training_parts *parts, const struct names *trained,
                      const struct engine_first_loss *first, struct error *err)
{
    const struct training_request *request = parts->sitting->request;
    const struct run_setup *setup = parts->setup;
    char hashed[HASH_TEXT_SIZE];
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    if (hash_names(trained, hashed, err) != 0)
        return -1;
    json_begin(&json, "spectrum.engine");
    json_text(&json, "engine", engine_names[request->engine]);
    if (put_model(&json, parts->base, err) != 0) {
        buffer_free(&out);
        return -1;
    }
    json_integer(&json, "processes", request->processes);
    json_integer(&json, "nodes", request->nodes);
    json_integer(&json, "world", request->processes * request->nodes);
    json_text(&json, "device", request->device);
    json_text(&json, "dtype", setup->settings.storage == STORAGE_F32 ? "float32" : "bfloat16");
    json_text(&json, "method", method_names[request->method]);
    put_adapters(&json, parts);
    put_step(&json, request, setup);
    json_flag(&json, "offload", request->offload);
    json_flag(&json, "checkpointing", true);
    put_first_loss(&json, first);
    json_object(&json, "state");
    state_put_identity(&json, &setup->identity, hashed);
    json_end(&json);
    if (put_parts(&json, parts, err) != 0) {
        buffer_free(&out);
        return -1;
    }
    json_list(&json, "trained");
    for (size_t i = 0; i < trained->count; i++)
        json_text(&json, NULL, trained->items[i]);
    json_end(&json);
    json_end(&json);
    return job_dir_save_json(request->run, "engine.json", &json, err);
}

/* --- adapters.safetensors --- */

/* The numbers of all A, in the order of the model. */
static int list_adapters(size_t **out, size_t *count, const struct training_parts *parts,
                         struct error *err)
{
    const struct model *model = parts->base->model;
    *count = 0;
    *out = array_alloc(model->parameter_count, sizeof **out, err);
    for (size_t i = 0; *out && i < model->parameter_count; i++)
        if (parts->choice->choice.adapted[i])
            (*out)[(*count)++] = run_tensor_index(model, &model->parameters[i], PART_A);
    return *out ? 0 : -1;
}

static int put_adapter(struct safetensors_writer *writer, const struct training_parts *parts,
                       size_t number, struct error *err)
{
    const struct run_tensor tensor =
        run_tensor(parts->base->model, parts->setup->inputs.recipe.rank, number);
    float *values = array_alloc((size_t)tensor.numel, sizeof *values, err);
    if (!values)
        return -1;
    run_tensor_draw(&tensor, number, parts->setup->settings.optimizer.seed, values);
    int status = safetensors_writer_put(writer, values, (size_t)tensor.numel * sizeof *values, err);
    free(values);
    return status;
}

static int save_adapters(const struct training_parts *parts, const size_t *numbers, size_t count,
                         struct safetensors_entry *entries, const char *path, struct error *err)
{
    struct safetensors_writer writer;
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        const struct run_tensor tensor =
            run_tensor(parts->base->model, parts->setup->inputs.recipe.rank, numbers[i]);
        entries[i] = (struct safetensors_entry){
            run_tensor_name(&tensor, err), DTYPE_F32, 2, {tensor.rows, tensor.cols}};
        status = entries[i].name ? 0 : -1;
    }
    if (status == 0)
        status = safetensors_writer_open(&writer, path, entries, count, NULL, err);
    if (status != 0)
        return -1;
    for (size_t i = 0; i < count && status == 0; i++)
        status = put_adapter(&writer, parts, numbers[i], err);
    if (status == 0)
        return safetensors_writer_commit(&writer, err);
    safetensors_writer_abort(&writer);
    return -1;
}

/* So that an engine's adapters begin where this program's would, and its losses can be held against
 * them. */
static int write_adapters(const struct training_parts *parts, struct error *err)
{
    size_t *numbers = NULL, count = 0;
    struct safetensors_entry *entries = NULL;
    char *path = NULL;
    int status = list_adapters(&numbers, &count, parts, err);
    if (status == 0 && count > 0) {
        path = path_join(parts->sitting->request->run, "adapters.safetensors", err);
        entries = array_alloc(count, sizeof *entries, err);
        status = path && entries ? save_adapters(parts, numbers, count, entries, path, err) : -1;
    }
    for (size_t i = 0; entries && i < count; i++)
        free((void *)(uintptr_t)entries[i].name);
    free(entries);
    free(numbers);
    free(path);
    return status;
}

/* --- the other files --- */

static int save_text(const char *run, const char *name, struct buffer *text, struct error *err)
{
    int status = buffer_check(text, err);
    if (status == 0)
        status = job_dir_save(run, name, text, err);
    buffer_free(text);
    return status;
}

static int write_scripts(const struct training_request *request, struct error *err)
{
    const struct engine_script *scripts = engine_info(request->engine)->scripts;
    for (int i = 0; i < ENGINE_SCRIPTS_MAX && scripts[i].name; i++) {
        struct buffer text = BUFFER_INIT;
        engine_script_put(&text, &scripts[i]);
        if (save_text(request->run, scripts[i].name, &text, err) != 0)
            return -1;
    }
    return 0;
}

static int write_config(const struct training_parts *parts, const struct names *trained,
                        struct error *err)
{
    bool adapters = method_info(parts->sitting->request->method)->adapters;
    if (!adapters && engine_config_write_plan(parts, trained->items, trained->count, err) != 0)
        return -1;
    switch (parts->sitting->request->engine) {
    case ENGINE_DEEPSPEED:
        return engine_config_write_deepspeed(parts, err);
    case ENGINE_AXOLOTL:
        return engine_config_write_axolotl(parts, trained->items, trained->count, err);
    default: /* engine.json is all of it */
        return 0;
    }
}

static int write_requirements(const struct training_request *request, struct error *err)
{
    const struct engine_package *package = engine_info(request->engine)->packages;
    struct buffer text = BUFFER_INIT;
    for (int i = 0; i < ENGINE_PACKAGES_MAX && package[i].name; i++)
        buffer_format(&text, "%s==%s\n", package[i].name, package[i].tested);
    return save_text(request->run, "requirements.txt", &text, err);
}

/* What somebody needs who finds the folder on another machine. */
static int write_readme(const struct training_request *request, struct error *err)
{
    const struct engine_info *engine = engine_info(request->engine);
    struct buffer text = BUFFER_INIT;
    buffer_format(&text,
                  "# A training run on %s\n\n"
                  "`engine.json` says what trains and how, `rows.safetensors` has the tokens, "
                  "`%s` does it.\n\n"
                  "    pip install -r requirements.txt     # Python %s or newer\n"
                  "    %s\n\n"
                  "It goes on from the newest of `checkpoints/`. An empty file `control/stop` ends "
                  "it with a\ncheckpoint, `control/checkpoint` writes one. `metrics.jsonl` has its "
                  "losses, `proof.json` which\ntensors had a gradient, `engine.log` everything "
                  "that was printed.\n\n"
                  "The model is read from the folder that `engine.json` names: on another machine, "
                  "put it there or\nchange `model`. `spectrum attach`, `eval`, `generate` and "
                  "`export` take this folder as they take\nany run's, where the model is.\n",
                  engine->title, engine->scripts[0].name, engine->python,
                  request->slurm ? "sbatch launch.sh" : "bash launch.sh");
    return save_text(request->run, "README.md", &text, err);
}

/* What torchrun runs on each node. Axolotl is its own program, which loads our plug-in from the
 * folder. */
static struct engine_command command_of(const struct training_request *request, const char *python)
{
    static const char *const script[] = {"train.py", NULL};
    static const char *const axolotl[] = {"-m", "axolotl.cli.train", "axolotl.yml", NULL};
    static const char *const here[] = {"PYTHONPATH=.", NULL};
    bool own = request->engine == ENGINE_AXOLOTL;
    return (struct engine_command){.python = python,
                                   .program = own ? axolotl : script,
                                   .environment = own ? here : NULL,
                                   .processes = (int)request->processes,
                                   .nodes = (int)request->nodes,
                                   .local_model = true};
}

static int write_launch(const struct training_request *request, const char *python,
                        struct error *err)
{
    const struct engine_command command = command_of(request, python);
    const struct engine_slurm_script script = {
        .options = request->sbatch, .requeues = ENGINE_SLURM_REQUEUES, .command = command};
    struct buffer text = BUFFER_INIT;
    if (request->slurm && engine_slurm_script_put(&text, &script, err) != 0) {
        buffer_free(&text);
        return -1;
    }
    if (!request->slurm) {
        buffer_text(&text, "#!/usr/bin/env bash\n"
                           "# Starts the processes of this machine; what they print is theirs.\n"
                           "set -euo pipefail\ncd \"$(dirname \"$0\")\"\n");
        engine_command_put_check(&text, &command);
        engine_command_put_lock(&text);
        engine_command_put(&text, &command, "");
    }
    return save_text(request->run, "launch.sh", &text, err);
}

/* --- all of it --- */

/* transformers loads a folder; what a file or an archive of another kind holds, it would load as
 * something else, or not. */
static int check_model(const struct run_base *base, struct error *err)
{
    struct stat found;
    if (checkpoint_format(base->model->checkpoint) != CHECKPOINT_GGUF &&
        sys.stat(base->path, &found) == 0 && S_ISDIR(found.st_mode))
        return 0;
    return error_set(err,
                     "%s: an engine loads a Hugging Face folder, with config.json and safetensors "
                     "files, and this is none",
                     base->path);
}

/* What trains, on how much, as a run of this program says it. */
static void say_work(const struct training_parts *parts, const struct names *trained,
                     const struct engine_rows *rows)
{
    const struct run_setup *setup = parts->setup;
    const struct numels sums =
        numels_of(parts->base->model, &parts->choice->choice, parts->sitting->request);
    run_say(parts->sitting, "trains %s tensor%s, %s parameters beside %s frozen ones (%.2f %%), %s",
            decimal_text((int64_t)trained->count).text, text_s(trained->count),
            decimal_text((int64_t)sums.trained).text, decimal_text((int64_t)sums.frozen).text,
            100 * sums.trained / (sums.trained + sums.frozen), setup->identity.precision);
    run_say(parts->sitting,
            "steps: %s of up to %s row%s of %s tokens; %s supervised token%s in all",
            decimal_text(setup->course->steps).text,
            decimal_text(setup->settings.batch * setup->settings.accumulate).text,
            text_s((uint64_t)(setup->settings.batch * setup->settings.accumulate)),
            decimal_text(setup->settings.seq_len).text,
            decimal_text((int64_t)rows->supervised).text, text_s(rows->supervised));
}

/* Which GPUs there are, and what they are called, only the cluster's users know. */
static void warn_slurm(const struct training_parts *parts)
{
    const struct training_request *request = parts->sitting->request;
    bool asks = strcmp(request->device, "cpu") == 0;
    for (size_t i = 0; i < request->sbatch.count; i++)
        asks |= strstr(request->sbatch.items[i], "gpu") || strstr(request->sbatch.items[i], "gres");
    if (request->slurm && !asks)
        run_warn(parts->sitting,
                 "the batch script asks Slurm for no GPUs: --sbatch --gpus-per-node=%lld does, and "
                 "--sbatch --cpus-per-task=N for processors",
                 (long long)request->processes);
}

static void say_memory(const struct training_parts *parts)
{
    struct buffer line = BUFFER_INIT;
    engine_memory_put(&line, parts->base->model, &parts->choice->choice, parts->sitting->request);
    run_say(parts->sitting, "memory: %s", buffer_string(&line));
    buffer_free(&line);
}

int engine_folder_write(const struct training_parts *parts, const char *python, struct error *err)
{
    const struct training_request *request = parts->sitting->request;
    struct names trained = {0};
    struct engine_rows rows;
    struct engine_first_loss first;
    char *path = path_join(request->run, "rows.safetensors", err);
    char *control = path_join(request->run, "control", err);
    int status = -1;
    if (!path || !control || check_model(parts->base, err) != 0 ||
        list_trained(&trained, parts, err) != 0 ||
        engine_rows_write(&rows, parts, path, err) != 0 ||
        engine_first_loss_find(&first, parts, err) != 0 ||
        write_json(parts, &trained, &first, err) != 0 || write_scripts(request, err) != 0 ||
        write_config(parts, &trained, err) != 0 || write_adapters(parts, err) != 0 ||
        write_requirements(request, err) != 0 || write_readme(request, err) != 0 ||
        write_launch(request, python, err) != 0)
        goto out;
    if (sys.mkdir(control, 0777) != 0 && errno != EEXIST) {
        error_set_errno(err, errno, "cannot make %s", control);
        goto out;
    }
    say_work(parts, &trained, &rows);
    say_memory(parts);
    warn_slurm(parts);
    if (first.known)
        run_say(parts->sitting, "the first step's loss here is %.6f: the engine's must be that",
                first.loss);
    else
        run_warn(parts->sitting, "the engine's first loss is not compared with this program's: %s",
                 first.why);
    status = 0;
out:
    names_free(&trained);
    free(path);
    free(control);
    return status;
}
