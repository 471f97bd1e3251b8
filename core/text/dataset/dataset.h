/* A data set: tokenised documents with weights of the loss, in memory or on disk.
 *
 *     dataset_open, dataset_load -> dataset_read; pieces and rows (text/packing) -> dataset_free
 *
 * A path is a file, or a folder: then all .txt, .jsonl and .json in it and below, in the byte order
 * of their paths. dataset_load() keeps the tokens in memory. dataset_open() is for data of any
 * size: it tokenises once, into a file of the user's cache folder that the same data, tokenizer and
 * options find later, and reads from there.
 *
 * Forms, told apart by file name and by each object's keys: .txt (documents separated by a mark,
 * else the whole file), .jsonl and .json arrays of texts, and of the records that TRL, Axolotl and
 * LLaMA-Factory know (docs/training.md has the table, text/record the way of one record).
 * Plain text trains on every token; prompts and completions on the completion, conversations on the
 * assistant's turns; all as much as their weights say. A document begins with bos where the
 * tokenizer puts one, and ends with eos (conversations: with what their template ends with).
 * Documents of fewer than two tokens are left out, and counted.
 *
 * A struct dataset is its caller's and owns what it points to. It needs neither the tokenizer nor
 * the options once it is made. What was seen on the way (forms, columns that are not read) stays
 * with it.
 */
#ifndef SPECTRUM_TEXT_DATASET_DATASET_H
#define SPECTRUM_TEXT_DATASET_DATASET_H

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/work.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer; /* text/tokenizer/tokenizer.h */

/* What a data set is made with. */
struct dataset_options {
    const char *mark;          /* between documents of a .txt file; NULL or "": one document */
    const char *columns;       /* "prompt=question,completion=answer"; NULL: the forms' own names */
    const char *template_name; /* --template (text/template); NULL: the tokenizer's own */
    const char *date;          /* of a template that writes today's, "2026-11-29"; NULL: today */
    bool template_may_rest;    /* else a --template that writes no record of the data is an error */
    bool names_may_rest;       /* else a column or mark that is nowhere in the data is one */
};

/* For whoever waits for data to be read. Any member may be NULL. */
struct dataset_watch {
    void *context;
    void (*say)(void *context, const char *line); /* what is done now, what was found */
    bool (*stop)(void *context);                  /* true: give up, with ERROR_INTERRUPTED */
    bool untold; /* what was found is shown by whoever waits: say() has only what is done */
    const struct work_watch *work; /* how far it is */
};

/* What one of the paths gave: the documents from the end of the source before it up to `end`. */
struct dataset_source {
    size_t end;
    double weight; /* how often an epoch has them (packing.h): 1 until someone sets it; above 0 */
    char fingerprint[HASH_TEXT_SIZE]; /* of the path's content; "" after dataset_load() */
};

/* Something seen in the records: how often, and where first. */
struct dataset_note {
    char *text; /* cut after 80 bytes; as it stands in the file: unfit for a terminal */
    char *path; /* of the file, one of `file`s that the paths came to */
    size_t file, line, count;
};
struct dataset_notes {
    struct dataset_note *items; /* in the order in which they came, the first 256 */
    size_t count, capacity;
};
void dataset_notes_free(struct dataset_notes *notes);

/* What a document is, in bits. */
enum document_kind {
    DOCUMENT_PROMPTED = 1, /* a record with a prompt or turns: no part of it makes sense without its
                              beginning */
    DOCUMENT_STREAM = 2    /* a .txt without marks: one text, whose rows are as good as documents */
};

/* Where the tokens of a data set are read from, once their file was checked (token_file.c): ids
 * from the file's beginning on, then as many weights. */
struct token_reader {
    int fd;
    char *path; /* for messages */
    uint64_t tokens;
    int32_t largest_id;
};

/* Documents one after another. Document i is [offsets[i], offsets[i+1]) of ids and weights. */
struct dataset {
    int32_t *ids;        /* [tokens] NULL: they lie in `file`; dataset_read() knows both */
    float *weights;      /* [tokens] how much the loss counts this token as a target; 0: not */
    uint64_t *offsets;   /* [documents + 1] */
    uint8_t *kinds;      /* [documents] of enum document_kind; NULL: all 0 */
    size_t documents;    /* at least 1 */
    size_t left_out;     /* records of fewer than two tokens */
    uint64_t tokens;     /* offsets[documents] */
    uint64_t supervised; /* targets of a weight above 0: such tokens but for a document's first */
    bool weighted;       /* some weights are neither 0 nor 1 */
    bool templated;      /* a chat template wrote some of the records */
    size_t undesired;    /* KTO's records whose label is false: no target of them has a weight */
    struct dataset_notes recognised; /* forms of records (struct form's name) */
    struct dataset_notes unread;     /* columns with something in them that is not read */
    struct dataset_notes
        absent;           /* "--columns key=name", "--mark text" of what is nowhere in the data */
    char fingerprint[33]; /* of ids, weights, offsets and kinds */
    struct dataset_source *sources; /* [source_count], one for each path, in their order */
    size_t source_count;
    struct token_reader *file;
};

/* --- making one (open.c) --- */

/* 0 where `columns` (see dataset_options) can be understood, else ERROR_USAGE. */
int dataset_check_columns(const char *columns, struct error *err);

/* Reads and tokenises the files, in their order. Errors name file and line; data without a single
 * supervised token is an error. *out needs dataset_free() only after success. */
int dataset_load(struct dataset *out, const char *const *paths, size_t path_count,
                 const struct dataset_options *options, struct tokenizer *tokenizer,
                 struct error *err);

/* The same with the tokens on disk: no more of ids and weights is in memory at once than of a few
 * documents, 9 bytes a document stay. They are found under the content of the files, the tokenizer,
 * the template and the options, in "$XDG_CACHE_HOME/spectrum/data", and are all checked first; what
 * is damaged there is made once more. Where that folder cannot be written, a file without a name in
 * $TMPDIR (or /var/tmp) serves until dataset_free(). */
int dataset_open(struct dataset *out, const char *const *paths, size_t path_count,
                 const struct dataset_options *options, struct tokenizer *tokenizer,
                 const struct dataset_watch *watch, struct error *err);

void dataset_free(struct dataset *dataset);

/* --- reading it (dataset.c) --- */

/* Ids and weights of tokens [from, from + count), which are there; either may be NULL. Fails only
 * where they lie in a file. */
int dataset_read(const struct dataset *dataset, uint64_t from, size_t count, int32_t *ids,
                 float *weights, struct error *err);

/* A weight that is not finite, or below 0, would spoil every loss. */
bool token_weights_fit(const float *weights, size_t count);

/* The largest id, or one that is negative where there is one. */
int32_t dataset_largest_id(const struct dataset *dataset);

int dataset_kind(const struct dataset *dataset, size_t document);

/* True when every target counts (plain text): worth a line to whoever meant to train on replies. */
bool dataset_all_supervised(const struct dataset *dataset);

/* The error of a --template that wrote no record of some data sets, for whoever asked them all
 * (template_may_rest). */
int dataset_refuse_template(const char *path, const char *template_name, struct error *err);

/* The error of --columns and --mark that name what is nowhere in the data set, nor in the other one
 * where that is not NULL (names_may_rest). 0: there is none. */
int dataset_check_absent(const struct dataset *data, const struct dataset *other, const char *path,
                         struct error *err);

/* --- for whoever is told (notes.c) --- */

/* Lines for whoever watches: which forms were recognised, what is undesired, which columns were not
 * read. `what` stands in front of them: "data". dataset_open() says them itself. */
void dataset_tell(const struct dataset *dataset, const char *what,
                  void (*say)(void *context, const char *line), void *context);

/* Adds objects of counts under `key`: how many records each column is in, or had each form
 * (documents of a .txt are "plain text"). */
void dataset_put_counts(struct json_writer *json, const char *key,
                        const struct dataset_notes *notes);
void dataset_put_forms(struct json_writer *json, const char *key, const struct dataset *data);

/* Documents of .txt files, which have no form to be recognised, with those that were left out. */
size_t dataset_plain_texts(const struct dataset *data);

#endif
