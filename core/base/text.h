/* Strings: the few questions that the C library leaves open. */
#ifndef SPECTRUM_BASE_TEXT_H
#define SPECTRUM_BASE_TEXT_H

#include <stdbool.h>

/* "model.gguf" ends with ".gguf"; so does ".gguf" alone. */
bool text_ends_with(const char *text, const char *end);

#endif
