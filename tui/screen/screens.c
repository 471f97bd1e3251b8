#include "tui/screen/screens.h"

const struct app_screens screens = {
    .open_library = screen_open_library,
    .open_model = screen_open_model,
    .open_watch = screen_open_watch,
    .open_help = screen_open_help,
};
