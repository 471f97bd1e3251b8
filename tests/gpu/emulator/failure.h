/* What a device would answer with silence, wrong numbers or a hang ends the process here. */
#ifndef SPECTRUM_TESTS_FAILURE_H
#define SPECTRUM_TESTS_FAILURE_H

[[noreturn]] void emulated_abort(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
