#include "job/training_options.h"

#include "base/file.h"
#include "base/sys.h"
#include "compute/devices/devices.h"
#include "job/job_after.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/method.h"
#include "job/source.h"
#include "model/model.h"
#include "plan/control.h"
#include "text/data/data_files.h"
#include "text/dataset/dataset.h"
#include "text/packing/pieces.h"
#include "text/record/form.h"
#include "text/template/template.h"
#include "tracker/writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- when an option counts ---
 *
 * A row's .applies: whether the form shows the field beside the others as they are. What is typed
 * on the command line all the same is refused by training_check_together(), which knows what was
 * given.
 */

static bool is_launched(const void *request)
{
    return ((const struct training_request *)request)->engine != ENGINE_HERE;
}

static bool is_launched_with_python(const void *request)
{
    return is_launched(request) && ((const struct training_request *)request)->python;
}

static bool is_submitted(const void *request)
{
    return is_launched(request) && ((const struct training_request *)request)->slurm;
}

static const struct method_info *method_of(const void *request)
{
    return method_info(((const struct training_request *)request)->method);
}

static bool has_adapters(const void *request)
{
    return method_of(request)->adapters;
}

/* Of a template that was chosen; adapters train no embeddings. */
static bool may_add_tokens(const void *request)
{
    const struct training_request *r = request;
    return !has_adapters(r) && r->format.template_name;
}

static bool freezes(const void *request)
{
    return ((const struct training_request *)request)->method != METHOD_FULL;
}

/* A constant learning rate falls to nothing. */
static bool falls(const void *request)
{
    return ((const struct training_request *)request)->schedule != SCHEDULE_CONSTANT;
}

/* Which constants an optimiser has, its rules say. */
static struct optimizer_constants usual_of(const void *request)
{
    return optimizer_usual(((const struct training_request *)request)->optimizer);
}

static bool has_beta1(const void *request)
{
    return usual_of(request).beta1 != 0;
}

static bool has_beta2(const void *request)
{
    return usual_of(request).beta2 != 0;
}

static bool has_epsilon(const void *request)
{
    return usual_of(request).epsilon != 0;
}

/* fp32 weights are their own. */
static bool may_have_masters(const void *request)
{
    return ((const struct training_request *)request)->dtype != WEIGHTS_FP32;
}

static bool has_plan(const void *request)
{
    return method_of(request)->plan;
}

/* What trains is said by a plan file, else by a control, else by a percentage: of the three the
 * form shows those that the ones before it leave open. */
static bool may_select(const void *request)
{
    return method_of(request)->plan && !((const struct training_request *)request)->plan;
}

static bool may_rank(const void *request)
{
    return may_select(request) && !((const struct training_request *)request)->select;
}

/* By a percentage of the run's own, not by the plan that is there. */
static bool ranks(const void *request)
{
    return may_rank(request) &&
           option_is_given(&((const struct training_request *)request)->given, TRAINING_ROW(top));
}

static bool may_reselect(const void *request)
{
    return ranks(request) && ((const struct training_request *)request)->method == METHOD_SPECTRUM;
}

static bool may_leave_ends(const void *request)
{
    return ranks(request) ||
           (may_select(request) && ((const struct training_request *)request)->select);
}

static bool makes_samples(const void *request)
{
    return ((const struct training_request *)request)->sample_tokens > 0;
}

/* --- what job.json has of it ---
 *
 * A row's .recorded: whether the run is described by the option. An option that had no part in it
 * is left out, so that job.json says what the run did and not what the command line could have
 * said.
 */

static bool always(const void *request)
{
    (void)request;
    return true;
}

/* What trains is chosen by the run itself, and not by a plan file. */
static bool chooses(const void *request)
{
    return method_of(request)->plan && !((const struct training_request *)request)->plan;
}

static bool chooses_by_scan(const void *request)
{
    return chooses(request) && !((const struct training_request *)request)->select;
}

static bool reselects(const void *request)
{
    return chooses(request) && ((const struct training_request *)request)->reselect > 0;
}

static bool quantizes(const void *request)
{
    enum frozen_type frozen = ((const struct training_request *)request)->frozen;
    return frozen == FROZEN_INT8 || frozen == FROZEN_NF4;
}

static bool counts_epochs(const void *request)
{
    return ((const struct training_request *)request)->steps == 0;
}

static bool holds_back(const void *request)
{
    return ((const struct training_request *)request)->eval_data.count == 0;
}

/* --- what is wrong with a value by itself ---
 *
 * A row's .check, at one of the stages of enum training_stage. Bounds and names were checked when
 * the value was set (base/option.h); here it is held against files, the machine, and the request's
 * other values where it means nothing without them. Nothing is opened for longer than it takes to
 * say so.
 */

/* As far as names and first bytes say; the reader says the same later. A run that has begun finds
 * out when it reads: it may have what it needs already. */
static int check_data_paths(const struct option_list *paths, int stage, struct error *err)
{
    for (size_t i = 0; stage == TRAINING_ASKED && i < paths->count; i++) {
        if (sys.access(paths->items[i], R_OK) != 0)
            return error_set_errno(err, errno, "cannot read %s", paths->items[i]);
        if (data_files_look(paths->items[i], err) != 0)
            return -1;
    }
    return 0;
}

static int check_data(const void *request, int stage, struct error *err)
{
    return check_data_paths(&((const struct training_request *)request)->data, stage, err);
}

static int check_eval_data(const void *request, int stage, struct error *err)
{
    return check_data_paths(&((const struct training_request *)request)->eval_data, stage, err);
}

/* One for each --data, in their order. */
static int check_data_weights(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    (void)stage;
    if (r->data_weights.count == 0 || r->data_weights.count == r->data.count)
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "%zu --data-weight for %zu --data: give one for each, in their order",
                          r->data_weights.count, r->data.count);
}

static int check_columns(const void *request, int stage, struct error *err)
{
    (void)stage;
    return dataset_check_columns(((const struct training_request *)request)->format.columns, err);
}

bool training_has_template(const struct training_request *request)
{
    const char *name = request->format.template_name;
    return request->run && name && template_is_file(name) &&
           job_dir_has(request->run, JOB_TEMPLATE);
}

/* A name or a file; a resume has the run's copy of the file, whatever became of the file itself. */
static int check_template(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    const char *name = r->format.template_name;
    return !name || (stage == TRAINING_RESUMES && training_has_template(r))
               ? 0
               : template_check(name, err);
}

/* New rows are of no use before they are trained. */
static int check_add_tokens(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    const struct method_info *method = method_info(r->method);
    (void)stage;
    if (!r->add_tokens)
        return 0;
    if (method->adapters)
        return error_set_kind(err, ERROR_USAGE,
                              "--add-tokens belongs to --method full and spectrum: --method %s "
                              "would leave the embeddings of new tokens untrained",
                              method_names[r->method]);
    if (r->no_embeddings || r->no_head)
        return error_set_kind(err, ERROR_USAGE,
                              "--add-tokens trains the embeddings and the head, which have rows of "
                              "the new tokens: leave out %s",
                              r->no_embeddings ? "--no-embeddings" : "--no-head");
    return 0;
}

static int check_long(const void *request, int stage, struct error *err)
{
    enum long_documents how;
    (void)stage;
    return long_documents_by_name(&how, ((const struct training_request *)request)->long_documents,
                                  err);
}

/* The folder of a start. The run that has begun has it already, and a resume is in it. */
static int check_run(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    return stage == TRAINING_ASKED && r->run ? job_dir_check(r->run, err) : 0;
}

/* Of a model there is one state; of a run's checkpoint, too. */
static int check_start(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    if (stage != TRAINING_ASKED || !r->model)
        return 0;
    bool is_run = source_is_run(r->model), chosen = r->start.step > 0 || r->start.best;
    if (r->start.step > 0 && r->start.best)
        return error_set_kind(err, ERROR_USAGE, "--step and --best exclude one another");
    if (chosen && !(is_run && job_dir_has(r->model, "job.json")))
        return error_set_kind(err, ERROR_USAGE,
                              "%s is not a run: --step and --best choose the checkpoint of a run "
                              "to begin from",
                              r->model);
    if (is_run && r->init)
        return error_set_kind(err, ERROR_USAGE,
                              "%s is a run, and --init begins from no weights: name a model",
                              r->model);
    return 0;
}

static int check_rope_scaling(const void *request, int stage, struct error *err)
{
    const char *scaling = ((const struct training_request *)request)->rope_scaling;
    (void)stage;
    return scaling ? model_check_rope_scaling(scaling, err) : 0;
}

/* Whether it can be opened: what is in it is said when the model is there to hold it against. */
static int check_plan(const void *request, int stage, struct error *err)
{
    const char *plan = ((const struct training_request *)request)->plan;
    uint64_t size;
    int fd = stage == TRAINING_ASKED && plan ? file_open_read(plan, &size, err) : -1;
    if (fd >= 0)
        sys.close(fd);
    return stage == TRAINING_ASKED && plan && fd < 0 ? -1 : 0;
}

static int check_select(const void *request, int stage, struct error *err)
{
    const char *select = ((const struct training_request *)request)->select;
    struct control control;
    (void)stage;
    return select ? control_parse(&control, select, err) : 0;
}

static int check_rate(const void *request, int stage, struct error *err)
{
    (void)stage;
    if (((const struct training_request *)request)->rate > 0)
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "--lr 0 trains nothing: the learning rate must be above 0");
}

static int check_least_rate(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    (void)stage;
    if (r->least_rate <= r->rate)
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "--min-lr %g is above --lr %g, from which the learning rate falls to it",
                          r->least_rate, r->rate);
}

/* 0.03 is a share of the steps, 30 their number; 1.5 would be neither. */
static int check_warmup(const void *request, int stage, struct error *err)
{
    double warmup = ((const struct training_request *)request)->warmup;
    (void)stage;
    if (warmup <= 1 || warmup == floor(warmup))
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "--warmup takes whole steps, or below 1 a share of them, not %g", warmup);
}

/* Their texts; whether a name is found is known when the model is (lr_factors_make()). */
static int check_factors(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    (void)stage;
    for (size_t i = 0; i < r->factors.count; i++) {
        struct lr_factor factor;
        if (lr_factor_open(&factor, r->factors.items[i], err) != 0)
            return -1;
        regex_free(factor.regex);
    }
    return 0;
}

static int check_master(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    (void)stage;
    if (r->dtype != WEIGHTS_FP32 || r->master == MASTERS_FP32)
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "fp32 weights are their own masters: --master none belongs to bf16");
}

/* A job that has failed since is found by the run, which waits for it. */
static int check_after(const void *request, int stage, struct error *err)
{
    return stage == TRAINING_ASKED
               ? job_after_check(&((const struct training_request *)request)->after, err)
               : 0;
}

/* That there is one of that name which can train; none is opened. */
static int check_device(const void *request, int stage, struct error *err)
{
    (void)stage;
    return backend_check_training(((const struct training_request *)request)->device, err);
}

/* --- the table --- */

const char *const training_device_names[] = {"auto", "cpu", "reference", NULL};

#define AT(member) offsetof(struct training_request, member)
/* The peak learning rate, without adapters and with. */
#define RATE "2e-5"
#define RATE_OF_ADAPTERS "2e-4"
/* A tenth (optimizers.h). */
#define SMALL_RATE "2e-6"
#define SMALL_RATE_OF_ADAPTERS "2e-5"

/* The next below 1 whose distance to 1 fp32 still has. */
#define BETA_MAX 0.999999

#define GROUP_OF_COMMAND "How the command runs"

/* In the order of --help and of the form, group by group. */
static int check_log(const void *request, int stage, struct error *err)
{
    const struct training_request *r = request;
    (void)stage;
    return r->log ? tracker_targets_check(r->log, err) : 0;
}

/* clang-format off */
static const struct option rows[] = {
    {.group = "Where it runs",
     .name = "engine", .kind = OPTION_CHOICE, .at = AT(engine), .argument = "NAME",
     .choices = engine_names, .preset = "here",
     .help = "{}: here, or by another engine on several processes (see `spectrum doctor`)",
     .label = "runs on",
     .hint = "here: this program, on this machine; the others: several processes, GPUs, machines",
     .recorded = is_launched},
    {.name = "processes", .kind = OPTION_INTEGER, .at = AT(processes), .argument = "N", .low = 1,
     .high = 1024, .preset = "1", .help = "of the engine on each node, one a GPU ({})",
     .label = "processes", .hint = "of the engine on each node, one a GPU", .applies = is_launched,
     .recorded = is_launched},
    {.name = "nodes", .kind = OPTION_INTEGER, .at = AT(nodes), .argument = "N", .low = 1,
     .high = 4096, .preset = "1", .help = "machines ({})", .label = "nodes", .rare = true,
     .hint = "machines, each with so many processes", .applies = is_launched,
     .recorded = is_launched},
    {.name = "slurm", .kind = OPTION_FLAG, .at = AT(slurm),
     .help = "submit it with sbatch, in place of starting it here", .label = "Slurm",
     .hint = "yes: submitted with sbatch; no: started on this machine", .applies = is_launched,
     .recorded = is_launched},
    {.name = "sbatch", .kind = OPTION_TEXTS, .at = AT(sbatch), .argument = "OPTION",
     .help = "with --slurm: a line of the batch script, as in --time=4:00:00; repeatable",
     .label = "sbatch", .rare = true, .hint = "options of the batch script, as in --time=4:00:00",
     .applies = is_submitted, .recorded = is_submitted},
    {.name = "offload", .kind = OPTION_FLAG, .at = AT(offload),
     .help = "keep what the optimiser needs in the host's memory", .label = "offload", .rare = true,
     .hint = "yes: what the optimiser needs is in the host's memory", .applies = is_launched,
     .recorded = is_launched},
    {.name = "python", .kind = OPTION_PATH, .at = AT(python), .argument = "PYTHON",
     .help = "that has the engine (default: $VIRTUAL_ENV's, else python3)", .label = "python",
     .rare = true, .hint = "that has the engine; empty: $VIRTUAL_ENV's, else python3",
     .applies = is_launched, .recorded = is_launched_with_python},

    {.group = "Data",
     .name = "data", .kind = OPTION_PATHS, .at = AT(data), .argument = "PATH",
     .help = "training data: .txt, .jsonl, .json, or a folder of them; repeatable", .label = "data",
     .hint = ".txt, .jsonl, .json or a folder; Tab completes, Ctrl-D looks at it", .needed = true,
     .recorded = always, .check = check_data},
    {.name = "data-weight", .kind = OPTION_NUMBERS, .at = AT(data_weights), .argument = "W",
     .low = 0.0001, .high = 100,
     .help = "for each --data, in order: how often an epoch has it, as in 2 or 0.25 (1)",
     .label = "data weight", .rare = true,
     .hint = "how often an epoch has this file, as in 2 or 0.25; empty: once",
     .key = "data_weights", .check = check_data_weights},
    {.name = "columns", .kind = OPTION_TEXT, .at = AT(format.columns), .argument = "MAP",
     .help = COLUMN_VALUES " (default: these names)", .label = "columns",
     .hint = "for other names: prompt=question,completion=answer", .check = check_columns},
    {.name = "template", .kind = OPTION_PATH, .at = AT(format.template_name), .argument = "NAME",
     .choices = template_names,
     .help = "chat template: " TEMPLATE_VALUES " (default: the model's own)",
     .label = "chat template",
     .hint = "for conversations; auto: the model's own; or type a file's name",
     .check = check_template},
    {.name = "add-tokens", .kind = OPTION_FLAG, .at = AT(add_tokens),
     .help = "marks of the template that are not tokens become some; the embeddings train",
     .label = "added tokens",
     .hint = "yes: marks of the template that are not tokens become some, and train",
     .applies = may_add_tokens, .recorded = always, .check = check_add_tokens},
    {.name = "mark", .kind = OPTION_TEXT, .at = AT(format.mark), .argument = "TEXT",
     .help = "what separates documents in a .txt file (default: one document)",
     .label = "document mark", .rare = true,
     .hint = "what separates documents in a .txt file; empty: it is one document"},
    {.name = "long", .kind = OPTION_TEXT, .at = AT(long_documents), .argument = "HOW",
     .choices = long_documents_names,
     .help = "documents longer than a row: drop, truncate (records with a prompt), split (plain "
             "text)",
     .label = "long documents", .rare = true,
     .hint = "longer than a row: dropped, truncated (records with a prompt), split (plain text); "
             "auto: by their kind",
     .check = check_long},

    {.group = "The run and its model",
     .name = "run", .kind = OPTION_PATH, .at = AT(run), .argument = "DIR",
     .help = "the job's folder (default: runs/MODEL-DATE)", .label = "run folder",
     .hint = "where the job's files go: metrics, checkpoints, log", .needed = true, .key = "",
     .check = check_run},
    {.name = "step", .kind = OPTION_INTEGER, .at = AT(start.step), .argument = "N", .low = 1,
     .high = 1e15,
     .help = "where MODEL is a run: begin from its checkpoint of step N (default: the last)",
     .key = "", .check = check_start},
    {.name = "best", .kind = OPTION_FLAG, .at = AT(start.best),
     .help = "where MODEL is a run: begin from its checkpoint with the lowest evaluation loss",
     .key = ""},
    {.name = "init", .kind = OPTION_FLAG, .at = AT(init),
     .help = "begin from random weights; MODEL is a folder with config.json and a tokenizer",
     .label = "random weights", .rare = true,
     .hint = "yes: training begins from random weights, not from the model's",
     .recorded = always},
    {.name = "rope-scaling", .kind = OPTION_TEXT, .at = AT(rope_scaling), .argument = "TYPE:X",
     .help = "in place of the model's own: linear, yarn, dynamic or llama3, and its factor, as in "
             "yarn:4",
     .label = "RoPE scaling", .rare = true,
     .hint = "in place of the model's own: linear, yarn, dynamic or llama3 and its factor, as in "
             "yarn:4",
     .check = check_rope_scaling},

    {.group = "What trains",
     .name = "method", .kind = OPTION_CHOICE, .at = AT(method), .argument = "NAME",
     .choices = method_names, .preset = "spectrum", .help = "{}", .label = "method",
     .hint = "what trains"},
    {.name = "plan", .kind = OPTION_PATH, .at = AT(plan), .argument = "PLAN",
     .help = "what trains (see `spectrum plan`)", .label = "plan",
     .hint = "a plan file that says what trains; empty: the plan of the map", .applies = has_plan,
     .check = check_plan},
    {.name = "top", .kind = OPTION_PERCENT, .at = AT(top), .argument = "P", .low = 0, .high = 100,
     .preset = "25", .help = "or: the best P per cent by SNR ({})", .label = "top",
     .hint = "the best so many per cent of each type, by a scan of the run's own; empty: the plan "
             "of the map",
     .applies = may_rank, .recorded = chooses_by_scan},
    {.name = "select", .kind = OPTION_TEXT, .at = AT(select), .argument = "HOW",
     .help = "or, as a control: last:N or first:N (blocks), random:P (per cent of each type)",
     .label = "control", .rare = true,
     .hint = "what no scan chose, to compare with: last:N or first:N (blocks), random:P (per cent "
             "of each type)",
     .applies = may_select,
     .check = check_select},
    {.name = "empty-noise", .kind = OPTION_CHOICE, .at = AT(empty_noise), .argument = "RULE",
     .choices = empty_noise_names, .preset = "infinity",
     .help = "with --top: what an empty noise set scores: {}", .label = "empty noise",
     .rare = true, .hint = "what a matrix scores in which nothing counts as noise",
     .applies = ranks, .recorded = chooses_by_scan},
    {.name = "reselect", .kind = OPTION_INTEGER, .at = AT(reselect), .argument = "N", .low = 0,
     .high = 1e9, .preset = "0",
     .help = "with --top: every N steps, rescan what trains and choose by that ({}: never)",
     .label = "reselect", .rare = true,
     .hint = "steps after which what trains is scanned and chosen again; 0: never",
     .applies = may_reselect,
     .recorded = reselects},
    {.name = "no-embeddings", .kind = OPTION_FLAG, .at = AT(no_embeddings),
     .help = "with --top and --select: freeze them", .label = "embeddings frozen", .rare = true,
     .hint = "yes: the embeddings stay as they are", .applies = may_leave_ends,
     .recorded = chooses},
    {.name = "no-head", .kind = OPTION_FLAG, .at = AT(no_head),
     .help = "with --top and --select: freeze it", .label = "head frozen", .rare = true,
     .hint = "yes: the head stays as it is", .applies = may_leave_ends, .recorded = chooses},
    {.name = "rank", .kind = OPTION_INTEGER, .at = AT(rank), .argument = "N", .low = 1,
     .high = 65536, .preset = "16", .help = "of adapters: lora, qlora ({})", .label = "rank",
     .hint = "of the adapters: how much they can learn, and what they take",
     .applies = has_adapters, .recorded = has_adapters},
    {.name = "alpha", .kind = OPTION_NUMBER, .at = AT(alpha), .argument = "X", .low = 1e-6,
     .high = 1e6, .help = "of adapters, which count alpha / rank times (twice the rank)",
     .label = "alpha", .hint = "adapters count alpha / rank times; empty: twice the rank",
     .applies = has_adapters, .recorded = has_adapters},

    {.group = "How long, and in what portions",
     .name = "steps", .kind = OPTION_INTEGER, .at = AT(steps), .argument = "N", .low = 1,
     .high = 1e9, .help = "optimiser steps (default: --epochs 1)", .label = "steps",
     .hint = "optimiser steps; empty: as many as the epochs are", .key = ""},
    {.name = "epochs", .kind = OPTION_NUMBER, .at = AT(epochs), .argument = "N", .low = 0.0001,
     .high = 1e6, .preset = "1", .help = "passes over the data ({}); its last step is short",
     .label = "epochs", .hint = "passes over the data, where steps are empty",
     .recorded = counts_epochs},
    {.name = "seq-len", .kind = OPTION_INTEGER, .at = AT(seq_len), .argument = "N", .low = 2,
     .high = 1 << 20, .preset = "512", .help = "tokens of a packed row ({})",
     .label = "sequence length",
     .hint = "tokens in a row of the batch; documents are packed into rows"},
    {.name = "batch", .kind = OPTION_INTEGER, .at = AT(batch), .argument = "N", .low = 1,
     .high = 65536, .preset = "1", .help = "rows at once ({})", .label = "batch",
     .hint = "rows that are computed together; memory grows with it"},
    {.name = "accumulate", .kind = OPTION_INTEGER, .at = AT(accumulate), .argument = "N", .low = 1,
     .high = 65536, .preset = "8", .help = "batches of a step ({})", .label = "accumulate",
     .hint = "batches that make one step; memory does not grow with it"},

    {.group = "The step",
     .name = "lr", .kind = OPTION_NUMBER, .at = AT(rate), .argument = "X", .low = 0, .high = 10,
     .help = "peak learning rate (" RATE "; with adapters " RATE_OF_ADAPTERS "; of lion a tenth)",
     .label = "learning rate",
     .hint = "the highest, after the warm-up; empty: " RATE_OF_ADAPTERS " with adapters, else "
             RATE "; of lion a tenth",
     .check = check_rate},
    {.name = "warmup", .kind = OPTION_NUMBER, .at = AT(warmup), .argument = "N", .low = 0,
     .high = 1e9, .preset = "0.03", .help = "steps, or below 1 a share of them ({})",
     .label = "warm-up",
     .hint = "steps over which the learning rate rises from 0; below 1: a share of all",
     .check = check_warmup},
    {.name = "schedule", .kind = OPTION_CHOICE, .at = AT(schedule), .argument = "NAME",
     .choices = schedule_names, .preset = "cosine", .help = "{}", .label = "schedule",
     .hint = "how the learning rate falls"},
    {.name = "min-lr", .kind = OPTION_NUMBER, .at = AT(least_rate), .argument = "X", .low = 0,
     .high = 10, .preset = "0", .help = "to which cosine and linear fall ({})",
     .label = "lowest rate", .rare = true, .hint = "to which the learning rate falls; often a tenth of it",
     .applies = falls, .check = check_least_rate},
    {.name = "clip", .kind = OPTION_NUMBER, .at = AT(clip), .argument = "X", .low = 0, .high = 1e9,
     .preset = "1.0", .help = "largest gradient norm ({}); 0: any", .label = "clip",
     .hint = "gradients with a larger norm are scaled down to it; 0: never"},
    {.name = "weight-decay", .kind = OPTION_NUMBER, .at = AT(weight_decay), .argument = "X",
     .low = 0, .high = 10, .preset = "0", .help = "of matrices and embeddings ({})",
     .label = "weight decay", .hint = "decoupled from the gradient; norms and biases do not decay",
     .recorded = always},
    {.name = "lr-factor", .kind = OPTION_TEXTS, .at = AT(factors), .argument = "REGEX=X",
     .help = "times the learning rate of the tensors that it finds; repeatable",
     .label = "rate factor", .rare = true,
     .hint = "REGEX=X: the tensors that it finds learn at X times the learning rate",
     .key = "lr_factors", .check = check_factors},
    {.name = "neftune", .kind = OPTION_NUMBER, .at = AT(neftune), .argument = "X", .low = 0,
     .high = 1e3, .preset = "0", .help = "noise on embeddings, alpha as in NEFTune ({})",
     .label = "NEFTune", .rare = true,
     .hint = "alpha of the noise on embeddings, often 5; 0: none"},
    {.name = "z-loss", .kind = OPTION_NUMBER, .at = AT(z_loss), .argument = "X", .low = 0,
     .high = 1, .preset = "0",
     .help = "times the squared log-sum-exp of the logits is added to the loss ({})",
     .label = "z-loss", .rare = true,
     .hint = "times the squared log-sum-exp of the logits is added, often 1e-4; 0: none"},
    {.name = "spike-guard", .kind = OPTION_NUMBER, .at = AT(spike_guard), .argument = "Z", .low = 0,
     .high = 1e6, .preset = "0",
     .help = "leave out steps whose loss is Z deviations above the last 64 ({}: none)",
     .label = "spike guard", .rare = true,
     .hint = "leaves out steps whose loss is as many deviations above the last 64; 0: none"},
    {.name = "optimizer", .kind = OPTION_CHOICE, .at = AT(optimizer), .argument = "NAME",
     .choices = optimizer_names, .preset = "adamw",
     .help = "{}: AdamW by the type of its moments (adamw: fp32), Lion, or Muon for the blocks' "
             "matrices and AdamW for the rest",
     .label = "optimizer", .hint = "AdamW by the type of its moments (adamw: fp32), Lion, Muon"},
    {.name = "beta1", .kind = OPTION_NUMBER, .at = AT(constants.beta1), .argument = "X", .low = 0,
     .high = BETA_MAX, .help = "of AdamW and Lion: how much of its first moment stays (0.9)",
     .label = "beta1", .rare = true, .hint = "how much of the first moment a step keeps; empty: 0.9",
     .applies = has_beta1, .recorded = has_beta1},
    {.name = "beta2", .kind = OPTION_NUMBER, .at = AT(constants.beta2), .argument = "X", .low = 0,
     .high = BETA_MAX,
     .help = "of AdamW how much of its second moment stays (0.999), of Lion of its mean (0.99)",
     .label = "beta2", .rare = true,
     .hint = "how much of the second moment a step keeps; empty: 0.999, of lion 0.99",
     .applies = has_beta2, .recorded = has_beta2},
    {.name = "epsilon", .kind = OPTION_NUMBER, .at = AT(constants.epsilon), .argument = "X",
     .low = 1e-20, .high = 1, .help = "of AdamW: is added to the root of its second moment (1e-8)",
     .label = "epsilon", .rare = true, .hint = "is added to the root of the second moment; empty: 1e-8",
     .applies = has_epsilon, .recorded = has_epsilon},

    {.group = "Number formats and memory",
     .name = "dtype", .kind = OPTION_CHOICE, .at = AT(dtype), .argument = "NAME",
     .choices = weight_type_names, .preset = "auto",
     .help = "{}; auto: bf16 where the processor has it", .label = "dtype",
     .hint = "type of weights and activations; auto: bf16 where the processor has it"},
    {.name = "master", .kind = OPTION_CHOICE, .at = AT(master), .argument = "NAME",
     .choices = OPTION_NAMES("fp32", "none"), .preset = "fp32",
     .help = "fp32 masters of bf16 weights (default), or none: stochastic rounding",
     .label = "masters",
     .hint = "for bf16: fp32 masters beside the weights, or stochastic rounding",
     .applies = may_have_masters, .check = check_master},
    {.name = "frozen-dtype", .kind = OPTION_CHOICE, .at = AT(frozen), .argument = "NAME",
     .choices = OPTION_NAMES("auto", "none", "int8", "nf4"), .preset = "auto",
     .help = "of the blocks' frozen linear layers: int8, nf4, none (as --dtype), or auto "
             "(default): nf4 with qlora, else none",
     .label = "frozen dtype",
     .hint = "of linear layers that do not train; auto: nf4 with qlora, else as dtype",
     .applies = freezes, .recorded = quantizes},
    {.name = "memory-limit", .kind = OPTION_BYTES, .at = AT(memory_limit), .argument = "BYTES",
     .help = "plan no more, as in 8G (or 8GiB; 8GB is 8e9): blocks are recomputed in the "
             "backward pass as needed",
     .label = "memory limit",
     .hint = "as in 8G: as many blocks are recomputed backwards as it takes"},

    {.group = "Evaluation and checkpoints",
     .name = "eval-data", .kind = OPTION_PATHS, .at = AT(eval_data), .argument = "PATH",
     .help = "evaluation data: a file or a folder; repeatable", .label = "evaluation data",
     .hint = "empty: a part of the data is set aside", .recorded = always,
     .check = check_eval_data},
    {.name = "eval-split", .kind = OPTION_NUMBER, .at = AT(eval_split), .argument = "X", .low = 0,
     .high = 0.9, .preset = "0.05",
     .help = "without --eval-data: this share of the documents (of a .txt: rows), of 20 or more "
             "({})",
     .label = "evaluation split", .rare = true,
     .hint = "share of the documents that is set aside, where there are 20 or more; 0: none",
     .applies = holds_back, .recorded = holds_back},
    {.name = "eval-every", .kind = OPTION_INTEGER, .at = AT(eval_every), .argument = "N", .low = 0,
     .high = 1e9, .preset = "50", .help = "steps between evaluations ({})",
     .label = "evaluate every", .hint = "steps; 0: only at the end"},
    {.name = "sample", .kind = OPTION_TEXT, .at = AT(sample), .argument = "TEXT",
     .help = "what samples begin with (default: a document's beginning)", .label = "sample prompt",
     .rare = true, .hint = "what samples begin with; empty: a document's beginning",
     .applies = makes_samples},
    {.name = "sample-tokens", .kind = OPTION_INTEGER, .at = AT(sample_tokens), .argument = "N",
     .low = 0, .high = 4096, .preset = "48",
     .help = "tokens of a sample at each evaluation ({}); 0: none", .label = "sample tokens",
     .rare = true},
    {.name = "save-every", .kind = OPTION_INTEGER, .at = AT(save_every), .argument = "N", .low = 0,
     .high = 1e9, .preset = "100", .help = "steps between checkpoints ({}); 0: at the end only",
     .label = "save every", .hint = "steps between checkpoints; 0: only at the end"},
    {.name = "keep", .kind = OPTION_INTEGER, .at = AT(keep), .argument = "N", .low = 1, .high = 1e6,
     .preset = "2", .help = "checkpoints that stay, besides the best ({})",
     .label = "checkpoints kept", .rare = true},

    {.name = "log", .kind = OPTION_TEXT, .at = AT(log), .argument = "NAMES",
     .choices = tracker_target_names,
     .help = "also log for tensorboard, trackio, csv (several: tensorboard,csv)",
     .label = "log for", .rare = true,
     .hint = "tensorboard, trackio, csv; several with commas between them", .check = check_log},

    {.group = "The machine",
     .name = "seed", .kind = OPTION_INTEGER, .at = AT(seed), .argument = "N", .low = 0,
     .high = 1e15, .preset = "42", .help = "of order, split, initial weights, rounding ({})",
     .label = "seed", .hint = "order of the data; the same seed gives the same run",
     .recorded = always},
    {.name = "device", .kind = OPTION_TEXT, .at = AT(device), .argument = "DEVICE",
     .choices = training_device_names, .preset = "auto", .help = "{}",
     .label = "device", .hint = "what computes; reference is exact, plain and slow",
     .check = check_device},
    {.name = "threads", .kind = OPTION_INTEGER, .at = AT(threads), .argument = "N", .low = 1,
     .high = 4096, .help = "default: all cores", .label = "threads", .rare = true,
     .hint = "that compute; empty: all cores", .key = ""},

    {.group = GROUP_OF_COMMAND,
     .name = "config", .kind = OPTION_PATH, .at = AT(config), .argument = "FILE",
     .help = "YAML with options by their names, or another run: what is given here goes before it",
     .key = ""},
    {.name = "trust", .kind = OPTION_FLAG, .at = AT(trusted),
     .help = "take --config although another user may have written it, or it names files that you "
             "have not approved",
     .key = ""},
    {.name = "dry-run", .kind = OPTION_FLAG, .at = AT(dry_run),
     .help = "everything up to the first step: what would train, on what, in how much memory",
     .key = ""},
    {.name = "probe", .kind = OPTION_FLAG, .at = AT(probe),
     .help = "with --dry-run: also takes a few steps, and says how long the run would take",
     .key = ""},
    {.name = "after", .kind = OPTION_PATHS, .at = AT(after), .argument = "JOB",
     .help = "begin when this job has completed; repeatable", .label = "start after",
     .rare = true, .hint = "jobs that are to complete first, by name or folder; empty: at once",
     .check = check_after},
    {.name = "detach", .kind = OPTION_FLAG, .at = AT(detach),
     .help = "run as a job; prints its folder", .key = ""},
    {.name = "json", .kind = OPTION_FLAG, .at = AT(json),
     .help = "how it ended (--detach: where it runs; --dry-run: what it would do) as strict JSON "
             "on standard output",
     .key = ""},
};
/* clang-format on */

const struct option_table training_options = {rows, sizeof rows / sizeof *rows};

bool training_row_is_of_command(size_t row)
{
    while (row > 0 && !rows[row].group)
        row--;
    return rows[row].group && strcmp(rows[row].group, GROUP_OF_COMMAND) == 0;
}

/* --- the request --- */

void training_request_init(struct training_request *request)
{
    *request = (struct training_request){.from_step = 0};
    option_defaults(&training_options, request);
}

void training_request_free(struct training_request *request)
{
    option_free(&training_options, request);
}

const char *training_default_rate_text(const struct training_request *request)
{
    bool adapters = method_info(request->method)->adapters;
    if (optimizer_rows[request->optimizer].small_rate)
        return adapters ? SMALL_RATE_OF_ADAPTERS : SMALL_RATE;
    return adapters ? RATE_OF_ADAPTERS : RATE;
}

double training_default_rate(const struct training_request *request)
{
    return strtod(training_default_rate_text(request), NULL);
}

/* Where nothing was given: it follows from the method, which may have been given after it. */
void training_request_fill(struct training_request *r)
{
    if (!option_is_given(&r->given, TRAINING_ROW(rate)))
        r->rate = training_default_rate(r);
    struct optimizer_constants usual = optimizer_usual(r->optimizer);
    if (!option_is_given(&r->given, TRAINING_ROW(constants.beta1)))
        r->constants.beta1 = usual.beta1;
    if (!option_is_given(&r->given, TRAINING_ROW(constants.beta2)))
        r->constants.beta2 = usual.beta2;
    if (!option_is_given(&r->given, TRAINING_ROW(constants.epsilon)))
        r->constants.epsilon = usual.epsilon;
    if (r->alpha == 0)
        r->alpha = 2 * (double)r->rank;
    if (r->frozen == FROZEN_AUTO)
        r->frozen = method_info(r->method)->quantized ? FROZEN_NF4 : FROZEN_AS_READ;
}

/* Row by row, so the first that is wrong in the order of the table is what is said. */
int training_check(const struct training_request *request, enum training_stage stage,
                   struct error *err)
{
    for (size_t i = 0; i < training_options.count; i++)
        if (rows[i].check && rows[i].check(request, (int)stage, err) != 0)
            return -1;
    return 0;
}

static bool given(const struct training_request *r, size_t row)
{
    return option_is_given(&r->given, row);
}

/* Of what trains: a plan, a percentage, a control, or the method alone. */
static int check_choosing(const struct training_request *r, struct error *err)
{
    const struct method_info *method = method_info(r->method);
    int ways = (r->plan != NULL) + given(r, TRAINING_ROW(top)) + (r->select != NULL);
    if (!method->plan && (ways > 0 || r->no_embeddings || r->no_head))
        return error_set_kind(err, ERROR_USAGE,
                              "--method %s has no plan: --plan, --top, --select, --no-embeddings "
                              "and --no-head belong to the methods with spectrum",
                              method_names[r->method]);
    if (r->reselect > 0 && (r->method != METHOD_SPECTRUM || r->plan || r->select))
        return error_set_kind(
            err, ERROR_USAGE,
            "--reselect belongs to --method spectrum with --top: only a choice by "
            "percentage can be repeated");
    if (given(r, TRAINING_ROW(empty_noise)) && (!method->plan || r->plan || r->select))
        return error_set_kind(err, ERROR_USAGE,
                              "--empty-noise belongs to the scan that --top makes");
    if (ways > 1)
        return error_set_kind(err, ERROR_USAGE, "--plan, --top and --select exclude one another");
    if (r->plan && (r->no_embeddings || r->no_head))
        return error_set_kind(
            err, ERROR_USAGE,
            "--no-embeddings and --no-head belong to --top and --select: a plan says itself "
            "whether embeddings and head train (`spectrum plan` has both options)");
    return 0;
}

/* Of the step: what its schedule or its optimiser has not. */
static int check_step(const struct training_request *r, struct error *err)
{
    static const size_t constants[] = {AT(constants.beta1), AT(constants.beta2),
                                       AT(constants.epsilon)};
    if (given(r, TRAINING_ROW(least_rate)) && r->least_rate > 0 && !falls(r))
        return error_set_kind(err, ERROR_USAGE,
                              "--min-lr belongs to the schedules that fall: --schedule constant "
                              "stays at --lr");
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        size_t row = option_by_place(&training_options, constants[i]);
        if (given(r, row) && !rows[row].applies(r))
            return error_set_kind(err, ERROR_USAGE,
                                  "--%s belongs to AdamW: --optimizer %s has no such constant",
                                  rows[row].name, optimizer_names[r->optimizer]);
    }
    return 0;
}

/* What only this program's own trainer does, each with what a user could do about it. */
static const struct {
    size_t at;
    const char *instead;
} of_here[] = {
    {AT(add_tokens), "make the model with them first (a run of this program, then `export`)"},
    {AT(rope_scaling), "write it into the model's config.json"},
    {AT(reselect), "choose once, with --top or --plan"},
    {AT(factors), "all that trains has one learning rate there"},
    {AT(neftune), "leave it out"},
    {AT(z_loss), "leave it out"},
    {AT(spike_guard), "leave it out, and clip gradients (--clip)"},
    {AT(master), "an engine keeps fp32 masters of what trains"},
    {AT(frozen), "an engine keeps what is frozen as it is"},
    {AT(memory_limit), "more --processes, or --offload, need less of each"},
    {AT(sample), "`spectrum generate RUN` writes one of any checkpoint"},
    {AT(sample_tokens), "`spectrum generate RUN` writes one of any checkpoint"},
    {AT(threads), "each process gets an equal part of the processors; launch.sh sets "
                  "OMP_NUM_THREADS, and can be changed"},
    {AT(probe), "the time of a step is known when one was taken"},
};

bool training_row_counts(size_t row, const struct training_request *request)
{
    for (size_t i = 0; is_launched(request) && i < sizeof of_here / sizeof *of_here; i++)
        if (rows[row].at == of_here[i].at)
            return false;
    return !rows[row].applies || rows[row].applies(request);
}

/* Of an engine of others': what belongs to one, and what it has not. */
static int check_engine(const struct training_request *r, struct error *err)
{
    static const size_t own[] = {AT(processes), AT(nodes),   AT(slurm),
                                 AT(sbatch),    AT(offload), AT(python)};
    const struct engine_info *engine = engine_info(r->engine);
    for (size_t i = 0; !is_launched(r) && i < sizeof own / sizeof *own; i++)
        if (given(r, option_by_place(&training_options, own[i])))
            return error_set_kind(err, ERROR_USAGE,
                                  "--%s belongs to --engine fsdp2, deepspeed, trl and axolotl",
                                  rows[option_by_place(&training_options, own[i])].name);
    if (!is_launched(r))
        return 0;
    for (size_t i = 0; i < sizeof of_here / sizeof *of_here; i++)
        if (given(r, option_by_place(&training_options, of_here[i].at)))
            return error_set_kind(err, ERROR_USAGE, "--engine %s has no --%s: %s", engine->name,
                                  rows[option_by_place(&training_options, of_here[i].at)].name,
                                  of_here[i].instead);
    if (!ENGINE_HAS(engine, r->method))
        return error_set_kind(err, ERROR_USAGE,
                              "--engine %s does not have --method %s: --engine here does",
                              engine->name, method_names[r->method]);
    if (r->optimizer != OPTIMIZER_ADAMW)
        return error_set_kind(err, ERROR_USAGE,
                              "--engine %s steps with AdamW in fp32: --optimizer %s is of --engine "
                              "here alone",
                              engine->name, optimizer_names[r->optimizer]);
    if (r->nodes > 1 && !engine->nodes)
        return error_set_kind(err, ERROR_USAGE, "--engine %s runs on one machine: no --nodes",
                              engine->name);
    if (r->offload && !engine->offload)
        return error_set_kind(err, ERROR_USAGE,
                              "--engine %s has no --offload: fsdp2 and deepspeed have it",
                              engine->name);
    if (r->sbatch.count > 0 && !r->slurm)
        return error_set_kind(err, ERROR_USAGE, "--sbatch belongs to --slurm");
    if (strcmp(r->device, "auto") != 0 && strcmp(r->device, "cpu") != 0)
        return error_set_kind(err, ERROR_USAGE,
                              "--engine %s takes --device auto (the GPUs, where there are some) or "
                              "cpu, not %s",
                              engine->name, r->device);
    return 0;
}

/* An option that would do nothing is a misunderstanding. */
int training_check_together(const struct training_request *r, struct error *err)
{
    if (r->data.count == 0)
        return error_set_kind(err, ERROR_USAGE, "train needs --data FILE");
    if (check_engine(r, err) != 0 || check_choosing(r, err) != 0 || check_step(r, err) != 0)
        return -1;
    if (r->method == METHOD_FULL && quantizes(r))
        return error_set_kind(
            err, ERROR_USAGE,
            "--method full freezes nothing: --frozen-dtype belongs to the others");
    if (given(r, TRAINING_ROW(eval_split)) && r->eval_split > 0 && r->eval_data.count > 0)
        return error_set_kind(err, ERROR_USAGE,
                              "--eval-split and --eval-data exclude one another: with data of its "
                              "own nothing is held back");
    if (r->sample && given(r, TRAINING_ROW(sample_tokens)) && r->sample_tokens == 0)
        return error_set_kind(err, ERROR_USAGE, "--sample-tokens 0 makes no samples of --sample");
    if (r->probe && !r->dry_run)
        return error_set_kind(err, ERROR_USAGE,
                              "--probe belongs to --dry-run: a run measures itself");
    if (r->dry_run && r->detach && !r->probe)
        return error_set_kind(err, ERROR_USAGE,
                              "--dry-run and --detach exclude one another: a dry run is not a job, "
                              "unless with --probe");
    if (!has_adapters(r) && (given(r, TRAINING_ROW(rank)) || given(r, TRAINING_ROW(alpha))))
        return error_set_kind(err, ERROR_USAGE,
                              "--rank and --alpha belong to the methods with lora and qlora");
    return 0;
}
