/* What a run says of the form of its data before it begins. */
#include "base/utf8.h"
#include "job/training_parts.h"
#include "text/record_look.h"

/* Columns are looked for in so many records; a stretch of text is shown by its ends. */
enum { SURVEYED = 1000, RUN_MOST = 120, RECORD_MOST = 360 };

static int tell_survey(const struct training *training, struct buffer *line, struct error *err)
{
    const struct training_request *request = training->request;
    struct data_survey survey;
    if (data_survey(&survey, request->data, request->data_count, &request->format,
                    training->tokenizer, SURVEYED, NULL, err) != 0)
        return -1;
    buffer_text(line, "data: read as ");
    if (survey.more)
        buffer_format(line, "(the first %d records) ", (int)SURVEYED);
    name_counts_put(line, &survey.forms);
    if (survey.not_read.count > 0) {
        buffer_text(line, "; columns that are not read: ");
        name_counts_put(line, &survey.not_read);
    }
    data_survey_free(&survey);
    return 0;
}

/* The first that is not left out. */
static int first_kept(struct record_look *out, struct record_walk *walk, struct error *err)
{
    int status;
    while ((status = record_walk_next(walk, out, err)) > 0 && out->tokens.count < 2)
        record_look_free(out);
    return status;
}

static int tell_first(const struct training *training, struct buffer *line, struct error *err)
{
    static const struct look_style style = {"[[", "]]", "\\n", RUN_MOST, RECORD_MOST};
    const struct training_request *request = training->request;
    struct record_walk *walk;
    struct record_look look;
    if (record_walk_open(&walk, request->data, request->data_count, &request->format,
                         training->tokenizer, err) != 0)
        return -1;
    int status = first_kept(&look, walk, err);
    if (status > 0) {
        buffer_format(line, "%s:%zu is seen as, trained between [[ and ]]: ", look.path, look.line);
        record_look_put_text(line, &look.tokens, training->tokenizer, &style);
        record_look_free(&look);
    }
    record_walk_close(walk);
    return status < 0 ? -1 : 0;
}

/* One line, whatever stands in the data. */
static int say(const struct training *training, struct buffer *line, struct error *err)
{
    int status = buffer_check(line, err);
    if (status == 0) {
        utf8_sanitize(line->data);
        training->view->on_message(training->view->context, line->data);
    }
    return status;
}

int training_tell_record(const struct training *training, struct error *err)
{
    struct buffer survey = BUFFER_INIT, first = BUFFER_INIT;
    if (!training->view->on_message)
        return 0;
    int status = tell_survey(training, &survey, err);
    if (status == 0)
        status = say(training, &survey, err);
    if (status == 0)
        status = tell_first(training, &first, err);
    if (status == 0)
        status = say(training, &first, err);
    buffer_free(&survey);
    buffer_free(&first);
    return status;
}
