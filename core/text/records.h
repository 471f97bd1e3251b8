/* Data files cut into records: the lines of .jsonl, the elements of a .json array, the one
 * object of a .json, the documents of a .txt; each with the line that it begins on.
 *
 * Lines and texts are read as a stream: no more of them is in memory than a line, or than the part
 * of a text that is given out at once. A .json is one value and is read whole.
 */
#ifndef SPECTRUM_TEXT_RECORDS_H
#define SPECTRUM_TEXT_RECORDS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer document of a .txt comes in parts. */
enum { RECORD_PART_MAX = 1 << 20 };

enum record_form { RECORD_TEXT, RECORD_LINES, RECORD_ARRAY, RECORD_OBJECT };

struct record_reader {
    const char *path; /* the caller's */
    const char *mark; /* between documents of a text; NULL or "": one document */
    enum record_form form;
    int fd;
    uint64_t size, read;   /* of the file; bytes of it that were read */
    struct buffer content; /* what is in hand */
    size_t at;             /* next byte of it */
    size_t line;           /* of that byte, from 1 */
    bool begun;            /* .json: its array or object is; .txt: the document is */
};

struct record {
    const char *text; /* inside the reader's content, not ended by a NUL; until the next one */
    size_t length;
    size_t line;
    bool goes_on, unended; /* a part of a document: not its first, not its last */
};

/* Opens the file and tells its form by name and content. Parquet, Arrow and compressed files are
 * refused with the line that converts them. Free the reader in any case. */
int record_reader_open(struct record_reader *reader, const char *path, const char *mark,
                       struct error *err);
void record_reader_free(struct record_reader *reader);

/* Whether the name is one of a data file's. */
bool record_file_name(const char *path);

/* Where to cut text[0..length) so that both parts give the tokens of the whole: behind a line's end
 * or else before a space, each with no white space around it, where every pre-tokenizer that is
 * known here cuts, too. Where there is neither, a letter's beginning; one token may differ then. */
size_t record_seam(const char *text, size_t length);

/* 1: *out is the next record; 0: there are no more; -1. */
int record_next(struct record_reader *reader, struct record *out, struct error *err);

#endif
