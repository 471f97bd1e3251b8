/* What a scan has no score for, and scores that a rule decides, said where people look. */
#ifndef SPECTRUM_TUI_CLI_UNSCORED_H
#define SPECTRUM_TUI_CLI_UNSCORED_H

#include "plan/plan.h"

/* On standard error: a line for each row whose score is NaN, with the reason, at most ten, and how
 * many more there are; where more than three have one reason they share a line. With a plan, those
 * that it trains come first, and say so. Then a line for each kind of tensor that the scan left
 * out, and one for the scores of empty noise sets. */
void unscored_print(const struct scan *scan, const struct plan *plan);

#endif
