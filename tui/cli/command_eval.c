/* `spectrum eval MODEL|RUN --data FILE`: loss, perplexity, tokens; or --tasks, which task_view.c
 * does.
 *
 *     loss = -(sum over supervised tokens of w_t log p(x_t | x_<t)) / (sum of w_t)
 *     perplexity = exp(loss)
 *
 * as a run's own evaluations compute it (train/evaluate.h): the same rows, the same mask, the same
 * weights, so the number of a run's last checkpoint is the one in its metrics, where the data and
 * its options are those of the run. What of them is not said here is taken from the run: template,
 * columns, mark, what is done with long documents, the length of a row, the type.
 */
#include "base/decimal.h"
#include "base/memory.h"
#include "compute/devices/devices.h"
#include "job/training_options.h"
#include "text/dataset/dataset.h"
#include "text/record/form.h"
#include "text/template/template.h"
#include "train/transformer.h"
#include "tui/cli/command.h"
#include "tui/cli/made_job.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"
#include "tui/cli/progress_line.h"
#include "tui/cli/source_view.h"
#include "tui/cli/task_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct request {
    const char *source, *device;
    enum weight_type dtype;
    struct option_list data;
    struct dataset_options format;
    const char *long_documents;
    struct state_choice choice;
    int64_t seq_len, batch, threads, limit;
    const char *tasks, *folder;
    bool json;
    struct option_given given;
};

/* For data set and evaluation, which ask between two steps; the context is the flag itself. */
static bool is_interrupted(void *context)
{
    return *(const volatile sig_atomic_t *)context;
}

/* Which length rows have, and who says it: two losses are of the same rows only where it is the same. */
enum length_by { BY_OPTION, BY_RUN, BY_NOBODY };

static enum length_by choose_length(struct request *request, const struct source *source)
{
    enum { OF_A_MODEL = 512 }; /* tokens, where no run says another length */
    if (request->seq_len > 0)
        return BY_OPTION;
    request->seq_len = source->seq_len > 0 ? source->seq_len : OF_A_MODEL;
    return source->seq_len > 0 ? BY_RUN : BY_NOBODY;
}

/* As lines for people; with --json also what the number depends on. */
static int print_result(const struct made_job *job, const struct request *request,
                        const struct source *source, enum length_by by,
                        const struct evaluation *evaluation, const struct piece_counts *counts,
                        struct error *err)
{
    static const char *const words[] = {[BY_OPTION] = "as --seq-len says",
                                        [BY_RUN] = "as the run has them",
                                        [BY_NOBODY] =
                                            "as no run says a length; --seq-len sets another"};
    static const char *const names[] = {
        [BY_OPTION] = "option", [BY_RUN] = "run", [BY_NOBODY] = "default"};
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    const char *dtype = source_is_bf16(source, request->dtype) ? "bf16" : "fp32";
    if (!request->json) {
        printf("loss        %.6f\nperplexity  %.4f\ntokens      %s\n", evaluation->loss,
               exp(evaluation->loss), decimal_text((int64_t)evaluation->tokens).text);
        printf("rows        of %s tokens, %s\ndtype       %s\n",
               decimal_text(request->seq_len).text, words[by], dtype);
        return 0;
    }
    json_begin(&json, "spectrum.evaluation");
    json_text(&json, "model", request->source);
    if (source->step >= 0)
        json_integer(&json, "step", source->step);
    json_real(&json, "loss", evaluation->loss);
    json_real(&json, "perplexity", exp(evaluation->loss));
    json_count(&json, "tokens", evaluation->tokens);
    json_integer(&json, "seq_len", request->seq_len);
    json_text(&json, "seq_len_by", names[by]);
    json_count(&json, "cut_documents", counts->split);
    json_count(&json, "truncated", counts->truncated);
    json_count(&json, "dropped", counts->dropped);
    json_text(&json, "dtype", dtype);
    json_end(&json);
    return made_job_put(job, &json, err);
}

/* What is not said is taken from the run (or, of a model, is what the file's head says): then the
 * data need not have everything that the run's had. */
static struct dataset_options fix_format(const struct request *request, const struct source *source)
{
    struct dataset_options format = request->format;
    format.template_may_rest = !format.template_name; /* the run's own may have nothing to write */
    if (!format.template_name) {
        format.template_name = source->template_name;
        format.date = source->date;
    }
    format.names_may_rest = (!format.columns && source->columns) || (!format.mark && source->mark);
    if (!format.columns)
        format.columns = source->columns;
    if (!format.mark)
        format.mark = source->mark;
    return format;
}

/* In the order in which something can be wrong, the quick things first: a device that cannot train,
 * the model and its tokenizer, the data, memory for a batch; then the weights are loaded, which is
 * what takes long, and it computes. */
static int evaluate_source(struct request *request, const struct made_job *job, struct error *err)
{
    struct source source = {0};
    struct backend *backend = NULL;
    struct tokenizer *tokenizer = NULL;
    struct dataset data = {0};
    struct piece_list pieces = {0};
    struct packing *packing = NULL;
    struct batch batch = {0};
    struct transformer *transformer = NULL;
    struct evaluation evaluation = {0};
    struct progress_line line;
    const volatile sig_atomic_t *interrupted = interrupt_watch("the batch in hand is finished");
    const struct work_watch *work = made_job_watch(job) ? made_job_watch(job) : &line.watch;
    const struct dataset_watch watch = {.context = (void *)(uintptr_t)interrupted,
                                        .say = message_say,
                                        .stop = is_interrupted,
                                        .work = work};
    const struct evaluation_watch patience = {
        .should_stop = is_interrupted, .context = (void *)(uintptr_t)interrupted, .work = work};
    int status = -1;
    progress_line_open(&line);
    if (backend_check_training(request->device, err) != 0 ||
        source_view_open(&source, &tokenizer, request->source, &request->choice, err) != 0)
        goto out;
    source.work = work;
    enum length_by by = choose_length(request, &source);

    /* --- the data, as rows --- */
    struct dataset_options format = fix_format(request, &source);
    enum long_documents how_long = source.how_long;
    if (format.template_name && source_view_marks(tokenizer, format.template_name, "", err) != 0)
        goto out;
    if (dataset_open(&data, request->data.items, request->data.count, &format, tokenizer, &watch,
                     err) != 0 ||
        transformer_check_ids(source.model, &data, tokenizer, err) != 0)
        goto out;
    if (request->long_documents &&
        long_documents_by_name(&how_long, request->long_documents, err) != 0)
        goto out;
    if (pieces_list(&pieces, &data, request->seq_len, how_long, err) != 0 ||
        packing_new(&packing, &pieces, 0, false, 0, err) != 0 ||
        batch_alloc(&batch, request->batch, request->seq_len, err) != 0)
        goto out;

    /* --- the model, and the loss --- */
    if (backend_open(&backend, request->device, (int)request->threads, err) != 0 ||
        source_transformer(&transformer, &source, backend, request->batch * request->seq_len,
                           request->seq_len, request->dtype, false, err) != 0 ||
        evaluate(&evaluation, transformer, packing, &batch, request->batch, &patience, err) != 0)
        goto out;
    progress_line_clear(&line);
    if (!isfinite(evaluation.loss)) {
        error_set_kind(err, ERROR_NOT_FINITE,
                       "%s: the loss is not finite: its weights are, but what is computed with "
                       "them overflows",
                       request->source);
        goto out;
    }
    source_view_counts("data", &pieces.counts, data.left_out, data.undesired);
    source_view_positions(&source, pieces.counts.longest);
    status = print_result(job, request, &source, by, &evaluation, &pieces.counts, err);
out:
    progress_line_clear(&line);
    transformer_free(transformer);
    backend_close(backend);
    batch_free(&batch);
    packing_free(packing);
    pieces_free(&pieces);
    dataset_free(&data);
    tokenizer_close(tokenizer);
    source_close(&source);
    return status;
}

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "data", .kind = OPTION_PATHS, .at = AT(data), .argument = "PATH",
     .help = "data: .txt, .jsonl, .json, or a folder of them; repeatable"},
    {.name = "seq-len", .kind = OPTION_INTEGER, .at = AT(seq_len), .argument = "N", .low = 2,
     .high = 1 << 20,
     .help = "tokens of a packed row (a run's own; of a model 512): only longer documents are cut"},
    {.name = "long", .kind = OPTION_TEXT, .at = AT(long_documents), .argument = "HOW",
     .choices = long_documents_names,
     .help = "documents longer than a row: drop, truncate (records with a prompt), split (plain "
             "text)"},
    {.name = "batch", .kind = OPTION_INTEGER, .at = AT(batch), .argument = "N", .low = 1,
     .high = 65536, .preset = "1", .help = "rows at once ({})"},
    ROW_TEMPLATE("chat template", AT(format.template_name)),
    {.name = "columns", .kind = OPTION_TEXT, .at = AT(format.columns), .argument = "MAP",
     .help = COLUMN_VALUES " (default: the run's; \"\": these names)"},
    {.name = "mark", .kind = OPTION_TEXT, .at = AT(format.mark), .argument = "TEXT",
     .help = "what separates documents in a .txt file (default: the run's; \"\": nothing)"},
    {.name = "tasks", .kind = OPTION_TEXT, .at = AT(tasks), .argument = "NAMES",
     .help = "in place of --data, with --data-dir: " TASK_NAMES ", separated by commas"},
    {.name = "data-dir", .kind = OPTION_PATH, .at = AT(folder), .argument = "DIR",
     .help = "with --tasks: where their files lie; nothing is downloaded"},
    {.name = "limit", .kind = OPTION_INTEGER, .at = AT(limit), .argument = "N", .low = 1,
     .high = 1e9, .help = "with --tasks: the first N items of each file (all)"},
    ROW_STEP(AT(choice.step)),
    ROW_BEST(AT(choice.best)),
    ROW_DTYPE("bf16, fp32, or auto (default): the run's own, of a model fp32 where its config.json "
              "says float32, else bf16 where the processor has it",
              AT(dtype)),
    ROW_TRAINING_DEVICE(AT(device)),
    ROW_THREADS(AT(threads)),
    ROW_JSON(AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static const char needs[] = "eval takes one MODEL or RUN, and --data FILE, or --tasks NAMES";

/* What is for the one is nothing for the other. */
static int check(const struct request *r, struct error *err)
{
    static const char *const of_data[] = {"data",     "seq-len", "long", "batch",
                                          "template", "columns", "mark"};
    static const char *const of_tasks[] = {"data-dir", "limit"};
    const char *const *names = r->tasks ? of_data : of_tasks;
    size_t count = r->tasks ? sizeof of_data / sizeof *of_data : sizeof of_tasks / sizeof *of_tasks;
    for (size_t i = 0; i < count; i++)
        if (option_is_given(&r->given, option_by_name(&table, names[i])))
            return error_set_kind(err, ERROR_USAGE, "--%s is %s", names[i],
                                  r->tasks ? "for --data, not for --tasks" : "for --tasks");
    if (r->tasks && !r->folder)
        return error_set_kind(err, ERROR_USAGE, "--tasks wants --data-dir DIR, with their files");
    return r->tasks || r->data.count > 0 ? 0 : error_set_kind(err, ERROR_USAGE, "%s", needs);
}

static int evaluate_tasks(const struct request *r, const struct made_job *job, struct error *err)
{
    const struct task_view_request request = {.source = r->source,
                                              .names = r->tasks,
                                              .folder = r->folder,
                                              .limit = r->limit,
                                              .device = r->device,
                                              .threads = r->threads,
                                              .dtype = r->dtype,
                                              .choice = r->choice,
                                              .json = r->json};
    return task_view(&request, job, err);
}

/* As a job of its own where $SPECTRUM_JOB names its folder, else on the terminal. */
static int run(int argc, char **argv, struct error *err)
{
    struct request r = {.source = NULL};
    struct made_job job;
    option_defaults(&table, &r);
    int status = options_parse_one(&command_eval, &r, &r.given, needs, argc, argv, &r.source, err);
    if (status == 0)
        status = check(&r, err);
    if (status == 0) {
        status = made_job_join(&job, command_eval.name, r.source, argc, argv, err);
        if (status == 0)
            status = r.tasks ? evaluate_tasks(&r, &job, err) : evaluate_source(&r, &job, err);
        made_job_leave(&job, status, err);
    }
    option_free(&table, &r);
    return status > 0 ? 0 : status;
}

const struct command command_eval = {
    .name = "eval",
    .summary = "loss and perplexity of a model or run on data, or its accuracy on tasks",
    .usage = "spectrum eval MODEL|RUN --data FILE | --tasks NAMES --data-dir DIR [--json]",
    .options = &table,
    .run = run,
    .computes = true,
};
