#include "tui/app/pace.h"

#include <math.h>

static const double burst_seconds = 2;

/* Linear in the cells between the two windows that the header names, and beyond the larger one as
 * there. */
static double rate_of(const struct pace *pace, int width, int height)
{
    enum { SLOW = 100, SMALL = 460, LARGE = 920, SMALL_CELLS = 80 * 24, LARGE_CELLS = 200 * 60 };
    double cells = (double)width * height;
    double share = (cells - SMALL_CELLS) / (LARGE_CELLS - SMALL_CELLS);
    if (pace->slow)
        return SLOW;
    return SMALL + (LARGE - SMALL) * fmin(fmax(share, 0), 1);
}

void pace_init(struct pace *pace, bool slow, double now)
{
    *pace = (struct pace){slow, INFINITY, now};
}

int pace_wait_ms(struct pace *pace, int width, int height, double now)
{
    double rate = rate_of(pace, width, height);
    pace->bytes = fmin(pace->bytes + rate * fmax(now - pace->at, 0), rate * burst_seconds);
    pace->at = now;
    return pace->bytes > 0 ? 0 : (int)ceil(-pace->bytes / rate * 1000) + 1;
}

void pace_spend(struct pace *pace, size_t bytes)
{
    pace->bytes -= (double)bytes;
}
