/* Which bytes of a rendered conversation are trained.
 *
 * A template is a program: where a turn begins and ends in what it wrote is not to be read off it.
 * {% generation %} says it. Without that, the messages before a turn, rendered with the generation
 * prompt, are what a model sees when it begins to speak; the messages with the turn, rendered
 * alone, end where it ends. Templates that write earlier turns in another way than the last one
 * (without their thinking, say) break the latter; there it counts what the template wrote while it
 * had the message in hand.
 *
 *     text     <|user|>hi<|end|><|assistant|>hello<|end|>...    the whole conversation
 *     begin    <|user|>hi<|end|><|assistant|>                   messages before, with the prompt
 *     end      <|user|>hi<|end|><|assistant|>hello<|end|>       messages with the turn
 *     trained                                hello<|end|>
 */
#include "text/template/rendering.h"

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

/* Marks of a template belong to the message that was in hand, or after all of them to the last.
 * Where all assistants' turns have one weight, it does not matter whose a mark is. */
static int add_generated(struct chat_rendering *r, struct error *err)
{
    const struct jinja_spans *generated = &r->chat->text.generated;
    const double *weights = r->conversation->weights;
    double common = -1; /* -1: there are none, or they differ */
    for (size_t i = 0; i < r->count; i++) {
        if (!is_assistant(r, i))
            continue;
        if (common >= 0 && common != weights[i]) {
            common = -1;
            break;
        }
        common = weights[i];
    }
    for (size_t i = 0; i < generated->count; i++) {
        struct jinja_span span = generated->items[i];
        size_t message = span.origin > 0 ? (size_t)span.origin - 1 : r->count - 1;
        if (add_span(r, span.begin, span.end, common >= 0 ? common : weights[message], err) != 0)
            return -1;
    }
    return 0;
}

/* --- by rendering what comes before --- */

static const struct buffer *whole(const struct chat_rendering *r)
{
    return &r->chat->text.text;
}

/* Renders the first `count` messages; the length of the whole text that equals it, and whether that
 * is all of it. False: the template does not take so few. */
static bool render_prefix(struct chat_rendering *r, size_t count, bool prompt, size_t *common,
                          bool *all)
{
    const struct buffer *text = whole(r), *prefix = &r->chat->prefix.text;
    size_t length = 0;
    if (rendering_write(r, count, prompt, &r->chat->prefix, NULL) != 0)
        return false;
    while (length < text->length && length < prefix->length &&
           text->data[length] == prefix->data[length])
        length++;
    *common = length;
    *all = length == prefix->length;
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
 * `least`: the prompt may open or end a thinking that the turn has otherwise. After its first line,
 * which is the header; without one, after the last mark. */
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

/* After the messages before with their generation prompt, where the whole begins with that; where
 * they part inside the prompt, there. Before the first message there are none, and few templates
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

/* After the generation prompt that a region begins with. What the prompt adds to the whole is found
 * once: from the last line or mark that both have. */
static size_t skip_prompt(struct chat_rendering *r, struct text_span region)
{
    const struct buffer *prompt = &r->prompt, *prefix = &r->chat->prefix.text;
    const char *text = whole(r)->data;
    size_t common, same = 0;
    bool all;
    if (!r->has_prompt && render_prefix(r, r->count, true, &common, &all)) {
        while (common < whole(r)->length && common > 0 && text[common - 1] != '\n' &&
               text[common - 1] != '>')
            common--;
        buffer_append(&r->prompt, prefix->data + common, prefix->length - common);
        r->has_prompt = true;
    }
    const char *from = text + region.begin;
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

/* Some templates write a generation prompt after every conversation, wanted or not; it is not part
 * of the last turn. Others end every text with the end-of-text token, which is. */
static size_t end_of_last(struct chat_rendering *r, struct text_span region)
{
    size_t unused, length = whole(r)->length - region.end;
    const cJSON *eos = json_get(tokenizer_special_map(r->tokenizer), "eos_token");
    const char *rest = whole(r)->data + region.end;
    bool all;
    if (length == 0 || (cJSON_IsString(eos) && strstr(rest, eos->valuestring)) ||
        !render_prefix(r, r->count - 1, false, &unused, &all))
        return whole(r)->length;
    const struct buffer *before = &r->chat->prefix.text;
    bool always = before->length >= length &&
                  memcmp(before->data + before->length - length, rest, length) == 0;
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
 * of one kind, they are taken to agree on the next ones, and every so often that is checked. */
enum { KINDS = 12, SURE = 4, SEEN_AGAIN = 64 };

struct experience {
    unsigned tried[KINDS];
    bool differs; /* once, of whatever kind */
};

/* Its kind: with calls or without, with thinking or without, after a user, a tool or another. */
static int find_turn_of_many(struct chat_rendering *r, size_t i, struct experience *experience,
                             struct text_span *out, struct error *err)
{
    const struct jinja_value *messages = r->messages.is.list->items;
    const struct jinja_entry *role = i > 0 ? entry_of(messages[i - 1], "role") : NULL;
    const struct jinja_entry *calls = entry_of(messages[i], "tool_calls");
    const struct jinja_entry *thinking = entry_of(messages[i], reasoning_names[0]);
    size_t kind = role && jinja_equal(role->value, jinja_string("user"))   ? 0
                  : role && jinja_equal(role->value, jinja_string("tool")) ? 4
                                                                           : 8;
    kind += (calls && jinja_truth(calls->value) ? 2u : 0u) +
            (thinking && jinja_truth(thinking->value) ? 1u : 0u);
    struct text_span quick = {0}, region = {0};
    unsigned *tried = &experience->tried[kind];
    bool known = !experience->differs && i + 1 < r->count && is_assistant(r, i) &&
                 origin_of(r, i, &region) && !holds_others(r, i);
    if (known) {
        quick.begin = skip_prompt(r, region);
        quick.end = trim_end(r, quick.begin, region.end);
    }
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
