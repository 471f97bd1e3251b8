/* `spectrum train --dry-run`: what a run would do, on standard output, as lines or as JSON.
 *
 * The run itself is asked: it opens the model and the data, makes its plan of the memory, and tells
 * an observer how it would start, as it tells train's own view; then it ends before the first step.
 * So a dry run refuses what a run refuses, in the same words. What it tells is made into text while
 * the run's structures live, and printed after it ended without an error.
 *
 *     model       demo/model
 *     method      spectrum, bf16 with fp32 masters
 *     trains      14 of 74 tensors, 1130496 of 3341184 parameters (33.84 %)
 *     data        400 documents, 74098 tokens, 40459 of them supervised
 *     rows        302 of 256 tokens in an epoch, with 40059 supervised tokens
 *     steps       60 of up to 4 rows, 76 an epoch; 2 of warm-up
 *     memory      95.1 MiB planned; 22.9 GiB are free here: it fits
 *     disk        ...
 *
 * With --probe the time that it would take, measured, and of what that is the sum.
 */
#ifndef SPECTRUM_TUI_CLI_DRY_RUN_VIEW_H
#define SPECTRUM_TUI_CLI_DRY_RUN_VIEW_H

#include "base/buffer.h"
#include "job/training/training.h"

/* Does it, as lines or as JSON; `r` is checked. Nothing is printed where it fails. `job`: the folder
 * of the job that this probe is; NULL: it is none. */
int dry_run_print(const struct training_request *r, const char *job, struct error *err);

#endif
