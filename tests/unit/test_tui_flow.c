/* Running text: broken between words, cut with a mark, pieces that stay whole. */
#include "test.h"

#include "tui/widget/flow.h"

#include <stdlib.h>
#include <string.h>

static const struct style plain = {COLOR_DEFAULT, COLOR_DEFAULT, 0};

static void check_text(const struct canvas *canvas, const char *expected)
{
    struct buffer text = BUFFER_INIT;
    canvas_put_text(&text, canvas);
    assert_string_equal(buffer_string(&text), expected);
    buffer_free(&text);
}

static void sentences_break_between_words(void **state)
{
    (void)state;
    struct canvas canvas;
    static const char text[] = "cannot read it: give another, or nothing";
    assert_int_equal(canvas_init(&canvas, 16, 3, NULL), 0);
    assert_int_equal(flow_words_rows(text, 16), 3);
    assert_int_equal(flow_words(canvas_area(&canvas), plain, text), 3);
    check_text(&canvas, "cannot read it:\ngive another, or\nnothing\n");
    assert_int_equal(flow_words_rows("", 16), 0);
    assert_int_equal(flow_words_rows("/a/word/that/has/no/blank", 10), 3);
    canvas_free(&canvas);
}

static void what_does_not_fit_is_marked(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 10, 2, NULL), 0);
    assert_int_equal(flow_words(canvas_area(&canvas), plain, "one two three four five"), 3);
    check_text(&canvas, "one two\nthree fou…\n");
    canvas_free(&canvas);
}

static void items_are_not_broken(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_init(&canvas, 20, 2, NULL), 0);
    struct flow flow = {canvas_area(&canvas), 0, 0};
    flow_item(&flow, plain, "signal 44");
    flow_item(&flow, plain, "noise 148");
    flow_item(&flow, plain, "SNR 5");
    check_text(&canvas, "signal 44  noise 148\nSNR 5\n");
    canvas_free(&canvas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_break_between_words),
        cmocka_unit_test(what_does_not_fit_is_marked),
        cmocka_unit_test(items_are_not_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
