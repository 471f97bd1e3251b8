/* The forms in which data sets are published, and what a record of any of them says.
 *
 * A form is told by its members, not by a file's name: those of a file's first line (of a table, its
 * first row). All other records must have it then. What a record lacks is named with file and line.
 */
#ifndef SPECTRUM_TASK_FORMS_H
#define SPECTRUM_TASK_FORMS_H

#include "task/record.h"

struct task_form {
    const char *members; /* what it is told by, for people: "question, choices, answerKey" */
    const char *of;      /* who publishes it so */
    bool (*is)(const struct task_reader *reader);
    /* The next record: 1, 0 at the end, -1. */
    int (*read)(struct task_reader *reader, struct task_record *record, struct error *err);
};

extern const struct task_form form_query, form_arc, form_hellaswag, form_hellaswag_text,
    form_winogrande, form_mmlu, form_mmlu_table, form_truthfulqa, form_truthfulqa_table, form_piqa,
    form_boolq, form_gsm8k;

#endif
