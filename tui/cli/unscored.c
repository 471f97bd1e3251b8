#include "tui/cli/unscored.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>

enum { LINES_MAX = 10 };

static void print_row(const struct scan_row *row, bool trains)
{
    char reason[sizeof row->reason];
    utf8_copy(reason, sizeof reason, row->reason); /* a scan file's may be anything */
    fprintf(stderr, "%s: not scored: %s%s\n", row->module, reason[0] ? reason : "NaN",
            trains ? "; the plan trains it all the same" : "");
}

void unscored_print(const struct scan *scan, const struct plan *plan)
{
    size_t count = 0;
    for (int trains = 1; trains >= 0; trains--)
        for (size_t i = 0; i < scan->count; i++) {
            const struct scan_row *row = &scan->rows[i];
            if (!row->known || !isnan(row->snr) || (plan && plan_row(plan, i)) != trains)
                continue;
            if (count++ < LINES_MAX)
                print_row(row, trains);
        }
    if (count > LINES_MAX)
        fprintf(stderr, "and %zu more without a score\n", count - LINES_MAX);
}
