/* Errors are values.
 *
 * Every function that can fail takes a `struct error *` as its last argument and returns 0 on
 * success, -1 on failure (or NULL where it returns a pointer). The message is set once, where the
 * failure happens, and says what, where, what was expected and what to do; callers on the way up
 * may put context in front of it with error_prefix(). The caller owns the struct; it needs no
 * cleanup. A NULL error pointer is allowed everywhere and means "I do not want the text".
 */
#ifndef SPECTRUM_BASE_ERROR_H
#define SPECTRUM_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ERROR_TEXT_MAX 640

enum error_kind {
    ERROR_NONE = 0,
    ERROR_FAILED,      /* it could not be done; exit status 1 */
    ERROR_NOT_FINITE,  /* numbers have NaN or Inf, the text says where; exit status 1 */
    ERROR_USAGE,       /* the caller asked for something that does not make sense; exit status 2 */
    ERROR_INTERRUPTED, /* stopped by request, nothing lost; exit status 130 */
    ERROR_NOT_HERE,    /* a device cannot do this one, another can; exit status 1 */
    ERROR_BOUND,       /* a bound that keeps what comes from files in check; exit status 1 */
    ERROR_DEVICE,      /* a device is busy, or is gone; exit status 1 */
    ERROR_NO_ROOM,     /* a disk, or a quota of it, is full; exit status 1 */
    ERROR_NOT_STARTED, /* what it was to come after did not complete; exit status 1 */
};

struct error {
    enum error_kind kind;
    char text[ERROR_TEXT_MAX]; /* one line of UTF-8 without control characters */
};

#define ERROR_INIT                                                                                 \
    {                                                                                              \
        ERROR_NONE,                                                                                \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Sets the message (kind ERROR_FAILED) and returns -1, so that `return error_set(err, ...)` reads
 * well. Control characters and invalid UTF-8 that arrive through %s are replaced by '?'. */
int error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with another kind. */
int error_set_kind(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* error_set() with ": <strerror(errno_value)>" after it, and ERROR_NO_ROOM where that is what it
 * means. */
int error_set_errno(struct error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Why a system call failed, where its errno says too little: the next error_set_errno() of this
 * thread with that errno says this in strerror()'s place. For whoever refuses in the system's place
 * (confine.h); 0 forgets it. */
void error_explain(int errno_value, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "not enough memory", for whoever cannot say of what. */
int error_no_memory(struct error *err);

/* Puts "<prefix>: " in front of the message that is already there; returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* clang's analyzer reads one file at a time: without this it follows paths on which a function that
 * has just set an error succeeds. */
#ifdef __clang_analyzer__
#define error_set(...) ((error_set)(__VA_ARGS__), -1)
#define error_set_kind(...) ((error_set_kind)(__VA_ARGS__), -1)
#define error_set_errno(...) ((error_set_errno)(__VA_ARGS__), -1)
#define error_no_memory(err) ((error_no_memory)(err), -1)
#define error_prefix(...) ((error_prefix)(__VA_ARGS__), -1)
#endif

#endif
