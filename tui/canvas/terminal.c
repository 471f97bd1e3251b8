#include "tui/canvas/terminal.h"

#include "base/decimal.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "tui/canvas/emit.h"
#include "tui/canvas/terminal_type.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* The file's numbered facts:
 *
 *   1. There is one terminal a process, so this state is static.
 *   2. ncurses opens and closes the terminal, says what its type can do, and reads keys. It draws
 *      nothing: its own window is shown empty once, and is never touched again, so that reading a
 *      key has nothing to show. What is drawn is the emitter's (emit.h).
 *   3. What brings the terminal back is looked up before it is opened, and written without ncurses:
 *      that is the watching parent's, whose child may be gone in the middle of anything.
 *   4. ncurses reads a key's sequence byte by byte and nothing after it, so the bytes after
 *      PASTE_START are the paste's.
 */
static struct {
    int colors;
    bool open, utf8;
    bool as_xterm; /* it knows xterm's modes and titles, or leaves alone what it does not know */
    int width, height; /* in which is drawn: window_size() when it was asked last */
    char notice[160];
    struct emitter emitter;
    struct buffer bytes; /* a frame's, kept for its memory */
    struct paste paste;
    bool pasting;     /* what comes is of the paste */
    double pasted_at; /* clock_seconds() when something of it came last */
    bool titled;      /* the window has a title of ours */
} terminal;

/* Pasted text is marked as such between these two; the title that the window had is kept and brought
 * back. */
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define TITLE_KEEP "\033[22;2t"
#define TITLE_BACK "\033[23;2t"

static struct {
    struct termios modes;
    bool known;
    char text[256];
    size_t length;
} restore;

static void restore_append(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (length > 0 && restore.length + length < sizeof restore.text) {
        memcpy(restore.text + restore.length, text, length);
        restore.length += length;
    }
}

/* Also finds out, before anything is changed, whether this can be the full screen's terminal at
 * all. */
int terminal_restore_prepare(struct error *err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return error_set(err, "the full screen needs a terminal on standard input and output; "
                              "sub-commands (spectrum --help) and --script work without");
    const char *type = getenv("TERM");
    if (!type || !type[0])
        return error_set(err, "TERM is not set, so the terminal's type is not known; set TERM "
                              "(xterm, screen, linux, vt100)");
    use_env(FALSE); /* window_size() says when LINES and COLUMNS count */
    use_tioctl(TRUE);
    int status = 0;
    if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
        return error_set(
            err,
            "TERM: terminal type \"%.60s\" is not known here; set TERM (xterm, screen, "
            "linux, vt100)",
            type);
    if (!type_capability("cup") || !type_capability("clear"))
        return error_set(
            err,
            "TERM: a terminal of type \"%.60s\" cannot place its cursor, which the full "
            "screen needs; set TERM (xterm, screen, linux, vt100)",
            type);
    restore.known = tcgetattr(STDIN_FILENO, &restore.modes) == 0;
    restore.length = 0;
    if (type_is_as_xterm(type))
        restore_append(PASTE_OFF);
    restore_append(type_capability("sgr0"));
    restore_append(type_capability("rmkx"));  /* the keypad's own mode */
    restore_append(type_capability("cnorm")); /* the cursor is seen */
    restore_append(type_capability("rmcup")); /* the screen that was there before */
    return 0;
}

/* Called from a signal's handler: nothing but write() and tcsetattr(), with a text that was made
 * before. */
void terminal_restore(void)
{
    size_t done = 0;
    while (done < restore.length) {
        ssize_t n = write(STDOUT_FILENO, restore.text + done, restore.length - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (restore.known)
        tcsetattr(STDIN_FILENO, TCSANOW, &restore.modes);
}

/* A whole number in the environment, `otherwise` where there is none; one that is not a number or
 * beyond its bounds is not used, and terminal_notice() says so. */
static int environment_number(const char *name, int least, int most, int otherwise,
                              const char *instead)
{
    const char *text = getenv(name);
    int64_t number;
    if (!text || !text[0])
        return otherwise;
    if (decimal_read_whole(&number, text) && number >= least && number <= most)
        return (int)number;
    snprintf(terminal.notice, sizeof terminal.notice,
             "%s=%.20s is not used: it takes a whole number from %d to %d; %s", name, text, least,
             most, instead);
    utf8_sanitize(terminal.notice);
    return otherwise;
}

/* The terminal itself knows its size. Exported LINES and COLUMNS may be another window's, so they
 * count only where it does not (a serial line says 0x0); after them the type's own size, and
 * 80x24.
 */
static void window_size(int *width, int *height)
{
    enum { MOST = 10000 };
    static const char instead[] = "the terminal's type has a size";
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        *width = size.ws_col < MOST ? size.ws_col : MOST;
        *height = size.ws_row < MOST ? size.ws_row : MOST;
        return;
    }
    int type_width = tigetnum("cols"), type_height = tigetnum("lines");
    *width = environment_number("COLUMNS", 1, MOST, type_width > 0 ? type_width : 80, instead);
    *height = environment_number("LINES", 1, MOST, type_height > 0 ? type_height : 24, instead);
}

/* A window that has another size now: ncurses is told. SIGWINCH itself has nothing to do but to end
 * the wait for input, and one that is lost (a stopped screen gets none) costs a second. */
static bool follow_window(void)
{
    int width, height;
    window_size(&width, &height);
    if (width == terminal.width && height == terminal.height)
        return false;
    terminal.width = width;
    terminal.height = height;
    resize_term(height, width); /* for endwin(), which goes to the last line */
    untouchwin(stdscr);
    emit_forget(&terminal.emitter);
    return true;
}

static void on_window_change(int number)
{
    (void)number;
}

/* ncurses opens no terminal of no size. One that does not know its own has what window_size() says,
 * which ncurses takes from the environment alone; the environment is afterwards as it was. */
static SCREEN *open_screen(void)
{
    static const char *const names[] = {"COLUMNS", "LINES"};
    char *before[2] = {0}, number[16];
    int size[2];
    struct winsize own = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &own) == 0 && own.ws_row > 0 && own.ws_col > 0)
        return newterm(NULL, stdout, stdin);
    window_size(&size[0], &size[1]);
    for (int i = 0; i < 2; i++) {
        const char *value = getenv(names[i]);
        before[i] = value ? strdup(value) : NULL;
        snprintf(number, sizeof number, "%d", size[i]);
        setenv(names[i], number, 1);
    }
    use_env(TRUE);
    use_tioctl(FALSE);
    SCREEN *screen = newterm(NULL, stdout, stdin);
    for (int i = 0; i < 2; i++) {
        if (before[i])
            setenv(names[i], before[i], 1);
        else
            unsetenv(names[i]);
        free(before[i]);
    }
    return screen;
}

/* Keys that terminals send in the same way and that no type's description has, beside those that it
 * has: as xterm and what is like it send them, as rxvt does, and Alt as Esc before a character. Their
 * numbers are above those that ncurses gives out itself. */
enum { OWN_KEYS = KEY_MAX + 0x1000, PASTE_STARTS = INPUT_LAST + 1, PASTE_ENDS };
static const struct own_key {
    const char *sequence;
    int input;
} own_keys[] = {
    {"\033[1;5D", INPUT_WORD_LEFT},  {"\033[1;3D", INPUT_WORD_LEFT},
    {"\033Od", INPUT_WORD_LEFT},     {"\033b", INPUT_WORD_LEFT},
    {"\033[1;5C", INPUT_WORD_RIGHT}, {"\033[1;3C", INPUT_WORD_RIGHT},
    {"\033Oc", INPUT_WORD_RIGHT},    {"\033f", INPUT_WORD_RIGHT},
    {"\033\177", INPUT_WORD_ERASE},  {"\033\b", INPUT_WORD_ERASE},
    {"\033d", INPUT_WORD_DELETE},    {PASTE_START, PASTE_STARTS},
    {PASTE_END, PASTE_ENDS},
};
enum { OWN_KEY_COUNT = sizeof own_keys / sizeof *own_keys };

static void define_own_keys(void)
{
    for (int i = 0; i < OWN_KEY_COUNT; i++)
        define_key(own_keys[i].sequence, OWN_KEYS + i);
}

/* Straight to the terminal; one that is gone is found out by who reads. */
static void put_bytes(const char *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t n = sys.write(STDOUT_FILENO, bytes + done, count - done);
        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){STDOUT_FILENO, POLLOUT, 0}, 1, 100);
        else if (n < 0 && errno != EINTR)
            return;
        else if (n > 0)
            done += (size_t)n;
    }
}

static void put_text(const char *text)
{
    put_bytes(text, strlen(text));
}

/* Raw rather than cbreak: Ctrl-C and Ctrl-Z are keys here, which close what is open and stop in
 * order. */
int terminal_open(bool slow, struct error *err)
{
    enum { QUICK_ESC_MS = 25, SLOW_ESC_MS = 250 };
    setlocale(LC_CTYPE, "");
    struct sigaction change = {.sa_handler =
                                   on_window_change}; /* without SA_RESTART: poll() ends */
    sigaction(SIGWINCH, &change, NULL);               /* before ncurses takes it for itself */
    if (!open_screen())
        return error_set(err, "the terminal could not be opened; is TERM set?");
    struct emit_codes codes;
    type_find_codes(&codes);
    emit_init(&terminal.emitter, &codes);
    terminal.open = true;
    terminal.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    terminal.colors = codes.colors;
    terminal.as_xterm = type_is_as_xterm(getenv("TERM") ? getenv("TERM") : "");
    terminal.notice[0] = '\0';
    terminal.width = terminal.height = 0;
    raw();
    noecho();
    nonl();
    curs_set(0);
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    define_own_keys();
    /* ms after which Esc is the key and not the beginning of another one's sequence */
    set_escdelay(environment_number("ESCDELAY", 0, 5000, slow ? SLOW_ESC_MS : QUICK_ESC_MS,
                                    slow ? "250 ms are" : "25 ms are"));
    refresh();
    follow_window();
    if (terminal.as_xterm)
        put_text(PASTE_ON);
    return 0;
}

/* ncurses does not know what was drawn, so attributes end before it closes. */
void terminal_close(void)
{
    if (!terminal.open)
        return;
    if (terminal.titled)
        put_text(TITLE_BACK);
    if (terminal.as_xterm)
        put_text(PASTE_OFF);
    if (terminal.emitter.codes.plain)
        put_text(terminal.emitter.codes.plain);
    endwin();
    emit_free(&terminal.emitter);
    buffer_free(&terminal.bytes);
    paste_free(&terminal.paste);
    terminal.open = terminal.titled = false;
}

int terminal_colors(void)
{
    return terminal.colors;
}

bool terminal_is_utf8(void)
{
    return terminal.utf8;
}

void terminal_size(int *width, int *height)
{
    *width = terminal.width;
    *height = terminal.height;
}

const char *terminal_notice(void)
{
    return terminal.notice;
}

/* Cell by cell against what is shown. */
size_t terminal_show(const struct canvas *canvas)
{
    struct buffer *bytes = &terminal.bytes;
    buffer_clear(bytes);
    bytes->failed = false;
    emit_canvas(&terminal.emitter, canvas, bytes);
    if (bytes->failed)
        return 0;
    put_bytes(buffer_string(bytes), bytes->length);
    return bytes->length;
}

/* It clears the window first, since whatever made it necessary may have written anywhere. */
void terminal_redraw(void)
{
    emit_forget(&terminal.emitter);
}

/* The title that was there before is kept by the terminal, once, and comes back at the end. */
void terminal_notify(unsigned kinds, const char *title, const char *body)
{
    struct buffer out = BUFFER_INIT;
    if (!terminal.open)
        return;
    if (!terminal.as_xterm)
        kinds &= type_capability("bel") ? NOTIFY_BELL : 0;
    if ((kinds & NOTIFY_TITLE) && !terminal.titled) {
        buffer_text(&out, TITLE_KEEP);
        terminal.titled = true;
    }
    notify_put(&out, kinds, title, body, !terminal.utf8);
    if (!out.failed)
        put_bytes(buffer_string(&out), out.length);
    buffer_free(&out);
}

enum { LONGEST_WAIT_MS = 1000 };

/* A signal (a new window size, an end) that comes between the last look and poll() does not wake
 * it: never longer than a second. */
void terminal_wait(int timeout_ms)
{
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (timeout_ms < 0 || timeout_ms > LONGEST_WAIT_MS)
        timeout_ms = LONGEST_WAIT_MS;
    if (poll(&input, 1, timeout_ms) < 0 && errno != EINTR)
        poll(NULL, 0, 100);
}

static int input_from_key(wint_t key)
{
    static const struct {
        wint_t key;
        int input;
    } table[] = {
        {KEY_UP, INPUT_UP},         {KEY_DOWN, INPUT_DOWN},     {KEY_LEFT, INPUT_LEFT},
        {KEY_RIGHT, INPUT_RIGHT},   {KEY_PPAGE, INPUT_PAGE_UP}, {KEY_NPAGE, INPUT_PAGE_DOWN},
        {KEY_HOME, INPUT_HOME},     {KEY_END, INPUT_END},       {KEY_DC, INPUT_DELETE},
        {KEY_BTAB, INPUT_BACK_TAB}, {KEY_ENTER, INPUT_ENTER},   {KEY_BACKSPACE, INPUT_BACKSPACE},
        {KEY_F(1), INPUT_F1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].key == key)
            return table[i].input;
    if (key >= OWN_KEYS && key < OWN_KEYS + OWN_KEY_COUNT)
        return own_keys[key - OWN_KEYS].input;
    return INPUT_LAST; /* a key that has no meaning here */
}

/* The end of a terminal looks like "nothing yet" to ncurses; poll tells them apart. */
static bool is_closed(void)
{
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    return poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* What has come of a paste, past ncurses, so that no byte of it is a key; a part of it at a time, so that
 * one without an end keeps nobody from leaving. One that nothing comes of any more is given up: it is
 * open still, which is what paste_line() says of it. */
static int read_paste(void)
{
    enum { READS = 20000, QUIET_SECONDS = 5 };
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    char bytes[16];
    for (int i = 0; i < READS && terminal.paste.open; i++) {
        if (poll(&input, 1, 0) <= 0 || !(input.revents & POLLIN))
            break;
        ssize_t count = sys.read(STDIN_FILENO, bytes, paste_room(&terminal.paste));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return INPUT_CLOSED;
        paste_put(&terminal.paste, bytes, (size_t)count);
        terminal.pasted_at = clock_seconds();
    }
    bool given_up = clock_seconds() - terminal.pasted_at > QUIET_SECONDS;
    if (terminal.paste.open && !given_up)
        return is_closed() ? INPUT_CLOSED : INPUT_NONE;
    terminal.pasting = false;
    return INPUT_PASTE;
}

const struct paste *terminal_paste(void)
{
    return &terminal.paste;
}

int terminal_read(void)
{
    wint_t key = 0;
    if (follow_window())
        return INPUT_RESIZE;
    if (terminal.pasting)
        return read_paste();
    int kind = get_wch(&key), input = kind == KEY_CODE_YES ? input_from_key(key) : INPUT_NONE;
    if (input == PASTE_STARTS) {
        paste_begin(&terminal.paste);
        terminal.pasting = true;
        terminal.pasted_at = clock_seconds();
        return read_paste();
    }
    if (kind == KEY_CODE_YES) /* the end of a paste that was given up is a key without a meaning */
        return input == PASTE_ENDS ? INPUT_LAST : input;
    if (kind == OK) /* terminals differ in what Enter and Backspace send */
        return key == '\r' ? INPUT_ENTER : key == '\b' ? INPUT_BACKSPACE : (int)key;
    return is_closed() ? INPUT_CLOSED : INPUT_NONE;
}

/* The whole process group, as the shell sees a job; ncurses comes back by itself with the next
 * refresh. */
void terminal_suspend(void)
{
    if (terminal.as_xterm)
        put_text(PASTE_OFF);
    if (terminal.emitter.codes.plain)
        put_text(terminal.emitter.codes.plain);
    endwin();
    kill(0, SIGTSTP);
    refresh();
    if (terminal.as_xterm)
        put_text(PASTE_ON);
    emit_forget(&terminal.emitter);
}
