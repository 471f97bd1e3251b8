#include "tui/canvas/terminal.h"

#include "base/text.h"

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
 *   2. `shown` is what ncurses was last told, cell by cell; a cell that has not changed is not
 *      sent, so a screen on which nothing happens writes nothing.
 *   3. Colour pairs are handed out on first use and never freed: a theme has a few dozen colours,
 *      and a terminal that has run out of pairs shows the rest in its own colours.
 *   4. What brings the terminal back is looked up before it is opened, and written without ncurses:
 *      that is the watching parent's, whose child may be gone in the middle of anything.
 */
static struct {
    bool open, utf8, color;
    struct canvas shown;
    bool all;          /* forget what was shown */
    int width, height; /* what ncurses draws in: window_size() when it was asked last */
    char notice[160];
    struct {
        int fg, bg; /* palette numbers, -1: default */
    } pairs[4096];
    int pair_count;
} terminal;

static struct {
    struct termios modes;
    bool known;
    char text[256];
    size_t length;
} restore;

/* Adds a capability of the terminal by its name, if it has that: leaving attributes (sgr0), keypad
 * (rmkx), a visible cursor (cnorm), the other screen (rmcup). */
static void restore_append(const char *name)
{
    const char *text = tigetstr(name);
    if (!text || text == (char *)-1)
        return;
    size_t length = strlen(text);
    if (restore.length + length < sizeof restore.text) {
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
    const char *move = tigetstr("cup");
    if (!move || move == (char *)-1)
        return error_set(
            err,
            "TERM: a terminal of type \"%.60s\" cannot place its cursor, which the full "
            "screen needs; set TERM (xterm, screen, linux, vt100)",
            type);
    restore.known = tcgetattr(STDIN_FILENO, &restore.modes) == 0;
    restore.length = 0;
    restore_append("sgr0");
    restore_append("rmkx");
    restore_append("cnorm");
    restore_append("rmcup");
    return 0;
}

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
    char *end = NULL;
    if (!text || !text[0])
        return otherwise;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end != text && !*end && errno == 0 && number >= least && number <= most)
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
    resize_term(height, width);
    terminal.all = true;
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
 * has: as xterm and what is like it send them, as rxvt does, and Alt as Esc before a character. Numbers
 * above those that ncurses gives out itself. */
enum { OWN_KEYS = KEY_MAX + 0x1000 };
static const struct own_key {
    const char *sequence;
    int input;
} own_keys[] = {
    {"\033[1;5D", INPUT_WORD_LEFT},  {"\033[1;3D", INPUT_WORD_LEFT},
    {"\033Od", INPUT_WORD_LEFT},     {"\033b", INPUT_WORD_LEFT},
    {"\033[1;5C", INPUT_WORD_RIGHT}, {"\033[1;3C", INPUT_WORD_RIGHT},
    {"\033Oc", INPUT_WORD_RIGHT},    {"\033f", INPUT_WORD_RIGHT},
    {"\033\177", INPUT_WORD_ERASE},  {"\033\b", INPUT_WORD_ERASE},
    {"\033d", INPUT_WORD_DELETE},
};
enum { OWN_KEY_COUNT = sizeof own_keys / sizeof *own_keys };

static void define_own_keys(void)
{
    for (int i = 0; i < OWN_KEY_COUNT; i++)
        define_key(own_keys[i].sequence, OWN_KEYS + i);
}

/* Raw rather than cbreak: Ctrl-C and Ctrl-Z are keys here, which close what is open and stop in
 * order. */
int terminal_open(struct error *err)
{
    setlocale(LC_CTYPE, "");
    terminal.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    struct sigaction change = {.sa_handler =
                                   on_window_change}; /* without SA_RESTART: poll() ends */
    sigaction(SIGWINCH, &change, NULL);               /* before ncurses takes it for itself */
    if (!open_screen())
        return error_set(err, "the terminal could not be opened; is TERM set?");
    terminal.open = true;
    terminal.notice[0] = '\0';
    terminal.width = terminal.height = 0;
    follow_window();
    raw();
    noecho();
    nonl();
    curs_set(0);
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    define_own_keys();
    /* ms after which Esc is the key and not the beginning of another one's sequence: 25 suits all
     * but slow lines */
    set_escdelay(environment_number("ESCDELAY", 0, 5000, 25, "25 ms are"));
    const char *no_color = getenv("NO_COLOR");
    terminal.color = has_colors() && !(no_color && no_color[0]);
    if (terminal.color) {
        start_color();
        use_default_colors();
    }
    terminal.all = true;
    terminal.pair_count = 0;
    return 0;
}

void terminal_close(void)
{
    if (!terminal.open)
        return;
    endwin();
    terminal.open = false;
    canvas_free(&terminal.shown);
}

bool terminal_has_color(void)
{
    return terminal.color;
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

/* How unlike two colours look: squares of the differences, weighted 2:4:3, as eyes see green best
 * and red least well. Only compared, so there is no root. */
static int distance(int32_t color, int red, int green, int blue)
{
    int dr = (color >> 16 & 255) - red, dg = (color >> 8 & 255) - green, db = (color & 255) - blue;
    return 2 * dr * dr + 4 * dg * dg + 3 * db * db;
}

/* Of xterm's palette: 16 to 231 are a cube of six levels a colour, 232 to 255 greys from 8 in steps
 * of 10. The first 16 are the user's own and may be anything. */
static int nearest_256(int32_t color)
{
    static const int levels[6] = {0, 95, 135, 175, 215, 255};
    int best = 16, best_distance = INT_MAX;
    for (int i = 16; i < 256; i++) {
        int cube = i - 16, grey = 8 + 10 * (i - 232);
        int red = i < 232 ? levels[cube / 36] : grey, green = i < 232 ? levels[cube / 6 % 6] : grey;
        int d = distance(color, red, green, i < 232 ? levels[cube % 6] : grey);
        if (d < best_distance) {
            best_distance = d;
            best = i;
        }
    }
    return best;
}

/* Of eight colours, bit 0 red, bit 1 green, bit 2 blue, and eight brighter ones, as most terminals
 * have them. */
static int nearest_16(int32_t color, int count)
{
    int best = 0, best_distance = INT_MAX;
    for (int i = 0; i < count; i++) {
        int on = i < 8 ? 170 : 255, off = i < 8 ? 0 : 85;
        int d = distance(color, i & 1 ? on : off, i & 2 ? on : off, i & 4 ? on : off);
        if (d < best_distance) {
            best_distance = d;
            best = i;
        }
    }
    return best;
}

/* Themes hold a few dozen colours and a gradient: a small direct-mapped cache is enough. */
static int palette_number(int32_t color)
{
    static struct {
        int32_t color;
        int number;
        bool valid;
    } cache[256];
    if (color < 0)
        return -1;
    unsigned slot = ((unsigned)color * 2654435761u) >> 24;
    if (!cache[slot].valid || cache[slot].color != color) {
        cache[slot].color = color;
        cache[slot].number =
            COLORS >= 256 ? nearest_256(color) : nearest_16(color, COLORS < 16 ? 8 : 16);
        cache[slot].valid = true;
    }
    return cache[slot].number;
}

/* ncurses colours by pairs of palette numbers; 0 is the terminal's own two. */
static int pair_number(struct style style)
{
    if (!terminal.color)
        return 0;
    int fg = palette_number(style.fg), bg = palette_number(style.bg);
    if (fg < 0 && bg < 0)
        return 0;
    for (int i = 0; i < terminal.pair_count; i++)
        if (terminal.pairs[i].fg == fg && terminal.pairs[i].bg == bg)
            return i + 1;
    int capacity = (int)(sizeof terminal.pairs / sizeof *terminal.pairs);
    if (terminal.pair_count >= capacity || terminal.pair_count + 1 >= COLOR_PAIRS)
        return 0;
    terminal.pairs[terminal.pair_count].fg = fg;
    terminal.pairs[terminal.pair_count].bg = bg;
    terminal.pair_count++;
    init_extended_pair(terminal.pair_count, fg, bg);
    return terminal.pair_count;
}

static attr_t attribute_bits(unsigned attributes)
{
    attr_t bits = A_NORMAL;
    if (attributes & ATTRIBUTE_BOLD)
        bits |= A_BOLD;
    if (attributes & ATTRIBUTE_DIM)
        bits |= A_DIM;
    if (attributes & ATTRIBUTE_UNDERLINE)
        bits |= A_UNDERLINE;
    if (attributes & ATTRIBUTE_REVERSE)
        bits |= A_REVERSE;
    return bits;
}

/* A cell's text is one grapheme: a character, and marks that combine with it. */
static void cell_send(int x, int y, const struct cell *cell)
{
    wchar_t wide[CCHARW_MAX + 1];
    size_t count = 0, length = strlen(cell->text);
    if (length == 0)
        return; /* the right half of the character before it */
    for (size_t at = 0; at < length && count < CCHARW_MAX;) {
        int32_t code = -1;
        at += utf8_decode(cell->text + at, length - at, &code);
        wide[count++] = code < 0 ? L'?' : (wchar_t)code;
    }
    wide[count] = L'\0';
    int pair = pair_number(cell->style);
    cchar_t out;
    if (setcchar(&out, wide, attribute_bits(cell->style.attributes), (short)pair, &pair) == OK)
        mvadd_wch(y, x, &out);
}

/* Cell by cell against what is shown. A forced redraw clears the terminal, too, since whatever made
 * it necessary may have written anywhere. */
void terminal_show(const struct canvas *canvas)
{
    struct canvas *shown = &terminal.shown;
    bool resized = shown->width != canvas->width || shown->height != canvas->height;
    if (resized && canvas_resize(shown, canvas->width, canvas->height, NULL) < 0)
        return;
    bool all = terminal.all || resized, changed = all;
    if (terminal.all)
        clearok(stdscr, TRUE);
    terminal.all = false;
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++) {
            size_t at = (size_t)y * (size_t)canvas->width + (size_t)x;
            if (!all && cell_equal(&canvas->cells[at], &shown->cells[at]))
                continue;
            cell_send(x, y, &canvas->cells[at]);
            shown->cells[at] = canvas->cells[at];
            changed = true;
        }
    if (changed)
        refresh();
}

void terminal_redraw(void)
{
    terminal.all = true;
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
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].key == key)
            return table[i].input;
    if (key >= OWN_KEYS && key < OWN_KEYS + OWN_KEY_COUNT)
        return own_keys[key - OWN_KEYS].input;
    return INPUT_LAST; /* a key that has no meaning here */
}

int terminal_read(void)
{
    wint_t key = 0;
    if (follow_window())
        return INPUT_RESIZE;
    int kind = get_wch(&key);
    if (kind == KEY_CODE_YES)
        return input_from_key(key);
    if (kind == OK) /* terminals differ in what Enter and Backspace send */
        return key == '\r' ? INPUT_ENTER : key == '\b' ? INPUT_BACKSPACE : (int)key;
    /* An end of input looks like "nothing yet" to ncurses; poll tells them apart. */
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    bool closed = poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL));
    return closed ? INPUT_CLOSED : INPUT_NONE;
}

/* The whole process group, as the shell sees a job; ncurses comes back by itself with the next
 * refresh. */
void terminal_suspend(void)
{
    endwin();
    kill(0, SIGTSTP);
    terminal.all = true;
    refresh();
}
