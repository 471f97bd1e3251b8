/* Lines on standard error. They may hold paths and what files say, so nothing in them reaches the
 * terminal but text: control characters become '?'. */
#ifndef SPECTRUM_TUI_CLI_MESSAGE_H
#define SPECTRUM_TUI_CLI_MESSAGE_H

/* A line, its end comes by itself. */
void message_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for those who watch and are told: `context` is not used. */
void message_say(void *context, const char *line);

#endif
