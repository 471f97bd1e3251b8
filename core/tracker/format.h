/* What a format of logs is, for the files of this folder.
 *
 * A format has a row in formats.c: it knows its files, keeps what it needs between two looks in
 * `state`, and gives each number that it reads to steps_put() (steps.h).
 */
#ifndef SPECTRUM_TRACKER_FORMAT_H
#define SPECTRUM_TRACKER_FORMAT_H

#include "base/error.h"
#include "tracker/steps.h"

#include <sys/stat.h>

/* First bytes of a file, which is enough to know it by; of a file of lines more, where the first line
 * is longer. */
enum { TRACKER_HEAD = 4096 };

struct tracker;

struct tracker_format {
    const char *tool;
    bool at_saves; /* not written while it trains, so taken only where there is nothing else */
    /* By the name, without its folder, and the head. */
    bool (*knows)(const char *name, const char *head, size_t length);
    int (*open)(struct tracker *tracker, struct error *err); /* NULL: there is nothing to open */
    /* Reads on; a long log a part. */
    int (*read)(struct tracker *tracker, bool *more, struct error *err);
    void (*close)(void *state); /* never with NULL */
};

struct tracker {
    const struct tracker_format *format;
    char *path;
    bool in_folder; /* as in struct tracker_log */
    struct steps steps;
    void *state; /* the format's own */
    char *run;   /* NULL: it has one alone, or none yet */
    char damage[200];
    double written;  /* seconds since 1970, by this machine's clock */
    double modified; /* as the file says it, */
    uint64_t size;   /* and its size then */
    bool ended;
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

/* Notes that time of the log's file; an error where it is gone. */
int tracker_look(struct tracker *tracker, const char *path, struct error *err);

/* Says what is damaged, the first time. */
void tracker_say_damage(struct tracker *tracker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- the formats --- */

bool json_lines_are_llama_factory(const char *name, const char *head, size_t length);
bool json_lines_are_swift(const char *name, const char *head, size_t length);
bool json_lines_are_steps(const char *name, const char *head, size_t length);
int json_lines_open(struct tracker *tracker, struct error *err);
int json_lines_read(struct tracker *tracker, bool *more, struct error *err);

bool trainer_state_is(const char *name, const char *head, size_t length);
int trainer_state_open(struct tracker *tracker, struct error *err);
int trainer_state_read(struct tracker *tracker, bool *more, struct error *err);

bool tensorboard_is(const char *name, const char *head, size_t length);
int tensorboard_open(struct tracker *tracker, struct error *err);
int tensorboard_read(struct tracker *tracker, bool *more, struct error *err);
void tensorboard_close(void *state);

bool trackio_is(const char *name, const char *head, size_t length);
int trackio_open(struct tracker *tracker, struct error *err);
int trackio_read(struct tracker *tracker, bool *more, struct error *err);
void trackio_close(void *state);

bool wandb_is(const char *name, const char *head, size_t length);
int wandb_open(struct tracker *tracker, struct error *err);
int wandb_read(struct tracker *tracker, bool *more, struct error *err);
void wandb_close(void *state);

#endif
