/* A small parent that watches over the process of the full screen and brings the terminal back,
 * whatever ends that.
 *
 *     parent (watchdog_run)                      child (run)
 *     blocks signals, forks  ----------------->  catches them, opens the terminal, loops
 *     hands each signal that asks for an end on  leaves the loop, closes the terminal
 *     waits  <---------------------------------  ends: status 0, or 1 and its error in a pipe
 *     ended otherwise: terminal_restore(), and says by what it was ended
 *
 * A process that is killed (SIGKILL, out of memory, a fault) cannot restore its terminal itself,
 * and a handler of a fault may call next to nothing; so the one that restores is another process,
 * which looked up what to write while all was well. It holds no model and no plan: nothing there
 * can fail when the screen does. If the parent is killed, the child gets TERM and closes in order.
 */
#ifndef SPECTRUM_TUI_APP_WATCHDOG_H
#define SPECTRUM_TUI_APP_WATCHDOG_H

#include "base/error.h"

/* Runs `run(context, err)` in a child and hands on how it ended, message included. To be called
 * after terminal_restore_prepare() and before any thread is started. */
int watchdog_run(int (*run)(void *context, struct error *err), void *context, struct error *err);

#endif
