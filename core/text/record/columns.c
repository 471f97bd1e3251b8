/* Columns: what --columns calls them, and what a record has in them. */
#include "text/record/reader.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what --columns says --- */

static const char *const column_keys[COLUMN_COUNT] = {
    "text",          "prompt", "completion", "instruction", "input",   "output", "messages",
    "conversations", "system", "tools",      "documents",   "history", "label",  "weight",
};

/* Is it one of the columns that say which form a record has? */
static bool names_form(int which)
{
    return which < COLUMN_SYSTEM;
}

/* An empty name leaves a column unread; a form without what it is made of is not that form, so the
 * others need one. */
int column_names_parse(struct column_names *out, const char *columns, struct error *err)
{
    *out = (struct column_names){0};
    char *copy = columns && columns[0] ? string_copy(columns, err) : NULL, *rest = copy, *pair;
    int status = -1;
    if (columns && columns[0] && !copy)
        return -1;
    while (copy && (pair = strsep(&rest, ","))) {
        char *equals = strchr(pair, '=');
        int which = 0;
        if (equals)
            *equals = '\0';
        while (which < COLUMN_COUNT && strcmp(pair, column_keys[which]) != 0)
            which++;
        if (!equals || which == COLUMN_COUNT ||
            (!equals[1] && names_form(which) && which != COLUMN_INPUT)) {
            error_set_kind(err, ERROR_USAGE,
                           "--columns: \"%s\" is not a KEY=NAME of " COLUMN_KEYS
                           " (input and those from system on take an empty NAME: not to be read)",
                           pair);
            goto out;
        }
        if (out->names[which]) {
            error_set_kind(err, ERROR_USAGE, "--columns names %s twice", pair);
            goto out;
        }
        out->chosen |= names_form(which) && equals[1];
        out->named[which] = equals[1];
        if (!(out->names[which] = string_copy(equals + 1, err)))
            goto out;
    }
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (!out->names[i] &&
            !(out->names[i] = string_copy(out->chosen && names_form(i) ? "" : column_keys[i], err)))
            goto out;
    status = 0;
out:
    free(copy);
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
    return which < COLUMN_COUNT ? column_keys[which] : "";
}

/* --- the columns of a record --- */

/* A tool's column often has its JSON as a text: "[]" says as much as nothing. */
bool column_is_empty_json(const char *text)
{
    static const char *const empty[] = {"", "null", "[]", "{}", NULL};
    char letters[6];
    size_t count = 0;
    for (; *text && count < sizeof letters - 1; text++)
        if (!strchr(" \t\r\n", *text))
            letters[count++] = *text;
    letters[count] = '\0';
    return text_is_one_of(letters, empty);
}

const char *column_name(const struct reader *r, enum column which)
{
    const char *name = r->context->columns->names[which];
    return *name ? name : column_key(which);
}

const cJSON *column_raw(const struct reader *r, enum column which)
{
    const char *name = r->context->columns->names[which];
    return *name ? json_get(r->record, name) : NULL;
}

const cJSON *column_look(const struct reader *r, enum column which)
{
    const cJSON *value = column_raw(r, which);
    return json_is_there(value) ? value : NULL;
}

void column_read(struct reader *r, const char *name)
{
    struct form *form = r->form;
    if (form->read_count < sizeof form->read / sizeof *form->read)
        form->read[form->read_count++] = name;
}

const cJSON *column_take(struct reader *r, enum column which)
{
    if (column_raw(r, which))
        column_read(r, r->context->columns->names[which]);
    return column_look(r, which);
}

bool form_unread(const struct form *form, const cJSON *column)
{
    for (size_t i = 0; i < form->read_count; i++)
        if (column->string && strcmp(form->read[i], column->string) == 0)
            return false;
    return json_says(column);
}

/* --- what a record lacks --- */

void column_put_names(const cJSON *record, struct buffer *names)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, record)
    {
        if (names->length < 400)
            buffer_format(names, "%s\"%.40s\"", item == record->child ? "" : ", ", item->string);
    }
}

/* Columns that one form is made of. */
static const enum column forms[][3] = {{COLUMN_PROMPT, COLUMN_COMPLETION, COLUMN_COUNT},
                                       {COLUMN_INSTRUCTION, COLUMN_INPUT, COLUMN_OUTPUT}};
enum { FORMS = sizeof forms / sizeof *forms };

/* The --columns that name the columns of the form that `of` belongs to, with a NAME to be filled in
 * for what is lacking. */
static void put_columns(const struct reader *r, enum column of, enum column lacking,
                        struct buffer *out)
{
    for (size_t f = 0; f < FORMS; f++) {
        if (of != forms[f][0] && of != forms[f][1] && of != forms[f][2])
            continue;
        const char *joint = "";
        for (size_t i = 0; i < 3 && forms[f][i] != COLUMN_COUNT; i++) {
            enum column which = forms[f][i];
            bool there = r->context->columns->named[which] ||
                         json_get(r->record, column_name(r, which)) != NULL;
            if (which == COLUMN_INPUT && !there)
                continue;
            buffer_format(out, "%s%s=%.80s", joint, column_key(which),
                          which == lacking || !there ? "NAME" : column_name(r, which));
            joint = ",";
        }
        return;
    }
    buffer_format(out, "%s=NAME", column_key(of));
}

/* error_set() makes the names fit to be shown. */
int column_lacks(const struct reader *r, enum column which, struct error *err)
{
    struct buffer names = BUFFER_INIT, columns = BUFFER_INIT;
    const cJSON *value = column_raw(r, which);
    column_put_names(r->record, &names);
    put_columns(r, which, which, &columns);
    if (value)
        error_set(err, "\"%.80s\" is null; take such records out of the data",
                  column_name(r, which));
    else
        error_set(err, "no \"%.80s\"; there are: %.300s; --columns %.200s names another",
                  column_name(r, which), buffer_string(&names), buffer_string(&columns));
    buffer_free(&columns);
    buffer_free(&names);
    return -1;
}

/* A form is named whole or not at all: else a column by its usual name would be mixed with one by a
 * chosen name. */
int column_refuse_part(const struct reader *r, struct error *err)
{
    enum column part = COLUMN_COUNT;
    for (size_t i = 0; i < FORMS * 3 && part == COLUMN_COUNT; i++) {
        enum column which = forms[i / 3][i % 3];
        if (which != COLUMN_COUNT && r->context->columns->named[which])
            part = which;
    }
    if (part == COLUMN_COUNT)
        return 0;
    struct buffer columns = BUFFER_INIT, names = BUFFER_INIT;
    put_columns(r, part, COLUMN_COUNT, &columns);
    column_put_names(r->record, &names);
    error_set(err,
              "--columns names \"%s\", and what it leaves out of that form is not looked for: name "
              "all of it, as in --columns %.200s; there are: %.300s",
              column_key(part), buffer_string(&columns), buffer_string(&names));
    buffer_free(&columns);
    buffer_free(&names);
    return -1;
}

/* *out is what stands there where the column may be missing, NULL where it must be there. */
int column_text(struct reader *r, enum column which, const char **out, struct error *err)
{
    const cJSON *value = column_take(r, which);
    if (value && !cJSON_IsString(value))
        return error_set(err,
                         "\"%.80s\" is not a text; take such records out of the data, or name "
                         "another column with --columns%s",
                         column_name(r, which),
                         cJSON_IsNumber(value) || cJSON_IsBool(value)
                             ? " (of numbers jq's tostring makes texts)"
                             : "");
    if (!value && !*out)
        return column_lacks(r, which, err);
    if (value)
        *out = value->valuestring;
    return 0;
}
