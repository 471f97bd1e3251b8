#include "tui/canvas/palette.h"

#include <limits.h>
#include <stdbool.h>

enum { FIRST_DIRECT = 8 };

/* How unlike two colours look: squares of the differences, weighted 2:4:3, as eyes see green best
 * and red least well. Only compared, so there is no root. */
static int distance(int32_t color, int red, int green, int blue)
{
    int dr = (color >> 16 & 255) - red, dg = (color >> 8 & 255) - green, db = (color & 255) - blue;
    return 2 * dr * dr + 4 * dg * dg + 3 * db * db;
}

/* Of xterm's palette: 16 to 231 are a cube of six levels a colour, 232 to 255 greys from 8 in steps
 * of 10. The first 16 are the user's own and may be anything. */
static int nearest_256(int32_t color)
{
    static const int levels[6] = {0, 95, 135, 175, 215, 255};
    int best = 16, best_distance = INT_MAX;
    for (int i = 16; i < 256; i++) {
        int cube = i - 16, grey = 8 + 10 * (i - 232);
        int red = i < 232 ? levels[cube / 36] : grey, green = i < 232 ? levels[cube / 6 % 6] : grey;
        int d = distance(color, red, green, i < 232 ? levels[cube % 6] : grey);
        if (d < best_distance) {
            best_distance = d;
            best = i;
        }
    }
    return best;
}

/* Of eight colours, bit 0 red, bit 1 green, bit 2 blue, and eight brighter ones, as most terminals
 * have them. */
static int nearest_16(int32_t color, int count)
{
    int best = 0, best_distance = INT_MAX;
    for (int i = 0; i < count; i++) {
        int on = i < 8 ? 170 : 255, off = i < 8 ? 0 : 85;
        int d = distance(color, i & 1 ? on : off, i & 2 ? on : off, i & 4 ? on : off);
        if (d < best_distance) {
            best_distance = d;
            best = i;
        }
    }
    return best;
}

/* Of direct colours the first eight numbers are the palette's, so what would be one of them, next to
 * black, is the nearest that is not. */
static int search(int32_t color, int colors)
{
    if (colors >= DIRECT_COLORS)
        return color < FIRST_DIRECT ? FIRST_DIRECT : color;
    return colors >= 256 ? nearest_256(color) : nearest_16(color, colors < 16 ? 8 : 16);
}

/* Themes hold a few dozen colours and a gradient: a small direct-mapped cache is enough. */
int palette_number(int32_t color, int colors)
{
    static struct {
        int32_t color;
        int colors, number;
    } cache[256];
    if (color < 0 || colors < 8)
        return -1;
    unsigned slot = ((unsigned)color * 2654435761u) >> 24;
    if (cache[slot].color != color || cache[slot].colors != colors) {
        cache[slot].color = color;
        cache[slot].colors = colors;
        cache[slot].number = search(color, colors);
    }
    return cache[slot].number;
}
