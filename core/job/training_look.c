/* What a run shows of its data before it begins. */
#include "base/utf8.h"
#include "job/training_parts.h"
#include "text/dataset/record_look.h"

/* A stretch of text is shown by its ends. */
enum { RUN_MAX = 120, RECORD_MAX = 360 };

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
    static const struct look_style style = {"[[", "]]", "\\n", RUN_MAX, RECORD_MAX};
    const struct training_request *request = training->request;
    struct record_walk *walk;
    struct record_look look;
    if (record_walk_open(&walk, request->data.items, request->data.count, &training->format,
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
int training_tell_record(const struct training *training, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    if (!training->view->on_message)
        return 0;
    int status = tell_first(training, &line, err);
    if (status == 0)
        status = buffer_check(&line, err);
    if (status == 0 && line.length > 0) {
        utf8_sanitize(line.data);
        training->view->on_message(training->view->context, line.data);
    }
    buffer_free(&line);
    return status;
}
