/* Where this program keeps what it makes (XDG Base Directory Specification). */
#ifndef SPECTRUM_BASE_XDG_H
#define SPECTRUM_BASE_XDG_H

#include "base/error.h"

/* "$XDG_CACHE_HOME/spectrum/<below>" (~/.cache) and "$XDG_STATE_HOME/spectrum/<below>"
 * (~/.local/state), made if missing. Newly allocated; NULL and an error where no home is known or
 * the folder cannot be made. */
char *xdg_cache_folder(const char *below, struct error *err);
char *xdg_state_folder(const char *below, struct error *err);

#endif
