#include "plan/plan_write.h"

#include "base/option.h"
#include "base/quote.h"
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

/* The one tool that people ask for and that cannot express a plan is named with its reason. */
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

/* How a format writes one name, on a line of its own: what stands before it, for a dot, and after
 * it. `yaml`: as an item of a list. `beginnings`: its readers match names from the beginning on,
 * and a "$" after it is what makes one whole. `of_file`: names are those of the model's file,
 * whatever the loaded model calls the tensors. */
struct name_style {
    const char *before, *dot, *after;
    bool yaml, beginnings, of_file;
};

/* In an expression a backslash is two. */
static void put_name(struct buffer *out, const char *name, const char *part, const char *after,
                     const struct name_style *style)
{
    struct buffer text = BUFFER_INIT;
    const char *backslash = style->before[0] == '^' ? "\\\\" : "\\";
    buffer_text(&text, style->before);
    for (int i = 0; i < 2; i++) {
        for (const char *at = i ? part : name; *at; at++) {
            if (*at == '.')
                buffer_text(&text, style->dot);
            else if (*at == '\\')
                buffer_text(&text, backslash);
            else
                buffer_byte(&text, *at);
        }
    }
    buffer_text(&text, after);
    if (style->yaml) {
        buffer_text(out, "- ");
        quote_put_yaml(out, buffer_string(&text));
    } else
        buffer_text(out, buffer_string(&text));
    buffer_byte(out, '\n');
    out->failed |= text.failed;
    buffer_free(&text);
}

static void put_tensor(struct buffer *out, const char *name, const char *part,
                       const struct name_style *style)
{
    put_name(out, name, part, style->after, style);
}

/* "x.weight" as the module's other part, "x.bias". */
static void put_part(struct buffer *out, const char *weight, size_t length, bool bias,
                     const struct name_style *style)
{
    char name[1024];
    size_t module =
        length > 7 && strncmp(weight + length - 7, ".weight", 7) == 0 ? length - 7 : length;
    snprintf(name, sizeof name, "%.*s", (int)(bias ? module : length), weight);
    put_tensor(out, name, !bias ? "" : module < length ? ".bias" : "_bias", style);
}

/* The loaded model's tensors of which a row is a part, or which it becomes; of the rows of one
 * tensor the first has it written, for all of them train (plan_check_target()). */
static void put_loaded(struct buffer *out, const struct plan *plan, size_t row,
                       const struct name_style *style)
{
    const struct scan_row *is = &plan_scan(plan)->rows[row];
    unsigned parts = plan_parts(plan, row);
    size_t count;
    const size_t *rows = plan_loaded_rows(plan, row, &count);
    if (!rows || rows[0] != row)
        return;
    for (int bias = 0; bias < 2; bias++)
        for (const char *at = is->loaded; parts & (bias ? PLAN_BIAS : PLAN_WEIGHT);) {
            size_t length = strcspn(at, "|");
            if (!bias || is->bias > 0)
                put_part(out, at, length, bias, style);
            if (!at[length])
                break;
            at += length + 1;
        }
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
    if (is->loaded && !style->of_file) {
        put_loaded(out, plan, row, style);
        return;
    }
    if (is->file && style->of_file) {
        for (int bias = 0; bias < 2; bias++)
            if (bias ? parts & PLAN_BIAS && is->bias > 0 : parts & PLAN_WEIGHT)
                put_part(out, is->file, strlen(is->file), bias, style);
        return;
    }
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
 * tensor of several rows is written by its own name, too: no module has it; and so is what begins
 * as an anchored name does. */
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
            const struct scan_row *row = &scan->rows[rows[k]];
            const char *name = row->module;
            unsigned parts = plan_parts(plan, rows[k]);
            if (parts && !headed)
                buffer_format(out, "# %s layers\n", type);
            headed |= parts != 0;
            bool alone = !scan->of.known || !(row->begins || plan_begins_another(plan, name));
            bool plain = row->tensor ? false : tensor->of_file ? !row->file : !row->loaded;
            if (parts == PLAN_MODULE && module && alone && plain && name[0] != '^')
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
        const struct parameter *is = &model->parameters[i];
        buffer_text(out, comment);
        put_tensor(out, tensor->of_file ? is->tensor->name : is->name, "", tensor);
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
            const struct scan_end *end = &of->ends[i];
            const char *name = style->of_file && end->file ? end->file : end->tensor;
            char module[1024];
            if (end->head != head || !plan_trains(plan, end->tensor))
                continue;
            size_t length = strlen(name) - (text_ends_with(name, ".weight") ? 7 : 0);
            snprintf(module, sizeof module, "%.*s", (int)length, name);
            if (!modules || name[length])
                put_tensor(out, modules ? module : name, "", style);
        }
}

/* How many of the plan's names differ from those in the files. */
size_t plan_renamed(const struct plan *plan)
{
    const struct scan_model *of = &plan_scan(plan)->of;
    size_t count = 0;
    for (size_t i = 0; i < plan_scan(plan)->count; i++)
        count +=
            plan_row(plan, i) && (plan_scan(plan)->rows[i].file || plan_scan(plan)->rows[i].loaded);
    for (size_t i = 0; i < of->end_count; i++)
        count += of->ends[i].file && plan_trains(plan, of->ends[i].tensor);
    return count;
}

const char *const plan_names_of[] = {"the model's file", "the model that transformers 5 loads",
                                     NULL};

/* Whose names they are, where the model's file and the loaded model have others; NULL: it is all
 * the same. */
static const char *names_of(const struct plan *plan, bool file_names)
{
    if (plan_renamed(plan) == 0)
        return NULL;
    return plan_names_of[file_names ? 0 : 1];
}

/* Whether any of the rows has a score: a run's plan may name tensors of a model without a scan. */
static bool is_scored(const struct scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        if (scan->rows[i].known)
            return true;
    return false;
}

/* By what the percentage chose, where that is not the SNR; ends the line. */
static void put_order(struct buffer *out, const struct plan *plan)
{
    struct plan_order order = plan_base(plan).order;
    if (!plan_order_is_snr(&order))
        buffer_format(out, ", by %s", plan_order_name(&order));
    if (order.kind == ORDER_RANDOM)
        buffer_format(out, ", seed %" PRIu64, order.seed);
    buffer_byte(out, '\n');
}

/* Where the plan comes from, what was set otherwise by hand and how much it trains, for whoever opens
 * the file. The source is a path, which may have anything in its name. */
static void put_comment(struct buffer *out, const struct plan *plan, const char *source,
                        bool file_names)
{
    const char *names = names_of(plan, file_names);
    struct plan_counts counts = plan_counts(plan);
    struct plan_edits edits = plan_edits(plan);
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
        buffer_format(out, "# top %.15g percent of each selection%s", percent,
                      plan_base(plan).scope == PLAN_TOGETHER ? ", experts together" : "");
    if (!isnan(percent))
        put_order(out, plan);
    if (edits.trained > 0 || edits.frozen > 0) /* those that agree with the rest change nothing */
        buffer_format(out, "# by hand: %zu more train, %zu fewer\n", edits.trained, edits.frozen);
    buffer_format(out, "# %zu of %zu %s train", counts.modules, counts.modules_total,
                  is_scored(plan_scan(plan)) ? "scanned modules" : "tensors");
    if (counts.known)
        buffer_format(out, ", %" PRId64 " of %" PRId64 " parameters%s", counts.parameters,
                      counts.parameters_total,
                      counts.whole ? "" : " (without embeddings and head)");
    buffer_byte(out, '\n');
    if (names)
        buffer_format(out, "# names are those of %s\n", names);
}

static void put_yaml(struct buffer *out, const struct plan *plan, const struct name_style *module,
                     const struct name_style *tensor, const char *source)
{
    put_comment(out, plan, source, tensor->of_file);
    buffer_text(out, "unfrozen_parameters:\n");
    put_ends(out, plan, false, tensor);
    put_rows(out, plan, module, tensor, true);
    put_unlisted(out, plan, tensor, "# single tensors\n");
}

/* A line each: the tensors that train. */
static void put_lines(struct buffer *out, const struct plan *plan, bool beginnings, bool file_names)
{
    const struct name_style lines = {"", ".", "", false, beginnings, file_names};
    put_ends(out, plan, false, &lines);
    put_rows(out, plan, NULL, &lines, false);
    put_unlisted(out, plan, &lines, "");
}

static void put_names(struct json_writer *json, const struct plan *plan, bool file_names)
{
    struct buffer names = BUFFER_INIT;
    char *rest = NULL;
    json_list(json, "train");
    json_layout(json, JSON_ROWS_CLOSED);
    put_lines(&names, plan, false, file_names);
    char *name = names.data ? strtok_r(names.data, "\n", &rest) : NULL;
    for (; name; name = strtok_r(NULL, "\n", &rest))
        json_text(json, NULL, name);
    json->out->failed |= names.failed; /* a list that is cut short is not a plan */
    buffer_free(&names);
    json_end(json);
}

void plan_put_tensors(struct json_writer *json, const struct plan *plan)
{
    put_names(json, plan, false);
}

static void put_json(struct buffer *out, const struct plan *plan, const char *source,
                     bool file_names)
{
    struct json_writer json = {.out = out};
    json_begin(&json, "spectrum.plan");
    json_text(&json, "model", source);
    if (names_of(plan, file_names))
        json_text(&json, "names_of", names_of(plan, file_names));
    put_names(&json, plan, file_names);
    json_end(&json);
    json_finish(&json, NULL);
}

/* "x.weight" by its module; what is no module's weight is none that an adapter stands beside. */
static void put_adapted(struct buffer *out, const struct plan *plan, size_t row,
                        const struct name_style *style)
{
    const struct scan_row *is = &plan_scan(plan)->rows[row];
    const char *at = style->of_file ? is->file : is->loaded;
    if (!at && !is->tensor) {
        put_tensor(out, is->module, "", style);
        return;
    }
    if (!at) /* of a tensor of several rows the layer is its own */
        at = is->tensor;
    for (;;) {
        char module[1024];
        size_t length = strcspn(at, "|");
        snprintf(module, sizeof module, "%.*s", (int)length, at);
        module[module_name_length(module)] = '\0';
        put_tensor(out, module, "", style);
        if (!at[length])
            return;
        at += length + 1;
    }
}

/* Modules, type by type and by falling score, as in the other formats. */
static void put_peft(struct buffer *out, const struct plan *plan, bool file_names)
{
    const struct name_style plain = {"", ".", "", true, false, file_names};
    const size_t *rows;
    size_t count;
    const char *names = names_of(plan, file_names);
    if (names)
        buffer_format(out, "# names are those of %s\n", names);
    buffer_text(out, "target_modules:\n");
    put_ends(out, plan, true, &plain);
    for (size_t n = 0; (rows = plan_type_rows(plan, n, &count)); n++)
        for (size_t k = 0; k < count; k++)
            if (plan_takes_adapter(plan, rows[k]))
                put_adapted(out, plan, rows[k], &plain);
}

size_t plan_tensor_count(const struct plan *plan, enum plan_format format, bool file_names)
{
    struct buffer text = BUFFER_INIT;
    size_t count = 0;
    if (format == PLAN_PEFT)
        put_peft(&text, plan, file_names);
    else
        put_lines(&text, plan, false, file_names);
    for (const char *at = buffer_string(&text); (at = strchr(at, '\n')); at++)
        count += format != PLAN_PEFT || at[1] == '-';
    buffer_free(&text);
    return count;
}

/* ms-swift trains what begins with one of its names, so a tensor that is called as its module is,
 * and whose name may begin another's, goes into its pattern, which it searches for. */
static void put_ms_swift(struct buffer *out, const struct plan *plan, bool file_names)
{
    static const char special[] = ".\\^$|?*+()[]{}";
    struct buffer names = BUFFER_INIT, pattern = BUFFER_INIT;
    char *rest = NULL;
    put_lines(&names, plan, true, file_names);
    buffer_text(out, "--freeze_parameters_ratio 1 --trainable_parameters");
    char *name = names.data ? strtok_r(names.data, "\n", &rest) : NULL;
    for (; name; name = strtok_r(NULL, "\n", &rest)) {
        if (text_ends_with(name, ".weight") || text_ends_with(name, ".bias") ||
            text_ends_with(name, ".")) {
            buffer_byte(out, ' ');
            quote_put_shell_word(out, name);
            continue;
        }
        buffer_text(&pattern, pattern.length ? "|" : "^(");
        for (const char *at = name; *at; at++)
            buffer_format(&pattern, strchr(special, *at) ? "\\%c" : "%c", *at);
    }
    if (pattern.length > 0) {
        buffer_text(&pattern, ")$");
        buffer_text(out, " --trainable_parameters_regex ");
        quote_put_shell(out, buffer_string(&pattern));
    }
    buffer_byte(out, '\n');
    out->failed |= names.failed || pattern.failed;
    buffer_free(&names);
    buffer_free(&pattern);
}

/* How each reader takes a line, and a dot in it, is said in plan_write.h. */
static void put_format(struct buffer *out, const struct plan *plan, enum plan_format format,
                       const char *source, bool file_names)
{
    const struct name_style plain = {"", ".", "", true, false, file_names},
                            anchored = {"^", ".", "$", true, true, file_names},
                            escaped = {"^", "\\.", "$", true, true, file_names};
    switch (format) {
    case PLAN_YAML:
        put_yaml(out, plan, &plain, &anchored, source);
        break;
    case PLAN_JSON:
        put_json(out, plan, source, file_names);
        break;
    case PLAN_AXOLOTL:
        put_yaml(out, plan, NULL, &anchored, source);
        break;
    case PLAN_TRL:
        put_yaml(out, plan, NULL, &escaped, source);
        break;
    case PLAN_PEFT:
        put_peft(out, plan, file_names);
        break;
    case PLAN_MS_SWIFT:
        put_ms_swift(out, plan, file_names);
        break;
    }
}

void plan_put(struct buffer *out, const struct plan *plan, enum plan_format format,
              const char *source)
{
    put_format(out, plan, format, source, false);
}

void plan_put_file_names(struct buffer *out, const struct plan *plan, enum plan_format format,
                         const char *source)
{
    put_format(out, plan, format, source, true);
}
