/* Where context and continuation part in tokens, as the harness has it (TemplateLM._encode_pair):
 * white space at the context's end goes to the continuation, both are encoded as one text, and what
 * is longer than the context alone is the continuation. What is too long loses its beginning. */
#include "task/request.h"

#include "base/memory.h"
#include "task/text.h"

#include <stdlib.h>
#include <string.h>

void task_unit_free(struct task_unit *unit)
{
    for (int i = 0; i < unit->count; i++)
        free(unit->requests[i].ids);
    free(unit->requests);
    *unit = (struct task_unit){.count = 0};
}

/* A text that begins with the mark of a beginning gets no second one. */
static int encode(struct token_list *out, struct tokenizer *tokenizer, const char *text,
                  size_t length, struct error *err)
{
    int32_t bos = tokenizer_bos(tokenizer);
    const char *mark = bos >= 0 ? tokenizer_token_text(tokenizer, bos) : NULL;
    bool marked =
        mark && mark[0] && length >= strlen(mark) && strncmp(text, mark, strlen(mark)) == 0;
    out->count = 0;
    return tokenizer_encode(tokenizer, text, length,
                            ENCODE_PARSE_SPECIAL | (marked ? ENCODE_PLAIN : ENCODE_ADD_SPECIAL),
                            out, err);
}

/* Appends the ids of both, of which the network reads `positions`. */
static int take_request(struct task_request *request, const struct token_list *context,
                        const struct token_list *whole, int64_t positions, bool *cut,
                        const char *where, int choice, struct error *err)
{
    int64_t begin = (int64_t)context->count, end = (int64_t)whole->count, left = 0;
    int64_t follows = end - begin;
    if (follows <= 0)
        return error_set(err, "%s: choice %d has no token of its own behind the context", where,
                         choice + 1);
    if (begin + follows > positions + 1)
        left = begin + follows - (positions + 1);
    if (left >= begin)
        return error_set(err, "%s: choice %d has %lld tokens, and the model has %lld positions",
                         where, choice + 1, (long long)follows, (long long)positions);
    request->count = begin + follows - left;
    request->from = begin - left;
    request->ids = array_alloc((size_t)request->count, sizeof *request->ids, err);
    if (!request->ids)
        return -1;
    memcpy(request->ids, context->ids + left, (size_t)request->from * sizeof *request->ids);
    memcpy(request->ids + request->from, whole->ids + begin,
           (size_t)follows * sizeof *request->ids);
    *cut = *cut || left > 0;
    return 0;
}

/* One choice; `context` is encoded again only where it is another. */
static int make_request(struct task_request *request, const char *context, const char *continuation,
                        bool same, struct token_list lists[2], struct tokenizer *tokenizer,
                        int64_t positions, bool *cut, const char *where, int choice,
                        struct error *err)
{
    struct buffer whole = BUFFER_INIT;
    size_t length = text_strip_end(context, strlen(context));
    buffer_text(&whole, context);
    buffer_text(&whole, continuation);
    int status = buffer_check(&whole, err);
    if (status == 0 && !same)
        status = encode(&lists[0], tokenizer, context, length, err);
    if (status == 0)
        status = encode(&lists[1], tokenizer, whole.data, whole.length, err);
    if (status == 0)
        status = take_request(request, &lists[0], &lists[1], positions, cut, where, choice, err);
    buffer_free(&whole);
    return status;
}

/* What all requests begin with, of what the network reads. */
static void find_trunk(struct task_unit *unit)
{
    const struct task_request *first = &unit->requests[0];
    unit->trunk = first->count - 1;
    for (int i = 1; i < unit->count; i++) {
        const struct task_request *other = &unit->requests[i];
        int64_t common = 0;
        while (common < unit->trunk && common < other->count - 1 &&
               first->ids[common] == other->ids[common])
            common++;
        unit->trunk = common;
    }
    unit->tokens = unit->trunk;
    for (int i = 0; i < unit->count; i++)
        unit->tokens += unit->requests[i].count - 1 - unit->trunk;
}

int task_unit_make(struct task_unit *unit, const struct task_item *item,
                   struct tokenizer *tokenizer, int64_t positions, const char *where,
                   struct error *err)
{
    struct token_list lists[2] = {{0}, {0}};
    *unit = (struct task_unit){.count = 0};
    unit->requests = array_alloc((size_t)item->count, sizeof *unit->requests, err);
    int status = unit->requests ? 0 : -1;
    for (int i = 0; i < item->count && status == 0; i++) {
        const struct task_choice *choice = &item->choices[i];
        unit->count++;
        status = make_request(&unit->requests[i], choice->context ? choice->context : item->context,
                              choice->continuation, i > 0 && !choice->context, lists, tokenizer,
                              positions, &unit->cut, where, i, err);
    }
    if (status == 0)
        find_trunk(unit);
    token_list_free(&lists[0]);
    token_list_free(&lists[1]);
    return status;
}

int task_prompt_make(struct task_unit *unit, const struct task_item *item,
                     struct tokenizer *tokenizer, int64_t positions, int64_t more,
                     struct error *err)
{
    struct token_list list = {0};
    *unit = (struct task_unit){.count = 1};
    unit->requests = array_alloc(1, sizeof *unit->requests, err);
    if (!unit->requests)
        unit->count = 0;
    int status =
        unit->requests ? encode(&list, tokenizer, item->context, strlen(item->context), err) : -1;
    int64_t room = positions - more > 1 ? positions - more : 1, count = (int64_t)list.count;
    int64_t left = count > room ? count - room : 0;
    if (status == 0) {
        struct task_request *request = &unit->requests[0];
        unit->cut = left > 0;
        unit->tokens = unit->trunk = request->count = request->from = count - left;
        request->ids = array_alloc((size_t)(count - left), sizeof *request->ids, err);
        status = request->ids ? 0 : -1;
        if (request->ids)
            memcpy(request->ids, list.ids + left, (size_t)(count - left) * sizeof *request->ids);
    }
    token_list_free(&list);
    return status;
}
