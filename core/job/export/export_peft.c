#include "job/export/export_peft.h"

#include "base/folder.h"
#include "base/json_writer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The embedding of a model whose head is tied to it, where that trained: PEFT would leave the head
 * with the base's, so the file has it twice. */
static const struct tensor_info *tied_embedding(const struct source *source)
{
    const struct parameter *parameter = model_role(source->model, ROLE_EMBEDDING, -1, false);
    return source->model->config.tied ? checkpoint_find(source->weights, parameter->name) : NULL;
}

/* "base_model.model.lm_head.weight": the name of a whole tensor; that of A or B is PEFT's already. */
static char *peft_name(const struct model *model, const char *name, struct error *err)
{
    bool whole = run_tensor_find(model, name) < model->parameter_count;
    struct buffer out = BUFFER_INIT;
    buffer_text(&out, whole ? "base_model.model." : "");
    buffer_text(&out, name);
    if (buffer_check(&out, err) == 0)
        return out.data;
    buffer_free(&out);
    return NULL;
}

/* A list of the modules that have this part in the run's weights, by their short names. */
static void put_modules(struct json_writer *json, const char *key, const struct export *export,
                        enum tensor_part part)
{
    const struct source *source = &export->source;
    json_list(json, key);
    for (size_t i = 0; i < checkpoint_count(source->weights); i++) {
        const char *name = checkpoint_tensor(source->weights, i)->name;
        size_t number = run_tensor_find(source->model, name);
        char short_name[512];
        if (number >= run_tensor_count(source->model) ||
            number / source->model->parameter_count != (size_t)part)
            continue;
        parameter_short_name(&source->model->parameters[number % source->model->parameter_count],
                             short_name, sizeof short_name);
        json_text(json, NULL, short_name);
    }
    if (part == PART_PARAMETER && tied_embedding(source))
        json_text(json, NULL, "lm_head");
    json_end(json);
}

/* What trained by itself beside the adapters: norms, embeddings, a head (spectrum+lora). */
static bool has_whole_tensors(const struct source *source)
{
    for (size_t i = 0; i < checkpoint_count(source->weights); i++)
        if (run_tensor_find(source->model, checkpoint_tensor(source->weights, i)->name) <
            source->model->parameter_count)
            return true;
    return false;
}

/* "ensure_weight_tying": PEFT ties what it saves of an embedding and of the head that is tied to
 * it, else the two are one only until something trains or merges them. */
static int write_config(const struct export *export, const char *out, const char *base,
                        struct error *err)
{
    const struct recipe *recipe = &export->source.recipe;
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_object(&json, NULL);
    json_layout(&json, JSON_INDENTED);
    json_text(&json, "peft_type", "LORA");
    json_text(&json, "task_type", "CAUSAL_LM");
    json_text(&json, "base_model_name_or_path", base);
    json_integer(&json, "r", recipe->rank);
    json_real(&json, "lora_alpha", recipe->alpha);
    json_raw(&json, "lora_dropout", "0.0"); /* which Python takes for a float */
    json_text(&json, "bias", "none");
    json_flag(&json, "fan_in_fan_out", false);
    json_flag(&json, "inference_mode", true);
    put_modules(&json, "target_modules", export, PART_A);
    if (has_whole_tensors(&export->source))
        put_modules(&json, "modules_to_save", export, PART_PARAMETER);
    else
        json_null(&json, "modules_to_save");
    if (tied_embedding(&export->source))
        json_flag(&json, "ensure_weight_tying", true);
    json_end(&json);
    json_finish(&json, NULL);
    return export_save_text(out, "adapter_config.json", &text, err);
}

/* What the file holds. */
struct listing {
    const struct tensor_info **tensors; /* [count] in the run's weights */
    struct safetensors_entry *entries;  /* [count] as they are written */
    char **names;                       /* [count], each newly allocated */
    size_t count;
};

static void listing_free(struct listing *listing)
{
    for (size_t i = 0; listing->names && i < listing->count; i++)
        free(listing->names[i]);
    free(listing->names);
    free(listing->entries);
    free(listing->tensors);
}

/* Every tensor of the run's weights, and a tied embedding that trained once more, as the head. */
static int list_tensors(struct listing *listing, const struct source *source, struct error *err)
{
    const struct tensor_info *tied = tied_embedding(source);
    size_t own = checkpoint_count(source->weights), all = own + (tied ? 1 : 0);
    listing->tensors = array_alloc(all, sizeof *listing->tensors, err);
    listing->entries = array_alloc(all, sizeof *listing->entries, err);
    listing->names = array_alloc(all, sizeof *listing->names, err);
    if (!listing->tensors || !listing->entries || !listing->names)
        return -1;
    for (size_t i = 0; i < all; i++) {
        const struct tensor_info *tensor = i < own ? checkpoint_tensor(source->weights, i) : tied;
        char *name = i < own ? peft_name(source->model, tensor->name, err)
                             : string_copy("base_model.model.lm_head.weight", err);
        if (!name)
            return -1;
        listing->names[i] = name;
        listing->tensors[i] = tensor;
        listing->entries[i] = (struct safetensors_entry){
            name, tensor->dtype, tensor->rank, {tensor->shape[0], tensor->shape[1]}};
        listing->count = i + 1;
    }
    return 0;
}

/* As they are in the run's checkpoint, in its type: A and B in PEFT's shapes, so nothing is computed. */
static int write_tensors(const struct export *export, const char *out, struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    const struct checkpoint *weights = export->source.weights;
    struct safetensors_writer writer;
    struct listing listing = {0};
    int status = -1;
    char *path = path_join(out, "adapter_model.safetensors", err);
    void *staging = array_alloc(1, EXPORT_STAGING, err);
    if (!path || !staging || list_tensors(&listing, &export->source, err) != 0 ||
        safetensors_writer_open(&writer, path, listing.entries, listing.count, metadata, err) != 0)
        goto out;
    status = 0;
    for (size_t i = 0; i < listing.count && status == 0; i++)
        status = export_copy_bytes(&writer, weights, listing.tensors[i], staging, err);
    if (status == 0)
        status = safetensors_writer_commit(&writer, err);
    else
        safetensors_writer_abort(&writer);
out:
    listing_free(&listing);
    free(staging);
    free(path);
    return status;
}

int export_write_adapters(const struct export *export, const char *out, const char *base,
                          struct error *err)
{
    return write_config(export, out, base, err) == 0 ? write_tensors(export, out, err) : -1;
}
