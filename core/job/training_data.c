/* The data of a run: tokenised documents, split into training and evaluation. */
#include "base/memory.h"
#include "job/training_parts.h"

#include <string.h>

enum { PROMPT_TOKENS = 8, SPLIT_AT_LEAST = 20 };

static int list_all(size_t **out, size_t *count, size_t documents, struct error *err)
{
    *out = array_alloc(documents, sizeof **out, err);
    if (!*out)
        return -1;
    for (size_t i = 0; i < documents; i++)
        (*out)[i] = i;
    *count = documents;
    return 0;
}

static void say(void *context, const char *line)
{
    training_say(context, "%s", line);
}

static int open_data(struct training *training, struct dataset *out, const char *const *paths,
                     size_t count, struct error *err)
{
    const struct dataset_watch watch = {training, say, training_should_stop};
    return dataset_open(out, paths, count, &training->request->format, training->tokenizer, &watch,
                        err);
}

/* Weights go to the data set, of which an epoch is made. */
static void weigh(struct training *training)
{
    const struct training_request *request = training->request;
    struct dataset *data = &training->data;
    for (size_t i = 0; request->data_weights && i < data->source_count; i++) {
        size_t begin = i > 0 ? data->sources[i - 1].end : 0;
        data->sources[i].weight = request->data_weights[i];
        training_say(training, "data: %s: %zu documents, each %g times an epoch", request->data[i],
                     data->sources[i].end - begin, request->data_weights[i]);
    }
}

/* A share of the documents is held back only where there are enough of them. */
static int split(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    const struct dataset *data = &training->data;
    bool share = request->eval_count == 0 && request->eval_split > 0;
    if (share && data->documents >= SPLIT_AT_LEAST)
        return dataset_split(data, request->eval_split, request->is.optimizer.seed,
                             &training->train_documents, &training->train_count,
                             &training->eval_documents, &training->eval_count, err);
    if (share)
        training_say(training,
                     "no evaluation: %zu documents are too few to hold some back (%d are needed); "
                     "--eval-data names others",
                     data->documents, SPLIT_AT_LEAST);
    if (list_all(&training->train_documents, &training->train_count, data->documents, err) != 0)
        return -1;
    if (request->eval_count == 0)
        return 0;
    if (open_data(training, &training->eval_data, request->eval_data, request->eval_count, err) !=
        0)
        return -1;
    return list_all(&training->eval_documents, &training->eval_count, training->eval_data.documents,
                    err);
}

/* The beginning of a document: an evaluation one where there is one. At most half a sequence, so
 * that something can follow. */
static int prompt_from_data(struct training *training, struct error *err)
{
    bool held = training->eval_count > 0;
    const struct dataset *data =
        held && training->eval_data.documents ? &training->eval_data : &training->data;
    size_t document = held ? training->eval_documents[0] : training->train_documents[0];
    uint64_t begin = data->offsets[document], length = data->offsets[document + 1] - begin;
    uint64_t half = (uint64_t)training->settings.seq_len / 2;
    uint64_t most = half < PROMPT_TOKENS ? half : PROMPT_TOKENS;
    struct token_list *prompt = &training->prompt;
    prompt->count = (size_t)(length < most ? length : most);
    prompt->ids = array_alloc(prompt->count, sizeof *prompt->ids, err);
    if (!prompt->ids)
        return -1;
    return dataset_read(data, begin, prompt->count, prompt->ids, NULL, err);
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
                             request->format.template_name, err);
}

int training_load_data(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    if (tokenizer_for_checkpoint(&training->tokenizer, training->model->checkpoint, err) != 0 ||
        open_data(training, &training->data, request->data, request->data_count, err) != 0 ||
        split(training, err) != 0 ||
        transformer_check_ids(training->model, &training->data, training->tokenizer, err) != 0 ||
        transformer_check_ids(training->model, &training->eval_data, training->tokenizer, err) != 0)
        return -1;
    weigh(training);
    if (dataset_all_supervised(&training->data))
        training_say(training, "every token is trained on (plain text)");
    return make_prompt(training, err);
}
