/* A look at data: records one by one, as the model will see them.
 *
 * A record is what records.h cuts: a line of a .jsonl, an element of an array, a document of a
 * .txt. Its row is its number in the data, from 1 over all files in their order; records that are
 * left out of training count, so that row N is always the same record. Files are read as streams up
 * to the record that is looked at: no other record's tokens are made, none is kept.
 */
#ifndef SPECTRUM_TEXT_DATASET_RECORD_LOOK_H
#define SPECTRUM_TEXT_DATASET_RECORD_LOOK_H

#include "text/dataset/dataset.h"
#include "text/tokenizer/tokenizer.h"

struct record_look {
    char *path; /* of its file */
    size_t line;
    uint64_t row;
    bool prompted;               /* it has a prompt or turns, as DOCUMENT_PROMPTED has it */
    bool undesired;              /* KTO's label is false: nothing of it is trained */
    char *form;                  /* "plain text", or struct form's name (forms.h) */
    struct dataset_notes unread; /* its columns with something in them that is not read */
    struct token_list tokens;    /* ids and weights; of fewer than two, it is left out */
    size_t bytes;                /* of the file that it takes */
    bool cut; /* a document of a .txt of which these are the first LOOK_TOKENS_MAX */
};
enum { LOOK_TOKENS_MAX = 1 << 16 };
void record_look_free(struct record_look *look);

/* Over all records from the first. Options and tokenizer must outlive it. */
struct record_walk;
int record_walk_open(struct record_walk **out, const char *const *paths, size_t path_count,
                     const struct dataset_options *options, struct tokenizer *tokenizer,
                     struct error *err);
void record_walk_close(struct record_walk *walk);

/* 1: *out is the next record, to be freed; 0: there are no more; -1, with file and line. */
int record_walk_next(struct record_walk *walk, struct record_look *out, struct error *err);

/* Record `row` alone. ERROR_USAGE, with the number of records, where there are fewer. */
int record_look_at(struct record_look *out, const char *const *paths, size_t path_count,
                   const struct dataset_options *options, struct tokenizer *tokenizer, uint64_t row,
                   struct error *err);

/* Whether token i is a target: it has a weight, and something before it that it is predicted from.
 * A document's first token may have a weight, as it has a label in transformers; nothing comes of
 * it.
 */
bool record_look_trains(const struct token_list *tokens, size_t i);
uint64_t record_look_supervised(const struct token_list *tokens);

/* Appends what a token stands for as a JSON string: its bytes where they are text, else the
 * vocabulary's spelling. */
void record_look_put_piece(struct buffer *out, const struct tokenizer *tokenizer, int32_t id);

/* How a record's text is written. */
struct look_style {
    const char *begin, *end; /* around what is trained */
    const char *newline;     /* in the place of a line's end */
    size_t run_most; /* bytes of a stretch that is trained, or that is not; 0: all. Of a longer one
                        its beginning and end are written */
    size_t most;     /* bytes of the whole; 0: all */
};

/* Appends the text of the tokens, what is trained between marks; what a terminal must not have is
 * '?', so that only `begin`, `end` and `newline` can have controls. */
void record_look_put_text(struct buffer *out, const struct token_list *tokens,
                          const struct tokenizer *tokenizer, const struct look_style *style);

#endif
