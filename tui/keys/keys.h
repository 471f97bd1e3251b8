/* One table of requests: it drives the keys, the `:` prompt, the help screen, the README and the
 * tests. A request is what a person wants; views decide what it does there.
 */
#ifndef SPECTRUM_TUI_KEYS_KEYS_H
#define SPECTRUM_TUI_KEYS_KEYS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum request {
    REQUEST_NONE,
    REQUEST_LEFT,
    REQUEST_DOWN,
    REQUEST_UP,
    REQUEST_RIGHT,
    REQUEST_FIRST,
    REQUEST_LAST,
    REQUEST_PAGE_UP,
    REQUEST_PAGE_DOWN,
    REQUEST_OPEN,
    REQUEST_BACK,
    REQUEST_QUIT,
    REQUEST_TOGGLE,
    REQUEST_TOGGLE_ROW,
    REQUEST_TOGGLE_COLUMN,
    REQUEST_RANGE,
    REQUEST_EMBEDDINGS,
    REQUEST_HEAD,
    REQUEST_MORE,
    REQUEST_LESS,
    REQUEST_TOP,
    REQUEST_SCOPE,
    REQUEST_BY,
    REQUEST_UNDO,
    REQUEST_REDO,
    REQUEST_DROP_EDITS,
    REQUEST_PLANS,
    REQUEST_HISTORY,
    REQUEST_PLAN_NEW,
    REQUEST_PLAN_COPY,
    REQUEST_PLAN_RENAME,
    REQUEST_PLAN_DELETE,
    REQUEST_PLAN_MARK,
    REQUEST_PLAN_NAMES,
    REQUEST_EXPERTS,
    REQUEST_METRIC,
    REQUEST_SCALE,
    REQUEST_DEVICE,
    REQUEST_SCAN_PAUSE,
    REQUEST_SCAN_STOP,
    REQUEST_PLOT,
    REQUEST_LOGARITHM,
    REQUEST_SAVE_PLAN,
    REQUEST_LOAD_PLAN,
    REQUEST_TRAIN,
    REQUEST_DATA,
    REQUEST_IDS,
    REQUEST_ROW,
    REQUEST_PRESETS,
    REQUEST_GROUP,
    REQUEST_FIELD,
    REQUEST_EARLIER,
    REQUEST_PROBE,
    REQUEST_START,
    REQUEST_WATCH,
    REQUEST_PAUSE,
    REQUEST_CHECKPOINT,
    REQUEST_STOP,
    REQUEST_RESUME,
    REQUEST_MORE_STEPS,
    REQUEST_EXPORT,
    REQUEST_MERGE,
    REQUEST_EVALUATE,
    REQUEST_TRY,
    REQUEST_CHAT,
    REQUEST_RESULTS,
    REQUEST_NOTIFY,
    REQUEST_OVERLAY,
    REQUEST_BASELINE,
    REQUEST_DRAW_RUN,
    REQUEST_ADD_RUN,
    REQUEST_ATTACH,
    REQUEST_GRADIENTS,
    REQUEST_LINE_EARLIER,
    REQUEST_LINE_LATER,
    REQUEST_MARK,
    REQUEST_FILTER,
    REQUEST_SORT,
    REQUEST_SORT_REVERSE,
    REQUEST_DELETE,
    REQUEST_ZOOM_IN,
    REQUEST_ZOOM_OUT,
    REQUEST_LAST_STEPS,
    REQUEST_LOGARITHM_X,
    REQUEST_SMOOTH,
    REQUEST_MEMORY,
    REQUEST_MESSAGES,
    REQUEST_SAMPLES,
    REQUEST_SEARCH,
    REQUEST_SEARCH_NEXT,
    REQUEST_PROMPT,
    REQUEST_HELP,
    REQUEST_THEME,
    REQUEST_REDRAW,
    REQUEST_SAVE_SCREEN,
    REQUEST_SUSPEND,
    REQUEST_COUNT
};

/* Where a key has its meaning; a key may mean different things in views that exclude each other. */
enum key_scope {
    SCOPE_MODEL = 1,
    SCOPE_SPECTRUM = 2,
    SCOPE_LIST = 4, /* library, devices, help */
    SCOPE_FORM = 8,
    SCOPE_WATCH = 16,
    SCOPE_DATA = 32,
    SCOPE_LIBRARY = 64, /* beside SCOPE_LIST */
    SCOPE_PLANS = 128,
    SCOPE_GRADIENTS = 256,
    SCOPE_RUNS = 512, /* beside SCOPE_LIST */
    SCOPE_ALL = 1023,
};

enum { REQUEST_KEYS_MAX = 3 };

struct request_info {
    enum request request;
    const char *name;           /* what the `:` prompt calls it */
    const char *argument;       /* "PERCENT", or NULL: none; request_take_argument() */
    unsigned scopes;            /* enum key_scope bits */
    int keys[REQUEST_KEYS_MAX]; /* code points and enum input; 0: unused */
    const char *brief;          /* a word for the key line; NULL: not shown there */
    const char *help;           /* one line */
};

/* The table, in the help screen's order. */
const struct request_info *request_table(size_t *count);
const struct request_info *request_find(enum request request);

/* Is its argument the path of a file or a folder? */
bool request_takes_file(const struct request_info *info);

/* The request of a key in a view; REQUEST_NONE where it has no meaning. */
enum request request_from_key(int key, enum key_scope scope);

/* Reads a `:` line: "top 30". Sets *argument to what follows the name ("" where nothing does).
 * An unambiguous beginning of a name is enough, or its key if that is its first letter; a number
 * alone is `top`. NULL: not a command. *sure: an "!" after the name of what writes a file, "write!
 * FILE": over another one, unasked. */
const struct request_info *request_from_line(const char *line, const char **argument, bool *sure);

/* Makes what was typed as a request's argument the argument itself, in place; "" where nothing was.
 * An error, with what the request takes, where it takes none. A FILE or DIR is the rest of the line,
 * blanks inside it too, without those around it; in quotes it is what stands between them, whatever
 * that is. A word in it that looks like an option is an error without them, as no request has options.
 * A TEXT is as it was typed; of any other the blanks around it go. */
int request_take_argument(const struct request_info *info, char *argument, struct error *err);

/* "h", "Space", "Ctrl-R", "PgUp" into out; and back, INPUT_NONE where no key has that name. */
void key_name(int key, char *out, size_t size);
int key_from_name(const char *name, size_t length);

/* All keys of a request, separated by blanks. */
void request_keys(const struct request_info *info, char *out, size_t size);

#endif
