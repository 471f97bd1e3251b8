/* What a job said last: the end of its log.txt, or of its result. */
#ifndef SPECTRUM_TUI_APP_JOB_LOG_H
#define SPECTRUM_TUI_APP_JOB_LOG_H

#include <stddef.h>

/* The line that explains an end: what the program said of its failure, else result.json's message.
 * Never empty. */
void job_last_message(const char *job, char *out, size_t size);

#endif
