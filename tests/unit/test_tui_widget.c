/* Widgets at every size: they stay inside their area, and what they show is what they were given.
 */
#include "test.h"

#include "tui/widget/heatmap.h"
#include "tui/widget/plot.h"
#include "tui/widget/plot_axis.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 90, HEIGHT = 30, LAYERS = 30, TYPES = 7 };

static const struct style ground = {0x123456, 0x654321, 0};

/* A canvas of '.', so that every cell that a widget touches outside its area shows. */
static void new_canvas(struct canvas *canvas, bool ascii)
{
    char dots[WIDTH + 1];
    memset(dots, '.', WIDTH);
    dots[WIDTH] = '\0';
    assert_int_equal(canvas_init(canvas, WIDTH, HEIGHT, NULL), 0);
    canvas->ascii = ascii;
    for (int y = 0; y < HEIGHT; y++)
        area_put(canvas_area(canvas), 0, y, ground, dots);
}

static void check_outside(const struct canvas *canvas, int width, int height)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            if (x < 3 || y < 2 || x >= 3 + width || y >= 2 + height)
                assert_string_equal(canvas_cell(canvas, x, y)->text, ".");
}

static void fill_map(struct heat_map *map, struct heat_cell cells[TYPES * LAYERS])
{
    static const char *const labels[TYPES] = {"q", "k", "v", "o", "gate", "up", "a long label"};
    for (int i = 0; i < TYPES * LAYERS; i++)
        cells[i] = (struct heat_cell){.kind = (enum heat_kind)(i % 5),
                                      .value = (double)i / (TYPES * LAYERS - 1),
                                      .trained = i % 3 == 0};
    *map = (struct heat_map){LAYERS, TYPES, cells, labels, 17, 5};
}

static void heat_maps_stay_inside(void **state)
{
    (void)state;
    struct heat_cell cells[TYPES * LAYERS];
    struct heat_map map;
    struct theme theme;
    theme_plain(&theme);
    fill_map(&map, cells);
    for (int width = 0; width <= 84; width += 3) {
        for (int height = 0; height <= 26; height++) {
            struct canvas canvas;
            new_canvas(&canvas, height % 2);
            struct area area = area_part(canvas_area(&canvas), 3, 2, width, height);
            heat_draw(area, &theme, &map);
            check_outside(&canvas, width, height);
            struct heat_layout layout = heat_layout(width, height, &map);
            assert_true(layout.visible_layers <= LAYERS && layout.visible_types <= TYPES);
            if (layout.cell_width > 0) {
                assert_true(layout.first_layer <= 17 &&
                            17 < layout.first_layer + layout.visible_layers);
                assert_true(layout.first_type <= 5 && 5 < layout.first_type + layout.visible_types);
            }
            canvas_free(&canvas);
        }
    }
}

/* What a row of one type shows in cells of so many columns, without the label. */
static void check_cells(const struct theme *theme, bool few_colors, int cell_width,
                        const char *shown)
{
    static const char *const label = "q";
    static const struct heat_cell cells[] = {
        {HEAT_VALUE, 0.35, false, false, false}, {HEAT_VALUE, 0.35, true, false, false},
        {HEAT_VALUE, 0.35, true, false, true},   {HEAT_VALUE, 0.35, false, false, true},
        {HEAT_UNKNOWN, 0, true, false, true},    {HEAT_INFINITE, 0, false, false, false},
    };
    enum { COUNT = sizeof cells / sizeof *cells };
    const struct heat_map map = {COUNT, 1, cells, &label, -1, -1};
    struct canvas canvas;
    char found[16 * COUNT] = "";
    assert_int_equal(canvas_init(&canvas, HEAT_LABEL_COLUMNS + 1 + cell_width * COUNT, 2, NULL), 0);
    canvas.few_colors = few_colors;
    heat_draw(canvas_area(&canvas), theme, &map);
    for (int x = 0; x < cell_width * COUNT; x++)
        strcat(found, canvas_cell(&canvas, HEAT_LABEL_COLUMNS + 1 + x, 1)->text);
    assert_string_equal(found, shown);
    canvas_free(&canvas);
}

/* Values are told apart without colours and with few of them, and so is what was set by hand. */
static void cells_say_what_colors_do_not(void **state)
{
    (void)state;
    static const char text[] = "heat_start = #000000\nheat_mid = #808080\nheat_end = #FFFFFF\n";
    struct theme plain, colors;
    theme_plain(&plain);
    assert_int_equal(theme_parse(&colors, "own", text, "own", NULL), 0);
    check_cells(&plain, false, 2, "3 3●3+3-·+9 ");
    check_cells(&plain, false, 1, "33+-+9");
    check_cells(&colors, true, 2, "3 3●3+3-·+9 ");
    check_cells(&colors, true, 1, "3●+-+9");
    check_cells(&colors, false, 2, "  ● + - ·+  ");
    check_cells(&colors, false, 1, " ●+-+ ");
}

static void labels_fit(void **state)
{
    (void)state;
    static const char *const types[] = {"self_attn.q_proj",
                                        "mlp.down_proj",
                                        "input_layernorm",
                                        "block_sparse_moe.experts.3.w1",
                                        "post_attention_layernorm",
                                        "",
                                        "x.y.z"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char label[32];
        heat_label(types[i], label, sizeof label);
        assert_true(text_columns(label) <= HEAT_LABEL_COLUMNS);
    }
    char label[32];
    heat_label("self_attn.q_proj", label, sizeof label);
    assert_string_equal(label, "q");
    heat_label("mlp.down_proj", label, sizeof label);
    assert_string_equal(label, "down");
}

static void plots_stay_inside(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {5, 0.01, NAN, 3, INFINITY, -2};
    struct theme theme;
    theme_plain(&theme);
    static const double top[] = {6, 7, NAN, 1, INFINITY, 3};
    for (int shape = PLOT_LINE; shape <= PLOT_SIGNS; shape++) {
        bool tall = shape == PLOT_BAND || shape == PLOT_AREA;
        struct plot_series series = {
            "a", (enum plot_shape)shape, {THEME_HEAT_MID, "◆", "@", 0, true}, 6, x,
            y,   tall ? top : NULL};
        struct plot_mark mark = {"threshold", 2.5, false, THEME_HEAT_END};
        for (int width = 0; width <= 84; width += 7) {
            for (int height = 0; height <= 26; height += 2) {
                struct plot plot = {.x_title = height % 6 ? "index" : NULL,
                                    .y_title = "value",
                                    .series = &series,
                                    .series_count = 1,
                                    .marks = &mark,
                                    .mark_count = 1,
                                    .log_x = width % 2,
                                    .log_y = height % 4,
                                    .round_y = height % 3,
                                    .crossed = true,
                                    .cross = 2};
                struct canvas canvas;
                new_canvas(&canvas, width % 3 == 0);
                plot_draw(area_part(canvas_area(&canvas), 3, 2, width, height), &theme, &plot);
                check_outside(&canvas, width, height);
                canvas_free(&canvas);
            }
        }
    }
}

static void numbers_and_ticks(void **state)
{
    (void)state;
    static const double values[] = {0,      1,        -1,     0.0012,  12.5e3, 3e-7,
                                    1e300,  -1e-30,   1.1e-5, -1.1e-5, 2.5e99, 1.5e-300,
                                    1.5e13, -2.5e120, 99999,  123456,  NAN,    INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[32];
        plot_number(values[i], text, sizeof text);
        if (strlen(text) == 0 || strlen(text) > 7)
            fail_msg("%g is \"%s\"", values[i], text);
    }
    /* learning rates that are neighbours on an axis: no two in the same words */
    static const struct {
        double value;
        const char *said;
    } rates[] = {{5e-4, "0.0005"},    {4.95e-4, "4.95e-4"}, {4.976e-4, "4.98e-4"},
                 {1.5e-5, "1.5e-05"}, {9.999e-4, "0.001"},  {9.95e-5, "9.95e-5"}};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        char text[32];
        plot_number(rates[i].value, text, sizeof text);
        assert_string_equal(text, rates[i].said);
    }
    double ticks[16];
    size_t count = plot_ticks(0, 10, false, 5, ticks, 16);
    assert_true(count >= 3 && count <= 16);
    for (size_t i = 0; i < count; i++)
        assert_true(ticks[i] >= 0 && ticks[i] <= 10);
    count = plot_ticks(1e-5, 10, true, 6, ticks, 16);
    assert_true(count >= 2 && count <= 16);
}

static void draw_text(struct buffer *out, const struct theme *theme, bool ascii,
                      const struct plot *plot)
{
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 60, 14, NULL), 0);
    canvas_clear(&canvas, ground);
    canvas.ascii = ascii;
    plot_draw(canvas_area(&canvas), theme, plot);
    canvas_put_text(out, &canvas);
    canvas_free(&canvas);
}

/* A sign stands where a dense band lies, whatever colours there are. */
static void no_curve_swallows_a_sign(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    double x[COUNT], low[COUNT], high[COUNT];
    static const double mark_x[] = {50, 100}, mark_y[] = {5, 5};
    struct theme themes[2];
    theme_plain(&themes[0]);
    assert_int_equal(theme_load(&themes[1], "dark", NULL), 0);
    for (int i = 0; i < COUNT; i++) {
        x[i] = i;
        low[i] = 1;
        high[i] = 9;
    }
    const struct plot_series series[] = {
        {"evaluation",
         PLOT_SIGNS,
         {THEME_SERIES_OTHER, "◆", "@", 0, false},
         2,
         mark_x,
         mark_y,
         NULL},
        {"raw", PLOT_BAND, {THEME_SERIES, "", ".", 0, false}, COUNT, x, low, high},
    };
    struct plot plot = {.x_title = "step", .y_title = "loss", .series = series, .series_count = 2};
    for (int i = 0; i < 4; i++) {
        struct buffer text = BUFFER_INIT;
        const char *sign = i % 2 ? "@" : "◆";
        int count = 0;
        draw_text(&text, &themes[i / 2], i % 2, &plot);
        for (const char *at = buffer_string(&text); (at = strstr(at, sign)); at += strlen(sign))
            count++;
        assert_int_equal(count, 3); /* the legend's, too */
        buffer_free(&text);
    }
}

/* A rounded axis stays while values grow a little, and has all of them. */
static void axes_end_at_round_numbers(void **state)
{
    (void)state;
    static const struct {
        double low, high, to_low, to_high;
        bool logarithmic;
    } cases[] = {
        {2.31, 4.17, 2, 4.5, false}, {2.31, 4.42, 2, 5, false},    {0, 39, 0, 40, false},
        {-3, 3, -4, 4, false},       {1e-6, 2e-5, 0, 2e-5, false}, {0.3, 70, 0.2, 100, true},
        {1, 10, 1, 10, true},        {2.5, 2.6, 2.5, 2.6, false},  {3.63, 4.41, 3.6, 4.6, true},
        {1, 9, 1, 10, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct axis axis = {cases[i].low, cases[i].high, cases[i].logarithmic, 0};
        axis_round(&axis);
        if (fabs(axis.low - cases[i].to_low) > 1e-9 || fabs(axis.high - cases[i].to_high) > 1e-9)
            fail_msg("%g to %g becomes %g to %g", cases[i].low, cases[i].high, axis.low, axis.high);
    }
    for (double low = 1e-300; low < 1e300; low *= 7.3)
        for (double span = 1e-5; span < 1e5; span *= 3.1)
            for (int logarithmic = 0; logarithmic < 2; logarithmic++) {
                struct axis axis = {low, low + low * span, logarithmic, 0}, before = axis;
                axis_round(&axis);
                double slack = 1e-6 * (before.high - before.low);
                assert_true(axis.low <= before.low + slack && axis.high >= before.high - slack);
            }
}

/* One value has room around it, but what is never negative does not seem to be. */
static void an_axis_of_one_value_is_sensible(void **state)
{
    (void)state;
    static const double cases[][3] = {
        {0, 0, 1}, {2, 1.8, 2.2}, {-2, -2.2, -1.8}, {1e-3, 0.9e-3, 1.1e-3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct axis axis = {NAN, NAN, false, 0};
        axis_include(&axis, cases[i][0]);
        assert_true(axis_finish(&axis));
        if (fabs(axis.low - cases[i][1]) > 1e-12 || fabs(axis.high - cases[i][2]) > 1e-12)
            fail_msg("%g has an axis from %g to %g", cases[i][0], axis.low, axis.high);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_axis_of_one_value_is_sensible),
        cmocka_unit_test(heat_maps_stay_inside),
        cmocka_unit_test(cells_say_what_colors_do_not),
        cmocka_unit_test(labels_fit),
        cmocka_unit_test(plots_stay_inside),
        cmocka_unit_test(numbers_and_ticks),
        cmocka_unit_test(no_curve_swallows_a_sign),
        cmocka_unit_test(axes_end_at_round_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
