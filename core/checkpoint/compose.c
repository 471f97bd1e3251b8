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
                         const char *quantizer)
{
    if (refused->count == 0)
        return;
    buffer_format(&checkpoint->notes,
                  "%s: %.200s, the first of %zu such, cannot be read: %s%s%s. Give the model that "
                  "it was quantised from, or a copy in floating point (transformers: "
                  "model.dequantize(), then model.save_pretrained())\n",
                  checkpoint->path, refused->first->name, refused->count, refused->first->refusal,
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

/* Asks every quantiser; sets the reason where one knows the codes and cannot read them. */
static int compose_one(struct pass *pass, size_t index, const char **refusal, struct error *err)
{
    static composer *const composers[] = {compose_bnb4, compose_bnb8, compose_fp8, compose_mlx,
                                          compose_mxfp4};
    struct composing making = {.checkpoint = pass->checkpoint};
    enum composing_end end = COMPOSING_NOT_MINE;
    making.composed = array_alloc(1, sizeof *making.composed, err);
    if (!making.composed)
        return -1;
    for (size_t i = 0; end == COMPOSING_NOT_MINE && i < sizeof composers / sizeof *composers; i++) {
        making.parts[0] = &pass->checkpoint->tensors[index];
        making.part_count = 1;
        snprintf(making.name, sizeof making.name, "%s", making.parts[0]->name);
        end = composers[i](&making, refusal, err);
    }
    if (end == COMPOSING_DONE && !are_free(pass, &making)) {
        *refusal = "codes that share their scales";
        end = COMPOSING_REFUSED;
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
    note_refused(pass->checkpoint, &refused, quantizer);
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
    pass.wholes = array_alloc(checkpoint->tensor_count, sizeof *pass.wholes, err);
    pass.hidden = array_alloc(checkpoint->tensor_count, sizeof *pass.hidden, err);
    int status = pass.wholes && pass.hidden ? compose_all(&pass, err) : -1;
    if (status == 0)
        refuse_the_rest(&pass);
    if (pass.made > 0) { /* also after an error: the parts are to be freed once */
        int taken = take_in(&pass, status == 0 ? err : NULL);
        status = status == 0 ? taken : status;
    }
    free(pass.wholes);
    free(pass.hidden);
    return status;
}
