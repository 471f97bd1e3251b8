#include "model/score_say.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Omissions beyond these are of one kind with them. */
enum { OMISSIONS_SAID = 10 };

/* Adds a type to "a, b", unless it is there; "..." where there is no more room. */
static void list_type(char *types, size_t size, const char *type)
{
    char wanted[128], list[256];
    snprintf(wanted, sizeof wanted, ", %.100s, ", type);
    snprintf(list, sizeof list, ", %.240s, ", types);
    if (strstr(list, wanted) || strstr(list, ", ..., "))
        return;
    size_t length = strlen(types);
    bool fits = length + strlen(wanted) + strlen(", ...") < size;
    snprintf(types + length, size - length, "%s%.100s", length ? ", " : "", fits ? type : "...");
}

/* Not one value at or below the threshold: what the score is then is a convention, and decides what
 * a plan takes of these types. Of a file without details an infinite score says it. */
static bool say_empty_noise(const struct scan *scan, char *out, size_t size)
{
    char types[200] = "";
    size_t count = 0;
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        if (!row->known || (row->detailed ? row->noise_count > 0 : !isinf(row->snr)))
            continue;
        list_type(types, sizeof types, row->type);
        count++;
    }
    bool one = strcmp(scan->empty_noise, "one") == 0;
    snprintf(
        out, size,
        "%zu of %zu matrices, %s, %s an empty noise set, which %s %s; %s--empty-noise %s counts "
        "it as %s",
        count, scan->count, types, count == 1 ? "has" : "have",
        scan->from_file ? "the file counts as" : "counts as",
        one ? "a noise of 1, as in today's spectrum.py" : "infinity, as in published scans",
        scan->from_file ? "another scan, `spectrum scan MODEL` with " : "",
        one ? "infinity" : "one",
        one ? "published scans have it" : "today's spectrum.py does: a noise of 1");
    return count > 0;
}

bool scan_say(const struct scan *scan, size_t n, char *out, size_t size)
{
    const struct scan_model *of = &scan->of;
    size_t omissions = of->omission_count < OMISSIONS_SAID ? of->omission_count : OMISSIONS_SAID;
    if (n > omissions)
        return false;
    if (n == omissions)
        return say_empty_noise(scan, out, size);
    const struct scan_omission *omission = &of->omissions[n];
    char reason[sizeof omission->reason];
    utf8_copy(reason, sizeof reason, omission->reason); /* a file's may be anything */
    snprintf(out, size, "not scanned: %" PRId64 " tensor%s, %.200s first: %s", omission->count,
             omission->count == 1 ? "" : "s", omission->first, reason);
    return true;
}
