#include "tui/screen/library_table.h"

#include "base/memory.h"
#include "base/sys.h"
#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    MODELS,
    JOBS,
    CELL = 64,
    NAME_MIN = 12,
    NAME_GOOD = 22,
    GOOD_RANK = 4,
    NAME_MOST = 48,
    NAME_WIDE = 80,
    LAST_MORE = 28,
    MARKS = 2,
    LEFT_COLUMNS = 11,
    COLUMNS = 10
};

/* --- what stands in a cell --- */

/* A scan's folder is named by a hash, so its model stands for it; that of another tool's run ends with
 * one. */
static void put_bare_name(const struct library_row *row, char *out, size_t size)
{
    enum { HASH = 9 }; /* "-9f3a61c2" */
    bool job = row->kind == LIBRARY_JOB, scan = job && row->job.kind->rows && row->job.model[0];
    size_t length = strlen(row->title), bare = length > HASH ? length - HASH : 0;
    const char *ending = row->title + bare;
    bool hashed = bare > 0 && job && row->job.tool[0] && ending[0] == '-' &&
                  strspn(ending + 1, "0123456789abcdef") == HASH - 1;
    if (hashed)
        snprintf(out, size, "%.*s", (int)bare, row->title);
    else
        snprintf(out, size, "%s", scan ? row->job.model : row->title);
}

/* With the tool, where there is room for both: "out · TensorBoard". */
static void put_name(const struct library_row *row, char *out, size_t size)
{
    put_bare_name(row, out, size);
    size_t used = strlen(out);
    if (row->kind == LIBRARY_JOB && row->job.tool[0])
        snprintf(out + used, size - used, " · %s", row->job.tool);
}

static void put_type(const struct library_row *row, char *out, size_t size)
{
    const char *type = row->model.type[0] ? row->model.type : row->whole ? "n/a" : "…";
    snprintf(out, size, "%s", row->kind == LIBRARY_SCAN ? "scan file" : type);
}

static void put_parameters(const struct library_row *row, char *out, size_t size)
{
    if (isnan(row->model.parameters))
        snprintf(out, size, "n/a");
    else
        count_put(row->model.parameters, out, size);
}

static void put_size(const struct library_row *row, char *out, size_t size)
{
    if (isnan(row->model.bytes))
        snprintf(out, size, "n/a");
    else
        bytes_put(row->model.bytes, out, size);
}

static void put_scanned(const struct library_row *row, char *out, size_t size)
{
    static const char *const words[] = {"n/a", "no", "in part", "yes"};
    snprintf(out, size, "%s", words[row->model.scanned]);
}

static void put_plans(const struct library_row *row, char *out, size_t size)
{
    if (row->model.plans < 0)
        snprintf(out, size, "n/a");
    else
        snprintf(out, size, "%d", row->model.plans);
}

static void put_state(const struct library_row *row, char *out, size_t size)
{
    const struct job_facts *job = &row->job;
    bool trains = strcmp(job->phase, "training") == 0; /* as its steps say */
    snprintf(out, size, "%s",
             job->phase[0] && !trains ? job->phase
             : job->word[0]           ? job->word
                                      : "…");
}

static void put_step(const struct library_row *row, char *out, size_t size)
{
    long long done = row->job.done, total = row->job.total;
    if (done < 0 && total < 0)
        snprintf(out, size, "n/a");
    else if (total < 0)
        snprintf(out, size, "%lld", done);
    else if (done < 0) /* it waits */
        snprintf(out, size, "-/%lld", total);
    else
        snprintf(out, size, "%lld/%lld", done, total);
}

static void put_left(const struct library_row *row, char *out, size_t size)
{
    if (!row->job.lives || row->job.pauses) { /* nothing passes */
        snprintf(out, size, "-");
        return;
    }
    job_left_put(&row->job.left, ">", out, size);
    char *seconds = strstr(out, " min ");
    if (seconds && text_columns(out) > LEFT_COLUMNS) /* ">12 min" */
        seconds[4] = '\0';
}

static void put_evaluation(const struct library_row *row, char *out, size_t size)
{
    loss_put(row->job.evaluation, out, size);
}

static void put_best(const struct library_row *row, char *out, size_t size)
{
    loss_put(row->job.best, out, size);
}

static double age_of(const struct library_row *row)
{
    return row->job.began < 0 ? NAN : fmax(0, difftime(sys.time(NULL), (time_t)row->job.began));
}

static void put_age(const struct library_row *row, char *out, size_t size)
{
    since_put(age_of(row), out, size);
}

static void put_method(const struct library_row *row, char *out, size_t size)
{
    snprintf(out, size, "%s", row->job.method[0] ? row->job.method : "-");
}

/* Of a launched run who trains it, "fsdp2 x 2"; of another tool's run the tool, for which the name may
 * have no room. */
static void put_kind(const struct library_row *row, char *out, size_t size)
{
    snprintf(out, size, "%s",
             row->job.engine[0] ? row->job.engine
             : row->job.tool[0] ? row->job.tool
                                : row->job.kind->command);
}

/* Of another tool's run where its log lies. */
static void put_model(const struct library_row *row, char *out, size_t size)
{
    snprintf(out, size, "%s", row->job.log[0] ? row->job.log : row->job.model);
}

/* --- what a column is sorted by: its number, or else its text --- */

static double parameters_of(const struct library_row *row)
{
    return row->model.parameters;
}
static double bytes_of(const struct library_row *row)
{
    return row->model.bytes;
}
static double scanned_of(const struct library_row *row)
{
    return row->model.scanned == SCANNED_UNKNOWN ? NAN : (double)row->model.scanned;
}
static double plans_of(const struct library_row *row)
{
    return row->model.plans < 0 ? NAN : row->model.plans;
}
static double step_of(const struct library_row *row)
{
    return row->job.done < 0 ? NAN : (double)row->job.done;
}
static double left_of(const struct library_row *row)
{
    return row->job.left.seconds;
}
static double evaluation_of(const struct library_row *row)
{
    return row->job.evaluation;
}
static double best_of(const struct library_row *row)
{
    return row->job.best;
}

/* --- columns --- */

struct column {
    const char *title;
    int width;
    int rank;  /* in a narrower window those of higher rank are left out first; 0: always there */
    bool left; /* aligned */
    void (*put)(const struct library_row *row, char *out, size_t size);
    double (*number)(const struct library_row *row); /* NULL: by the text */
};

/* In their order from the left; the name takes what is left, NAME_MIN to
 * NAME_MOST, and NAME_GOOD before the less important columns. So a window loses, as it gets
 * narrower, of jobs: model, kind, method, age, best, evaluation, time left; of models: scanned
 * or not and plans, type, size. rank_of() has an exception. */
static const struct column columns[2][COLUMNS] = {
    [MODELS] = {{"Models", 0, 0, true, put_name, NULL},
                {"TYPE", 12, 2, true, put_type, NULL},
                {"PARAMS", 9, 0, false, put_parameters, parameters_of},
                {"SIZE", 10, 1, false, put_size, bytes_of},
                {"SCANNED", 8, 3, false, put_scanned, scanned_of},
                {"PLANS", 6, 3, false, put_plans, plans_of}},
    [JOBS] = {{"Jobs", 0, 0, true, put_name, NULL},
              {"STATE", 16, 0, true, put_state, NULL},
              {"STEP", 13, 0, false, put_step, step_of},
              {"LEFT", LEFT_COLUMNS, 1, false, put_left, left_of},
              {"EVAL", 8, 2, false, put_evaluation, evaluation_of},
              {"BEST", 8, 3, false, put_best, best_of},
              {"AGE", 8, 4, false, put_age, age_of},
              {"METHOD", 14, 5, true, put_method, NULL},
              {"KIND", 14, 6, true, put_kind, NULL},
              {"MODEL", 20, 7, true, put_model, NULL}},
};
static const int column_counts[2] = {6, COLUMNS};

/* What the rows that are shown want of the columns. */
struct names {
    int widest;
    bool foreign; /* there are runs of other tools */
};

/* Where there are runs of other tools, the kind, which says the tool, comes before the best evaluation. */
static int rank_of(const struct column *column, bool foreign)
{
    if (foreign && column->put == put_kind)
        return GOOD_RANK - 1;
    return foreign && column->put == put_best ? GOOD_RANK : column->rank;
}

/* How wide the columns are that there is room for, 0 for the others; of all but the first. */
static int fit_columns(int section, int width, bool foreign, int widths[COLUMNS])
{
    int name = width - MARKS;
    memset(widths, 0, COLUMNS * sizeof *widths);
    for (int rank = 0; rank < COLUMNS; rank++)
        for (int i = 1; i < column_counts[section]; i++) {
            const struct column *column = &columns[section][i];
            if (rank_of(column, foreign) != rank)
                continue;
            if (rank > 0 && name - column->width - 2 < (rank < GOOD_RANK ? NAME_MIN : NAME_GOOD))
                return name;
            widths[i] = column->width;
            name -= column->width + 2;
        }
    return name;
}

/* The name is as wide as the widest one of `names` columns wants; what is left beyond is the last
 * column's, where that is a text. */
static void fit(int section, int width, const struct names *names, int widths[COLUMNS])
{
    int room = fit_columns(section, width, names->foreign, widths),
        last = column_counts[section] - 1;
    widths[0] = room < names->widest ? room : names->widest;
    int left = room - widths[0];
    if (widths[last] > 0 && columns[section][last].left)
        widths[last] += left < LAST_MORE ? left : LAST_MORE;
}

/* Of what is shown of a section. Most names fit NAME_MOST, and none gets more than NAME_WIDE. */
static struct names names_of(const struct library_table *table, const struct library *library,
                             int section)
{
    size_t from = section == MODELS ? 0 : table->models;
    size_t to = section == MODELS ? table->models : table->count;
    struct names names = {.widest = NAME_MOST};
    char name[CELL * 4];
    for (size_t i = from; i < to; i++) {
        const struct library_row *row = &library->rows[table->lines[i]];
        names.foreign |= section == JOBS && row->job.tool[0];
        if (names.widest < NAME_WIDE) {
            put_name(row, name, sizeof name);
            int columns_of = text_columns(name);
            names.widest = columns_of > names.widest ? columns_of : names.widest;
        }
    }
    if (names.widest > NAME_WIDE)
        names.widest = NAME_WIDE;
    return names;
}

/* --- order --- */

void library_table_free(struct library_table *table)
{
    free(table->lines);
    *table = (struct library_table){0};
}

/* In any of its cells, whatever the case. */
static bool passes(const struct library_row *row, const char *filter)
{
    int section = row->kind == LIBRARY_JOB ? JOBS : MODELS;
    char text[CELL * 4];
    for (int i = 0; i < column_counts[section]; i++) {
        columns[section][i].put(row, text, sizeof text);
        if (strcasestr(text, filter))
            return true;
    }
    return strcasestr(row->title, filter) != NULL;
}

/* What qsort() cannot be told: the rows, and how one section is sorted. Of one thread. */
static const struct library_row *sorted_rows;
static const struct column *sorted_by;
static bool sorted_backwards;

/* What is not known comes last in either direction; equal ones stay as they are listed. */
static int compare(const void *a, const void *b)
{
    size_t first = *(const size_t *)a, second = *(const size_t *)b;
    const struct library_row *x = &sorted_rows[first], *y = &sorted_rows[second];
    int order = 0;
    if (sorted_by->number) {
        double u = sorted_by->number(x), v = sorted_by->number(y);
        if (isnan(u) != isnan(v))
            return isnan(u) ? 1 : -1;
        order = (u > v) - (u < v);
    } else {
        char u[CELL * 4], v[CELL * 4];
        sorted_by->put(x, u, sizeof u);
        sorted_by->put(y, v, sizeof v);
        order = strcasecmp(u, v);
    }
    if (order == 0)
        return (first > second) - (first < second);
    return sorted_backwards ? -order : order;
}

static void reverse(size_t *lines, size_t count)
{
    for (size_t i = 0; i + 1 < count - i; i++) {
        size_t kept = lines[i];
        lines[i] = lines[count - 1 - i];
        lines[count - 1 - i] = kept;
    }
}

static void sort(const struct library_table *table, const struct library *library, int section,
                 size_t *lines, size_t count)
{
    int by = table->sort[section] - 1; /* -1: as they are listed */
    sorted_rows = library->rows;
    sorted_by = by < 0 ? NULL : &columns[section][by];
    sorted_backwards = table->reversed[section];
    if (count > 1 && sorted_by)
        qsort(lines, count, sizeof *lines, compare);
    else if (count > 1 && sorted_backwards)
        reverse(lines, count);
}

/* Models before jobs, each sorted on its own; with a filter only what passes it. */
int library_table_order(struct library_table *table, const struct library *library,
                        struct error *err)
{
    if (array_reserve((void **)&table->lines, &table->capacity, library->count + 1,
                      sizeof *table->lines, err) != 0)
        return -1;
    table->count = table->models = 0;
    for (size_t i = 0; i < library->count; i++) {
        if (table->filter[0] && !passes(&library->rows[i], table->filter))
            continue;
        table->lines[table->count++] = i;
        table->models += library->rows[i].kind != LIBRARY_JOB;
    }
    sort(table, library, MODELS, table->lines, table->models);
    sort(table, library, JOBS, table->lines + table->models, table->count - table->models);
    return 0;
}

const char *library_table_sort_next(struct library_table *table, const struct library *library,
                                    int section, int width)
{
    int *sort = &table->sort[section];
    int widths[COLUMNS];
    const struct names names = names_of(table, library, section);
    fit(section, width, &names, widths);
    do
        *sort = (*sort + 1) % (column_counts[section] + 1);
    while (*sort > 0 && widths[*sort - 1] == 0);
    return *sort == 0 ? "" : *sort == 1 ? "name" : columns[section][*sort - 1].title;
}

/* --- drawing --- */

static void put_cell(struct area area, int x, const struct column *column, int width,
                     struct style style, const char *text)
{
    struct area cell = area_part(area, x, 0, width, 1);
    char end[CELL * 4];
    if (column->put == put_model && strchr(text, '/')) {
        path_put_short(text, width, end, sizeof end); /* what differs is at its end */
        text = end;
    }
    if (column->left || text_columns(text) > width)
        area_label(cell, 0, 0, width, style, text);
    else
        area_put_right(cell, 0, 0, style, text);
}

/* "Jobs 3/12 *2 ↓": of how many rows how many are shown, how many are marked, and the arrow where
 * the name is what they are sorted by. */
static void put_title(const struct library_table *table, const struct library *library, int section,
                      const char *arrow, char *out, size_t size)
{
    size_t shown = section == MODELS ? table->models : table->count - table->models;
    size_t all = section == MODELS ? library->hidden : 0, marked = 0;
    char count[64] = "", marks[32] = "";
    for (size_t i = 0; i < library->count; i++)
        if ((library->rows[i].kind == LIBRARY_JOB) == (section == JOBS)) {
            all++;
            marked += library->rows[i].marked;
        }
    if (shown < all)
        snprintf(count, sizeof count, " %zu/%zu", shown, all);
    if (marked)
        snprintf(marks, sizeof marks, " *%zu", marked);
    bool here =
        table->sort[section] == 1 || (table->sort[section] == 0 && table->reversed[section]);
    snprintf(out, size, "%s%s%s%s%s", columns[section][0].title, count, marks, here ? " " : "",
             here ? arrow : "");
}

/* The arrow of another column than the name stands beside its title. */
static void draw_heading(struct app *app, struct area area, const struct library_table *table,
                         const struct library *library, int section)
{
    int widths[COLUMNS];
    const struct names names = names_of(table, library, section);
    fit(section, area.width, &names, widths);
    int x = MARKS + widths[0];
    int by = table->sort[section] - 1;
    const char *arrow = table->reversed[section] ? "↑" : "↓";
    struct style title = theme_style(&app->theme, THEME_TITLE);
    struct style dim = theme_style(&app->theme, THEME_DIM);
    char text[128];
    put_title(table, library, section, arrow, text, sizeof text);
    area_label(area, 0, 0, MARKS + widths[0], title, text);
    for (int i = 1; i < column_counts[section]; i++) {
        if (widths[i] == 0)
            continue;
        snprintf(text, sizeof text, "%s%s", columns[section][i].title, by == i ? arrow : "");
        put_cell(area, x + 2, &columns[section][i], widths[i], by == i ? title : dim, text);
        x += widths[i] + 2;
    }
}

/* Red for an end that nobody asked for, yellow for what waits, waited in vain or is elsewhere, green for what runs.
 */
static enum theme_role state_role(const struct job_facts *job)
{
    if (job->state == JOB_DIED || strcmp(job->word, "killed") == 0 ||
        strcmp(job->word, "failed") == 0)
        return THEME_ERROR;
    if (job->state == JOB_PAUSED || job->state == JOB_WAITING || job->state == JOB_ELSEWHERE ||
        strcmp(job->word, "not started") == 0)
        return THEME_WARNING;
    return job->lives ? THEME_GOOD : THEME_DIM;
}

static void draw_row(struct app *app, struct area area, const struct library_row *row,
                     const struct names *names, bool here)
{
    int section = row->kind == LIBRARY_JOB ? JOBS : MODELS;
    int widths[COLUMNS];
    fit(section, area.width, names, widths);
    int x = MARKS + widths[0];
    struct style text, dim;
    char cell[CELL * 4];
    list_line(area, &app->theme, here, &text, &dim);
    bool roomy = widths[0] >= NAME_GOOD;
    (roomy ? put_name : put_bare_name)(row, cell, sizeof cell);
    if (row->marked)
        area_put(area, 1, 0, here ? text : theme_style(&app->theme, THEME_ACCENT), "*");
    area_label(area, MARKS, 0, widths[0], text, cell);
    for (int i = 1; i < column_counts[section]; i++) {
        if (widths[i] == 0)
            continue;
        const struct column *column = &columns[section][i];
        column->put(row, cell, sizeof cell);
        if (column->put == put_kind && roomy && row->job.tool[0]) /* which the name says */
            snprintf(cell, sizeof cell, "%s", row->job.kind->command);
        struct style style =
            column->put != put_state ? dim
            : here ? theme_style_on(&app->theme, state_role(&row->job), THEME_SELECTED)
                   : theme_style(&app->theme, state_role(&row->job));
        put_cell(area, x + 2, column, widths[i], style, cell);
        x += widths[i] + 2;
    }
}

/* A heading, the models, a blank and a heading, the jobs. The cursor is in the middle where it can
 * be, and a heading stands above the first line of its section alone. */
int library_table_draw(struct app *app, struct area area, const struct library_table *table,
                       const struct library *library, const struct list *list, int *first)
{
    int y = 0, drawn = 0;
    const struct names names[2] = {names_of(table, library, MODELS),
                                   names_of(table, library, JOBS)};
    *first = list_first(list, area.height - 3);
    for (int i = *first; i < (int)table->count && y < area.height; i++, drawn++) {
        bool jobs = (size_t)i >= table->models;
        if (i == *first || (size_t)i == table->models) {
            y += i > *first;
            draw_heading(app, area_part(area, 0, y++, area.width, 1), table, library,
                         jobs ? JOBS : MODELS);
        }
        if (y < area.height)
            draw_row(app, area_part(area, 0, y++, area.width, 1), &library->rows[table->lines[i]],
                     &names[jobs ? JOBS : MODELS], i == list->cursor);
    }
    return drawn;
}
