/* Telling a user who looks elsewhere that something has ended: a bell, the window's title, a
 * notification of the desktop. Nobody is told who did not ask, by $SPECTRUM_NOTIFY or the key B.
 *
 *     notice_kinds()                     which ways, by the environment
 *     notice_put(&app->notice, ...)      where an end is seen (app_tick(), the watch screen)
 *     the loop hands it to the terminal (canvas/notify.h) and clears it; a script has no terminal
 *
 * An end is a change from one look to the next, so what had ended before it was opened is no news.
 */
#ifndef SPECTRUM_TUI_APP_NOTICE_H
#define SPECTRUM_TUI_APP_NOTICE_H

#include "tui/canvas/notify.h"
#include "tui/session/job_follow.h"

/* Born as {0}. The texts may be anything: notify_put() makes them fit for a terminal. */
struct notice {
    unsigned kinds; /* enum notify_kind bits; 0: nobody is told */
    char title[ERROR_TEXT_MAX];
    char body[ERROR_TEXT_MAX]; /* "": there is nothing to tell */
};

/* Names separated by commas: bell, title, osc9, osc777; "all" is all of them, "" and "off" none. */
int notice_kinds(unsigned *out, const char *names, struct error *err);

/* What B switches on where the environment names none. */
enum { NOTICE_USUAL = NOTIFY_BELL | NOTIFY_TITLE | NOTIFY_OSC_9 };

/* Tells how a job ended, if anybody asked. */
void notice_put(struct notice *notice, const struct job_follow *job);

#endif
