#include "tui/cli/options.h"

#include "base/memory.h"
#include "tui/cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names the nearest option where one is near. */
static int unknown_option(const struct option_table *table, const char *name, struct error *err)
{
    const char *nearest = option_nearest(table, name);
    if (nearest)
        return error_set_kind(err, ERROR_USAGE, "there is no option --%s; did you mean --%s?", name,
                              nearest);
    return error_set_kind(err, ERROR_USAGE, "there is no option \"%s\"; --help lists them", name);
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

/* What --help shows: usage, and every row of the table in its order. */
static void print_options(const struct command *command)
{
    const struct option_table *table = command->options;
    printf("Usage: %s\n\nOptions:\n", command->usage);
    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        struct buffer help = BUFFER_INIT;
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s", row->name[1] ? "--" : "-", row->name,
                 row->argument ? " " : "", row->argument ? row->argument : "");
        option_put_help(&help, row);
        print_option(left, buffer_string(&help));
        buffer_free(&help);
    }
    print_option("--help", "this text");
}

/* "--steps", "-o": as a row's name is typed. */
static const char *dashes(const struct option *row)
{
    return row->name[1] ? "--" : "-";
}

/* Of two values the last one counts, as a script's options that a user's follow are meant
 * (`train --steps 100 "$@"`), and it is said which one does not. Lists grow; the same value once
 * more, and a flag, change nothing. */
static void say_which_counts(const struct option *row, const char *before, const char *value)
{
    bool grows = row->kind == OPTION_TEXTS || row->kind == OPTION_PATHS ||
                 row->kind == OPTION_NUMBERS || row->kind == OPTION_FLAG;
    if (!grows && before && value && strcmp(before, value) != 0)
        message_print("%s%s is given twice: \"%.40s\" counts, the last, and not \"%.40s\"",
                      dashes(row), row->name, value, before);
}

/* One pass over the arguments. What begins with "-" is an option, wherever it stands; after "--"
 * nothing is. Each value goes into the request at once. */
int options_parse(const struct command *command, void *request, struct option_given *given,
                  int argc, char **argv, const char **positionals, size_t *count, struct error *err)
{
    const struct option_table *table = command->options;
    const char *texts[OPTION_ROWS_MAX] = {NULL}; /* each row's value as it was given */
    *count = 0;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i], *value = NULL;
        char name[64];
        if (strcmp(argument, "--") == 0) {
            while (++i < argc)
                positionals[(*count)++] = argv[i];
            break;
        }
        if (argument[0] != '-' || argument[1] == '\0') { /* "-" alone is a name, too */
            positionals[(*count)++] = argument;
            continue;
        }
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            print_options(command);
            return 1;
        }
        /* --name=value, or --name and the value as the next argument */
        const char *start = argument + (argument[1] == '-' ? 2 : 1), *equals = strchr(start, '=');
        size_t length = equals ? (size_t)(equals - start) : strlen(start);
        value = equals ? equals + 1 : NULL;
        snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), start);
        size_t number = option_by_name(table, name);
        if (number == table->count)
            return unknown_option(table, name, err);
        const struct option *row = &table->rows[number];
        if (row->kind == OPTION_FLAG && value)
            return error_set_kind(err, ERROR_USAGE, "%s%s takes no value", dashes(row), name);
        if (row->kind != OPTION_FLAG && !value) {
            if (i + 1 >= argc)
                return error_set_kind(err, ERROR_USAGE, "%s%s needs a value", dashes(row), name);
            value = argv[++i]; /* whatever it looks like, but for one who asks for help */
            if (strcmp(value, "--help") == 0) {
                print_options(command);
                return 1;
            }
        }
        if (option_set(row, request, value, err) != 0)
            return -1;
        say_which_counts(row, texts[number], value);
        texts[number] = value;
        if (given)
            option_give(given, number);
    }
    for (size_t i = 0; i < *count; i++)
        if (!positionals[i][0])
            return error_set_kind(err, ERROR_USAGE,
                                  "an argument is empty (\"\"): a variable of the shell without a "
                                  "value, perhaps?");
    return 0;
}

/* `needs` is the whole message, as what is missing is not always the positional argument. */
int options_parse_one(const struct command *command, void *request, struct option_given *given,
                      const char *needs, int argc, char **argv, const char **positional,
                      struct error *err)
{
    size_t count = 0;
    const char **rest = array_alloc((size_t)argc, sizeof *rest, err);
    if (!rest)
        return -1;
    int status = options_parse(command, request, given, argc, argv, rest, &count, err);
    if (status == 0 && count != 1)
        status = error_set_kind(err, ERROR_USAGE, "%s", needs);
    if (status == 0)
        *positional = rest[0];
    free(rest);
    return status;
}
