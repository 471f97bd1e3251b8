/* proof.json of a launched run, which its own processes write after the first steps and at each
 * checkpoint, held against what engine.json has asked for. The script compares, too, and ends a run
 * that trains anything else; this is for a run that says of itself that it is done. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_PROOF_H
#define SPECTRUM_JOB_ENGINES_ENGINE_PROOF_H

#include "base/error.h"

#include <stdint.h>

/* 0 where it is complete, names just the tensors that were to train, each with a gradient, and says of
 * the frozen ones that they are as they were at the last step; else an error with what it lacks. */
int engine_proof_check(const char *run, int64_t last_step, struct error *err);

#endif
