#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "plan/plan_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int plan_format_by_name(enum plan_format *out, const char *name, struct error *err)
{
    static const char *const names[] = {"yaml", "json", "axolotl", "trl", "peft", "ms-swift"};
    for (int i = 0; i < 6; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum plan_format)i;
            return 0;
        }
    }
    if (strcmp(name, "llama-factory") == 0)
        return error_set(err, "LLaMA-Factory freezes the first or last N layers only: it cannot "
                              "express a plan by modules");
    return error_set_kind(err, ERROR_USAGE,
                          "there is no format \"%s\"; there are yaml, json, axolotl, trl, peft, "
                          "ms-swift",
                          name);
}

/* How a format writes one name: the lead, the dots, the tail. */
struct name_style {
    const char *before, *dot, *after;
};

static void put_name(struct buffer *out, const char *name, const char *part,
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
    buffer_text(out, style->after);
}

static bool has_bias(const struct plan *plan, const char *module)
{
    char name[1024];
    const struct model *model = plan_model(plan);
    int length = snprintf(name, sizeof name, "%s.bias", module);
    return model && (size_t)length < sizeof name && model_find(model, name);
}

/* The tensors of a row that train, each by its own name; of a bias that nobody named it is not
 * known without the model whether there is one. */
static void put_tensors(struct buffer *out, const struct plan *plan, size_t row,
                        const struct name_style *style)
{
    const char *module = plan_scan(plan)->rows[row].module;
    unsigned parts = plan_parts(plan, row);
    if (text_ends_with(module, ".bias")) {
        put_name(out, module, "", style);
        return;
    }
    if (parts & PLAN_WEIGHT)
        put_name(out, module, ".weight", style);
    if (parts == PLAN_BIAS || (parts == PLAN_MODULE && has_bias(plan, module)))
        put_name(out, module, ".bias", style);
}

static bool is_switch(const char *type)
{
    return strcmp(type, "lm_head") == 0 || strcmp(type, "model.embed_tokens") == 0;
}

/* The rows that train, type by type, highest SNR first, as the reference writes them: whole modules
 * in one style (or, where there is none, by tensors), single tensors in the other. */
static void put_rows(struct buffer *out, const struct plan *plan, const struct name_style *module,
                     const struct name_style *tensor, bool comments)
{
    const struct scan *scan = plan_scan(plan);
    const size_t *rows;
    size_t count;
    for (size_t n = 0; (rows = plan_type_rows(plan, n, &count)); n++) {
        const char *type = scan->rows[rows[0]].type;
        if (is_switch(type))
            continue;
        if (comments)
            buffer_format(out, "# %s layers\n", type);
        for (size_t k = 0; k < count; k++) {
            unsigned parts = plan_parts(plan, rows[k]);
            if (parts == PLAN_MODULE && module)
                put_name(out, scan->rows[rows[k]].module, "", module);
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
    for (size_t i = 0; model && i < model->module_count; i++) {
        if (!plan_trains_unlisted(plan, &model->modules[i]))
            continue;
        buffer_text(out, comment);
        put_name(out, model->modules[i].name, "", tensor);
        comment = "";
    }
}

static void put_switches(struct buffer *out, const struct plan *plan, const char *part,
                         const struct name_style *style)
{
    if (plan_head(plan))
        put_name(out, "lm_head", part, style);
    if (plan_embeddings(plan))
        put_name(out, "model.embed_tokens", part, style);
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
    if (!isnan(percent))
        buffer_format(out, "# top %.15g percent of each selection\n", percent);
    buffer_format(out, "# %zu of %zu scanned modules train", counts.modules, counts.modules_total);
    if (counts.known)
        buffer_format(out, ", %" PRId64 " of %" PRId64 " parameters%s", counts.parameters,
                      counts.parameters_total,
                      plan_model(plan) ? "" : " (without embeddings and head)");
    buffer_byte(out, '\n');
}

static void put_yaml(struct buffer *out, const struct plan *plan, const struct name_style *module,
                     const struct name_style *tensor, const char *source)
{
    put_comment(out, plan, source);
    buffer_text(out, "unfrozen_parameters:\n");
    put_switches(out, plan, ".weight", tensor);
    put_rows(out, plan, module, tensor, true);
    put_unlisted(out, plan, tensor, "# single tensors\n");
}

/* With a model its tensors in file order, else what the scan lists. */
static void put_json_names(struct buffer *out, const struct plan *plan)
{
    static const struct name_style lines = {"\n", ".", ""};
    const struct model *model = plan_model(plan);
    if (!model) {
        put_switches(out, plan, ".weight", &lines);
        put_rows(out, plan, NULL, &lines, false);
        return;
    }
    for (size_t i = 0; i < model->module_count; i++)
        if (!module_is_tied_copy(model, &model->modules[i]) &&
            plan_trains(plan, model->modules[i].name))
            put_name(out, model->modules[i].name, "", &lines);
}

static void put_json(struct buffer *out, const struct plan *plan, const char *source)
{
    struct buffer names = BUFFER_INIT;
    char *rest = NULL;
    const char *between = "\n";
    buffer_text(out, "{\"format\": \"spectrum.plan\", \"version\": 1, \"model\": ");
    json_put_string(out, source);
    buffer_text(out, ", \"train\": [");
    put_json_names(&names, plan);
    char *name = names.data ? strtok_r(names.data, "\n", &rest) : NULL;
    for (; name; name = strtok_r(NULL, "\n", &rest)) {
        buffer_text(out, between);
        json_put_string(out, name);
        between = ",\n";
    }
    out->failed |= names.failed; /* a list that is cut short is no plan */
    buffer_free(&names);
    buffer_text(out, "\n]}\n");
}

/* Adapters go on whole modules: a module whose bias alone trains has none. */
static void put_peft(struct buffer *out, const struct plan *plan)
{
    static const struct name_style plain = {"- ", ".", "\n"};
    const size_t *rows;
    size_t count;
    buffer_text(out, "target_modules:\n");
    put_switches(out, plan, "", &plain);
    for (size_t n = 0; (rows = plan_type_rows(plan, n, &count)); n++)
        for (size_t k = 0; k < count; k++) {
            const struct scan_row *row = &plan_scan(plan)->rows[rows[k]];
            if (plan_parts(plan, rows[k]) & PLAN_WEIGHT && !is_switch(row->type))
                put_name(out, row->module, "", &plain);
        }
}

static void put_ms_swift(struct buffer *out, const struct plan *plan)
{
    static const struct name_style bare = {" ", ".", ""};
    buffer_text(out, "--freeze_parameters_ratio 1 --trainable_parameters");
    put_switches(out, plan, ".weight", &bare);
    put_rows(out, plan, NULL, &bare, false);
    put_unlisted(out, plan, &bare, "");
    buffer_byte(out, '\n');
}

void plan_put(struct buffer *out, const struct plan *plan, enum plan_format format,
              const char *source)
{
    static const struct name_style plain = {"- ", ".", "\n"}, anchored = {"- ^", ".", "$\n"},
                                   escaped = {"- ^", "\\.", "$\n"};
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
