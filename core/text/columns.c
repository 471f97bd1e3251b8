#include "text/columns.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *const column_keys[COLUMN_COUNT] = {
    "text",          "prompt", "completion", "instruction", "input",   "output", "messages",
    "conversations", "system", "tools",      "documents",   "history", "label",  "weight",
};

/* Is it one of the columns that say which form a record has? */
static bool names_form(int which)
{
    return which < COLUMN_SYSTEM;
}

/* An empty name leaves a column unread; a form without what it is made of is none. */
static bool may_be_empty(int which)
{
    return !names_form(which) || which == COLUMN_INPUT;
}

static int add_column(struct column_names *out, char *pair, struct error *err)
{
    char *equals = strchr(pair, '=');
    if (equals)
        *equals = '\0';
    for (int i = 0; i < COLUMN_COUNT && equals; i++)
        if (strcmp(pair, column_keys[i]) == 0 && (equals[1] || may_be_empty(i))) {
            if (out->names[i])
                return error_set_kind(err, ERROR_USAGE, "--columns names %s twice", pair);
            out->chosen |= names_form(i) && equals[1];
            out->named[i] = equals[1];
            return (out->names[i] = string_copy(equals + 1, err)) ? 0 : -1;
        }
    return error_set_kind(err, ERROR_USAGE,
                          "--columns: \"%s\" is not a KEY=NAME of " COLUMN_KEYS
                          " (input and those from system on take an empty NAME: not to be read)",
                          pair);
}

int column_names_parse(struct column_names *out, const char *columns, struct error *err)
{
    *out = (struct column_names){0};
    char *copy = columns && columns[0] ? string_copy(columns, err) : NULL, *rest = copy;
    int status = columns && columns[0] && !copy ? -1 : 0;
    for (char *pair; status == 0 && copy && (pair = strsep(&rest, ","));)
        status = add_column(out, pair, err);
    free(copy);
    for (int i = 0; i < COLUMN_COUNT && status == 0; i++)
        if (!out->names[i] &&
            !(out->names[i] = string_copy(out->chosen && names_form(i) ? "" : column_keys[i], err)))
            status = -1;
    if (status != 0)
        column_names_free(out);
    return status;
}

void column_names_free(struct column_names *names)
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        free(names->names[i]);
    *names = (struct column_names){0};
}

const char *column_key(enum column which)
{
    return column_keys[which];
}
