#include "plan/plan_target.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct plan_loss plan_lost_in_peft(const struct plan *plan)
{
    const struct model *model = plan_model(plan);
    struct plan_loss lost = {0};
    for (size_t i = 0; i < plan_scan(plan)->count; i++) {
        unsigned parts = plan_parts(plan, i);
        bool adapter = plan_takes_adapter(plan, i);
        if (plan_end(plan, i) != PLAN_NO_END)
            continue;
        lost.tensors += parts & PLAN_WEIGHT && !adapter;
        lost.biases +=
            parts & PLAN_BIAS && (plan_scan(plan)->rows[i].bias > 0 || parts == PLAN_BIAS);
    }
    for (size_t i = 0; model && i < model->parameter_count; i++)
        lost.tensors += plan_trains_unlisted(plan, &model->parameters[i]);
    return lost;
}

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

/* "experts.7." somewhere in it. */
static bool has_numbered_expert(const char *name)
{
    const char *at = strstr(name, "experts.");
    return at && isdigit((unsigned char)at[strlen("experts.")]);
}

static bool begins_with_any(const char *name, const char *const *prefixes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* Why transformers 5 is known to call a tensor otherwise once it has loaded the model
 * (transformers/conversion_mapping.py, 5.23); NULL: no reason is known. */
static const char *why_renamed(const struct scan_model *of, const char *name)
{
    static const char *const llama_cpp[] = {"blk.", "token_embd.", "output.", "output_norm."};
    static const char *const bare[] = {"h.",   "layers.", "block.",        "blocks.",        "wte.",
                                       "wpe.", "layer.",  "embed_tokens.", "decoder.layers."};
    static const char *const inside[] = {"model.language_model.",        "model.visual.",
                                         "model.vision_tower.",          "model.audio_tower.",
                                         "model.multi_modal_projector.", "lm_head."};
    static const struct {
        const char *architecture, *part;
    } renamed[] = {{"gpt_neox", "embed_out."},
                   {"nemotron_h", "backbone."},
                   {"aria_text", ".experts.fc"},
                   {"bailing_hybrid", ".attention."},
                   {"deepseek_v4", ".attn."},
                   {"deepseek_v4", ".ffn."},
                   {"hrm_text", ".attn."},
                   {"emu3", "text_model"},
                   {"lfm3", ".self_attn.gate_proj."},
                   {"phimoe", ".gate."},
                   {"hy_v3", ".shared_mlp."},
                   {"laguna", ".shared_expert."}};
    if (of->known && of->names == NAMES_STANDARD)
        return NULL;
    if (of->names == NAMES_GGUF)
        return begins_with_any(name, llama_cpp, sizeof llama_cpp / sizeof *llama_cpp)
                   ? "it is called as llama.cpp has it"
                   : NULL;
    if (has_numbered_expert(name))
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
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (strcmp(of->architecture, renamed[i].architecture) == 0 && strstr(name, renamed[i].part))
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

static void look_at(struct misnamed *found, const struct plan *plan, const char *name)
{
    const char *why = why_renamed(&plan_scan(plan)->of, name);
    found->of++;
    if (why && found->count++ == 0) {
        snprintf(found->first, sizeof found->first, "%s", name);
        found->why = why;
    }
}

static struct misnamed find_misnamed(const struct plan *plan)
{
    const struct scan_model *of = &plan_scan(plan)->of;
    struct misnamed found = {0};
    for (size_t i = 0; i < plan_scan(plan)->count; i++)
        if (plan_row(plan, i))
            look_at(&found, plan, plan_scan(plan)->rows[i].module);
    for (size_t i = 0; i < of->end_count; i++)
        if (plan_trains(plan, of->ends[i].tensor))
            look_at(&found, plan, of->ends[i].tensor);
    return found;
}

bool plan_say_misnamed(const struct plan *plan, char *out, size_t size)
{
    struct misnamed found = find_misnamed(plan);
    snprintf(
        out, size,
        "%zu of the plan's %zu names (%.120s first) are not what transformers calls the tensors "
        "once it has loaded the model: %s",
        found.count, found.of, found.first, found.why ? found.why : "");
    return found.count > 0;
}

int plan_check_target(const struct plan *plan, enum plan_format format, bool file_names,
                      struct error *err)
{
    char line[400];
    if (check_not_empty(plan, format, err) != 0)
        return -1;
    if (!plan_scan(plan)->of.known || file_names || !plan_say_misnamed(plan, line, sizeof line))
        return 0;
    return error_set(err,
                     "%s; `spectrum plan` leaves them out with --freeze, and writes them all the "
                     "same with --file-names",
                     line);
}
