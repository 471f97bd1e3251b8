/* Paths as they are typed and told apart. */
#ifndef SPECTRUM_TUI_APP_PATH_H
#define SPECTRUM_TUI_APP_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Adds what all entries that begin as the path does have in common, and "/" behind a folder that is
 * the only one. False: there is nothing to add. */
bool path_complete(char *path, size_t size);

/* A path that was typed with "~" in front, in place (base/xdg.h); one that would not fit stays. */
void path_expand(char *path, size_t size);

/* "plan.json" ends with ".json"; ".json" alone does not: it has no name before it. */
bool path_ends_with(const char *path, const char *tail);

#endif
