/* Which matrices of a model are scored, and what is said of those that are not.
 *
 * By default these are the 2-D weights of the numbered blocks, as the reference has them; a pattern
 * chooses any modules by name. Embeddings and heads are listed apart (struct scan_end), since plans
 * switch them whether they are scored or not. What looks like a weight and has no row is counted by
 * its reason (struct scan_omission), so that nothing is left out without a word.
 */
#include "model/score_rows.h"

#include "base/memory.h"
#include "base/regex.h"
#include "base/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Types that hold a quantiser's codes: without its scales they are not weights. */
static bool is_coded(const struct parameter *parameter)
{
    static const char *const types[] = {"I8",      "U8",      "I16",     "U16",
                                        "I32",     "U32",     "F4",      "F8_E4M3",
                                        "F8_E5M2", "F8_E8M0", "F6_E2M3", "F6_E3M2"};
    for (size_t i = 0; parameter && i < sizeof types / sizeof *types; i++)
        if (strcmp(parameter->tensor->dtype_name, types[i]) == 0)
            return true;
    return false;
}

/* Is this what a quantiser keeps beside its codes (scales, zero points, group indices), and no
 * weight, for all that it has two dimensions? It stands beside a tensor of codes: X.weight (fp8,
 * MLX), X.qweight (GPTQ, AWQ), X.weight_packed (compressed-tensors), X.W_q (HQQ), X itself
 * (bitsandbytes' X.absmax), X_blocks beside X_scales (MXFP4). */
static bool is_beside_codes(const struct model *model, const struct parameter *parameter)
{
    static const char *const codes[] = {"", ".weight", ".qweight", ".weight_packed", ".W_q"};
    const char *dot = strrchr(parameter->name, '.'), *line = strrchr(parameter->name, '_');
    char name[1024];
    for (size_t i = 0; dot && i < sizeof codes / sizeof *codes; i++) {
        if (i > 0 && strcmp(dot, codes[i]) == 0)
            return false;
        snprintf(name, sizeof name, "%.*s%s", (int)(dot - parameter->name), parameter->name,
                 codes[i]);
        if (is_coded(model_find(model, name)))
            return strcmp(dot, ".bias") != 0;
    }
    if (!line || (dot && line < dot) || strcmp(line, "_blocks") == 0)
        return false;
    snprintf(name, sizeof name, "%.*s_blocks", (int)(line - parameter->name), parameter->name);
    return is_coded(model_find(model, name));
}

bool scan_row_refusal(const struct parameter *parameter, char *out, size_t size)
{
    const struct tensor_info *tensor = parameter->tensor;
    if (tensor->dtype == DTYPE_UNSUPPORTED)
        snprintf(out, size, "the type %s cannot be read%s", tensor->dtype_name,
                 is_coded(parameter) ? ": a quantiser's codes" : "");
    else if (tensor->rank > 2)
        snprintf(out, size, "it has %d dimensions", tensor->rank);
    else
        return false;
    return true;
}

/* "experts.down_proj_bias" [experts, width]: a vector for each of several matrices. */
static bool is_stack_of_biases(const struct parameter *parameter)
{
    return parameter->tensor->rank == 2 && text_ends_with(parameter->name, "bias");
}

/* --- embeddings and heads --- */

enum end_kind { NO_END, END_EMBEDDING, END_HEAD };

/* By role; where the architecture is not known, by the names that transformers' models have for
 * their tokens' embeddings and for their heads. Position embeddings are none. */
static enum end_kind end_of(const struct model *model, const struct parameter *parameter)
{
    static const char *const embeddings[] = {"embed_tokens",   "wte",        "word_embeddings",
                                             "embed_in",       "embeddings", "shared",
                                             "tok_embeddings", "token_embd"},
                             *const heads[] = {"lm_head", "embed_out", "output_layer", "output"};
    if (parameter->role == ROLE_EMBEDDING)
        return END_EMBEDDING;
    if (parameter->role == ROLE_HEAD)
        return parameter_is_tied_copy(model, parameter) ? NO_END : END_HEAD;
    if (model->architecture || parameter->layer >= 0 || parameter->tensor->rank > 2)
        return NO_END;
    char name[1024];
    size_t length = strlen(parameter->name);
    const char *tail = parameter->bias ? ".bias" : ".weight";
    if (!text_ends_with(parameter->name, tail) || length >= sizeof name)
        return NO_END;
    snprintf(name, sizeof name, "%.*s", (int)(length - strlen(tail)), parameter->name);
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    for (size_t i = 0; !parameter->bias && i < sizeof embeddings / sizeof *embeddings; i++)
        if (strcmp(last, embeddings[i]) == 0)
            return END_EMBEDDING;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strcmp(last, heads[i]) == 0)
            return END_HEAD;
    return NO_END;
}

/* 1, 0, or -1. A model without numbered blocks counts as one block. */
static int is_selected(const struct model *model, const struct parameter *parameter,
                       struct regex *pattern, bool has_blocks, struct error *err)
{
    if (is_beside_codes(model, parameter))
        return 0;
    if (pattern) {
        char name[1024];
        parameter_short_name(parameter, name, sizeof name);
        return regex_search(pattern, name, err);
    }
    return (parameter->layer >= 0 || !has_blocks) && parameter->tensor->rank == 2 &&
           !is_stack_of_biases(parameter);
}

/* --- what the rows leave out --- */

/* Why a tensor that looks like a weight has no row in a scan of the default modules; NULL: it is
 * an embedding or a head, a vector, or nothing that would be scored. */
static const char *why_omitted(const struct model *model, const struct parameter *parameter)
{
    if (parameter->tensor->rank < 2 || is_beside_codes(model, parameter) ||
        end_of(model, parameter) != NO_END || parameter_is_tied_copy(model, parameter))
        return NULL;
    if (is_stack_of_biases(parameter))
        return "biases of several matrices in one tensor";
    if (parameter->tensor->rank > 2)
        return strstr(parameter->name, "expert") || strstr(parameter->name, "moe") ||
                       strstr(parameter->name, "_exps")
                   ? "experts in one tensor of three or more dimensions"
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
        return 0;
    }
    size_t capacity = i;
    if (array_reserve((void **)&of->omissions, &capacity, i + 1, sizeof *of->omissions, err) != 0)
        return -1;
    struct scan_omission *more = &of->omissions[i];
    *more = (struct scan_omission){.first = string_copy(parameter->name, err), .count = 1};
    snprintf(more->reason, sizeof more->reason, "%s", reason);
    of->omission_count += more->first != NULL;
    return more->first ? 0 : -1;
}

/* --- what the scan says of the model --- */

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

static enum scan_names names_of(const struct model *model, const struct parameter *const *rows,
                                size_t count)
{
    bool known = model->architecture != NULL;
    for (size_t i = 0; known && i < count; i++)
        known = rows[i]->role != ROLE_OTHER;
    return known                                                     ? NAMES_STANDARD
           : checkpoint_format(model->checkpoint) == CHECKPOINT_GGUF ? NAMES_GGUF
           : !model->architecture && has_towers(model)               ? NAMES_MULTIMODAL
                                                                     : NAMES_FILE;
}

/* The biases of rows, where they are not rows themselves. */
static void find_biases(struct scan *scan, const struct parameter *const *of,
                        const struct model *model, const bool *listed)
{
    for (size_t i = 0; i < scan->count; i++) {
        char name[1024];
        int length = snprintf(name, sizeof name, "%s.bias", scan->rows[i].module);
        const struct parameter *bias =
            (size_t)length < sizeof name ? model_find(model, name) : NULL;
        scan->rows[i].bare = strcmp(scan->rows[i].module, of[i]->name) == 0;
        if (bias && bias != of[i] && !listed[bias - model->parameters])
            scan->rows[i].bias = bias->numel;
    }
}

static int describe(struct scan *scan, const struct parameter *const *of, const struct model *model,
                    bool all, struct error *err)
{
    struct scan_model *about = &scan->of;
    bool *listed = array_alloc(model->parameter_count, sizeof *listed, err);
    bool head = false;
    about->ends = array_alloc(model->parameter_count, sizeof *about->ends, err);
    int status = listed && about->ends ? 0 : -1;
    for (size_t i = 0; status == 0 && i < scan->count; i++)
        listed[of[i] - model->parameters] = true;
    for (size_t i = 0; status == 0 && i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        enum end_kind end = end_of(model, parameter);
        const char *reason = all && !listed[i] ? why_omitted(model, parameter) : NULL;
        head |= end == END_HEAD;
        if (end != NO_END) {
            struct scan_end *is = &about->ends[about->end_count++];
            is->tensor = string_copy(parameter->name, err);
            is->head = end == END_HEAD;
            is->parameters = parameter->numel;
            status = is->tensor ? 0 : -1;
        }
        if (status == 0 && reason)
            status = add_omission(about, parameter, reason, err);
    }
    if (status == 0)
        find_biases(scan, of, model, listed);
    free(listed);
    about->known = true;
    about->tied = model->architecture ? model->config.tied : about->end_count > 0 && !head;
    about->parameters = model_numel(model);
    about->names = names_of(model, of, scan->count);
    snprintf(about->architecture, sizeof about->architecture, "%s",
             model->architecture_name ? model->architecture_name : "");
    return status;
}

static bool has_block_weights(const struct model *model)
{
    for (size_t i = 0; i < model->parameter_count; i++)
        if (model->parameters[i].layer >= 0 && model->parameters[i].tensor->rank == 2)
            return true;
    return false;
}

/* Where a module stands in the order in which PyTorch walks a model, and the reference with it: the
 * embedding, the blocks by number, the final norm, the head. Files often have block 10 before 2. */
static int walk_order(const struct parameter *parameter)
{
    if (parameter->layer >= 0)
        return parameter->layer;
    switch (parameter->role) {
    case ROLE_EMBEDDING:
        return -1;
    case ROLE_HEAD:
        return INT_MAX;
    default:
        return INT_MAX - 1;
    }
}

/* Inside a block by type (the attention before the MLP, as descriptors list them), then by file. */
static int compare_modules(const void *a, const void *b)
{
    const struct parameter *x = *(const struct parameter *const *)a,
                           *y = *(const struct parameter *const *)b;
    int i = walk_order(x), j = walk_order(y);
    if (i != j)
        return i < j ? -1 : 1;
    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Scans call "a.weight" by "a"; a tensor that is called just that would be there twice. */
static int add_row(struct scan *scan, const struct model *model, const struct parameter *parameter,
                   struct error *err)
{
    char name[1024];
    parameter_short_name(parameter, name, sizeof name);
    if (strcmp(name, parameter->name) != 0 && model_find(model, name))
        return error_set(err, "%s: %s and %s would have one name in a scan",
                         checkpoint_path(model->checkpoint), name, parameter->name);
    struct scan_row *row = &scan->rows[scan->count++];
    row->module = string_copy(name, err);
    row->type = string_copy(parameter->type, err);
    row->rows = parameter->rows;
    row->cols = parameter->cols;
    row->parameters = parameter->numel;
    snprintf(row->dtype, sizeof row->dtype, "%.15s", parameter->tensor->dtype_name);
    return row->module && row->type ? 0 : -1;
}

static int add_rows(struct scan *scan, const struct parameter **of, const struct model *model,
                    const char *pattern, struct error *err)
{
    struct regex *regex = pattern ? regex_new(pattern, err) : NULL;
    if (pattern && !regex) {
        if (err)
            err->kind = ERROR_USAGE;
        return -1;
    }
    int status = 0;
    bool has_blocks = has_block_weights(model);
    size_t count = 0;
    for (size_t i = 0; status == 0 && i < model->parameter_count; i++) {
        int selected = is_selected(model, &model->parameters[i], regex, has_blocks, err);
        status = selected < 0 ? -1 : 0;
        if (selected > 0)
            of[count++] = &model->parameters[i];
    }
    qsort(of, count, sizeof *of, compare_modules);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = add_row(scan, model, of[i], err);
    if (status == 0)
        status = describe(scan, of, model, pattern == NULL, err);
    regex_free(regex);
    if (status == 0 && scan->count == 0)
        status = error_set(err, "%s: no module %s%.200s", checkpoint_path(model->checkpoint),
                           pattern ? "matches " : "has two ",
                           pattern ? pattern : "dimensions; `spectrum scan --modules` names some");
    return status;
}

int scan_for_model(struct scan **out, const struct parameter ***parameters,
                   const struct model *model, const char *pattern, struct error *err)
{
    struct scan *scan = array_alloc(1, sizeof *scan, err);
    const struct parameter **of = array_alloc(model->parameter_count, sizeof *of, err);
    int status = -1;
    if (scan && of) {
        scan->rows = array_alloc(model->parameter_count, sizeof *scan->rows, err);
        scan->model = string_copy(checkpoint_path(model->checkpoint), err);
        if (scan->rows && scan->model)
            status = add_rows(scan, of, model, pattern, err);
    }
    if (status != 0) {
        scan_free(scan);
        scan = NULL;
    }
    if (status == 0 && parameters)
        *parameters = of;
    else
        free(of);
    *out = scan;
    return status;
}
