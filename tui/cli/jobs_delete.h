/* `spectrum jobs delete JOB...` (job/job_delete.h). */
#ifndef SPECTRUM_TUI_CLI_JOBS_DELETE_H
#define SPECTRUM_TUI_CLI_JOBS_DELETE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct jobs_deletion {
    bool dry;  /* says what would go, and deletes nothing */
    bool sure; /* without a question */
    bool json;
};

/* All jobs are looked at before the first goes: one that may not be deleted keeps all of them. Asks
 * on a terminal; without one it has to be sure. */
int jobs_delete(const char *const *names, size_t count, const struct jobs_deletion *how,
                struct error *err);

#endif
