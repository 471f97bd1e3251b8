/* A theme's file, and every colour that is made of what it says. */
#include "fuzz.h"

#include "tui/theme/theme.h"

#include <math.h>

/* The terminal's own, or one of 24 bits. */
static void check_color(int32_t color)
{
    if (color != COLOR_DEFAULT && (color < 0 || color > 0xFFFFFF))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double places[] = {-1, 0, 0.25, 0.5, 0.75, 1, 2, INFINITY, NAN};
    struct theme theme;
    struct error err = ERROR_INIT;
    char *text = fuzz_text(data, size);
    bool read = fuzz_ok(theme_parse(&theme, "fuzz", text, "fuzz.theme", &err), &err);
    free(text);
    if (!read)
        return 0;
    for (int i = 0; i < THEME_ROLES; i++) {
        check_color(theme.colors[i]);
        if (theme.colors[i] != COLOR_DEFAULT)
            check_color(color_contrast(theme.colors[i]));
        for (int j = 0; j < THEME_ROLES; j++)
            theme_style_on(&theme, (enum theme_role)i, (enum theme_role)j);
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        check_color(theme_heat(&theme, places[i]));
    return 0;
}
