/* The library: models, scan files and jobs that there are, as rows with what is known of each.
 *
 *     library_read() -> library_tick() ... -> library_read() again when library_changed() -> library_free()
 *
 * Listing reads names alone (library_find.c): models in the Hugging Face cache, in the current
 * folder and two levels below it, scan files, and the list of jobs. What a row says beyond its name
 * is read by library_tick(), for a few milliseconds a call, what is visible first: a model's header
 * (library_model.c), a job's small files and the ends of its metrics (job_facts.h). It is kept as
 * long as inode, time and size of those files are the same, also when the list is read again; a job
 * that lives is looked at again and again.
 *
 * So a library of thousands of rows opens at once, and fills in from what one looks at.
 */
#ifndef SPECTRUM_TUI_SESSION_LIBRARY_H
#define SPECTRUM_TUI_SESSION_LIBRARY_H

#include "base/hash.h"
#include "tui/session/job_best.h"
#include "tui/session/job_facts.h"

/* Models and scan files that are listed at most; jobs are all there. */
enum { LIBRARY_MODELS_MAX = 1000 };

enum library_kind { LIBRARY_MODEL, LIBRARY_SCAN, LIBRARY_JOB };
enum library_scanned { SCANNED_UNKNOWN, SCANNED_NOT, SCANNED_PART, SCANNED_ALL };

/* What is known of a model. */
struct model_facts {
    char type[32];                /* its architecture, "llama"; "": not known */
    double parameters;            /* NaN: not known, as is `bytes` */
    double bytes;                 /* of its tensors as they are stored */
    enum library_scanned scanned; /* by the screen */
    int plans;                    /* that are kept for it; -1: not known */
    char scan[HASH_TEXT_SIZE];    /* its scan's folder below "scans" of the state folder */
    char content[HASH_TEXT_SIZE]; /* its fingerprint; "": not known */
};

struct library_row {
    enum library_kind kind;
    char *path;        /* what to open */
    char *title;       /* what to show; printable */
    char *origin;      /* "Hugging Face cache", "GGUF", "safetensors", "scan"; of a job its path */
    uint64_t identity; /* of the files that the facts were read from; 0: they were not */
    uint64_t state;    /* of a model: the same of what the state folder has of it */
    bool whole;        /* all is read */
    bool marked;
    struct model_facts model;
    struct job_facts job;
    struct job_best best;
};

struct library {
    struct library_row *rows; /* models and scan files, then jobs, the newest first */
    size_t count, models, capacity;
    size_t hidden;  /* models and scan files beyond LIBRARY_MODELS_MAX */
    char **watched; /* the folders in which it would be seen that something changed */
    size_t watched_count, watched_capacity;
    uint64_t stamp; /* of their times */
    size_t next;    /* the row that is looked at next */
    size_t pending; /* rows that are not whole */
};

/* Lists; marks and facts of rows that were there before stay. An error leaves what was listed so
 * far, to be freed in any case. */
int library_read(struct library *library, struct error *err);
void library_free(struct library *library);

/* Did anything come or go in the folders, or among the jobs? One stat() a folder. */
bool library_changed(const struct library *library);

/* Reads on for at most so many seconds, `wanted` rows first; true: a row changed. */
bool library_tick(struct library *library, const size_t *wanted, size_t count, double seconds);

/* A row's facts are read again at the next tick: it was just asked something. */
void library_forget(struct library *library, size_t row);

/* --- for the files of this folder --- */

/* Adds a row; beyond the most of models it is only counted. */
int library_add(struct library *library, enum library_kind kind, const char *path,
                const char *title, const char *origin, struct error *err);
int library_watch(struct library *library, const char *folder, struct error *err);
int library_find(struct library *library, struct error *err);

/* What of a model's files tells whether they are the same as before, and what of the state folder
 * whether its scan went on or ended, or plans came or went; never 0. */
uint64_t model_identity(const char *path);
uint64_t model_state_identity(const struct model_facts *facts);
/* The headers of its files; then its scan and its plans. What cannot be read is not known. */
void model_facts_read(struct model_facts *facts, const char *path);
void model_facts_read_state(struct model_facts *facts);

#endif
