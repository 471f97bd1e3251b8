#include "tui/widget/heatmap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_WIDTH = HEAT_LABEL_COLUMNS + 1, CELL_WIDTH_MAX = 6, CELL_HEIGHT_MAX = 3 };

static int at_least(int value, int low)
{
    return value < low ? low : value;
}

static int at_most(int value, int high)
{
    return value > high ? high : value;
}

/* The first of `visible` items so that the cursor is seen, in the middle if it can be. */
static int scroll_first(int cursor, int visible, int count)
{
    return at_least(at_most(cursor - visible / 2, count - visible), 0);
}

/* Columns first: their width decides whether there is an overview, which takes a row of the cells'.
 */
struct heat_layout heat_layout(int width, int height, const struct heat_map *map)
{
    struct heat_layout out = {0};
    int columns = width - LABEL_WIDTH, rows = height - 1;
    if (columns < 1 || rows < 1 || map->layers < 1 || map->types < 1)
        return out;
    out.cell_width = at_least(at_most(columns / map->layers, CELL_WIDTH_MAX), 1);
    if (columns < map->layers)
        out.cell_width = at_most(2, columns); /* it scrolls anyway: wider cells read better */
    out.visible_layers = at_most(columns / out.cell_width, map->layers);
    out.overview = out.visible_layers < map->layers && rows > 1;
    rows -= out.overview;
    out.cell_height = at_least(at_most(rows / map->types, CELL_HEIGHT_MAX), 1);
    out.visible_types = at_most(rows / out.cell_height, map->types);
    out.first_layer = scroll_first(map->cursor_layer, out.visible_layers, map->layers);
    out.first_type = scroll_first(map->cursor_type, out.visible_types, map->types);
    out.rows = 1 + out.overview + out.visible_types * out.cell_height;
    return out;
}

static const struct heat_cell *map_cell(const struct heat_map *map, int type, int layer)
{
    return &map->cells[(size_t)type * (size_t)map->layers + (size_t)layer];
}

/* The background is the value; what is written on it, black or white, must be readable on that. The
 * cursor hides the value of its cell, which is explained below the map. */
static struct style cell_style(const struct theme *theme, const struct heat_cell *cell, bool cursor)
{
    struct style style = theme_style(theme, THEME_DIM);
    bool mono = theme_is_mono(theme);
    if (cursor) {
        style = theme_style_on(theme, THEME_TEXT, THEME_CURSOR);
        if (style.bg >= 0)
            style.fg = color_contrast(style.bg);
        style.attributes |= ATTRIBUTE_BOLD;
        return style;
    }
    if (cell->kind == HEAT_VALUE || cell->kind == HEAT_INFINITE)
        style.bg = theme_heat(theme, cell->kind == HEAT_VALUE ? cell->value : 1);
    else if (cell->kind == HEAT_NAN)
        style = theme_style(theme, THEME_ERROR);
    if (!mono && cell->kind != HEAT_UNKNOWN && style.bg >= 0)
        style.fg = color_contrast(style.bg);
    if (mono && cell->trained)
        style.attributes |= ATTRIBUTE_BOLD;
    if (cell->marked)
        style.attributes |= ATTRIBUTE_REVERSE;
    return style;
}

/* Is a value a digit, as colours alone do not tell it? */
static bool has_digits(struct area area, const struct theme *theme)
{
    return theme_is_mono(theme) || area.canvas->few_colors;
}

/* The letter that stands for the value where colour cannot, or where there is no value. */
static const char *cell_level(const struct heat_cell *cell, bool has_digits)
{
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    switch (cell->kind) {
    case HEAT_ABSENT:
        return " ";
    case HEAT_UNKNOWN:
        return "·";
    case HEAT_NAN:
        return "!";
    case HEAT_INFINITE:
        return has_digits ? "9" : " ";
    case HEAT_VALUE:
        break;
    }
    return has_digits ? digits[at_least(at_most((int)(cell->value * 10), 9), 0)] : " ";
}

/* What a cell says of its training; NULL: nothing, as it rests by the rule. */
static const char *cell_mark(const struct heat_cell *cell)
{
    if (cell->by_hand)
        return cell->trained ? "+" : "-";
    return cell->trained ? "●" : NULL;
}

/* One column: the level or the mark. More: both, level first, as near to the middle as they go. */
static void cell_draw(struct area area, const struct theme *theme, const struct heat_cell *cell,
                      bool cursor)
{
    struct style style = cell_style(theme, cell, cursor);
    const char *level = cell_level(cell, has_digits(area, theme)), *mark = cell_mark(cell);
    bool alone = area.width == 1 && mark && (cell->by_hand || !theme_is_mono(theme));
    bool blank = alone || strcmp(level, " ") == 0;
    int row = area.height / 2, column = (area.width - 1) / 2;
    area_fill(area, style);
    if (area.width == 1 && cell->trained && theme_is_mono(theme))
        style.attributes |= ATTRIBUTE_UNDERLINE;
    if (!blank)
        area_put(area, column, row, style, level);
    if (mark)
        area_put(area, blank ? column : column + 1, row, style, mark);
}

/* Numbers 1, 2, 5, 10, ... layers apart, so that four columns are between two; the cursor's own is
 * always there, and takes the place of those that it would touch. */
static void axis_draw(struct area area, const struct theme *theme, const struct heat_map *map,
                      const struct heat_layout *layout)
{
    struct style dim = theme_style(theme, THEME_DIM), here = theme_style(theme, THEME_ACCENT);
    int step = 1;
    while (step * layout->cell_width < 4)
        step = step == 1 ? 2 : step == 2 ? 5 : step * 2;
    area_put(area, 0, 0, dim, "layer");
    for (int i = 0; i < layout->visible_layers; i++) {
        int layer = layout->first_layer + i, near = map->cursor_layer - layer;
        bool crowded = map->cursor_layer >= 0 && near > -step && near < step;
        if (near != 0 && (layer % step != 0 || crowded))
            continue;
        int digits = layer > 99 ? 3 : layer > 9 ? 2 : 1;
        int x = LABEL_WIDTH + i * layout->cell_width + (layout->cell_width > 3);
        area_print(area, at_most(x, area.width - digits), 0, near == 0 ? here : dim, "%d", layer);
    }
}

/* All layers in one row, a column being one or several of them, as hot as their hottest cell; the
 * part in sight is marked, and the cursor in it. */
static void overview_draw(struct area area, const struct theme *theme, const struct heat_map *map,
                          const struct heat_layout *layout)
{
    int width = at_most(area.width - LABEL_WIDTH, map->layers);
    area_put(area, 0, 0, theme_style(theme, THEME_DIM), "all");
    for (int x = 0; x < width; x++) {
        int from = x * map->layers / width, to = at_least((x + 1) * map->layers / width, from + 1);
        struct heat_cell best = {HEAT_UNKNOWN, 0, false, false, false};
        for (int layer = from; layer < to; layer++)
            for (int type = 0; type < map->types; type++) {
                const struct heat_cell *cell = map_cell(map, type, layer);
                bool hotter = best.kind != HEAT_VALUE || cell->value > best.value;
                if (cell->kind == HEAT_VALUE && hotter)
                    best = (struct heat_cell){HEAT_VALUE, cell->value, false, false, false};
            }
        bool here = map->cursor_layer >= from && map->cursor_layer < to;
        bool seen = from < layout->first_layer + layout->visible_layers && to > layout->first_layer;
        struct style style = cell_style(theme, &best, here);
        bool mono = theme_is_mono(theme);
        area_put(area, LABEL_WIDTH + x, 0, style, mono || !seen ? cell_level(&best, mono) : "▁");
    }
}

/* Before the first and the last type in sight: there are more. */
static void arrows_draw(struct area area, const struct theme *theme, const struct heat_map *map,
                        const struct heat_layout *layout)
{
    struct style style = theme_style(theme, THEME_ACCENT);
    int top = 1 + layout->overview, last = layout->visible_types - 1;
    if (layout->first_type > 0)
        area_put(area, HEAT_LABEL_COLUMNS, top, style, "↑");
    if (layout->first_type + layout->visible_types < map->types)
        area_put(area, HEAT_LABEL_COLUMNS, top + last * layout->cell_height, style, "↓");
}

/* Axis, overview where not all fits, and a row of cells for each type in sight. */
void heat_draw(struct area area, const struct theme *theme, const struct heat_map *map)
{
    struct heat_layout layout = heat_layout(area.width, area.height, map);
    if (layout.cell_width == 0)
        return;
    axis_draw(area_part(area, 0, 0, area.width, 1), theme, map, &layout);
    if (layout.overview)
        overview_draw(area_part(area, 0, 1, area.width, 1), theme, map, &layout);
    int top = 1 + layout.overview;
    for (int i = 0; i < layout.visible_types; i++) {
        int type = layout.first_type + i, y = top + i * layout.cell_height;
        bool here = type == map->cursor_type;
        struct style label = theme_style(theme, here ? THEME_ACCENT : THEME_TEXT);
        area_label(area, 0, y + layout.cell_height / 2, HEAT_LABEL_COLUMNS, label,
                   map->labels[type]);
        for (int k = 0; k < layout.visible_layers; k++) {
            int layer = layout.first_layer + k;
            struct area cell = area_part(area, LABEL_WIDTH + k * layout.cell_width, y,
                                         layout.cell_width, layout.cell_height);
            cell_draw(cell, theme, map_cell(map, type, layer), here && layer == map->cursor_layer);
        }
    }
    arrows_draw(area, theme, map, &layout);
}

/* Low, the gradient's lower half, its middle, its upper half, high. The middle of a logarithmic
 * scale is the geometric mean sqrt(low high). */
double heat_scale(double value, double low, double high, bool logarithmic)
{
    if (logarithmic && !(value > 0))
        return 0;
    if (!(high > low))
        return 0.5;
    return logarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low);
}

/* The scale in as many steps as there is room for, its ends and its middle in numbers; what the
 * marks mean only where that fits. */
void heat_legend_draw(struct area area, const struct theme *theme, const char *title, double low,
                      double high, bool logarithmic, bool by_hand)
{
    struct style text = theme_style(theme, THEME_TEXT), dim = theme_style(theme, THEME_DIM);
    double middle = logarithmic ? sqrt(low * high) : (low + high) / 2;
    int x = area_put(area, 0, 0, dim, title) + 1;
    int bar = at_least(at_most((area.width - x - 30) / 2, 12), 3);
    if (!isfinite(low) || !isfinite(high)) {
        area_put(area, x, 0, dim, "no finite value yet");
        return;
    }
    x += area_print(area, x, 0, text, "%.3g ", low);
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < bar; i++) {
            struct heat_cell cell = {HEAT_VALUE, (part * bar + i + 0.5) / (2 * bar), false, false,
                                     false};
            area_put(area, x++, 0, cell_style(theme, &cell, false),
                     cell_level(&cell, has_digits(area, theme)));
        }
        x += area_print(area, x, 0, text, " %.3g ", part ? high : middle);
    }
    x += 1 + area_put(area, x + 1, 0, dim, "● trains");
    static const char hand[] = "  + - by hand";
    if (by_hand && x + text_columns(hand) <= area.width)
        area_put(area, x, 0, dim, hand);
}

/* The last part of the name, without "_proj"; an expert's with its number in front. */
void heat_label(const char *type, char *out, size_t size)
{
    const char *last = strrchr(type, '.'), *experts = strstr(type, "experts.");
    char name[32];
    if (strstr(type, "input_layernorm") || strstr(type, "post_attention_layernorm")) {
        snprintf(out, size, "%s", strstr(type, "input_layernorm") ? "in_ln" : "pos_ln");
        return;
    }
    snprintf(name, sizeof name, "%.31s", last ? last + 1 : type);
    char *proj = strstr(name, "_proj");
    if (proj && proj != name)
        *proj = '\0';
    if (experts)
        snprintf(out, size, "e%.*s.%.8s", (int)strspn(experts + 8, "0123456789") % 4, experts + 8,
                 name);
    else
        snprintf(out, size, "%s", name);
}
