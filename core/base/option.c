#include "base/option.h"

#include "base/decimal.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which rows --- */

void option_give(struct option_given *given, size_t row)
{
    given->bits[row / 64] |= UINT64_C(1) << row % 64;
}

bool option_is_given(const struct option_given *given, size_t row)
{
    return given->bits[row / 64] >> row % 64 & 1;
}

size_t option_by_name(const struct option_table *table, const char *name)
{
    size_t row = 0;
    while (row < table->count && strcmp(table->rows[row].name, name) != 0)
        row++;
    return row;
}

size_t option_by_place(const struct option_table *table, size_t at)
{
    size_t row = 0;
    while (row < table->count && table->rows[row].at != at)
        row++;
    return row;
}

/* Levenshtein distance, for "did you mean": the fewest insertions, deletions and changes of a
 * character that make b of a. One row of the table is kept,
 *     d[i][j] = min(d[i-1][j] + 1, d[i][j-1] + 1, d[i-1][j-1] + (a[i] != b[j])),
 * with d[i-1][j-1] in `diagonal`. Names longer than the row count as far away. */
static int edit_distance(const char *a, const char *b)
{
    enum { ROW = 40 };
    int row[ROW], n = (int)strlen(b);
    if (n >= ROW)
        return ROW;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            int least = row[j] < row[j - 1] ? row[j] : row[j - 1];
            row[j] = least + 1 < change ? least + 1 : change;
        }
    }
    return row[n];
}

/* Fewer than four changes, and at most half as many as there are letters: a few letters are near to
 * everything short. */
const char *option_nearest(const struct option_table *table, const char *name)
{
    const char *nearest = NULL;
    int best = strlen(name) < 6 ? (int)strlen(name) / 2 + 1 : 4;
    for (size_t i = 0; i < table->count; i++) {
        const char *known = table->rows[i].name;
        int distance = edit_distance(name, known);
        if (known[1] && distance < best) {
            best = distance;
            nearest = known;
        }
    }
    return nearest;
}

static void *place_of(const struct option *row, void *request)
{
    return (char *)request + row->at;
}

static const void *value_of(const struct option *row, const void *request)
{
    return (const char *)request + row->at;
}

/* --- choices --- */

int option_choice_count(const struct option *row)
{
    int count = 0;
    while (row->choices && row->choices[count])
        count++;
    return count;
}

int option_choice_of(const struct option *row, const char *text)
{
    for (int i = 0; row->choices && row->choices[i]; i++)
        if (strcmp(row->choices[i], text) == 0)
            return i;
    return -1;
}

const char *option_choice_name(const struct option *row, const void *request)
{
    return row->kind == OPTION_CHOICE ? row->choices[*(const int *)value_of(row, request)] : "";
}

void option_put_choices(struct buffer *out, const struct option *row, const char *last)
{
    int count = option_choice_count(row);
    for (int i = 0; i < count; i++) {
        buffer_text(out, i == 0 ? "" : i == count - 1 ? last : ", ");
        buffer_text(out, row->choices[i]);
    }
}

/* The names, after the default's " (default)"; of anything else the default itself. */
static void put_default(struct buffer *out, const struct option *row)
{
    if (!row->choices) {
        buffer_text(out, row->preset ? row->preset : "");
        return;
    }
    for (int i = 0; row->choices[i]; i++) {
        bool preset = row->preset && strcmp(row->choices[i], row->preset) == 0;
        buffer_format(out, "%s%s%s", i ? ", " : "", row->choices[i], preset ? " (default)" : "");
    }
}

/* "{}" in a help text stands for the default. */
void option_put_help(struct buffer *out, const struct option *row)
{
    const char *mark = strstr(row->help, "{}");
    if (!mark) {
        buffer_text(out, row->help);
        return;
    }
    buffer_append(out, row->help, (size_t)(mark - row->help));
    put_default(out, row);
    buffer_text(out, mark + 2);
}

/* --- one text: is it a value, and which? --- */

/* IS_OUTSIDE: it is a value of the kind, and not within the row's bounds; both are refused, in
 * other words. */
enum fit { FITS, IS_NO_VALUE, IS_OUTSIDE };

union value {
    int64_t integer;
    double number;
    uint64_t bytes;
    int choice;
};

static bool is_bounded(const struct option *row)
{
    return row->low != 0 || row->high != 0;
}

/* The one reader of numbers, bytes and names. Texts and flags always fit; no file is called "". */
static enum fit read_value(const struct option *row, const char *text, union value *out)
{
    double number = 0;
    switch (row->kind) {
    case OPTION_INTEGER:
        if (!decimal_read_whole(&out->integer, text))
            return IS_NO_VALUE;
        number = (double)out->integer;
        break;
    case OPTION_NUMBER:
    case OPTION_NUMBERS:
        if (!decimal_read(&number, text))
            return IS_NO_VALUE;
        out->number = number;
        break;
    case OPTION_PERCENT:
        if (!decimal_read_percent(&number, text))
            return IS_NO_VALUE;
        out->number = number;
        break;
    case OPTION_BYTES:
        return text_to_bytes(&out->bytes, text) ? FITS : IS_NO_VALUE;
    case OPTION_CHOICE:
        return (out->choice = option_choice_of(row, text)) >= 0 ? FITS : IS_NO_VALUE;
    case OPTION_PATH:
    case OPTION_PATHS:
        return text[0] ? FITS : IS_NO_VALUE;
    default:
        return FITS;
    }
    return is_bounded(row) && (number < row->low || number > row->high) ? IS_OUTSIDE : FITS;
}

/* 0.0001, 1e-12; whole numbers whole. */
static void put_limit(double limit, char out[32])
{
    bool whole = limit == floor(limit) && fabs(limit) < 1e16;
    snprintf(out, 32, whole ? "%.0f" : "%g", limit);
}

/* "a whole number from 1 to 100". A list of numbers says only its bounds. */
static void put_wanted(struct buffer *out, const struct option *row)
{
    char low[32], high[32];
    put_limit(row->low, low);
    put_limit(row->high, high);
    switch (row->kind) {
    case OPTION_BYTES:
        buffer_text(out, "bytes such as 8G (of 1024^3), 8GB (of 10^9) or 500M");
        return;
    case OPTION_CHOICE:
        option_put_choices(out, row, " or ");
        return;
    case OPTION_NUMBERS:
        buffer_format(out, "%s to %s", low, high);
        return;
    case OPTION_PATH:
    case OPTION_PATHS:
        buffer_text(out, "the name of a file or a folder");
        return;
    default:
        buffer_text(out, row->kind == OPTION_INTEGER ? "a whole number" : "a number");
        if (is_bounded(row))
            buffer_format(out, " from %s to %s", low, high);
    }
}

static int refuse(const struct option *row, const char *text, struct error *err)
{
    struct buffer wanted = BUFFER_INIT;
    put_wanted(&wanted, row);
    error_set_kind(err, ERROR_USAGE, "%s%s takes %s, not \"%.40s\"", row->name[1] ? "--" : "-",
                   row->name, buffer_string(&wanted), text);
    buffer_free(&wanted);
    return -1;
}

/* For a form that says while somebody types what is wrong with it. */
bool option_takes(const struct option *row, const char *text, char *why, size_t size)
{
    union value value;
    char low[32], high[32];
    struct buffer names = BUFFER_INIT;
    enum fit fit = read_value(row, text, &value);
    put_limit(row->low, low);
    put_limit(row->high, high);
    why[0] = '\0';
    if (fit == IS_OUTSIDE) {
        snprintf(why, size, "from %s to %s", low, high);
    } else if (fit == IS_NO_VALUE && row->kind == OPTION_BYTES) {
        snprintf(why, size, "bytes, as in 8G or 500M");
    } else if (fit == IS_NO_VALUE && row->kind == OPTION_CHOICE) {
        option_put_choices(&names, row, " or ");
        snprintf(why, size, "%s", buffer_string(&names));
    } else if (fit == IS_NO_VALUE && (row->kind == OPTION_PATH || row->kind == OPTION_PATHS)) {
        snprintf(why, size, "a file or a folder, please");
    } else if (fit == IS_NO_VALUE) {
        snprintf(why, size, "%s number, please", row->kind == OPTION_INTEGER ? "a whole" : "a");
    }
    buffer_free(&names);
    return fit == FITS;
}

/* --- requests --- */

static int add_text(struct option_list *list, const char *text, struct error *err)
{
    const char **grown = realloc(list->items, (list->count + 1) * sizeof *grown);
    if (!grown)
        return error_no_memory(err);
    list->items = grown;
    list->items[list->count++] = text;
    return 0;
}

static int add_number(struct option_numbers *list, double number, struct error *err)
{
    double *grown = realloc(list->items, (list->count + 1) * sizeof *grown);
    if (!grown)
        return error_no_memory(err);
    list->items = grown;
    list->items[list->count++] = number;
    return 0;
}

int option_set(const struct option *row, void *request, const char *text, struct error *err)
{
    void *place = place_of(row, request);
    union value value;
    if (row->kind != OPTION_FLAG && read_value(row, text, &value) != FITS)
        return refuse(row, text, err);
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return 0;
    case OPTION_TEXT:
    case OPTION_PATH:
        *(const char **)place = text;
        return 0;
    case OPTION_TEXTS:
    case OPTION_PATHS:
        return add_text(place, text, err);
    case OPTION_NUMBERS:
        return add_number(place, value.number, err);
    case OPTION_INTEGER:
        *(int64_t *)place = value.integer;
        return 0;
    case OPTION_NUMBER:
    case OPTION_PERCENT:
        *(double *)place = value.number;
        return 0;
    case OPTION_BYTES:
        *(uint64_t *)place = value.bytes;
        return 0;
    case OPTION_CHOICE:
        *(int *)place = value.choice; /* an enum has an int's size */
        return 0;
    }
    return 0;
}

/* Of a member of a request by the option's kind: what resets one must know. */
static size_t size_of(enum option_kind kind)
{
    switch (kind) {
    case OPTION_FLAG:
        return sizeof(bool);
    case OPTION_TEXT:
    case OPTION_PATH:
        return sizeof(const char *);
    case OPTION_TEXTS:
    case OPTION_PATHS:
        return sizeof(struct option_list);
    case OPTION_NUMBERS:
        return sizeof(struct option_numbers);
    case OPTION_CHOICE:
        return sizeof(int);
    default:
        return 8;
    }
}

/* A number always has one; a text or a list may be absent. */
bool option_has_value(const struct option *row, const void *request)
{
    const void *value = value_of(row, request);
    switch (row->kind) {
    case OPTION_FLAG:
        return *(const bool *)value;
    case OPTION_TEXT:
    case OPTION_PATH:
        return *(const char *const *)value != NULL;
    case OPTION_TEXTS:
    case OPTION_PATHS:
        return ((const struct option_list *)value)->count > 0;
    case OPTION_NUMBERS:
        return ((const struct option_numbers *)value)->count > 0;
    case OPTION_BYTES:
        return *(const uint64_t *)value > 0;
    default:
        return true;
    }
}

/* Only lists own their memory; texts are the command line's. */
static void free_list(const struct option *row, void *request)
{
    struct option_list *texts = place_of(row, request);
    struct option_numbers *numbers = place_of(row, request);
    if (row->kind == OPTION_TEXTS || row->kind == OPTION_PATHS) {
        free(texts->items);
        *texts = (struct option_list){NULL, 0};
    } else if (row->kind == OPTION_NUMBERS) {
        free(numbers->items);
        *numbers = (struct option_numbers){NULL, 0};
    }
}

void option_free(const struct option_table *table, void *request)
{
    for (size_t i = 0; i < table->count; i++)
        free_list(&table->rows[i], request);
}

/* A default that its own row refuses would be left 0; test_base_option holds every table's. */
static void set_default(const struct option *row, void *request)
{
    memset(place_of(row, request), 0, size_of(row->kind));
    if (row->preset)
        option_set(row, request, row->preset, NULL);
}

void option_defaults(const struct option_table *table, void *request)
{
    for (size_t i = 0; i < table->count; i++)
        set_default(&table->rows[i], request);
}

void option_reset(const struct option *row, void *request)
{
    free_list(row, request);
    set_default(row, request);
}
