#include "tui/keys/keys.h"

#include "base/text.h"
#include "tui/canvas/terminal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CTRL(letter) ((letter) - 'A' + 1)

/* A row: request, its name on the prompt, what that takes, where it has a meaning, keys, its word
 * in the key line, its help. The order is that of the help screen and of README.md's table. No key
 * may mean two things in one scope, and no two names may be the same (tests/unit/test_tui_keys.c).
 */
/* clang-format off */
static const struct request_info table[] = {
    /* moving: in a form Up and Down are the fields */
    {REQUEST_LEFT, "left", NULL, SCOPE_ALL, {'h', INPUT_LEFT}, NULL,
     "move left; of data: the record before; of a graph: the cross-hair"},
    {REQUEST_DOWN, "down", NULL, SCOPE_ALL, {'j', INPUT_DOWN}, NULL,
     "move down"},
    {REQUEST_UP, "up", NULL, SCOPE_ALL, {'k', INPUT_UP}, NULL,
     "move up"},
    {REQUEST_RIGHT, "right", NULL, SCOPE_ALL, {'l', INPUT_RIGHT}, NULL,
     "move right; of data: the next record; of a graph: the cross-hair"},
    {REQUEST_FIRST, "first", NULL, SCOPE_ALL, {'g', '0', INPUT_HOME}, NULL,
     "to the first; of a graph: all of it"},
    {REQUEST_LAST, "last", NULL, SCOPE_ALL, {'G', '$', INPUT_END}, NULL,
     "to the last; of a graph: without the cross-hair, to what comes"},
    {REQUEST_PAGE_UP, "page-up", NULL, SCOPE_ALL, {INPUT_PAGE_UP, CTRL('B')}, NULL,
     "a page back; of data, then: the record before"},
    {REQUEST_PAGE_DOWN, "page-down", NULL, SCOPE_ALL, {INPUT_PAGE_DOWN, CTRL('F')}, NULL,
     "a page on; of data, then: the next record"},

    /* where to go */
    {REQUEST_OPEN, "open", NULL, SCOPE_MODEL | SCOPE_LIST | SCOPE_FORM | SCOPE_PLANS | SCOPE_WATCH, {INPUT_ENTER}, "open",
     "open what is under the cursor: a matrix's spectrum, a field, a job, a plan, a step, a result"},
    {REQUEST_BACK, "back", NULL, SCOPE_ALL, {INPUT_ESCAPE, 'q'}, "back",
     "back to where you came from; from the first screen, leave"},
    {REQUEST_QUIT, "quit", NULL, SCOPE_ALL, {'Q', CTRL('C')}, NULL,
     "leave the screen; jobs go on"},

    /* what trains, on the map */
    {REQUEST_TOGGLE, "toggle", NULL, SCOPE_MODEL | SCOPE_SPECTRUM, {' '}, "toggle",
     "train or freeze the matrix under the cursor, or the marked range; + - mark what was set so"},
    {REQUEST_TOGGLE_ROW, "toggle-row", NULL, SCOPE_MODEL, {'r'}, NULL,
     "train or freeze all of this type"},
    {REQUEST_TOGGLE_COLUMN, "toggle-column", NULL, SCOPE_MODEL, {'c'}, NULL,
     "train or freeze all of this layer"},
    {REQUEST_RANGE, "range", NULL, SCOPE_MODEL, {'v'}, NULL,
     "mark a range from here; Space toggles it, Esc forgets it"},
    {REQUEST_EMBEDDINGS, "embeddings", NULL, SCOPE_MODEL, {'e'}, NULL,
     "train or freeze the embeddings (and the head where the two are tied)"},
    {REQUEST_HEAD, "head", NULL, SCOPE_MODEL, {'H'}, NULL,
     "train or freeze the head"},
    {REQUEST_MORE, "more", NULL, SCOPE_MODEL, {'+', '='}, NULL,
     "up to the next percentage that selects more"},
    {REQUEST_LESS, "less", NULL, SCOPE_MODEL, {'-', '_'}, NULL,
     "down to the next percentage that selects less"},
    {REQUEST_TOP, "top", "PERCENT", SCOPE_MODEL, {'%'}, "per cent",
     "train the best PERCENT, by signal-to-noise ratio unless `by` says otherwise; \"all\" and "
     "\"nothing\" go by none"},
    {REQUEST_BY, "by", "METRIC", SCOPE_MODEL, {'b'}, NULL,
     "what the best have most of: snr, another number of a matrix, or random, last, first blocks"},
    {REQUEST_SCOPE, "scope", NULL, SCOPE_MODEL, {'o'}, NULL,
     "choose the best of each type, of all types, or of each with the experts of all numbers together"},
    {REQUEST_UNDO, "undo", NULL, SCOPE_MODEL | SCOPE_SPECTRUM, {'u'}, "undo",
     "undo the last choice"},
    {REQUEST_REDO, "redo", NULL, SCOPE_MODEL | SCOPE_SPECTRUM, {CTRL('R')}, NULL,
     "do it again"},

    {REQUEST_DROP_EDITS, "drop-edits", NULL, SCOPE_MODEL, {'x'}, NULL,
     "drop what was changed by hand; the percentage or the file stays"},
    {REQUEST_HISTORY, "history", NULL, SCOPE_MODEL, {'Y'}, NULL,
     "the plan's steps, and back to any of them"},

    /* the plans of a model */
    {REQUEST_PLANS, "plans", NULL, SCOPE_MODEL, {'P'}, "plans",
     "the plans of this model: open, compare, copy, rename, delete them"},
    {REQUEST_PLAN_NEW, "new-plan", "NAME", SCOPE_PLANS, {'N'}, "new",
     "another plan, which begins as the fresh one does"},
    {REQUEST_PLAN_COPY, "copy-plan", "NAME", SCOPE_PLANS, {'c'}, "copy",
     "a copy of the plan under the cursor, with its history"},
    {REQUEST_PLAN_RENAME, "rename-plan", "NAME", SCOPE_PLANS, {'r'}, "rename",
     "another name for the plan under the cursor"},
    {REQUEST_PLAN_DELETE, "delete-plan", NULL, SCOPE_PLANS, {'D'}, "delete",
     "delete the plan under the cursor (asks first)"},
    {REQUEST_PLAN_MARK, "compare", NULL, SCOPE_PLANS, {' '}, "compare",
     "compare all others with this plan instead of the open one"},
    {REQUEST_PLAN_NAMES, "differences", NULL, SCOPE_PLANS, {INPUT_TAB}, "by type/matrix",
     "what differs, type by type or matrix by matrix"},

    /* how the map looks */
    {REQUEST_EXPERTS, "experts", NULL, SCOPE_MODEL, {'E'}, NULL,
     "one row an expert of the projection under the cursor; again folds them"},
    {REQUEST_METRIC, "metric", "NAME", SCOPE_MODEL, {'m'}, NULL,
     "colours by snr, mp, gavish-donoho, frobenius, sigma-max, stable-rank, effective-rank, "
     "spikes"},
    {REQUEST_SCALE, "scale", NULL, SCOPE_MODEL, {'s'}, NULL,
     "colours per type, or over all types together"},

    /* the map's scan, a job */
    {REQUEST_DEVICE, "device", "NAME", SCOPE_MODEL, {'d'}, NULL,
     "what computes the scan: auto, cpu, cuda, cuda:1, ..., reference; d lists what there is"},
    {REQUEST_SCAN_PAUSE, "pause-scan", NULL, SCOPE_MODEL, {'p'}, NULL,
     "pause the scan, or let it go on, also one that was stopped or failed"},
    {REQUEST_SCAN_STOP, "stop-scan", NULL, SCOPE_MODEL, {'S'}, NULL,
     "stop the scan (asked twice); p continues it, and so does opening the model again"},

    /* a plot */
    {REQUEST_PLOT, "plot", NULL, SCOPE_SPECTRUM, {'p', INPUT_TAB}, "scree/histogram",
     "scree plot or histogram"},
    {REQUEST_LOGARITHM, "log", NULL, SCOPE_SPECTRUM | SCOPE_WATCH, {'x'}, "log/linear",
     "logarithmic or linear axis"},

    /* plan files */
    {REQUEST_SAVE_PLAN, "write", "FILE", SCOPE_MODEL, {'w'}, NULL,
     "save the plan (YAML that Axolotl and TRL read); :w! [FILE] does not ask"},
    {REQUEST_LOAD_PLAN, "read", "FILE", SCOPE_MODEL, {'R'}, NULL,
     "load a plan"},

    /* the form, and a look at its data */
    {REQUEST_TRAIN, "train", NULL, SCOPE_MODEL | SCOPE_SPECTRUM, {'t'}, "train",
     "the form from which training starts"},
    {REQUEST_DATA, "data", NULL, SCOPE_FORM, {CTRL('D')}, "data",
     "records of the data as the model will see them, supervised tokens marked"},
    {REQUEST_IDS, "ids", NULL, SCOPE_DATA, {'i', INPUT_TAB}, "text/ids",
     "a record's text, or its tokens one by one with their ids"},
    {REQUEST_ROW, "row", "N", SCOPE_DATA, {0}, NULL,
     "record N of the data"},
    {REQUEST_PRESETS, "presets", NULL, SCOPE_FORM, {CTRL('P')}, "presets",
     "usual ways to train: what each sets, before it is taken"},
    {REQUEST_GROUP, "group", NULL, SCOPE_FORM, {CTRL('G')}, "all fields",
     "all fields of this group, none, or the usual ones; PgUp and PgDn go from group to group"},
    {REQUEST_FIELD, "field", "NAME", SCOPE_FORM, {CTRL('O')}, NULL,
     "to a field of the form by its label or its option's name"},
    {REQUEST_EARLIER, "earlier", NULL, SCOPE_FORM, {CTRL('R')}, NULL,
     "what runs were started with in this field before"},
    {REQUEST_PROBE, "probe", NULL, SCOPE_FORM, {CTRL('T')}, "time",
     "how long the run would take: a job measures a few of its steps"},
    {REQUEST_START, "start", NULL, SCOPE_FORM, {CTRL('S')}, "start",
     "start training"},

    /* a training job */
    {REQUEST_WATCH, "watch", NULL, SCOPE_MODEL, {'W'}, NULL,
     "the job that was started here last"},
    {REQUEST_PAUSE, "pause", NULL, SCOPE_WATCH | SCOPE_LIBRARY, {'p'}, "pause",
     "pause the job, or let it go on"},
    {REQUEST_CHECKPOINT, "checkpoint", NULL, SCOPE_WATCH | SCOPE_LIBRARY, {'c'}, "save",
     "save a checkpoint after this step"},
    {REQUEST_STOP, "stop", NULL, SCOPE_WATCH | SCOPE_LIBRARY, {'S'}, "stop",
     "stop the job after a checkpoint (asked twice)"},
    {REQUEST_RESUME, "resume", NULL, SCOPE_WATCH | SCOPE_LIBRARY, {'r'}, "resume",
     "restart an ended or dead job from its last checkpoint"},

    /* a run that has ended or pauses */
    {REQUEST_MORE_STEPS, "more-steps", "STEPS", SCOPE_WATCH, {'M'}, "more",
     "a run that has ended goes on for STEPS steps from where it stands, at its last learning rate"},
    {REQUEST_EXPORT, "export", "DIR", SCOPE_WATCH, {'E'}, "export",
     "the run as a Hugging Face folder, of adapters as a PEFT folder"},
    {REQUEST_MERGE, "merge", "DIR", SCOPE_WATCH, {0}, NULL,
     "a run with adapters as a whole Hugging Face model, the adapters added to its weights"},
    {REQUEST_EVALUATE, "evaluate", "FILE", SCOPE_WATCH, {'e'}, "evaluate",
     "the run's loss on a data file"},
    {REQUEST_TRY, "try", "TEXT", SCOPE_WATCH, {'y'}, "try",
     "what the run's model writes after TEXT"},
    {REQUEST_CHAT, "chat", "TEXT", SCOPE_WATCH, {'Y'}, NULL,
     "what it answers to TEXT as a user's message"},
    {REQUEST_RESULTS, "results", NULL, SCOPE_WATCH, {'v'}, "results",
     "what was made of the run: its evaluations, exports and texts; Enter opens one"},
    {REQUEST_NOTIFY, "notify", NULL, SCOPE_WATCH, {'B'}, NULL,
     "a bell and the window's title when the job ends, or no longer"},

    /* other runs over it */
    {REQUEST_OVERLAY, "overlay", NULL, SCOPE_WATCH, {'o'}, "runs",
     "choose other runs whose losses are drawn over this one's"},
    {REQUEST_DRAW_RUN, "draw", NULL, SCOPE_RUNS, {' '}, "draw",
     "draw the run over the one that is watched, or no longer"},
    {REQUEST_BASELINE, "baseline", NULL, SCOPE_WATCH | SCOPE_RUNS, {'b'}, "baseline",
     "the run that the others are compared with: the next one; in the list, that under the cursor"},
    {REQUEST_ADD_RUN, "add-run", "DIR", SCOPE_WATCH | SCOPE_RUNS, {0}, NULL,
     "draw the run in this folder, which no list has"},

    /* a run of another tool */
    {REQUEST_ATTACH, "attach", "DIR", SCOPE_LIBRARY, {'a'}, NULL,
     "watch a run of another tool by its log, or the folder that it is in"},

    /* its gradients */
    {REQUEST_GRADIENTS, "norms", NULL, SCOPE_WATCH, {'n'}, "norms",
     "the gradient norm of every matrix on the layer grid"},
    {REQUEST_LINE_EARLIER, "earlier-line", NULL, SCOPE_GRADIENTS, {','}, "earlier",
     "the gradient norms before these"},
    {REQUEST_LINE_LATER, "later-line", NULL, SCOPE_GRADIENTS, {'.'}, "later",
     "the gradient norms after these; after the newest they follow the run"},

    /* the library's tables */
    {REQUEST_MARK, "mark", NULL, SCOPE_LIBRARY, {' '}, "mark",
     "mark a job, or no longer: p, c, S, r and D are then for all that are marked"},
    {REQUEST_FILTER, "filter", NULL, SCOPE_LIBRARY, {'f'}, "filter",
     "show what has a text in any column, as you type; Esc shows all again"},
    {REQUEST_SORT, "sort", NULL, SCOPE_LIBRARY, {'s'}, "sort",
     "sort the table under the cursor by its next column"},
    {REQUEST_SORT_REVERSE, "reverse", NULL, SCOPE_LIBRARY, {'R'}, NULL,
     "sort it the other way round"},
    {REQUEST_DELETE, "delete", NULL, SCOPE_LIBRARY, {'D'}, "delete",
     "delete a job that does not run: its folder, where all in it is spectrum's"},
    /* what of it is shown */
    {REQUEST_ZOOM_IN, "zoom-in", NULL, SCOPE_WATCH, {'+', '='}, NULL,
     "half as many steps, around the cross-hair or up to the last; h l move the cross-hair, 0 shows "
     "all"},
    {REQUEST_ZOOM_OUT, "zoom-out", NULL, SCOPE_WATCH, {'-', '_'}, NULL,
     "twice as many steps"},
    {REQUEST_LAST_STEPS, "last-steps", "STEPS", SCOPE_WATCH, {'N'}, NULL,
     "the last STEPS steps, as they come"},
    {REQUEST_LOGARITHM_X, "log-steps", NULL, SCOPE_WATCH, {'X'}, NULL,
     "logarithmic or linear axis of steps"},
    {REQUEST_SMOOTH, "smooth", "STEPS", SCOPE_WATCH, {0}, NULL,
     "the loss smoothed so that a value counts half after STEPS steps; 0: not at all"},
    {REQUEST_MEMORY, "memory", NULL, SCOPE_WATCH, {'m'}, "memory/loss",
     "the memory by category over time, or the loss"},
    {REQUEST_MESSAGES, "messages", NULL, SCOPE_WATCH, {'L'}, "log",
     "what the job said, its log; j k scroll"},
    {REQUEST_SAMPLES, "samples", NULL, SCOPE_WATCH, {'s'}, "samples",
     "samples over time; k is an earlier one, j a later one"},

    /* lists and the map */
    {REQUEST_SEARCH, "search", "TEXT", SCOPE_MODEL | SCOPE_LIST | SCOPE_PLANS, {'/'}, NULL,
     "find a name, by one word or several; on the map also layer 5"},
    {REQUEST_SEARCH_NEXT, "next", NULL, SCOPE_MODEL | SCOPE_LIST | SCOPE_PLANS, {'n'}, NULL,
     "find the next"},

    /* everywhere */
    {REQUEST_PROMPT, "command", NULL, SCOPE_ALL, {':'}, NULL,
     "type a command by its name"},
    {REQUEST_HELP, "help", NULL, SCOPE_ALL, {'?', INPUT_F1}, "help",
     "this list; F1 where ? is text, in the form"},
    {REQUEST_THEME, "theme", "NAME", SCOPE_ALL, {'T'}, NULL,
     "another theme: dark, light, mono, or a file of your own"},
    {REQUEST_REDRAW, "redraw", NULL, SCOPE_ALL, {CTRL('L')}, NULL,
     "draw everything again"},
    {REQUEST_SAVE_SCREEN, "save-screen", "FILE", SCOPE_ALL, {0}, NULL,
     "write the screen to FILE: a picture if it ends in .svg, else text"},
    {REQUEST_SUSPEND, "suspend", NULL, SCOPE_ALL, {CTRL('Z')}, NULL,
     "back to the shell for now"},
};
/* clang-format on */
enum { TABLE_COUNT = sizeof table / sizeof *table };

const struct request_info *request_table(size_t *count)
{
    *count = TABLE_COUNT;
    return table;
}

const struct request_info *request_find(enum request request)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (table[i].request == request)
            return &table[i];
    return NULL;
}

enum request request_from_key(int key, enum key_scope scope)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        for (int k = 0; k < REQUEST_KEYS_MAX; k++)
            if (key != 0 && table[i].keys[k] == key && (table[i].scopes & (unsigned)scope))
                return table[i].request;
    return REQUEST_NONE;
}

/* A name, or the beginning of one that no other name has. A single letter that begins several names
 * is the one's whose first key it is, too: ":w" writes, though "watch" begins so. */
static const struct request_info *name_find(const char *name, size_t length)
{
    const struct request_info *found = NULL;
    size_t lettered = 0;
    for (size_t i = 0; length == 1 && i < TABLE_COUNT; i++)
        if (table[i].keys[0] == name[0] && table[i].name[0] == name[0]) {
            found = &table[i];
            lettered++;
        }
    if (lettered == 1)
        return found;
    found = NULL;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (strncmp(table[i].name, name, length) != 0)
            continue;
        if (strlen(table[i].name) == length) /* "pause", which "pause-scan" begins with, too */
            return &table[i];
        if (found)
            return NULL;
        found = &table[i];
    }
    return found;
}

bool request_takes_file(const struct request_info *info)
{
    return info && info->argument &&
           (strcmp(info->argument, "FILE") == 0 || strcmp(info->argument, "DIR") == 0);
}

/* Three forms: a number ("30"), a name with "!" ("write! FILE"), a name ("top 30"). With "!" it is
 * only what writes a file, as nothing else has a question to answer before it is asked. */
const struct request_info *request_from_line(const char *line, const char **argument, bool *sure)
{
    *sure = false;
    while (*line == ' ')
        line++;
    size_t length = strcspn(line, " ");
    if (isdigit((unsigned char)*line)) {
        *argument = line;
        return request_find(REQUEST_TOP);
    }
    *argument = line + length;
    while (**argument == ' ')
        (*argument)++;
    if (length > 1 && line[length - 1] == '!') {
        const struct request_info *info = name_find(line, length - 1);
        *sure =
            info && (info->request == REQUEST_SAVE_PLAN || info->request == REQUEST_SAVE_SCREEN);
        return *sure ? info : NULL;
    }
    return length > 0 ? name_find(line, length) : NULL;
}

/* The first word that begins as "-o" and "--type" do; NULL: none does. */
static const char *find_option(const char *words)
{
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
        if (at[0] == '-' && (at[1] == '-' || isalpha((unsigned char)at[1])))
            return at;
        at += strcspn(at, " ");
    }
    return NULL;
}

static int take_path(const struct request_info *info, char *path, size_t length, struct error *err)
{
    const char *option = path[0] == '"' ? NULL : find_option(path);
    if (option)
        return error_set(err,
                         "%s takes %s and no options, and \"%.*s\" looks like one; in quotes it "
                         "is part of a name",
                         info->name, info->argument, (int)strcspn(option, " "), option);
    if (path[0] != '"')
        return 0;
    if (length < 2 || path[length - 1] != '"')
        return error_set(err, "%s takes %s: the quote before it is not closed", info->name,
                         info->argument);
    if (length == 2)
        return error_set(err, "%s takes %s, and nothing is between the quotes", info->name,
                         info->argument);
    memmove(path, path + 1, length - 2);
    path[length - 2] = '\0';
    return 0;
}

int request_take_argument(const struct request_info *info, char *argument, struct error *err)
{
    if (info->argument && strcmp(info->argument, "TEXT") == 0)
        return 0;
    size_t blanks = strspn(argument, " "), length = strlen(argument + blanks);
    while (length > 0 && argument[blanks + length - 1] == ' ')
        length--;
    memmove(argument, argument + blanks, length);
    argument[length] = '\0';
    if (!info->argument && length > 0)
        return error_set(err, "%s takes nothing, and \"%s\" follows it", info->name, argument);
    return request_takes_file(info) ? take_path(info, argument, length, err) : 0;
}

/* Keys that are not shown as their character: as help and scripts name them. "lt" is there because
 * "<" begins such a name in a script. */
static const struct {
    int key;
    const char *name;
} names[] = {
    {INPUT_UP, "Up"},
    {INPUT_DOWN, "Down"},
    {INPUT_LEFT, "Left"},
    {INPUT_RIGHT, "Right"},
    {INPUT_PAGE_UP, "PgUp"},
    {INPUT_PAGE_DOWN, "PgDn"},
    {INPUT_HOME, "Home"},
    {INPUT_END, "End"},
    {INPUT_DELETE, "Del"},
    {INPUT_F1, "F1"},
    {INPUT_BACK_TAB, "BackTab"},
    {INPUT_TAB, "Tab"},
    {INPUT_ENTER, "Enter"},
    {INPUT_ESCAPE, "Esc"},
    {INPUT_BACKSPACE, "Backspace"},
    {' ', "Space"},
    {'<', "lt"},
    {INPUT_WORD_LEFT, "Alt-B"},
    {INPUT_WORD_RIGHT, "Alt-F"},
    {INPUT_WORD_ERASE, "Alt-Backspace"},
    {INPUT_WORD_DELETE, "Alt-D"},
};
enum { NAME_COUNT = sizeof names / sizeof *names };

/* By the table of names, as a control character, or as itself; "?" for what is none of these. */
void key_name(int key, char *out, size_t size)
{
    char bytes[5] = "";
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].key == key) {
            snprintf(out, size, "%s", names[i].name);
            return;
        }
    if (key > 0 && key < 32)
        snprintf(out, size, "Ctrl-%c", key + 'A' - 1);
    else if (key >= 32 && key < INPUT_UP) {
        utf8_encode(key, bytes);
        snprintf(out, size, "%s", bytes);
    } else
        snprintf(out, size, "?");
}

int key_from_name(const char *name, size_t length)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (strlen(names[i].name) == length && strncasecmp(names[i].name, name, length) == 0)
            return names[i].key;
    if (length == 6 && strncasecmp(name, "Ctrl-", 5) == 0 &&
        (isalpha((unsigned char)name[5]) || name[5] == '_'))
        return toupper((unsigned char)name[5]) - 'A' + 1;
    return INPUT_NONE;
}

/* As many as have room, each whole. */
void request_keys(const struct request_info *info, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int k = 0; k < REQUEST_KEYS_MAX && info->keys[k]; k++) {
        char name[16];
        key_name(info->keys[k], name, sizeof name);
        int n = snprintf(out + used, size - used, "%s%s", used ? " " : "", name);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}
