/* `spectrum export RUN -o DIR`: a complete Hugging Face folder, or a PEFT one; `--to gguf -o FILE`:
 * one file.
 *
 * job/export.h writes it; here it is said what was written, and what a user would not expect: that
 * another checkpoint was better, that the base in fewer bits costs something, that texts end at
 * other tokens than the base's files name.
 */
#include "base/decimal.h"
#include "base/text.h"
#include "job/export/export.h"
#include "job/export/shards.h"
#include "model/config_write.h"
#include "tui/cli/command.h"
#include "tui/cli/made_job.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"
#include "tui/cli/progress_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last checkpoint is what is exported where nothing else is asked for. */
static void tell_better(const struct export_summary *summary)
{
    const struct evaluated *best = &summary->best, *own = &summary->evaluated;
    if (best->step == 0 || best->step >= summary->step)
        return;
    fprintf(stderr,
            "--best exports step %" PRId64
            ", whose evaluation loss was %.4f; this is step %" PRId64,
            best->step, best->loss, summary->step);
    if (own->step > 0)
        fprintf(stderr, ", with %.4f\n", own->loss);
    else
        fprintf(stderr, ", which was not evaluated\n");
}

/* What a merge into weights that the run had in fewer bits costs, or why that is not known. */
static void put_cost(struct json_writer *json, const struct export_cost *cost)
{
    if (!cost->differs)
        return;
    if (!cost->measured && !cost->why_not[0])
        return; /* adapters alone cost nothing */
    if (!cost->measured) {
        json_text(json, "loss_not_measured", cost->why_not);
        return;
    }
    json_real(json, "run_loss", cost->run);
    json_real(json, "merged_loss", cost->merged);
    json_count(json, "loss_tokens", cost->tokens);
    json_text(json, "loss_data", cost->evaluation ? "evaluation" : "training");
}

/* What the watch screen shows of an export comes from this. */
static int print_json(const struct made_job *job, const char *out,
                      const struct export_summary *summary, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_begin(&json, "spectrum.export-summary");
    json_text(&json, summary->is_gguf ? "file" : "folder", out);
    json_flag(&json, "adapters", summary->adapters);
    json_integer(&json, "step", summary->step);
    json_count(&json, "trained_tensors", summary->trained);
    json_count(&json, "frozen_tensors", summary->frozen);
    json_count(&json, "bytes", summary->bytes);
    if (summary->files > 0)
        json_count(&json, "weight_files", summary->files);
    state_put_evaluated(&json, "evaluated", &summary->evaluated);
    state_put_evaluated(&json, "best", &summary->best);
    if (summary->base) {
        json_text(&json, "base", summary->base);
        json_count(&json, "base_bytes", summary->base_bytes);
    }
    if (summary->adapters)
        config_put_ends(&json, "eos_token_id", summary->ends.ids, summary->ends.count);
    put_cost(&json, &summary->cost);
    json_end(&json);
    return made_job_put(job, &json, err);
}

/* A folder of adapters, beside its base. bitsandbytes has the run's 4 bits, and nobody else its 8:
 * so of the first it can be said how a base is loaded with which they have the run's loss. */
static void print_adapters(const char *out, const struct export_summary *summary)
{
    message_print("%s: the adapters after step %" PRId64 " as PEFT has them, %" PRIu64
                  " tensor%s, %s; --merge writes the whole model",
                  out, summary->step, summary->trained, text_s(summary->trained),
                  bytes_text((double)summary->bytes).text);
    if (summary->base)
        message_print(
            "%s: their base as transformers loads it (of a GGUF file dequantised), %s; "
            "adapter_config.json names it by this path, so a folder that moves needs another there",
            summary->base, bytes_text((double)summary->base_bytes).text);
    if (!summary->cost.differs)
        return;
    if (summary->cost.frozen == STORAGE_NF4)
        fprintf(stderr,
                "the run's frozen weights were in fewer bits: the adapters have its loss on a base "
                "that is loaded so, with BitsAndBytesConfig(load_in_4bit=True, "
                "bnb_4bit_quant_type=\"nf4\", bnb_4bit_use_double_quant=True)\n");
    else
        fprintf(stderr,
                "the run's frozen weights were in fewer bits: in %s as here (blocks of 64) nothing "
                "else loads a base, and on any other the adapters have another loss than the "
                "run's; --merge writes a model and measures its\n",
                storage_name(summary->cost.frozen));
}

/* A whole model, and what its own weights cost against those that the run trained beside. */
static void print_model(const char *out, const struct export_summary *summary)
{
    const struct export_cost *cost = &summary->cost;
    char files[64] = "";
    if (summary->files > 1)
        snprintf(files, sizeof files, " in %" PRIu64 " files", summary->files);
    message_print("%s: the model after step %" PRId64 "; %" PRIu64 " tensor%s trained, %" PRIu64
                  " unchanged, %s%s",
                  out, summary->step, summary->trained, text_s(summary->trained), summary->frozen,
                  bytes_text((double)summary->bytes).text, files);
    if (!cost->differs)
        return;
    fprintf(stderr,
            "the run trained beside frozen weights in fewer bits, this model has the base's "
            "own: ");
    if (cost->measured)
        fprintf(stderr,
                "loss of the run %.6f, of the model %.6f, on the first %s tokens of the "
                "%s data\n",
                cost->run, cost->merged, decimal_text((int64_t)cost->tokens).text,
                cost->evaluation ? "evaluation" : "training");
    else
        fprintf(stderr, "what that does to the loss was not measured: %s\n", cost->why_not);
}

/* What llama.cpp does otherwise than the run did, as its converter has no words for it. */
static void warn_gguf(const struct gguf_summary *gguf)
{
    if (gguf->scoreless)
        fprintf(stderr, "the base has no tokenizer.model, so the file's tokens have no scores, and "
                        "llama.cpp cuts texts otherwise than the run did; with the model's own "
                        "tokenizer.model beside its tokenizer.json they have them\n");
    if (gguf->spaced)
        fprintf(stderr, "the run has a space in front of a whole text alone, llama.cpp after each "
                        "special token, too: a GGUF file has no word for the difference\n");
    if (gguf->windowed)
        fprintf(stderr, "the run's attention saw a window of tokens (sliding_window); llama.cpp "
                        "does not know of it for this architecture, and sees all\n");
}

/* First what is true of the folder whoever reads this: the base is the user's own, so what its
 * files must say besides is only said here. */
static int print_summary(const struct made_job *job, const char *out,
                         const struct export_summary *summary, bool json, struct error *err)
{
    if (summary->adapters && summary->rope_scaled && !summary->base)
        fprintf(stderr,
                "they were trained with --rope-scaling (job.json), which their base's config.json "
                "must say where they are loaded; --merge writes a model that says it\n");
    if (summary->adapters && summary->base_lacks_ends) {
        struct buffer list = BUFFER_INIT;
        struct json_writer ends = {.out = &list};
        config_put_ends(&ends, NULL, summary->ends.ids, summary->ends.count);
        fprintf(stderr,
                "texts of the run end at more tokens than its base's files name: generate() ends "
                "there with eos_token_id=%s\n",
                buffer_string(&list));
        buffer_free(&list);
    }
    if (summary->is_gguf)
        warn_gguf(&summary->gguf);
    if (json)
        return print_json(job, out, summary, err);
    (summary->adapters ? print_adapters : print_model)(out, summary);
    return 0;
}

struct request {
    const char *run, *out;
    struct state_choice choice;
    struct export_options options;
    bool json;
};

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "o", .kind = OPTION_PATH, .at = AT(out), .argument = "DIR|FILE",
     .help = "the folder to write; with --to gguf the file"},
    {.name = "to", .kind = OPTION_CHOICE, .at = AT(options.form), .argument = "FORM",
     .choices = OPTION_NAMES("folder", "gguf"), .preset = "folder",
     .help = "{}: as transformers loads it, or one file for llama.cpp and Ollama"},
    {.name = "type", .kind = OPTION_CHOICE, .at = AT(options.type), .argument = "TYPE",
     .choices = OPTION_NAMES("auto", "f32", "f16", "bf16", "q8_0"), .preset = "auto",
     .help = "of a GGUF file's matrices: {}; auto is the run's own"},
    {.name = "merge", .kind = OPTION_FLAG, .at = AT(options.merge),
     .help = "of a run with adapters: the whole model, the adapters added to its weights"},
    {.name = "shard-size", .kind = OPTION_BYTES, .at = AT(options.shard_size),
     .argument = "SIZE", .preset = SHARD_SIZE,
     .help = "a whole model in files of so many bytes of tensors at most ({})"},
    ROW_STEP(AT(choice.step)),
    ROW_BEST(AT(choice.best)),
    ROW_JSON_OF("what was written, as strict JSON", AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

/* What the options mean together: ERROR_USAGE where one of them would do nothing. */
static int check_request(const struct request *r, const struct option_given *given,
                         const char *needs, struct error *err)
{
    const char *wrong = NULL;
    bool gguf = r->options.form == EXPORT_GGUF;
    if (!r->out)
        wrong = needs;
    else if (strcmp(r->out, "-") == 0)
        wrong = "-o takes a place in the file system, and a model does not fit standard output, "
                "which \"-\" is elsewhere; what is called that is ./-";
    else if (!gguf && option_is_given(given, option_by_name(&table, "type")))
        wrong = "--type is of a GGUF file; add --to gguf";
    else if (gguf && option_is_given(given, option_by_name(&table, "shard-size")))
        wrong = "--shard-size is of a folder's files, and --to gguf writes one file";
    return wrong ? error_set_kind(err, ERROR_USAGE, "%s", wrong) : 0;
}

/* A signal undoes what is half written; what was asked for is checked by export_run() before it
 * writes. */
static int run(int argc, char **argv, struct error *err)
{
    static const char needs[] = "export takes one RUN, and -o DIR or, --to gguf, -o FILE.gguf";
    struct request r = {.run = NULL};
    struct option_given given = {{0}};
    struct export_summary summary;
    struct made_job job;
    struct progress_line line;
    option_defaults(&table, &r);
    int status = options_parse_one(&command_export, &r, &given, needs, argc, argv, &r.run, err);
    if (status > 0)
        return 0;
    if (status == 0)
        status = check_request(&r, &given, needs, err);
    if (status != 0)
        return status;
    status = made_job_join(&job, command_export.name, r.run, argc, argv, err);
    progress_line_open(&line);
    if (status == 0)
        status = export_run(
            r.run, &r.choice, r.out, &r.options, interrupt_watch("what is half written goes again"),
            made_job_watch(&job) ? made_job_watch(&job) : &line.watch, &summary, err);
    progress_line_clear(&line);
    if (status == 0 && r.choice.step == 0 && !r.choice.best)
        tell_better(&summary);
    if (status == 0) {
        status = print_summary(&job, r.out, &summary, r.json, err);
        free(summary.base);
    }
    made_job_leave(&job, status, err);
    return status;
}

const struct command command_export = {
    .name = "export",
    .summary = "a run as a Hugging Face folder, or a GGUF file",
    .usage = "spectrum export RUN -o DIR [--step N | --best] [--merge] [--shard-size SIZE] | "
             "--to gguf -o FILE.gguf [--type TYPE]",
    .options = &table,
    .run = run,
};
