/* The spectrum's drawing with values that no matrix has: they come from a file. */
#include "test.h"

#include "tui/screen/spectrum.h"

#include <math.h>
#include <string.h>

enum { COUNT = 8 };

static void draw_on(struct canvas *canvas, double values[COUNT], struct spectrum_look look)
{
    double index[COUNT], noise[COUNT];
    struct theme theme;
    for (int i = 0; i < COUNT; i++) {
        index[i] = i + 1;
        noise[i] = COUNT - i;
    }
    const struct scan_row row = {.known = true, .detailed = true, .threshold = 4};
    const struct spectrum_values all = {0, COUNT, values, index, noise};
    theme_plain(&theme);
    spectrum_draw(canvas_area(canvas), &theme, &row, &all, look);
}

static void draw(double values[COUNT], bool histogram, struct buffer *out)
{
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 80, 24, NULL), 0);
    for (int logarithmic = 0; logarithmic < 2; logarithmic++)
        draw_on(&canvas, values, (struct spectrum_look){histogram, logarithmic});
    canvas_put_text(out, &canvas);
    canvas_free(&canvas);
}

static void absurd_values_are_drawn_or_left_out(void **state)
{
    (void)state;
    static const double absurd[] = {-1e9, -1e308, -INFINITY, NAN, 1e308, INFINITY};
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        for (int at = 0; at < COUNT; at += COUNT - 1) {
            double values[COUNT] = {9, 7, 5, 4, 3, 2, 1, 0.5};
            values[at] = absurd[i];
            for (int histogram = 0; histogram < 2; histogram++) {
                struct buffer text = BUFFER_INIT;
                draw(values, histogram, &text);
                /* no axis reaches to infinity */
                if (isfinite(absurd[i]))
                    assert_non_null(strstr(buffer_string(&text), "noise alone"));
                buffer_free(&text);
            }
        }
    }
}

/* Noise ends at 8, the strongest signal is at 40: right of the middle there are only bars. */
static void noise_does_not_take_over_the_bars(void **state)
{
    (void)state;
    double values[COUNT] = {40, 39, 5, 4, 3, 2, 1, 0.5};
    for (int ascii = 0; ascii < 2; ascii++) {
        struct canvas canvas;
        int bars = 0;
        assert_int_equal(canvas_init(&canvas, 80, 24, NULL), 0);
        canvas.ascii = ascii;
        draw_on(&canvas, values, (struct spectrum_look){true, false});
        for (int y = 1; y < 21; y++)
            for (int x = 40; x < 80; x++) {
                const char *cell = canvas_cell(&canvas, x, y)->text;
                bars += strcmp(cell, " ") != 0;
                assert_string_not_equal(cell, ascii ? "o" : "○");
            }
        assert_true(bars > 0);
        canvas_free(&canvas);
    }
}

static void curves_are_told_apart_without_colour(void **state)
{
    (void)state;
    static const char *const legend[2][3] = {
        {"○ noise alone", "⣿ singular values", "· threshold 4"},
        {"o noise alone", "* singular values", ". threshold 4"},
    };
    double values[COUNT] = {9, 7, 5, 4, 3, 2, 1, 0.5};
    for (int ascii = 0; ascii < 2; ascii++) {
        struct canvas canvas;
        struct buffer text = BUFFER_INIT;
        assert_int_equal(canvas_init(&canvas, 80, 24, NULL), 0);
        canvas.ascii = ascii;
        draw_on(&canvas, values, (struct spectrum_look){false, false});
        canvas_put_text(&text, &canvas);
        for (int i = 0; i < 3; i++)
            assert_non_null(strstr(buffer_string(&text), legend[ascii][i]));
        const char *plot = strchr(buffer_string(&text), '\n');
        assert_non_null(strstr(plot, ascii ? "o" : "○"));
        buffer_free(&text);
        canvas_free(&canvas);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absurd_values_are_drawn_or_left_out),
        cmocka_unit_test(noise_does_not_take_over_the_bars),
        cmocka_unit_test(curves_are_told_apart_without_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
