/* Matrices of a scan that have no score, said where people look. */
#ifndef SPECTRUM_TUI_CLI_UNSCORED_H
#define SPECTRUM_TUI_CLI_UNSCORED_H

#include "plan/plan.h"

/* On standard error a line for each row whose score is NaN, with the reason, at most ten, and how
 * many more there are. With a plan, those that it trains come first, and say so. */
void unscored_print(const struct scan *scan, const struct plan *plan);

#endif
