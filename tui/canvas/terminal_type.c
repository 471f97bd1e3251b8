#include "tui/canvas/terminal_type.h"

#include "tui/canvas/palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>

const char *type_capability(const char *name)
{
    const char *text = tigetstr(name);
    return text && text != (const char *)-1 && text[0] ? text : NULL;
}

/* By two entries of its description, or by its name; of consoles and of
 * terminals made of glass nothing is known, and nothing is sent. */
bool type_is_as_xterm(const char *type)
{
    static const char *const names[] = {"xterm", "screen", "tmux", "rxvt",  "alacritty", "foot",
                                        "kitty", "st-",    "vte",  "gnome", "konsole",   NULL};
    if (tigetflag("XT") > 0 || type_capability("BE"))
        return true;
    for (int i = 0; names[i]; i++)
        if (strncmp(type, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Without the padding "$<5/>", which hardware of 1978 needed: terminals that want it today stop the
 * sender themselves (XOFF). */
static const char *expand(const char *capability, int first, int second)
{
    static char out[64];
    const char *text = tiparm(capability, first, second);
    size_t used = 0;
    while (text && *text && used + 1 < sizeof out) {
        const char *end = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;
        if (end)
            text = end + 1;
        else
            out[used++] = *text++;
    }
    out[used] = '\0';
    return out;
}

/* A capability without parameters, kept for good; NULL: there is none. */
static const char *plain_capability(const char *name, char *room, size_t size)
{
    const char *text = type_capability(name);
    if (!text)
        return NULL;
    snprintf(room, size, "%s", expand(text, 0, 0));
    return room;
}

/* What most terminals take, and few descriptions say (terminfo's RGB): the environment does, by
 * COLORTERM=truecolor or 24bit. */
static bool has_direct_colors(void)
{
    const char *says = getenv("COLORTERM");
    return says && (strcmp(says, "truecolor") == 0 || strcmp(says, "24bit") == 0);
}

/* As xterm-direct2's setaf and setab: the first eight by their numbers, others as red, green, blue. */
#define DIRECT(eight, other)                                                                       \
    "\033[%?%p1%{8}%<%t" eight "%p1%d%e" other ";2;%p1%{65536}%/%d;%p1%{256}%/%{255}%&%d;"         \
    "%p1%{255}%&%d%;m"

/* Colours count where the terminal can go back from them to its own. */
void type_find_codes(struct emit_codes *codes)
{
    static char room[8][64];
    const char *no_color = getenv("NO_COLOR");
    int colors = tigetnum("colors");
    *codes = (struct emit_codes){
        .move = type_capability("cup"),
        .column = type_capability("hpa"),
        .right = type_capability("cuf"),
        .clear = plain_capability("clear", room[0], sizeof room[0]),
        .clear_line = plain_capability("el", room[1], sizeof room[1]),
        .erase = type_capability("ech"),
        .plain = plain_capability("sgr0", room[2], sizeof room[2]),
        .bold = plain_capability("bold", room[3], sizeof room[3]),
        .dim = plain_capability("dim", room[4], sizeof room[4]),
        .underline = plain_capability("smul", room[5], sizeof room[5]),
        .reverse = plain_capability("rev", room[6], sizeof room[6]),
        .own_both = plain_capability("op", room[7], sizeof room[7]),
        .foreground = type_capability("setaf"),
        .background = type_capability("setab"),
        .fills = tigetflag("bce") > 0,
        .no_end = tigetflag("am") > 0 && tigetflag("xenl") <= 0,
        .expand = expand,
    };
    if (!(no_color && no_color[0]) && colors >= 8 && codes->foreground && codes->background)
        codes->colors = colors;
    if (codes->colors > 0 && colors < DIRECT_COLORS && has_direct_colors()) {
        codes->colors = DIRECT_COLORS;
        codes->foreground = DIRECT("3", "38");
        codes->background = DIRECT("4", "48");
    }
}
