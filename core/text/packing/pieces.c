/* Documents cut into what fits a row, and what of that is kept for evaluation. */
#include "text/packing/pieces.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const long_documents_names[] = {
    [LONG_DROP - 1] = "drop", [LONG_TRUNCATE - 1] = "truncate", [LONG_SPLIT - 1] = "split", NULL};

/* Without a name each document goes by its kind. */
int long_documents_by_name(enum long_documents *out, const char *name, struct error *err)
{
    *out = LONG_BY_KIND;
    if (!name)
        return 0;
    for (int i = 0; long_documents_names[i]; i++)
        if (strcmp(name, long_documents_names[i]) == 0) {
            *out = (enum long_documents)(i + 1);
            return 0;
        }
    return error_set_kind(err, ERROR_USAGE,
                          "--long takes one of drop, truncate, split, not \"%.40s\"", name);
}

enum piece_fate piece_fate(enum long_documents how, bool prompted, uint64_t length, int64_t seq_len)
{
    if (length <= (uint64_t)seq_len)
        return PIECE_WHOLE;
    if (how == LONG_DROP)
        return PIECE_DROPPED;
    return how == LONG_SPLIT || (how == LONG_BY_KIND && !prompted) ? PIECE_SPLIT : PIECE_TRUNCATED;
}

static uint64_t document_length(const struct dataset *data, size_t document)
{
    return data->offsets[document + 1] - data->offsets[document];
}

static enum piece_fate fate_of(const struct piece_list *list, size_t document)
{
    bool prompted = dataset_kind(list->data, document) & DOCUMENT_PROMPTED;
    return piece_fate(list->how, prompted, document_length(list->data, document), list->seq_len);
}

uint64_t piece_tokens(const struct piece_list *list, const struct piece *piece, int64_t *length,
                      int64_t *known)
{
    uint64_t row = (uint64_t)list->seq_len, skipped = piece->part * row;
    uint64_t left = document_length(list->data, piece->document) - skipped;
    *length = left < row ? (int64_t)left : list->seq_len;
    *known = left > row && fate_of(list, piece->document) == PIECE_SPLIT ? *length + 1 : *length;
    return list->data->offsets[piece->document] + skipped;
}

/* --- making a list --- */

/* Weights are read in windows, so that a data set of short documents costs few reads. */
struct weight_window {
    const struct dataset *data;
    uint64_t from, count;
    float weights[1 << 14];
};

/* Targets of a piece that count: *out of its tokens but the first, and the one after a split. */
static int count_targets(struct weight_window *w, uint64_t from, int64_t known, uint64_t *out,
                         struct error *err)
{
    enum { ROOM = sizeof w->weights / sizeof *w->weights };
    *out = 0;
    for (uint64_t at = from + 1; at < from + (uint64_t)known; at++) {
        if (at < w->from || at >= w->from + w->count) {
            uint64_t left = w->data->tokens - at;
            w->from = at;
            w->count = left < ROOM ? left : ROOM;
            if (dataset_read(w->data, at, (size_t)w->count, NULL, w->weights, err) != 0)
                return -1;
        }
        *out += w->weights[at - w->from] > 0;
    }
    return 0;
}

/* What the list has more with one piece. */
static void add_counts(struct piece_list *list, const struct piece *piece)
{
    int64_t length, known;
    piece_tokens(list, piece, &length, &known);
    list->counts.supervised += piece->targets;
    if (length > list->counts.longest)
        list->counts.longest = length;
}

/* The parts that a document is to be tried in, those with a target added; what became of it is
 * counted. */
static int add_document(struct piece_list *list, size_t *capacity, struct weight_window *window,
                        size_t document, struct error *err)
{
    uint64_t length = document_length(list->data, document), row = (uint64_t)list->seq_len;
    uint64_t parts = 1;
    size_t before = list->count;
    switch (fate_of(list, document)) {
    case PIECE_DROPPED:
        list->counts.dropped++;
        return 0;
    case PIECE_SPLIT:
        list->counts.split++;
        parts = (length - 1) / row + 1;
        break;
    case PIECE_TRUNCATED:
        list->counts.truncated++;
        break;
    case PIECE_WHOLE:
        break;
    }
    for (uint64_t part = 0; part < parts; part++) {
        struct piece piece = {(uint32_t)document, (uint32_t)part, 0};
        int64_t own, known;
        uint64_t from = piece_tokens(list, &piece, &own, &known), targets;
        if (count_targets(window, from, known, &targets, err) != 0)
            return -1;
        if (targets == 0)
            continue;
        if (list->count == UINT32_MAX - 1)
            return error_set(err,
                             "more than %zu parts of documents are too many to be packed; a "
                             "longer --seq-len helps",
                             list->count);
        piece.targets = (uint32_t)targets; /* at most seq_len */
        if (array_reserve((void **)&list->items, capacity, list->count + 1, sizeof *list->items,
                          err) != 0)
            return -1;
        add_counts(list, &piece);
        list->items[list->count++] = piece;
    }
    list->counts.without_target += list->count == before;
    return 0;
}

/* Weights are read through a window: a piece needs to know which of its tokens are targets. */
static int list_all(struct piece_list *out, struct error *err)
{
    size_t capacity = 0;
    struct weight_window *window = array_alloc(1, sizeof *window, err);
    int status = window ? 0 : -1;
    if (window)
        window->data = out->data;
    for (size_t i = 0; status == 0 && i < out->data->documents; i++)
        status = add_document(out, &capacity, window, i, err);
    free(window);
    return status;
}

/* Where the usual way leaves nothing, since every document's prompt fills a row, documents are
 * split: training on parts without their prompt is said, and better than none. */
int pieces_list(struct piece_list *out, const struct dataset *data, int64_t seq_len,
                enum long_documents how, struct error *err)
{
    const struct piece_counts *counts = &out->counts;
    *out = (struct piece_list){.data = data, .seq_len = seq_len, .how = how};
    if (data->documents > UINT32_MAX - 1)
        return error_set(err, "%zu documents are too many to be packed", data->documents);
    for (size_t i = 0; how == LONG_SPLIT && i < data->documents; i++)
        if (dataset_kind(data, i) & DOCUMENT_PROMPTED) {
            pieces_free(out);
            return error_set(err,
                             "--long split is for plain text: document %zu of the data has a "
                             "prompt, and its later parts would train without it; truncate or drop "
                             "are for such records",
                             i + 1);
        }
    if (list_all(out, err) != 0)
        goto fail;
    if (out->count == 0 && how == LONG_BY_KIND && counts->truncated > 0) {
        *out = (struct piece_list){.data = data, .seq_len = seq_len, .how = LONG_SPLIT};
        int status = list_all(out, err);
        out->counts.without_prompt = true;
        if (status != 0)
            goto fail;
    }
    if (out->count > 0)
        return 0;
    if (counts->dropped > 0)
        error_set(err,
                  "nothing to learn from: every document of %zu is longer than --seq-len %lld "
                  "and left out by --long drop, or has no supervised token",
                  data->documents, (long long)seq_len);
    else
        error_set(err, "no token of %zu document%s is supervised%s: nothing to learn from%s",
                  data->documents, text_s(data->documents),
                  counts->truncated > 0 ? " within --seq-len" : "",
                  counts->truncated > 0 ? "; a longer --seq-len reaches further" : "");
fail:
    pieces_free(out);
    return -1;
}

void pieces_free(struct piece_list *list)
{
    free(list->items);
    *list = (struct piece_list){0};
}

/* Pieces are in the order of the documents, those in the order of the sources. */
size_t pieces_source_begin(const struct piece_list *list, size_t source)
{
    size_t first = source > 0 ? list->data->sources[source - 1].end : 0;
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].document < first)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- dividing it --- */

bool pieces_begin_unit(const struct piece_list *list, size_t i)
{
    return i == 0 || list->items[i].document != list->items[i - 1].document ||
           dataset_kind(list->data, list->items[i].document) & DOCUMENT_STREAM;
}

size_t pieces_units(const struct piece_list *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += pieces_begin_unit(list, i);
    return count;
}

/* Fisher and Yates, from the last place down, each with one of those up to it that random_below()
 * draws. The stream that it draws from is seeded by the first two words that Philox makes of
 *
 *     key (seed's low, high word), counter (what's low, high word, "pack" in ASCII, 0)
 *
 * so that an order depends on (seed, what) alone, and orders of one seed on nothing else. */
void indices_shuffle(size_t *items, size_t count, uint64_t seed, uint64_t what)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)what, (uint32_t)(what >> 32), 0x7061636Bu, 0};
    uint32_t words[4];
    random_philox(key, counter, words);
    struct random_stream stream = {(uint64_t)words[0] << 32 | words[1], 0};
    for (size_t i = count; i > 1; i--) {
        size_t other = random_below(&stream, (uint32_t)i), kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

int pieces_divide(const struct piece_list *list, double fraction, uint64_t seed,
                  struct piece_list *train, struct piece_list *eval, struct error *err)
{
    size_t units = pieces_units(list), unit = 0;
    double wanted = fraction * (double)units + 0.5;
    size_t *order = NULL;
    bool *held = NULL; /* [units] is it for evaluation? */
    int status = -1;
    *train = *eval = *list;
    train->items = eval->items = NULL;
    train->count = eval->count = 0;
    train->counts.supervised = eval->counts.supervised = 0;
    train->counts.longest = eval->counts.longest = 0;
    if (!(fraction > 0 && fraction < 1) || units < 2)
        return error_set(
            err,
            "%zu document%s cannot be split at %g for evaluation; give --eval-data, or "
            "a mark between documents",
            units, text_s(units), fraction);
    size_t count = wanted < 1 ? 1 : wanted > (double)(units - 1) ? units - 1 : (size_t)wanted;
    if (!(order = array_alloc(units, sizeof *order, err)) ||
        !(held = array_alloc(units, sizeof *held, err)) ||
        !(train->items = array_alloc(list->count, sizeof *train->items, err)) ||
        !(eval->items = array_alloc(list->count, sizeof *eval->items, err)))
        goto out;
    for (size_t i = 0; i < units; i++)
        order[i] = i;
    indices_shuffle(order, units, seed, UINT64_MAX); /* no epoch has that number */
    for (size_t i = 0; i < count; i++)
        held[order[i]] = true;
    for (size_t i = 0; i < list->count; i++) {
        unit += i > 0 && pieces_begin_unit(list, i);
        struct piece_list *to = held[unit] ? eval : train;
        add_counts(to, &list->items[i]);
        to->items[to->count++] = list->items[i];
    }
    status = 0;
out:
    free(order);
    free(held);
    if (status != 0) {
        pieces_free(train);
        pieces_free(eval);
    }
    return status;
}
