/* Requests: small files renamed into the job's requests/, read by the worker between steps. They
 * work on shared file systems and from another node. A request that is there already is replaced.
 */
#ifndef SPECTRUM_JOB_REQUESTS_H
#define SPECTRUM_JOB_REQUESTS_H

#include "base/buffer.h"

#include <stdbool.h>

enum job_request {
    JOB_REQUEST_PAUSE,
    JOB_REQUEST_RESUME,
    JOB_REQUEST_CHECKPOINT,
    JOB_REQUEST_STOP,
    JOB_REQUEST_FIRST, /* text: the module to compute next */
};

/* The asking side. `text` may be NULL. */
int job_request_put(const char *path, enum job_request request, const char *text,
                    struct error *err);

/* The worker's side: true where it was asked; the request is gone then. `text` may be NULL. */
bool job_request_take(const char *path, enum job_request request, struct buffer *text);

/* Removes every request: nobody is there who asked, or who could take it. */
void job_requests_drop(const char *path);

enum job_command { JOB_GO_ON, JOB_CHECKPOINT, JOB_STOP };

/* Marks the job paused and returns when something is to be done: to go on, to stop, or to write a
 * checkpoint, behind which it is called again, as the job is paused still. The request is taken. To
 * be called by the worker after it took JOB_REQUEST_PAUSE. `should_stop` is asked ten times a
 * second, too; it may be NULL. */
enum job_command job_pause(const char *path, bool (*should_stop)(void *context), void *context);

/* As that, for a worker whose threads go on with what they have in hand: takes requests to pause
 * and to resume, and says whether nothing is to be begun now. *paused is the worker's, false at
 * first. Who stops meanwhile calls job_unpause(). */
bool job_holds(const char *path, bool *paused);
void job_unpause(const char *path, bool *paused);

#endif
