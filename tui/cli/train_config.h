/* `spectrum train --config FILE`: the command line that file and arguments make together. */
#ifndef SPECTRUM_TUI_CLI_TRAIN_CONFIG_H
#define SPECTRUM_TUI_CLI_TRAIN_CONFIG_H

#include "job/training_options.h"
#include "job/trust.h"

/* Of a request that was parsed from argv, and has a config: the arguments in its place, a NULL at
 * their end, free()d with run_config_free_arguments(). What another user may have written is
 * listed, and refused without --trust. */
char **train_config_expand(const struct training_request *request, int argc, char *const argv[],
                           int *count, struct error *err);

/* What it reads, in full, one file a line on standard error: an error's line may not have room for
 * all. */
void trust_say(const struct job_trust *trust);

#endif
