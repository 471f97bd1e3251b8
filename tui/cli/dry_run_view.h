/* `spectrum train --dry-run`: what a run would do, on standard output; messages as a run has them.
 */
#ifndef SPECTRUM_TUI_CLI_DRY_RUN_VIEW_H
#define SPECTRUM_TUI_CLI_DRY_RUN_VIEW_H

#include "base/buffer.h"
#include "job/training/training.h"

struct dry_run_view {
    const struct training_request *request;
    bool json;
    struct buffer out; /* complete when the start was told */
    struct error err;  /* what went wrong then */
};

/* The view must stay where it is. */
struct training_view dry_run_view_make(struct dry_run_view *view,
                                       const struct training_request *request, bool json);
/* Prints it, where the dry run did not fail. */
int dry_run_view_end(struct dry_run_view *view, struct error *err);
void dry_run_view_free(struct dry_run_view *view);

#endif
