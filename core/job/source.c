#include "job/source.h"

#include "base/folder.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/sys.h"
#include "compute/machine.h"
#include "job/added_tokens.h"
#include "job/job_dir.h"
#include "job/job_kind.h"
#include "job/method.h"
#include "text/template/template.h"
#include "text/tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

/* The base that job.json names: a whole path, or one from the folder where the job was started. */
static char *base_path(const cJSON *job, const char *run, struct error *err)
{
    const char *model;
    if (!job_kind_of(job)->weights) {
        error_set(err, "%s is not a training run", run);
        return NULL;
    }
    int own = job_dir_find(run, "base", err);
    if (own != 0)
        return own > 0 ? path_join(run, "base", err) : NULL;
    if (json_need_string(job, "model", &model, run, err) != 0)
        return NULL;
    return job_dir_named(job, model, err);
}

/* Are the run's weights tensors of the model, or adapters of its linear layers, of the right shapes
 * and types, and as many as the state says? Whoever reads them later relies on it. */
static int check_weights(const struct source *source, const cJSON *state, const char *path,
                         struct error *err)
{
    const struct model *model = source->model;
    int64_t rank = 0, count = (int64_t)checkpoint_count(source->weights), said = count;
    json_get_int64(state, "rank", &rank);
    json_get_int64(state, "weight_tensors", &said);
    if (said != count)
        return error_set(err, "%s has %lld tensors, and state.json says %lld",
                         checkpoint_path(source->weights), (long long)count, (long long)said);
    for (size_t i = 0; i < checkpoint_count(source->weights); i++) {
        const struct tensor_info *tensor = checkpoint_tensor(source->weights, i);
        size_t number = run_tensor_find(model, tensor->name);
        struct run_tensor is = run_tensor(model, rank, number % run_tensor_count(model));
        bool vector = is.part == PART_PARAMETER && is.parameter->tensor->rank == 1;
        bool right = number < run_tensor_count(model) && tensor->rank == (vector ? 1 : 2) &&
                     tensor->shape[0] == (vector ? is.cols : is.rows) &&
                     (vector || tensor->shape[1] == is.cols) &&
                     (tensor->dtype == DTYPE_F32 || tensor->dtype == DTYPE_BF16) &&
                     (is.part == PART_PARAMETER || (rank > 0 && parameter_is_linear(is.parameter)));
        if (!right)
            return error_set(err, "%s: %s is not a tensor of this run: it, or %s, is damaged",
                             checkpoint_path(source->weights), tensor->name, path);
    }
    return 0;
}

/* The run's adapters are those that its weights have an A of. */
static int find_adapters(struct source *source, const cJSON *state, const char *path,
                         struct error *err)
{
    const struct model *model = source->model;
    struct recipe *recipe = &source->recipe;
    if (!json_get(state, "rank"))
        return 0;
    json_get_double(state, "alpha", &recipe->alpha);
    bool *adapted = array_alloc(model->parameter_count, sizeof *adapted, err);
    if (!adapted)
        return -1;
    recipe->adapted = adapted;
    for (size_t i = 0; i < checkpoint_count(source->weights); i++) {
        size_t tensor = run_tensor_find(model, checkpoint_tensor(source->weights, i)->name);
        if (tensor >= model->parameter_count && tensor < run_tensor_count(model))
            adapted[tensor % model->parameter_count] = true;
    }
    return json_need_int64(state, "rank", &recipe->rank, 1, 65536, path, err);
}

/* What a run kept in 8 or 4 bits is so here: the linear layers that its weights have not. */
static int find_quantized(struct source *source, const cJSON *state, struct error *err)
{
    const struct model *model = source->model;
    const char *frozen = "";
    enum storage storage;
    if (!json_get_string(state, "frozen", &frozen) || !storage_by_name(&storage, frozen) ||
        storage < STORAGE_INT8)
        return 0;
    bool *quantized = array_alloc(model->parameter_count, sizeof *quantized, err);
    if (!quantized)
        return -1;
    for (size_t i = 0; i < model->parameter_count; i++)
        quantized[i] = parameter_is_linear(&model->parameters[i]) &&
                       !checkpoint_find(source->weights, model->parameters[i].name);
    source->recipe.quantized = quantized;
    source->recipe.frozen = storage;
    return 0;
}

/* What computes with NaN says NaN, or an end of text, and names nothing. */
static int check_finite(const struct source *source, struct error *err)
{
    enum { STAGING = 1 << 20 };
    char *staging = array_alloc(STAGING, 1, err);
    int status = staging ? 0 : -1;
    for (size_t i = 0; status == 0 && i < checkpoint_count(source->weights); i++) {
        const struct tensor_info *tensor = checkpoint_tensor(source->weights, i);
        for (uint64_t at = 0; at < tensor->bytes && status == 0; at += STAGING) {
            uint64_t part = tensor->bytes - at < STAGING ? tensor->bytes - at : STAGING;
            status = checkpoint_read_raw(source->weights, tensor, at, part, staging, err);
            if (status == 0 && !dtype_all_finite(tensor->dtype, staging, (size_t)part))
                status = error_set_kind(
                    err, ERROR_NOT_FINITE,
                    "%s: %s has NaN or Inf: nothing can be computed with it; take an earlier "
                    "checkpoint with --step, or train with a lower --lr",
                    checkpoint_path(source->weights), tensor->name);
        }
    }
    free(staging);
    return status;
}

/* What the run trained belongs to the weights that it began from, and to no others. */
static int check_base(const struct source *source, const cJSON *state, const char *path,
                      struct error *err)
{
    const char *said;
    const struct checkpoint *base = source->model->checkpoint;
    char found[HASH_TEXT_SIZE], configuration[HASH_TEXT_SIZE];
    if (json_need_string(state, "model", &said, path, err) != 0 ||
        checkpoint_fingerprint(base, found, err) != 0)
        return -1;
    if (strcmp(said, found) != 0)
        return error_set(err,
                         "%s has other weights than those that %s began from: what it trained "
                         "does not belong to them; put the model back that it was",
                         checkpoint_path(base), source->run);
    return state_read_base(state, BASE_CONFIGURATION, configuration, path, err) == 0 &&
                   model_fingerprint_config(source->model, found, err) == 0
               ? state_compare_base(BASE_CONFIGURATION, configuration, found, base, err)
               : -1;
}

/* The state that was chosen. Nothing of it is believed before state_check() has looked at every
 * byte, and nothing is computed with it before base and weights are those that it was written
 * beside. */
static int read_state(struct source *source, enum state_part part, struct error *err)
{
    const char *precision = "";
    bool digested;
    char *path = NULL, *weights = NULL;
    cJSON *json = NULL;
    int status = -1;
    if (state_check(source->state, part, &digested, err) != 0 ||
        !(json = state_read_json(source->state, &path, err)) ||
        json_need_int64(json, "step", &source->step, 0, INT64_C(1) << 53, path, err) != 0 ||
        json_need_string(json, "precision", &precision, path, err) != 0)
        goto out;
    source->bf16 = strncmp(precision, "bf16", 4) == 0;
    if (state_read_evaluations(json, source->step, &source->evaluated, &source->best, path, err) !=
            0 ||
        json_need_int64(json, "seq_len", &source->seq_len, 2, 1 << 20, path, err) != 0 ||
        check_base(source, json, path, err) != 0 ||
        state_read_base(json, BASE_TOKENIZER, source->tokenizer, path, err) != 0)
        goto out;
    if (!(weights = path_join(source->state, "weights.safetensors", err)) ||
        checkpoint_open(&source->weights, weights, err) != 0 ||
        check_weights(source, json, path, err) != 0 || check_finite(source, err) != 0 ||
        find_adapters(source, json, path, err) != 0)
        goto out;
    status = find_quantized(source, json, err);
out:
    cJSON_Delete(json);
    free(weights);
    free(path);
    return status;
}

/* Stays NULL where the run had no such option. */
static int copy_option(char **out, const cJSON *job, const char *key, struct error *err)
{
    const char *text = NULL;
    if (!json_get_string(job, key, &text))
        return 0;
    return (*out = string_copy(text, err)) ? 0 : -1;
}

/* A file may have changed, or be gone: the run has its copy. */
static int find_template(struct source *source, const cJSON *job, struct error *err)
{
    const char *name = NULL;
    if (!json_get_string(job, "template", &name))
        return 0;
    bool file = template_is_file(name);
    if (file && !job_dir_has(source->run, JOB_TEMPLATE))
        return error_set(err,
                         "%s/" JOB_TEMPLATE " is gone, the run's copy of the chat template that it "
                         "was trained with; put it back",
                         source->run);
    source->template_name =
        file ? path_join(source->run, JOB_TEMPLATE, err) : string_copy(name, err);
    if (!source->template_name)
        return -1;
    return template_check(source->template_name, err) == 0
               ? 0
               : error_prefix(err, "%s/job.json", source->run);
}

/* What the run's job.json says, and its base. Added tokens come before anything is compared with
 * the model, as its configuration has their rows. */
static int open_job(struct source *source, struct error *err)
{
    const char *how_long = NULL, *rope_scaling = NULL;
    cJSON *job = job_dir_read(source->run, "job.json", err);
    const cJSON *added = json_get(job, "added_tokens");
    char *base = job ? base_path(job, source->run, err) : NULL;
    int status = -1;
    if (!base || model_open(&source->model, base, err) != 0 ||
        (json_get_string(job, "long", &how_long) &&
         long_documents_by_name(&source->how_long, how_long, err) != 0) ||
        find_template(source, job, err) != 0 ||
        copy_option(&source->date, job, "template_date", err) != 0)
        goto out;
    if (added && !(source->added_tokens = cJSON_Duplicate(added, true))) {
        error_set(err, "not enough memory");
        goto out;
    }
    if (added_tokens_fit(source->added_tokens, source->model, source->run, err) != 0 ||
        copy_option(&source->columns, job, "columns", err) != 0 ||
        copy_option(&source->mark, job, "mark", err) != 0)
        goto out;
    status = json_get_string(job, "rope_scaling", &rope_scaling)
                 ? model_scale_rope(source->model, rope_scaling, err)
                 : 0;
out:
    free(base);
    cJSON_Delete(job);
    return status;
}

static int open_run(struct source *source, const struct state_choice *choice, struct error *err)
{
    if (open_job(source, err) != 0 || !(source->state = state_choose(source->run, choice, err)))
        return -1;
    return read_state(source, choice->quickly ? STATE_WEIGHTS : STATE_ALL, err);
}

/* RUN of a path RUN/checkpoints/step-00000100, newly allocated, and its step; NULL: it is none. */
static char *run_of_state(const char *path, int64_t *step)
{
    char *whole = sys.realpath(path, NULL), *run = NULL;
    char *name = whole ? strrchr(whole, '/') : NULL;
    if (name && (*step = state_step_of(name + 1)) > 0) {
        static const char parent[] = "/checkpoints";
        size_t length = sizeof parent - 1;
        *name = '\0';
        if ((size_t)(name - whole) > length && strcmp(name - length, parent) == 0) {
            name[-(ptrdiff_t)length] = '\0';
            run = job_dir_has(whole, "job.json") ? string_copy(whole, NULL) : NULL;
        }
    }
    free(whole);
    return run;
}

bool source_is_run(const char *path)
{
    int64_t step;
    char *run = run_of_state(path, &step);
    bool is = run || job_dir_find(path, "job.json", NULL) > 0;
    free(run);
    return is;
}

/* What was trained in fp32 is another model when it is rounded. Of both names "dtype" counts, as in
 * transformers. */
static bool says_fp32(const struct model *model)
{
    const cJSON *config = checkpoint_metadata(model->checkpoint);
    const char *type = "";
    if (checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF)
        return false;
    if (!json_get_string(config, "dtype", &type))
        json_get_string(config, "torch_dtype", &type);
    return strcmp(type, "float32") == 0 || strcmp(type, "float") == 0;
}

/* Three things have a path: a checkpoint of a run, a run, and a model. Only a run has a choice. */
static int open_either(struct source *out, const char *path, const struct state_choice *choice,
                       struct error *err)
{
    struct state_choice meant = *choice;
    bool chosen = choice->step > 0 || choice->best;
    if ((out->run = run_of_state(path, &meant.step))) {
        if (job_dir_confine(out->run, err) != 0)
            return -1;
        if (chosen)
            return error_set_kind(err, ERROR_USAGE,
                                  "%s is one checkpoint already: --step and --best belong to "
                                  "its run, %s",
                                  path, out->run);
        return open_run(out, &meant, err);
    }
    if (job_dir_has(path, "job.json"))
        return job_dir_confine(path, err) == 0 && (out->run = string_copy(path, err))
                   ? open_run(out, choice, err)
                   : -1;
    if (chosen)
        return error_set_kind(err, ERROR_USAGE,
                              "%s is a model, not a run: --step and --best choose a run's "
                              "checkpoint",
                              path);
    if (model_open(&out->model, path, err) != 0)
        return -1;
    out->bf16 = out->bf16 && !says_fp32(out->model);
    return 0;
}

int source_open(struct source *out, const char *path, const struct state_choice *choice,
                struct error *err)
{
    *out = (struct source){.step = -1, .bf16 = machine_has_bf16()};
    if (open_either(out, path, choice, err) == 0)
        return 0;
    source_close(out);
    return -1;
}

/* Opens what source_open() opens before it looks for a state. */
int source_open_texts(struct source *out, const char *path, struct error *err)
{
    int64_t step;
    *out = (struct source){.step = -1};
    out->run = run_of_state(path, &step);
    if (!out->run && !job_dir_has(path, "job.json"))
        return 0;
    if ((out->run || (out->run = string_copy(path, err))) && job_dir_confine(out->run, err) == 0 &&
        open_job(out, err) == 0)
        return 1;
    source_close(out);
    return -1;
}

/* The recipe's lists are const for those who compute with them, and this module's to free. */
void source_close(struct source *source)
{
    checkpoint_close(source->weights);
    free((void *)(uintptr_t)source->recipe.adapted);
    free((void *)(uintptr_t)source->recipe.quantized);
    model_close(source->model);
    free(source->state);
    free(source->run);
    free(source->template_name);
    free(source->columns);
    free(source->mark);
    free(source->date);
    cJSON_Delete(source->added_tokens);
    *source = (struct source){0};
}

/* With the run's added tokens, and so compared with what the run began with: the fingerprint has
 * them. */
int source_tokenizer(struct tokenizer **out, const struct source *source, struct error *err)
{
    const struct checkpoint *base = source->model->checkpoint;
    char found[HASH_TEXT_SIZE];
    if (tokenizer_for_checkpoint(out, base, err) != 0)
        return -1;
    if (added_tokens_repeat(source->added_tokens, *out, source->run, err) == 0 &&
        tokenizer_fingerprint(*out, found, err) == 0 &&
        state_compare_base(BASE_TOKENIZER, source->tokenizer, found, base, err) == 0)
        return 0;
    tokenizer_close(*out);
    *out = NULL;
    return -1;
}

int source_end_tokens(struct end_tokens *out, const struct source *source,
                      const struct tokenizer *tokenizer, struct error *err)
{
    const struct checkpoint *base = source->model->checkpoint;
    return source->state ? end_tokens_of_run(out, base, tokenizer, source->template_name, err)
                         : end_tokens_read(out, base, tokenizer, err);
}

bool source_is_bf16(const struct source *source, enum weight_type dtype)
{
    return dtype == WEIGHTS_AUTO ? source->bf16 : dtype == WEIGHTS_BF16;
}

/* The memory is planned and held against the limits before any of it is taken. The base is read
 * first, and what the run trained is laid over it. */
int source_transformer(struct transformer **out, const struct source *source,
                       struct backend *backend, int64_t tokens, int64_t max_positions,
                       enum weight_type dtype, bool generation, struct error *err)
{
    bool bf16 = source_is_bf16(source, dtype);
    const struct transformer_options options = {.recipe = source->recipe,
                                                .tokens = tokens,
                                                .max_positions = max_positions,
                                                .storage = bf16 ? STORAGE_BF16 : STORAGE_F32,
                                                .generation = generation,
                                                .work = source->work};
    struct memory_plan *plan = NULL;
    if (transformer_plan(&plan, backend, source->model, &options, err) != 0)
        return -1;
    uint64_t total = plan->total;
    memory_plan_free(plan);
    const char *less = generation
                           ? "a lower --tokens, a shorter prompt, or --dtype bf16, needs less"
                           : "fewer or shorter rows, or --dtype bf16, need less";
    if (memory_limit_check(total, less, err) != 0 ||
        transformer_new(out, backend, source->model, &options, err) != 0)
        return -1;
    if (!source->state || state_overlay(source->state, &(*out)->network, err) == 0)
        return 0;
    transformer_free(*out);
    return -1;
}
