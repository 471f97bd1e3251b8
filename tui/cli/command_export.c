/* `spectrum export RUN -o DIR`: a complete Hugging Face folder, or a PEFT one. */
#include "base/buffer.h"
#include "base/json.h"
#include "base/text.h"
#include "job/export.h"
#include "model/config_write.h"
#include "tui/cli/command.h"
#include "tui/cli/interrupt.h"
#include "tui/cli/message.h"
#include "tui/cli/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What a merge into weights that the run had in fewer bits costs, or why that is not known. */
static void print_cost(const struct export_cost *cost)
{
    if (!cost->differs)
        return;
    fprintf(stderr,
            "the run trained beside frozen weights in fewer bits, this model has the base's "
            "own: ");
    if (cost->measured)
        fprintf(stderr,
                "loss of the run %.6f, of the model %.6f, on the first %" PRIu64 " tokens of the "
                "%s data\n",
                cost->run, cost->merged, cost->tokens,
                cost->evaluation ? "evaluation" : "training");
    else
        fprintf(stderr, "what that does to the loss was not measured: %s\n", cost->why_not);
}

static void put_cost(struct buffer *text, const struct export_cost *cost)
{
    if (!cost->differs)
        return;
    if (!cost->measured && !cost->why_not[0])
        return; /* of adapters alone there is none */
    if (!cost->measured) {
        buffer_text(text, ", \"loss_not_measured\": ");
        json_put_string(text, cost->why_not);
        return;
    }
    buffer_text(text, ", \"run_loss\": ");
    json_put_number(text, cost->run);
    buffer_text(text, ", \"merged_loss\": ");
    json_put_number(text, cost->merged);
    buffer_format(text, ", \"loss_tokens\": %" PRIu64 ", \"loss_data\": \"%s\"", cost->tokens,
                  cost->evaluation ? "evaluation" : "training");
}

/* The base that adapters stand on is the user's own, and ends texts as it did. */
static void tell_ends(const struct export_summary *summary)
{
    struct buffer list = BUFFER_INIT;
    if (!summary->base_lacks_ends)
        return;
    config_put_ends(&list, summary->ends.ids, summary->ends.count);
    fprintf(stderr,
            "texts of the run end at more tokens than its base's files name: generate() ends there "
            "with eos_token_id=%s\n",
            buffer_string(&list));
    buffer_free(&list);
}

/* bitsandbytes has the run's 4 bits, and nobody else its 8. */
static void tell_frozen(enum storage frozen)
{
    if (frozen == STORAGE_NF4)
        fprintf(stderr,
                "the run's frozen weights were in fewer bits: the adapters have its loss on a base "
                "that is loaded so, with BitsAndBytesConfig(load_in_4bit=True, "
                "bnb_4bit_quant_type=\"nf4\", bnb_4bit_use_double_quant=True)\n");
    else
        fprintf(stderr,
                "the run's frozen weights were in fewer bits: in %s as here (blocks of 64) nothing "
                "else loads a base, and on any other the adapters have another loss than the "
                "run's; --merge writes a model and measures its\n",
                storage_name(frozen));
}

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

static void print_summary(const char *out, const struct export_summary *summary, bool json)
{
    struct buffer text = BUFFER_INIT;
    if (summary->adapters && summary->rope_scaled && !summary->base)
        fprintf(stderr,
                "they were trained with --rope-scaling (job.json), which their base's config.json "
                "must say where they are loaded; --merge writes a model that says it\n");
    if (summary->adapters)
        tell_ends(summary);
    if (!json && summary->adapters) {
        message_print("%s: the adapters behind step %" PRId64 " as PEFT has them, %" PRIu64
                      " tensor%s, %s; --merge writes the whole model",
                      out, summary->step, summary->trained, text_s(summary->trained),
                      bytes_text((double)summary->bytes).text);
        if (summary->base)
            message_print(
                "%s: their base as transformers loads it (of a GGUF file dequantised), %s; "
                " adapter_config.json names it "
                "by this path, so a folder that moves needs another there",
                summary->base, bytes_text((double)summary->base_bytes).text);
        if (summary->cost.differs)
            tell_frozen(summary->cost.frozen);
        return;
    }
    if (!json) {
        message_print("%s: the model behind step %" PRId64 "; %" PRIu64
                      " tensor%s trained, %" PRIu64 " unchanged, %s",
                      out, summary->step, summary->trained, text_s(summary->trained),
                      summary->frozen, bytes_text((double)summary->bytes).text);
        print_cost(&summary->cost);
        return;
    }
    buffer_text(&text, "{\"format\": \"spectrum.export-summary\", \"version\": 1, \"folder\": ");
    json_put_string(&text, out);
    buffer_format(&text,
                  ", \"adapters\": %s, \"step\": %" PRId64 ", \"trained_tensors\": %" PRIu64
                  ", \"frozen_tensors\": %" PRIu64 ", \"bytes\": %" PRIu64,
                  summary->adapters ? "true" : "false", summary->step, summary->trained,
                  summary->frozen, summary->bytes);
    state_put_evaluated(&text, "evaluated", &summary->evaluated);
    state_put_evaluated(&text, "best", &summary->best);
    if (summary->base) {
        buffer_text(&text, ", \"base\": ");
        json_put_string(&text, summary->base);
        buffer_format(&text, ", \"base_bytes\": %" PRIu64, summary->base_bytes);
    }
    if (summary->adapters) {
        buffer_text(&text, ", \"eos_token_id\": ");
        config_put_ends(&text, summary->ends.ids, summary->ends.count);
    }
    put_cost(&text, &summary->cost);
    buffer_text(&text, "}\n");
    fwrite(buffer_string(&text), 1, text.length, stdout);
    buffer_free(&text);
}

struct request {
    const char *run, *out;
    struct state_choice choice;
    bool merge, json;
};

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "o", .kind = OPTION_PATH, .at = AT(out), .argument = "DIR",
     .help = "the folder to write"},
    {.name = "merge", .kind = OPTION_FLAG, .at = AT(merge),
     .help = "of a run with adapters: the whole model, the adapters added to its weights"},
    {.name = "step", .kind = OPTION_INTEGER, .at = AT(choice.step), .argument = "N", .low = 1,
     .high = 1e15, .help = "of a run: its checkpoint of step N (default: the last)"},
    {.name = "best", .kind = OPTION_FLAG, .at = AT(choice.best),
     .help = "of a run: its checkpoint with the lowest evaluation loss"},
    {.name = "json", .kind = OPTION_FLAG, .at = AT(json),
     .help = "what was written, as strict JSON"},
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static int run(int argc, char **argv, struct error *err)
{
    static const char needs[] = "export takes one RUN, and -o DIR";
    struct request r = {.run = NULL};
    struct export_summary summary;
    option_defaults(&table, &r);
    int status = options_parse_one(&command_export, &r, NULL, needs, argc, argv, &r.run, err);
    if (status > 0)
        return 0;
    if (status == 0 && !r.out)
        status = error_set_kind(err, ERROR_USAGE, "%s", needs);
    if (status == 0)
        status = export_run(r.run, &r.choice, r.out, r.merge,
                            interrupt_watch("what is half written goes again"), &summary, err);
    if (status == 0 && r.choice.step == 0 && !r.choice.best)
        tell_better(&summary);
    if (status == 0) {
        print_summary(r.out, &summary, r.json);
        free(summary.base);
    }
    return status;
}

const struct command command_export = {
    .name = "export",
    .summary = "a run as a Hugging Face folder",
    .usage = "spectrum export RUN -o DIR [--step N | --best] [--merge] [--json]",
    .options = &table,
    .run = run,
};
