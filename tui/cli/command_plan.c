/* `spectrum plan SCAN.json|MODEL`: choose what trains, and write it for a trainer. */
#include "base/file.h"
#include "base/text.h"
#include "model/score_read.h"
#include "plan/plan_target.h"
#include "plan/plan_write.h"
#include "spectra/scan.h"
#include "spectra/scan_result.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/scan_progress.h"
#include "tui/cli/unscored.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct request {
    const char *source, *output, *scope_name, *format_name, *empty_noise_name;
    enum plan_scope scope;
    enum plan_format format;
    struct option_list train, freeze;
    bool no_embeddings, no_head, file_names, empty_noise_given, json;
    enum empty_noise empty_noise;
    double top;
};

/* What a plan is made over. A scan file has no model; a model's scan comes from the cache or is
 * computed. */
struct ground {
    struct model *model;
    struct scan_result *result;
    struct scan *file;
    const struct scan *scan;
};

static bool is_scan_file(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".json") == 0;
}

static int open_ground(struct ground *ground, const struct request *request, struct error *err)
{
    const char *source = request->source;
    if (is_scan_file(source)) {
        if (request->empty_noise_given)
            return error_set_kind(err, ERROR_USAGE,
                                  "--empty-noise belongs to a MODEL: a scan file has its scores; "
                                  "`spectrum scan MODEL --empty-noise %s -o SCAN.json` makes "
                                  "another",
                                  request->empty_noise_name);
        if (scan_read(&ground->file, source, err) != 0)
            return -1;
        ground->scan = ground->file;
        return 0;
    }
    struct scan_options options = {.use_cache = true, .empty_noise = request->empty_noise};
    struct scan_progress progress;
    scan_progress_begin(&progress, NULL);
    struct scan_observer observer = scan_progress_observer(&progress);
    int status = -1;
    if (model_open(&ground->model, source, err) == 0) {
        fputs(model_notes(ground->model), stderr);
        status = scan_run(&ground->result, ground->model, NULL, &options, &observer, err);
    }
    scan_progress_end(&progress);
    if (status == 0)
        ground->scan = ground->result->scan;
    return status;
}

static void close_ground(struct ground *ground)
{
    scan_result_free(ground->result);
    scan_free(ground->file);
    model_close(ground->model);
}

static int set_all(struct plan *plan, const struct option_list *patterns, bool train,
                   struct error *err)
{
    for (size_t i = 0; i < patterns->count; i++) {
        size_t matched;
        if (plan_set_matching(plan, patterns->items[i], train, &matched, err) != 0)
            return -1;
        fprintf(stderr, "%s \"%s\": %zu module%s\n", train ? "train" : "freeze", patterns->items[i],
                matched, text_s(matched));
    }
    return 0;
}

/* Before the scan, which may take long. */
static int check(struct request *request, struct error *err)
{
    request->scope = strcmp(request->scope_name, "global") == 0 ? PLAN_GLOBAL : PLAN_BY_TYPE;
    if (request->scope == PLAN_BY_TYPE && strcmp(request->scope_name, "type") != 0)
        return error_set_kind(err, ERROR_USAGE, "--scope takes type or global, not \"%s\"",
                              request->scope_name);
    if (empty_noise_by_name(&request->empty_noise, request->empty_noise_name, err) != 0)
        return -1;
    return plan_format_by_name(&request->format, request->format_name, err);
}

static int choose(struct plan *plan, const struct request *request, struct error *err)
{
    if (plan_select(plan, request->top, request->scope, err) != 0 ||
        set_all(plan, &request->train, true, err) != 0 ||
        set_all(plan, &request->freeze, false, err) != 0)
        return -1;
    if (request->no_embeddings && plan_set_embeddings(plan, false, err) != 0)
        return -1;
    return request->no_head ? plan_set_head(plan, false, err) : 0;
}

/* What is not known of the names that the plan has, and what its format leaves out: a line each. */
static void print_target(const struct plan *plan, enum plan_format format)
{
    static const char *const tools[] = {
        [PLAN_YAML] = "spectrum.py", [PLAN_JSON] = "another program",
        [PLAN_AXOLOTL] = "Axolotl",  [PLAN_TRL] = "TRL",
        [PLAN_PEFT] = "PEFT",        [PLAN_MS_SWIFT] = "ms-swift",
    };
    const struct scan_model *of = &plan_scan(plan)->of;
    struct plan_loss lost = plan_lost_in_peft(plan);
    bool says = of->architecture[0];
    char line[400];
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
            tools[format], says ? " (the architecture \"" : " (the file names no architecture)",
            of->architecture, says ? "\" is not known here)" : "");
    if (plan_say_misnamed(plan, line, sizeof line))
        fprintf(stderr, "%s\n", line);
    if (format == PLAN_PEFT && lost.biases + lost.tensors > 0)
        fprintf(stderr,
                "%zu bias%s and %zu other tensor%s of the plan left out: PEFT's target_modules are "
                "matrices, and an adapter has no bias\n",
                lost.biases, lost.biases == 1 ? "" : "es", lost.tensors, text_s(lost.tensors));
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
        fprintf(stderr, "%" PRId64 " of %" PRId64 " parameters%s%s: %.2f %%\n", counts.parameters,
                counts.parameters_total,
                counts.whole ? "" : " of the scanned modules (without embeddings and head)",
                beside ? " are in the layers beside which adapters train" : "",
                100.0 * (double)counts.parameters / (double)counts.parameters_total);
    else
        fprintf(stderr, "parameters: n/a (the scan file has no shapes)\n");
}

static int print_result(const struct plan *plan, struct error *err)
{
    const struct scan *scan = plan_scan(plan);
    struct plan_counts counts = plan_counts(plan);
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_begin(&json, "spectrum.plan-summary");
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
    if (scan->empty_noise[0])
        json_text(&json, "empty_noise", scan->empty_noise);
    json_list(&json, "train");
    for (size_t i = 0; i < scan->count; i++)
        if (plan_row(plan, i))
            json_text(&json, NULL, scan->rows[i].module);
    json_end(&json);
    json_end(&json);
    return output_json(&json, err);
}

static int write_plan(const struct plan *plan, const struct request *request, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    bool to_stdout = !request->output || strcmp(request->output, "-") == 0;
    plan_put(&out, plan, request->format, request->source);
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

static int make_plan(const struct request *request, struct error *err)
{
    struct ground ground = {0};
    struct plan *plan = NULL;
    int status = open_ground(&ground, request, err);
    if (status == 0)
        status = check_output(request, &ground, err);
    if (status == 0)
        status = plan_new(&plan, ground.scan, ground.model, err);
    if (status == 0)
        status = choose(plan, request, err);
    if (status == 0)
        status = plan_check_target(plan, request->format, request->file_names, err);
    if (status == 0)
        status = write_plan(plan, request, err);
    if (status == 0) {
        unscored_print(ground.scan, plan);
        print_summary(plan, request->format);
        print_target(plan, request->format);
    }
    plan_free(plan);
    close_ground(&ground);
    return status;
}

int command_plan(int argc, char **argv, struct error *err)
{
    struct request request = {
        .scope_name = "type", .format_name = "yaml", .empty_noise_name = "infinity", .top = 25};
    const struct option_spec specs[] = {
        {"o", OPTION_TEXT, &request.output, "PLAN",
         "write the plan there, a file, pipe or device (default: standard output)", 0, 0, NULL},
        {"top", OPTION_NUMBER, &request.top, "P", "train the best P per cent (25)", 0, 100, NULL},
        {"scope", OPTION_TEXT, &request.scope_name, "SCOPE",
         "rank within each type, or global (type)", 0, 0, NULL},
        {"train", OPTION_LIST, &request.train, "REGEX", "train these modules too", 0, 0, NULL},
        {"freeze", OPTION_LIST, &request.freeze, "REGEX", "freeze these modules after all", 0, 0,
         NULL},
        {"no-embeddings", OPTION_FLAG, &request.no_embeddings, NULL,
         "freeze the embeddings (trained by default; tied to the head: both)", 0, 0, NULL},
        {"no-head", OPTION_FLAG, &request.no_head, NULL, "freeze the head (likewise)", 0, 0, NULL},
        {"format", OPTION_TEXT, &request.format_name, "NAME",
         "yaml (default), json, axolotl, trl, peft, ms-swift", 0, 0, NULL},
        {"empty-noise", OPTION_TEXT, &request.empty_noise_name, "RULE",
         "of a MODEL's scan: what an empty noise set gives: infinity (default) or one", 0, 0,
         &request.empty_noise_given},
        {"file-names", OPTION_FLAG, &request.file_names, NULL,
         "write names that the loaded model is known not to have all the same", 0, 0, NULL},
        {"json", OPTION_FLAG, &request.json, NULL, "what trains, as strict JSON on standard output",
         0, 0, NULL},
    };
    enum { COUNT = sizeof specs / sizeof *specs };
    int status = options_parse_one(specs, COUNT, "spectrum plan SCAN.json|MODEL -o PLAN",
                                   "plan takes one scan file (.json) or MODEL", argc, argv,
                                   &request.source, err);
    if (status == 0)
        status = check(&request, err);
    if (status == 0)
        status = make_plan(&request, err);
    options_free(specs, COUNT);
    return status > 0 ? 0 : status;
}
