/* Data files cut into records: the lines of .jsonl, the elements of an array, the one object of a
 * .json, the documents of a .txt; each with the line that it begins on. Packed files
 * (data_stream.h) are read as what is in them.
 *
 * Lines and texts are read as a stream: no more of them is in memory than a line, or than the part
 * of a text that is given out at once. A .json is one value and is read whole, and so is a .jsonl
 * that is one array.
 *
 * Everything is UTF-8; a byte order mark before it is no text. Lines end in "\n" or "\r\n", the
 * last one may end without; blank ones are passed over. In a .txt "\r\n" and "\r" arrive as "\n",
 * as Python's open() gives them, so that a text is the same data on whatever system it was saved;
 * all other characters stay, but NUL, which is refused.
 */
#ifndef SPECTRUM_TEXT_RECORDS_H
#define SPECTRUM_TEXT_RECORDS_H

#include "base/json.h"
#include "text/data_stream.h"

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
    struct data_stream stream;
    bool ended;            /* all of the stream was read */
    bool after_cr;         /* .txt: the last byte that was read was a "\r" */
    struct buffer content; /* what is in hand */
    size_t at;             /* next byte of it */
    size_t line;           /* of that byte, from 1 */
    size_t count;          /* records that were given out */
    bool begun;            /* an array or object is; .txt: the document is */
};

struct record {
    const char *text; /* inside the reader's content, not ended by a NUL; until the next one */
    size_t length;
    size_t line;
    bool goes_on, unended; /* a part of a document: not its first, not its last */
    bool marked;           /* a document that the mark ends */
    const struct record_reader *reader;
};

/* Opens the file and tells its form by name and content. What is none of the forms, or empty, is
 * refused with what makes it one (data_foreign.h). Free the reader in any case. */
int record_reader_open(struct record_reader *reader, const char *path, const char *mark,
                       struct error *err);
void record_reader_free(struct record_reader *reader);

/* Where to cut text[0..length) so that both parts give the tokens of the whole: after a line's end
 * or else before a space, each with no white space around it, where every pre-tokenizer that is
 * known here cuts, too. Where there is neither, a letter's beginning; one token may differ then. */
size_t record_seam(const char *text, size_t length);

/* 1: *out is the next record, in UTF-8 without a NUL; 0: there are no more; -1, also where there is
 * none at all. Messages begin with file and line. */
int record_next(struct record_reader *reader, struct record *out, struct error *err);

#endif
