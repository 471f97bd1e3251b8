/* What ends a job here although it outlives its window: a system that kills a user's processes at
 * logout, a batch allocation that is over. Said before a job is started, with what helps. */
#ifndef SPECTRUM_JOB_SURVIVAL_H
#define SPECTRUM_JOB_SURVIVAL_H

#include <stdbool.h>
#include <stddef.h>

/* True, with a line for the user, where something is known that ends jobs. `root` is the folder
 * under which etc/systemd/logind.conf and var/lib/systemd/linger lie: "" for the machine's own. */
bool job_survival_warning(const char *root, char *out, size_t size);

#endif
