/* Memory by category: a name, bytes and a bar a row. */
#ifndef SPECTRUM_TUI_SCREEN_MEMORY_BARS_H
#define SPECTRUM_TUI_SCREEN_MEMORY_BARS_H

#include "base/memory.h"
#include "tui/theme/theme.h"

void memory_bars_draw(struct area area, const struct theme *theme,
                      const uint64_t bytes[MEMORY_CATEGORIES]);

#endif
