/* What a format of logs is, for the files of this folder.
 *
 * A format has a row in formats.c: it knows its files, keeps what it needs between two looks in
 * `state`, and gives each number that it reads to steps_put() (steps.h).
 */
#ifndef SPECTRUM_TRACKER_FORMAT_H
#define SPECTRUM_TRACKER_FORMAT_H

#include "base/buffer.h"
#include "base/error.h"
#include "tracker/steps.h"

#include <sys/stat.h>

/* First bytes of a file, which is enough to know it by; of a file of lines more, where the first line
 * is longer. */
enum { TRACKER_HEAD = 4096 };

struct tracker;

/* Runs of one log, the one that wrote last first. */
struct tracker_runs {
    struct tracker_log_run {
        char *name, *id; /* as in struct tracker_log */
        double written;  /* 0: not known */
    } * list;
    size_t count, capacity;
};
/* NONE: it is no such log, whatever it looked like. UNKNOWN: it is, and cannot be asked now, or has
 * none yet. */
enum tracker_has { TRACKER_HAS_NONE, TRACKER_HAS_UNKNOWN, TRACKER_HAS_RUNS };

struct tracker_format {
    const char *tool;
    bool at_saves; /* not written while it trains, so taken only where there is nothing else */
    bool alone;    /* a log is one file, which is not read where it is as it was */
    /* By the name, without its folder, and the head. */
    bool (*knows)(const char *name, const char *head, size_t length);
    /* Where all logs of a folder are one run's: that folder, newly allocated. NULL: a log is a run. */
    char *(*folder)(const char *path, struct error *err);
    /* Where a log has several runs: which. NULL: it has one. */
    enum tracker_has (*runs)(const char *path, struct tracker_runs *out);
    int (*open)(struct tracker *tracker, struct error *err); /* NULL: there is nothing to open */
    /* Before the first look: what is read begins near the end of a long log. NULL: it cannot. */
    void (*to_end)(struct tracker *tracker);
    /* Reads on; a long log a part. */
    int (*read)(struct tracker *tracker, bool *more, struct error *err);
    void (*close)(void *state); /* never with NULL */
};

/* What a file was at a look. */
struct tracker_seen {
    uint64_t device, inode, size;
    int64_t changed; /* ns */
};

enum { DAMAGE_KINDS = 16, DAMAGE_TEXT = 200, DAMAGES_MAX = 100 };

struct tracker {
    const struct tracker_format *format;
    char *path;
    bool in_folder; /* as in struct tracker_log */
    bool unread;    /* the last look left some */
    struct steps steps;
    void *state;    /* the format's own */
    char *run, *id; /* NULL: it has one alone, or none yet */
    struct tracker_seen seen;
    double written;  /* seconds since 1970, by this machine's clock */
    double modified; /* as the file says it, */
    uint64_t size;   /* and its size then */
    bool ended;

    /* What is damaged: of this look, a kind each; all that was said, a line each, and from where on
     * it is not said yet. */
    struct tracker_damage {
        const char *kind; /* its format */
        char text[DAMAGE_TEXT];
        size_t more;
    } damages[DAMAGE_KINDS];
    size_t kinds, lines, unsaid;
    struct buffer damage;
};

/* How far a file that only grows was read, so that another one in its place is noticed: by what it
 * is, and by the last bytes before that place. Zero at first. */
struct tracker_mark {
    uint64_t device, inode, offset;
    size_t length;
    unsigned char tail[64];
};

/* Whether the open file still has what was read of it; false: it is another one, or was written
 * anew. */
bool tracker_mark_holds(const struct tracker_mark *mark, int fd);
void tracker_mark_set(struct tracker_mark *mark, int fd, uint64_t offset);

/* All that was read is void: the log is another one from here on. */
void tracker_begin_anew(struct tracker *tracker);

/* When a file was written last, seconds since 1970. */
double tracker_file_written(const struct stat *info);

/* Is a file as it was at the last look, by its size and time? *seen: as it is now. What is written
 * within a tick of the file system's clock has one time, so that a file which grows and was written a
 * moment ago is never surely unchanged. */
bool tracker_same(struct tracker_seen *seen, const struct stat *info);
bool tracker_unchanged(struct tracker_seen *seen, const struct stat *info);

/* Notes that time of the log's file; *as_before (may be NULL): it is as it was. An error where it is
 * gone. */
int tracker_look(struct tracker *tracker, const char *path, struct tracker_seen *seen,
                 bool *as_before, struct error *err);

/* It was written then, or now. */
void tracker_note_written(struct tracker *tracker, double when);

/* Notes what is damaged, to be said at the end of the look (tracker_damage()). `format` is what tells
 * one kind of damage from another. */
void tracker_say_damage(struct tracker *tracker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void tracker_end_look(struct tracker *tracker);

/* --- the formats --- */

bool json_lines_are_llama_factory(const char *name, const char *head, size_t length);
bool json_lines_are_swift(const char *name, const char *head, size_t length);
bool json_lines_are_steps(const char *name, const char *head, size_t length);
int json_lines_open(struct tracker *tracker, struct error *err);
void json_lines_to_end(struct tracker *tracker);
int json_lines_read(struct tracker *tracker, bool *more, struct error *err);

bool trainer_state_is(const char *name, const char *head, size_t length);
char *trainer_state_folder(const char *path, struct error *err);
int trainer_state_open(struct tracker *tracker, struct error *err);
int trainer_state_read(struct tracker *tracker, bool *more, struct error *err);

bool tensorboard_is(const char *name, const char *head, size_t length);
int tensorboard_open(struct tracker *tracker, struct error *err);
int tensorboard_read(struct tracker *tracker, bool *more, struct error *err);
void tensorboard_close(void *state);

bool trackio_is(const char *name, const char *head, size_t length);
enum tracker_has trackio_runs(const char *path, struct tracker_runs *out);
int trackio_open(struct tracker *tracker, struct error *err);
void trackio_to_end(struct tracker *tracker);
int trackio_read(struct tracker *tracker, bool *more, struct error *err);
void trackio_close(void *state);

bool wandb_is(const char *name, const char *head, size_t length);
int wandb_open(struct tracker *tracker, struct error *err);
int wandb_read(struct tracker *tracker, bool *more, struct error *err);
void wandb_close(void *state);

#endif
