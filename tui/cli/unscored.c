#include "tui/cli/unscored.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 10, ALIKE = 3 };

static void print_row(const struct scan_row *row, bool trains, size_t alike)
{
    char reason[sizeof row->reason];
    utf8_copy(reason, sizeof reason, row->reason); /* a scan file's may be anything */
    if (alike > 0)
        fprintf(stderr, "%zu matrices, %s first: not scored: %s%s\n", alike, row->module, reason,
                trains ? "; the plan trains them all the same" : "");
    else
        fprintf(stderr, "%s: not scored: %s%s\n", row->module, reason[0] ? reason : "NaN",
                trains ? "; the plan trains it all the same" : "");
}

static bool is_unscored(const struct scan *scan, const struct plan *plan, size_t row, bool trains)
{
    const struct scan_row *is = &scan->rows[row];
    return is->known && isnan(is->snr) && (plan && plan_row(plan, row)) == trains;
}

/* What cannot be read at all, many rows have for one reason (scan_row_refusal()): they get one
 * line, with the first of them. 0: this row has its own. */
static size_t count_alike(const struct scan *scan, const struct plan *plan, size_t row, bool trains,
                          bool *first)
{
    static const char *const reasons[] = {"the type ", "it has "};
    size_t count = 0;
    bool general = false;
    *first = true;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        general |= strncmp(scan->rows[row].reason, reasons[i], strlen(reasons[i])) == 0;
    if (!general)
        return 0;
    for (size_t i = 0; i < scan->count; i++)
        if (is_unscored(scan, plan, i, trains) &&
            strcmp(scan->rows[i].reason, scan->rows[row].reason) == 0) {
            count++;
            *first &= i >= row;
        }
    return count > ALIKE ? count : 0;
}

static void print_rows(const struct scan *scan, const struct plan *plan)
{
    size_t count = 0;
    for (int trains = 1; trains >= 0; trains--)
        for (size_t i = 0; i < scan->count; i++) {
            bool first;
            if (!is_unscored(scan, plan, i, trains))
                continue;
            size_t alike = count_alike(scan, plan, i, trains, &first);
            if (alike > 0 && !first)
                continue;
            if (count++ < LINES_MAX)
                print_row(&scan->rows[i], trains, alike);
            else
                count += alike > 0 ? alike - 1 : 0;
        }
    if (count > LINES_MAX)
        fprintf(stderr, "and %zu more without a score\n", count - LINES_MAX);
}

/* Tensors that have no row at all. */
static void print_omissions(const struct scan *scan)
{
    const struct scan_model *of = &scan->of;
    for (size_t i = 0; i < of->omission_count && i < LINES_MAX; i++) {
        char reason[sizeof of->omissions->reason];
        utf8_copy(reason, sizeof reason, of->omissions[i].reason);
        fprintf(stderr, "not scanned: %" PRId64 " tensor%s, %s first: %s\n", of->omissions[i].count,
                of->omissions[i].count == 1 ? "" : "s", of->omissions[i].first, reason);
    }
}

/* The types, in the order of the rows, as far as they fit. */
static void list_type(char *types, size_t size, const char *type, size_t *seen)
{
    char wanted[128];
    size_t length = strlen(types);
    snprintf(wanted, sizeof wanted, "%.120s", type);
    for (char *at = types; (at = strstr(at, wanted)); at++)
        if ((at == types || at[-1] == ' ') && (!at[strlen(wanted)] || at[strlen(wanted)] == ','))
            return;
    ++*seen;
    if (length + strlen(wanted) + 8 < size)
        snprintf(types + length, size - length, "%s%s", length ? ", " : "", wanted);
    else if (length > 0 && types[length - 1] != '.')
        snprintf(types + length, size - length, ", ...");
}

/* Not one value at or below the threshold: what the score is, is a convention, and it decides what
 * a plan takes of these types. */
static void print_empty_noise(const struct scan *scan)
{
    char types[200] = "", rule[sizeof scan->empty_noise];
    size_t count = 0, seen = 0;
    utf8_copy(rule, sizeof rule, scan->empty_noise);
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        bool empty = row->known && (row->detailed ? row->noise_count == 0 : isinf(row->snr));
        count += empty;
        if (empty)
            list_type(types, sizeof types, row->type, &seen);
    }
    if (count == 0)
        return;
    bool one = strcmp(rule, "one") == 0;
    fprintf(stderr,
            "%zu of %zu matrices, %s, have an empty noise set, which counts as %s; --empty-noise "
            "%s counts it as %s\n",
            count, scan->count, types,
            one ? "a noise of 1, as in today's spectrum.py" : "infinity, as in published scans",
            one ? "infinity" : "one",
            one ? "published scans have it" : "today's spectrum.py does: a noise of 1");
}

void unscored_print(const struct scan *scan, const struct plan *plan)
{
    print_rows(scan, plan);
    print_omissions(scan);
    print_empty_noise(scan);
}
