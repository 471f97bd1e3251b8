#include "job/lr_factor.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int lr_factor_open(struct lr_factor *out, const char *text, struct error *err)
{
    const char *equals = strrchr(text, '=');
    char *end = NULL, *pattern;
    *out = (struct lr_factor){0};
    if (equals && equals > text)
        out->value = strtod(equals + 1, &end);
    if (!end || end == equals + 1 || *end || !isfinite(out->value) || !(out->value > 0))
        return error_set_kind(
            err, ERROR_USAGE,
            "--lr-factor takes REGEX=X with X above 0, as in embed_tokens=0.1, not "
            "\"%.60s\" (what is not to train is frozen by the plan)",
            text);
    if (!(pattern = string_copy(text, err)))
        return -1;
    pattern[equals - text] = '\0';
    out->regex = regex_new(pattern, err);
    free(pattern);
    if (out->regex)
        return 0;
    err->kind = ERROR_USAGE;
    return error_prefix(err, "--lr-factor %.60s", text);
}
