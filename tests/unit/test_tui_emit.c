/* What is sent to a terminal: seen through libvterm it is the canvas, whatever was there before, and
 * it is as short as it can be; and what stands beside cells: pasted texts, notifications, the pace. */
#include "test.h"

#include "base/text.h"
#include "tui/app/pace.h"
#include "tui/canvas/emit.h"
#include "tui/canvas/notify.h"
#include "tui/canvas/palette.h"
#include "tui/canvas/paste.h"

#include <stdlib.h>
#include <string.h>
#include <vterm.h>

enum { WIDTH = 40, HEIGHT = 9 };

static const struct style plain = {COLOR_DEFAULT, COLOR_DEFAULT, 0};

/* The few capabilities below, as terminfo would expand them. */
static const char *expand(const char *capability, int first, int second)
{
    static char out[64];
    if (strcmp(capability, "cup") == 0)
        snprintf(out, sizeof out, "\033[%d;%dH", first + 1, second + 1);
    else if (strcmp(capability, "hpa") == 0)
        snprintf(out, sizeof out, "\033[%dG", first + 1);
    else if (strcmp(capability, "cuf") == 0)
        snprintf(out, sizeof out, "\033[%dC", first);
    else if (strcmp(capability, "ech") == 0)
        snprintf(out, sizeof out, "\033[%dX", first);
    else if (strcmp(capability, "setaf") == 0)
        snprintf(out, sizeof out, "\033[38;5;%dm", first);
    else if (strcmp(capability, "setab") == 0)
        snprintf(out, sizeof out, "\033[48;5;%dm", first);
    else
        fail_msg("no capability: %s", capability);
    return out;
}

static const struct emit_codes xterm = {
    .move = "cup",
    .column = "hpa",
    .right = "cuf",
    .clear = "\033[H\033[2J",
    .clear_line = "\033[K",
    .erase = "ech",
    .plain = "\033(B\033[m",
    .bold = "\033[1m",
    .dim = "\033[2m",
    .underline = "\033[4m",
    .reverse = "\033[7m",
    .foreground = "setaf",
    .background = "setab",
    .own_both = "\033[39;49m",
    .colors = 256,
    .fills = true,
    .expand = expand,
};

static const struct emit_codes vt100 = {
    .move = "cup",
    .right = "cuf",
    .clear = "\033[H\033[J",
    .clear_line = "\033[K",
    .plain = "\033[m\017",
    .bold = "\033[1m",
    .underline = "\033[4m",
    .reverse = "\033[7m",
    .expand = expand,
};

struct screen {
    struct emitter emitter;
    struct canvas canvas;
    VTerm *vt;
    VTermScreen *screen;
};

static void open_screen(struct screen *screen, const struct emit_codes *codes)
{
    emit_init(&screen->emitter, codes);
    assert_int_equal(canvas_init(&screen->canvas, WIDTH, HEIGHT, NULL), 0);
    screen->vt = vterm_new(HEIGHT, WIDTH);
    vterm_set_utf8(screen->vt, 1);
    screen->screen = vterm_obtain_screen(screen->vt);
    vterm_screen_reset(screen->screen, 1);
}

static void close_screen(struct screen *screen)
{
    vterm_free(screen->vt);
    canvas_free(&screen->canvas);
    emit_free(&screen->emitter);
}

/* The bytes that it took. */
static size_t show(struct screen *screen)
{
    struct buffer out = BUFFER_INIT;
    emit_canvas(&screen->emitter, &screen->canvas, &out);
    assert_false(out.failed);
    if (out.length > 0)
        vterm_input_write(screen->vt, out.data, out.length);
    size_t bytes = out.length;
    buffer_free(&out);
    return bytes;
}

static int number_of(VTermColor color)
{
    return VTERM_COLOR_IS_INDEXED(&color) ? color.indexed.idx : -1;
}

static void check_text(const VTermScreenCell *shown, const struct cell *cell)
{
    char text[4 * VTERM_MAX_CHARS_PER_CELL + 1] = "";
    size_t used = 0;
    bool half = shown->chars[0] == (uint32_t)-1; /* the right one */
    for (int i = 0; !half && i < VTERM_MAX_CHARS_PER_CELL && shown->chars[i]; i++)
        used += utf8_encode((int32_t)shown->chars[i], text + used);
    assert_string_equal(used ? text : cell->text[0] ? " " : "", cell->text);
}

/* Colours by number; of a blank the background alone. */
static void check_cell(const struct screen *screen, int x, int y)
{
    VTermScreenCell shown;
    const struct cell *cell = canvas_cell(&screen->canvas, x, y);
    unsigned attributes = cell->style.attributes;
    int colors = screen->emitter.codes.colors;
    vterm_screen_get_cell(screen->screen, (VTermPos){y, x}, &shown);
    check_text(&shown, cell);
    if (!cell->text[0])
        return; /* of it libvterm keeps what was there before */
    bool own_bg = VTERM_COLOR_IS_DEFAULT_BG(&shown.bg),
         own_fg = VTERM_COLOR_IS_DEFAULT_FG(&shown.fg);
    assert_int_equal(own_bg ? -1 : number_of(shown.bg), palette_number(cell->style.bg, colors));
    assert_int_equal(shown.attrs.reverse, !!(attributes & ATTRIBUTE_REVERSE));
    assert_int_equal(shown.attrs.underline, !!(attributes & ATTRIBUTE_UNDERLINE));
    if (strcmp(cell->text, " ") == 0)
        return;
    assert_int_equal(own_fg ? -1 : number_of(shown.fg), palette_number(cell->style.fg, colors));
    assert_int_equal(shown.attrs.bold, !!(attributes & ATTRIBUTE_BOLD));
}

static void check_shown(const struct screen *screen)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            check_cell(screen, x, y);
}

static unsigned random_state = 7;

static int draw_number(int below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int)((random_state >> 8) % (unsigned)below);
}

/* Some text in some style somewhere, mostly of few kinds, so that runs and blanks come about. */
static void scribble(struct canvas *canvas)
{
    static const char *const texts[] = {
        "      ", "step 120", "日本語", "e\u0301x", "▁▂▃ ", "a", "                              ",
        "●"};
    static const int32_t colors[] = {COLOR_DEFAULT, COLOR_DEFAULT, 0xD8DEE9, 0x1B2A6B, 0xFFD75F};
    static const unsigned attributes[] = {
        0, 0, 0, ATTRIBUTE_BOLD, ATTRIBUTE_REVERSE, ATTRIBUTE_UNDERLINE | ATTRIBUTE_BOLD};
    struct style style = {colors[draw_number(5)], colors[draw_number(5)],
                          attributes[draw_number(6)]};
    int x = draw_number(WIDTH), y = draw_number(HEIGHT);
    if (draw_number(20) == 0)
        canvas_clear(canvas, style);
    else if (draw_number(6) == 0)
        area_fill(area_part(canvas_area(canvas), x, y, draw_number(WIDTH), draw_number(3)), style);
    else
        area_put(canvas_area(canvas), x, y, style, texts[draw_number(8)]);
}

/* A canvas that changes by chance is seen as it is after every frame; also where the terminal was
 * forgotten, and where it has neither colours nor most of the shorter ways. */
static void what_is_sent_shows_the_canvas(void **state)
{
    (void)state;
    const struct emit_codes *const all[] = {&xterm, &vt100};
    for (int i = 0; i < 2; i++) {
        struct screen screen;
        struct emit_codes codes = *all[i];
        open_screen(&screen, &codes);
        for (int frame = 0; frame < 600; frame++) {
            for (int strokes = draw_number(6); strokes >= 0; strokes--)
                scribble(&screen.canvas);
            if (frame % 97 == 96)
                emit_forget(&screen.emitter);
            show(&screen);
            if (codes.colors > 0)
                check_shown(&screen);
            assert_int_equal(show(&screen), 0);
        }
        close_screen(&screen);
    }
}

/* Without colours the attributes are what differs; dim is none of a VT100's. */
static void a_vt100_shows_what_it_can(void **state)
{
    (void)state;
    struct screen screen;
    VTermScreenCell cell;
    open_screen(&screen, &vt100);
    struct area area = canvas_area(&screen.canvas);
    area_put(area, 3, 2, (struct style){0xFF0000, 0x00FF00, ATTRIBUTE_REVERSE}, "on");
    show(&screen);
    vterm_screen_get_cell(screen.screen, (VTermPos){2, 3}, &cell);
    assert_int_equal(cell.chars[0], 'o');
    assert_true(cell.attrs.reverse && VTERM_COLOR_IS_DEFAULT_FG(&cell.fg));
    area_put(area, 3, 2, (struct style){0x0000FF, 0x00FF00, ATTRIBUTE_REVERSE | ATTRIBUTE_DIM},
             "on");
    assert_int_equal(show(&screen), 0);
    close_screen(&screen);
}

/* The bytes of changes that a screen which follows a job makes. */
static void changes_cost_what_they_change(void **state)
{
    (void)state;
    static const struct style blue = {0x88C0D0, COLOR_DEFAULT, 0};
    struct screen screen;
    open_screen(&screen, &xterm);
    struct area area = canvas_area(&screen.canvas);
    area_put(area, 10, 2, plain, "step 119 of 500");
    area_put(area, 0, 3, blue, "####################");
    area_put(area, 0, 4, plain, "a line that goes away altogether");
    size_t first = show(&screen);
    assert_in_range(first, 60, 130); /* the blanks are not sent */
    area_put(area, 17, 2, blue, "9");
    area_put(area, 16, 2, blue, "2");
    area_put(area, 10, 2, plain, "step 120 of 500");
    assert_int_equal(show(&screen), strlen("\033[3;17H20"));
    area_put(area, 10, 2, plain, "stop 121");
    assert_int_equal(show(&screen), strlen("\033[13G") + strlen("op 121")); /* " 12" again */
    area_put(area, 20, 3, blue, "#");
    assert_int_equal(show(&screen), strlen("\033[4;21H\033[38;5;110m#"));
    area_fill(area_part(area, 0, 4, WIDTH, 1), plain);
    assert_int_equal(show(&screen), strlen("\033[5;1H\033[K"));
    area_put(area, 30, 3, blue, "#");
    area_put(area, 39, 3, blue, "#"); /* the cursor goes on by columns */
    assert_int_equal(show(&screen), strlen("\033[4;31H#") + strlen("\033[8C#"));
    area_fill(area_part(area, 2, 3, 17, 1), plain);
    assert_int_equal(show(&screen), strlen("\033[4;3H\033[17X"));
    area_fill(area, (struct style){0x88C0D0, COLOR_DEFAULT, ATTRIBUTE_BOLD});
    area_put(area, 1, 1, plain, "x");
    assert_in_range(show(&screen), 1, 60);
    check_shown(&screen);
    close_screen(&screen);
}

/* Attributes and colours of one change are one sequence. */
static void a_style_is_one_sequence(void **state)
{
    (void)state;
    struct screen screen;
    open_screen(&screen, &xterm);
    struct area area = canvas_area(&screen.canvas);
    show(&screen);
    area_put(area, 0, 0, (struct style){0xFFFFFF, 0x000000, ATTRIBUTE_BOLD}, "x");
    assert_int_equal(show(&screen), strlen("\033[1;1H\033[1;38;5;231;48;5;16mx"));
    area_put(area, 1, 0, (struct style){0xFFFFFF, COLOR_DEFAULT, 0}, "x");
    assert_int_equal(show(&screen), strlen("\033[;38;5;231mx"));
    area_put(area, 2, 0, plain, "x");
    assert_int_equal(show(&screen), strlen("\033[39mx"));
    check_shown(&screen);
    close_screen(&screen);
}

/* Where a character in the last cell would scroll, it is left out; the others are there. */
static void the_last_cell_does_not_scroll(void **state)
{
    (void)state;
    struct screen screen;
    struct emit_codes codes = xterm;
    VTermScreenCell cell;
    codes.no_end = true;
    open_screen(&screen, &codes);
    area_put(canvas_area(&screen.canvas), WIDTH - 2, HEIGHT - 1, plain, "ab");
    show(&screen);
    vterm_screen_get_cell(screen.screen, (VTermPos){HEIGHT - 1, WIDTH - 2}, &cell);
    assert_int_equal(cell.chars[0], 'a');
    vterm_screen_get_cell(screen.screen, (VTermPos){HEIGHT - 1, WIDTH - 1}, &cell);
    assert_int_equal(cell.chars[0], 0);
    close_screen(&screen);
}

/* Grey on white, and on black, of eight colours: none is nearest that would not be the ground's, too. */
static void text_is_never_in_the_colour_of_its_ground(void **state)
{
    (void)state;
    static const int32_t looks[][2] = {{0xA0A0A0, 0xFAFAFA}, {0x101010, 0x000000}};
    struct emit_codes codes = xterm;
    struct screen screen;
    codes.colors = 8;
    open_screen(&screen, &codes);
    for (int i = 0; i < 2; i++) {
        VTermScreenCell cell;
        struct style style = {looks[i][0], looks[i][1], 0};
        assert_int_equal(palette_number(style.fg, 8), palette_number(style.bg, 8));
        area_put(canvas_area(&screen.canvas), i, 0, style, "x");
        show(&screen);
        vterm_screen_get_cell(screen.screen, (VTermPos){0, i}, &cell);
        assert_int_equal(number_of(cell.bg), palette_number(style.bg, 8));
        assert_int_equal(number_of(cell.fg), i == 0 ? 0 : 7);
    }
    close_screen(&screen);
}

static void colours_are_the_nearest_that_there_are(void **state)
{
    (void)state;
    assert_int_equal(palette_number(COLOR_DEFAULT, 256), -1);
    assert_int_equal(palette_number(0xFF0000, 0), -1);
    assert_int_equal(palette_number(0xFF0000, 256), 196);
    assert_int_equal(palette_number(0x87AFD7, 256), 110);
    assert_int_equal(palette_number(0xFF5050, 16), 9);
    assert_int_equal(palette_number(0xAA0000, 8), 1);
    assert_int_equal(palette_number(0x123456, 1 << 24), 0x123456);
    assert_int_equal(palette_number(0x000003, 1 << 24), 8); /* 3 would be the palette's yellow */
}

/* --- pasted texts --- */

static void take(struct paste *paste, const char *bytes, size_t count)
{
    paste_begin(paste);
    for (size_t at = 0; at < count && paste->open;) {
        size_t room = paste_room(paste), some = count - at < room ? count - at : room;
        assert_in_range(room, 1, 6);
        paste_put(paste, bytes + at, some);
        at += some;
    }
}

static void pasted_text_is_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *line, *error;
    } cases[] = {
        {"plain" PASTE_END, "plain", NULL},
        {"" PASTE_END, "", NULL},
        {"/a/path\r" PASTE_END, "/a/path", NULL},
        {"one\r\ntwo\nthree\tfour\n\n" PASTE_END, "one two three four", NULL},
        {"größe 日本" PASTE_END, "größe 日本", NULL},
        {"q:quit\003" PASTE_END, NULL, "its byte 7 is a control character (3)"},
        {"a\033[31mred" PASTE_END, NULL, "control character (27)"},
        {"\033[20\033[201~", NULL, "control character (27)"},
        {"a\x9b" PASTE_END, NULL, "byte 2 is not UTF-8"},
        {"a\u202eb" PASTE_END, NULL, "control character (8238)"},
        {"no end \033[201", NULL, "sent no end of it"},
        {"", NULL, "sent no end of it"},
    };
    struct paste paste = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = ERROR_INIT;
        struct buffer line = BUFFER_INIT;
        take(&paste, cases[i].sent, strlen(cases[i].sent));
        assert_int_equal(paste_line(&paste, &line, &err), cases[i].line ? 0 : -1);
        if (cases[i].line)
            assert_string_equal(buffer_string(&line), cases[i].line);
        else
            assert_non_null(strstr(err.text, cases[i].error));
        buffer_free(&line);
    }
    paste_free(&paste);
}

/* What is longer than is kept is counted; the end is seen behind it. */
static void a_long_paste_is_refused_by_its_size(void **state)
{
    (void)state;
    struct paste paste = {0};
    struct error err = ERROR_INIT;
    struct buffer line = BUFFER_INIT, sent = BUFFER_INIT;
    for (int i = 0; i < 3 << 18; i++)
        buffer_text(&sent, "abcd");
    buffer_text(&sent, PASTE_END);
    take(&paste, sent.data, sent.length);
    assert_false(paste.open);
    assert_int_equal(paste.bytes, sent.length);
    assert_true(paste.text.length <= PASTE_MAX + 6);
    assert_int_equal(paste_line(&paste, &line, &err), -1);
    assert_non_null(strstr(err.text, "it has 3.00 MiB, a field takes less than 1.00 MiB"));
    take(&paste, "short" PASTE_END, 5 + strlen(PASTE_END)); /* the next one is its own */
    assert_int_equal(paste_line(&paste, &line, &err), 0);
    assert_string_equal(buffer_string(&line), "short");
    buffer_free(&sent);
    buffer_free(&line);
    paste_free(&paste);
}

/* --- notifications --- */

static void check_notified(unsigned kinds, const char *title, const char *body, bool ascii,
                           const char *expected)
{
    struct buffer out = BUFFER_INIT;
    notify_put(&out, kinds, title, body, ascii);
    assert_string_equal(buffer_string(&out), expected);
    buffer_free(&out);
}

static void notifications_are_what_was_asked_for(void **state)
{
    (void)state;
    check_notified(0, "run", "has ended", false, "");
    check_notified(NOTIFY_BELL, "run", "has ended", false, "\a");
    check_notified(NOTIFY_TITLE | NOTIFY_OSC_9, "run", "has ended", false,
                   "\033]2;run\a\033]9;run: has ended\a");
    check_notified(NOTIFY_OSC_777, "run; or", "has ended", false,
                   "\033]777;notify;run, or;has ended\a");
    check_notified(NOTIFY_TITLE,
                   "a\033]0;b\a\n\xc2\x9b"
                   "c",
                   "", false, "\033]2;a?]0,b???c\a");
    check_notified(NOTIFY_TITLE, "é", "", true, "\033]2;??\a");
}

static void long_notifications_are_cut(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    notify_put(&out, NOTIFY_TITLE, text, text, false);
    assert_in_range(out.length, 100, 300);
    buffer_free(&out);
}

/* --- the pace --- */

/* Bytes that are sent in some seconds, where something is to be drawn every tenth of one and each frame
 * takes so many. */
static double bytes_in(bool slow, int width, int height, double seconds, size_t frame)
{
    struct pace pace;
    double sent = 0;
    pace_init(&pace, slow, 100);
    for (int i = 0; i < (int)(seconds * 10); i++)
        if (pace_wait_ms(&pace, width, height, 100 + i / 10.0) == 0) {
            pace_spend(&pace, frame);
            sent += (double)frame;
        }
    return sent;
}

static void progress_keeps_to_its_rate(void **state)
{
    (void)state;
    static const size_t frames[] = {10, 150, 700, 2500, 20000};
    for (size_t i = 0; i < 5; i++) {
        double frame = (double)frames[i];
        assert_true(bytes_in(false, 80, 24, 60, frames[i]) <= 460 * 62 + frame);
        assert_true(bytes_in(false, 60, 16, 60, frames[i]) <= 460 * 62 + frame);
        assert_true(bytes_in(false, 200, 60, 60, frames[i]) <= 920 * 62 + frame);
        assert_true(bytes_in(false, 1000, 1000, 60, frames[i]) <= 920 * 62 + frame);
        assert_true(bytes_in(true, 200, 60, 60, frames[i]) <= 100 * 62 + frame);
    }
    assert_true(bytes_in(false, 80, 24, 60, 700) > 460 * 58);    /* and what it has is used */
    assert_int_equal(bytes_in(false, 80, 24, 60, 10), 10 * 600); /* small ones come always */
}

static void a_quiet_time_is_not_saved_up(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace, false, 0);
    assert_int_equal(pace_wait_ms(&pace, 80, 24, 5000), 0);
    pace_spend(&pace, 2 * 460);
    int wait = pace_wait_ms(&pace, 80, 24, 5000);
    assert_in_range(wait, 1, 2);
    pace_spend(&pace, 460);
    assert_in_range(pace_wait_ms(&pace, 80, 24, 5000), 1000, 1002);
    assert_int_equal(pace_wait_ms(&pace, 80, 24, 5002), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_shows_the_canvas),
        cmocka_unit_test(a_vt100_shows_what_it_can),
        cmocka_unit_test(changes_cost_what_they_change),
        cmocka_unit_test(a_style_is_one_sequence),
        cmocka_unit_test(the_last_cell_does_not_scroll),
        cmocka_unit_test(text_is_never_in_the_colour_of_its_ground),
        cmocka_unit_test(colours_are_the_nearest_that_there_are),
        cmocka_unit_test(pasted_text_is_a_line),
        cmocka_unit_test(a_long_paste_is_refused_by_its_size),
        cmocka_unit_test(notifications_are_what_was_asked_for),
        cmocka_unit_test(long_notifications_are_cut),
        cmocka_unit_test(progress_keeps_to_its_rate),
        cmocka_unit_test(a_quiet_time_is_not_saved_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
