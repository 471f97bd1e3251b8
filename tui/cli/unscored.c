#include "tui/cli/unscored.h"

#include "base/utf8.h"
#include "model/score_table.h"

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

/* What cannot be read at all, many rows have for one reason (scan_row_refusal()). */
static bool is_general(const char *reason)
{
    return strncmp(reason, "the type ", 9) == 0 || strncmp(reason, "it has ", 7) == 0;
}

/* How many rows from this one on share its reason, where that is more than a few; else 0. */
static size_t count_alike(const struct scan *scan, const struct plan *plan, size_t row, bool trains)
{
    size_t count = 0;
    for (size_t i = row; i < scan->count; i++)
        count += is_unscored(scan, plan, i, trains) &&
                 strcmp(scan->rows[i].reason, scan->rows[row].reason) == 0;
    return count > ALIKE ? count : 0;
}

static void print_rows(const struct scan *scan, const struct plan *plan)
{
    const char *said[LINES_MAX]; /* reasons that had a line for all of their rows */
    size_t count = 0, said_count;
    for (int trains = 1; trains >= 0; trains--) {
        said_count = 0;
        for (size_t i = 0; i < scan->count; i++) {
            const char *reason = scan->rows[i].reason;
            size_t k = 0, alike = 0;
            if (!is_unscored(scan, plan, i, trains))
                continue;
            while (k < said_count && strcmp(said[k], reason) != 0)
                k++;
            if (k < said_count)
                continue;
            if (count < LINES_MAX && is_general(reason) && said_count < LINES_MAX)
                alike = count_alike(scan, plan, i, trains);
            if (alike > 0)
                said[said_count++] = reason;
            if (count++ < LINES_MAX)
                print_row(&scan->rows[i], trains, alike);
        }
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
