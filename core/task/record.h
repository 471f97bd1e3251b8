/* A record of a data set, whatever its form calls what it has; the file that it is read from, as its
 * form sees it; and what forms put records together by. */
#ifndef SPECTRUM_TASK_RECORD_H
#define SPECTRUM_TASK_RECORD_H

#include "base/json.h"
#include "task/source.h"

enum { TASK_CHOICES_MAX = 64 };

/* What is asked, whatever it was called; texts are the record's own. */
struct task_record {
    size_t line;
    char *question; /* what is asked, or goes on */
    char *about;    /* a passage, a subject, an activity; NULL: there is none */
    char *choices[TASK_CHOICES_MAX];
    int count, gold;
    char *answer; /* of a problem: how it is solved, and the number */
};
void task_record_free(struct task_record *record);

struct task_form; /* forms.h */

/* A file of records (reader.h). */
struct task_reader {
    struct task_source source;
    const struct task_form *form;
    struct task_source labels; /* of PIQA: a file beside, with a label a line; or closed */
    char *path, *labels_path;
    bool lines;          /* of JSON, each a record */
    cJSON *json;         /* the line in hand; NULL: it is none */
    struct task_row row; /* of a table */
    size_t columns[3];   /* where a table's head has them; its form's */
    char where[256];     /* file and line of the record, for messages */
    size_t records;
};

/* Copies a text of the record's; sets *to. */
int record_text(char **to, const char *text, size_t length, struct error *err);
/* The member `key` of the line's JSON, which must be a text. */
int record_member(char **to, const struct task_reader *reader, const char *key, struct error *err);
int record_choice(struct task_record *record, const struct task_reader *reader, const char *text,
                  size_t length, struct error *err);
/* Which choice is right, from 0; an error where there is no such choice. */
int record_gold(struct task_record *record, const struct task_reader *reader, const char *key,
                double gold, struct error *err);

#endif
