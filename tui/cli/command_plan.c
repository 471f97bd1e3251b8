/* `spectrum plan SCAN.json|MODEL`: choose what trains, and write it for a trainer.
 *
 *     scan file or model's scan -> percentage -> --train, --freeze -> embeddings, head -> a format
 *
 * in that order, so a pattern overrules the percentage, and --freeze overrules --train. A plan of a
 * model is exact: every tensor is known. One of a scan file alone knows the scanned matrices, and
 * what it cannot know is said on standard error.
 */
#include "base/decimal.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/family.h"
#include "model/score_read.h"
#include "plan/plan_write.h"
#include "spectra/scan.h"
#include "spectra/scan_result.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/scan_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *source, *output, *format_name;
    enum plan_scope scope;
    int by;       /* of plan_order_names */
    int64_t seed; /* of a random choice */
    int experts;  /* 1: together */
    enum plan_format format;
    struct option_list train, freeze;
    bool no_embeddings, no_head, file_names, json;
    enum empty_noise empty_noise;
    double top;
    struct option_given given;
};

static const struct option_table table;

/* What a plan is made over. A scan file has no model; a model's scan comes from the cache or is
 * computed. */
struct ground {
    struct model *model;
    struct scan_result *result;
    struct scan *file;
    const struct scan *scan;
};

/* A scan file has its scores; --empty-noise, which would change them, is refused there. */
static int open_ground(struct ground *ground, const struct request *request, struct error *err)
{
    const char *source = request->source;
    size_t length = strlen(source);
    if (length > 5 && strcmp(source + length - 5, ".json") == 0) {
        if (option_is_given(&request->given, option_by_name(&table, "empty-noise")))
            return error_set_kind(err, ERROR_USAGE,
                                  "--empty-noise belongs to a MODEL: a scan file has its scores; "
                                  "`spectrum scan MODEL --empty-noise %s -o SCAN.json` makes "
                                  "another",
                                  empty_noise_names[request->empty_noise]);
        if (scan_read(&ground->file, source, err) != 0)
            return -1;
        ground->scan = ground->file;
        return 0;
    }

    /* a model's own, which the cache may have whole */
    struct scan_options options = {.use_cache = true, .empty_noise = request->empty_noise};
    struct scan_view view;
    scan_view_begin(&view, "the matrices in hand are finished");
    struct scan_observer observer = scan_view_observer(&view);
    int status = -1; /* the bar is ended in any case */
    if (model_open(&ground->model, source, err) == 0) {
        fputs(model_notes(ground->model), stderr);
        status = scan_run(&ground->result, ground->model, NULL, &options, &observer, err);
    }
    scan_view_end(&view);
    if (status == 0)
        ground->scan = ground->result->scan;
    return status;
}

/* A published scan file has the SNR alone; and one whose matrices are ranked by it need nothing more. */
static int check_order(const struct scan *scan, const struct request *request, struct error *err)
{
    struct plan_order order = plan_order_numbered(request->by, (uint64_t)request->seed);
    double *values = array_alloc(scan->count, sizeof *values, err);
    size_t with = 0;
    if (!values)
        return -1;
    plan_order_values(values, scan, &order);
    for (size_t i = 0; i < scan->count; i++)
        with += !isnan(values[i]);
    free(values);
    if (with > 0 || scan->count == 0)
        return 0;
    return error_set(err,
                     order.kind == ORDER_METRIC
                         ? "--by %s: no module of %s has that number; `spectrum scan MODEL -o "
                           "SCAN.json` writes a scan that has"
                         : "--by %s: no module of %s is in a numbered block",
                     plan_order_name(&order), request->source);
}

/* How many modules a pattern matched is said, as one that matches none is most often a mistake. */
static int choose(struct plan *plan, const struct request *request, struct error *err)
{
    struct plan_order order = plan_order_numbered(request->by, (uint64_t)request->seed);
    if (check_order(plan_scan(plan), request, err) != 0 ||
        plan_select_by(plan, request->top, request->scope, &order, err) != 0)
        return -1;
    for (int train = 1; train >= 0; train--) {
        const struct option_list *patterns = train ? &request->train : &request->freeze;
        for (size_t i = 0; i < patterns->count; i++) {
            size_t matched;
            if (plan_set_matching(plan, patterns->items[i], train, &matched, err) != 0)
                return -1;
            fprintf(stderr, "%s \"%s\": %zu module%s\n", train ? "train" : "freeze",
                    patterns->items[i], matched, text_s(matched));
        }
    }
    if (request->no_embeddings && plan_set_embeddings(plan, false, err) != 0)
        return -1;
    return request->no_head ? plan_set_head(plan, false, err) : 0;
}

/* What the tool that reads the plan does with it, counted as it counts. */
static void print_counts(const struct plan *plan, enum plan_format format, bool file_names)
{
    const struct scan_model *of = &plan_scan(plan)->of;
    size_t count = plan_tensor_count(plan, format, file_names);
    const char *trains = format == PLAN_PEFT ? "puts adapters beside" : "trains";
    const char *tool = plan_format_tools[format];
    if (!of->known)
        fprintf(stderr, "%s gets %s name%s\n", tool, decimal_text((int64_t)count).text,
                text_s(count));
    else if (of->names == NAMES_STANDARD && !file_names)
        fprintf(stderr, "%s %s %s of the %s tensors of the loaded model\n", tool, trains,
                decimal_text((int64_t)count).text, decimal_text(of->tensors).text);
    else
        fprintf(stderr, "%s %s %s tensor%s, where the loaded model has the file's names\n", tool,
                trains, decimal_text((int64_t)count).text, text_s(count));
}

/* What is not known of the names that the plan has, and what its format leaves out: a line each. */
static void print_target(const struct plan *plan, enum plan_format format, bool file_names)
{
    const struct scan_model *of = &plan_scan(plan)->of;
    struct plan_loss lost = plan_lost_in_peft(plan);
    bool says = of->architecture[0];
    char line[400];
    /* what is known of the names, from little to much */
    if (!of->known)
        fprintf(stderr,
                "the scan file does not say what its model has beside the scanned weights: biases "
                "of chosen modules train, too, where there are any, and embeddings and head are "
                "called as in the reference; a plan of the model itself is exact\n");
    else if (of->names != NAMES_STANDARD)
        fprintf(
            stderr,
            "names are those of the file; transformers, with which %s loads the model, may have "
            "others%s%s%s: compare them with model.named_parameters()\n",
            plan_format_tools[format],
            says ? " (the architecture \"" : " (the file names no architecture)", of->architecture,
            says ? "\" is not known here)" : "");
    else if (plan_renamed(plan) > 0 && file_names)
        fprintf(stderr,
                "names are those of the file, which transformers 5 has not once it has loaded the "
                "model: %zu modules of the plan are called otherwise there\n",
                plan_renamed(plan));
    else if (plan_renamed(plan) > 0)
        fprintf(
            stderr,
            "names are those of the model that transformers 5 loads (seen with %s): %zu modules "
            "of the plan are called otherwise in the file, and may be in transformers 4; "
            "--file-names writes the file's\n",
            family_transformers, plan_renamed(plan));
    if (plan_say_misnamed(plan, line, sizeof line))
        fprintf(stderr, "%s\n", line);
    if (format == PLAN_PEFT && lost.biases + lost.tensors > 0)
        fprintf(stderr,
                "%zu bias%s and %zu other tensor%s of the plan left out: PEFT's target_modules are "
                "matrices, and an adapter has no bias%s\n",
                lost.biases, lost.biases == 1 ? "" : "es", lost.tensors, text_s(lost.tensors),
                lost.experts > 0 ? "; experts in one tensor would be its target_parameters, by "
                                   "their names in --format json"
                                 : "");
}

/* Of an adapter's layers the size is their own: what trains beside them is the rank's. */
static void print_summary(const struct plan *plan, enum plan_format format)
{
    struct plan_counts counts = plan_counts(plan);
    bool beside = format == PLAN_PEFT;
    if (counts.modules == 0)
        fprintf(stderr, "note: no scanned module trains; more do with a higher --top\n");
    fprintf(stderr, "trains %s%zu of %zu scanned module%s; embeddings %s, head %s\n",
            beside ? "adapters beside " : "", counts.modules, counts.modules_total,
            text_s(counts.modules_total), plan_embeddings(plan) ? "train" : "frozen",
            plan_head(plan) ? "train" : "frozen");
    if (counts.known && counts.parameters_total > 0)
        fprintf(stderr, "%s of %s parameters%s%s: %.2f %%\n", decimal_text(counts.parameters).text,
                decimal_text(counts.parameters_total).text,
                counts.whole ? "" : " of the scanned modules (without embeddings and head)",
                beside ? " are in the layers beside which adapters train" : "",
                100.0 * (double)counts.parameters / (double)counts.parameters_total);
    else
        fprintf(stderr, "parameters: n/a (the scan file has no shapes)\n");
}

/* A row's module, or its tensor's where that has several rows. */
static void put_module(struct json_writer *json, const struct scan_row *row)
{
    char name[1100];
    const char *of = row->tensor ? row->tensor : row->module;
    snprintf(name, sizeof name, "%.*s", (int)(row->tensor ? module_name_length(of) : strlen(of)),
             of);
    json_text(json, NULL, name);
}

/* The plan in numbers and names. What is not known is absent: a scan file without shapes has no
 * parameters, and one without a model names what its parameters are without. */
static int print_result(const struct plan *plan, struct error *err)
{
    const struct scan *scan = plan_scan(plan);
    struct plan_counts counts = plan_counts(plan);
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_begin(&json, "spectrum.plan-summary");
    /* how much trains, what of it is not a module, and then which modules */
    json_count(&json, "modules", counts.modules);
    json_count(&json, "modules_total", counts.modules_total);
    json_flag(&json, "embeddings", plan_embeddings(plan));
    json_flag(&json, "head", plan_head(plan));
    if (counts.known) {
        json_integer(&json, "parameters", counts.parameters);
        json_integer(&json, "parameters_total", counts.parameters_total);
        json_list(&json, "parameters_without");
        if (!counts.whole) {
            json_text(&json, NULL, "embeddings");
            json_text(&json, NULL, "head");
        }
        json_end(&json);
    }
    struct plan_order order = plan_base(plan).order;
    json_text(&json, "by", plan_order_name(&order));
    if (order.kind == ORDER_RANDOM)
        json_count(&json, "seed", order.seed);
    if (scan->empty_noise[0])
        json_text(&json, "empty_noise", scan->empty_noise);
    json_list(&json, "train"); /* modules, in the scan's order */
    for (size_t i = 0; i < scan->count; i++)
        if (plan_row(plan, i) && plan_unit(plan, i) == i)
            put_module(&json, &scan->rows[i]);
    json_end(&json);
    json_end(&json);
    return output_json(&json, err);
}

/* To the file, or to standard output; with --json that has the summary, and the plan goes to a file
 * alone. */
static int write_plan(const struct plan *plan, const struct request *request, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    bool to_stdout = !request->output || strcmp(request->output, "-") == 0;
    (request->file_names ? plan_put_file_names : plan_put)(&out, plan, request->format,
                                                           request->source);
    int status = buffer_check(&out, err);
    if (status == 0 && !to_stdout)
        status = file_save_output(request->output, out.data, out.length, err);
    else if (status == 0 && !request->json)
        fwrite(out.data, 1, out.length, stdout);
    buffer_free(&out);
    if (status == 0 && request->json)
        status = print_result(plan, err);
    return status;
}

/* Nothing is written over what the plan is made from. */
static int check_output(const struct request *request, const struct ground *ground,
                        struct error *err)
{
    if (!request->output || strcmp(request->output, "-") == 0)
        return 0;
    if (file_check_output(request->output, err) != 0)
        return -1;
    return ground->model ? checkpoint_check_output(ground->model->checkpoint, request->output, err)
                         : file_check_apart(request->output, request->source, "the scan", err);
}

/* What is said of a plan comes after it was written: nothing is said of one that could not be. */
static int make_plan(const struct request *request, struct error *err)
{
    struct ground ground = {0};
    struct plan *plan = NULL;
    int status = -1;
    if (open_ground(&ground, request, err) != 0 || check_output(request, &ground, err) != 0)
        goto out;
    if (plan_new(&plan, ground.scan, ground.model, err) != 0)
        goto out;
    if (request->file_names)
        plan_select_of_file(plan);
    if (choose(plan, request, err) != 0 ||
        plan_check_target(plan, request->format, request->file_names, err) != 0 ||
        write_plan(plan, request, err) != 0)
        goto out;
    scan_view_unscored(ground.scan, plan);
    print_summary(plan, request->format);
    print_counts(plan, request->format, request->file_names);
    print_target(plan, request->format, request->file_names);
    status = 0;
out:
    plan_free(plan);
    scan_result_free(ground.result);
    scan_free(ground.file);
    model_close(ground.model);
    return status;
}

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "o", .kind = OPTION_PATH, .at = AT(output), .argument = "PLAN",
     .help = "write the plan there, a file, pipe or device (default: standard output)"},
    {.name = "top", .kind = OPTION_PERCENT, .at = AT(top), .argument = "P", .low = 0, .high = 100,
     .preset = "25", .help = "train the best P per cent ({})"},
    {.name = "by", .kind = OPTION_CHOICE, .at = AT(by), .argument = "METRIC",
     .choices = plan_order_names, .preset = "snr",
     .help = "what the best have most of: {}; the last three are controls: a draw, and the blocks at an end"},
    {.name = "seed", .kind = OPTION_INTEGER, .at = AT(seed), .argument = "N", .low = 0, .high = 1e9,
     .preset = "42", .help = "with --by random: of the draw ({})"},
    {.name = "scope", .kind = OPTION_CHOICE, .at = AT(scope), .argument = "SCOPE",
     .choices = OPTION_NAMES("type", "global"), .preset = "type",
     .help = "rank within each type, or global (type)"},
    {.name = "experts", .kind = OPTION_CHOICE, .at = AT(experts), .argument = "HOW",
     .choices = OPTION_NAMES("each", "together"), .preset = "each",
     .help = "rank an expert among those of its number, or of all numbers together (each)"},
    {.name = "train", .kind = OPTION_TEXTS, .at = AT(train), .argument = "REGEX",
     .help = "train these modules too"},
    {.name = "freeze", .kind = OPTION_TEXTS, .at = AT(freeze), .argument = "REGEX",
     .help = "freeze these modules after all"},
    {.name = "no-embeddings", .kind = OPTION_FLAG, .at = AT(no_embeddings),
     .help = "freeze the embeddings (trained by default; tied to the head: both)"},
    {.name = "no-head", .kind = OPTION_FLAG, .at = AT(no_head),
     .help = "freeze the head (likewise)"},
    {.name = "format", .kind = OPTION_TEXT, .at = AT(format_name), .argument = "NAME",
     .choices = plan_format_names, .preset = "yaml",
     .help = "{}"},
    ROW_EMPTY_NOISE("of a MODEL's scan: ", AT(empty_noise)),
    {.name = "file-names", .kind = OPTION_FLAG, .at = AT(file_names),
     .help = "write the names of the model's file, not of the model that transformers 5 loads"},
    ROW_JSON_OF("what trains, as strict JSON on standard output", AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static int check_seed(const struct request *r, struct error *err)
{
    bool random = plan_order_numbered(r->by, 0).kind == ORDER_RANDOM;
    if (!random && option_is_given(&r->given, option_by_name(&table, "seed")))
        return error_set_kind(err, ERROR_USAGE, "--seed belongs to --by random, not to --by %s",
                              plan_order_names[r->by]);
    return 0;
}

/* In a ranking of all types there is no experts' number. */
static int check_experts(struct request *r, struct error *err)
{
    if (r->scope == PLAN_GLOBAL && option_is_given(&r->given, option_by_name(&table, "experts")))
        return error_set_kind(err, ERROR_USAGE,
                              "--experts says how a type of experts is ranked: it belongs to "
                              "--scope type, not to --scope global");
    if (r->experts)
        r->scope = PLAN_TOGETHER;
    return 0;
}

/* A format that there is not is said before the scan, which may take long. */
static int run(int argc, char **argv, struct error *err)
{
    struct request r = {.source = NULL};
    option_defaults(&table, &r);
    int status =
        options_parse_one(&command_plan, &r, &r.given, "plan takes one scan file (.json) or MODEL",
                          argc, argv, &r.source, err);
    if (status == 0)
        status = plan_format_by_name(&r.format, r.format_name, err);
    if (status == 0)
        status = check_experts(&r, err);
    if (status == 0)
        status = check_seed(&r, err);
    if (status == 0)
        status = make_plan(&r, err);
    option_free(&table, &r);
    return status > 0 ? 0 : status;
}

const struct command command_plan = {
    .name = "plan",
    .summary = "choose what trains; write it for this or another trainer",
    .usage = "spectrum plan SCAN.json|MODEL -o PLAN",
    .options = &table,
    .run = run,
    .computes = true,
};
