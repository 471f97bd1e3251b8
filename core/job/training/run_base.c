#include "job/training/run_base.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "compute/devices/devices.h"
#include "job/added_tokens.h"
#include "job/job_dir.h"
#include "job/source.h"
#include "job/training/run_start.h"
#include "model/init.h"
#include "text/template/template.h"
#include "text/tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

enum { TEMPLATE_FILE_MAX = 1 << 20, MARKS_SHOWN = 200 };

void run_base_begin(struct run_base *base, struct run_sitting *sitting)
{
    *base = (struct run_base){.sitting = sitting, .format = sitting->request->format};
}

/* --- the copy of a template file --- */

int run_base_keep_template(struct run_base *base, struct error *err)
{
    const struct run_sitting *sitting = base->sitting;
    const struct training_request *request = sitting->request;
    const char *name = request->format.template_name;
    if (!name || !template_is_file(name) || sitting->dry)
        return 0;
    base->template_copy = path_join(request->run, JOB_TEMPLATE, err);
    if (!base->template_copy)
        return -1;
    base->format.template_name = base->template_copy;
    /* A copy that a run finds which begins at step 0 is of one that was refused: the file may be
     * another by now. */
    return sitting->resume && training_has_template(request)
               ? 0
               : file_copy(name, base->template_copy, TEMPLATE_FILE_MAX, err);
}

void run_base_drop_template(const struct run_base *base)
{
    const char *copy = base->template_copy;
    if (copy && !file_is_same(base->sitting->request->format.template_name, copy))
        sys.unlink(copy);
}

/* --- the model --- */

/* The run's own base, in RUN/base, where a resume finds it: random weights with --init, or what
 * another run has trained. A dry run makes it, too, in a scratch folder: which tensors train is
 * chosen by their spectra. */
static int make_own(struct run_base *base, struct error *err)
{
    const struct run_sitting *sitting = base->sitting;
    const struct training_request *request = sitting->request;
    if (sitting->dry) {
        base->scratch = xdg_scratch_folder("init", &base->scratch_lock, err);
        base->path = base->scratch ? string_copy(base->scratch, err) : NULL;
    } else {
        base->path = path_join(request->run, "base", err);
    }
    if (!base->path)
        return -1;
    if (request->init)
        return sitting->resume && job_dir_has(request->run, "base/model.safetensors")
                   ? 0
                   : model_init(request->model, base->path, (uint64_t)request->seed, err);
    return sitting->resume && run_start_is_made(request->run)
               ? 0
               : run_start_make(&base->start, sitting, base->path, err);
}

/* The base is the request's model, or one that the run has made for itself (`base/`): from random
 * weights, or from another run. */
static int open_model(struct run_base *base, struct error *err)
{
    const struct run_sitting *sitting = base->sitting;
    const struct training_request *request = sitting->request;
    int made = sitting->resume ? job_dir_find(request->run, "base", err) : 0;
    if (made < 0)
        return -1;
    bool own = request->init || made || source_is_run(request->model);
    if (own ? make_own(base, err) != 0 : !(base->path = string_copy(request->model, err)))
        return -1;
    if (model_open(&base->model, base->path, err) != 0)
        return -1;
    for (const char *note = model_notes(base->model); *note;) {
        int length = (int)strcspn(note, "\n");
        run_say(sitting, "%.*s", length, note);
        note += length + 1;
    }
    if (request->rope_scaling && model_scale_rope(base->model, request->rope_scaling, err) != 0)
        return -1;
    /* another engine computes what transformers has, which is more than what is computed here */
    return request->engine == ENGINE_HERE ? model_check_trainable(base->model, err) : 0;
}

/* --- tokenizer and template --- */

/* Marks of the template that are not tokens of the tokenizer; of_turns are those without the marks
 * of tools, which the data may not need. A template that was chosen is refused, as its marks would
 * be cut into pieces that the model has never seen in their place; one that came with the model is
 * what the model knows, and a run that has begun with pieces continues with them. */
static int check_marks(struct run_base *base, const struct chat_template *chat,
                       const cJSON *of_turns, const cJSON *marks, struct error *err)
{
    char list[MARKS_SHOWN];
    const struct run_sitting *sitting = base->sitting;
    const struct training_request *request = sitting->request;
    bool adapters = method_info(request->method)->adapters;
    bool refused = template_is_chosen(chat) && !sitting->state && of_turns->child;
    template_put_marks(list, sizeof list, refused && !request->add_tokens ? of_turns : marks);
    bool several = cJSON_GetArraySize(refused ? of_turns : marks) > 1;
    if (request->add_tokens) {
        base->added_tokens = added_tokens_make(base->tokenizer, marks, err);
        if (!base->added_tokens)
            return -1;
        run_say(sitting,
                "added to the vocabulary: %s; the embedding of a new token begins as the mean "
                "of all, unless the model had a row for it",
                list);
        return added_tokens_fit(base->added_tokens, base->model, request->run, err);
    }
    if (refused)
        return error_set(err,
                         "the template writes %s, which %s of this tokenizer and would be cut into "
                         "pieces: --add-tokens%s makes %s, and trains the embeddings; or choose "
                         "another --template",
                         list, several ? "are not tokens" : "is not a token",
                         adapters ? " with --method full or spectrum" : "",
                         several ? "them tokens" : "it one");
    run_say(sitting,
            "the chat template writes %s%s, which %s of the tokenizer: cut into pieces, as in "
            "transformers%s",
            list, of_turns->child ? "" : " where there are tools",
            several ? "are not tokens" : "is not a token",
            adapters || sitting->state ? "" : "; --add-tokens makes tokens of them");
    return 0;
}

/* A resume has what the run had, of its job.json: where it began, the date, and the added tokens
 * with their ids. */
static int restore_texts(struct run_base *base, struct error *err)
{
    const char *date = NULL, *run = base->sitting->request->run;
    cJSON *job = job_dir_read(run, "job.json", err);
    const cJSON *added = json_get(job, "added_tokens"), *start = json_get(job, "start");
    int status = -1;
    if (!job)
        return -1;
    if (!base->start && start && !(base->start = cJSON_Duplicate(start, true))) {
        error_set(err, "not enough memory");
        goto out;
    }
    if (json_get_string(job, "template_date", &date) && !(base->date = string_copy(date, err)))
        goto out;
    base->format.date = base->date;
    if (added && !(base->added_tokens = cJSON_Duplicate(added, true))) {
        error_set(err, "not enough memory");
        goto out;
    }
    status = 0;
    if (added && (added_tokens_repeat(added, base->tokenizer, run, err) != 0 ||
                  added_tokens_fit(added, base->model, run, err) != 0))
        status = -1;
out:
    cJSON_Delete(job);
    return status;
}

/* With the tokenizer at hand: the date of a template that writes one, which later readings of the
 * same conversations write, too, tomorrow's as well; and its marks that are not tokens. */
static int settle_template(struct run_base *base, struct error *err)
{
    struct chat_template *chat;
    const struct dataset_options *format = &base->format;
    const struct run_sitting *sitting = base->sitting;
    cJSON *of_turns = NULL, *marks = NULL;
    int status = -1;
    if (template_open(&chat, base->tokenizer, format->template_name, format->date, err) != 0)
        return -1;
    const char *date = template_date(chat);
    if (date && !base->date) {
        base->format.date = base->date = string_copy(date, err);
        if (!base->date)
            goto out;
    }
    of_turns = template_missing_marks(chat, base->tokenizer, false, err);
    marks = of_turns ? template_missing_marks(chat, base->tokenizer, true, err) : NULL;
    if (!marks)
        goto out;
    status = marks->child ? check_marks(base, chat, of_turns, marks, err) : 0;
    if (!marks->child && sitting->request->add_tokens && !base->added_tokens)
        run_say(sitting, "--add-tokens adds none: %s",
                template_exists(chat)
                    ? "every mark of the template is a token, or plain text as in "
                      "the models that it comes from"
                    : "there is no chat template");
out:
    cJSON_Delete(of_turns);
    cJSON_Delete(marks);
    template_close(chat);
    return status;
}

/* --- all of it --- */

/* Model, back end, tokenizer; a resume then has its template and added tokens from the run, not
 * from the model. */
int run_base_open(struct run_base *base, struct error *err)
{
    const struct run_sitting *sitting = base->sitting;
    const struct training_request *request = sitting->request;
    if (open_model(base, err) != 0 ||
        backend_open(&base->backend, request->device, (int)request->threads, err) != 0 ||
        tokenizer_for_checkpoint(&base->tokenizer, base->model->checkpoint, err) != 0)
        return -1;
    if (sitting->resume && job_dir_has(request->run, "job.json") && restore_texts(base, err) != 0)
        return -1;
    return settle_template(base, err);
}

/* In the reverse order of what points into what; a dry run's scratch model goes when it is
 * closed. */
void run_base_close(struct run_base *base)
{
    tokenizer_close(base->tokenizer);
    backend_close(base->backend);
    model_close(base->model);
    xdg_scratch_remove(base->scratch, base->scratch_lock);
    free(base->path);
    free(base->template_copy);
    free(base->date);
    cJSON_Delete(base->added_tokens);
    cJSON_Delete(base->start);
}
