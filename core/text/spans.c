#include "text/spans.h"

#include "base/memory.h"

#include <stdlib.h>

static size_t first_behind(const struct text_span *spans, size_t count, size_t begin)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spans[middle].end <= begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A piece being rewritten from border to border. */
struct progress {
    struct rewriter *rewriter;
    struct rewrite_place place;
    struct buffer scratch;
    const char *text;
    size_t at, rewritten;
};

static int advance(struct progress *p, size_t to, struct error *err)
{
    if (to == p->at)
        return 0;
    size_t length = to - p->at;
    if (p->rewriter->count > 0) {
        if (rewriter_run(p->rewriter, p->text + p->at, length, p->place, &p->scratch, err) != 0)
            return -1;
        length = p->scratch.length;
    }
    p->rewritten += length;
    p->at = to;
    p->place = (struct rewrite_place){false, false};
    return 0;
}

static int enter_one(struct span_list *local, struct text_span span, struct progress *p,
                     struct error *err)
{
    struct text_span inside = {.weight = span.weight};
    if (advance(p, span.begin, err) != 0)
        return -1;
    inside.begin = p->rewritten;
    if (advance(p, span.end, err) != 0)
        return -1;
    inside.end = p->rewritten;
    if (inside.begin == inside.end)
        return 0;
    if (array_reserve((void **)&local->items, &local->capacity, local->count + 1,
                      sizeof *local->items, err) != 0)
        return -1;
    local->items[local->count++] = inside;
    return 0;
}

int spans_enter(struct span_list *local, const struct text_span *spans, size_t count,
                const char *text, size_t begin, size_t end, struct rewriter *rewriter,
                struct rewrite_place place, struct error *err)
{
    struct progress p = {rewriter, place, BUFFER_INIT, text, begin, 0};
    int status = 0;
    for (size_t i = first_behind(spans, count, begin);
         status == 0 && i < count && spans[i].begin < end; i++) {
        struct text_span part = spans[i];
        if (part.begin < begin)
            part.begin = begin;
        if (part.end > end)
            part.end = end;
        status = enter_one(local, part, &p, err);
    }
    buffer_free(&p.scratch);
    return status;
}

void spans_free(struct span_list *list)
{
    free(list->items);
}

float spans_touch(struct span_cursor *cursor, size_t begin, size_t end)
{
    while (cursor->next < cursor->count && cursor->spans[cursor->next].end <= begin)
        cursor->next++;
    bool touches = cursor->next < cursor->count && cursor->spans[cursor->next].begin < end;
    return touches ? cursor->spans[cursor->next].weight : 0;
}
