/* Whether a tokenizer of scores, which is what llama.cpp makes of a GGUF file, gives the ids that
 * one of merges does, with the same tokens. By their texts it cannot be proved; by what they do it
 * can: the same pairs are joined, in an order that the scores give too (load_gguf.c), and a text
 * comes to them in the same letters and unparted. */
#include "text/tokenizer/parts.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char advice[] = "put the tokenizer.model there that belongs to the tokenizer.json of "
                             "the run, or export a folder instead";

/* --- how a text begins, and its spaces --- */

/* What stands in front of a text; FRONT_OTHER: its letters become others in some other way. */
enum front { FRONT_NOTHING, FRONT_MARK, FRONT_SOMETIMES, FRONT_OTHER };

/* SentencePiece's two steps in either order: U+2581 for spaces, and a mark in front. */
static enum front find_front(const struct tokenizer *t)
{
    const struct rewriter *rewriters[] = {&t->normalizer, &t->prefixer};
    enum front front = FRONT_NOTHING;
    bool replaced = false;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < rewriters[i]->count; k++) {
            const struct rewrite *step = &rewriters[i]->steps[k];
            bool is_mark = step->to && strcmp(step->to, SPACE_MARK) == 0;
            bool replaces =
                step->kind == REWRITE_REPLACE && is_mark && strcmp(step->from, " ") == 0;
            bool is_space = step->to && strcmp(step->to, " ") == 0 && !replaced;
            bool prepends = step->kind == REWRITE_PREPEND || step->kind == REWRITE_PREPEND_ONCE ||
                            step->kind == REWRITE_PREPEND_FIRST;
            if (replaces)
                replaced = true;
            else if (prepends && (is_mark || is_space) && front == FRONT_NOTHING)
                front = step->kind == REWRITE_PREPEND ? FRONT_MARK : FRONT_SOMETIMES;
            else
                return FRONT_OTHER;
        }
    return replaced ? front : FRONT_OTHER;
}

static int check_text(const struct tokenizer *run, const struct tokenizer *scored,
                      struct error *err)
{
    enum front front = find_front(run);
    bool adds = find_front(scored) == FRONT_MARK;
    const char *what = run->byte_level           ? "spells a text by its bytes"
                       : front == FRONT_OTHER    ? "changes the letters of a text otherwise"
                       : run->splitter.count > 0 ? "cuts texts into words first"
                       : run->whole_words        ? "has \"ignore_merges\""
                                                 : NULL;
    if (what)
        return error_set(
            err,
            "%s: tokenizer.json %s, which a GGUF file cannot say (spaces become "
            "U+2581, with one in front of every text or of none), and tokenizer.model beside "
            "it is what the file would go by; take that away where it is another "
            "model's, or export a folder instead",
            run->path, what);
    return adds == (front != FRONT_NOTHING)
               ? 0
               : error_set(err,
                           "%s: tokenizer.json puts %s in front of a text, and a GGUF file would "
                           "have %s there, as it goes by \"add_prefix_space\" of "
                           "tokenizer_config.json (true where that is not said, or not of a Llama "
                           "or Mistral); set that, or export a folder instead",
                           run->path, adds ? "no space" : "a space", adds ? "one" : "none");
}

/* --- merges --- */

static int compare_ranks(const void *a, const void *b)
{
    const struct merge *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int refuse_merge(const struct tokenizer *run, const struct merge *merge, const char *ours,
                        const char *theirs, struct error *err)
{
    return error_set(err,
                     "%s: the run, by tokenizer.json, %s \"%.60s\" and \"%.60s\", and a GGUF file, "
                     "by the scores of tokenizer.model, would %s, so texts would get other ids; %s",
                     run->path, ours, tokenizer_token_text(run, merge->left),
                     tokenizer_token_text(run, merge->right), theirs, advice);
}

/* The table's merges by rank, but for those that make or take an added token: these are cut out
 * before anything is joined. */
static struct merge *list_merges(size_t *count, const struct merge_table *table,
                                 const unsigned char *added, size_t size, struct error *err)
{
    struct merge *list = array_alloc(table->used + 1, sizeof *list, err);
    *count = 0;
    for (size_t i = 0; list && i < table->slot_count; i++) {
        const struct merge *m = &table->slots[i];
        const int32_t ids[] = {m->left, m->right, m->id};
        bool joins = m->left >= 0;
        for (int k = 0; joins && k < 3; k++)
            joins = (size_t)ids[k] >= size || added[ids[k]] == ADDED_NOT;
        if (joins)
            list[(*count)++] = *m;
    }
    if (list)
        qsort(list, *count, sizeof *list, compare_ranks);
    return list;
}

/* Each of the run's merges, the best first, is one of the scores, and none has a better score than
 * one before it. Of pairs of one score the order is free: those are the ways to one token, and
 * Llama 2's runs of spaces, which all score -1e9 and whose order SentencePiece does not have. */
static int check_order(const struct tokenizer *run, const struct tokenizer *scored,
                       const struct merge *merges, size_t count, struct error *err)
{
    int32_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        const struct merge *theirs =
            merge_table_find(&scored->merges, merges[i].left, merges[i].right);
        if (!theirs || theirs->rank < rank)
            return refuse_merge(run, &merges[i], "joins",
                                theirs ? "join them in another order" : "not", err);
        rank = theirs->rank;
    }
    return 0;
}

static int check_merges(const struct tokenizer *run, const struct tokenizer *scored,
                        struct error *err)
{
    size_t size = run->vocabulary.size, count = 0, their_count = 0;
    unsigned char *added = array_alloc(size, 1, err);
    struct merge *ours = NULL, *theirs = NULL;
    int status = -1;
    if (!added)
        return -1;
    tokenizer_added_kinds(run, added);
    ours = list_merges(&count, &run->merges, added, size, err);
    theirs = ours ? list_merges(&their_count, &scored->merges, added, size, err) : NULL;
    if (theirs)
        status = check_order(run, scored, ours, count, err);
    for (size_t i = 0; status == 0 && i < their_count; i++)
        if (!merge_table_find(&run->merges, theirs[i].left, theirs[i].right))
            status = refuse_merge(run, &theirs[i], "does not join", "join them", err);
    free(theirs);
    free(ours);
    free(added);
    return status;
}

int tokenizer_check_scored(const struct tokenizer *run, const struct tokenizer *scored, bool *first,
                           struct error *err)
{
    *first = find_front(run) == FRONT_SOMETIMES;
    return check_text(run, scored, err) == 0 ? check_merges(run, scored, err) : -1;
}
