/* The files of a task below a folder. Internal to core/task. */
#ifndef SPECTRUM_TASK_FIND_H
#define SPECTRUM_TASK_FIND_H

#include "task/task.h"

/* Paths in the order of their names; at least one. */
struct task_files {
    char **paths;
    size_t count, capacity;
};
void task_files_free(struct task_files *files);

/* A file is a task's if it, or a folder on its way, is called so: "arc_easy" as a word of its name,
 * with anything around it. Of several those of the split that the task takes. None, and several for
 * a task of one file, are errors that name what to do. */
int task_files_find(struct task_files *files, const struct task *task, const char *folder,
                    struct error *err);

#endif
