#include "tui/cli/unscored.h"

#include "base/utf8.h"

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

void unscored_print(const struct scan *scan, const struct plan *plan)
{
    char line[SCAN_LINE_MAX];
    print_rows(scan, plan);
    for (size_t i = 0; scan_say(scan, i, line, sizeof line); i++)
        fprintf(stderr, "%s\n", line);
}
