/* Widgets at every size: they stay inside their area, and what they show is what they were given.
 */
#include "test.h"

#include "tui/widget/heatmap.h"
#include "tui/widget/plot.h"

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
    for (int shape = PLOT_LINE; shape <= PLOT_BARS; shape++) {
        struct plot_series series = {"a", (enum plot_shape)shape, THEME_HEAT_MID, 6, x, y};
        struct plot_mark mark = {"threshold", 2.5, false, THEME_HEAT_END};
        for (int width = 0; width <= 84; width += 7) {
            for (int height = 0; height <= 26; height += 2) {
                struct plot plot = {"index", "value", &series, 1, &mark, 1, width % 2, height % 4};
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
    static const double values[] = {0,     1,      -1,    0.0012, 12.5e3, 3e-7,
                                    1e300, -1e-30, 99999, 123456, NAN,    INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[32];
        plot_number(values[i], text, sizeof text);
        if (strlen(text) == 0 || strlen(text) > 7)
            fail_msg("%g is \"%s\"", values[i], text);
    }
    double ticks[16];
    size_t count = plot_ticks(0, 10, false, 5, ticks, 16);
    assert_true(count >= 3 && count <= 16);
    for (size_t i = 0; i < count; i++)
        assert_true(ticks[i] >= 0 && ticks[i] <= 10);
    count = plot_ticks(1e-5, 10, true, 6, ticks, 16);
    assert_true(count >= 2 && count <= 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heat_maps_stay_inside),
        cmocka_unit_test(labels_fit),
        cmocka_unit_test(plots_stay_inside),
        cmocka_unit_test(numbers_and_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
