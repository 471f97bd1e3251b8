/* The full screen on a pseudo-terminal, seen through libvterm: it opens, follows the window's size,
 * is silent when nothing changes, and gives the terminal back whatever ends it. */
#include "base/folder.h"
#include "window.h"

static void opens_and_quits(void **state)
{
    (void)state;
    struct window window;
    if (!model_path())
        skip();
    double start_at = now_ms();
    start(&window, 80, 24, "xterm-256color", "C.UTF-8", model_path());
    wait_text(&window, "spectrum");
    double first = now_ms() - start_at;
    print_message("first frame after %.0f ms\n", first);
    assert_true(first < 1000); /* 100 on a machine that does nothing else */
    wait_text(&window, "trains 7 of 35 matrices");
    assert_true(window.alternate);
    wait_text(&window, "sigma max    10.8005");
    press(&window, "q");
    assert_int_equal(wait_end(&window), 0);
    check_restored(&window);
    end(&window);
}

static void is_silent_when_nothing_changes(void **state)
{
    (void)state;
    struct window window;
    if (!model_path())
        skip();
    start(&window, 80, 24, "xterm-256color", "C.UTF-8", model_path());
    wait_text(&window, "sigma max    10.8005");
    for (double from = now_ms(); now_ms() - from < 1500;)
        pump(&window, 100);
    size_t bytes = 0;
    for (double from = now_ms(); now_ms() - from < 700;)
        bytes += pump(&window, 100);
    assert_int_equal(bytes, 0);
    press(&window, "q");
    assert_int_equal(wait_end(&window), 0);
    end(&window);
}

static void follows_the_window(void **state)
{
    (void)state;
    struct window window;
    struct winsize small = {.ws_row = 10, .ws_col = 40}, large = {.ws_row = 50, .ws_col = 200};
    if (!model_path())
        skip();
    start(&window, 80, 24, "xterm-256color", "C.UTF-8", model_path());
    wait_text(&window, " 7 of 35");
    ioctl(window.fd, TIOCSWINSZ, &small);
    vterm_set_size(window.vt, window.rows = 10, window.cols = 40);
    wait_text(&window, "needed: 60x16");
    ioctl(window.fd, TIOCSWINSZ, &large);
    vterm_set_size(window.vt, window.rows = 50, window.cols = 200);
    wait_text(&window, "memory to train");
    press(&window, "q");
    assert_int_equal(wait_end(&window), 0);
    check_restored(&window);
    end(&window);
}

static void killed_screen_gives_the_terminal_back(void **state)
{
    (void)state;
    static const int signals[] = {SIGKILL, SIGSEGV, SIGTERM, SIGINT, SIGUSR1, SIGXCPU};
    if (!model_path())
        skip();
    /* The screen itself, and where it is asked to end, the parent that the user knows, too. */
    for (size_t i = 0; i < 2 * (sizeof signals / sizeof *signals); i++) {
        struct window window;
        int number = signals[i / 2];
        bool asked = number != SIGKILL && number != SIGSEGV;
        char said[32];
        if (i % 2 == 1 && !asked)
            continue;
        start(&window, 80, 24, "xterm-256color", "C.UTF-8", model_path());
        wait_text(&window, " 7 of 35");
        pid_t screen = screen_process(&window);
        if (screen <= 0)
            skip(); /* a kernel without /proc/.../children */
        kill(i % 2 == 0 ? screen : window.pid, number);
        int how = wait_end(&window);
        assert_true(WIFEXITED(how));
        assert_int_equal(WEXITSTATUS(how), asked ? 130 : 1);
        snprintf(said, sizeof said, "by signal %d (", number);
        if (number != SIGSEGV) /* which a sanitizer turns into a status */
            assert_non_null(strstr(text_of(&window), said));
        check_restored(&window);
        end(&window);
    }
}

/* What a batch system sends to every process of a job ends both in order. Who ignores CHLD leaves
 * that to what he starts, which still sees how the screen ended. */
static void signals_to_every_process_end_it_in_order(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGKILL};
    if (!model_path())
        skip();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct window window;
        bool killed = signals[i] == SIGKILL;
        signal(SIGCHLD, killed ? SIG_IGN : SIG_DFL);
        start(&window, 80, 24, "xterm-256color", "C.UTF-8", model_path());
        signal(SIGCHLD, SIG_DFL);
        wait_text(&window, " 7 of 35");
        pid_t screen = screen_process(&window);
        if (screen <= 0)
            skip(); /* a kernel without /proc/.../children */
        kill(killed ? screen : -window.pid, signals[i]);
        int how = wait_end(&window);
        assert_true(WIFEXITED(how));
        assert_int_equal(WEXITSTATUS(how), killed ? 1 : 130);
        check_restored(&window);
        end(&window);
    }
}

/* How many files there are in the folder of kept plans. */
static int plans_kept(void)
{
    char path[128];
    int count = 0;
    snprintf(path, sizeof path, "%s/spectrum/plans", folder);
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        count += entry->d_name[0] != '.';
    if (entries)
        closedir(entries);
    return count;
}

static void remove_plans(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/spectrum/plans", folder);
    folder_remove(path);
}

/* Asked to end the screen writes it on its way; killed, it had written it shortly after the key. */
static void plan_is_kept_whatever_ends_the_screen(void **state)
{
    (void)state;
    static const int signals[] = {SIGHUP, SIGTERM, SIGKILL};
    if (!model_path())
        skip();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct window window;
        start(&window, 80, 24, "xterm-256color", "C.UTF-8", model_path());
        wait_text(&window, "sigma max    10.8005");
        wait_no_text(&window, " scan "); /* which of them train follows from all scores */
        press(&window, " ");
        wait_text(&window, "+1 by hand: 8 of 35");
        double start_at = now_ms();
        while (signals[i] == SIGKILL && plans_kept() == 0 && !waited_long(start_at))
            pump(&window, 20);
        pid_t screen = screen_process(&window);
        if (screen <= 0)
            skip(); /* a kernel without /proc/.../children */
        kill(screen, signals[i]);
        wait_end(&window);
        end(&window);
        assert_int_equal(plans_kept(), 1);
        start(&window, 80, 24, "xterm-256color", "C.UTF-8", model_path());
        wait_text(&window, "+1 by hand: 8 of 35");
        press(&window, "u");
        wait_text(&window, " 7 of 35");
        press(&window, "q");
        assert_int_equal(wait_end(&window), 0);
        end(&window);
        assert_int_equal(plans_kept(), 1); /* what was undone can be done again */
        remove_plans();
    }
}

/* Without the parent that watches over it the screen ends by itself, and properly. */
static void screen_does_not_outlive_its_parent(void **state)
{
    (void)state;
    struct window window;
    if (!model_path())
        skip();
    start(&window, 80, 24, "xterm-256color", "C.UTF-8", model_path());
    wait_text(&window, " 7 of 35");
    assert_true(window.alternate);
    kill(window.pid, SIGKILL);
    double start_at = now_ms();
    while (window.alternate && !waited_long(start_at))
        pump(&window, 20);
    wait_end(&window);
    check_restored(&window);
    end(&window);
}

/* Ctrl-O asks for a field of the form by its name. */
static void fill_field(struct window *window, const char *name, const char *value)
{
    press(window, "\017");
    press(window, name);
    press(window, "\r");
    press(window, value);
}

/* From opening a model to its job's live graph, all by keys. */
static void train_at(int cols, int rows)
{
    char model[512];
    struct window window;
    snprintf(model, sizeof model, "%s/models/stories260K-gguf/stories260K-BF16.gguf",
             getenv("SPECTRUM_SHARED_DATA"));
    start(&window, cols, rows, "xterm-256color", "C.UTF-8", model);
    wait_text(&window, " 7 of 35");
    wait_no_text(&window, " scan "); /* a plan by scores starts with all of them */
    press(&window, "t");
    wait_text(&window, "sequence length");
    press(&window, "data.jsonl");
    fill_field(&window, "steps", "50000");
    fill_field(&window, "sequence length", "16");
    wait_text(&window, "▶ sequence length   16");
    press(&window, "\023"); /* Ctrl-S */
    wait_text(&window, "● running");
    wait_text(&window, "of 50000 ·"); /* it has a time left: a step is done */
    wait_text(&window, "learning rate");
    wait_text(&window, "gradient norm");
    press(&window, "S");
    wait_text(&window, "again stops it");
    press(&window, "S");
    wait_text(&window, "● stopped at step");
    press(&window, "qq");
    assert_int_equal(wait_end(&window), 0);
    check_restored(&window);
    end(&window);
}

static void trains_from_opening_to_the_live_graph(void **state)
{
    (void)state;
    if (!model_path())
        skip();
    assert_int_equal(chdir(folder), 0);
    FILE *data = fopen("data.jsonl", "w");
    assert_non_null(data);
    for (int i = 0; i < 30; i++)
        fprintf(data, "{\"text\": \"Once upon a time there were %d dogs.\"}\n", i);
    assert_int_equal(fclose(data), 0);
    train_at(80, 24);
    train_at(200, 50);
    assert_int_equal(unlink("data.jsonl"), 0);
}

static void works_without_colour_and_utf8(void **state)
{
    (void)state;
    struct window window;
    if (!model_path())
        skip();
    start(&window, 80, 24, "vt100", "C", model_path());
    wait_text(&window, "sigma max    10.8005");
    wait_text(&window, " 7 of 35");
    assert_false(window.high_bytes);
    press(&window, "q");
    assert_int_equal(wait_end(&window), 0);
    check_restored(&window);
    end(&window);
}

static void bad_target_is_an_error_line(void **state)
{
    (void)state;
    struct window window;
    start(&window, 80, 24, "xterm-256color", "C.UTF-8", "/nowhere/at/all");
    int how = wait_end(&window);
    assert_int_equal(WEXITSTATUS(how), 1);
    assert_non_null(strstr(text_of(&window), "/nowhere/at/all"));
    check_restored(&window);
    end(&window);
}

/* Waits until the screen, saved as a text, has this many rows. */
static void wait_rows(struct window *window, int rows)
{
    char path[128], keys[160], text[4096];
    double start_at = now_ms();
    snprintf(path, sizeof path, "%s/rows.txt", folder);
    snprintf(keys, sizeof keys, ":save-screen %s\r", path);
    for (int found = -1; found != rows;) {
        if (waited_long(start_at))
            fail_msg("the screen has %d rows, not %d", found, rows);
        unlink(path);
        press(window, keys);
        for (double from = now_ms(); now_ms() - from < 500 && access(path, F_OK) != 0;)
            pump(window, 20);
        FILE *file = fopen(path, "r");
        found = file ? 0 : -1;
        while (file && fgets(text, sizeof text, file))
            found++;
        if (file)
            fclose(file);
    }
}

/* Exported LINES and COLUMNS are another window's where this one knows its size, at the start as
 * later. */
static void exported_size_is_not_the_windows(void **state)
{
    (void)state;
    struct window window;
    setenv("LINES", "24", 1);
    setenv("COLUMNS", "50", 1); /* too narrow: it would be said */
    start(&window, 120, 40, "xterm-256color", "C.UTF-8", NULL);
    wait_text(&window, "No models here");
    wait_rows(&window, 40);
    resize(&window, 100, 30);
    wait_rows(&window, 30);
    resize(&window, 100, 45);
    wait_rows(&window, 45);
    assert_null(strstr(text_of(&window), "needed"));
    press(&window, "q");
    assert_int_equal(wait_end(&window), 0);
    check_restored(&window);
    end(&window);
    unsetenv("LINES");
    unsetenv("COLUMNS");
}

/* A terminal that does not know its size: LINES and COLUMNS, then the type's own, and a number that
 * is none is named. */
static void size_of_a_silent_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *columns;
        int rows;
        const char *said;
    } cases[] = {
        {"31", "90", 31, "No models here"},
        {NULL, NULL, 24, "No models here"},
        {"many", "90", 24, "LINES=many is not used"},
        {"31", "0", 31, "COLUMNS=0 is not used"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct window window;
        if (cases[i].lines)
            setenv("LINES", cases[i].lines, 1);
        if (cases[i].columns)
            setenv("COLUMNS", cases[i].columns, 1);
        start_on(&window, false, 120, 40, "xterm-256color", "C.UTF-8", NULL);
        wait_text(&window, cases[i].said);
        wait_rows(&window, cases[i].rows);
        press(&window, "q");
        assert_int_equal(wait_end(&window), 0);
        check_restored(&window);
        end(&window);
        unsetenv("LINES");
        unsetenv("COLUMNS");
    }
}

/* Esc then O within ESCDELAY begins a key's sequence, later they are two keys: with a long delay
 * Esc and OA, half a second apart, are an arrow, with a short one the screen is left. */
static void escape_delay_is_obeyed(void **state)
{
    (void)state;
    static const struct {
        const char *delay;
        bool leaves;
        const char *said;
    } cases[] = {
        {"5000", false, "No models here"},       {"10", true, "No models here"},
        {"0", true, "No models here"},           {"soon", true, "ESCDELAY=soon is not used"},
        {"-1", true, "ESCDELAY=-1 is not used"}, {"3600000", true, "ESCDELAY=3600000 is not used"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct window window;
        setenv("ESCDELAY", cases[i].delay, 1);
        start(&window, 100, 30, "xterm-256color", "C.UTF-8", NULL);
        wait_text(&window, cases[i].said);
        press(&window, "\033");
        if (cases[i].leaves) {
            assert_int_equal(wait_end(&window), 0);
        } else {
            for (double from = now_ms(); now_ms() - from < 500;)
                pump(&window, 50);
            press(&window, "OA");
            wait_rows(&window, 30); /* it is still there */
            press(&window, "q");
            assert_int_equal(wait_end(&window), 0);
        }
        check_restored(&window);
        end(&window);
    }
    unsetenv("ESCDELAY");
}

static void types_of_terminals(void **state)
{
    (void)state;
    static const struct {
        const char *term, *error; /* NULL: it opens */
    } cases[] = {
        {"xterm-256color", NULL},
        {"xterm", NULL},
        {"screen", NULL},
        {"tmux", NULL},
        {"linux", NULL},
        {"vt100", NULL},
        {NULL, "spectrum: TERM is not set"},
        {"", "spectrum: TERM is not set"},
        {"no-such-type", "type \"no-such-type\" is not known here"},
        {"dumb", "cannot place its cursor"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct window window;
        start(&window, 200, 24, cases[i].term, "C.UTF-8", NULL);
        if (!cases[i].error) {
            wait_text(&window, "No models here");
            press(&window, "q");
        }
        int how = wait_end(&window);
        assert_true(WIFEXITED(how));
        assert_int_equal(WEXITSTATUS(how), cases[i].error ? 1 : 0);
        if (cases[i].error)
            assert_non_null(strstr(text_of(&window), cases[i].error));
        check_restored(&window);
        end(&window);
    }
}

/* Without a home there is nothing to list and nowhere to keep; the screen opens all the same. */
static void opens_without_a_home(void **state)
{
    (void)state;
    static const char *const homes[] = {NULL, "", "relative/home", "/nowhere"};
    char *home = strdup(getenv("HOME") ? getenv("HOME") : "/");
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CACHE_HOME");
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        struct window window;
        if (homes[i])
            setenv("HOME", homes[i], 1);
        else
            unsetenv("HOME");
        start(&window, 80, 24, "xterm-256color", "C.UTF-8", NULL);
        wait_text(&window, "spectrum");
        press(&window, "q");
        assert_int_equal(wait_end(&window), 0);
        check_restored(&window);
        end(&window);
    }
    setenv("HOME", home, 1);
    setenv("XDG_STATE_HOME", folder, 1);
    setenv("XDG_CACHE_HOME", folder, 1);
    free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exported_size_is_not_the_windows),
        cmocka_unit_test(size_of_a_silent_terminal),
        cmocka_unit_test(escape_delay_is_obeyed),
        cmocka_unit_test(types_of_terminals),
        cmocka_unit_test(opens_without_a_home),
        cmocka_unit_test(opens_and_quits),
        cmocka_unit_test(is_silent_when_nothing_changes),
        cmocka_unit_test(follows_the_window),
        cmocka_unit_test(killed_screen_gives_the_terminal_back),
        cmocka_unit_test(signals_to_every_process_end_it_in_order),
        cmocka_unit_test(plan_is_kept_whatever_ends_the_screen),
        cmocka_unit_test(screen_does_not_outlive_its_parent),
        cmocka_unit_test(trains_from_opening_to_the_live_graph),
        cmocka_unit_test(works_without_colour_and_utf8),
        cmocka_unit_test(bad_target_is_an_error_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
