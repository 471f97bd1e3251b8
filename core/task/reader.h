/* A file of records, of whichever form it has. */
#ifndef SPECTRUM_TASK_READER_H
#define SPECTRUM_TASK_READER_H

#include "task/forms.h"

/* NULL where it has none of the forms (a NULL ends them); `task` is named then. */
struct task_reader *task_reader_open(const char *path, const struct task_form *const *forms,
                                     const char *task, struct error *err);
void task_reader_close(struct task_reader *reader); /* NULL is fine */

/* 1: *record is the next, to be freed; 0: there is none; -1. A file without any is an error. */
int task_reader_next(struct task_reader *reader, struct task_record *record, struct error *err);

#endif
