/* Whether a job may be resumed without a question.
 *
 * job.json says what `spectrum resume` runs: which model and data are read, with this user's
 * rights, and what is made of them goes into the job's folder, where its owner reads it. So a job
 * of another user's, or one that names files outside its folder and was not started by this user,
 * is resumed only by a user who has seen what it reads and says so (--trust).
 *
 * A run as MODEL or RUN of `train`, `export`, `generate` and others asks nothing: what is read and
 * written is then the command line's, but for the base, which is opened as a model and must be the one
 * of the run's checkpoint (source.h); it is no more than a link in a foreign model's folder.
 *
 * What this user started or trusted is noted in the state folder, "approved/<SHA-256>" of command,
 * folder and arguments: a job of one's own can be moved and is still the same. Of a job in somebody
 * else's folder the owner and the folder's path are in it, too, so that a copy of an approved
 * job.json approves nothing; and where others can write, the files as they were found, so that a
 * link that leads elsewhere now asks.
 *
 * A launched run is more: its resume runs the launch.sh and the Python of its folder, and reads states
 * that are pickles, which can run code as well. So what is approved is that very folder, not a copy of
 * it, and where anything in it is another's or can be written by others it asks every time.
 *
 * Where the state folder cannot be read or written nothing is approved, and --trust is needed every
 * time.
 */
#ifndef SPECTRUM_JOB_TRUST_H
#define SPECTRUM_JOB_TRUST_H

#include "base/buffer.h"
#include "base/hash.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A file or folder that the arguments name. */
struct job_named {
    const char *option; /* "model", "data"; into `job`, or constant; `length` bytes of it */
    int length;
    char *path;       /* whole, through links where it is there */
    const char *text; /* as the arguments have it; into `job` */
    bool inside;      /* it lies in the job's folder, and no link in it leads out */
};

struct job_trust {
    bool asks;    /* it is not to be resumed without a question */
    bool foreign; /* the folder, or its job.json, belongs to another user: */
    uid_t owner;
    bool runs;                  /* what lies in the folder is run: a launched run's launch.sh */
    bool changes;               /* and somebody else may write there: no approval holds */
    char key[DIGEST_TEXT_SIZE]; /* of what was looked at */
    struct job_named *files;
    size_t count;
};

/* `job`: its job.json, which must outlive *out. */
int job_trust_look(struct job_trust *out, const char *path, const cJSON *job, struct error *err);
void job_trust_free(struct job_trust *trust);

/* The same for a file that a new run takes its options from (run_config.h), which lies in `folder`
 * and says what `job` has. A `record` is another job's; any other file is the user's own text,
 * which names what it likes, and asks only where somebody else may have written it. */
int job_trust_look_file(struct job_trust *out, const char *folder, const char *file, bool record,
                        const cJSON *job, struct error *err);

/* The user has seen what it reads, and trusts it: it is not asked about again. */
void job_trust_approve(const struct job_trust *trust);

/* "belongs to user 1001: it would read model /m, data /d.txt, and ...", one line, without the job's
 * name. */
void job_trust_put(struct buffer *out, const struct job_trust *trust);

/* An error that says that, unless there is nothing to ask, or the user was shown what has the key
 * `trusted` (NULL: nothing) and trusts it; that is noted. */
int job_trust_check(const char *path, const cJSON *job, const char *trusted, struct error *err);

/* job.json names its model twice: "model" is shown, exported and evaluated, and a resume trains what
 * the "arguments" name. Refuses a job in which the two lead to different models; what is not there
 * contradicts nothing. */
int job_trust_check_model(const char *path, const cJSON *job, struct error *err);

/* Notes the job, whose job.json was written just now, as started by this user. Where that cannot be
 * written, its first resume asks. */
void job_trust_note(const char *path);

#endif
