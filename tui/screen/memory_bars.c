#include "tui/screen/memory_bars.h"

#include "tui/app/units.h"

#include <math.h>

enum { NUMBERS = 22 };

void memory_bars_draw(struct area area, const struct theme *theme,
                      const uint64_t bytes[MEMORY_CATEGORIES])
{
    static const enum theme_role roles[MEMORY_CATEGORIES] = {THEME_WEIGHTS,     THEME_MASTERS,
                                                             THEME_GRADIENTS,   THEME_OPTIMIZER,
                                                             THEME_ACTIVATIONS, THEME_WORKSPACE};
    uint64_t total = 0;
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        total += bytes[i];
    for (int i = 0; i < MEMORY_CATEGORIES; i++) {
        char text[32];
        int bar = area.width - NUMBERS < 40 ? area.width - NUMBERS : 40;
        int filled = total ? (int)lround((double)bytes[i] / (double)total * bar) : 0;
        bytes_put((double)bytes[i], text, sizeof text);
        area_put(area, 0, i, theme_style(theme, THEME_DIM),
                 memory_category_name((enum memory_category)i));
        area_print(area, 12, i, theme_style(theme, THEME_TEXT), "%8s", text);
        for (int x = 0; x < filled; x++)
            area_put(area, NUMBERS + x, i, theme_style(theme, roles[i]), "█");
    }
}
