/* The full screen on a pseudo-terminal, seen through libvterm: starting it, pressing keys, waiting for
 * what it shows, its end. */
#ifndef SPECTRUM_TESTS_SCREEN_WINDOW_H
#define SPECTRUM_TESTS_SCREEN_WINDOW_H

#include "test.h"

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
    bool marks_pastes; /* it was asked to, and not asked to stop */
    int bells;
    bool titles;     /* a sequence of xterm's that no description names was seen */
    char last[8];    /* bytes that were received last */
    size_t received; /* in all */
};

static char folder[64];

static inline double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline int on_property(VTermProp property, VTermValue *value, void *user)
{
    struct window *window = user;
    if (property == VTERM_PROP_ALTSCREEN)
        window->alternate = value->boolean;
    if (property == VTERM_PROP_CURSORVISIBLE)
        window->cursor_visible = value->boolean;
    return 1;
}

static inline int on_bell(void *user)
{
    struct window *window = user;
    window->bells++;
    return 1;
}

/* A terminal that is `cols` wide but does not say so, as a serial line, with `known` false. `option`
 * may be NULL, and so may the target. */
static inline void start_with(struct window *window, bool known, int cols, int rows,
                              const char *term, const char *locale, const char *option,
                              const char *target)
{
    static const VTermScreenCallbacks callbacks = {.settermprop = on_property, .bell = on_bell};
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
        const char *first = option ? option : target, *second = option ? target : NULL;
        execl(getenv("SPECTRUM_BINARY"), "spectrum", first, second, (char *)NULL);
        _exit(99);
    }
    fcntl(window->fd, F_SETFL, O_NONBLOCK);
}

static inline void start_on(struct window *window, bool known, int cols, int rows, const char *term,
                            const char *locale, const char *target)
{
    start_with(window, known, cols, rows, term, locale, NULL, target);
}

static inline void start(struct window *window, int cols, int rows, const char *term,
                         const char *locale, const char *target)
{
    start_on(window, true, cols, rows, term, locale, target);
}

/* What libvterm does not tell. */
static inline void look_at(struct window *window, char byte)
{
    static const char on[] = "\033[?2004h", off[] = "\033[?2004l";
    memmove(window->last, window->last + 1, sizeof window->last - 1);
    window->last[sizeof window->last - 1] = byte;
    window->high_bytes |= (unsigned char)byte >= 0x80;
    if (memcmp(window->last, on, sizeof window->last) == 0)
        window->marks_pastes = window->titles = true;
    if (memcmp(window->last, off, sizeof window->last) == 0)
        window->marks_pastes = false;
    window->titles |= memcmp(window->last + sizeof window->last - 2, "\033]", 2) == 0;
    window->received++;
}

/* Takes in what comes within some time; returns the number of bytes. */
static inline size_t pump(struct window *window, int timeout_ms)
{
    char bytes[4096];
    struct pollfd input = {window->fd, POLLIN, 0};
    if (poll(&input, 1, timeout_ms) <= 0)
        return 0;
    ssize_t count = read(window->fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < count; i++)
        look_at(window, bytes[i]);
    if (count > 0)
        vterm_input_write(window->vt, bytes, (size_t)count);
    return count > 0 ? (size_t)count : 0;
}

static inline const char *text_of(struct window *window)
{
    static char text[TEXT_MAX];
    VTermRect all = {0, window->rows, 0, window->cols};
    size_t length = vterm_screen_get_text(window->screen, text, sizeof text - 1, all);
    text[length] = '\0';
    return text;
}

/* Longer than anything here takes on a machine that has nothing else to do, and as much longer as
 * more wants to run than there are processors. */
static inline bool waited_long(double since)
{
    double load = 0, processors = (double)sysconf(_SC_NPROCESSORS_ONLN);
    double slower = getloadavg(&load, 1) == 1 && load > processors ? load / processors : 1;
    return now_ms() - since > 60000 * slower;
}

static inline void wait_for(struct window *window, const char *text, bool there)
{
    double start_at = now_ms();
    while ((strstr(text_of(window), text) != NULL) != there) {
        pump(window, 20);
        if (waited_long(start_at)) {
            print_message("waited in vain for %s\"%s\" on:\n", there ? "" : "no ", text);
            fprintf(stderr, "%s\n", text_of(window)); /* which is longer than cmocka's messages */
            fail();
        }
    }
}

static inline void wait_text(struct window *window, const char *text)
{
    wait_for(window, text, true);
}

static inline void wait_no_text(struct window *window, const char *text)
{
    wait_for(window, text, false);
}

static inline void press(struct window *window, const char *keys)
{
    assert_int_equal(write(window->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* Waits for the end and returns the wait status. */
static inline int wait_end(struct window *window)
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

static inline void check_restored(struct window *window)
{
    struct termios modes;
    assert_false(window->alternate);
    assert_true(window->cursor_visible);
    assert_false(window->marks_pastes);
    assert_int_equal(tcgetattr(window->slave, &modes), 0);
    assert_true(modes.c_lflag & ECHO);
    assert_true(modes.c_lflag & ICANON);
    assert_true(modes.c_lflag & ISIG);
}

static inline void end(struct window *window)
{
    vterm_free(window->vt);
    close(window->fd);
    close(window->slave);
}

static inline const char *model_path(void)
{
    static char path[512];
    const char *data = test_folder("SPECTRUM_SHARED_DATA");
    snprintf(path, sizeof path, "%s/models/stories260K-hf-f32", data ? data : "");
    return data ? path : NULL;
}

/* The process of the screen is the only child of the one that was started. */
static inline pid_t screen_process(const struct window *window)
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

static inline void resize(struct window *window, int cols, int rows)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    ioctl(window->fd, TIOCSWINSZ, &size);
    vterm_set_size(window->vt, window->rows = rows, window->cols = cols);
}

static inline int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/spectrum-pty-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    if (chdir(folder) != 0) /* in which there is nothing to list */
        return -1;
    return setenv("XDG_STATE_HOME", folder, 1) | setenv("XDG_CACHE_HOME", folder, 1);
}

static inline int remove_folder(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#endif
