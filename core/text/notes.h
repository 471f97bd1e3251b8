/* What was seen in the records of a data set: names with a count and a first place. Kept with the
 * tokens, where files are known by their number. */
#ifndef SPECTRUM_TEXT_NOTES_H
#define SPECTRUM_TEXT_NOTES_H

#include "base/json_writer.h"
#include "text/data_files.h"
#include "text/dataset.h"
#include "text/forms.h"

/* Counts one more of `text`. A name that comes when 256 are there is not noted. */
int notes_add(struct dataset_notes *notes, const char *text, size_t file, size_t line,
              struct error *err);

/* Adds what has something in it and was not read: columns of the record that form_encode() gave
 * `form` for, and members of its turns ("messages[].thought"). */
int notes_add_unread(struct dataset_notes *notes, const struct form *form, const cJSON *record,
                     size_t file, size_t line, struct error *err);

/* Fills the paths. */
int notes_name_files(struct dataset_notes *notes, const struct data_files *files,
                     struct error *err);

/* As a list, and back; what was read is hostile. */
void notes_put(struct json_writer *json, const struct dataset_notes *notes);
int notes_get(struct dataset_notes *out, const cJSON *list, struct error *err);

/* --- for whoever is told --- */

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
