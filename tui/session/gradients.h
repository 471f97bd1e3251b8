/* The gradient norm of every tensor that trains, on the layer grid and over the steps: the
 * `grad_norms` lines of a run's metrics.
 *
 *     metrics.jsonl --gradients_update(), a part a tick--> rows (tensors) x frames (steps)
 *     rows --grid_make()--> places on the map              gradients_norm(): one number
 *
 * A row is a tensor's name without ".weight", and its type is what is left of it in a block: of
 * adapters A and B are two types. A tensor that trains in some layers only has no norm in others,
 * and the model's matrices that no line names have rows, too: they are frozen. Which the model has, the
 * run's proof.json says ("blocks"), of runs without it the model itself where that is open.
 *
 * Memory is bounded: of more than GRADIENT_FRAMES_MAX lines, or GRADIENT_VALUES_MAX numbers, every
 * second one is forgotten, never the newest.
 *
 * Born as {0}; gradients_free() gives it back. */
#ifndef SPECTRUM_TUI_SESSION_GRADIENTS_H
#define SPECTRUM_TUI_SESSION_GRADIENTS_H

#include "job/metrics.h"
#include "tui/session/grid.h"

enum { GRADIENT_FRAMES_MAX = 512, GRADIENT_VALUES_MAX = 4 << 20, GRADIENT_ROWS_MAX = 1 << 17 };

/* What one line says. */
struct gradient_frame {
    int64_t step;
    size_t count; /* rows that there were then; later ones have no norm in it */
    float *norms; /* [count]; NaN: the line has none */
};

struct gradients {
    struct scan table; /* its rows have names and types alone, printable */
    char **names;      /* of each row, as it stands in the file */
    size_t capacity, name_capacity;
    uint32_t
        *slots; /* [slot_count], a power of two: by a name's hash its row, and 1 more; 0: none */
    size_t slot_count;
    struct grid grid; /* of all rows; layers 0: none is in a block */
    size_t placed;    /* rows that are in the grid */
    struct gradient_frame frames[GRADIENT_FRAMES_MAX]; /* steps rise */
    size_t frame_count, values;
    size_t next, lines, taken; /* of metrics->lines: looked at, and by what one sees that it is
                                  still the same list */
};

void gradients_free(struct gradients *gradients);

/* Takes in lines for about so many seconds, the newest first of all; true: something came. */
bool gradients_update(struct gradients *gradients, const struct job_metrics *metrics,
                      double seconds);
bool gradients_are_behind(const struct gradients *gradients, const struct job_metrics *metrics);

/* The whole grid of the model by the run's proof (NULL: none), once lines are there that say which
 * types have adapters. False: it does not say. */
bool gradients_add_blocks(struct gradients *gradients, const cJSON *proof);

/* Rows of the model's matrices, which are frozen where no line names them. */
void gradients_add_model(struct gradients *gradients, const struct scan *model);

/* NaN: it has none, as it is frozen, or did not train then. */
double gradients_norm(const struct gradient_frame *frame, size_t row);

/* The frame of a step, or the nearest before it; frame_count 0: there is none, and 0 is returned. */
size_t gradients_frame(const struct gradients *gradients, int64_t step);

/* Lowest and highest norm above 0 of a frame in the grid; NaN: there is none. */
void gradients_range(const struct gradients *gradients, const struct gradient_frame *frame,
                     double *low, double *high);

#endif
