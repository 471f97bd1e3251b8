#include "job/training/run_data.h"

#include "base/memory.h"
#include "base/text.h"
#include "text/dataset/record_look.h"
#include "text/template/template.h"

#include <string.h>

enum {
    PROMPT_TOKENS = 8,
    SPLIT_AT_LEAST = 20, /* documents; of fewer none is held back */
    RUN_MAX = 120,       /* bytes: a stretch of text is shown by its ends */
    RECORD_MAX = 360
};

/* --- documents, pieces, their split --- */

static void say(void *context, const char *line)
{
    run_say(context, "%s", line);
}

/* What a template or a name of --columns and --mark is for may be in one of the two sets:
 * run_data_open() asks both. */
static int open_set(struct run_data *data, struct dataset *out, const struct option_list *paths,
                    struct error *err)
{
    const struct dataset_watch watch = {
        .context = data->sitting, .say = say, .stop = run_should_stop, .work = data->sitting->work};
    struct dataset_options format = data->base->format;
    format.template_may_rest = true;
    format.names_may_rest = true;
    return dataset_open(out, paths->items, paths->count, &format, data->base->tokenizer, &watch,
                        err);
}

static int list_pieces(const struct run_data *data, struct piece_list *out,
                       const struct dataset *set, int64_t seq_len, struct error *err)
{
    enum long_documents how;
    if (long_documents_by_name(&how, data->sitting->request->long_documents, err) != 0)
        return -1;
    return pieces_list(out, set, seq_len, how, err);
}

/* Evaluation data of its own, or a share of the documents that is held back, drawn with the run's
 * seed; only where there are enough to take it from. */
static int split(struct run_data *data, int64_t seq_len, struct error *err)
{
    const struct training_request *request = data->sitting->request;
    bool share = request->eval_data.count == 0 && request->eval_split > 0;
    struct piece_list all;
    if (list_pieces(data, &all, &data->set, seq_len, err) != 0)
        return -1;
    size_t units = pieces_units(&all);
    if (share && units >= SPLIT_AT_LEAST) {
        int status = pieces_divide(&all, request->eval_split, (uint64_t)request->seed, &data->train,
                                   &data->eval, err);
        pieces_free(&all);
        return status;
    }
    data->train = all;
    if (share)
        run_warn(data->sitting,
                 "no evaluation: %zu documents are too few to hold some back (%d are needed); "
                 "--eval-data names others",
                 units, SPLIT_AT_LEAST);
    if (request->eval_data.count == 0)
        return 0;
    if (open_set(data, &data->eval_set, &request->eval_data, err) == 0 &&
        list_pieces(data, &data->eval, &data->eval_set, seq_len, err) == 0)
        return 0;
    return error_prefix(err, "evaluation data");
}

/* --data-weight: the data set has them, of which each epoch is made. */
static void weigh(struct run_data *data)
{
    const struct training_request *request = data->sitting->request;
    struct dataset *set = &data->set;
    for (size_t i = 0; i < request->data_weights.count && i < set->source_count; i++) {
        size_t begin = i > 0 ? set->sources[i - 1].end : 0;
        set->sources[i].weight = request->data_weights.items[i];
        run_say(data->sitting, "data: %s: %zu documents, each %g times an epoch",
                request->data.items[i], set->sources[i].end - begin,
                request->data_weights.items[i]);
    }
}

/* --- what is said of it --- */

/* A template may end turns with what begins the next one, which is not the turn's. */
static int tell_turn_end(const struct run_data *data, struct error *err)
{
    struct chat_template *chat;
    const struct run_base *base = data->base;
    if (!data->set.templated)
        return 0;
    if (template_open(&chat, base->tokenizer, base->format.template_name, base->format.date, err) !=
        0)
        return -1;
    if (template_turn_end(chat, base->tokenizer) < 0)
        run_warn(data->sitting,
                 "the chat template ends an assistant's turn without a special token: "
                 "the model will not learn from it where to stop");
    template_close(chat);
    return 0;
}

/* The first record that is not left out, as the model will see it: one line, whatever is in the
 * data. */
static int tell_first_record(const struct run_data *data, struct error *err)
{
    static const struct look_style style = {"[[", "]]", "\\n", RUN_MAX, RECORD_MAX};
    const struct option_list *paths = &data->sitting->request->data;
    const struct training_view *view = data->sitting->view;
    struct tokenizer *tokenizer = data->base->tokenizer;
    struct buffer line = BUFFER_INIT;
    struct record_walk *walk;
    struct record_look look;
    int status;
    if (!view->on_message)
        return 0;
    if (record_walk_open(&walk, paths->items, paths->count, &data->base->format, tokenizer, err) !=
        0)
        return -1;
    while ((status = record_walk_next(walk, &look, err)) > 0 && look.tokens.count < 2)
        record_look_free(&look);
    if (status > 0) {
        buffer_format(&line, "%s:%zu is seen as, trained between [[ and ]]: ", look.path,
                      look.line);
        record_look_put_text(&line, &look.tokens, tokenizer, &style);
        record_look_free(&look);
    }
    record_walk_close(walk);
    status = status < 0 ? -1 : buffer_check(&line, err);
    if (status == 0 && line.length > 0) {
        utf8_sanitize(line.data);
        view->on_message(view->context, line.data);
    }
    buffer_free(&line);
    return status;
}

/* --- samples --- */

/* The beginning of a document: an evaluation one where there is one. At most half a sequence, so
 * that something can follow. */
static int prompt_from_data(struct run_data *data, int64_t seq_len, struct error *err)
{
    const struct piece_list *list = data->eval.count > 0 ? &data->eval : &data->train;
    int64_t half = seq_len / 2, length, known;
    uint64_t begin = piece_tokens(list, &list->items[0], &length, &known);
    int64_t most = half < PROMPT_TOKENS ? half : PROMPT_TOKENS;
    struct token_list *prompt = &data->prompt;
    prompt->count = (size_t)(length < most ? length : most);
    prompt->ids = array_alloc(prompt->count, sizeof *prompt->ids, err);
    if (!prompt->ids)
        return -1;
    return dataset_read(list->data, begin, prompt->count, prompt->ids, NULL, err);
}

/* A sample is one document, so it is no longer than a sequence: positions end there. */
static int make_prompt(struct run_data *data, struct train_settings *s, struct error *err)
{
    const struct training_request *request = data->sitting->request;
    const struct run_base *base = data->base;
    const char *text = request->sample;
    if (request->sample_tokens <= 0)
        return 0;
    int status =
        text ? tokenizer_encode(base->tokenizer, text, strlen(text),
                                ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL, &data->prompt, err)
             : prompt_from_data(data, s->seq_len, err);
    int64_t left = s->seq_len, count = (int64_t)data->prompt.count;
    if (status != 0 || count == 0)
        return status;
    if (transformer_check_tokens(base->model, data->prompt.ids, (size_t)count, base->tokenizer,
                                 err) != 0)
        return error_prefix(err, "--sample");
    left -= count;
    if (left <= 0) {
        run_warn(data->sitting,
                 "no samples: their prompt has %lld tokens and a sequence %lld; a shorter "
                 "--sample or a longer --seq-len helps",
                 (long long)count, (long long)s->seq_len);
        return 0;
    }
    s->sample.ids = data->prompt.ids;
    s->sample.count = count;
    s->sample.more = request->sample_tokens < left ? request->sample_tokens : left;
    return end_tokens_of_run(&s->sample.ends, base->model->checkpoint, base->tokenizer,
                             base->format.template_name, err);
}

/* --- all of it --- */

int run_data_open(struct run_data *data, const struct run_base *base,
                  struct train_settings *settings, struct error *err)
{
    const struct training_request *request = base->sitting->request;
    const char *template_name = base->format.template_name;
    struct dataset *set = &data->set, *eval_set = &data->eval_set;
    char line[400];
    *data = (struct run_data){.sitting = base->sitting, .base = base};
    if (open_set(data, set, &request->data, err) != 0 || split(data, settings->seq_len, err) != 0)
        return -1;
    if (template_name && !set->templated && !eval_set->templated)
        return dataset_refuse_template(request->data.items[0], template_name, err);
    if (tell_turn_end(data, err) != 0 ||
        transformer_check_ids(base->model, set, base->tokenizer, err) != 0 ||
        transformer_check_ids(base->model, eval_set, base->tokenizer, err) != 0)
        return -1;
    weigh(data);
    /* what --columns and --mark name must be somewhere in the two sets */
    if (dataset_check_absent(set, request->eval_data.count > 0 ? eval_set : NULL,
                             request->data.items[0], err) != 0 ||
        tell_first_record(data, err) != 0)
        return -1;
    int64_t train = data->train.counts.longest, eval = data->eval.counts.longest;
    if (model_note_positions(base->model, train > eval ? train : eval, line, sizeof line))
        run_say(base->sitting, "%s", line);
    if (dataset_all_supervised(set))
        run_say(base->sitting, "every token is trained on (plain text)");
    return make_prompt(data, settings, err);
}

void run_data_close(struct run_data *data)
{
    token_list_free(&data->prompt);
    pieces_free(&data->train);
    pieces_free(&data->eval);
    dataset_free(&data->set);
    dataset_free(&data->eval_set);
}

/* The course has the rows; a step has batch times accumulate of them, and an epoch's last may be
 * short: epoch_steps = ceil(epoch_rows / step_rows). */
struct training_data_plan run_data_plan(const struct run_data *data,
                                        const struct train_settings *settings,
                                        const struct course *course)
{
    struct training_data_plan plan = {
        .data = &data->set,
        .documents = data->set.documents,
        .tokens = data->set.tokens,
        .supervised = data->set.supervised,
        .eval_pieces = data->eval.count,
        .too_short = data->set.left_out,
        .counts = data->train.counts,
        .eval_own = data->eval_set.documents > 0,
        .eval_too_short = data->eval_set.left_out,
        .eval_undesired = data->eval_set.undesired,
        .eval_counts = data->eval.counts,
        .epoch_rows = packing_rows(course->packing),
        .epoch_targets = packing_targets(course->packing),
        .seq_len = settings->seq_len,
        .step_rows = settings->batch * settings->accumulate,
        .undesired = data->set.undesired,
        .weighted = data->set.weighted || data->eval_set.weighted,
    };
    plan.epoch_steps = ((int64_t)plan.epoch_rows + plan.step_rows - 1) / plan.step_rows;
    return plan;
}
