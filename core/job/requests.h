/* Requests: how a screen or another command steers a worker. A request is a small file in the job's
 * requests/, put there whole by a rename and taken by the worker between two steps, by a rename
 * again:
 *
 *     job_request_put()  -> requests/pause -> job_request_take()
 *
 * They work on shared file systems and from another node, and need no process to listen. A request
 * that is there already is replaced, so asking twice is asking once; one that nobody took is
 * dropped when the next sitting takes the lock (lock.h).
 *
 *     pause       the worker marks the job with requests/paused and waits: job_pause(), job_holds()
 *     resume      it removes the mark and continues
 *     checkpoint  it writes one now, also in a pause
 *     stop        it ends; a run writes a checkpoint first
 *     first       a scan computes the named module next
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

/* Makes the folder that requests are put into where it is gone; what else has its name is refused. */
int job_requests_ready(const char *path, struct error *err);

/* The asking side. `text` may be NULL. */
int job_request_put(const char *path, enum job_request request, const char *text,
                    struct error *err);

/* Was it asked, and is not taken yet? Of a job whose worker is gone that says nothing. */
bool job_request_waits(const char *path, enum job_request request);

/* Is there one of these names that is no regular file, a folder say, and was not said yet? It asks
 * for nothing. What is to be said of it, a line, and a bit of *said, which is 0 at first. */
bool job_requests_odd(const char *path, unsigned *said, char *line, size_t size);

/* The worker's side: true where it was asked; the request is gone then. `text` may be NULL. */
bool job_request_take(const char *path, enum job_request request, struct buffer *text);

/* Beside them, in the job's folder: a mark that it waits for others (job_after.h). */
#define JOB_WAITING_MARK "requests/waiting"

/* Is it the name of a request or of a mark in requests/? */
bool job_request_is_file(const char *name);

/* Removes every request: nobody is there who asked, or who could take it. */
void job_requests_drop(const char *path);

enum job_command { JOB_CONTINUE, JOB_CHECKPOINT, JOB_STOP };

/* Marks the job paused and returns the command that ends the wait: to continue, to stop, or to
 * write a checkpoint, after which the worker calls it once more, as the job is still paused. The
 * request is taken. To be called after JOB_REQUEST_PAUSE was taken. The callback should_stop() is
 * called ten times a second, too; it may be NULL. */
enum job_command job_pause(const char *path, bool (*should_stop)(void *context), void *context);

/* As that, for a worker whose threads finish what they have begun: takes requests to pause
 * and to resume, and says whether nothing is to be begun now. *paused is the worker's, false at
 * first. Who stops meanwhile calls job_unpause(). */
bool job_holds(const char *path, bool *paused);
void job_unpause(const char *path, bool *paused);

#endif
