#include "tui/theme/theme.h"

#include "base/file.h"
#include "base/sys.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THEME_FILE_MAX = 64 * 1024 };

/* A role's key in theme files, and how it stands out where there is no colour. */
static const struct {
    const char *key;
    unsigned mono;
} roles[THEME_ROLES] = {
    [THEME_BACKGROUND] = {"background", 0},
    [THEME_TEXT] = {"text", 0},
    [THEME_DIM] = {"dim", 0},
    [THEME_TITLE] = {"title", ATTRIBUTE_BOLD},
    [THEME_BORDER] = {"border", 0},
    [THEME_ACCENT] = {"accent", ATTRIBUTE_BOLD},
    [THEME_SELECTED] = {"selected", ATTRIBUTE_REVERSE},
    [THEME_CURSOR] = {"cursor", ATTRIBUTE_REVERSE},
    [THEME_STATUS] = {"status", ATTRIBUTE_REVERSE},
    [THEME_STATUS_BACKGROUND] = {"status_background", ATTRIBUTE_REVERSE},
    [THEME_GOOD] = {"good", 0},
    [THEME_WARNING] = {"warning", ATTRIBUTE_BOLD},
    [THEME_ERROR] = {"error", ATTRIBUTE_BOLD | ATTRIBUTE_REVERSE},
    [THEME_TRAINED] = {"trained", ATTRIBUTE_BOLD},
    [THEME_UNKNOWN] = {"unknown", 0},
    [THEME_SERIES] = {"series", 0},
    [THEME_SERIES_FAINT] = {"series_faint", 0},
    [THEME_SERIES_OTHER] = {"series_other", ATTRIBUTE_BOLD},
    [THEME_THRESHOLD] = {"threshold", ATTRIBUTE_BOLD},
    [THEME_WEIGHTS] = {"weights", 0},
    [THEME_MASTERS] = {"masters", 0},
    [THEME_GRADIENTS] = {"gradients", 0},
    [THEME_OPTIMIZER] = {"optimizer", 0},
    [THEME_ACTIVATIONS] = {"activations", 0},
    [THEME_WORKSPACE] = {"workspace", 0},
    [THEME_HEAT_START] = {"heat_start", 0},
    [THEME_HEAT_MID] = {"heat_mid", 0},
    [THEME_HEAT_END] = {"heat_end", 0},
};

/* The terminal's own colours for everything. */
void theme_plain(struct theme *theme)
{
    snprintf(theme->name, sizeof theme->name, "plain");
    for (int i = 0; i < THEME_ROLES; i++)
        theme->colors[i] = COLOR_DEFAULT;
}

/* Takes blanks off both ends of [*start, *end). A carriage return is one: the file may be another
 * system's. */
static void trim(const char **start, const char **end)
{
    while (*start < *end && strchr(" \t\r", **start))
        (*start)++;
    while (*end > *start && strchr(" \t\r", (*end)[-1]))
        (*end)--;
}

/* One line, [start, end): a comment, nothing, or a role and its colour. A key that no role has is
 * an error, as it is most often one that was mistyped. */
static int line_parse(struct theme *theme, const char *start, const char *end, int number,
                      const char *where, struct error *err)
{
    trim(&start, &end);
    if (start == end || *start == '#')
        return 0;
    const char *equals = memchr(start, '=', (size_t)(end - start));
    if (!equals)
        return error_set(err, "%s:%d: expected key = #RRGGBB", where, number);
    const char *key_end = equals, *value = equals + 1;
    trim(&start, &key_end);
    trim(&value, &end);
    int role = 0;
    size_t length = (size_t)(key_end - start);
    while (role < THEME_ROLES &&
           (strlen(roles[role].key) != length || memcmp(roles[role].key, start, length) != 0))
        role++;
    if (role == THEME_ROLES)
        return error_set(err,
                         "%s:%d: \"%.*s\" is not a colour of a theme (themes/dark.theme has "
                         "them all)",
                         where, number, (int)(key_end - start), start);
    /* "#RRGGBB", or nothing */
    char digits[7] = "";
    length = (size_t)(end - value);
    bool right = length == 7 && value[0] == '#' && strspn(value + 1, "0123456789abcdefABCDEF") >= 6;
    if (right)
        memcpy(digits, value + 1, 6);
    if (right || length == 0)
        theme->colors[role] = right ? (int32_t)strtol(digits, NULL, 16) : COLOR_DEFAULT;
    else
        return error_set(err,
                         "%s:%d: \"%.*s\" is not a colour; expected #RRGGBB, or nothing for "
                         "the terminal's own",
                         where, number, (int)(end - value), value);
    return 0;
}

/* Line by line, over a plain theme: a role that the text does not name is the terminal's own. */
int theme_parse(struct theme *theme, const char *name, const char *text, const char *where,
                struct error *err)
{
    theme_plain(theme);
    snprintf(theme->name, sizeof theme->name, "%s", name);
    int number = 1;
    for (const char *line = text; *line; number++) {
        const char *end = line + strcspn(line, "\n");
        if (line_parse(theme, line, end, number, where, err) < 0)
            return -1;
        line = *end ? end + 1 : end;
    }
    return 0;
}

enum { THEME_PLACES = 3 };
static const char theme_ending[] = ".theme";

/* Where themes lie: 0, the user's own; 1, the installed program's; 2, the source's, so that a build
 * runs without being installed. False: there is no such place. */
static bool theme_folder(char *out, size_t size, int place)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int length = -1;
    if (place == 0 && config && config[0])
        length = snprintf(out, size, "%s/spectrum/themes", config);
    else if (place == 0 && home && home[0])
        length = snprintf(out, size, "%s/.config/spectrum/themes", home);
    else if (place == 1)
        length = snprintf(out, size, "%s", SPECTRUM_THEME_DIR);
    else if (place == 2)
        length = snprintf(out, size, "%s/themes", SPECTRUM_SOURCE_DIR);
    return length > 0 && (size_t)length < size;
}

static bool theme_path(char *out, size_t size, int place, const char *name)
{
    char folder[4096];
    if (!theme_folder(folder, sizeof folder, place))
        return false;
    int length = snprintf(out, size, "%s/%s%s", folder, name, theme_ending);
    return length > 0 && (size_t)length < size;
}

/* Of each place where themes lie; a name may come twice, and the first is the one that counts. */
void theme_each_name(void (*take)(void *context, const char *name), void *context)
{
    char folder[4096], name[256];
    for (int place = 0; place < THEME_PLACES; place++) {
        DIR *open = theme_folder(folder, sizeof folder, place) ? sys.opendir(folder) : NULL;
        for (struct dirent *at; open && (at = sys.readdir(open));) {
            size_t length = strlen(at->d_name), end = sizeof theme_ending - 1;
            if (length <= end || !text_ends_with(at->d_name, theme_ending) || at->d_name[0] == '.')
                continue;
            snprintf(name, sizeof name, "%.*s", (int)(length - end), at->d_name);
            take(context, name);
        }
        if (open)
            sys.closedir(open);
    }
}

/* A name is a name, not a path: what is typed after :theme reads no other file. */
int theme_load(struct theme *theme, const char *name, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    char path[4096];
    bool plain_name = name[0] && name[0] != '.' && !strchr(name, '/');
    for (int place = 0; plain_name && place < THEME_PLACES; place++) {
        if (!theme_path(path, sizeof path, place, name) || sys.access(path, R_OK) != 0)
            continue;
        int status = file_read_text(&text, path, THEME_FILE_MAX, err);
        if (status == 0)
            status = theme_parse(theme, name, buffer_string(&text), path, err);
        buffer_free(&text);
        return status;
    }
    return error_set(err, "theme \"%s\" was not found; there are dark, light and mono", name);
}

bool theme_is_mono(const struct theme *theme)
{
    return theme->colors[THEME_HEAT_START] < 0;
}

/* Without colours, both roles' attributes: text on a selected line is reversed, whatever it is. */
struct style theme_style_on(const struct theme *theme, enum theme_role role,
                            enum theme_role background)
{
    struct style style = {theme->colors[role], theme->colors[background], 0};
    if (theme_is_mono(theme))
        style.attributes = roles[role].mono | roles[background].mono;
    else if (role == THEME_TITLE || role == THEME_CURSOR)
        style.attributes = ATTRIBUTE_BOLD;
    return style;
}

struct style theme_style(const struct theme *theme, enum theme_role role)
{
    return theme_style_on(theme, role, THEME_BACKGROUND);
}

/* a + (b - a) t, for red, green and blue. */
static int32_t color_mix(int32_t a, int32_t b, double t)
{
    int32_t out = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        double from = a >> shift & 255, to = b >> shift & 255;
        out |= (int32_t)(from + (to - from) * t + 0.5) << shift;
    }
    return out;
}

/* From start over middle to end; where the theme lacks one of the latter two, the end alone. */
int32_t theme_heat(const struct theme *theme, double t)
{
    const int32_t *c = theme->colors;
    if (theme_is_mono(theme))
        return COLOR_DEFAULT;
    if (!(t > 0))
        return c[THEME_HEAT_START];
    if (c[THEME_HEAT_MID] < 0 || c[THEME_HEAT_END] < 0 || t >= 1)
        return c[THEME_HEAT_END];
    if (t < 0.5)
        return color_mix(c[THEME_HEAT_START], c[THEME_HEAT_MID], 2 * t);
    return color_mix(c[THEME_HEAT_MID], c[THEME_HEAT_END], 2 * t - 1);
}

/* By the luma of the background, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), of 255: above one half
 * black can be read. */
int32_t color_contrast(int32_t background)
{
    int red = background >> 16 & 255, green = background >> 8 & 255, blue = background & 255;
    return 299 * red + 587 * green + 114 * blue > 128000 ? 0x101010 : 0xFFFFFF;
}
