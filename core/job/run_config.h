/* A run that a file describes: `spectrum train --config FILE`.
 *
 *     struct run_config      what the file says: a model, and values of rows of training_options
 *       run_config_read()    of YAML, or of another run's job.json
 *       run_config_look()    whether the user is to be asked before anything of it is read
 *       run_config_merge()   the command line that says the same: what the file says and then what
 *                            was typed, which counts
 *
 * From there on it is a command line as any other, and that is what job.json has of it: a run
 * resumes although its file was changed or is gone.
 *
 * YAML is flat: a mapping from names of options (with "-" or "_") to a text, a number, true or
 * false, or, where an option may be given several times, a list of them; "model" is the MODEL.
 * Aliases, anchors, nesting and further documents are refused, so nothing can expand. Of a job.json
 * "arguments" is what counts, what that run was asked for, but for its folder (--run) and how the
 * command ran.
 *
 * Relative paths are from the file's folder, or, in a job.json, from where that run was started:
 * they mean the same wherever the file is used from. "~" is the home.
 */
#ifndef SPECTRUM_JOB_RUN_CONFIG_H
#define SPECTRUM_JOB_RUN_CONFIG_H

#include "base/option.h"
#include "job/trust.h"

enum { RUN_CONFIG_MAX = 1 << 20 }; /* bytes of a YAML file */

struct run_config_entry {
    size_t row; /* of training_options */
    char *text; /* NULL: a flag */
};

struct run_config {
    char *path;   /* the file */
    char *folder; /* from which its relative paths are, as it says, or its own */
    bool record;  /* it is a job.json */
    char *model;  /* NULL: it names none */
    struct run_config_entry *entries;
    size_t count, capacity;
    cJSON *said; /* what it says as a job.json does, so that both are looked at in one way; a
                    job.json itself */
};

/* `path`: a file, or a run's folder. What is not an option, or no value for it, is ERROR_USAGE with
 * file and line. *out is to be freed in any case. */
int run_config_read(struct run_config *out, const char *path, struct error *err);
void run_config_free(struct run_config *config);

/* What its model and files are (*out is valid as long as the config), and whether the user has to be asked (job/trust.h): where the file
 * is another user's or others may write it; of a job.json also as for a resume. */
int run_config_look(struct job_trust *out, struct run_config *config, struct error *err);

/* The command line argv[0..argc) of `train` with what the file says before what it says itself, and
 * without --config: a list of *count texts, and a NULL, free()d with run_config_free_arguments().
 * `given`: its options; `model`: its MODEL, or NULL. */
char **run_config_merge(const struct run_config *config, const struct option_given *given,
                        const char *model, int argc, char *const argv[], int *count,
                        struct error *err);
void run_config_free_arguments(char **arguments);

/* --- for the reader of YAML (run_config_yaml.c) --- */

/* Adds what the file says of `key`; `line` 0: it has no lines. */
int run_config_add(struct run_config *config, const char *key, const char *text, size_t line,
                   struct error *err);
/* The row of a key: the table's count for "model", and an error for what is no key. */
int run_config_find(size_t *row, const struct run_config *config, const char *key, size_t line,
                    struct error *err);
/* "FILE:12: " before what an error says. */
int run_config_at(const struct run_config *config, size_t line, struct error *err);
int run_config_read_yaml(struct run_config *config, const char *text, size_t length,
                         struct error *err);

#endif
