/* Data files cut into records: the lines of .jsonl, the elements of a .json array, the one
 * object of a .json, the documents of a .txt; each with the line that it begins on. */
#ifndef SPECTRUM_TEXT_RECORDS_H
#define SPECTRUM_TEXT_RECORDS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum record_form { RECORD_TEXT, RECORD_LINES, RECORD_ARRAY, RECORD_OBJECT };

struct record_reader {
    const char *path; /* the caller's */
    const char *mark; /* between documents of a text; NULL or "": one document */
    enum record_form form;
    struct buffer content;
    size_t at;   /* next byte */
    size_t line; /* of that byte, from 1 */
    bool begun;
};

struct record {
    const char *text; /* inside the reader's content, not ended by a NUL */
    size_t length;
    size_t line;
};

/* Reads the file and tells its form by name and content. Parquet, Arrow and compressed files are
 * refused with the line that converts them. Free the reader in any case. */
int record_reader_open(struct record_reader *reader, const char *path, const char *mark,
                       struct error *err);
void record_reader_free(struct record_reader *reader);

/* 1: *out is the next record; 0: there are no more; -1. */
int record_next(struct record_reader *reader, struct record *out, struct error *err);

#endif
