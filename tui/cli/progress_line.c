#include "tui/cli/progress_line.h"

#include "base/decimal.h"
#include "base/process.h"
#include "base/text.h"
#include "job/job_progress.h"
#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "7 of 20 batches", "1.20 GiB of 4.50 GiB". */
static void put_counts(const char *unit, uint64_t done, uint64_t total, char *out, size_t size)
{
    if (strcmp(unit, "bytes") == 0)
        snprintf(out, size, "%s of %s", bytes_text((double)done).text,
                 bytes_text((double)total).text);
    else
        snprintf(out, size, "%s of %s %s", decimal_text((int64_t)done).text,
                 decimal_text((int64_t)total).text, unit);
}

/* The time that is left is that of what was done so far, for each that is to come. */
static void print(struct progress_line *line, uint64_t done, uint64_t total, double now)
{
    const char *phase, *unit;
    char left[32], counts[96];
    double each = done > line->first ? (now - line->began) / (double)(done - line->first) : NAN;
    job_progress_words(line->phase, &phase, &unit);
    seconds_put(each * (double)(total - done), left, sizeof left);
    put_counts(unit, done, total, counts, sizeof counts);
    fprintf(stderr, "%s%s %s%s%s%s", line->terminal ? "\r\033[K" : "", phase, counts,
            isnan(each) ? "" : ", ", isnan(each) ? "" : left, isnan(each) ? "" : " left");
    if (!line->terminal)
        fputc('\n', stderr);
    line->shown = line->terminal;
    line->printed = now;
}

static void tell(void *context, enum work_phase phase, uint64_t done, uint64_t total)
{
    struct progress_line *line = context;
    double now = clock_seconds();
    if (phase != line->phase) {
        line->phase = phase;
        line->began = now;
        line->first = done;
    }
    bool ends = line->terminal && done == total; /* a quick phase is seen, too */
    if (total == 0 || done > total || (!ends && now - line->printed < (line->terminal ? 0.1 : 10)))
        return;
    print(line, done, total, now);
}

void progress_line_open(struct progress_line *line)
{
    *line = (struct progress_line){
        .terminal = isatty(STDERR_FILENO), .phase = WORK_PHASES, .printed = clock_seconds()};
    line->watch = (struct work_watch){line, tell};
    if (line->terminal)
        line->printed = 0;
}

void progress_line_clear(struct progress_line *line)
{
    if (line->shown)
        fprintf(stderr, "\r\033[K");
    line->shown = false;
}
