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

#include "job/run_config_values.h"
#include "job/trust.h"

enum { RUN_CONFIG_MAX = 1 << 20 }; /* bytes of the file */

/* `path`: a file, or a run's folder. What is not an option, or no value for it, is ERROR_USAGE with
 * file and line. *out is to be freed in any case. */
int run_config_read(struct run_config *out, const char *path, struct error *err);
void run_config_free(struct run_config *config);

/* What its model and files are (*out is valid as long as the config), and whether the user has to
 * be asked (job/trust.h): where the file is another user's or others may write it; of a job.json
 * also as for a resume. */
int run_config_look(struct job_trust *out, struct run_config *config, struct error *err);

/* Refuses another run's record in which "model" and "arguments" name two models (job/trust.h),
 * where no MODEL is typed that counts instead. */
int run_config_check_model(const struct run_config *config, struct error *err);

/* Does it say from which checkpoint of its model the run begins? Of another model that means
 * nothing: where one is typed, it is left out. */
bool run_config_has_start(const struct run_config *config);

/* The command line argv[0..argc) of `train` with what the file says before what it says itself, and
 * without --config: a list of *count texts, and a NULL, free()d with run_config_free_arguments().
 * `given`: its options; `model`: its MODEL, or NULL. */
char **run_config_merge(const struct run_config *config, const struct option_given *given,
                        const char *model, int argc, char *const argv[], int *count,
                        struct error *err);
void run_config_free_arguments(char **arguments);

#endif
