/* `spectrum train MODEL --data FILE...`: the selective trainer. */
#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/launch.h"
#include "job/training.h"
#include "text/template.h"
#include "tui/cli/command.h"
#include "tui/cli/dry_run_view.h"
#include "tui/cli/interrupt.h"
#include "tui/cli/options.h"
#include "tui/cli/train_view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What the options say, before it is checked. */
struct request {
    struct training_request is;
    const char *method, *schedule, *optimizer, *frozen, *memory_limit, *empty_noise;
    struct option_list data, weights, factors, eval_data;
    double *data_weights;
    bool top_given, rank_given, alpha_given, lr_given, empty_noise_given, steps_given, epochs_given,
        eval_split_given, sample_tokens_given, detach, dry_run, json;
    int64_t threads, seed;
    double clip;
};

static int parse_method(struct request *r, struct error *err)
{
    r->is.method = method_by_name(r->method);
    if (r->is.method != METHOD_COUNT)
        return 0;
    return error_set_kind(err, ERROR_USAGE, "--method takes one of " METHOD_NAMES ", not \"%.40s\"",
                          r->method);
}

static int parse_frozen(struct request *r, struct error *err)
{
    static const char *const names[] = {"none", "int8", "nf4"};
    if (strcmp(r->frozen, "auto") == 0) {
        r->is.frozen = method_info(r->is.method)->quantized ? FROZEN_NF4 : FROZEN_AS_READ;
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(r->frozen, names[i]) == 0) {
            r->is.frozen = (enum frozen_type)i;
            return 0;
        }
    return error_set_kind(err, ERROR_USAGE,
                          "--frozen-dtype takes auto, none, int8 or nf4, not \"%.40s\"", r->frozen);
}

static int parse_memory_limit(struct request *r, struct error *err)
{
    if (!r->memory_limit || text_to_bytes(&r->is.memory_limit, r->memory_limit))
        return 0;
    return error_set_kind(
        err, ERROR_USAGE,
        "--memory-limit takes bytes such as 8G (of 1024^3), 8GB (of 10^9) or 500M, not \"%.40s\"",
        r->memory_limit);
}

/* An option that would do nothing is a misunderstanding, not a wish. */
static int check_method_options(const struct request *r, struct error *err)
{
    const struct training_request *is = &r->is;
    const struct method_info *method = method_info(is->method);
    int ways = (is->plan != NULL) + r->top_given + (is->select != NULL);
    if (!method->plan && (ways > 0 || is->no_embeddings || is->no_head))
        return error_set_kind(err, ERROR_USAGE,
                              "--method %s has no plan: --plan, --top, --select, --no-embeddings "
                              "and --no-head belong to the methods with spectrum",
                              method->name);
    if (is->reselect > 0 && (is->method != METHOD_SPECTRUM || is->plan || is->select))
        return error_set_kind(
            err, ERROR_USAGE,
            "--reselect belongs to --method spectrum with --top: only a choice by "
            "percentage can be made again");
    if (r->empty_noise_given && (!method->plan || is->plan || is->select))
        return error_set_kind(err, ERROR_USAGE,
                              "--empty-noise belongs to the scan that --top makes");
    if (ways > 1)
        return error_set_kind(err, ERROR_USAGE, "--plan, --top and --select exclude one another");
    if (is->plan && (is->no_embeddings || is->no_head))
        return error_set_kind(
            err, ERROR_USAGE,
            "--no-embeddings and --no-head belong to --top and --select: a plan says itself "
            "whether embeddings and head train (`spectrum plan` has both options)");
    if (is->method == METHOD_FULL && is->frozen != FROZEN_AS_READ)
        return error_set_kind(
            err, ERROR_USAGE,
            "--method full freezes nothing: --frozen-dtype belongs to the others");
    if (r->eval_split_given && is->eval_split > 0 && r->eval_data.count > 0)
        return error_set_kind(err, ERROR_USAGE,
                              "--eval-split and --eval-data exclude one another: with data of its "
                              "own nothing is held back");
    if (is->sample && r->sample_tokens_given && is->sample_tokens == 0)
        return error_set_kind(err, ERROR_USAGE, "--sample-tokens 0 makes no samples of --sample");
    if (r->dry_run && r->detach)
        return error_set_kind(err, ERROR_USAGE,
                              "--dry-run and --detach exclude one another: a dry run is no job");
    if (!method->adapters && (r->rank_given || r->alpha_given))
        return error_set_kind(err, ERROR_USAGE,
                              "--rank and --alpha belong to the methods with lora and qlora");
    return 0;
}

/* What is usual for the method, where nothing was said. */
static void fill_method_defaults(struct request *r)
{
    if (!r->lr_given)
        r->is.is.rate = method_info(r->is.method)->adapters ? 2e-4 : 2e-5;
    if (!r->alpha_given)
        r->is.alpha = 2 * (double)r->is.rank;
}

/* One for each --data, in their order. */
static int parse_weights(struct request *r, struct error *err)
{
    size_t count = r->weights.count;
    if (count == 0)
        return 0;
    if (count != r->data.count)
        return error_set_kind(err, ERROR_USAGE,
                              "%zu --data-weight for %zu --data: give one for each, in their order",
                              count, r->data.count);
    r->data_weights = array_alloc(count, sizeof *r->data_weights, err);
    if (!r->data_weights)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char *end;
        double weight = strtod(r->weights.items[i], &end);
        if (end == r->weights.items[i] || *end || !(weight >= 0.0001 && weight <= 100))
            return error_set_kind(err, ERROR_USAGE,
                                  "--data-weight takes 0.0001 to 100, not \"%.40s\"",
                                  r->weights.items[i]);
        r->data_weights[i] = weight;
    }
    r->is.data_weights = r->data_weights;
    return 0;
}

static int check(struct request *r, struct error *err)
{
    struct training_request *is = &r->is;
    if (r->data.count == 0)
        return error_set_kind(err, ERROR_USAGE, "train needs --data FILE");
    if (parse_method(r, err) != 0 || parse_frozen(r, err) != 0 ||
        check_method_options(r, err) != 0 ||
        optimizer_by_name(&is->moments, r->optimizer, err) != 0 || parse_weights(r, err) != 0 ||
        schedule_by_name(&is->is.schedule, r->schedule, err) != 0 ||
        empty_noise_by_name(&is->empty_noise, r->empty_noise, err) != 0 ||
        parse_memory_limit(r, err) != 0)
        return -1;
    if (r->steps_given && r->epochs_given)
        fprintf(stderr, "--steps goes before --epochs, as max_steps does in transformers\n");
    fill_method_defaults(r);
    is->data = r->data.items;
    is->data_count = r->data.count;
    is->factors = r->factors.items;
    is->factor_count = r->factors.count;
    is->eval_data = r->eval_data.items;
    is->eval_count = r->eval_data.count;
    is->threads = (int)r->threads;
    is->is.optimizer.clip = r->clip;
    is->is.optimizer.seed = (uint64_t)r->seed;
    return 0;
}

/* "runs/<the model's last name>-20261124-150000"; nothing is made. */
static char *default_run(const char *model, struct error *err)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;
    struct buffer path = BUFFER_INIT;
    size_t length = strlen(model);
    while (length > 1 && model[length - 1] == '/')
        length--;
    size_t begin = length;
    while (begin > 0 && model[begin - 1] != '/')
        begin--;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    buffer_format(&path, "runs/%.*s-%s", (int)(length - begin), model + begin, stamp);
    if (buffer_check(&path, err) == 0)
        return path.data;
    buffer_free(&path);
    return NULL;
}

static int check_files(const struct option_list *files, struct error *err)
{
    for (size_t i = 0; i < files->count; i++)
        if (sys.access(files->items[i], R_OK) != 0)
            return error_set_errno(err, errno, "cannot read %s", files->items[i]);
    return 0;
}

static int check_plan(const char *plan, struct error *err)
{
    uint64_t size;
    int fd = plan ? file_open_read(plan, &size, err) : -1;
    if (fd >= 0)
        sys.close(fd);
    return plan && fd < 0 ? -1 : 0;
}

/* What is refused before there is a folder; a job that is there has it on record. */
static int check_start(const struct request *r, struct error *err)
{
    if (training_check(&r->is, false, err) != 0 || check_plan(r->is.plan, err) != 0 ||
        check_files(&r->data, err) != 0)
        return -1;
    return check_files(&r->eval_data, err);
}

static int print_run(const char *run, bool json, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    if (json) {
        buffer_text(&out, "{\"format\": \"spectrum.train-started\", \"version\": 1, \"run\": ");
        json_put_string(&out, run);
        buffer_text(&out, "}\n");
    } else {
        buffer_format(&out, "%s\n", run);
    }
    int status = buffer_check(&out, err);
    fputs(buffer_string(&out), stdout);
    buffer_free(&out);
    return status;
}

/* The same command without --detach, as a job of its own. */
static int detach(const struct request *r, struct error *err)
{
    const struct training_request *is = &r->is;
    char **arguments = array_alloc((size_t)is->argc + 1, sizeof *arguments, err);
    int count = 0;
    if (!arguments)
        return -1;
    for (int i = 0; i < is->argc; i++)
        if (strcmp(is->argv[i], "--detach") != 0)
            arguments[count++] = is->argv[i];
    int status = job_launch(is->run, "/proc/self/exe", arguments, err);
    free(arguments);
    if (status == 0)
        status = job_wait_for_data(is->run, err);
    return status == 0 ? print_run(is->run, r->json, err) : -1;
}

/* The folder that --run names, or one of its own; in *made what is to be freed. */
static int make_run(struct training_request *is, char **made, struct error *err)
{
    struct error unlisted = ERROR_INIT;
    char *name = is->run ? NULL : default_run(is->model, err);
    if (is->run ? job_dir_create(is->run, err) != 0
                : !name || !(*made = job_dir_create_new(name, err))) {
        free(name);
        return -1;
    }
    free(name);
    is->run = *made ? *made : is->run;
    if (job_index_add(is->run, &unlisted) != 0)
        fprintf(stderr, "%s\n", unlisted.text);
    return 0;
}

/* Without being a job. */
static int dry_run(const struct request *r, struct error *err)
{
    struct dry_run_view view;
    struct training_view shown = dry_run_view_make(&view, &r->is, r->json);
    shown.interrupted = interrupt_watch("what is in hand is finished");
    int status = training_dry_run(&r->is, &shown, err);
    if (status == 0)
        status = dry_run_view_end(&view, err);
    dry_run_view_free(&view);
    return status;
}

static int train(struct request *r, struct error *err)
{
    const char *job = getenv("SPECTRUM_JOB"), *resume = getenv("SPECTRUM_JOB_RESUME");
    const char *step = getenv("SPECTRUM_JOB_STEP");
    bool supervised = job && job[0] && !r->dry_run;
    char *run = NULL;
    if (!supervised && check_start(r, err) != 0)
        return -1;
    r->is.from_step = supervised && step ? strtoll(step, NULL, 10) : 0;
    if (supervised)
        r->is.run = job;
    else if (r->dry_run && !r->is.run && !(r->is.run = run = default_run(r->is.model, err)))
        return -1;
    int status = r->dry_run || supervised ? 0 : make_run(&r->is, &run, err);
    if (status != 0) {
        free(run);
        return -1;
    }
    if (r->dry_run) {
        status = dry_run(r, err);
    } else if (r->detach && !supervised) {
        status = detach(r, err);
    } else {
        struct train_view view;
        struct training_view shown = train_view_make(&view, r->is.run, r->json);
        shown.interrupted =
            interrupt_watch("the step in hand is finished and a checkpoint written");
        status = training_run(&r->is, resume && resume[0], &shown, err);
        if (status == 0)
            train_view_end(&view);
        train_view_free(&view);
    }
    free(run);
    return status;
}

int command_train(int argc, char **argv, struct error *err)
{
    struct request r = {
        .is = {.top = 25,
               .rank = 16,
               .device = "auto",
               .dtype = "auto",
               .master = "fp32",
               .eval_split = 0.05,
               .sample_tokens = 48,
               .program = SPECTRUM_VERSION,
               .argc = argc,
               .argv = argv,
               .is = {.epochs = 1,
                      .seq_len = 512,
                      .batch = 1,
                      .accumulate = 8,
                      .rate = 2e-5,
                      .warmup = 0.03,
                      .keep = TRAIN_KEEP,
                      .eval_every = 50,
                      .save_every = 100,
                      .optimizer = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}}},
        .method = "spectrum",
        .schedule = "cosine",
        .optimizer = "adamw",
        .frozen = "auto",
        .empty_noise = "infinity",
        .clip = 1,
        .seed = 42,
    };
    struct training_request *is = &r.is;
    struct train_settings *s = &is->is;
    const struct option_spec specs[] = {
        {"data", OPTION_LIST, &r.data, "PATH",
         "training data: .txt, .jsonl, .json, or a folder of them; repeatable", 0, 0, NULL},
        {"data-weight", OPTION_LIST, &r.weights, "W",
         "for each --data, in order: how often an epoch has it, as in 2 or 0.25 (1)", 0, 0, NULL},
        {"run", OPTION_TEXT, &is->run, "DIR", "the job's folder (default: runs/MODEL-DATE)", 0, 0,
         NULL},
        {"method", OPTION_TEXT, &r.method, "NAME", METHOD_NAMES " (default: spectrum)", 0, 0, NULL},
        {"plan", OPTION_TEXT, &is->plan, "PLAN", "what trains (see `spectrum plan`)", 0, 0, NULL},
        {"top", OPTION_NUMBER, &is->top, "P", "or: the best P per cent by SNR (25)", 0, 100,
         &r.top_given},
        {"select", OPTION_TEXT, &is->select, "HOW",
         "or, as a control: last:N or first:N (blocks), random:P (per cent of each type)", 0, 0,
         NULL},
        {"empty-noise", OPTION_TEXT, &r.empty_noise, "RULE",
         "with --top: what an empty noise set scores: infinity (default) or one", 0, 0,
         &r.empty_noise_given},
        {"reselect", OPTION_INTEGER, &is->reselect, "N",
         "with --top: scan what trains again and choose again, every N steps (0: never)", 0, 1e9,
         NULL},
        {"no-embeddings", OPTION_FLAG, &is->no_embeddings, NULL,
         "with --top and --select: freeze them", 0, 0, NULL},
        {"no-head", OPTION_FLAG, &is->no_head, NULL, "with --top and --select: freeze it", 0, 0,
         NULL},
        {"steps", OPTION_INTEGER, &s->steps, "N", "optimiser steps (default: --epochs 1)", 1, 1e9,
         &r.steps_given},
        {"epochs", OPTION_NUMBER, &s->epochs, "N",
         "passes over the data (1); its last step is short", 0.0001, 1e6, &r.epochs_given},
        {"seq-len", OPTION_INTEGER, &s->seq_len, "N", "tokens of a packed row (512)", 2, 1 << 20,
         NULL},
        {"long", OPTION_TEXT, &is->long_documents, "HOW",
         "documents longer than a row: drop, truncate (records with a prompt), split (plain text)",
         0, 0, NULL},
        {"batch", OPTION_INTEGER, &s->batch, "N", "rows at once (1)", 1, 65536, NULL},
        {"accumulate", OPTION_INTEGER, &s->accumulate, "N", "batches of a step (8)", 1, 65536,
         NULL},
        {"lr", OPTION_NUMBER, &s->rate, "X", "peak learning rate (2e-5; with adapters 2e-4)", 0, 10,
         &r.lr_given},
        {"warmup", OPTION_NUMBER, &s->warmup, "N", "steps, or below 1 a share of them (0.03)", 0,
         1e9, NULL},
        {"schedule", OPTION_TEXT, &r.schedule, "NAME", "cosine (default), linear, constant", 0, 0,
         NULL},
        {"clip", OPTION_NUMBER, &r.clip, "X", "largest gradient norm (1); 0: any", 0, 1e9, NULL},
        {"weight-decay", OPTION_NUMBER, &s->optimizer.weight_decay, "X",
         "of matrices and embeddings (0)", 0, 10, NULL},
        {"optimizer", OPTION_TEXT, &r.optimizer, "NAME",
         OPTIMIZER_NAMES ": by the type of its moments (adamw: fp32)", 0, 0, NULL},
        {"dtype", OPTION_TEXT, &is->dtype, "NAME",
         "bf16, fp32, or auto (default): bf16 where the processor has it", 0, 0, NULL},
        {"master", OPTION_TEXT, &is->master, "NAME",
         "fp32 masters of bf16 weights (default), or none: stochastic rounding", 0, 0, NULL},
        {"frozen-dtype", OPTION_TEXT, &r.frozen, "NAME",
         "of the blocks' frozen linear layers: int8, nf4, none (as --dtype), or auto (default): "
         "nf4 "
         "with qlora, else none",
         0, 0, NULL},
        {"rank", OPTION_INTEGER, &is->rank, "N", "of adapters: lora, qlora (16)", 1, 65536,
         &r.rank_given},
        {"alpha", OPTION_NUMBER, &is->alpha, "X",
         "of adapters, which count alpha / rank times (twice the rank)", 1e-6, 1e6, &r.alpha_given},
        {"neftune", OPTION_NUMBER, &s->neftune, "X", "noise on embeddings, alpha as in NEFTune (0)",
         0, 1e3, NULL},
        {"z-loss", OPTION_NUMBER, &s->z_loss, "X",
         "times the squared log-sum-exp of the logits is added to the loss (0)", 0, 1, NULL},
        {"spike-guard", OPTION_NUMBER, &s->spike_guard, "Z",
         "leave out steps whose loss is Z deviations above the last 64 (0: none)", 0, 1e6, NULL},
        {"lr-factor", OPTION_LIST, &r.factors, "REGEX=X",
         "times the learning rate of the tensors that it finds; repeatable", 0, 0, NULL},
        {"template", OPTION_TEXT, &is->format.template_name, "NAME",
         "chat template: " TEMPLATE_VALUES " (default: the model's own)", 0, 0, NULL},
        {"add-tokens", OPTION_FLAG, &is->add_tokens, NULL,
         "marks of the template that are no tokens become some; the embeddings train", 0, 0, NULL},
        {"columns", OPTION_TEXT, &is->format.columns, "MAP",
         COLUMN_VALUES " (default: these names)", 0, 0, NULL},
        {"mark", OPTION_TEXT, &is->format.mark, "TEXT",
         "what separates documents in a .txt file (default: one document)", 0, 0, NULL},
        {"eval-data", OPTION_LIST, &r.eval_data, "PATH",
         "evaluation data: a file or a folder; repeatable", 0, 0, NULL},
        {"eval-split", OPTION_NUMBER, &is->eval_split, "X",
         "without --eval-data: this share of the documents (of a .txt: rows), of 20 or more (0.05)",
         0, 0.9, &r.eval_split_given},
        {"eval-every", OPTION_INTEGER, &s->eval_every, "N", "steps between evaluations (50)", 0,
         1e9, NULL},
        {"save-every", OPTION_INTEGER, &s->save_every, "N",
         "steps between checkpoints (100); 0: at the end only", 0, 1e9, NULL},
        {"keep", OPTION_INTEGER, &s->keep, "N", "checkpoints that stay, besides the best (2)", 1,
         1e6, NULL},
        {"sample", OPTION_TEXT, &is->sample, "TEXT",
         "what samples begin with (default: a document's beginning)", 0, 0, NULL},
        {"sample-tokens", OPTION_INTEGER, &is->sample_tokens, "N",
         "tokens of a sample at each evaluation (48); 0: none", 0, 4096, &r.sample_tokens_given},
        {"seed", OPTION_INTEGER, &r.seed, "N", "of order, split, initial weights, rounding (42)", 0,
         1e15, NULL},
        {"threads", OPTION_INTEGER, &r.threads, "N", "default: all cores", 1, 4096, NULL},
        {"device", OPTION_TEXT, &is->device, "DEVICE", "auto (default), cpu, reference", 0, 0,
         NULL},
        {"memory-limit", OPTION_TEXT, &r.memory_limit, "BYTES",
         "plan no more, as in 8G (or 8GiB; 8GB is 8e9): blocks are computed anew in the backward "
         "pass as needed",
         0, 0, NULL},
        {"init", OPTION_FLAG, &is->init, NULL,
         "begin from random weights; MODEL is a folder with config.json and a tokenizer", 0, 0,
         NULL},
        {"rope-scaling", OPTION_TEXT, &is->rope_scaling, "TYPE:X",
         "in place of the model's own: linear, yarn, dynamic or llama3, and its factor, as in "
         "yarn:4",
         0, 0, NULL},
        {"dry-run", OPTION_FLAG, &r.dry_run, NULL,
         "everything up to the first step: what would train, on what, in how much memory", 0, 0,
         NULL},
        {"detach", OPTION_FLAG, &r.detach, NULL, "run as a job; prints its folder", 0, 0, NULL},
        {"json", OPTION_FLAG, &r.json, NULL,
         "how it ended (--detach: where it runs; --dry-run: what it would do) as strict JSON on "
         "standard output",
         0, 0, NULL},
    };
    enum { COUNT = sizeof specs / sizeof *specs };
    int status =
        options_parse_one(specs, COUNT, "spectrum train MODEL --data FILE [--plan PLAN]",
                          "train takes one MODEL, and --data FILE", argc, argv, &is->model, err);
    if (status == 0)
        status = check(&r, err);
    if (status == 0)
        status = train(&r, err);
    free(r.data_weights);
    options_free(specs, COUNT);
    return status > 0 ? 0 : status;
}
