/* When what changed by itself may be drawn, so that a screen that follows a job costs its line little.
 *
 * What a user does is drawn at once, and so is what he would miss (app->urgent): a job that ends, a
 * message. All other changes are progress, which is as good a moment later. For it there is a bucket of
 * bytes (the token bucket of network schedulers) that fills at a rate of
 *
 *     460 bytes/s in a window of 80x24, 920 bytes/s in one of 200x60, in between by its cells
 *     100 bytes/s on a line that was said to be slow (--slow)
 *
 * up to what two seconds bring; a frame is drawn where the bucket is not empty, and takes from it what it
 * sent, below nothing if need be. So over any time t at most rate (t + 2) bytes and one frame are sent,
 * small changes show several times a second, and large ones every few seconds.
 */
#ifndef SPECTRUM_TUI_APP_PACE_H
#define SPECTRUM_TUI_APP_PACE_H

#include <stdbool.h>
#include <stddef.h>

struct pace {
    bool slow;
    double bytes; /* in the bucket */
    double at;    /* seconds of the clock at which they were counted */
};

/* The bucket is full. */
void pace_init(struct pace *pace, bool slow, double now);

/* Milliseconds until progress may be drawn in a window of so many cells; 0: now. */
int pace_wait_ms(struct pace *pace, int width, int height, double now);

/* A frame of progress was drawn, and took so many bytes. */
void pace_spend(struct pace *pace, size_t bytes);

#endif
