#include "tui/cli/options.h"

#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Levenshtein distance, for "did you mean"; names longer than the row count as far away. */
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

static int unknown_option(const struct option_spec *specs, size_t count, const char *name,
                          struct error *err)
{
    const char *nearest = NULL;
    int best = 4;
    for (size_t i = 0; i < count; i++) {
        int distance = edit_distance(name, specs[i].name);
        if (specs[i].name[1] && distance < best) {
            best = distance;
            nearest = specs[i].name;
        }
    }
    if (nearest)
        return error_set_kind(err, ERROR_USAGE, "there is no option --%s; did you mean --%s?", name,
                              nearest);
    return error_set_kind(err, ERROR_USAGE, "there is no option \"%s\"; --help lists them", name);
}

static int set_integer(const struct option_spec *spec, const char *value, struct error *err)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    bool bounded = spec->low != 0 || spec->high != 0;
    if (errno || end == value || *end ||
        (bounded && ((double)number < spec->low || (double)number > spec->high)))
        return bounded ? error_set_kind(err, ERROR_USAGE,
                                        "--%s takes a whole number from %.0f to %.0f, not \"%s\"",
                                        spec->name, spec->low, spec->high, value)
                       : error_set_kind(err, ERROR_USAGE, "--%s takes a whole number, not \"%s\"",
                                        spec->name, value);
    *(int64_t *)spec->target = number;
    return 0;
}

static int set_number(const struct option_spec *spec, const char *value, struct error *err)
{
    char *end = NULL;
    double number = strtod(value, &end);
    bool bounded = spec->low != 0 || spec->high != 0;
    if (end == value || *end || !isfinite(number) ||
        (bounded && (number < spec->low || number > spec->high)))
        return bounded ? error_set_kind(err, ERROR_USAGE,
                                        "--%s takes a number from %g to %g, not \"%s\"", spec->name,
                                        spec->low, spec->high, value)
                       : error_set_kind(err, ERROR_USAGE, "--%s takes a number, not \"%s\"",
                                        spec->name, value);
    *(double *)spec->target = number;
    return 0;
}

static int add_to_list(struct option_list *list, const char *value, struct error *err)
{
    const char **grown = realloc(list->items, (list->count + 1) * sizeof *grown);
    if (!grown)
        return error_set(err, "not enough memory");
    list->items = grown;
    list->items[list->count++] = value;
    return 0;
}

static int set_option(const struct option_spec *spec, const char *value, struct error *err)
{
    if (spec->given)
        *spec->given = true;
    switch (spec->kind) {
    case OPTION_FLAG:
        *(bool *)spec->target = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)spec->target = value;
        return 0;
    case OPTION_INTEGER:
        return set_integer(spec, value, err);
    case OPTION_NUMBER:
        return set_number(spec, value, err);
    case OPTION_LIST:
        return add_to_list(spec->target, value, err);
    }
    return 0;
}

/* A line; for whoever reads it on a terminal broken between words at 80 columns. */
static void print_option(const char *left, const char *help)
{
    enum { LEFT = 27, ROOM = 80 - LEFT };
    bool terminal = isatty(STDOUT_FILENO);
    printf("  %-24s ", left);
    if (terminal && strlen(left) > LEFT - 3)
        printf("\n%*s", LEFT, "");
    while (terminal && strlen(help) > ROOM) {
        int length = ROOM;
        while (length > 0 && help[length] != ' ')
            length--;
        if (length == 0)
            break;
        printf("%.*s\n%*s", length, help, LEFT, "");
        help += length + 1;
    }
    printf("%s\n", help);
}

static void print_options(const struct option_spec *specs, size_t count, const char *usage)
{
    printf("Usage: %s\n\nOptions:\n", usage);
    for (size_t i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s", specs[i].name[1] ? "--" : "-", specs[i].name,
                 specs[i].argument ? " " : "", specs[i].argument ? specs[i].argument : "");
        print_option(left, specs[i].help);
    }
    print_option("--help", "this text");
}

/* Splits "--name=value"; returns the spec or NULL. */
static const struct option_spec *find_option(const struct option_spec *specs, size_t count,
                                             const char *argument, char name[64],
                                             const char **value)
{
    const char *start = argument + (argument[1] == '-' ? 2 : 1), *equals = strchr(start, '=');
    size_t length = equals ? (size_t)(equals - start) : strlen(start);
    *value = equals ? equals + 1 : NULL;
    snprintf(name, 64, "%.*s", (int)(length < 63 ? length : 63), start);
    for (size_t i = 0; i < count; i++)
        if (strlen(specs[i].name) == length && memcmp(specs[i].name, start, length) == 0)
            return &specs[i];
    return NULL;
}

int options_parse(const struct option_spec *specs, size_t spec_count, const char *usage, int argc,
                  char **argv, const char **positionals, size_t *count, struct error *err)
{
    *count = 0;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i], *value = NULL;
        char name[64];
        if (strcmp(argument, "--") == 0) {
            while (++i < argc)
                positionals[(*count)++] = argv[i];
            break;
        }
        if (argument[0] != '-' || argument[1] == '\0') {
            positionals[(*count)++] = argument;
            continue;
        }
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            print_options(specs, spec_count, usage);
            return 1;
        }
        const struct option_spec *spec = find_option(specs, spec_count, argument, name, &value);
        if (!spec)
            return unknown_option(specs, spec_count, name, err);
        if (spec->kind == OPTION_FLAG && value)
            return error_set_kind(err, ERROR_USAGE, "--%s takes no value", name);
        if (spec->kind != OPTION_FLAG && !value) {
            if (i + 1 >= argc)
                return error_set_kind(err, ERROR_USAGE, "--%s needs a value", name);
            value = argv[++i];
            if (strcmp(value, "--help") == 0) {
                print_options(specs, spec_count, usage);
                return 1;
            }
        }
        if (set_option(spec, value, err) != 0)
            return -1;
    }
    return 0;
}

int options_parse_one(const struct option_spec *specs, size_t spec_count, const char *usage,
                      const char *needs, int argc, char **argv, const char **positional,
                      struct error *err)
{
    size_t count = 0;
    const char **rest = array_alloc((size_t)argc, sizeof *rest, err);
    if (!rest)
        return -1;
    int status = options_parse(specs, spec_count, usage, argc, argv, rest, &count, err);
    if (status == 0 && count != 1)
        status = error_set_kind(err, ERROR_USAGE, "%s", needs);
    if (status == 0)
        *positional = rest[0];
    free(rest);
    return status;
}

void options_free(const struct option_spec *specs, size_t spec_count)
{
    for (size_t i = 0; i < spec_count; i++) {
        if (specs[i].kind != OPTION_LIST)
            continue;
        struct option_list *list = specs[i].target;
        free(list->items);
        *list = (struct option_list){NULL, 0};
    }
}
