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

/* Between words, whatever the style is; a word longer than a line at its edge; lines of their own
 * stay, and so do blanks but one at a break. */
static void running_text_breaks_between_words(void **state)
{
    (void)state;
    static const struct {
        const char *first, *then, *shown;
    } texts[] = {
        {"the boat went home", "", "the boat\nwent home\n\n"},
        {"one two three", " four", "one two\nthree four\n\n"},
        {"0123456789 ab", "", "0123456789\nab\n\n"},
        {"ab 0123456789012", "", "ab 0123456\n789012\n\n"},
        {"a\n  b\nc", "", "a\n  b\nc\n"},
        {"12345678   ab", "", "12345678\nab\n\n"},
        {"one two th", "ree", "one two th\nree\n\n"},
        {"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6", "",
         "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\n\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\n\n"},
        {"a b c d e f g h i j k l m n o p q", "", "a b c d e\nf g h i j\nk l m n o\xe2\x80\xa6\n"},
        {"a b c d e\nf g h i j\nk", "", "a b c d e\nf g h i j\nk\n"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct canvas canvas;
        assert_int_equal(canvas_init(&canvas, 10, 3, NULL), 0);
        struct flow flow = {canvas_area(&canvas), 0, 0};
        flow_put(&flow, plain, texts[i].first, strlen(texts[i].first));
        flow_put(&flow, plain, texts[i].then, strlen(texts[i].then));
        flow_mark_cut(&flow, plain);
        check_text(&canvas, texts[i].shown);
        canvas_free(&canvas);
    }
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
        cmocka_unit_test(running_text_breaks_between_words),
        cmocka_unit_test(items_are_not_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
