/* A small parent that watches over the process of the full screen and brings the terminal back,
 * whatever ends that. */
#ifndef SPECTRUM_TUI_APP_GUARD_H
#define SPECTRUM_TUI_APP_GUARD_H

#include "base/error.h"

/* Runs `run(context, err)` in a child and hands on how it ended, message included. To be called
 * after terminal_restore_prepare() and before any thread is started. */
int guard_run(int (*run)(void *context, struct error *err), void *context, struct error *err);

#endif
