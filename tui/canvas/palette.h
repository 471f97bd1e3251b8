/* From 24-bit colours to those that a terminal has. */
#ifndef SPECTRUM_TUI_CANVAS_PALETTE_H
#define SPECTRUM_TUI_CANVAS_PALETTE_H

#include <stdint.h>

enum { DIRECT_COLORS = 1 << 24 }; /* red, green and blue as they are */

/* The number by which a terminal of so many colours (8, 16, 256, or 2^24: direct ones) knows the
 * one that is nearest to 0xRRGGBB; -1 for a negative colour, the terminal's own, and where there
 * are none. */
int palette_number(int32_t color, int colors);

#endif
