/* The screen's side of a scan: a job that is started or joined, and whose rows are taken in as they
 * come. Nothing is computed here. */
#ifndef SPECTRUM_TUI_APP_SCAN_FEED_H
#define SPECTRUM_TUI_APP_SCAN_FEED_H

#include "job/metrics.h"
#include "model/scan.h"

enum feed_state {
    FEED_WAITING, /* scan_feed_start() was not called yet */
    FEED_RUNNING,
    FEED_DONE,
    FEED_FAILED, /* `message` says why */
};

struct scan_feed {
    enum feed_state state;
    char *job; /* its directory, under the XDG state folder; one a model */
    struct job_metrics metrics;
    size_t taken; /* lines that are in the scan */
    size_t done, total, cached;
    double seconds, looked_at;
    size_t asked; /* the row that was last asked for first; SIZE_MAX: none */
    char message[ERROR_TEXT_MAX];
};

/* Joins the model's running scan, or starts one. The scan is that of scan_for_model(). */
int scan_feed_start(struct scan_feed *feed, const struct scan *scan, struct error *err);
void scan_feed_free(struct scan_feed *feed);

/* Takes in what is new; true: something changed. Sets the scan's fingerprint and rows. */
bool scan_feed_update(struct scan_feed *feed, struct scan *scan);

/* Asks for a row before all others, unless it is known or was asked for. */
void scan_feed_ask(struct scan_feed *feed, const struct scan *scan, size_t row);

double scan_feed_seconds_left(const struct scan_feed *feed); /* NaN: not known */

#endif
