/* A user's folder that is the same on every machine and at every hour, for pictures of the screen:
 *
 *     models/demo     the demo model (a link), scanned: its scan's job and its singular values
 *     models/other    another folder that looks like a model, and a scan file beside it
 *     runs/           jobs: one that runs, one that waits at a pause, and ended ones of every kind; and
 *                     one that an engine trains, which is in no list
 *     text/           the demo's data (a link)
 *     home/sweep      with `foreign`: logs of other tools' runs, and besides jobs that follow some, one
 *                     that trains, one that is silent and one that was left
 *
 * golden_world_make() builds it in a folder, which becomes the current one, and points the process at
 * it: its state and cache lie there, the date is GOLDEN_NOW in UTC, memory and disk are those that it
 * says, and no process is started: what would be made of a run (an export, an evaluation, a text) is
 * there at once, as made up as all else. Paths that are shown are relative or begin with /proc/self/cwd, so
 * no name of the machine's is in a picture. It is for a child of the test: nothing is put back.
 */
#ifndef SPECTRUM_TESTS_SCREEN_GOLDEN_WORLD_H
#define SPECTRUM_TESTS_SCREEN_GOLDEN_WORLD_H

#include <stdbool.h>

#define GOLDEN_NOW 1772366400 /* 2026-03-01 12:00:00 UTC */
#define GOLDEN_MODEL "models/demo"
#define GOLDEN_RUN "runs/tale"
#define GOLDEN_ENGINE "runs/fsdp2"
#define GOLDEN_ENDED "runs/tale-full"
#define GOLDEN_FOREIGN "state/spectrum/attached/qwen-sft-3f9a1c02"

/* `source` is the repository. `partly`: the scan is under way, and knows a third of its rows. 0, or -1
 * where it could not be made; what failed last is in errno. */
int golden_world_make(const char *folder, const char *source, bool partly, bool foreign);

#endif
