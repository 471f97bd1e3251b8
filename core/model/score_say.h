/* What a table of scores has to say of itself, a line for each thing: whatever shows or uses one
 * says it. */
#ifndef SPECTRUM_MODEL_SCORE_SAY_H
#define SPECTRUM_MODEL_SCORE_SAY_H

#include "model/score_table.h"

/* The n-th line that a scan has to say of itself, from 0: which tensors it left out and why, and
 * how many scores are of an empty noise set. False: there are no more. */
enum { SCAN_LINE_MAX = 480 };
bool scan_say(const struct scan *scan, size_t n, char *out, size_t size);

#endif
