/* Numbers as people write them, in decimal: the one reader of what stands on command lines, in
 * fields, and as a text in files. What strtod() and strtoll() take besides, leading blanks,
 * hexadecimal, "inf" and "nan", is no number here. */
#ifndef SPECTRUM_BASE_DECIMAL_H
#define SPECTRUM_BASE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* The number that the whole text is: a sign, digits, a point and more digits ("5", "-0.5", ".5",
 * "5."), and an exponent ("3e-4"); false, and *out is left, where it is none, or one that a double
 * cannot hold (1e400, 1e-400). */
bool decimal_read(double *out, const char *text);

/* The same of a percentage, which a "%" may follow: "25", "25%", "25 %". */
bool decimal_read_percent(double *out, const char *text);

/* The same of a whole number: a sign and digits, within 64 bits. */
bool decimal_read_whole(int64_t *out, const char *text);

/* "1,234,567", for an argument of printf: decimal_text(n).text. So counts are shown to people, on
 * the screen and in the lines of commands. */
struct decimal_text {
    char text[28];
};
struct decimal_text decimal_text(int64_t number);

/* The order of names that have numbers in them: "layers.2" before "layers.10". As strcmp(). */
int decimal_compare_names(const char *a, const char *b);

#endif
