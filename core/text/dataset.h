/* A data set: tokenised documents with weights of the loss, in memory or on disk.
 *
 * dataset_open.h makes one of files; dataset_read() gives its tokens, pieces.h cuts it into what
 * fits a row, packing.h fills rows; dataset_free() ends it. What was seen on the way (forms,
 * columns that are not read) stays with it: notes.h says it.
 */
#ifndef SPECTRUM_TEXT_DATASET_H
#define SPECTRUM_TEXT_DATASET_H

#include "base/hash.h"
#include "text/token_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Documents one after another. Document i is [offsets[i], offsets[i+1]) of ids and weights. */
struct dataset {
    int32_t *ids;        /* NULL: they lie in `file`; dataset_read() knows both */
    float *weights;      /* how much the loss counts this token as a target; 0: not */
    uint64_t *offsets;   /* [documents + 1] */
    uint8_t *kinds;      /* [documents] of enum document_kind; NULL: all 0 */
    size_t documents;    /* at least 1 */
    size_t left_out;     /* records of fewer than two tokens */
    uint64_t tokens;     /* offsets[documents] */
    uint64_t supervised; /* targets of a weight above 0: such tokens but for a document's first */
    bool weighted;       /* some weights are neither 0 nor 1 */
    bool templated;      /* a chat template wrote some of the records */
    size_t undesired;    /* KTO's records whose label is false: no target of them has a weight */
    struct dataset_notes recognised; /* forms of records (struct form's name, forms.h) */
    struct dataset_notes unread;     /* columns with something in them that is not read */
    struct dataset_notes
        absent;           /* "--columns key=name", "--mark text" of what is nowhere in the data */
    char fingerprint[33]; /* of ids, weights, offsets and kinds */
    struct dataset_source *sources; /* [source_count], one for each path, in their order */
    size_t source_count;
    struct token_reader *file;
};

void dataset_free(struct dataset *dataset);

/* Ids and weights of tokens [from, from + count), which are there; either may be NULL. Fails only
 * where they lie in a file. */
int dataset_read(const struct dataset *dataset, uint64_t from, size_t count, int32_t *ids,
                 float *weights, struct error *err);

/* The largest id, or one that is negative where there is one. */
int32_t dataset_largest_id(const struct dataset *dataset);

/* The error of a --template that wrote no record of some data sets, for whoever asked them all
 * (template_may_rest). */
int dataset_refuse_template(const char *path, const char *template_name, struct error *err);

/* The error of --columns and --mark that name what is nowhere in the data set, nor in the other one
 * where that is not NULL (names_may_rest). 0: there is none. */
int dataset_check_absent(const struct dataset *data, const struct dataset *other, const char *path,
                         struct error *err);

int dataset_kind(const struct dataset *dataset, size_t document);

/* True when every target counts (plain text): worth a line to whoever meant to train on replies. */
bool dataset_all_supervised(const struct dataset *dataset);

#endif
