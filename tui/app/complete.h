/* Completing a path that is being typed. */
#ifndef SPECTRUM_TUI_APP_COMPLETE_H
#define SPECTRUM_TUI_APP_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

/* Adds what all entries that begin as the path does have in common, and "/" behind a folder that is
 * the only one. False: there is nothing to add. */
bool path_complete(char *path, size_t size);

#endif
