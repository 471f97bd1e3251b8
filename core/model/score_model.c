/* What is said of the model beside the rows of its scan. Embeddings and heads are listed (struct
 * scan_end), since plans switch them whether they are scored or not. What looks like a weight and
 * has no row is counted by its reason (struct scan_omission), so that nothing is left out without a
 * word. */
#include "model/score_model.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is no weight --- */

/* Integers and floats of 8 bits and fewer are a quantiser's codes: no score of them means
 * anything. */
bool scan_is_coded(const struct parameter *parameter)
{
    static const char *const types[] = {"I8",      "U8",      "I16",     "U16",
                                        "I32",     "U32",     "F4",      "F8_E4M3",
                                        "F8_E5M2", "F8_E8M0", "F6_E2M3", "F6_E3M2"};
    for (size_t i = 0; parameter && i < sizeof types / sizeof *types; i++)
        if (strcmp(parameter->tensor->dtype_name, types[i]) == 0)
            return true;
    return false;
}

/* Codes, or the weight that was made of them, which may have left some of what stood beside them.
 * */
static bool is_quantised(const struct model *model, const char *name)
{
    const struct parameter *found = model_find(model, name);
    return found && (scan_is_coded(found) || found->tensor->dtype == DTYPE_COMPOSED);
}

/* Are there codes that are called by the beginning of this length, "X"? X.weight (fp8, MLX),
 * X.qweight (GPTQ, AWQ), X.weight_packed (compressed-tensors), X.W_q (HQQ), X itself (bitsandbytes,
 * experts); and `joined` X_blocks (MXFP4) and the like. */
static bool has_codes(const struct model *model, const char *own, size_t length, bool joined)
{
    enum { JOINED = 5 }; /* from there on */
    static const char *const codes[] = {"",     ".weight", ".qweight", ".weight_packed",
                                        ".W_q", "_blocks", "_packed",  "_weight"};
    char name[1024];
    for (size_t i = 0; i < (joined ? sizeof codes / sizeof *codes : JOINED); i++) {
        snprintf(name, sizeof name, "%.*s%s", (int)length, own, codes[i]);
        if (strcmp(name, own) != 0 && is_quantised(model, name))
            return true;
    }
    return false;
}

/* What quantisers call their scales, behind the name of a weight or of its module. */
static const char *const scales[] = {"_scale",       "_scale_inv",    "_scale_2", "_scales",
                                     "_zero_point",  "_zeros",        "_absmax",  "_shape",
                                     "_input_scale", "_global_scale", "_g_idx"};
enum { SCALES = sizeof scales / sizeof *scales };

/* It stands beside codes: by a name of its own below their module, which is no weight's or bias's;
 * or as X_weight_scale of experts' X. */
bool scan_is_beside_codes(const struct model *model, const struct parameter *parameter)
{
    static const char *const own[] = {".weight",        ".bias", ".qweight",
                                      ".weight_packed", ".W_q",  NULL};
    const char *name = parameter->name, *dot = strrchr(name, '.');
    if (dot && !text_is_one_of(dot, own) && has_codes(model, name, (size_t)(dot - name), false))
        return true;
    for (size_t i = 0; i < SCALES; i++) {
        size_t length = strlen(name) - strlen(scales[i]);
        if (!text_ends_with(name, scales[i]))
            continue;
        if (has_codes(model, name, length, true))
            return true;
        if (length > 7 && strncmp(name + length - 7, "_weight", 7) == 0 &&
            has_codes(model, name, length - 7, true))
            return true;
    }
    return false;
}

/* Does the configuration say that a quantiser was at work, whichever it was? */
static bool names_quantiser(const struct model *model)
{
    static const char *const keys[] = {"quantization_config", "compression_config", "quantization"};
    const cJSON *config = checkpoint_metadata(model->checkpoint);
    bool names = json_is_there(json_get(json_get(config, "text_config"), keys[0]));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        names = names || json_is_there(json_get(config, keys[i]));
    return names;
}

/* Nobody but quantisers has "x.weight_scale"; a plain model may well have "x.scales". */
bool scan_is_orphan(const struct model *model, const struct parameter *parameter)
{
    static const char *const theirs[] = {
        "qzeros", "quant_map", "nested_quant_map", "nested_absmax", "absmax", "SCB", "g_idx", NULL};
    static const char *const also[] = {"scales", "biases", "zero_point", NULL};
    static const char weight[] = "weight_";
    const char *dot = strrchr(parameter->name, '.'), *last = dot ? dot + 1 : parameter->name;
    bool named = false;
    for (size_t i = 0; i < SCALES && !named; i++)
        named = text_ends_with(last, scales[i]);
    bool surely =
        text_is_one_of(last, theirs) || (named && strncmp(last, weight, sizeof weight - 1) == 0);
    return surely || ((named || text_is_one_of(last, also)) && names_quantiser(model));
}

bool scan_is_stack_of_biases(const struct parameter *parameter)
{
    return parameter->tensor->rank == 2 && text_ends_with(parameter->name, "bias");
}

/* --- what the rows leave out --- */

/* Why a tensor that looks like a weight has no row; NULL: it is an embedding or a head, a vector,
 * or nothing that would be scored. `all`: the scan is of the default modules. */
static const char *why_omitted(const struct model *model, const struct parameter *parameter,
                               bool all)
{
    if (parameter->tensor->rank < 2 || parameter->buffer ||
        scan_is_beside_codes(model, parameter) || parameter_end(model, parameter) != NO_END ||
        parameter_is_tied_copy(model, parameter))
        return NULL;
    if (scan_is_orphan(model, parameter))
        return "called as a quantiser's scales, whose codes are not there";
    if (!all)
        return "not asked for by --modules";
    if (scan_is_stack_of_biases(parameter))
        return "biases of several matrices in one tensor";
    if (parameter->tensor->rank > 2)
        return strstr(parameter->name, "expert") || strstr(parameter->name, "moe") ||
                       strstr(parameter->name, "_exps")
                   ? "experts in a form that cannot be read as matrices"
                   : "more than two dimensions";
    return "outside the blocks; `spectrum scan --modules` names them";
}

/* Tensors with one reason together. */
static int add_omission(struct scan_model *of, const struct parameter *parameter,
                        const char *reason, struct error *err)
{
    size_t i = 0;
    while (i < of->omission_count && strcmp(of->omissions[i].reason, reason) != 0)
        i++;
    if (i < of->omission_count) {
        of->omissions[i].count++;
        of->omissions[i].parameters += parameter->numel;
        return 0;
    }
    size_t capacity = i;
    if (array_reserve((void **)&of->omissions, &capacity, i + 1, sizeof *of->omissions, err) != 0)
        return -1;
    struct scan_omission *more = &of->omissions[i];
    *more = (struct scan_omission){
        .first = string_copy(parameter->name, err), .count = 1, .parameters = parameter->numel};
    snprintf(more->reason, sizeof more->reason, "%s", reason);
    of->omission_count += more->first != NULL;
    return more->first ? 0 : -1;
}

/* --- what the scan says of the model --- */

/* A configuration with one of a text model inside: a vision or audio model around it. */
static bool has_towers(const struct model *model)
{
    static const char *const keys[] = {"text_config", "vision_config", "audio_config",
                                       "thinker_config"};
    const cJSON *config = checkpoint_metadata(model->checkpoint);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (cJSON_IsObject(json_get(config, keys[i])))
            return true;
    return false;
}

/* Whose names the rows have; one that is not known makes the answer for all. */
static enum scan_names names_of(const struct model *model, const struct matrix_part *rows,
                                size_t count)
{
    bool known = true;
    for (size_t i = 0; known && i < count; i++)
        known = rows[i].parameter->named;
    return known                                                     ? NAMES_STANDARD
           : checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF ? NAMES_GGUF
           : !model->architecture && has_towers(model)               ? NAMES_MULTIMODAL
                                                                     : NAMES_FILE;
}

/* Does the name of a tensor that is neither its weight nor its bias begin with a module's? */
static bool begins_others(const struct model *model, const char *module)
{
    size_t length = strlen(module), low = 0, high = model->parameter_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(model->by_name[middle]->name, module) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < model->parameter_count; low++) {
        const char *name = model->by_name[low]->name;
        if (strncmp(name, module, length) != 0)
            return false;
        if (name[length] && strcmp(name + length, ".weight") != 0 &&
            strcmp(name + length, ".bias") != 0)
            return true;
    }
    return false;
}

int scan_copy_file_name(char **out, const struct parameter *parameter, struct error *err)
{
    if (strcmp(parameter->tensor->name, parameter->name) == 0)
        return 0;
    *out = string_copy(parameter->tensor->name, err);
    return *out ? 0 : -1;
}

/* The biases of rows, where they are not rows themselves: "x.bias" of "x.weight", "x_bias" of a
 * stack that is called just "x". They count as listed then. */
static void find_biases(struct scan *scan, const struct matrix_part *of, const struct model *model,
                        bool *listed, bool *biases)
{
    for (size_t i = 0; i < scan->count; i++) {
        struct scan_row *row = &scan->rows[i];
        const struct parameter *parameter = of[i].parameter;
        char name[1024];
        size_t length = module_name_length(parameter->name);
        row->bare = !parameter->name[length];
        row->begins = begins_others(model, row->module);
        snprintf(name, sizeof name, "%.*s%s", (int)length, parameter->name,
                 row->bare && of[i].expert >= 0 ? "_bias" : ".bias");
        const struct parameter *bias = model_find(model, name);
        if (!bias || bias == parameter || listed[bias - model->parameters])
            continue;
        row->bias = bias->numel;
        biases[bias - model->parameters] = true;
    }
}

/* Embeddings and heads; *head: there is one among them. */
static int list_ends(struct scan_model *about, const struct model *model, bool *head,
                     struct error *err)
{
    about->ends = array_alloc(model->parameter_count, sizeof *about->ends, err);
    int status = about->ends ? 0 : -1;
    for (size_t i = 0; status == 0 && i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        enum parameter_end end = parameter_end(model, parameter);
        *head |= end == END_HEAD;
        if (end == NO_END)
            continue;
        struct scan_end *is = &about->ends[about->end_count++];
        is->tensor = string_copy(parameter->name, err);
        is->head = end == END_HEAD;
        is->parameters = parameter->numel;
        status = is->tensor ? scan_copy_file_name(&is->file, parameter, err) : -1;
    }
    return status;
}

/* What is neither a row nor an end nor a row's bias, by the reason why it is not. */
static int list_omissions(struct scan_model *about, const struct model *model, bool all,
                          const bool *listed, const bool *biases, struct error *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < model->parameter_count; i++) {
        const char *reason =
            listed[i] || biases[i] ? NULL : why_omitted(model, &model->parameters[i], all);
        if (reason)
            status = add_omission(about, &model->parameters[i], reason, err);
    }
    return status;
}

/* After the rows are there: ends and biases are found among the parameters that have none. */
int scan_describe(struct scan *scan, const struct matrix_part *of, const struct model *model,
                  bool all, struct error *err)
{
    struct scan_model *about = &scan->of;
    bool *listed = array_alloc(model->parameter_count, sizeof *listed, err);
    bool *biases = array_alloc(model->parameter_count, sizeof *biases, err);
    bool head = false;
    int status = listed && biases ? list_ends(about, model, &head, err) : -1;
    for (size_t i = 0; status == 0 && i < scan->count; i++)
        listed[of[i].parameter - model->parameters] = true;
    if (status == 0) {
        find_biases(scan, of, model, listed, biases);
        status = list_omissions(about, model, all, listed, biases, err);
    }
    free(listed);
    free(biases);
    about->known = true;
    about->tied = model->architecture ? model->config.tied : about->end_count > 0 && !head;
    about->parameters = model_numel(model);
    about->tensors = (int64_t)model_loaded_count(model);
    about->names = names_of(model, of, scan->count);
    snprintf(about->architecture, sizeof about->architecture, "%s",
             model->architecture_name ? model->architecture_name : "");
    return status;
}
