/* INT and TERM as a flag that long work looks at between two steps. */
#ifndef SPECTRUM_TUI_CLI_INTERRUPT_H
#define SPECTRUM_TUI_CLI_INTERRUPT_H

#include <signal.h>

/* From now on INT, TERM and HUP set the flag that this returns; a second INT kills. */
const volatile sig_atomic_t *interrupt_watch(void);

#endif
