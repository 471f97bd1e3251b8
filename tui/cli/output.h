/* Text on standard output: what --json says, and what another program reads. Whether it could be
 * written is for main() to say, once for all. */
#ifndef SPECTRUM_TUI_CLI_OUTPUT_H
#define SPECTRUM_TUI_CLI_OUTPUT_H

#include "base/json_writer.h"

/* Prints the text and frees it. -1 where it is not whole: nothing is printed then. */
int output_text(struct buffer *text, struct error *err);

/* The same of JSON whose last json_end() was called, and its line's end. */
int output_json(struct json_writer *json, struct error *err);

#endif
