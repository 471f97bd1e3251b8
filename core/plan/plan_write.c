#include "base/json.h"
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

/* How a format writes one tensor's name: the lead, the dots, the tail. */
struct name_style {
    const char *before, *dot, *after;
};

static void put_name(struct buffer *out, const char *name, const struct name_style *style)
{
    buffer_text(out, style->before);
    for (; *name; name++) {
        if (*name == '.')
            buffer_text(out, style->dot);
        else
            buffer_byte(out, *name);
    }
    buffer_text(out, style->after);
}

/* The rows that train, type by type, highest SNR first, as the reference writes them. */
static void put_rows(struct buffer *out, const struct plan *plan, const struct name_style *style,
                     bool comments)
{
    const struct scan *scan = plan_scan(plan);
    for (size_t i = 0; i < scan->count; i++) {
        bool first = true;
        const char *type = scan->rows[i].type;
        for (size_t j = 0; j < i && first; j++)
            first = strcmp(scan->rows[j].type, type) != 0;
        if (!first || strcmp(type, "lm_head") == 0 || strcmp(type, "model.embed_tokens") == 0)
            continue;
        if (comments)
            buffer_format(out, "# %s layers\n", type);
        size_t of = 0, rank = 0;
        plan_rank(plan, i, &of);
        for (rank = 1; rank <= of; rank++) {
            size_t row = plan_by_rank(plan, type, rank);
            if (plan_row(plan, row))
                put_name(out, scan->rows[row].module, style);
        }
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
    if (!isnan(percent))
        buffer_format(out, "# top %.15g percent of each selection\n", percent);
    buffer_format(out, "# %zu of %zu scanned modules train", counts.modules, counts.modules_total);
    if (counts.known)
        buffer_format(out, ", %" PRId64 " of %" PRId64 " parameters", counts.parameters,
                      counts.parameters_total);
    buffer_byte(out, '\n');
}

static void put_yaml(struct buffer *out, const struct plan *plan, const struct name_style *style,
                     const struct name_style *switches, const char *source)
{
    put_comment(out, plan, source);
    buffer_text(out, "unfrozen_parameters:\n");
    if (plan_head(plan))
        put_name(out, "lm_head.weight", switches);
    if (plan_embeddings(plan))
        put_name(out, "model.embed_tokens.weight", switches);
    put_rows(out, plan, style, true);
}

static void put_json(struct buffer *out, const struct plan *plan, const char *source)
{
    const struct scan *scan = plan_scan(plan);
    const struct model *model = plan_model(plan);
    const char *between = "\n";
    buffer_text(out, "{\"format\": \"spectrum.plan\", \"version\": 1, \"model\": ");
    json_put_string(out, source);
    buffer_text(out, ", \"train\": [");
    for (size_t i = 0; model && i < model->module_count; i++) {
        if (!plan_trains(plan, model->modules[i].name))
            continue;
        buffer_text(out, between);
        json_put_string(out, model->modules[i].name);
        between = ",\n";
    }
    for (size_t i = 0; !model && i < scan->count; i++) {
        if (!plan_row(plan, i))
            continue;
        buffer_text(out, between);
        struct buffer name = BUFFER_INIT;
        buffer_format(&name, "%s.weight", scan->rows[i].module);
        json_put_string(out, buffer_string(&name));
        buffer_free(&name);
        between = ",\n";
    }
    static const struct {
        bool (*trains)(const struct plan *plan);
        const char *name;
    } switches[] = {{plan_head, "\"lm_head.weight\""},
                    {plan_embeddings, "\"model.embed_tokens.weight\""}};
    for (int i = 0; !model && i < 2; i++) {
        if (!switches[i].trains(plan))
            continue;
        buffer_format(out, "%s%s", between, switches[i].name);
        between = ",\n";
    }
    buffer_text(out, "\n]}\n");
}

static void put_peft(struct buffer *out, const struct plan *plan)
{
    static const struct name_style plain = {"- ", ".", "\n"};
    buffer_text(out, "target_modules:\n");
    if (plan_head(plan))
        put_name(out, "lm_head", &plain);
    if (plan_embeddings(plan))
        put_name(out, "model.embed_tokens", &plain);
    put_rows(out, plan, &plain, false);
}

static void put_ms_swift(struct buffer *out, const struct plan *plan)
{
    static const struct name_style bare = {" ", ".", ""}, weight = {" ", ".", ".weight"};
    buffer_text(out, "--freeze_parameters_ratio 1 --trainable_parameters");
    if (plan_head(plan))
        put_name(out, "lm_head.weight", &bare);
    if (plan_embeddings(plan))
        put_name(out, "model.embed_tokens.weight", &bare);
    put_rows(out, plan, &weight, false);
    buffer_byte(out, '\n');
}

void plan_put(struct buffer *out, const struct plan *plan, enum plan_format format,
              const char *source)
{
    static const struct name_style plain = {"- ", ".", "\n"}, anchored = {"- ^", ".", "$\n"},
                                   weight = {"- ^", ".", ".weight$\n"},
                                   escaped = {"- ^", "\\.", "$\n"},
                                   escaped_weight = {"- ^", "\\.", "\\.weight$\n"};
    switch (format) {
    case PLAN_YAML:
        put_yaml(out, plan, &plain, &anchored, source);
        break;
    case PLAN_JSON:
        put_json(out, plan, source);
        break;
    case PLAN_AXOLOTL:
        put_yaml(out, plan, &weight, &anchored, source);
        break;
    case PLAN_TRL:
        put_yaml(out, plan, &escaped_weight, &escaped, source);
        break;
    case PLAN_PEFT:
        put_peft(out, plan);
        break;
    case PLAN_MS_SWIFT:
        put_ms_swift(out, plan);
        break;
    }
}
