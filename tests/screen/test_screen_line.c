/* What goes over the line between the full screen and its terminal: pasted texts, which are never
 * keys; types of terminals that differ; and bytes, which are counted. */
#include "window.h"

/* Sends bytes however many they are, taking in what comes back meanwhile. */
static void paste(struct window *window, const char *bytes, size_t count)
{
    double start_at = now_ms();
    for (size_t done = 0; done < count;) {
        ssize_t n = write(window->fd, bytes + done, count - done);
        if (n > 0)
            done += (size_t)n;
        pump(window, n > 0 ? 0 : 5);
        assert_false(waited_long(start_at));
    }
}

/* With no plan that was kept. */
static void open_model(struct window *window)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s/spectrum/plans'", folder);
    assert_int_equal(system(command), 0);
    start(window, 100, 30, "xterm-256color", "C.UTF-8", model_path());
    wait_text(window, " 7 of 35");
}

static void quit(struct window *window)
{
    press(window, "Q");
    assert_int_equal(wait_end(window), 0);
    check_restored(window);
    end(window);
}

/* "q" and a line end would leave the map; at the prompt they are text, and the line end is none. */
static void a_pasted_text_is_no_keys(void **state)
{
    (void)state;
    struct window window;
    if (!model_path())
        skip();
    open_model(&window);
    assert_true(window.marks_pastes);
    press(&window, "\033[200~qQ:quit\r\003\033[201~");
    wait_text(&window, "is a control character (3)");
    press(&window, "\033[200~qQ:quit\r\033[201~");
    wait_text(&window, "nothing is typed into here");
    press(&window, ":");
    press(&window, "\033[200~top 50\r\n\033[201~");
    wait_text(&window, ":top 50");
    press(&window, "\r");
    wait_text(&window, "50 % of each type: ");
    quit(&window);
}

/* Marks and text may come in any pieces. */
static void a_paste_may_come_in_pieces(void **state)
{
    (void)state;
    static const char *const pieces[] = {"\033[200~to", "p 5", "0\033[20", "1~"};
    struct window window;
    if (!model_path())
        skip();
    open_model(&window);
    press(&window, ":");
    wait_text(&window, ":");
    for (size_t i = 0; i < 4; i++) {
        press(&window, pieces[i]);
        for (double from = now_ms(); now_ms() - from < 150;)
            pump(&window, 20);
    }
    wait_text(&window, ":top 50");
    press(&window, "\r");
    wait_text(&window, "50 % of each type: ");
    quit(&window);
}

/* More than is kept, and one whose end never comes: both are refused, and keys are keys again. */
static void a_paste_without_measure_does_no_harm(void **state)
{
    (void)state;
    enum { MANY = 3 << 20 };
    struct window window;
    if (!model_path())
        skip();
    char *bytes = malloc(MANY);
    assert_non_null(bytes);
    memset(bytes, 'q', MANY);
    memcpy(bytes, "\033[200~", 6);
    memcpy(bytes + MANY - 6, "\033[201~", 6);
    open_model(&window);
    paste(&window, bytes, MANY);
    wait_text(&window, "it has 3.00 MiB, a field takes less than 1.00 MiB");
    paste(&window, bytes, MANY - 6);
    wait_text(&window, "the terminal sent no end of it");
    press(&window, " "); /* the prompt's, the map's and all others are keys again */
    wait_text(&window, " 8 of 35");
    press(&window, "u");
    wait_text(&window, " 7 of 35");
    quit(&window);
    free(bytes);
}

static void the_paste_mode_goes_with_the_screen(void **state)
{
    (void)state;
    struct window window;
    if (!model_path())
        skip();
    open_model(&window);
    assert_true(window.marks_pastes);
    pid_t screen = screen_process(&window);
    if (screen <= 0)
        skip(); /* a kernel without /proc/.../children */
    kill(screen, SIGKILL);
    wait_end(&window);
    check_restored(&window);
    end(&window);
}

/* Of a console or a terminal made of glass nothing is known that its description does not say. */
static void types_get_what_they_know(void **state)
{
    (void)state;
    static const struct {
        const char *term;
        bool as_xterm;
    } cases[] = {
        {"xterm", true},           {"xterm-16color", true}, {"xterm-direct", true},
        {"screen-256color", true}, {"tmux-256color", true}, {"rxvt-unicode", true},
        {"linux", false},          {"vt100", false},        {"vt220", false},
        {"ansi", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct window window;
        int how = 0;
        start(&window, 80, 24, cases[i].term, "C.UTF-8", NULL);
        double start_at = now_ms();
        while (!strstr(text_of(&window), "No models here") &&
               waitpid(window.pid, &how, WNOHANG) == 0 && !waited_long(start_at))
            pump(&window, 20);
        pump(&window, 20); /* what was said last, before the end */
        if (how != 0 && strstr(text_of(&window), "is not known here")) { /* on this machine */
            end(&window);
            continue;
        }
        wait_text(&window, "No models here");
        assert_int_equal(window.marks_pastes, cases[i].as_xterm);
        assert_int_equal(window.titles, cases[i].as_xterm);
        quit(&window);
    }
}

/* 24 bits where the environment says so, whatever the description says, and none where nobody wants
 * colours. */
static void colors_are_what_the_environment_says(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool rgb;
    } cases[] = {
        {"COLORTERM", "truecolor", true}, {"COLORTERM", "24bit", true}, {"COLORTERM", "1", false},
        {"COLORTERM", "", false},         {"NO_COLOR", "1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct window window;
        bool rgb = false, indexed = false;
        setenv("COLORTERM", "truecolor", 1);
        setenv(cases[i].name, cases[i].value, 1);
        start(&window, 80, 24, "xterm-256color", "C.UTF-8", NULL);
        wait_text(&window, "No models here");
        for (int row = 0; row < 24; row++)
            for (int column = 0; column < 80; column++) {
                VTermScreenCell cell;
                vterm_screen_get_cell(window.screen, (VTermPos){row, column}, &cell);
                rgb |= !VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) && VTERM_COLOR_IS_RGB(&cell.fg);
                indexed |= VTERM_COLOR_IS_INDEXED(&cell.fg);
            }
        assert_int_equal(rgb, cases[i].rgb);
        assert_int_equal(indexed, !cases[i].rgb && strcmp(cases[i].name, "NO_COLOR") != 0);
        quit(&window);
        unsetenv("NO_COLOR");
        unsetenv("COLORTERM");
    }
}

/* However often the window changes while nobody draws, in the end it shows what fits it. */
static void storms_of_sizes_end_in_the_last_one(void **state)
{
    (void)state;
    struct window window;
    unsigned number = 11;
    if (!model_path())
        skip();
    open_model(&window);
    for (int i = 0; i < 300; i++) {
        number = number * 1664525u + 1013904223u;
        resize(&window, 1 + (int)(number >> 8) % 220, 1 + (int)(number >> 20) % 70);
        pump(&window, i % 7 ? 0 : 10);
    }
    resize(&window, 132, 43);
    wait_text(&window, "memory to train");
    wait_text(&window, "trains 7 of 35 matrices");
    resize(&window, 60, 16);
    wait_text(&window, "25 %/type: 7 of 35");
    wait_text(&window, "layer");
    quit(&window);
}

/* Until what is waited for is shown, and then as long as more comes. */
static size_t bytes_until(struct window *window, const char *text)
{
    wait_text(window, text);
    for (double from = now_ms(); now_ms() - from < 400;)
        if (pump(window, 100) > 0)
            from = now_ms();
    return window->received;
}

/* The first screen of large models on a slow line, in small and in large windows; and it is one, with
 * keys that work. */
static void a_slow_line_has_its_first_screen_in_4_kb(void **state)
{
    (void)state;
    static const char *const scans[] = {"meta-llama-Meta-Llama-3-8B", "meta-llama-Meta-Llama-3-70B",
                                        "mistralai-Mixtral-8x22B-v0.1", "Qwen-Qwen2-7B"};
    const char *data = test_folder("SPECTRUM_SHARED_DATA");
    char path[512];
    if (!data)
        skip();
    for (size_t i = 0; i < 8; i++) {
        struct window window;
        snprintf(path, sizeof path, "%s/published-scans/snr_results_%s.json", data, scans[i / 2]);
        start_with(&window, true, i % 2 ? 200 : 80, i % 2 ? 60 : 24, "xterm-256color", "C.UTF-8",
                   "--slow", path);
        size_t bytes = bytes_until(&window, "layer");
        print_message("%s: %zu bytes\n", scans[i / 2], bytes);
        assert_in_range(bytes, 500, 4096);
        press(&window, ":top 50\r");
        wait_text(&window, "50 %");
        quit(&window);
    }
}

/* A run that takes some hundred steps a second is followed for some seconds: bytes are held against the
 * time that it took, which a machine that is busy makes longer, and two frames, of a cell's 2.5 bytes at
 * most. */
static void follow(int cols, int rows, double rate, const char *run)
{
    struct window window;
    start(&window, cols, rows, "xterm-256color", "C.UTF-8", run);
    wait_text(&window, "step ");
    size_t before = window.received;
    bool changed = false;
    double start_at = now_ms();
    while (now_ms() - start_at < 8000) {
        pump(&window, 50);
        changed |= window.received != before;
    }
    double seconds = (now_ms() - start_at) / 1000, bytes = (double)(window.received - before);
    print_message("%dx%d: %.0f bytes in %.1f s\n", cols, rows, bytes, seconds);
    assert_true(changed);
    assert_true(bytes < rate * (seconds + 2) + 2.5 * cols * rows);
    quit(&window);
}

static void a_run_is_followed_in_few_bytes(void **state)
{
    (void)state;
    char command[2048];
    const char *data = test_folder("SPECTRUM_SHARED_DATA");
    if (!data)
        skip();
    snprintf(command, sizeof command,
             "cd '%s' && echo 'Once upon a time there were two dogs.' >text.txt && '%s' train "
             "'%s/models/stories260K-gguf/stories260K-BF16.gguf' --data text.txt --method full "
             "--run run --steps 1000000 --seq-len 8 --accumulate 1 --threads 1 --eval-split 0 "
             "--sample-tokens 0 --save-every 0 --detach >/dev/null",
             folder, getenv("SPECTRUM_BINARY"), data);
    assert_int_equal(system(command), 0);
    follow(80, 24, 512, "run");
    follow(200, 60, 1024, "run");
    snprintf(command, sizeof command,
             "cd '%s' && '%s' stop run 2>&1 >/dev/null && '%s' attach run >/dev/null 2>&1; test -f "
             "run/result.json",
             folder, getenv("SPECTRUM_BINARY"), getenv("SPECTRUM_BINARY"));
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pasted_text_is_no_keys),
        cmocka_unit_test(a_paste_may_come_in_pieces),
        cmocka_unit_test(a_paste_without_measure_does_no_harm),
        cmocka_unit_test(the_paste_mode_goes_with_the_screen),
        cmocka_unit_test(types_get_what_they_know),
        cmocka_unit_test(colors_are_what_the_environment_says),
        cmocka_unit_test(storms_of_sizes_end_in_the_last_one),
        cmocka_unit_test(a_slow_line_has_its_first_screen_in_4_kb),
        cmocka_unit_test(a_run_is_followed_in_few_bytes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
