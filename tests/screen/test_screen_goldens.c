/* Pictures of every screen on terminals of all kinds, held against those that are kept: a file a screen
 * in tests/screen/goldens, made by script/goldens and looked at by a person. Which kinds there are says
 * `terminals`: of any two of size, type, locale and theme every pair of values is among them. */
#include "test_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/text.h"
#include "golden_shot.h"
#include "golden_world.h"
#include "tui/canvas/canvas.h"

#include <string.h>
#include <sys/stat.h>

static bool has_types; /* of terminals */

/* --- what is pictured --- */

static const struct golden_screen shown[] = {
    {.name = "library", .script = "wait text \"3.3M\""},
    {.name = "library-filter",
     .script = "wait text \"3.3M\"\nf\ntype \"tale\"\nEnter\nDown\nSpace",
     .few = true},
    {.name = "library-attached",
     .script = "wait text \"3.3M\"\nwait text \"900\"\nG\n/qwen Enter",
     .foreign = true,
     .few = true},
    {.name = "attach",
     .script = ":attach home/sweep Enter\nwait text \" 70 \"\nwait text \" 12 \"\nj",
     .foreign = true},
    {.name = "map", .target = GOLDEN_MODEL, .script = "wait scan\nlj"},
    {.name = "map-scanning",
     .target = GOLDEN_MODEL,
     .script = "wait text \"18/56\"",
     .partly = true,
     .few = true},
    {.name = "map-edited",
     .target = GOLDEN_MODEL,
     .script = "wait scan\nj Space\nl Space\njj Space\nl v l Space\nk",
     .few = true},
    {.name = "map-prompt", .target = GOLDEN_MODEL, .script = "wait scan\nvlljj\n:top", .few = true},
    {.name = "matrix", .target = GOLDEN_MODEL, .script = "wait scan\nlllj Enter"},
    {.name = "histogram",
     .target = GOLDEN_MODEL,
     .script = "wait scan\nlllj Enter\np",
     .few = true},
    {.name = "plans",
     .target = GOLDEN_MODEL,
     .script = "wait scan\n:top 50 Enter\njj Space\nP\nc mlp Space only Enter\nj"},
    {.name = "history",
     .target = GOLDEN_MODEL,
     .script = "wait scan\n:top 50 Enter\njj Space\ne\no\nu\nY\nk"},
    {.name = "form",
     .target = GOLDEN_MODEL,
     .script = "wait scan\nt\nfield \"data\"\ntype \"text/problems.jsonl\""},
    {.name = "form-engine",
     .target = GOLDEN_MODEL,
     .script = "wait scan\nt\nfield \"data\"\ntype \"text/problems.jsonl\"\nfield \"runs on\"\n"
               "Right\nfield \"processes\"\ntype \"2\"",
     .few = true},
    {.name = "presets", .target = GOLDEN_MODEL, .script = "wait scan\nt\nCtrl-P\nDown Down Down"},
    {.name = "data",
     .target = GOLDEN_MODEL,
     .script = "wait scan\nt\nfield \"data\"\ntype \"text/problems.jsonl\"\nCtrl-D"},
    {.name = "data-ids",
     .target = GOLDEN_MODEL,
     .script = "wait scan\nt\nfield \"data\"\ntype \"text/problems.jsonl\"\nCtrl-D\ni",
     .few = true},
    {.name = "devices", .target = GOLDEN_MODEL, .script = "wait scan\nd\nDown"},
    {.name = "help", .target = GOLDEN_MODEL, .script = "wait scan\n?\nDown Down"},
    {.name = "watch", .target = GOLDEN_RUN, .script = "wait step 1240"},
    {.name = "watch-attached",
     .target = GOLDEN_FOREIGN,
     .script = "wait step 412",
     .foreign = true,
     .few = true},
    {.name = "watch-cross",
     .target = GOLDEN_RUN,
     .script = "wait step 1240\nwait text \"best\"\n+\nwait text \"750\"\nhhh\nx",
     .few = true},
    {.name = "watch-memory", .target = GOLDEN_RUN, .script = "wait step 1240\nm"},
    {.name = "watch-log", .target = GOLDEN_RUN, .script = "wait step 1240\nL"},
    {.name = "watch-samples", .target = GOLDEN_RUN, .script = "wait step 1240\ns\nk"},
    {.name = "watch-engine", .target = GOLDEN_ENGINE, .script = "wait step 1240", .few = true},
    {.name = "watch-failed", .target = "runs/broken", .script = "wait step 77", .few = true},
    {.name = "watch-runs",
     .target = GOLDEN_RUN,
     .script = "wait step 1240\n:add-run runs/tale-full Enter\n:add-run runs/broken Enter\nb b"},
    {.name = "runs",
     .target = GOLDEN_RUN,
     .script = "wait step 1240\no\n/tale-lora Enter\nb\nDown Space",
     .few = true},
    {.name = "norms", .target = GOLDEN_RUN, .script = "wait step 1240\nn\nlljj"},
    {.name = "norms-course",
     .target = GOLDEN_RUN,
     .script = "wait step 1240\nn\nlljj Enter\n,",
     .few = true},
    {.name = "finish-export",
     .target = GOLDEN_ENDED,
     .script = "wait step 600\nE\ntype \"tale-model\"\nEnter\nwait text \"completed\"",
     .few = true},
    {.name = "finish-eval",
     .target = GOLDEN_ENDED,
     .script = "wait step 600\ne\ntype \"text/problems.jsonl\"\nEnter\nwait text \"perplexity\"",
     .few = true},
    {.name = "finish-failed",
     .target = GOLDEN_ENDED,
     .script = "wait step 600\nE\ntype \"full/model\"\nEnter\nwait text \"failed\"",
     .few = true},
    {.name = "finish-prompt",
     .target = GOLDEN_ENDED,
     .script = "wait step 600\ny\ntype \"Once upon a time\"\nEnter\nwait text \"boat\"\nj"},
    {.name = "small", .target = GOLDEN_RUN, .script = "wait step 1240", .small = true},
};
enum { SCREENS = sizeof shown / sizeof *shown };

/* --- on what --- */

#define UTF8 "C.UTF-8"
#define TRUE_COLOR "xterm-24bit"

/* Sizes by types: all sixteen pairs; locale and theme by Latin squares over them. And what most have.
 * Another state of a screen is taken on those that `few` has. */
/* clang-format off */
static const struct golden_terminal terminals[] = {
    {80, 24, "xterm-256color", UTF8, "dark"},  {80, 24, TRUE_COLOR, UTF8, "light"},
    {80, 24, "vt100", "C", NULL},              {80, 24, "linux", "C", "dark"},
    {132, 43, "xterm-256color", "C", "light"}, {132, 43, TRUE_COLOR, "C", "dark"},
    {132, 43, "vt100", UTF8, "dark"},          {132, 43, "linux", UTF8, NULL},
    {60, 16, "xterm-256color", UTF8, NULL},    {60, 16, TRUE_COLOR, UTF8, "dark"},
    {60, 16, "vt100", "C", "dark"},            {60, 16, "linux", "C", "light"},
    {200, 60, "xterm-256color", "C", "dark"},  {200, 60, TRUE_COLOR, "C", NULL},
    {200, 60, "vt100", UTF8, "light"},         {200, 60, "linux", UTF8, "dark"},
    {132, 43, "xterm-256color", UTF8, "dark"},
};
/* clang-format on */
enum { TERMINALS = sizeof terminals / sizeof *terminals, FACTORS = 4 };
static const bool few[TERMINALS] = {[0] = true, [7] = true, [11] = true, [12] = true, [16] = true};

static bool is_taken(const struct golden_screen *screen, int terminal)
{
    return !screen->few || few[terminal];
}

/* A terminal's value of a factor, as a text. */
static const char *value_of(const struct golden_terminal *terminal, int factor, char size[16])
{
    snprintf(size, 16, "%dx%d", terminal->width, terminal->height);
    const char *const values[FACTORS] = {size, terminal->type, terminal->locale,
                                         terminal->theme ? terminal->theme : "NO_COLOR"};
    return values[factor];
}

static bool is_there(int a, const char *x, int b, const char *y)
{
    char size[16];
    bool found = false;
    for (int i = 0; i < TERMINALS; i++)
        found |= strcmp(value_of(&terminals[i], a, size), x) == 0 &&
                 strcmp(value_of(&terminals[i], b, size), y) == 0;
    return found;
}

static void every_pair_of_values_is_there(void **state)
{
    (void)state;
    static const char *const values[FACTORS][5] = {
        {"80x24", "132x43", "60x16", "200x60"},
        {"xterm-256color", TRUE_COLOR, "vt100", "linux"},
        {UTF8, "C"},
        {"dark", "light", "NO_COLOR"},
    };
    for (int a = 0; a < FACTORS; a++)
        for (int b = a + 1; b < FACTORS; b++)
            for (int x = 0; values[a][x]; x++)
                for (int y = 0; values[b][y]; y++)
                    if (!is_there(a, values[a][x], b, values[b][y]))
                        fail_msg("no terminal has %s and %s", values[a][x], values[b][y]);
}

/* --- the files --- */

static const char *source_folder(void)
{
    static char path[512];
    const char *data = getenv("SPECTRUM_TEST_DATA"); /* tests/data */
    snprintf(path, sizeof path, "%s/../..", data ? data : "");
    char *whole = realpath(path, NULL);
    if (whole)
        snprintf(path, sizeof path, "%s", whole);
    free(whole);
    return path;
}

/* The terminal of a picture of small windows: the same, and a size that no view has. */
static struct golden_terminal terminal_at(const struct golden_screen *screen, int at)
{
    static const int sizes[][2] = {{59, 24}, {40, 10}, {100, 15}, {24, 3}};
    struct golden_terminal terminal = terminals[at];
    if (screen->small) {
        terminal.width = sizes[at % 4][0];
        terminal.height = sizes[at % 4][1];
    }
    return terminal;
}

/* "== 80x24 vt100 C NO_COLOR", which begins a picture. */
static void put_title(struct buffer *out, const struct golden_terminal *terminal)
{
    buffer_format(out, "== %dx%d %s %s %s\n", terminal->width, terminal->height, terminal->type,
                  terminal->locale, terminal->theme ? terminal->theme : "NO_COLOR");
}

/* The first picture of each size is whole; of the others only those rows that are not as there, and in
 * the place of the rest "= FIRST-LAST". The line of a row, if both have it: */
static bool is_same_line(const char *a, const char *b)
{
    size_t length = strcspn(a, "\n");
    return *a == '|' && length == strcspn(b, "\n") && memcmp(a, b, length) == 0;
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

static void put_apart(struct buffer *out, const char *picture, const char *first)
{
    if (strncmp(first, "ground", 6) == 0)
        first = next_line(first);
    for (int y = 0; *picture;) {
        int same = 0;
        while (is_same_line(picture, first)) {
            picture = next_line(picture);
            first = next_line(first);
            same++;
        }
        if (same > 0)
            buffer_format(out, "= %d-%d\n", y, y + same - 1);
        y += same;
        if (!*picture)
            break;
        bool row = *picture == '|';
        buffer_append(out, picture, (size_t)(next_line(picture) - picture));
        picture = next_line(picture);
        if (row && *first == '|')
            first = next_line(first);
        y += row;
    }
}

/* Each in a folder that is its own. */
static void shoot_all(struct buffer *out, const struct golden_screen *screen)
{
    struct buffer pictures[TERMINALS] = {0};
    char world[128], command[160];
    snprintf(world, sizeof world, "%s/world", folder);
    snprintf(command, sizeof command, "rm -rf '%s'", world);
    for (int i = 0; i < TERMINALS; i++) {
        struct golden_terminal terminal = terminal_at(screen, i);
        int first = 0;
        if (!is_taken(screen, i))
            continue;
        while (terminal_at(screen, first).width != terminal.width || !is_taken(screen, first))
            first++;
        assert_int_equal(mkdir(world, 0700), 0);
        put_title(out, &terminal);
        if (golden_shoot(&pictures[i], screen, &terminal, world, source_folder()) != 0)
            fail_msg("%s: %s", screen->name, buffer_string(&pictures[i]));
        put_apart(out, buffer_string(&pictures[i]),
                  first < i ? buffer_string(&pictures[first]) : "");
        assert_int_equal(system(command), 0);
    }
    for (int i = 0; i < TERMINALS; i++)
        buffer_free(&pictures[i]);
}

/* --- kept and found, side by side --- */

enum { ROWS_MAX = 64 };

/* A picture's lines by their rows; "" where there is none. */
struct picture {
    const char *texts[ROWS_MAX], *looks[ROWS_MAX];
};

/* The picture of a title, whose lines are cut apart in place. */
static void find_picture(struct picture *out, char *text, const char *title)
{
    int y = 0;
    for (int i = 0; i < ROWS_MAX; i++)
        out->texts[i] = out->looks[i] = "";
    char *at = strstr(text, title);
    at = at ? at + strlen(title) : NULL;
    while (at && *at && strncmp(at, "== ", 3) != 0) {
        char *end = strchr(at, '\n');
        if (end)
            *end = '\0';
        int first, last;
        bool as_first = sscanf(at, "= %d-%d", &first, &last) == 2;
        long row = at[0] == '|' ? y : strtol(at, NULL, 10);
        for (; as_first && y <= last && y < ROWS_MAX; y++)
            out->texts[y] = "= as in the first picture of this size";
        if (!as_first && row >= 0 && row < ROWS_MAX)
            *(at[0] == '|' ? &out->texts[row] : &out->looks[row]) = at;
        y += at[0] == '|';
        at = end ? end + 1 : NULL;
    }
}

/* Cut to some columns and filled up to them. */
static void put_column(struct buffer *out, const char *text, int columns)
{
    int used = 0, wide;
    for (size_t bytes; (bytes = text_grapheme(text, &wide)) > 0 && used + wide <= columns;
         text += bytes, used += wide)
        buffer_append(out, text, bytes);
    buffer_format(out, "%*s", columns - used, "");
}

/* From a little before the first difference on. */
static void put_difference(struct buffer *out, const char *what, int row, const char *kept,
                           const char *found)
{
    enum { COLUMNS = 64, BEFORE = 12 };
    size_t same = 0;
    while (kept[same] && kept[same] == found[same])
        same++;
    size_t from = same > BEFORE ? same - BEFORE : 0;
    while (from > 0 && (kept[from] & 0xC0) == 0x80)
        from--;
    buffer_format(out, "  %s %2d  ", what, row);
    put_column(out, kept + from, COLUMNS);
    buffer_text(out, "  ");
    put_column(out, found + from, COLUMNS);
    buffer_text(out, "\n");
}

/* The rows that differ; their number. */
static int put_differences(struct buffer *out, const struct picture *kept,
                           const struct picture *found)
{
    int count = 0;
    for (int y = 0; y < ROWS_MAX; y++) {
        bool text = strcmp(kept->texts[y], found->texts[y]) != 0;
        bool look = strcmp(kept->looks[y], found->looks[y]) != 0;
        if (text)
            put_difference(out, "row ", y, kept->texts[y], found->texts[y]);
        if (look)
            put_difference(out, "look", y, kept->looks[y], found->looks[y]);
        count += text || look;
    }
    return count;
}

static void report(const struct golden_screen *screen, const char *kept, const char *found)
{
    for (int i = 0; i < TERMINALS; i++) {
        struct golden_terminal terminal = terminal_at(screen, i);
        struct buffer title = BUFFER_INIT, rows = BUFFER_INIT;
        struct picture old, new;
        char *a = strdup(kept), *b = strdup(found);
        put_title(&title, &terminal);
        find_picture(&old, a, buffer_string(&title));
        find_picture(&new, b, buffer_string(&title));
        if (put_differences(&rows, &old, &new) > 0)
            printf("%s %s     kept, and at its right what is found\n%s", screen->name,
                   buffer_string(&title), buffer_string(&rows));
        buffer_free(&title);
        buffer_free(&rows);
        free(a);
        free(b);
    }
}

/* --- the test --- */

enum { FILE_BYTES_MAX = 1 << 20 };

/* Written only where that is asked for. */
static void keep(const char *path, const struct buffer *found, bool same)
{
    if (same)
        return;
    assert_int_equal(file_save(path, found->data, found->length, NULL), 0);
    print_message("written: %s\n", path);
}

static void the_screen_is_as_it_is_kept(void **state)
{
    const struct golden_screen *screen = *state;
    const char *mode = getenv("SPECTRUM_GOLDENS");
    struct buffer kept = BUFFER_INIT, found = BUFFER_INIT;
    char path[640];
    if (!has_types)
        skip();
    snprintf(path, sizeof path, "%s/tests/screen/goldens/%s.txt", source_folder(), screen->name);
    shoot_all(&found, screen);
    bool there = file_read_all(&kept, path, FILE_BYTES_MAX, NULL) == 0;
    bool same = there && strcmp(buffer_string(&kept), buffer_string(&found)) == 0;
    if (mode && strcmp(mode, "write") == 0) {
        keep(path, &found, same);
    } else if (!same) {
        report(screen, buffer_string(&kept), buffer_string(&found));
        fail_msg("%s is not as in %s; where it is meant to be, `script/goldens %s` writes it anew",
                 screen->name, path, screen->name);
    }
    buffer_free(&kept);
    buffer_free(&found);
}

static int make_types(void **state)
{
    int status = make_folder(state);
    has_types = status == 0 && golden_types_make(folder);
    if (!has_types)
        printf("SKIPPED: tic is not here, which describes a terminal of direct colours\n");
    return status;
}

/* A test a screen; the names of some in the command's arguments: these alone. */
int main(int argc, char **argv)
{
    struct CMUnitTest tests[SCREENS + 1] = {cmocka_unit_test(every_pair_of_values_is_there)};
    size_t count = 1;
    for (size_t i = 0; i < SCREENS; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++)
            wanted = wanted || strcmp(argv[k], shown[i].name) == 0;
        if (wanted)
            tests[count++] = (struct CMUnitTest){.name = shown[i].name,
                                                 .test_func = the_screen_is_as_it_is_kept,
                                                 .initial_state = (void *)&shown[i]};
    }
    return _cmocka_run_group_tests("goldens", tests, count, make_types, remove_folder);
}
