/* The line editor: its keys, characters of several bytes, a full buffer, and what is drawn of it at
 * every width. */
#include "test.h"

#include "tui/canvas/terminal.h"
#include "tui/widget/line_edit.h"

#include <stdlib.h>
#include <string.h>

#define CTRL(letter) ((letter) - 'A' + 1)

static const struct style plain = {COLOR_DEFAULT, COLOR_DEFAULT, 0};

/* Where "|" stands in a text is the cursor. */
struct line {
    struct line_edit edit;
    char text[40];
};

static void begin(struct line *line, const char *marked)
{
    const char *mark = strchr(marked, '|');
    size_t before = (size_t)(mark - marked);
    memset(line->text, 0x5A, sizeof line->text);
    memcpy(line->text, marked, before);
    strcpy(line->text + before, mark + 1);
    line_edit_begin(&line->edit, line->text, sizeof line->text);
    line->edit.cursor = before;
}

static void check_line(const struct line *line, const char *marked)
{
    char shown[sizeof line->text + 1];
    size_t at = line->edit.cursor;
    assert_true(at <= strlen(line->text));
    snprintf(shown, sizeof shown, "%.*s|%s", (int)at, line->text, line->text + at);
    assert_string_equal(shown, marked);
}

/* Every key, in the middle, at both ends and in an empty line. */
static void keys_are_readlines(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        int input;
        const char *after;
    } cases[] = {
        {"ab|cd", 'x', "abx|cd"},
        {"ab|cd", 0xE4, "abä|cd"},
        {"ab|cd", INPUT_LEFT, "a|bcd"},
        {"|ab", INPUT_LEFT, "|ab"},
        {"ab|cd", INPUT_RIGHT, "abc|d"},
        {"ab|", INPUT_RIGHT, "ab|"},
        {"ab|cd", INPUT_HOME, "|abcd"},
        {"ab|cd", CTRL('A'), "|abcd"},
        {"ab|cd", INPUT_END, "abcd|"},
        {"ab|cd", CTRL('E'), "abcd|"},
        {"ab|cd", INPUT_BACKSPACE, "a|cd"},
        {"|cd", INPUT_BACKSPACE, "|cd"},
        {"ab|cd", INPUT_DELETE, "ab|d"},
        {"ab|cd", CTRL('D'), "ab|d"},
        {"ab|", INPUT_DELETE, "ab|"},
        {"ab|cd", CTRL('U'), "|cd"},
        {"ab|cd", CTRL('K'), "ab|"},
        {"one /two/three|", INPUT_WORD_LEFT, "one /two/|three"},
        {"one /two/|three", INPUT_WORD_LEFT, "one /|two/three"},
        {"  |", INPUT_WORD_LEFT, "|  "},
        {"|one /two", INPUT_WORD_RIGHT, "one| /two"},
        {"one| /two", INPUT_WORD_RIGHT, "one /two|"},
        {"one /two/three |x", CTRL('W'), "one |x"},
        {"one /two/three|", INPUT_WORD_ERASE, "one /two/|"},
        {"|", CTRL('W'), "|"},
        {"one| two three", INPUT_WORD_DELETE, "one| three"},
        {"größe| x", INPUT_WORD_LEFT, "|größe x"},
        {"grö|ße x", INPUT_LEFT, "gr|öße x"},
        {"a日|b", INPUT_BACKSPACE, "a|b"},
        {"xe\u0301|y", INPUT_LEFT, "x|e\u0301y"},
        {"xe\u0301|y", INPUT_BACKSPACE, "x|y"},
        {"x|e\u0301y", INPUT_RIGHT, "xe\u0301|y"},
        {"x|e\u0301y", INPUT_DELETE, "x|y"},
        {"xe|", 0x301, "xe\u0301|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct line line;
        begin(&line, cases[i].before);
        assert_true(line_edit_input(&line.edit, cases[i].input));
        check_line(&line, cases[i].after);
    }
}

/* They are the caller's, and change nothing. */
static void other_inputs_are_not_taken(void **state)
{
    (void)state;
    static const int inputs[] = {INPUT_ENTER, INPUT_TAB,    INPUT_ESCAPE, INPUT_UP, INPUT_DOWN,
                                 CTRL('C'),   INPUT_RESIZE, INPUT_NONE,   0x9B,     0x202E};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        struct line line;
        begin(&line, "ab|cd");
        assert_false(line_edit_input(&line.edit, inputs[i]));
        check_line(&line, "ab|cd");
    }
}

static void a_full_buffer_takes_whole_texts_alone(void **state)
{
    (void)state;
    char text[6] = "abc";
    struct line_edit edit;
    line_edit_begin(&edit, text, sizeof text);
    assert_int_equal(edit.cursor, 3);
    assert_false(line_edit_insert(&edit, "xyz", 3));
    assert_string_equal(text, "abc");
    assert_true(line_edit_input(&edit, 0x65E5)); /* three bytes: it is dropped */
    assert_string_equal(text, "abc");
    edit.cursor = 1;
    assert_true(line_edit_insert(&edit, NULL, 0));
    assert_true(line_edit_insert(&edit, "xy", 2));
    assert_string_equal(text, "axybc");
    assert_int_equal(edit.cursor, 3);
    assert_true(line_edit_input(&edit, 'z'));
    assert_string_equal(text, "axybc");
    line_edit_set(&edit, "1234ä");
    assert_string_equal(text, "1234");
    assert_int_equal(edit.cursor, 4);
}

static void a_text_that_others_change_is_edited_on(void **state)
{
    (void)state;
    struct line line;
    begin(&line, "abcdef|");
    strcpy(line.text, "ä");
    assert_true(line_edit_input(&line.edit, 'x'));
    check_line(&line, "äx|");
    line.edit.cursor = 1; /* in the middle of a character */
    assert_true(line_edit_input(&line.edit, INPUT_BACKSPACE));
    check_line(&line, "|x");
}

/* Characters are undone together, a move parts them; what a value was replaced by brings it back whole. */
static void an_undo_brings_back_what_was_there(void **state)
{
    (void)state;
    struct line line;
    begin(&line, "one|");
    assert_false(line_edit_can_undo(&line.edit));
    assert_true(line_edit_input(&line.edit, CTRL('_')));
    check_line(&line, "one|");
    assert_true(line_edit_input(&line.edit, 'x'));
    assert_true(line_edit_input(&line.edit, 'y'));
    assert_true(line_edit_input(&line.edit, INPUT_HOME));
    assert_true(line_edit_input(&line.edit, 'z'));
    assert_true(line_edit_input(&line.edit, CTRL('K')));
    check_line(&line, "z|");
    assert_true(line_edit_input(&line.edit, CTRL('_')));
    check_line(&line, "zonexy|");
    assert_true(line_edit_input(&line.edit, CTRL('_')));
    check_line(&line, "|onexy");
    assert_true(line_edit_input(&line.edit, CTRL('_')));
    check_line(&line, "one|");
    assert_false(line_edit_can_undo(&line.edit));
    line_edit_replace(&line.edit);
    assert_true(line_edit_input(&line.edit, '1'));
    assert_true(line_edit_input(&line.edit, '2'));
    check_line(&line, "12|");
    line_edit_undo(&line.edit);
    check_line(&line, "one|");
    line_edit_replace(&line.edit);
    assert_true(line_edit_insert(&line.edit, "1", 1));
    line_edit_undo(&line.edit);
    check_line(&line, "one|");
}

/* However much is changed, the newest texts are there. */
static void the_past_is_bounded(void **state)
{
    (void)state;
    static char text[LINE_PAST_BYTES + 100];
    struct line_edit edit;
    line_edit_begin(&edit, text, sizeof text);
    for (int i = 0; i < 3000; i++)
        assert_true(line_edit_insert(&edit, i % 2 ? "ä" : "b", i % 2 ? 2 : 1) || i > 1000);
    size_t length = strlen(text);
    line_edit_set(&edit, "new");
    assert_true(edit.past_used <= sizeof edit.past);
    line_edit_undo(&edit); /* the text was too long to be kept */
    assert_true(strlen(text) < length);
    for (int i = 0; i < 5000 && line_edit_can_undo(&edit); i++)
        line_edit_undo(&edit);
    assert_false(line_edit_can_undo(&edit));
}

static void draw(struct canvas *canvas, const struct line_edit *edit, int width, bool focused)
{
    canvas_clear(canvas, plain);
    area_put(canvas_area(canvas), 0, 0, plain, "##################################");
    line_edit_draw(edit, area_part(canvas_area(canvas), 1, 0, width, 1), plain, focused);
}

static void check_drawn(const char *marked, int width, const char *expected)
{
    struct canvas canvas;
    struct line line;
    struct buffer text = BUFFER_INIT;
    begin(&line, marked);
    assert_int_equal(canvas_init(&canvas, 34, 1, NULL), 0);
    draw(&canvas, &line.edit, width, true);
    canvas_put_text(&text, &canvas);
    text.data[1 + strlen(expected)] = '\0';
    assert_string_equal(text.data + 1, expected);
    buffer_free(&text);
    canvas_free(&canvas);
}

static void what_is_around_the_cursor_is_drawn(void **state)
{
    (void)state;
    check_drawn("short|", 10, "short     #");
    check_drawn("012345678|", 10, "012345678 #");
    check_drawn("|0123456789abcdef", 10, "012345678…#");
    check_drawn("0123456|789abcdef", 10, "012345678…#");
    check_drawn("01234567|89abcdef", 10, "…3456789a…#");
    check_drawn("0123456789abcdef|", 10, "…bcdef    #");
    check_drawn("0123456789|", 10, "…56789    #");
    check_drawn("0123456789|", 4, "89  #");
    check_drawn("日本語日本語|", 10, "… 本語    #");
}

/* A line that nobody types into has no cursor, which would want a cell: its end fills the area. */
static void without_a_cursor_the_end_fills_the_area(void **state)
{
    (void)state;
    struct line line;
    struct canvas canvas;
    struct buffer text = BUFFER_INIT;
    begin(&line, "/home/user/data.jsonl|");
    assert_int_equal(canvas_init(&canvas, 34, 1, NULL), 0);
    draw(&canvas, &line.edit, 10, false);
    canvas_put_text(&text, &canvas);
    assert_memory_equal(text.data + 1, "…ata.jsonl", strlen("…ata.jsonl"));
    buffer_free(&text);
    canvas_free(&canvas);
}

/* At every width and every place of the cursor: nothing outside the area, and one cell that is the
 * cursor, over the character that it is at. */
static void the_cursor_is_seen_at_every_width(void **state)
{
    (void)state;
    struct canvas canvas;
    struct line line;
    begin(&line, "ab 日本 e\u0301 /a/path/of/folders|");
    assert_int_equal(canvas_init(&canvas, 34, 1, NULL), 0);
    for (int width = 1; width <= 30; width++) {
        assert_true(line_edit_input(&line.edit, INPUT_HOME));
        for (size_t last = 1; line.edit.cursor != last;) {
            int seen = 0;
            draw(&canvas, &line.edit, width, true);
            for (int x = 0; x < 34; x++) {
                const struct cell *cell = canvas_cell(&canvas, x, 0);
                bool cursor = cell->style.attributes & ATTRIBUTE_REVERSE;
                bool outside = x < 1 || x > width;
                assert_false(cursor && outside);
                assert_true(!outside || strcmp(cell->text, "#") == 0);
                seen += cursor && cell->text[0];
                const char *at = line.text + line.edit.cursor;
                if (cursor && *at && cell->text[0] && width > 2)
                    assert_true(strncmp(cell->text, at, strlen(cell->text)) == 0);
            }
            assert_int_equal(seen, 1);
            draw(&canvas, &line.edit, width, false);
            for (int x = 0; x < 34; x++)
                assert_int_equal(canvas_cell(&canvas, x, 0)->style.attributes, 0);
            last = line.edit.cursor;
            assert_true(line_edit_input(&line.edit, INPUT_RIGHT));
        }
    }
    canvas_free(&canvas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_readlines),
        cmocka_unit_test(other_inputs_are_not_taken),
        cmocka_unit_test(a_full_buffer_takes_whole_texts_alone),
        cmocka_unit_test(a_text_that_others_change_is_edited_on),
        cmocka_unit_test(an_undo_brings_back_what_was_there),
        cmocka_unit_test(the_past_is_bounded),
        cmocka_unit_test(what_is_around_the_cursor_is_drawn),
        cmocka_unit_test(without_a_cursor_the_end_fills_the_area),
        cmocka_unit_test(the_cursor_is_seen_at_every_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
