/* What a data set is made with, and who waits for it. */
#ifndef SPECTRUM_TEXT_DATASET_OPTIONS_H
#define SPECTRUM_TEXT_DATASET_OPTIONS_H

#include <stdbool.h>

struct dataset_options {
    const char *mark;          /* between documents of a .txt file; NULL or "": one document */
    const char *columns;       /* "prompt=question,completion=answer"; NULL: the forms' own names */
    const char *template_name; /* --template (text/template.h); NULL: the tokenizer's own */
    const char *date;          /* of a template that writes today's, "2026-11-29"; NULL: today */
    bool template_may_rest;    /* else a --template that writes no record of the data is an error */
    bool names_may_rest;       /* else a column or mark that is nowhere in the data is one */
};

/* For whoever waits for data to be read. Any member may be NULL. */
struct dataset_watch {
    void *context;
    void (*say)(void *context, const char *line); /* what is done now, what was found */
    bool (*stop)(void *context);                  /* true: give up, with ERROR_INTERRUPTED */
    bool untold; /* what was found is shown by whoever waits: say() has only what is done */
};

#endif
