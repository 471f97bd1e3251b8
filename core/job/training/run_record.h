/* job.json: what a run is, for whoever lists, follows, resumes, evaluates or exports it.
 *
 * It is written three times at most: before anything can fail, with what was asked for; when the
 * data has been read, with the fingerprints; and when the trainer is made, with what became of it
 * all. A resume keeps the record that is there until it has gone back to its checkpoint. Which
 * options are in it, and when, their rows in training_options.c say; the rest is written by the
 * put_ functions of run_record.c, in the order in which it becomes known.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_RECORD_H
#define SPECTRUM_JOB_TRAINING_RUN_RECORD_H

#include "job/training/run_setup.h"

/* Writes it from what is known: parts that are not open yet are zero, and leave out what they would
 * say. A dry run makes the text, so that what cannot be written is refused, and writes nothing. */
int run_record_write(const struct run_base *base, const struct run_data *data,
                     const struct run_setup *setup, struct error *err);

#endif
