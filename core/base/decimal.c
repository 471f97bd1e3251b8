#include "base/decimal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* How many bytes at the beginning of a text are a number; 0: none are. */
static size_t number_length(const char *text)
{
    const char *at = text + (*text == '+' || *text == '-');
    size_t whole = digits(at), fraction = at[whole] == '.' ? digits(at + whole + 1) : 0;
    if (whole + fraction == 0)
        return 0;
    at += whole + (at[whole] == '.') + fraction;
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1 + (at[1] == '+' || at[1] == '-');
        if (digits(exponent) > 0)
            at = exponent + digits(exponent);
    }
    return (size_t)(at - text);
}

/* The number of number_length() bytes that a text begins with. strtod() would say 0 of 1e-400, and
 * infinity of 1e400. */
static bool read_first(double *out, const char *text)
{
    double value = strtod(text, NULL);
    char first = text[strcspn(text, "123456789eE")]; /* that is not 0, of the number itself */
    if (!isfinite(value) || (value == 0 && first >= '1' && first <= '9'))
        return false;
    *out = value;
    return true;
}

bool decimal_read(double *out, const char *text)
{
    size_t length = number_length(text);
    return length > 0 && !text[length] && read_first(out, text);
}

bool decimal_read_percent(double *out, const char *text)
{
    size_t length = number_length(text);
    const char *rest = text + length;
    bool ends = !rest[0] || strcmp(rest + strspn(rest, " "), "%") == 0;
    return length > 0 && ends && read_first(out, text);
}

bool decimal_read_whole(int64_t *out, const char *text)
{
    const char *at = text + (*text == '+' || *text == '-');
    if (digits(at) == 0 || at[digits(at)])
        return false;
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno)
        return false;
    *out = value;
    return true;
}

struct decimal_text decimal_text(int64_t number)
{
    struct decimal_text out;
    char plain[24];
    size_t length = (size_t)snprintf(plain, sizeof plain, "%lld", (long long)number), at = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && plain[i - 1] != '-')
            out.text[at++] = ',';
        out.text[at++] = plain[i];
    }
    out.text[at] = '\0';
    return out;
}

/* Of two runs of digits, leading zeros aside, the longer one is the larger number. */
int decimal_compare_names(const char *a, const char *b)
{
    for (;;) {
        size_t m = digits(a), n = digits(b);
        if (m > 0 && n > 0) {
            const char *x = a + strspn(a, "0"), *y = b + strspn(b, "0");
            size_t p = digits(x), q = digits(y);
            int order = p != q ? (p > q) - (p < q) : strncmp(x, y, p);
            if (order != 0)
                return order;
            a += m;
            b += n;
        } else if (*a != *b || !*a) {
            return (unsigned char)*a - (unsigned char)*b;
        } else {
            a++;
            b++;
        }
    }
}
