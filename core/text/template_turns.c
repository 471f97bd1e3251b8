#include "text/template_turns.h"

#include "base/memory.h"

#include <string.h>

static int add_span(struct chat_rendering *r, size_t begin, size_t end, double weight,
                    struct error *err)
{
    if (begin >= end || weight <= 0)
        return 0;
    if (array_reserve((void **)&r->spans, &r->span_capacity, r->span_count + 1, sizeof *r->spans,
                      err) != 0)
        return -1;
    r->spans[r->span_count++] = (struct text_span){begin, end, (float)weight};
    return 0;
}

static bool is_assistant(const struct chat_rendering *r, size_t i)
{
    const struct jinja_entry *role = jinja_find_text(r->messages.is.list->items[i].is.map, "role");
    return role && jinja_equal(role->value, jinja_string("assistant"));
}

/* --- {% generation %} --- */

/* The weight that all assistants' turns have; -1 where they differ. */
static double common_weight(const struct chat_rendering *r)
{
    double common = -1;
    for (size_t i = 0; i < r->count; i++) {
        if (!is_assistant(r, i))
            continue;
        if (common >= 0 && common != r->conversation->weights[i])
            return -1;
        common = r->conversation->weights[i];
    }
    return common;
}

/* Marks of a template belong to the message that was in hand, or after all of them to the last. */
static int add_generated(struct chat_rendering *r, struct error *err)
{
    const struct jinja_spans *generated = &r->chat->text.generated;
    double common = common_weight(r);
    for (size_t i = 0; i < generated->count; i++) {
        struct jinja_span span = generated->items[i];
        size_t message = span.origin > 0 ? (size_t)span.origin - 1 : r->count - 1;
        double weight = common >= 0 ? common : r->conversation->weights[message];
        if (add_span(r, span.begin, span.end, weight, err) != 0)
            return -1;
    }
    return 0;
}

/* --- by rendering what comes before --- */

static const struct buffer *whole(const struct chat_rendering *r)
{
    return &r->chat->text.text;
}

/* How far the whole text begins as the prefix does. */
static size_t common_length(const struct chat_rendering *r)
{
    const struct buffer *text = whole(r), *prefix = &r->chat->prefix.text;
    size_t length = 0;
    while (length < text->length && length < prefix->length &&
           text->data[length] == prefix->data[length])
        length++;
    return length;
}

/* Renders the first `count` messages; the length of the whole text that equals it, and whether that
 * is all of it. False: the template does not take so few. */
static bool render_prefix(struct chat_rendering *r, size_t count, bool prompt, size_t *common,
                          bool *all)
{
    if (rendering_write(r, count, prompt, &r->chat->prefix, NULL) != 0)
        return false;
    *common = common_length(r);
    *all = *common == r->chat->prefix.text.length;
    return true;
}

/* All that was written while message i was in hand. */
static bool origin_of(const struct chat_rendering *r, size_t i, struct text_span *out)
{
    const struct jinja_spans *origins = &r->chat->text.origins;
    bool found = false;
    for (size_t k = 0; k < origins->count; k++) {
        if (origins->items[k].origin != (int)i + 1)
            continue;
        if (!found)
            out->begin = origins->items[k].begin;
        out->end = origins->items[k].end;
        found = true;
    }
    return found;
}

/* Where to begin when text and generation prompt part at `at`, inside the prompt, which begins at
 * `least`: the prompt may open or end a thinking that the turn has otherwise. Behind its first
 * line, which is the header; without one, after the last mark. */
static size_t begin_at_parting(const struct chat_rendering *r, size_t least, size_t at)
{
    const char *text = whole(r)->data;
    size_t seam = least;
    while (seam < at && text[seam] == '\n')
        seam++;
    while (seam < at && text[seam] != '\n')
        seam++;
    if (seam < at)
        return seam + 1;
    while (seam > least && text[seam - 1] != '>')
        seam--;
    return seam > least ? seam : at;
}

/* Behind the messages before with their generation prompt, where the whole begins with that; where
 * they part inside the prompt, there. Of the first message there are none before, and few templates
 * write a prompt alone. */
static bool begin_of_turn(struct chat_rendering *r, size_t i, size_t *begin)
{
    size_t before, common;
    bool all;
    if (i == 0 || !render_prefix(r, i, true, &common, &all))
        return false;
    *begin = common;
    if (all)
        return true;
    if (!render_prefix(r, i, false, &before, &all) || !all || common < before)
        return false;
    *begin = begin_at_parting(r, before, common);
    return true;
}

/* Of a turn that is not an assistant's no prompt is known: it begins with its content. */
static size_t skip_header(const struct chat_rendering *r, size_t i, struct text_span region)
{
    const struct jinja_entry *content =
        jinja_find_text(r->messages.is.list->items[i].is.map, "content");
    struct jinja_text text = content && content->value.type == JINJA_STRING
                                 ? content->value.is.text
                                 : (struct jinja_text){"", 0};
    text = rendering_trimmed(text);
    const char *from = whole(r)->data + region.begin;
    const char *hit =
        text.length ? memmem(from, region.end - region.begin, text.bytes, text.length) : NULL;
    return region.begin + (hit ? (size_t)(hit - from) : 0);
}

/* Ends a line or a mark. */
static bool is_seam(char c)
{
    return c == '\n' || c == '>';
}

/* What the generation prompt adds to the whole. */
static const struct buffer *added_prompt(struct chat_rendering *r)
{
    size_t common;
    bool all;
    if (r->has_prompt || !render_prefix(r, r->count, true, &common, &all))
        return &r->prompt;
    const struct buffer *prefix = &r->chat->prefix.text;
    while (common < whole(r)->length && common > 0 && !is_seam(whole(r)->data[common - 1]))
        common--;
    buffer_append(&r->prompt, prefix->data + common, prefix->length - common);
    r->has_prompt = true;
    return &r->prompt;
}

/* Behind the generation prompt that a region begins with. */
static size_t skip_prompt(struct chat_rendering *r, struct text_span region)
{
    const struct buffer *prompt = added_prompt(r);
    size_t same = 0;
    const char *from = whole(r)->data + region.begin;
    const char *hit = prompt->length
                          ? memmem(from, region.end - region.begin, prompt->data, prompt->length)
                          : NULL;
    if (hit)
        return region.begin + (size_t)(hit - from) + prompt->length;
    while (same < prompt->length && region.begin + same < region.end &&
           from[same] == prompt->data[same])
        same++;
    return begin_at_parting(r, region.begin, region.begin + same);
}

/* The special token that ends at `end`; -1: none does. */
static int32_t special_before(const struct chat_rendering *r, size_t begin, size_t end)
{
    enum { LONGEST = 64 };
    char text[LONGEST + 1];
    for (size_t length = 1; length <= LONGEST && begin + length <= end; length++) {
        memcpy(text, whole(r)->data + end - length, length);
        text[length] = '\0';
        int32_t id = tokenizer_token_id(r->tokenizer, text);
        if (id >= 0 && tokenizer_is_special(r->tokenizer, id))
            return id;
    }
    return -1;
}

static size_t before_space(const struct chat_rendering *r, size_t begin, size_t end)
{
    while (end > begin && rendering_is_space(whole(r)->data[end - 1]))
        end--;
    return end;
}

/* White space after a turn's last special token parts it from the next turn. */
static size_t trim_end(const struct chat_rendering *r, size_t begin, size_t end)
{
    size_t at = before_space(r, begin, end);
    return at < end && special_before(r, begin, at) >= 0 ? at : end;
}

int32_t rendering_turn_end(const struct chat_rendering *r)
{
    if (r->span_count == 0)
        return -1;
    const struct text_span *last = &r->spans[r->span_count - 1];
    return special_before(r, last->begin, before_space(r, last->begin, last->end));
}

/* Messages after message i of which nothing was written while they were in hand stand inside its
 * turn: results of its calls, which it does not say. */
static bool holds_others(const struct chat_rendering *r, size_t i)
{
    struct text_span unused;
    return i + 1 < r->count && !origin_of(r, i + 1, &unused);
}

/* Some templates write a generation prompt after every conversation, wanted or not; it is no part
 * of the last turn. Others end every text with the end-of-text token, which is. */
static size_t end_of_last(struct chat_rendering *r, struct text_span region)
{
    size_t unused, length = whole(r)->length - region.end;
    const cJSON *eos = json_get(tokenizer_special_map(r->tokenizer), "eos_token");
    const char *behind = whole(r)->data + region.end;
    bool all;
    if (length == 0 || (cJSON_IsString(eos) && strstr(behind, eos->valuestring)) ||
        !render_prefix(r, r->count - 1, false, &unused, &all))
        return whole(r)->length;
    const struct buffer *before = &r->chat->prefix.text;
    bool always = before->length >= length &&
                  memcmp(before->data + before->length - length, behind, length) == 0;
    return always ? region.end : whole(r)->length;
}

/* The bytes of message i's turn that its speaker says. */
static int find_turn(struct chat_rendering *r, size_t i, struct text_span *out, struct error *err)
{
    struct text_span region = {0}, said = {0};
    bool all, has_origin = origin_of(r, i, &region);
    bool begins = is_assistant(r, i) && begin_of_turn(r, i, &said.begin);
    bool ends = i + 1 == r->count ||
                (render_prefix(r, i + 1, false, &said.end, &all) && all && said.end > said.begin);
    if (i + 1 == r->count)
        said.end = has_origin ? end_of_last(r, region) : whole(r)->length;
    if ((!begins || !ends) && (!has_origin || holds_others(r, i)))
        return error_set(err,
                         "message %zu: which part of the text is its turn cannot be told from this "
                         "chat template; one with {%% generation %%} says it",
                         i + 1);
    if (!ends)
        said.end = region.end;
    if (!begins)
        said.begin = is_assistant(r, i) ? skip_prompt(r, region) : skip_header(r, i, region);
    *out = (struct text_span){said.begin, trim_end(r, said.begin, said.end), 0};
    return 0;
}

/* --- long conversations --- */

/* Rendering all that comes before every turn takes time by the square of their number. What was
 * written while a message was in hand is known after one rendering; where the two agree on turns
 * of one kind, they are taken to agree on the next ones, and every so often that is seen again. */
enum { KINDS = 12, SURE = 4, SEEN_AGAIN = 64 };

struct experience {
    unsigned tried[KINDS];
    bool differs; /* once, of whatever kind */
};

static bool has(const struct chat_rendering *r, size_t i, const char *key)
{
    const struct jinja_entry *entry = entry_of(r->messages.is.list->items[i], key);
    return entry && jinja_truth(entry->value);
}

/* With calls or without, with thinking or without, after a user, a tool or another. */
static size_t kind_of(const struct chat_rendering *r, size_t i)
{
    const struct jinja_entry *role =
        i > 0 ? entry_of(r->messages.is.list->items[i - 1], "role") : NULL;
    size_t behind = role && jinja_equal(role->value, jinja_string("user"))   ? 0
                    : role && jinja_equal(role->value, jinja_string("tool")) ? 1
                                                                             : 2;
    return behind * 4 + has(r, i, "tool_calls") * 2u + has(r, i, reasoning_names[0]);
}

static bool turn_in_hand(struct chat_rendering *r, size_t i, struct text_span *out)
{
    struct text_span region = {0};
    if (i + 1 >= r->count || !is_assistant(r, i) || !origin_of(r, i, &region) || holds_others(r, i))
        return false;
    out->begin = skip_prompt(r, region);
    out->end = trim_end(r, out->begin, region.end);
    return true;
}

static int find_turn_of_many(struct chat_rendering *r, size_t i, struct experience *experience,
                             struct text_span *out, struct error *err)
{
    struct text_span quick = {0};
    bool known = !experience->differs && turn_in_hand(r, i, &quick);
    unsigned *tried = &experience->tried[kind_of(r, i)];
    if (known && (*tried)++ >= SURE && *tried % SEEN_AGAIN != 0) {
        *out = quick;
        return 0;
    }
    if (find_turn(r, i, out, err) != 0)
        return -1;
    experience->differs |= known && (quick.begin != out->begin || quick.end != out->end);
    return 0;
}

int rendering_find_turns(struct chat_rendering *r, struct error *err)
{
    bool marked = jinja_has_generation(r->parsed);
    struct experience experience = {0};
    size_t reached = 0;
    if (marked && add_generated(r, err) != 0)
        return -1;
    for (size_t i = 0; i < r->count; i++) {
        struct text_span turn = {0};
        double weight = r->conversation->weights[i];
        if (weight <= 0 || (marked && is_assistant(r, i)))
            continue;
        if (marked)
            return error_set(err,
                             "message %zu is not an assistant's and is to be trained; the chat "
                             "template marks with {%% generation %%} what is, and not this one",
                             i + 1);
        if (find_turn_of_many(r, i, &experience, &turn, err) != 0)
            return -1;
        if (r->over.kind != ERROR_NONE)
            return error_set_kind(err, r->over.kind, "message %zu: %s", i + 1, r->over.text);
        if (turn.begin < reached)
            turn.begin = reached; /* of two turns that were written as one */
        if (add_span(r, turn.begin, turn.end, weight, err) != 0)
            return -1;
        reached = turn.end > reached ? turn.end : reached;
    }
    return 0;
}
