/* What a file of options says, a value at a time: below the readers of its two forms
 * (run_config.h), which find names and values there. */
#ifndef SPECTRUM_JOB_RUN_CONFIG_VALUES_H
#define SPECTRUM_JOB_RUN_CONFIG_VALUES_H

#include "base/json.h"
#include "base/option.h"

struct run_config_entry {
    size_t row; /* of training_options */
    char *text; /* NULL: a flag */
};

struct run_config {
    char *path;   /* the file */
    char *folder; /* from which its relative paths are, as it says, or its own */
    bool record;  /* it is a job.json */
    char *model;  /* NULL: it names none */
    struct run_config_entry *entries;
    size_t count, capacity;
    cJSON *said; /* what it says as a job.json does, so that both are looked at in one way; a
                    job.json itself */
};

/* The row of a key: the table's count for "model", and an error for what is no key. Where in the
 * file it stands, a reader puts before what an error says. */
int run_config_find(size_t *row, const char *key, struct error *err);

/* Adds what the file says of `key`; a flag has no text. */
int run_config_add(struct run_config *config, const char *key, const char *text, struct error *err);

#endif
