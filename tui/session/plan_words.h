/* A plan in words: what it selects and what was changed by hand, and what a step of it changed. The
 * scope of a percentage is always among them.
 *
 *     WORDS_WHOLE   25 % of each type, +2 -1 by hand
 *     WORDS_BRIEF   25 % of each type +2 -1
 *     WORDS_LEAST   25 %/type +2 -1
 *
 * "+2 -1" counts edits that make a difference to the percentage; one that agrees with it now is
 * "1 agrees". Names of files in it can be shown as they are.
 */
#ifndef SPECTRUM_TUI_SESSION_PLAN_WORDS_H
#define SPECTRUM_TUI_SESSION_PLAN_WORDS_H

#include "plan/plan.h"

enum plan_words { WORDS_WHOLE, WORDS_BRIEF, WORDS_LEAST };
enum { PLAN_WORDS_SIZE = 160 };

/* "rank 3 of 24", of a row among those of its type, and by what, where that is not the SNR. */
void plan_rank_put(const struct plan *plan, size_t row, char *out, size_t size);

void plan_words_put(const struct plan *plan, enum plan_words words, char *out, size_t size);

/* The base alone: "25 % of all types", "plan.yaml", "nothing", "everything". */
void plan_base_put(const struct plan_base *base, enum plan_words words, char *out, size_t size);

/* What a step changed: "+ layer 0 mlp.up_proj", "26 % of each type", "head frozen". Of the
 * first step, which changed nothing, what it is. */
void plan_step_put(const struct plan *plan, const struct plan_step *step, bool first, char *out,
                   size_t size);

/* How long ago, in one unit: "3 min", "2 h", "5 days"; "now" within the last minute. */
void age_put(double seconds, char *out, size_t size);

#endif
