/* The heat map: layers along x, module types along y, one cell one tensor.
 *
 *     layer   0     1     2     3     4        axis: as many numbers as have room
 *     all     ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁               overview, where not all layers fit
 *     q        ●     ●
 *     down           ●           ●
 *
 * A pure function of its struct. Colour is the value in [0, 1]; a dot marks what trains. In a mono
 * theme the value is a digit 0..9 beside the dot (bold and underlined where a cell is one column
 * wide); a terminal of few colours has the digits on them (where a cell is one column
 * wide, a mark takes the digit's place). What was set by hand is marked '+' where it trains and '-'
 * where it does not, which takes the place of all else in a cell of one column. Where not all layers fit, a one-row overview shows all of
 * them; where not all types do, arrows say in which direction there are more.
 *
 * Cells are as large as fits, up to 6 x 3; where even cells of one column do not fit, they are two
 * wide and the map scrolls with the cursor.
 */
#ifndef SPECTRUM_TUI_WIDGET_HEATMAP_H
#define SPECTRUM_TUI_WIDGET_HEATMAP_H

#include "tui/theme/theme.h"

enum { HEAT_LABEL_COLUMNS = 6 };

enum heat_kind {
    HEAT_ABSENT,   /* the model has no such tensor */
    HEAT_UNKNOWN,  /* not computed yet */
    HEAT_VALUE,    /* `value` counts */
    HEAT_INFINITE, /* drawn at the hot end */
    HEAT_NAN,      /* the matrix has NaN or Inf */
};

struct heat_cell {
    enum heat_kind kind;
    double value; /* [0, 1] */
    bool trained;
    bool marked;  /* in the range that is being marked */
    bool by_hand; /* its user set whether it trains */
};

struct heat_map {
    int layers, types;
    const struct heat_cell *cells; /* types x layers, row-major */
    const char *const *labels;     /* a short name a type; cut to HEAT_LABEL_COLUMNS */
    int cursor_layer, cursor_type; /* -1: no cursor */
};

/* Where things go; a pure function of sizes, for drawing, paging and tests. */
struct heat_layout {
    int cell_width, cell_height; /* in columns and rows; 0: nothing fits */
    int visible_layers, visible_types;
    int first_layer, first_type; /* scrolled so that the cursor is seen */
    bool overview;               /* not all layers fit: a one-row overview below the axis */
    int rows;                    /* rows that the map takes: axis, overview, cells */
};
struct heat_layout heat_layout(int width, int height, const struct heat_map *map);

void heat_draw(struct area area, const struct theme *theme, const struct heat_map *map);

/* Where a value lies between the ends of its colour scale, in [0, 1]:
 *     (v - low) / (high - low), or of logarithms log(v / low) / log(high / low)
 * A scale whose ends are equal has one colour, the middle one; what has no logarithm the lowest. */
double heat_scale(double value, double low, double high, bool logarithmic);

/* The gradient with numbers: low, middle and high of a logarithmic (or linear) scale; and which mark
 * is what trains, and with `by_hand` what was set so, where there is room. */
void heat_legend_draw(struct area area, const struct theme *theme, const char *title, double low,
                      double high, bool logarithmic, bool by_hand);

/* A short name for a module type, at most HEAT_LABEL_COLUMNS columns: "self_attn.q_proj" -> "q",
 * "block_sparse_moe.experts.3.w1" -> "e3.w1", "input_layernorm" -> "in_ln". */
void heat_label(const char *type, char *out, size_t size);

#endif
