/* Data files cut into records: the lines of .jsonl, the elements of an array, the one object of a
 * .json, the documents of a .txt; each with the line that it begins on. Below that, what a file is
 * by its name, its bytes unpacked, and what other tools' files are told by.
 *
 *     data_stream (stream.c) -> data_foreign_check (foreign.c) -> record_reader (records.c)
 *                            -> record_parse (parse.c)
 *
 * A reader and a stream lie in their caller's memory; whoever opened one frees it also after an
 * error. A record points into its reader, until the next one is taken. Errors begin with the file,
 * and with the line where it is known.
 *
 * Lines and texts are read as a stream: no more of them is in memory than a line, or than the part
 * of a text that is given out at once. A .json is one value and is read whole, and so is a .jsonl
 * that is one array.
 *
 * Everything is UTF-8; a byte order mark before it is not text. Lines end in "\n" or "\r\n", the
 * last one may end without; blank ones are passed over. In a .txt "\r\n" and "\r" arrive as "\n",
 * as Python's open() gives them, so that a text is the same data on whatever system it was saved;
 * all other characters stay, but NUL, which is refused.
 */
#ifndef SPECTRUM_TEXT_DATA_RECORDS_H
#define SPECTRUM_TEXT_DATA_RECORDS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- names: what they say, and how they stand in a command to be copied --- */

/* Whether the file's name, less a ".gz" or ".zst", ends so; capitals are letters. */
bool data_name_ends(const char *path, const char *ending);

/* ".txt", ".jsonl", ".ndjson" or ".json": what the name of a data file says of its form, packed or
 * not; "" for any other file. */
const char *data_name_form(const char *path);

/* The path as it may stand between single quotes in a command to be copied, also inside Python's
 * that is between double ones: "FILE" where it has what would need more care, or is long. */
const char *data_path_in_command(const char *path);

/* --- the bytes of a file --- */

enum data_packing { DATA_PLAIN, DATA_GZIP, DATA_ZSTD };

/* The bytes of a data file in their order, unpacked where it is gzip or zstd: told by its first
 * bytes, whatever its name. Members and frames that lie one after another are one file. No more of
 * it is in memory than a window, so a small file that unpacks to a large one costs time alone. */
struct data_stream {
    const char *path; /* the caller's */
    int fd;
    uint64_t size, taken; /* of the file; bytes of it that were read */
    enum data_packing packing;
    void *unpacker;    /* zlib's z_stream or a ZSTD_DStream */
    struct buffer raw; /* packed bytes in hand */
    size_t at;         /* next one of them */
    bool inside;       /* in a member or frame, which must end */
    bool full;         /* the unpacker may hold more than it had room for */
};

/* Close it in any case. */
int data_stream_open(struct data_stream *stream, const char *path, struct error *err);
void data_stream_close(struct data_stream *stream);

/* The next `count` bytes into `out`; *got is less only where the file ends. An archive that is cut
 * off or damaged is an error. */
int data_stream_read(struct data_stream *stream, void *out, size_t count, size_t *got,
                     struct error *err);

/* --- what people have as data and no reader here takes --- */

/* Other tools' tables, archives of other kinds, other encodings, a pointer or a web page in the
 * file's place: each is told by its first bytes, or by its name, and refused in one line with the
 * command that makes a data file of it. */

/* So much of an unpacked file is enough to tell it by. */
enum { DATA_HEAD = 4096 };

/* Whether it is one of other tools' data, which converting would make ours. */
bool data_name_is_foreign(const char *path);

/* An error where a file of that name that begins so cannot be read here. */
int data_foreign_check(const struct data_stream *stream, const char *head, size_t length,
                       struct error *err);

/* Whether the folder of such a file is refused also where it has data of ours: tables in text, and
 * sheets, may be notes about it. */
bool data_name_is_rival(const char *path);

/* The refusal of a folder for a foreign file in it. */
int data_foreign_folder(const char *folder, const char *file, struct error *err);

/* "<command> '<path>' > NEW<ending>", which unpacks first where that is needed. */
enum { DATA_REMEDY_MAX = 480 };
void data_remedy(const struct data_stream *stream, const char *command, char out[DATA_REMEDY_MAX]);

/* An error "<path>[:<line>]: <what>: <remedy>"; line 0: none. */
int data_refuse_with(const struct data_stream *stream, size_t line, const char *what,
                     const char *command, struct error *err);

/* --- records --- */

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

/* Opens the file and tells its form by name and content. What has none of the forms, or is empty,
 * is refused with what makes it one. Free the reader in any case. */
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

/* The tree of a record of JSON, with numbers as they are written: an object or a text; the caller's
 * to free. Where it is neither, NULL, *line is the line of the file that is wrong, and the message,
 * which has no file and line, says how. */
cJSON *record_parse(const struct record *record, size_t *line, struct error *err);

#endif
