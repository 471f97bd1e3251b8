/* The cell grid: nothing is written outside an area, hostile text becomes '?', pictures. */
#include "test.h"

#include "tui/canvas/canvas.h"

#include <string.h>

static const struct style plain = {COLOR_DEFAULT, COLOR_DEFAULT, 0};

static void put_is_cut_to_the_area(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 10, 3, NULL), 0);
    struct area part = area_part(canvas_area(&canvas), 2, 1, 4, 1);
    assert_int_equal(area_put(part, -1, 0, plain, "abcdefgh"), 8);
    area_put(part, 0, 1, plain, "below");
    area_put(part, 0, -1, plain, "above");
    struct buffer text = BUFFER_INIT;
    canvas_put_text(&text, &canvas);
    assert_string_equal(buffer_string(&text), "\n  bcde\n\n");
    buffer_free(&text);
    canvas_free(&canvas);
}

static void wide_characters_are_whole_or_blank(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 5, 1, NULL), 0);
    struct area area = canvas_area(&canvas);
    area_put(area, 0, 0, plain, "漢字漢");
    assert_string_equal(canvas_cell(&canvas, 0, 0)->text, "漢");
    assert_string_equal(canvas_cell(&canvas, 1, 0)->text, "");
    assert_string_equal(canvas_cell(&canvas, 4, 0)->text, " ");
    area_put(area, 1, 0, plain, "x");
    assert_string_equal(canvas_cell(&canvas, 0, 0)->text, " ");
    assert_string_equal(canvas_cell(&canvas, 1, 0)->text, "x");
    canvas_free(&canvas);
}

static void controls_never_reach_a_cell(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 12, 1, NULL), 0);
    area_put(canvas_area(&canvas), 0, 0, plain, "a\x1b[2J\xff\xc2\x9b\xe2\x80\xae.");
    struct buffer text = BUFFER_INIT;
    canvas_put_text(&text, &canvas);
    assert_string_equal(buffer_string(&text), "a?[2J???.\n");
    buffer_free(&text);
    canvas_free(&canvas);
}

static void combining_marks_join_and_are_bounded(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 4, 1, NULL), 0);
    char text[256] = "e";
    for (int i = 0; i < 100; i++)
        strcat(text, "\xcc\x81");
    assert_int_equal(area_put(canvas_area(&canvas), 0, 0, plain, text), 1);
    assert_true(strlen(canvas_cell(&canvas, 0, 0)->text) < CELL_BYTES);
    assert_string_equal(canvas_cell(&canvas, 1, 0)->text, " ");
    canvas_free(&canvas);
}

static void ascii_terminals_get_ascii(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 8, 3, NULL), 0);
    canvas.ascii = true;
    area_put(canvas_area(&canvas), 0, 1, plain, "│é▶─…│");
    struct buffer text = BUFFER_INIT;
    canvas_put_text(&text, &canvas);
    for (size_t i = 0; i < text.length; i++)
        assert_true((unsigned char)text.data[i] < 128);
    assert_non_null(strstr(buffer_string(&text), "|?>-~|"));
    buffer_free(&text);
    canvas_free(&canvas);
}

static void labels_say_that_they_are_cut(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 8, 1, NULL), 0);
    assert_int_equal(area_label(canvas_area(&canvas), 0, 0, 6, plain, "block_sparse"), 6);
    struct buffer text = BUFFER_INIT;
    canvas_put_text(&text, &canvas);
    assert_string_equal(buffer_string(&text), "block…\n");
    buffer_clear(&text);
    canvas_put_svg(&text, &canvas, 0xffffff, 0x000000);
    assert_non_null(strstr(buffer_string(&text), ">b</text>"));
    assert_non_null(strstr(buffer_string(&text), "</svg>"));
    buffer_free(&text);
    canvas_free(&canvas);
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    struct canvas canvas;
    struct error err = ERROR_INIT;
    assert_int_equal(canvas_init(&canvas, 0, 5, &err), -1);
    assert_int_equal(canvas_init(&canvas, 5, 100000, &err), -1);
    assert_non_null(strstr(err.text, "5x100000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_is_cut_to_the_area),
        cmocka_unit_test(wide_characters_are_whole_or_blank),
        cmocka_unit_test(controls_never_reach_a_cell),
        cmocka_unit_test(combining_marks_join_and_are_bounded),
        cmocka_unit_test(ascii_terminals_get_ascii),
        cmocka_unit_test(labels_say_that_they_are_cut),
        cmocka_unit_test(absurd_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
