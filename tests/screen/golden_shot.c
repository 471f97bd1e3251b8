#include "golden_shot.h"

#include "base/file.h"
#include "base/text.h"
#include "golden_world.h"
#include "tui/app/draw.h"
#include "tui/app/run.h"
#include "tui/canvas/terminal.h"
#include "tui/screen/screens.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>
#include <vterm.h>

/* "What is your status?", which the screen never asks: the end of a picture's bytes. */
#define END_MARK "\033[5n"

bool golden_types_make(const char *folder)
{
    static const char source[] =
        "xterm-24bit|direct colours, as xterm-direct2 has them,\n"
        "\tRGB, colors#0x1000000, pairs#0x7FFF, use=xterm-256color,\n"
        "\tsetaf=\\E[38;2;%p1%{65536}%/%d;%p1%{256}%/%{255}%&%d;%p1%{255}%&%dm,\n"
        "\tsetab=\\E[48;2;%p1%{65536}%/%d;%p1%{256}%/%{255}%&%d;%p1%{255}%&%dm,\n";
    char path[256], command[640], places[256];
    snprintf(path, sizeof path, "%s/types", folder);
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fputs(source, file);
    snprintf(command, sizeof command, "tic -x -o '%s/terminfo' '%s'", folder, path);
    snprintf(places, sizeof places, "%s/terminfo:", folder); /* then the system's own */
    return fclose(file) == 0 && system(command) == 0 && setenv("TERMINFO_DIRS", places, 1) == 0;
}

/* --- the child --- */

static int set_environment(const struct golden_terminal *terminal)
{
    bool colored = terminal->theme != NULL;
    return setenv("TERM", terminal->type, 1) || setenv("LC_ALL", terminal->locale, 1) ||
           (colored ? unsetenv("NO_COLOR") : setenv("NO_COLOR", "1", 1)) ||
           (colored ? setenv("SPECTRUM_THEME", terminal->theme, 1) : unsetenv("SPECTRUM_THEME"));
}

/* Until what is shown is the same after ten ticks in a row: files are read a part a tick, and a view
 * of jobs that live looks at them with each. */
static void settle(struct app *app)
{
    enum { QUIET = 10, MOST = 1000 };
    struct buffer before = BUFFER_INIT, now = BUFFER_INIT;
    for (int ticks = 0, quiet = 0; quiet < QUIET && ticks < MOST; ticks++) {
        app_tick(app);
        app_draw(app);
        buffer_clear(&now);
        canvas_put_text(&now, &app->canvas);
        quiet = strcmp(buffer_string(&now), buffer_string(&before)) == 0 ? quiet + 1 : 0;
        buffer_clear(&before);
        buffer_text(&before, buffer_string(&now));
        usleep(1000);
    }
    buffer_free(&before);
    buffer_free(&now);
}

/* As run_terminal() of tui/app/run.c, with a script in the place of a user. */
static int show(const struct golden_screen *screen, const struct golden_terminal *terminal,
                const char *folder, const char *source, struct error *err)
{
    static struct app app;
    int width, height;
    char *script = screen->script ? strdup(screen->script) : NULL;
    if (golden_world_make(folder, source, screen->partly, screen->foreign) != 0)
        return error_set_errno(err, errno, "the world cannot be made in %s", folder);
    if (set_environment(terminal) != 0)
        return error_set(err, "the environment cannot be set");
    if (terminal_restore_prepare(err) != 0 || terminal_open(false, err) != 0)
        return -1;
    terminal_size(&width, &height);
    if (app_init(&app, &screens, width, height, terminal_colors(), !terminal_is_utf8(), err) != 0 ||
        app_open(&app, screen->target, err) != 0 ||
        script_play(&app, script, screen->name, err) != 0)
        return -1;
    settle(&app);
    app_draw(&app);
    terminal_show(&app.canvas);
    return write(STDOUT_FILENO, END_MARK, strlen(END_MARK)) > 0 ? 0 : -1;
}

/* It waits to be ended: its jobs live as long, and what would restore the terminal is not wanted. */
static void run_child(const struct golden_screen *screen, const struct golden_terminal *terminal,
                      const char *folder, const char *source, int said)
{
    struct error err = ERROR_INIT;
    if (show(screen, terminal, folder, source, &err) == 0)
        for (;;)
            pause();
    ssize_t written = write(said, err.text, strlen(err.text));
    _exit(written >= 0 ? 1 : 2);
}

/* --- the terminal --- */

struct window {
    int fd;
    pid_t pid;
    VTerm *vt;
    VTermScreen *screen;
};

static void open_window(struct window *window, const struct golden_terminal *terminal)
{
    window->vt = vterm_new(terminal->height, terminal->width);
    vterm_set_utf8(window->vt, 1);
    window->screen = vterm_obtain_screen(window->vt);
    vterm_screen_enable_altscreen(window->screen, 1);
    vterm_screen_reset(window->screen, 1);
}

/* Until the picture is whole, or the child has ended. It is shown at once: libvterm 0.1 loses a
 * character whose bytes come in two parts. */
static bool take_bytes(struct window *window)
{
    struct buffer all = BUFFER_INIT;
    char bytes[4096];
    bool whole = false;
    for (ssize_t count; !whole;) {
        count = read(window->fd, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        buffer_append(&all, bytes, (size_t)count);
        whole = memmem(all.data, all.length, END_MARK, strlen(END_MARK)) != NULL;
    }
    vterm_input_write(window->vt, buffer_string(&all), all.length);
    buffer_free(&all);
    return whole;
}

/* --- the picture --- */

static void put_color(struct buffer *out, const VTermColor *color)
{
    if (VTERM_COLOR_IS_DEFAULT_FG(color) || VTERM_COLOR_IS_DEFAULT_BG(color))
        buffer_text(out, "-");
    else if (VTERM_COLOR_IS_INDEXED(color))
        buffer_format(out, "%d", color->indexed.idx);
    else
        buffer_format(out, "#%02X%02X%02X", color->rgb.red, color->rgb.green, color->rgb.blue);
}

static bool is_blank(const VTermScreenCell *cell)
{
    return cell->chars[0] == 0 || cell->chars[0] == ' ';
}

static void put_color_name(char out[16], const VTermColor *color)
{
    struct buffer name = BUFFER_INIT;
    put_color(&name, color);
    snprintf(out, 16, "%s", buffer_string(&name));
    buffer_free(&name);
}

/* "" of a blank on the ground: nothing of it is seen, and it goes with what is beside it. */
static void put_look(struct buffer *out, const VTermScreenCell *cell, const char *ground)
{
    char behind[16];
    bool drawn = !is_blank(cell) || cell->attrs.reverse || cell->attrs.underline;
    put_color_name(behind, &cell->bg);
    if (drawn)
        buffer_format(out, "%s%s%s", cell->attrs.bold ? "b" : "", cell->attrs.reverse ? "r" : "",
                      cell->attrs.underline ? "u" : "");
    if (drawn)
        put_color(out, &cell->fg);
    if (strcmp(behind, ground) != 0)
        buffer_format(out, "/%s", behind);
}

static void get_cell(const struct window *window, int x, int y, VTermScreenCell *cell)
{
    vterm_screen_get_cell(window->screen, (VTermPos){y, x}, cell);
}

static void put_text_row(struct buffer *out, const struct window *window, int y, int width)
{
    int blanks = 0;
    buffer_text(out, "|");
    for (int x = 0; x < width; x++) {
        VTermScreenCell cell;
        get_cell(window, x, y, &cell);
        if (cell.chars[0] == (uint32_t)-1)
            continue; /* the right half of the one before */
        if (is_blank(&cell)) {
            blanks++;
            continue;
        }
        buffer_format(out, "%*s", blanks, "");
        blanks = 0;
        for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++) {
            char text[5] = "";
            utf8_encode((int32_t)cell.chars[i], text);
            buffer_text(out, text);
        }
    }
    buffer_text(out, "\n");
}

/* Cells that look alike in one; "" where all look plain. Blanks on the ground go with what is before
 * them. */
static void put_looks(struct buffer *out, const struct window *window, int y, int width,
                      const char *ground)
{
    struct buffer run = BUFFER_INIT, look = BUFFER_INIT;
    int count = 0;
    buffer_text(&run, "-");
    for (int x = 0; x <= width; x++) {
        VTermScreenCell cell;
        buffer_clear(&look);
        if (x < width) {
            get_cell(window, x, y, &cell);
            put_look(&look, &cell, ground);
        }
        bool goes_on = x < width && (strcmp(buffer_string(&look), buffer_string(&run)) == 0 ||
                                     (look.length == 0 && !strchr(buffer_string(&run), '/')));
        if (!goes_on) {
            if (count > 0 && (x < width || out->length > 0 || run.data[0] != '-'))
                buffer_format(out, " %d:%s", count, buffer_string(&run));
            buffer_clear(&run);
            buffer_text(&run, look.length ? buffer_string(&look) : "-");
            count = 0;
        }
        count++;
    }
    buffer_free(&run);
    buffer_free(&look);
}

/* Rows that look alike in one line. */
static void put_look_rows(struct buffer *out, const struct window *window,
                          const struct golden_terminal *terminal, const char *ground)
{
    struct buffer before = BUFFER_INIT, row = BUFFER_INIT;
    int first = 0;
    for (int y = 0; y <= terminal->height; y++) {
        buffer_clear(&row);
        if (y < terminal->height)
            put_looks(&row, window, y, terminal->width, ground);
        if (y < terminal->height && y > 0 &&
            strcmp(buffer_string(&row), buffer_string(&before)) == 0)
            continue;
        if (y > 0 && before.length > 0 && first < y - 1)
            buffer_format(out, "%d-%d%s\n", first, y - 1, buffer_string(&before));
        else if (y > 0 && before.length > 0)
            buffer_format(out, "%d%s\n", first, buffer_string(&before));
        first = y;
        buffer_clear(&before);
        buffer_text(&before, buffer_string(&row));
    }
    buffer_free(&before);
    buffer_free(&row);
}

int golden_shoot(struct buffer *out, const struct golden_screen *screen,
                 const struct golden_terminal *terminal, const char *folder, const char *source)
{
    struct winsize size = {.ws_row = (unsigned short)terminal->height,
                           .ws_col = (unsigned short)terminal->width};
    struct window window = {.pid = -1};
    char why[ERROR_TEXT_MAX] = "the child ended without a word";
    int said[2], slave, how;
    if (pipe(said) != 0 || openpty(&window.fd, &slave, NULL, NULL, &size) != 0)
        return -1;
    fflush(NULL);
    window.pid = fork();
    if (window.pid == 0) {
        close(window.fd);
        close(said[0]);
        login_tty(slave);
        run_child(screen, terminal, folder, source, said[1]);
    }
    close(slave);
    close(said[1]);
    open_window(&window, terminal);
    bool whole = window.pid > 0 && take_bytes(&window);
    char ground[16];
    VTermScreenCell corner;
    get_cell(&window, terminal->width - 1, 0, &corner);
    put_color_name(ground, &corner.bg);
    if (strcmp(ground, "-") != 0)
        buffer_format(out, "ground %s\n", ground);
    for (int y = 0; y < terminal->height; y++) /* of a child that failed what it said last */
        put_text_row(out, &window, y, terminal->width);
    if (whole)
        put_look_rows(out, &window, terminal, ground);
    if (window.pid > 0) {
        if (whole)
            kill(window.pid, SIGKILL);
        waitpid(window.pid, &how, 0);
        if (!whole && WIFSIGNALED(how))
            snprintf(why, sizeof why, "the child was ended by signal %d", WTERMSIG(how));
    }
    ssize_t length = whole ? 0 : read(said[0], why, sizeof why - 1);
    if (length > 0)
        why[length] = '\0';
    if (!whole)
        buffer_text(out, why);
    close(said[0]);
    close(window.fd);
    vterm_free(window.vt);
    return whole ? 0 : -1;
}
