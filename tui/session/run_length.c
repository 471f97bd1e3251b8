#include "tui/session/run_length.h"

#include "base/sys.h"
#include "base/text.h"
#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The bytes of text in a file; false: it is none, or packed. */
static bool text_bytes(const char *path, double *bytes)
{
    struct stat info;
    bool packed = text_ends_with(path, ".gz") || text_ends_with(path, ".zst");
    if (packed || sys.stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    *bytes = (double)info.st_size;
    return true;
}

/* From --steps exactly; from epochs by the size of the data, as nothing is tokenised here. */
struct run_length run_length_of(const struct training_request *r)
{
    struct run_length out = {.known = true, .exact = r->steps > 0};
    double step = (double)r->batch * (double)r->accumulate * (double)r->seq_len, bytes = 0;
    if (r->steps > 0) {
        out.steps = (double)r->steps;
        out.tokens = out.steps * step;
        return out;
    }
    for (size_t i = 0; i < r->data.count; i++) {
        double weight = i < r->data_weights.count ? r->data_weights.items[i] : 1, size;
        if (!text_bytes(r->data.items[i], &size))
            return (struct run_length){.known = false};
        bytes += weight * size;
    }
    out.tokens = r->epochs * bytes / GUESSED_BYTES_PER_TOKEN;
    out.steps = ceil(out.tokens / step);
    out.known = bytes > 0;
    return out;
}

/* "about" where it is a guess. */
void run_length_put(const struct run_length *length, double epochs, char *out, size_t size)
{
    char steps[32], tokens[32];
    count_put(length->steps, steps, sizeof steps);
    count_put(length->tokens, tokens, sizeof tokens);
    const char *plural = length->steps == 1 ? "" : "s";
    if (length->exact)
        snprintf(out, size, "%s step%s, %s tokens in all", steps, plural, tokens);
    else if (length->known)
        snprintf(out, size, "%.4g epoch%s, about %s step%s by the data's size", epochs,
                 epochs == 1 ? "" : "s", steps, plural);
    else
        snprintf(out, size, "%.4g epoch%s", epochs, epochs == 1 ? "" : "s");
}
