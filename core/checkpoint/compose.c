#include "checkpoint/compose.h"

#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/composing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Types that hold a quantiser's codes: without its scales they are not weights. */
static bool is_coded(const struct tensor_info *tensor)
{
    static const char *const types[] = {"I8",      "U8",      "I16",     "U16",     "I32",
                                        "U32",     "F4",      "F8_E4M3", "F8_E5M2", "F8_E8M0",
                                        "F6_E2M3", "F6_E3M2", NULL};
    return tensor->rank >= 2 && text_is_one_of(tensor->dtype_name, types);
}

/* --- what config.json says of them --- */

static const char bad_config[] = "its \"quantization_config\"";

/* The two sides of a block, as quantizer_fp8.c takes them to be. */
static bool is_block(const cJSON *sides)
{
    const cJSON *side;
    bool good = cJSON_IsArray(sides) && cJSON_GetArraySize(sides) == 2;
    cJSON_ArrayForEach(side, sides)
    {
        good = good && cJSON_IsNumber(side) && side->valuedouble >= 1 &&
               side->valuedouble <= QUANTIZATION_BLOCK_MAX &&
               side->valuedouble == (double)(int64_t)side->valuedouble;
    }
    return good;
}

static void put_why(char *why, size_t size, const char *key, const cJSON *value,
                    const char *expected)
{
    char *text = cJSON_PrintUnformatted(value);
    snprintf(why, size, ", whose \"%s\" is %.80s and not %s", key, text ? text : "?", expected);
    utf8_sanitize(why);
    cJSON_free(text);
}

/* Into `why`: which key has which value, that is none it can have. Nothing where all is right: with
 * a number that was rounded, or a word that was passed over, the codes would be read as others. */
static void check_config(const struct checkpoint *checkpoint, char *why, size_t size)
{
    static const char blocks[] = "two whole numbers from 1 to 1048576";
    const cJSON *all = json_get(checkpoint->metadata, "quantization_config");
    const cJSON *config = quantization_config(checkpoint), *group;
    const cJSON *method = json_get(config, "quant_method");
    const cJSON *block = json_get(config, "weight_block_size");
    why[0] = '\0';
    if (json_is_there(all) && !cJSON_IsObject(all))
        put_why(why, size, "quantization_config", all, "an object");
    else if (json_is_there(method) && !cJSON_IsString(method))
        put_why(why, size, "quant_method", method, "a text");
    else if (json_is_there(block) && !is_block(block))
        put_why(why, size, "weight_block_size", block, blocks);
    cJSON_ArrayForEach(group, json_get(config, "config_groups"))
    {
        block = json_get(json_get(group, "weights"), "block_structure");
        if (!why[0] && json_is_there(block) && !is_block(block))
            put_why(why, size, "block_structure", block, blocks);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The modules that were not to be quantised, sorted, as there may be as many as tensors: newly
 * allocated, the names config.json's. A pattern, of one tool a regular expression and of another a
 * shell's, is no module's name, and meets none. */
static const char **find_plain(const struct checkpoint *checkpoint, size_t *count,
                               struct error *err)
{
    static const char *const keys[] = {"modules_to_not_convert", "llm_int8_skip_modules", "ignore"};
    const cJSON *config = quantization_config(checkpoint), *item;
    const char **names = NULL;
    size_t capacity = 0;
    if (array_reserve((void **)&names, &capacity, 1, sizeof *names, err) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const cJSON *list = json_get(config, keys[i]);
        cJSON_ArrayForEach(item, list)
        {
            if (!cJSON_IsArray(list) || !cJSON_IsString(item))
                continue;
            if (array_reserve((void **)&names, &capacity, *count + 1, sizeof *names, err) != 0) {
                free(names);
                return NULL;
            }
            names[(*count)++] = item->valuestring;
        }
    }
    qsort(names, *count, sizeof *names, compare_names);
    return names;
}

/* --- codes that stay what they are --- */

struct refused {
    const struct tensor_info *first;
    size_t count;
};

/* How the codes' quantiser is called: by the files, or by what it calls its tensors. */
static void quantizer_name(const struct checkpoint *checkpoint, char *out, size_t size)
{
    static const struct {
        const char *ending, *name;
    } known[] = {
        {".qweight", "GPTQ or AWQ"}, {".weight_packed", "compressed-tensors"}, {".W_q", "HQQ"}};
    const char *method = NULL;
    json_get_string(quantization_config(checkpoint), "quant_method", &method);
    utf8_copy(out, size, method ? method : "");
    for (size_t k = 0; !out[0] && k < sizeof known / sizeof *known; k++)
        for (size_t i = 0; i < checkpoint->tensor_count && !out[0]; i++)
            if (text_ends_with(checkpoint->tensors[i].name, known[k].ending) &&
                is_coded(&checkpoint->tensors[i]))
                snprintf(out, size, "%s", known[k].name);
}

/* One note for all, with the first name: a model has hundreds of such tensors, for one reason. */
static void note_refused(struct checkpoint *checkpoint, const struct refused *refused,
                         const char *quantizer, const char *why)
{
    if (refused->count == 0)
        return;
    buffer_format(
        &checkpoint->notes,
        "%s: %.200s, the first of %zu such, cannot be read: %s%s%s%s. Give the model that "
        "it was quantised from, or a copy in floating point (transformers: "
        "model.dequantize(), then model.save_pretrained())\n",
        checkpoint->path, refused->first->name, refused->count, refused->first->refusal, why,
        quantizer[0] ? "; quantised by " : "", quantizer);
}

/* --- codes that become weights --- */

/* Parts are looked up by name while the table is as the files have it; what is made of them comes
 * in at the end. */
struct pass {
    struct checkpoint *checkpoint;
    struct tensor_info *wholes; /* of each tensor that is codes, the weight; no name: it is none */
    bool *hidden;               /* a part of a weight, or its codes */
    size_t made;
    const char **plain; /* find_plain() */
    size_t plain_count;
    char why[200];  /* what is wrong with the configuration; "": nothing */
    char more[200]; /* else what the first that was refused with more than a reason says, and its */
    size_t more_of; /* index */
};

static bool are_free(const struct pass *pass, const struct composing *making)
{
    bool free = true;
    for (size_t i = 0; i < making->part_count; i++)
        free = free && !pass->hidden[making->parts[i] - pass->checkpoint->tensors];
    return free;
}

/* The whole tensor takes its first part's place in the table, and the parts are hidden: who lists
 * tensors sees weights, never codes or scales. */
static int finish(struct pass *pass, struct composing *making, struct error *err)
{
    struct composed *composed = making->composed;
    struct tensor_info *whole = &making->whole;
    size_t at = (size_t)(making->parts[0] - pass->checkpoint->tensors);
    whole->dtype = DTYPE_COMPOSED;
    whole->elements = composed->elements;
    whole->file = making->parts[0]->file;
    whole->offset = making->parts[0]->offset;
    whole->composed = composed;
    whole->name = string_copy(making->name, err);
    if (!whole->name)
        return -1;
    int64_t pieces = composed->unit > 0 ? COMPOSED_PIECE / composed->unit : 0;
    if (composed->piece == 0)
        composed->piece = pieces > 1 ? pieces : 1;
    for (size_t i = 0; i < making->part_count; i++) {
        composed->parts[composed->part_count++] = *making->parts[i];
        whole->bytes += making->parts[i]->bytes;
        pass->hidden[making->parts[i] - pass->checkpoint->tensors] = true;
    }
    pass->wholes[at] = *whole;
    pass->made++;
    return 0;
}

/* Each way of storing weights, and by which "quant_method" config.json may call who stored them so.
 * Another tool's codes may look the same and mean something else. MLX's are known by
 * "quantization". */
static const struct {
    composer *compose;
    const char *methods[6];
} composers[] = {
    {compose_bnb4, {"bitsandbytes", "bitsandbytes_4bit"}},
    {compose_bnb8, {"bitsandbytes", "bitsandbytes_8bit"}},
    {compose_fp8, {"fp8", "fbgemm_fp8", "compressed-tensors", "modelopt", "quark"}},
    {compose_mlx, {NULL}},
    {compose_mxfp4, {"mxfp4"}},
    {compose_fp4, {"modelopt", "modelopt_fp4", "compressed-tensors"}},
    {compose_int8, {"compressed-tensors"}},
    {compose_packed, {"compressed-tensors"}},
};

static bool is_by_another(const struct checkpoint *checkpoint, const char *const *methods)
{
    const char *method;
    return methods[0] &&
           json_get_string(quantization_config(checkpoint), "quant_method", &method) &&
           !text_is_one_of(method, methods);
}

static bool is_plain_name(const struct pass *pass, const char *name)
{
    return bsearch(&name, pass->plain, pass->plain_count, sizeof name, compare_names) != NULL;
}

/* Is the weight's module, one that it lies in, or the end of its name among those that were not to be
 * quantised? */
static bool is_said_plain(const struct pass *pass, const char *weight)
{
    char module[TENSOR_NAME_MAX + 1], *dot;
    size_t length = strlen(weight) - (text_ends_with(weight, ".weight") ? strlen(".weight") : 0);
    snprintf(module, sizeof module, "%.*s", (int)length, weight);
    for (const char *end = module; end; end = (end = strchr(end, '.')) ? end + 1 : NULL)
        if (is_plain_name(pass, end))
            return true;
    while ((dot = strrchr(module, '.'))) {
        *dot = '\0';
        if (is_plain_name(pass, module))
            return true;
    }
    return false;
}

/* Asks every quantiser; sets the reason where one knows the codes and cannot read them. */
static int compose_one(struct pass *pass, size_t index, const char **refusal, struct error *err)
{
    struct composing making = {.checkpoint = pass->checkpoint};
    enum composing_end end = COMPOSING_NOT_MINE;
    making.composed = array_alloc(1, sizeof *making.composed, err);
    if (!making.composed)
        return -1;
    for (size_t i = 0; end == COMPOSING_NOT_MINE && i < sizeof composers / sizeof *composers; i++) {
        making.parts[0] = &pass->checkpoint->tensors[index];
        making.part_count = 1;
        snprintf(making.name, sizeof making.name, "%s", making.parts[0]->name);
        end = composers[i].compose(&making, refusal, err);
        bool known = end == COMPOSING_DONE || end == COMPOSING_REFUSED;
        if (known && pass->why[0])
            *refusal = bad_config;
        else if (end == COMPOSING_DONE && is_by_another(pass->checkpoint, composers[i].methods))
            *refusal = "codes of another quantiser";
        else if (end == COMPOSING_DONE && is_said_plain(pass, making.name))
            *refusal = "a module said to be plain";
        end = known && *refusal ? COMPOSING_REFUSED : end;
    }
    if (end == COMPOSING_DONE && !are_free(pass, &making)) {
        *refusal = "codes that share their scales";
        end = COMPOSING_REFUSED;
    }
    if (end == COMPOSING_REFUSED && *refusal != bad_config && making.why[0] && !pass->more[0]) {
        memcpy(pass->more, making.why, sizeof pass->more);
        pass->more_of = index;
    }
    if (end == COMPOSING_DONE && finish(pass, &making, err) == 0)
        return 0;
    free(making.composed);
    return end == COMPOSING_DONE || end == COMPOSING_FAILED ? -1 : 0;
}

static int compose_all(struct pass *pass, struct error *err)
{
    for (size_t i = 0; i < pass->checkpoint->tensor_count; i++) {
        const char *refusal = NULL;
        if (!pass->hidden[i] && compose_one(pass, i, &refusal, err) != 0)
            return -1;
        pass->checkpoint->tensors[i].refusal = refusal;
    }
    return 0;
}

/* When all weights are made, so that no part is taken for codes that are left over. */
static void refuse_the_rest(const struct pass *pass)
{
    struct refused refused = {.count = 0};
    char quantizer[24];
    quantizer_name(pass->checkpoint, quantizer, sizeof quantizer);
    for (size_t i = 0; i < pass->checkpoint->tensor_count; i++) {
        struct tensor_info *tensor = &pass->checkpoint->tensors[i];
        if (pass->hidden[i])
            continue;
        if (!tensor->refusal && quantizer[0] && is_coded(tensor))
            tensor->refusal = "a quantiser's codes";
        if (tensor->refusal)
            refused.first = refused.count++ == 0 ? tensor : refused.first;
    }
    const char *why = refused.count == 0                                           ? ""
                      : refused.first->refusal == bad_config                       ? pass->why
                      : refused.first == &pass->checkpoint->tensors[pass->more_of] ? pass->more
                                                                                   : "";
    note_refused(pass->checkpoint, &refused, quantizer, why);
}

/* Weights come in at the place of their codes; the parts go, and are the weights'. */
static int take_in(struct pass *pass, struct error *err)
{
    struct checkpoint *checkpoint = pass->checkpoint;
    size_t kept = 0;
    for (size_t i = 0; i < checkpoint->tensor_count; i++)
        if (pass->wholes[i].name)
            checkpoint->tensors[kept++] = pass->wholes[i];
        else if (!pass->hidden[i])
            checkpoint->tensors[kept++] = checkpoint->tensors[i];
    checkpoint->tensor_count = kept;
    free(checkpoint->by_name);
    checkpoint->by_name = NULL;
    return checkpoint_index(checkpoint, err);
}

int compose(struct checkpoint *checkpoint, struct error *err)
{
    struct pass pass = {.checkpoint = checkpoint};
    check_config(checkpoint, pass.why, sizeof pass.why);
    pass.wholes = array_alloc(checkpoint->tensor_count, sizeof *pass.wholes, err);
    pass.hidden = array_alloc(checkpoint->tensor_count, sizeof *pass.hidden, err);
    pass.plain = find_plain(checkpoint, &pass.plain_count, err);
    int status = pass.wholes && pass.hidden && pass.plain ? compose_all(&pass, err) : -1;
    if (status == 0)
        refuse_the_rest(&pass);
    if (pass.made > 0) { /* also after an error: the parts are to be freed once */
        int taken = take_in(&pass, status == 0 ? err : NULL);
        status = status == 0 ? taken : status;
    }
    free(pass.wholes);
    free(pass.hidden);
    free(pass.plain);
    return status;
}
