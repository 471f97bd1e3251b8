/* Text for those who would read more into it than it says: YAML and the shell.
 *
 * Names come from files, and "a #1" in YAML is "a", "1e3" a number, "$(x)" in a shell a command.
 * What reads as itself stays as it is, so that ordinary names look ordinary.
 */
#ifndef SPECTRUM_BASE_QUOTE_H
#define SPECTRUM_BASE_QUOTE_H

#include "base/buffer.h"

/* A scalar of a block list or mapping, on one line: plain where every reader of YAML 1.1 or 1.2
 * takes that for just this text, else between double quotes. An invalid byte becomes U+FFFD: YAML
 * has none. */
void quote_put_yaml(struct buffer *out, const char *text);

/* Between single quotes of sh, bash and zsh. */
void quote_put_shell(struct buffer *out, const char *text);

/* One word of a shell's line: as it is where that means nothing to a shell, else between quotes. */
void quote_put_shell_word(struct buffer *out, const char *text);

#endif
