/* A look at the form's data: its first records as a run with these fields would see them, and what
 * becomes of those that are longer than a row.
 *
 * A look is records of LOOK_BYTES, LOOK_RECORDS_MAX of them at most, however large the data is, so
 * it opens at once. They go the way that a run's do (text/dataset/record_look.h): the same reader,
 * template, tokenizer and mask. What of them the sequence length cuts is reckoned as a run does it
 * (text/packing/pieces.h), from their lengths, which a session keeps: so the form can say it for
 * another sequence length without reading anything.
 */
#ifndef SPECTRUM_TUI_SESSION_DATA_LOOK_H
#define SPECTRUM_TUI_SESSION_DATA_LOOK_H

#include "text/dataset/record_look.h"
#include "text/packing/pieces.h"
#include "tui/session/settings.h"

struct model;

enum { LOOK_BYTES = 256 * 1024, LOOK_RECORDS_MAX = 4096 };

struct data_look {
    struct tokenizer *tokenizer;
    struct record_look *records; /* at least one; those that are left out, too */
    size_t count, capacity;
    uint64_t tokens, supervised; /* of these records */
    size_t undesired, too_short; /* of these records: KTO's with label false; left out */
    bool cut;                    /* the data goes on */
    int64_t seq_len; /* of the form, when it was read; and what is done with longer ones */
    enum long_documents how;
    char marks[200]; /* of the template that are not tokens, to be shown; "": none, or they were
                        added */
};

/* The largest .json array, which is read whole: of a look that is asked for, and of one that nobody
 * waits for. */
enum look_array { LOOK_ARRAY_ASKED = 64 << 20, LOOK_ARRAY_UNASKED = 4 << 20 };

/* Of one of what the form names, or of all (path NULL). Nothing is to be freed after an error. */
int data_look_read(struct data_look *look, const struct model *model,
                   const struct settings *settings, const char *path, enum look_array most,
                   struct error *err);
void data_look_free(struct data_look *look);

/* What becomes of a record of the look at its sequence length. */
enum piece_fate data_look_fate(const struct data_look *look, const struct record_look *record);

/* How many records are longer than a row, and what becomes of those; `empty`: of the ones that are cut
 * off those with nothing left to train. */
struct cut_counts {
    size_t records, dropped, truncated, split, empty;
    bool more; /* the data goes on behind these records */
};
void data_look_count(struct cut_counts *out, const struct data_look *look);
/* "10 cut off, 2 left out, 1 split"; "": none is longer. */
void cut_counts_put(const struct cut_counts *counts, char *out, size_t size);

/* --- what is kept of it --- */

struct record_length {
    uint32_t tokens, first_target; /* its place; `tokens`: nothing is trained */
    bool prompted;
};

/* The lengths of the records that were looked at last. */
struct data_lengths {
    char *key; /* of data and how they are read; NULL: nothing was looked at */
    struct record_length *items;
    size_t count;
    bool cut; /* the data goes on */
};

/* Where memory runs out, nothing is kept. */
void data_lengths_keep(struct data_lengths *lengths, const struct data_look *look,
                       const struct settings *settings, const char *path);
void data_lengths_free(struct data_lengths *lengths);

/* False: these data were not looked at, or are read in another way now. */
bool data_lengths_count(struct cut_counts *out, const struct data_lengths *lengths,
                        const struct settings *settings);

#endif
