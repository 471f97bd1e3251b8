/* The full screen on a pseudo-terminal, seen through libvterm: it opens, follows the window's size,
 * is silent when nothing changes, and gives the terminal back whatever ends it. */
#include "test.h"

#include "base/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <utmp.h>
#include <vterm.h>

enum { TEXT_MAX = 300 * 100 * 4 };

struct window {
    int fd, slave; /* the slave stays open, so that its modes can be asked for afterwards */
    pid_t pid;
    VTerm *vt;
    VTermScreen *screen;
    int rows, cols;
    bool alternate, cursor_visible, high_bytes;
    size_t received;
};

static char folder[64];

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int on_property(VTermProp property, VTermValue *value, void *user)
{
    struct window *window = user;
    if (property == VTERM_PROP_ALTSCREEN)
        window->alternate = value->boolean;
    if (property == VTERM_PROP_CURSORVISIBLE)
        window->cursor_visible = value->boolean;
    return 1;
}

/* A terminal that is `cols` wide but does not say so, as a serial line, with `known` false. */
static void start_on(struct window *window, bool known, int cols, int rows, const char *term,
                     const char *locale, const char *target)
{
    static const VTermScreenCallbacks callbacks = {.settermprop = on_property};
    struct winsize size = {0};
    if (known)
        size = (struct winsize){.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    *window = (struct window){.rows = rows, .cols = cols, .cursor_visible = true};
    assert_int_equal(openpty(&window->fd, &window->slave, NULL, NULL, &size), 0);
    window->vt = vterm_new(rows, cols);
    vterm_set_utf8(window->vt, 1);
    window->screen = vterm_obtain_screen(window->vt);
    vterm_screen_set_callbacks(window->screen, &callbacks, window);
    vterm_screen_enable_altscreen(window->screen, 1);
    vterm_screen_reset(window->screen, 1);
    window->pid = fork();
    assert_true(window->pid >= 0);
    if (window->pid == 0) {
        close(window->fd);
        login_tty(window->slave);
        if (term)
            setenv("TERM", term, 1);
        else
            unsetenv("TERM");
        setenv("LC_ALL", locale, 1);
        execl(getenv("SPECTRUM_BINARY"), "spectrum", target, (char *)NULL);
        _exit(99);
    }
    fcntl(window->fd, F_SETFL, O_NONBLOCK);
}

static void start(struct window *window, int cols, int rows, const char *term, const char *locale,
                  const char *target)
{
    start_on(window, true, cols, rows, term, locale, target);
}

/* Takes in what comes within some time; returns the number of bytes. */
static size_t pump(struct window *window, int timeout_ms)
{
    char bytes[4096];
    struct pollfd input = {window->fd, POLLIN, 0};
    if (poll(&input, 1, timeout_ms) <= 0)
        return 0;
    ssize_t count = read(window->fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < count; i++)
        window->high_bytes |= (unsigned char)bytes[i] >= 0x80;
    if (count > 0)
        vterm_input_write(window->vt, bytes, (size_t)count);
    return count > 0 ? (size_t)count : 0;
}

static const char *text_of(struct window *window)
{
    static char text[TEXT_MAX];
    VTermRect all = {0, window->rows, 0, window->cols};
    size_t length = vterm_screen_get_text(window->screen, text, sizeof text - 1, all);
    text[length] = '\0';
    return text;
}

/* Longer than anything here takes on a machine that has nothing else to do, and as much longer as
 * more wants to run than there are processors. */
static bool waited_long(double since)
{
    double load = 0, processors = (double)sysconf(_SC_NPROCESSORS_ONLN);
    double slower = getloadavg(&load, 1) == 1 && load > processors ? load / processors : 1;
    return now_ms() - since > 60000 * slower;
}

static void wait_text(struct window *window, const char *text)
{
    double start_at = now_ms();
    while (!strstr(text_of(window), text)) {
        pump(window, 20);
        if (waited_long(start_at)) {
            print_message("waited in vain for \"%s\" on:\n%s\n", text, text_of(window));
            fail();
        }
    }
}

static void press(struct window *window, const char *keys)
{
    assert_int_equal(write(window->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* Waits for the end and returns the wait status. */
static int wait_end(struct window *window)
{
    int how = -1;
    double start_at = now_ms();
    while (waitpid(window->pid, &how, WNOHANG) == 0) {
        pump(window, 20);
        assert_false(waited_long(start_at));
    }
    while (pump(window, 50))
        continue;
    return how;
}

static void check_restored(struct window *window)
{
    struct termios modes;
    assert_false(window->alternate);
    assert_true(window->cursor_visible);
    assert_int_equal(tcgetattr(window->slave, &modes), 0);
    assert_true(modes.c_lflag & ECHO);
    assert_true(modes.c_lflag & ICANON);
    assert_true(modes.c_lflag & ISIG);
}

static void end(struct window *window)
{
    vterm_free(window->vt);
    close(window->fd);
    close(window->slave);
}

static const char *model_path(void)
{
    static char path[512];
    const char *data = test_folder("SPECTRUM_SHARED_DATA");
    snprintf(path, sizeof path, "%s/models/stories260K-hf-f32", data ? data : "");
    return data ? path : NULL;
}

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

/* The process of the screen is the only child of the one that was started. */
static pid_t screen_process(const struct window *window)
{
    char path[64];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", window->pid, window->pid);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%d", &pid) != 1)
            pid = 0;
        fclose(file);
    }
    return pid;
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

/* From opening a model to its job's live graph, all by keys. */
static void train_at(int cols, int rows)
{
    static const char down[] = "\033OB";
    char model[512];
    struct window window;
    snprintf(model, sizeof model, "%s/models/stories260K-gguf/stories260K-BF16.gguf",
             getenv("SPECTRUM_SHARED_DATA"));
    start(&window, cols, rows, "xterm-256color", "C.UTF-8", model);
    wait_text(&window, " 7 of 35");
    press(&window, "t");
    wait_text(&window, "sequence length");
    press(&window, "data.jsonl");
    for (int i = 0; i < 5; i++)
        press(&window, down);
    press(&window, "50000");
    press(&window, down);
    press(&window, down);
    press(&window, "16");
    wait_text(&window, "▶ sequence length   16");
    press(&window, "\023"); /* Ctrl-S */
    wait_text(&window, "● running");
    wait_text(&window, "of 50000 ·"); /* it has a time left: a step is done */
    wait_text(&window, "● training");
    wait_text(&window, "gradients");
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

static void resize(struct window *window, int cols, int rows)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    ioctl(window->fd, TIOCSWINSZ, &size);
    vterm_set_size(window->vt, window->rows = rows, window->cols = cols);
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

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/spectrum-pty-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    if (chdir(folder) != 0) /* in which there is nothing to list */
        return -1;
    return setenv("XDG_STATE_HOME", folder, 1) | setenv("XDG_CACHE_HOME", folder, 1);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
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
