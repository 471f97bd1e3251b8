/* Fibers: stacks that a host thread runs in turns, by hand. They stay with their host thread and
 * are used again. Switching is _setjmp() and _longjmp(), which make no system call. */
#ifndef SPECTRUM_TESTS_FIBER_H
#define SPECTRUM_TESTS_FIBER_H

#include <csetjmp>
#include <cstddef>

struct fiber {
    jmp_buf place;
    /* What it runs whenever it is switched to after the last return. */
    void (*body)(void *argument);
    void *argument;
};

/* Fiber `index` of this host thread, made if it is not there yet. It runs nothing. */
struct fiber *fiber_get(size_t index);

/* Goes on with `to`; returns when somebody switches to `from`. */
void fiber_switch(struct fiber *from, struct fiber *to);

/* Ends the process if one of this thread's first `count` fibers ran over its stack's end. */
void fiber_check_stacks(size_t count);

#endif
