/* A look at data: records one by one, as the model will see them, and what forms they have.
 *
 * A record is what records.h cuts: a line of a .jsonl, an element of an array, a document of a
 * .txt. Its row is its number in the data, from 1 over all files in their order; records that are
 * left out of training count, so that row N is always the same record. Files are read as streams up
 * to the record that is looked at: no other record's tokens are made, none is kept.
 */
#ifndef SPECTRUM_TEXT_RECORD_LOOK_H
#define SPECTRUM_TEXT_RECORD_LOOK_H

#include "text/dataset.h"

/* Names in records, and how many records have each: of columns, of forms. */
struct name_count {
    char *name; /* as it stands in the file: hostile */
    uint64_t records;
};
struct name_counts {
    struct name_count *items; /* in the order in which they were met */
    size_t count, capacity;
    uint64_t others; /* mentions of names beyond the first NAME_COUNTS_MAX */
};
enum { NAME_COUNTS_MAX = 64 };

struct record_look {
    char *path; /* of its file */
    size_t line;
    uint64_t row;
    char *form;                  /* "messages", "prompt and completion", "plain text", ... */
    struct name_counts not_read; /* its columns that nothing is made of */
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

/* The forms of the first `most` records (0: of all), and the columns that are not read. `watch`
 * (may be NULL) is asked now and then whether to stop. */
struct data_survey {
    size_t files;     /* of the data */
    uint64_t records; /* looked at */
    bool more;        /* there are others behind them */
    struct name_counts forms, not_read;
};
int data_survey(struct data_survey *out, const char *const *paths, size_t path_count,
                const struct dataset_options *options, struct tokenizer *tokenizer, uint64_t most,
                const struct dataset_watch *watch, struct error *err);
void data_survey_free(struct data_survey *survey);

/* "messages (12), text (3)": appends names that a terminal can show. */
void name_counts_put(struct buffer *out, const struct name_counts *names);

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
