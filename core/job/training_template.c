/* The chat template of a run: what it was when the run began, whatever becomes of a file or of the
 * day. */
#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/added_tokens.h"
#include "job/job_dir.h"
#include "job/training_parts.h"
#include "text/template/template.h"

#include <stdlib.h>
#include <string.h>

enum { TEMPLATE_FILE_MAX = 1 << 20, MARKS_SHOWN = 200 };

/* A copy that a run finds which begins anew is of one that was refused: the file may be another by
 * now. */
int training_keep_template(struct training *training, bool resume, struct error *err)
{
    const struct training_request *request = training->request;
    const char *name = request->format.template_name;
    training->format = request->format;
    if (!name || !template_is_file(name) || training->dry)
        return 0;
    training->template_copy = path_join(request->run, JOB_TEMPLATE, err);
    if (!training->template_copy)
        return -1;
    training->format.template_name = training->template_copy;
    return resume && training_has_template(request)
               ? 0
               : file_copy(name, training->template_copy, TEMPLATE_FILE_MAX, err);
}

void training_drop_template(const struct training *training)
{
    const char *copy = training->template_copy;
    if (copy && !file_is_same(training->request->format.template_name, copy))
        sys.unlink(copy);
}

/* A template that was chosen would be written in pieces; one that came with the model is what the
 * model knows. A run that has begun with pieces goes on with them. Marks of tools alone may not be
 * needed: `of_turns` are without them. */
static int judge_marks(struct training *training, const struct chat_template *chat,
                       const cJSON *of_turns, const cJSON *marks, struct error *err)
{
    char list[MARKS_SHOWN];
    bool refused = template_is_chosen(chat) && !training->state && of_turns->child;
    template_put_marks(list, sizeof list,
                       refused && !training->request->add_tokens ? of_turns : marks);
    bool several = cJSON_GetArraySize(refused ? of_turns : marks) > 1;
    if (training->request->add_tokens) {
        training->added_tokens = added_tokens_make(training->tokenizer, marks, err);
        if (!training->added_tokens)
            return -1;
        training_say(training,
                     "added to the vocabulary: %s; the embedding of a new token begins as the mean "
                     "of all, unless the model had a row for it",
                     list);
        return added_tokens_fit(training->added_tokens, training->model, training->request->run,
                                err);
    }
    if (refused)
        return error_set(err,
                         "the template writes %s, which %s no token%s of this tokenizer and would "
                         "be cut into pieces: --add-tokens%s makes %s, and trains the embeddings; "
                         "or choose another --template",
                         list, several ? "are" : "is", several ? "s" : "",
                         method_info(training->request->method)->adapters
                             ? " with --method full or spectrum"
                             : "",
                         several ? "them tokens" : "it one");
    training_say(training,
                 "the chat template writes %s%s, which %s no token%s of the tokenizer: cut into "
                 "pieces, as in transformers%s",
                 list, of_turns->child ? "" : " where there are tools", several ? "are" : "is",
                 several ? "s" : "",
                 method_info(training->request->method)->adapters || training->state
                     ? ""
                     : "; --add-tokens makes tokens of them");
    return 0;
}

/* What the run had, of job.json. */
static int repeat(struct training *training, const cJSON *job, struct error *err)
{
    const char *date = NULL, *run = training->request->run;
    const cJSON *added = json_get(job, "added_tokens");
    if (json_get_string(job, "template_date", &date) && !(training->date = string_copy(date, err)))
        return -1;
    training->format.date = training->date;
    if (!added)
        return 0;
    if (!(training->added_tokens = cJSON_Duplicate(added, true)))
        return error_set(err, "not enough memory");
    return added_tokens_repeat(added, training->tokenizer, run, err) == 0
               ? added_tokens_fit(added, training->model, run, err)
               : -1;
}

/* Later readings of the same conversations, tomorrow's too, write the date of the first. */
static int keep_date(struct training *training, const struct chat_template *chat, struct error *err)
{
    const char *date = template_date(chat);
    if (!date || training->date)
        return 0;
    training->format.date = training->date = string_copy(date, err);
    return training->date ? 0 : -1;
}

static int settle(struct training *training, struct error *err)
{
    struct chat_template *chat;
    const struct dataset_options *format = &training->format;
    if (template_open(&chat, training->tokenizer, format->template_name, format->date, err) != 0)
        return -1;
    int status = keep_date(training, chat, err);
    cJSON *of_turns = template_missing_marks(chat, training->tokenizer, false, err);
    cJSON *marks = template_missing_marks(chat, training->tokenizer, true, err);
    if (status != 0 || !of_turns || !marks)
        status = -1;
    else if (marks->child)
        status = judge_marks(training, chat, of_turns, marks, err);
    else if (status == 0 && training->request->add_tokens && !training->added_tokens)
        training_say(training, "--add-tokens adds none: %s",
                     template_exists(chat) ? "every mark of the template is a token, or plain text "
                                             "as in the models that it comes "
                                             "from"
                                           : "there is no chat template");
    cJSON_Delete(of_turns);
    cJSON_Delete(marks);
    template_close(chat);
    return status;
}

int training_settle_template(struct training *training, bool resume, struct error *err)
{
    if (!resume || !job_dir_has(training->request->run, "job.json"))
        return settle(training, err);
    cJSON *job = job_dir_read(training->request->run, "job.json", err);
    int status = job ? repeat(training, job, err) : -1;
    cJSON_Delete(job);
    return status == 0 ? settle(training, err) : -1;
}

int training_check_added(const struct training *training, struct error *err)
{
    const struct model *model = training->model;
    for (size_t i = 0; training->added_tokens && i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        bool table = parameter->role == ROLE_EMBEDDING || parameter->role == ROLE_HEAD;
        if (table && parameter_is_used(model, parameter) && !training->choice.trained[i])
            return error_set(err,
                             "--add-tokens: the plan freezes %s, where new tokens have rows that "
                             "nothing was trained of; a plan with it trains them",
                             parameter->name);
    }
    return 0;
}
