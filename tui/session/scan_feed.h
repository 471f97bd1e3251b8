/* The screen's side of a scan: a job that is started or joined, and whose rows are taken in as they
 * come. Nothing is computed here, and nothing waits: what takes its time is looked at again with
 * the next update.
 *
 *     waiting --start--> running --update--> done
 *     running or failed --choose--> changing --update, the job has ended--> running (or failed)
 *     running --update, the job has ended too early--> stopped (it was asked to) or failed
 *     running <--pause, go on--> running with `paused`
 *     stopped or failed --go on, or another window does--> running
 *
 * The feed of a session begins as {0}, which is waiting; scan_feed_start() gives it its job,
 * scan_feed_free() takes it back, and the job goes on without it. Several windows may follow one
 * job, and each may pause, stop or move it to another device: so every state but `done` is looked
 * at again, and may have been changed by somebody else.
 *
 * Four facts that the functions keep:
 *
 *   1. A row that is known stays known: a row's score is the same from any job of the same content.
 *   2. `done` counts the rows of the scan that are known, whichever job told them.
 *   3. A job of other files (the model was written once more since) tells nothing here: at the beginning
 *      it is asked to stop, for one of the files as they are; later the model is to be opened again.
 *   4. A line of metrics is taken in once (`taken`), also when a next job writes on in that file.
 */
#ifndef SPECTRUM_TUI_SESSION_SCAN_FEED_H
#define SPECTRUM_TUI_SESSION_SCAN_FEED_H

#include "job/metrics.h"
#include "model/score_rows.h"
#include "model/score_table.h"
#include "tui/session/scan_launch.h"

enum feed_state {
    FEED_WAITING, /* scan_feed_start() was not called yet */
    FEED_RUNNING,
    FEED_CHANGING, /* the job was asked to stop; one on `device` follows it */
    FEED_DONE,
    FEED_STOPPED, /* on request, here or elsewhere */
    FEED_FAILED,  /* `message` says why */
};

struct scan_feed {
    enum feed_state state;
    char *job; /* its directory, under the XDG state folder; one a model */
    struct job_metrics metrics;
    size_t taken; /* lines that are in the scan */
    size_t done, total;
    size_t computed; /* rows of this job that were not in the cache */
    double seconds, looked_at, asked_at;
    bool paused,
        held;     /* held: what an ended job told is not taken in, it may be of an older file */
    bool ended;   /* the job was over when it was looked at last */
    bool own;     /* a job of the model's files as they were opened has told rows */
    bool foreign; /* the job that tells now has other files: its rows are not taken in */
    size_t asked; /* the row that was last asked for first; SIZE_MAX: none */
    char device[16], asked_device[16]; /* what the job was started with; "": others started it. What
                                          was asked for */
    struct scan_devices devices;
    char message[ERROR_TEXT_MAX];
};

/* Joins the model's running scan, or starts one on a device ("auto", "cpu", "cuda:0"); with `held`
 * one that does not run stays as it is: stopped or failed. The scan is that of scan_for_model(). */
int scan_feed_start(struct scan_feed *feed, const struct scan *scan, const char *device, bool held,
                    struct error *err);
void scan_feed_free(struct scan_feed *feed);

/* Has the rest computed by another device: the job is asked to stop, which it does after the
 * current matrices, and the next one goes on from the cache. A feed that waits or is done stays as
 * it is, and so does a job that the device computes already. */
int scan_feed_choose(struct scan_feed *feed, const char *device, struct error *err);

/* Asks the job to pause, or to stop, after the current matrices; `said` is what follows, in words.
 */
int scan_feed_pause(struct scan_feed *feed, char *said, size_t size, struct error *err);
int scan_feed_stop(struct scan_feed *feed, char *said, size_t size, struct error *err);
/* Lets a paused job go on, and starts one that stopped or failed again, on what it was started on;
 * `device`: where that is not known. */
int scan_feed_go_on(struct scan_feed *feed, const char *device, char *said, size_t size,
                    struct error *err);

/* Takes in what is new; true: something changed. Sets the scan's fingerprint and rows. */
bool scan_feed_update(struct scan_feed *feed, struct scan *scan);

/* Asks for a row before all others, unless it is known or was asked for. */
void scan_feed_ask(struct scan_feed *feed, const struct scan *scan, size_t row);

double scan_feed_seconds_left(const struct scan_feed *feed); /* NaN: not known */

#endif
