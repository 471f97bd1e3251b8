/* The data of a run: tokenised documents, split into training and evaluation. */
#include "base/memory.h"
#include "job/training_parts.h"
#include "text/dataset/dataset.h"
#include "text/template/template.h"
#include "text/tokenizer/tokenizer.h"

#include <string.h>

enum { PROMPT_TOKENS = 8, SPLIT_AT_LEAST = 20 };

static void say(void *context, const char *line)
{
    training_say(context, "%s", line);
}

static int open_data(struct training *training, struct dataset *out,
                     const struct option_list *paths, struct error *err)
{
    const struct dataset_watch watch = {
        .context = training, .say = say, .stop = training_should_stop};
    struct dataset_options format = training->format;
    format.template_may_rest = true; /* in one of the two: check_template() asks both */
    format.names_may_rest = true;    /* likewise, check_names() */
    return dataset_open(out, paths->items, paths->count, &format, training->tokenizer, &watch, err);
}

/* Weights go to the data set, of which an epoch is made. */
static void weigh(struct training *training)
{
    const struct training_request *request = training->request;
    struct dataset *data = &training->data;
    for (size_t i = 0; i < request->data_weights.count && i < data->source_count; i++) {
        size_t begin = i > 0 ? data->sources[i - 1].end : 0;
        data->sources[i].weight = request->data_weights.items[i];
        training_say(training, "data: %s: %zu documents, each %g times an epoch",
                     request->data.items[i], data->sources[i].end - begin,
                     request->data_weights.items[i]);
    }
}

static int list_pieces(const struct training *training, struct piece_list *out,
                       const struct dataset *data, struct error *err)
{
    enum long_documents how;
    if (long_documents_by_name(&how, training->request->long_documents, err) != 0)
        return -1;
    return pieces_list(out, data, training->settings.seq_len, how, err);
}

/* A share is held back only where there is enough to take it from. */
static int split(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    bool share = request->eval_data.count == 0 && request->eval_split > 0;
    struct piece_list all;
    if (list_pieces(training, &all, &training->data, err) != 0)
        return -1;
    size_t units = pieces_units(&all);
    if (share && units >= SPLIT_AT_LEAST) {
        int status = pieces_divide(&all, request->eval_split, (uint64_t)request->seed,
                                   &training->train, &training->eval, err);
        pieces_free(&all);
        return status;
    }
    training->train = all;
    if (share)
        training_say(training,
                     "no evaluation: %zu documents are too few to hold some back (%d are needed); "
                     "--eval-data names others",
                     units, SPLIT_AT_LEAST);
    if (request->eval_data.count == 0)
        return 0;
    if (open_data(training, &training->eval_data, &request->eval_data, err) == 0 &&
        list_pieces(training, &training->eval, &training->eval_data, err) == 0)
        return 0;
    return error_prefix(err, "evaluation data");
}

/* The beginning of a document: an evaluation one where there is one. At most half a sequence, so
 * that something can follow. */
static int prompt_from_data(struct training *training, struct error *err)
{
    const struct piece_list *list = training->eval.count > 0 ? &training->eval : &training->train;
    int64_t half = training->settings.seq_len / 2, length, known;
    uint64_t begin = piece_tokens(list, &list->items[0], &length, &known);
    int64_t most = half < PROMPT_TOKENS ? half : PROMPT_TOKENS;
    struct token_list *prompt = &training->prompt;
    prompt->count = (size_t)(length < most ? length : most);
    prompt->ids = array_alloc(prompt->count, sizeof *prompt->ids, err);
    if (!prompt->ids)
        return -1;
    return dataset_read(list->data, begin, prompt->count, prompt->ids, NULL, err);
}

/* A sample is one document, so it is no longer than a sequence: positions end there. */
static int make_prompt(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    struct train_settings *s = &training->settings;
    const char *text = request->sample;
    if (request->sample_tokens <= 0)
        return 0;
    int status =
        text ? tokenizer_encode(training->tokenizer, text, strlen(text),
                                ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL, &training->prompt, err)
             : prompt_from_data(training, err);
    int64_t room = s->seq_len, count = (int64_t)training->prompt.count;
    if (status != 0 || count == 0)
        return status;
    if (transformer_check_tokens(training->model, training->prompt.ids, (size_t)count,
                                 training->tokenizer, err) != 0)
        return error_prefix(err, "--sample");
    if (count >= room) {
        training_say(training,
                     "no samples: their prompt has %lld tokens and a sequence %lld; a shorter "
                     "--sample or a longer --seq-len helps",
                     (long long)count, (long long)room);
        return 0;
    }
    s->sample.ids = training->prompt.ids;
    s->sample.count = count;
    s->sample.more = request->sample_tokens < room - count ? request->sample_tokens : room - count;
    return end_tokens_of_run(&s->sample.ends, training->model->checkpoint, training->tokenizer,
                             training->format.template_name, err);
}

/* Of the longest document of both sets. */
static void tell_positions(const struct training *training)
{
    char line[400];
    int64_t train = training->train.counts.longest, eval = training->eval.counts.longest;
    if (model_note_positions(training->model, train > eval ? train : eval, line, sizeof line))
        training_say(training, "%s", line);
}

struct training_data_plan training_data_plan(const struct training *training)
{
    const struct train_settings *s = &training->settings;
    struct training_data_plan plan = {
        .data = &training->data,
        .documents = training->data.documents,
        .tokens = training->data.tokens,
        .supervised = training->data.supervised,
        .eval_pieces = training->eval.count,
        .too_short = training->data.left_out,
        .counts = training->train.counts,
        .eval_own = training->eval_data.documents > 0,
        .eval_too_short = training->eval_data.left_out,
        .eval_undesired = training->eval_data.undesired,
        .eval_counts = training->eval.counts,
        .epoch_rows = trainer_rows(training->trainer),
        .epoch_targets = trainer_targets(training->trainer),
        .seq_len = s->seq_len,
        .step_rows = s->batch * s->accumulate,
        .undesired = training->data.undesired,
        .weighted = training->data.weighted || training->eval_data.weighted,
    };
    plan.epoch_steps = ((int64_t)plan.epoch_rows + plan.step_rows - 1) / plan.step_rows;
    return plan;
}

static void put_counts(struct json_writer *json, const struct piece_counts *counts,
                       size_t too_short)
{
    json_count(json, "without_target", counts->without_target);
    json_count(json, "too_short", too_short);
    json_count(json, "dropped", counts->dropped);
    json_count(json, "truncated", counts->truncated);
    json_count(json, "split", counts->split);
    json_count(json, "longest", (uint64_t)counts->longest);
    json_flag(json, "without_prompt", counts->without_prompt);
}

void training_put_data_plan(struct json_writer *json, const struct training_data_plan *plan)
{
    json_count(json, "documents", plan->documents);
    json_count(json, "tokens", plan->tokens);
    json_count(json, "supervised_tokens", plan->supervised);
    json_count(json, "epoch_supervised_tokens", plan->epoch_targets);
    json_count(json, "epoch_rows", plan->epoch_rows);
    json_integer(json, "epoch_steps", plan->epoch_steps);
    json_integer(json, "step_rows", plan->step_rows);
    put_counts(json, &plan->counts, plan->too_short);
    json_flag(json, "weighted", plan->weighted);
    json_count(json, "undesired", plan->undesired);
    dataset_put_forms(json, "forms", plan->data);
    dataset_put_counts(json, "unread_columns", &plan->data->unread);
    if (plan->eval_own) {
        json_object(json, "evaluation");
        put_counts(json, &plan->eval_counts, plan->eval_too_short);
        json_end(json);
    }
}

/* What --columns and --mark name must be somewhere in the two. */
static int check_names(const struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    return dataset_check_absent(&training->data,
                                request->eval_data.count > 0 ? &training->eval_data : NULL,
                                request->data.items[0], err);
}

static int check_template(const struct training *training, struct error *err)
{
    const char *name = training->format.template_name;
    if (!name || training->data.templated || training->eval_data.templated)
        return 0;
    return dataset_refuse_template(training->request->data.items[0], name, err);
}

/* A template may end turns with what begins the next one, which is not the turn's. */
static int tell_turn_end(struct training *training, struct error *err)
{
    struct chat_template *chat;
    const struct dataset_options *format = &training->format;
    if (!training->data.templated)
        return 0;
    if (template_open(&chat, training->tokenizer, format->template_name, format->date, err) != 0)
        return -1;
    if (template_turn_end(chat, training->tokenizer) < 0)
        training_say(training,
                     "the chat template ends an assistant's turn without a special token: "
                     "the model will not learn from it where to stop");
    template_close(chat);
    return 0;
}

int training_load_data(struct training *training, bool resume, struct error *err)
{
    const struct training_request *request = training->request;
    if (tokenizer_for_checkpoint(&training->tokenizer, training->model->checkpoint, err) != 0 ||
        training_settle_template(training, resume, err) != 0 ||
        open_data(training, &training->data, &request->data, err) != 0 ||
        split(training, err) != 0 || check_template(training, err) != 0 ||
        tell_turn_end(training, err) != 0 ||
        transformer_check_ids(training->model, &training->data, training->tokenizer, err) != 0 ||
        transformer_check_ids(training->model, &training->eval_data, training->tokenizer, err) != 0)
        return -1;
    weigh(training);
    if (check_names(training, err) != 0 || training_tell_record(training, err) != 0)
        return -1;
    tell_positions(training);
    if (dataset_all_supervised(&training->data))
        training_say(training, "every token is trained on (plain text)");
    return make_prompt(training, err);
}
