/* All plans of the model that is open, with what each trains and takes, as the plans screen lists
 * and compares them. Made when it is asked for: a plan that is not open is read from its file, over
 * the scores that are known now.
 */
#ifndef SPECTRUM_TUI_SESSION_PLAN_LIST_H
#define SPECTRUM_TUI_SESSION_PLAN_LIST_H

#include "tui/session/plan_words.h"
#include "tui/session/session.h"

/* One plan; it owns `parts`. */
struct plan_line {
    char name[PLAN_NAME_SIZE];
    bool open;       /* it is the one that is open */
    int64_t changed; /* when it was written, in seconds since 1970; 0: it is not written */
    char why[256];   /* why its file cannot be read, and nothing below is known; "": it can */
    char words[PLAN_WORDS_SIZE], brief[PLAN_WORDS_SIZE];
    bool embeddings, head;
    struct plan_counts counts;
    bool memory_known;
    uint64_t memory;      /* bytes to train by it, with the form's settings */
    unsigned char *parts; /* [rows of the scan] what of each trains: enum plan_parts */
};

struct plan_list {
    struct plan_line *lines;
    size_t count;
    bool whole; /* false: the model's content is not known yet, so there may be more */
};

/* Writes the open plan first, so that what is listed is what is kept. Where the
 * folder cannot be read, that is the error, and the list has those that could, at least the open
 * one. Free it whatever this returns. */
int plan_list_make(struct plan_list *list, struct session *session, struct error *err);
void plan_list_free(struct plan_list *list);

/* What one plan trains and another does not, in matrices of the scan (embeddings and head are not
 * among them) and their parameters. A matrix of which both train another part counts in none. */
struct plan_contrast {
    size_t both, here, there;
    int64_t here_parameters, there_parameters;
    bool known; /* false: the scan has no shapes, so parameters are not known */
};

/* Over the rows of a list, or with NULL over all rows of the scan. */
struct plan_contrast plan_contrast(const struct scan *scan, const struct plan *plan,
                                   const struct plan_line *here, const struct plan_line *there,
                                   const size_t *rows, size_t count);

/* Does a row train in one of the two alone: 1 here, -1 there, 0 in both or none. */
int plan_contrast_row(const struct plan_line *here, const struct plan_line *there, size_t row);

#endif
