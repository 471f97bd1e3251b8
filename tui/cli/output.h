/* What a command prints: results on standard output, everything else on standard error.
 *
 * Results are made whole in memory before the first byte is printed, so that a command that fails
 * prints nothing which another program might take for a result. Whether standard output could be
 * written is for main() to say, once for all (process_end()). Messages may hold paths and what
 * files say, so nothing in them reaches the terminal but text: control characters become '?'.
 */
#ifndef SPECTRUM_TUI_CLI_OUTPUT_H
#define SPECTRUM_TUI_CLI_OUTPUT_H

#include "base/json_writer.h"

/* --- results --- */

/* Prints the text and frees it. -1 where it is not whole: nothing is printed then. */
int output_text(struct buffer *text, struct error *err);

/* The same of JSON whose last json_end() was called, and its line's end. */
int output_json(struct json_writer *json, struct error *err);

/* --- messages --- */

/* A line on standard error; its end comes by itself. */
void message_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same as a callback: `context` is not used. */
void message_say(void *context, const char *line);

#endif
