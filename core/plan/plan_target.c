/* Does a plan's target do what the plan says? */
#include "plan/plan_write.h"

#include "base/text.h"
#include "model/family.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Adapters are for linear layers: norms, single tensors and biases of the plan do not train
 * there. */
struct plan_loss plan_lost_in_peft(const struct plan *plan)
{
    const struct model *model = plan_model(plan);
    struct plan_loss lost = {0};
    for (size_t i = 0; i < plan_scan(plan)->count; i++) {
        unsigned parts = plan_parts(plan, i);
        bool adapter = plan_takes_adapter(plan, i);
        if (plan_end(plan, i) != PLAN_NO_END || plan_unit(plan, i) != i)
            continue;
        lost.tensors += parts & PLAN_WEIGHT && !adapter;
        lost.experts += parts & PLAN_WEIGHT && !adapter && plan_scan(plan)->rows[i].expert_type;
        lost.biases +=
            parts & PLAN_BIAS && (plan_scan(plan)->rows[i].bias > 0 || parts == PLAN_BIAS);
    }
    for (size_t i = 0; model && i < model->parameter_count; i++)
        lost.tensors += plan_trains_unlisted(plan, &model->parameters[i]);
    return lost;
}

/* What an empty list means differs from tool to tool, and is seldom what was meant. */
static int check_not_empty(const struct plan *plan, enum plan_format format, struct error *err)
{
    const struct model *model = plan_model(plan);
    size_t rows = 0, adapters = 0, others = 0;
    for (size_t i = 0; i < plan_scan(plan)->count; i++) {
        rows += plan_row(plan, i);
        adapters += plan_takes_adapter(plan, i);
    }
    for (size_t i = 0; model && i < model->parameter_count; i++)
        others += plan_trains_unlisted(plan, &model->parameters[i]);
    if (format == PLAN_PEFT && adapters == 0)
        return error_set(err, "the plan has no linear layer, so as PEFT's target_modules it would "
                              "train no adapter in the blocks; a higher percentage (--top), or "
                              "modules by name (--train), put some in");
    if (rows + others + plan_embeddings(plan) + plan_head(plan) > 0)
        return 0;
    return error_set(err,
                     "the plan has no tensor: it would train %s; a higher percentage (--top), "
                     "modules by name (--train), the embeddings or the head put some in",
                     format == PLAN_AXOLOTL ? "everything, as Axolotl takes an empty list"
                                            : "nothing");
}

/* --- names --- */

static bool begins_with_any(const char *name, const char *const *prefixes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* A scan of an earlier version has the file's names, and does not say what becomes of them. */
static bool is_renamed(const struct family *family, const char *module)
{
    char tensor[1024];
    struct buffer loaded = BUFFER_INIT;
    snprintf(tensor, sizeof tensor, "%.1000s.weight", module);
    if (family)
        family_put_loaded(&loaded, family, tensor);
    bool renamed = family && strcmp(buffer_string(&loaded), tensor) != 0;
    buffer_free(&loaded);
    return renamed;
}

/* Why transformers 5 is known to call a tensor otherwise once it has loaded the model
 * (transformers/conversion_mapping.py, 5.23); NULL: no reason is known. */
static const char *why_renamed(const struct scan_model *of, const char *name)
{
    static const char *const llama_cpp[] = {"blk.", "token_embd.", "output.", "output_norm.",
                                            "enc.", "dec.",        "v.",      "a.",
                                            "mm."}; /* any architecture's: ggml's gguf.md */
    static const char *const bare[] = {"h.",   "layers.", "block.",        "blocks.",        "wte.",
                                       "wpe.", "layer.",  "embed_tokens.", "decoder.layers."};
    static const char *const inside[] = {"model.language_model.",        "model.visual.",
                                         "model.vision_tower.",          "model.audio_tower.",
                                         "model.multi_modal_projector.", "lm_head."};
    if (of->known && of->names == NAMES_STANDARD)
        return NULL;
    if (of->names == NAMES_GGUF)
        return begins_with_any(name, llama_cpp, sizeof llama_cpp / sizeof *llama_cpp)
                   ? "it is called as llama.cpp has it"
                   : NULL;
    const char *expert = strstr(name, "experts."); /* "experts.7." somewhere in it */
    if (expert && isdigit((unsigned char)expert[strlen("experts.")]))
        return "it holds the experts of a block in one tensor";
    if (strstr(name, ".block_sparse_moe."))
        return "it calls the parts of a mixture of experts otherwise";
    const char *tower = strstr(name, "language_model.");
    if (tower == name || (tower == name + strlen("model.") && of->names != NAMES_MULTIMODAL) ||
        (of->names == NAMES_MULTIMODAL &&
         !begins_with_any(name, inside, sizeof inside / sizeof *inside)))
        return "it gathers a multimodal model's parts under \"model.\"";
    if (begins_with_any(name, bare, sizeof bare / sizeof *bare))
        return "it puts the base model's name in front";
    if (is_renamed(family_by_type(of->architecture), name))
        return "it renames them when it loads this architecture";
    return NULL;
}

/* Names of the plan that are known to be no parameter's: how many, and the first with its reason.
 */
struct misnamed {
    size_t count, of;
    char first[256];
    const char *why;
};

static const char *row_name(const struct scan_row *row)
{
    return row->tensor ? row->tensor : row->module;
}

static void look_at(struct misnamed *found, const struct plan *plan, const char *name)
{
    const char *why = why_renamed(&plan_scan(plan)->of, name);
    found->of++;
    if (why && found->count++ == 0) {
        snprintf(found->first, sizeof found->first, "%s", name);
        found->why = why;
    }
}

/* The first name and the count; the first reason stands for all. */
bool plan_say_misnamed(const struct plan *plan, char *out, size_t size)
{
    const struct scan_model *of = &plan_scan(plan)->of;
    struct misnamed found = {0};
    for (size_t i = 0; i < plan_scan(plan)->count; i++)
        if (plan_row(plan, i) && plan_unit(plan, i) == i)
            look_at(&found, plan, row_name(&plan_scan(plan)->rows[i]));
    for (size_t i = 0; i < of->end_count; i++)
        if (plan_trains(plan, of->ends[i].tensor))
            look_at(&found, plan, of->ends[i].tensor);
    snprintf(
        out, size,
        "%zu of the plan's %zu names (%.120s first) are not what transformers calls the tensors "
        "once it has loaded the model: %s",
        found.count, found.of, found.first, found.why ? found.why : "");
    return found.count > 0;
}

/* A tensor of the loaded model trains whole or not at all. */
static int check_whole(const struct plan *plan, struct error *err)
{
    size_t partial = 0, first = 0, first_trained = 0, count;
    for (size_t i = 0; i < plan_scan(plan)->count; i++) {
        const size_t *rows = plan_loaded_rows(plan, i, &count);
        size_t trained = 0;
        if (!rows || rows[0] != i)
            continue;
        for (size_t k = 0; k < count; k++)
            trained += plan_row(plan, rows[k]);
        bool whole = trained == (size_t)plan_scan(plan)->rows[i].loaded_parts;
        if (trained > 0 && !whole && partial++ == 0) {
            first = i;
            first_trained = trained;
        }
    }
    if (partial == 0)
        return 0;
    const struct scan_row *is = &plan_scan(plan)->rows[first];
    return error_set(
        err,
        "transformers 5 loads %lld tensors of the file as one, %.160s, and the plan trains %zu of "
        "them: a tensor trains whole or not at all (%zu such in the plan). --train or --freeze "
        "takes all of them by a pattern, as \"experts\"; --file-names writes the file's names, "
        "which transformers 4 has",
        (long long)is->loaded_parts, is->loaded, first_trained, partial);
}

/* Patterns are made of these and dots; another character of a name could mean something in them.
 * ms-swift takes names as they are, but what begins with "-" for an option. */
static int check_name(const char *name, enum plan_format format, struct error *err)
{
    if (format == PLAN_MS_SWIFT && name[0] == '-')
        return error_set(err,
                         "%.200s: %s takes what begins with \"-\" for an option; --freeze leaves "
                         "the module out, and the json form has it",
                         name, plan_format_tools[format]);
    for (const char *at = name; format != PLAN_MS_SWIFT && *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-/", *at))
            return error_set(err,
                             "%.200s: \"%c\" has a meaning in the patterns by which %s takes "
                             "tensors; --freeze leaves the module out, and the json form has it",
                             name, *at, plan_format_tools[format]);
    return 0;
}

/* For readers that take a line as a pattern or stop at a blank. */
static int check_names(const struct plan *plan, enum plan_format format, struct error *err)
{
    const struct scan *scan = plan_scan(plan);
    const struct model *model = plan_model(plan);
    int status = 0;
    if (format != PLAN_AXOLOTL && format != PLAN_TRL && format != PLAN_MS_SWIFT)
        return 0;
    for (size_t i = 0; status == 0 && i < scan->count; i++)
        if (plan_row(plan, i))
            status = check_name(row_name(&scan->rows[i]), format, err);
    for (size_t i = 0; status == 0 && i < scan->of.end_count; i++)
        if (plan_trains(plan, scan->of.ends[i].tensor))
            status = check_name(scan->of.ends[i].tensor, format, err);
    for (size_t i = 0; status == 0 && model && i < model->parameter_count; i++)
        if (plan_trains_unlisted(plan, &model->parameters[i]))
            status = check_name(model->parameters[i].name, format, err);
    return status;
}

/* First whether there is anything, then each name, then whether tensors are whole, last whose names
 * they are. */
int plan_check_target(const struct plan *plan, enum plan_format format, bool file_names,
                      struct error *err)
{
    char line[400];
    if (check_not_empty(plan, format, err) != 0 || check_names(plan, format, err) != 0)
        return -1;
    if (!file_names && check_whole(plan, err) != 0)
        return -1;
    if (!plan_scan(plan)->of.known || file_names || !plan_say_misnamed(plan, line, sizeof line))
        return 0;
    return error_set(err,
                     "%s; `spectrum plan` leaves them out with --freeze, and writes them all the "
                     "same with --file-names",
                     line);
}
