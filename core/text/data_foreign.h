/* What people have as data and no reader here takes: other tools' tables, archives of other kinds,
 * other encodings, a pointer or a web page in the file's place. Each is told by its first bytes, or
 * by its name, and refused in one line with the command that makes a data file of it.
 */
#ifndef SPECTRUM_TEXT_DATA_FOREIGN_H
#define SPECTRUM_TEXT_DATA_FOREIGN_H

#include "text/data_stream.h"

/* So much of an unpacked file is enough to tell it by. */
enum { DATA_HEAD = 4096 };

/* Whether it is one of other tools' data, which converting would make ours. */
bool data_name_is_foreign(const char *path);

/* An error where a file of that name that begins so is none that can be read. */
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

#endif
