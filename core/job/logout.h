/* The logout check: what ends a job here although it outlives its window. A system may kill a user's
 * processes at logout (systemd-logind's KillUserProcesses), and a batch allocation may be over. It is
 * said before a job is started, with what helps.
 */
#ifndef SPECTRUM_JOB_LOGOUT_H
#define SPECTRUM_JOB_LOGOUT_H

#include <stdbool.h>
#include <stddef.h>

/* True, with a line for the user in `out`, where something is known that ends jobs. `root` is the folder
 * under which etc/systemd/logind.conf and var/lib/systemd/linger lie: "" for the machine's own. */
bool job_logout_warning(const char *root, char *out, size_t size);

#endif
