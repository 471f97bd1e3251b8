/* The spectrum's drawing with values that no matrix has: they come from a file. */
#include "test.h"

#include "tui/screen/spectrum_draw.h"

#include <math.h>
#include <string.h>

enum { COUNT = 8 };

static void draw(double values[COUNT], bool histogram, struct buffer *out)
{
    double index[COUNT], noise[COUNT];
    struct canvas canvas;
    struct theme theme;
    for (int i = 0; i < COUNT; i++) {
        index[i] = i + 1;
        noise[i] = COUNT - i;
    }
    const struct scan_row row = {.known = true, .detailed = true, .threshold = 4};
    const struct spectrum_values all = {0, COUNT, values, index, noise};
    theme_plain(&theme);
    assert_int_equal(canvas_init(&canvas, 80, 24, NULL), 0);
    for (int logarithmic = 0; logarithmic < 2; logarithmic++)
        spectrum_draw(canvas_area(&canvas), &theme, &row, &all,
                      (struct spectrum_look){histogram, logarithmic});
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(absurd_values_are_drawn_or_left_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
