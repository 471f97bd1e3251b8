/* What a target of writers.h is, for the files of this folder. */
#ifndef SPECTRUM_TRACKER_TARGET_H
#define SPECTRUM_TRACKER_TARGET_H

#include "base/error.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* A line's numbers, by the names that tools have for them. */
enum { TARGET_NAME = 128, TARGET_VALUES = 128 };
struct target_line {
    int64_t step;
    double time; /* seconds since 1970 */
    size_t count;
    struct target_value {
        char name[TARGET_NAME];
        double value;
    } values[TARGET_VALUES];
};

struct target {
    const char *name;
    int (*open)(void **state, const char *folder, const char *run, struct error *err);
    int (*put)(void *state, const struct target_line *line, struct error *err);
    /* What was put after this step is void. */
    int (*go_back)(void *state, int64_t step, struct error *err);
    /* What the run was asked for; NULL: it has no place for that. */
    int (*describe)(void *state, const cJSON *options, struct error *err);
    void (*close)(void *state);
};

int write_tensorboard_open(void **state, const char *folder, const char *run, struct error *err);
int write_tensorboard_put(void *state, const struct target_line *line, struct error *err);
int write_tensorboard_go_back(void *state, int64_t step, struct error *err);
void write_tensorboard_close(void *state);

int write_trackio_open(void **state, const char *folder, const char *run, struct error *err);
int write_trackio_put(void *state, const struct target_line *line, struct error *err);
int write_trackio_go_back(void *state, int64_t step, struct error *err);
int write_trackio_describe(void *state, const cJSON *options, struct error *err);
void write_trackio_close(void *state);

int write_csv_open(void **state, const char *folder, const char *run, struct error *err);
int write_csv_put(void *state, const struct target_line *line, struct error *err);
int write_csv_go_back(void *state, int64_t step, struct error *err);
void write_csv_close(void *state);

#endif
