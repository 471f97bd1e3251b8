#include "plan/plan_write.h"

#include "base/option.h"
#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const plan_format_names[] = {"yaml", "json",     "axolotl", "trl",
                                         "peft", "ms-swift", NULL};
const char *const plan_format_tools[] = {"spectrum.py", "another program", "Axolotl", "TRL",
                                         "PEFT",        "ms-swift",        NULL};

int plan_format_by_name(enum plan_format *out, const char *name, struct error *err)
{
    for (int i = 0; plan_format_names[i]; i++) {
        if (strcmp(name, plan_format_names[i]) == 0) {
            *out = (enum plan_format)i;
            return 0;
        }
    }
    if (strcmp(name, "llama-factory") == 0)
        return error_set(err, "LLaMA-Factory freezes the first or last N layers only: it cannot "
                              "express a plan by modules");
    struct buffer names = BUFFER_INIT;
    option_put_choices(&names, &(struct option){.choices = plan_format_names}, ", ");
    error_set_kind(err, ERROR_USAGE, "there is no format \"%s\"; there are %s", name,
                   buffer_string(&names));
    buffer_free(&names);
    return -1;
}

/* How a format writes one name: the lead, the dots, the tail. `beginnings`: its readers match names
 * from the beginning on, and a "$" in the tail is what makes one whole. */
struct name_style {
    const char *before, *dot, *after;
    bool beginnings;
};

static void put_name(struct buffer *out, const char *name, const char *part, const char *after,
                     const struct name_style *style)
{
    buffer_text(out, style->before);
    for (int i = 0; i < 2; i++) {
        for (const char *at = i ? part : name; *at; at++) {
            if (*at == '.')
                buffer_text(out, style->dot);
            else
                buffer_byte(out, *at);
        }
    }
    buffer_text(out, after);
}

static void put_tensor(struct buffer *out, const char *name, const char *part,
                       const struct name_style *style)
{
    put_name(out, name, part, style->after, style);
}

/* The tensors of a row that train, each by its own name. Where a published scan does not say
 * whether there is a bias, all that begins with "module.": that is what the reference's names mean
 * to those who read them. */
static void put_tensors(struct buffer *out, const struct plan *plan, size_t row,
                        const struct name_style *style)
{
    const struct scan_row *is = &plan_scan(plan)->rows[row];
    bool known = plan_scan(plan)->of.known;
    unsigned parts = plan_parts(plan, row);
    if (is->tensor) {
        size_t module = module_name_length(is->tensor);
        char bias[1100];
        snprintf(bias, sizeof bias, "%.*s%s", (int)module, is->tensor,
                 is->bare ? "_bias" : ".bias");
        if (parts & PLAN_WEIGHT)
            put_tensor(out, is->tensor, "", style);
        if (parts == PLAN_BIAS || (parts & PLAN_BIAS && is->bias > 0))
            put_tensor(out, bias, "", style);
        return;
    }
    if (is->bare || text_ends_with(is->module, ".bias")) {
        put_tensor(out, is->module, "", style);
        return;
    }
    if (parts == PLAN_MODULE && !known) {
        put_name(out, is->module, style->beginnings ? "." : "",
                 style->after + (style->after[0] == '$'), style);
        return;
    }
    if (parts & PLAN_WEIGHT)
        put_tensor(out, is->module, ".weight", style);
    if (parts == PLAN_BIAS || (parts & PLAN_BIAS && is->bias > 0))
        put_tensor(out, is->module, ".bias", style);
}

/* The rows that train, type by type, highest SNR first, as the reference writes them: whole modules
 * in one style (or, where there is none, by tensors), single tensors in the other. A module whose
 * name begins another's is written by its tensors, too, or its reader would train both; in the
 * reference's own files, which say no more than the names, it stays as the reference has it. A
 * tensor of several rows is written by its own name, too: no module has it. */
static void put_rows(struct buffer *out, const struct plan *plan, const struct name_style *module,
                     const struct name_style *tensor, bool comments)
{
    const struct scan *scan = plan_scan(plan);
    const size_t *rows;
    size_t count;
    for (size_t n = 0; (rows = plan_type_rows(plan, n, &count)); n++) {
        if (plan_end(plan, rows[0]) != PLAN_NO_END)
            continue;
        bool headed = !comments;
        char type[300];
        plan_type_name(plan, n, type, sizeof type);
        for (size_t k = 0; k < count; k++) {
            const char *name = scan->rows[rows[k]].module;
            unsigned parts = plan_parts(plan, rows[k]);
            if (parts && !headed)
                buffer_format(out, "# %s layers\n", type);
            headed |= parts != 0;
            bool alone = !scan->rows[rows[k]].tensor &&
                         (!scan->of.known || !plan_begins_another(plan, name));
            if (parts == PLAN_MODULE && module && alone)
                put_tensor(out, name, "", module);
            else if (parts)
                put_tensors(out, plan, rows[k], tensor);
        }
    }
}

/* Tensors that train and that no row of the scan covers: norms, say. */
static void put_unlisted(struct buffer *out, const struct plan *plan,
                         const struct name_style *tensor, const char *comment)
{
    const struct model *model = plan_model(plan);
    for (size_t i = 0; model && i < model->parameter_count; i++) {
        if (!plan_trains_unlisted(plan, &model->parameters[i]))
            continue;
        buffer_text(out, comment);
        put_tensor(out, model->parameters[i].name, "", tensor);
        comment = "";
    }
}

/* Heads and embeddings that train, as tensors or as modules; of a tied model the one that exists.
 * Where the scan does not say, the reference's two. */
static void put_ends(struct buffer *out, const struct plan *plan, bool modules,
                     const struct name_style *style)
{
    const struct scan_model *of = &plan_scan(plan)->of;
    const char *weight = modules ? "" : ".weight";
    if (!of->known && plan_head(plan))
        put_tensor(out, "lm_head", weight, style);
    if (!of->known && plan_embeddings(plan))
        put_tensor(out, "model.embed_tokens", weight, style);
    for (int head = 1; head >= 0; head--)
        for (size_t i = 0; i < of->end_count; i++) {
            const char *name = of->ends[i].tensor;
            char module[1024];
            if (of->ends[i].head != head || !plan_trains(plan, name))
                continue;
            size_t length = strlen(name) - (text_ends_with(name, ".weight") ? 7 : 0);
            snprintf(module, sizeof module, "%.*s", (int)length, name);
            if (!modules || name[length])
                put_tensor(out, modules ? module : name, "", style);
        }
}

static void put_comment(struct buffer *out, const struct plan *plan, const char *source)
{
    struct plan_counts counts = plan_counts(plan);
    double percent = plan_percent(plan);
    char *safe = strdup(source);
    if (safe)
        utf8_sanitize(safe);
    buffer_format(out, "# spectrum plan of %s\n", safe ? safe : "?");
    free(safe);
    if (plan_scan(plan)->estimator[0])
        buffer_format(out, "# scores by the estimator %s", plan_scan(plan)->estimator);
    if (plan_scan(plan)->estimator[0] && plan_scan(plan)->empty_noise[0])
        buffer_format(out, ", an empty noise set counts as %s", plan_scan(plan)->empty_noise);
    if (plan_scan(plan)->estimator[0])
        buffer_byte(out, '\n');
    if (!isnan(percent))
        buffer_format(out, "# top %.15g percent of each selection%s\n", percent,
                      plan_base(plan).scope == PLAN_TOGETHER ? ", experts together" : "");
    buffer_format(out, "# %zu of %zu scanned modules train", counts.modules, counts.modules_total);
    if (counts.known)
        buffer_format(out, ", %" PRId64 " of %" PRId64 " parameters%s", counts.parameters,
                      counts.parameters_total,
                      counts.whole ? "" : " (without embeddings and head)");
    buffer_byte(out, '\n');
}

static void put_yaml(struct buffer *out, const struct plan *plan, const struct name_style *module,
                     const struct name_style *tensor, const char *source)
{
    put_comment(out, plan, source);
    buffer_text(out, "unfrozen_parameters:\n");
    put_ends(out, plan, false, tensor);
    put_rows(out, plan, module, tensor, true);
    put_unlisted(out, plan, tensor, "# single tensors\n");
}

void plan_put_tensors(struct json_writer *json, const struct plan *plan)
{
    static const struct name_style lines = {"\n", ".", "", false};
    struct buffer names = BUFFER_INIT;
    char *rest = NULL;
    json_list(json, "train");
    json_layout(json, JSON_ROWS_CLOSED);
    put_ends(&names, plan, false, &lines);
    put_rows(&names, plan, NULL, &lines, false);
    put_unlisted(&names, plan, &lines, "");
    char *name = names.data ? strtok_r(names.data, "\n", &rest) : NULL;
    for (; name; name = strtok_r(NULL, "\n", &rest))
        json_text(json, NULL, name);
    json->out->failed |= names.failed; /* a list that is cut short is not a plan */
    buffer_free(&names);
    json_end(json);
}

static void put_json(struct buffer *out, const struct plan *plan, const char *source)
{
    struct json_writer json = {.out = out};
    json_begin(&json, "spectrum.plan");
    json_text(&json, "model", source);
    plan_put_tensors(&json, plan);
    json_end(&json);
    json_finish(&json, NULL);
}

/* The layer beside which a row's adapter stands: of a tensor of several rows, its own. */
static const char *adapted_module(const struct plan *plan, size_t row, char out[1100])
{
    const struct scan_row *is = &plan_scan(plan)->rows[row];
    if (!is->tensor)
        return is->module;
    snprintf(out, 1100, "%.*s", (int)module_name_length(is->tensor), is->tensor);
    return out;
}

static void put_peft(struct buffer *out, const struct plan *plan)
{
    char module[1100];
    static const struct name_style plain = {"- ", ".", "\n", false};
    const size_t *rows;
    size_t count;
    buffer_text(out, "target_modules:\n");
    put_ends(out, plan, true, &plain);
    for (size_t n = 0; (rows = plan_type_rows(plan, n, &count)); n++)
        for (size_t k = 0; k < count; k++)
            if (plan_takes_adapter(plan, rows[k]))
                put_tensor(out, adapted_module(plan, rows[k], module), "", &plain);
}

static void put_ms_swift(struct buffer *out, const struct plan *plan)
{
    static const struct name_style bare = {" ", ".", "", true};
    buffer_text(out, "--freeze_parameters_ratio 1 --trainable_parameters");
    put_ends(out, plan, false, &bare);
    put_rows(out, plan, NULL, &bare, false);
    put_unlisted(out, plan, &bare, "");
    buffer_byte(out, '\n');
}

void plan_put(struct buffer *out, const struct plan *plan, enum plan_format format,
              const char *source)
{
    static const struct name_style plain = {"- ", ".", "\n", false},
                                   anchored = {"- ^", ".", "$\n", true},
                                   escaped = {"- ^", "\\.", "$\n", true};
    switch (format) {
    case PLAN_YAML:
        put_yaml(out, plan, &plain, &anchored, source);
        break;
    case PLAN_JSON:
        put_json(out, plan, source);
        break;
    case PLAN_AXOLOTL:
        put_yaml(out, plan, NULL, &anchored, source);
        break;
    case PLAN_TRL:
        put_yaml(out, plan, NULL, &escaped, source);
        break;
    case PLAN_PEFT:
        put_peft(out, plan);
        break;
    case PLAN_MS_SWIFT:
        put_ms_swift(out, plan);
        break;
    }
}

/* --- does the target do what the plan says? --- */

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

static const char *row_name(const struct scan_row *row)
{
    return row->tensor ? row->tensor : row->module;
}

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
