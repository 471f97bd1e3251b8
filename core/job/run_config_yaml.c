#include "job/run_config_yaml.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/yaml.h"
#include "job/training_options.h"

#include <stdlib.h>
#include <string.h>

/* Where the reader is: beside keys, at a key's value, or in its list. */
struct reader {
    struct run_config *config;
    enum { OUTSIDE, AT_KEY, AT_VALUE, IN_LIST, BEHIND } place;
    char *key;
    size_t row;       /* of the key; the table's count: "model" */
    bool *seen;       /* [rows + 1] */
    size_t list_size; /* items so far */
};

static bool is_plain(const yaml_event_t *event)
{
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* What YAML 1.2 takes for nothing at all. */
static bool is_nothing(const yaml_event_t *event)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL", NULL};
    return is_plain(event) && text_is_one_of(yaml_text(event), nothing);
}

/* A key that is there twice would leave it to the reader which value counts: an error. */
static int take_key(struct reader *reader, const char *text, struct error *err)
{
    if (run_config_find(&reader->row, text, err) != 0)
        return -1;
    if (reader->seen[reader->row])
        return error_set_kind(err, ERROR_USAGE, "%s is there a second time", text);
    reader->seen[reader->row] = true;
    reader->list_size = 0;
    free(reader->key);
    reader->place = AT_VALUE;
    return (reader->key = string_copy(text, err)) ? 0 : -1;
}

/* A flag that is false is one that was not given. */
static int take_flag(struct reader *reader, const char *text, struct error *err)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    if (text_is_one_of(text, yes))
        return run_config_add(reader->config, reader->key, NULL, err);
    return text_is_one_of(text, no)
               ? 0
               : error_set_kind(err, ERROR_USAGE, "%s is true or false, not \"%.60s\"", reader->key,
                                text);
}

/* Keys and values take turns; a flag takes true or false, every other option its text. */
static int take_scalar(struct reader *reader, const yaml_event_t *event, struct error *err)
{
    const char *text = yaml_text(event);
    if (reader->place == OUTSIDE)
        return error_set_kind(err, ERROR_USAGE,
                              "\"name: value\" was expected, a line for each option");
    if (reader->place == AT_KEY)
        return take_key(reader, text, err);
    if (is_nothing(event))
        return error_set_kind(err, ERROR_USAGE, "%s has no value", reader->key);
    bool flag = reader->row < training_options.count &&
                training_options.rows[reader->row].kind == OPTION_FLAG;
    reader->list_size++;
    if (reader->place == AT_VALUE)
        reader->place = AT_KEY;
    return flag ? take_flag(reader, text, err)
                : run_config_add(reader->config, reader->key, text, err);
}

/* Beside the options and as an option's name there is no list and no mapping. */
static int refuse_place(const struct reader *reader, const char *what, struct error *err)
{
    if (reader->place == OUTSIDE)
        return error_set_kind(err, ERROR_USAGE,
                              "a configuration is lines of \"name: value\", not %s", what);
    return error_set_kind(err, ERROR_USAGE, "an option's name is a text, not %s", what);
}

/* Only options that may be given several times take one. */
static int take_list(struct reader *reader, struct error *err)
{
    if (reader->place == OUTSIDE || reader->place == AT_KEY)
        return refuse_place(reader, "a list", err);
    const struct option *row =
        reader->row < training_options.count ? &training_options.rows[reader->row] : NULL;
    bool takes = row && (row->kind == OPTION_TEXTS || row->kind == OPTION_PATHS ||
                         row->kind == OPTION_NUMBERS);
    if (reader->place == AT_VALUE && takes) {
        reader->place = IN_LIST;
        return 0;
    }
    return error_set_kind(err, ERROR_USAGE,
                          reader->place == AT_VALUE ? "%s has one value, not a list"
                                                    : "%s: a list has texts or numbers, not lists",
                          reader->key);
}

/* The form is flat: a mapping of keys to scalars and lists of scalars. */
static int take_event(void *context, const yaml_event_t *event, struct error *err)
{
    struct reader *reader = context;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reader, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return take_list(reader, err);
    case YAML_SEQUENCE_END_EVENT:
        reader->place = AT_KEY;
        return reader->list_size > 0
                   ? 0
                   : error_set_kind(err, ERROR_USAGE, "%s is an empty list", reader->key);
    case YAML_MAPPING_START_EVENT:
        if (reader->place == OUTSIDE) {
            reader->place = AT_KEY;
            return 0;
        }
        if (reader->place == AT_KEY)
            return refuse_place(reader, "others", err);
        return error_set_kind(err, ERROR_USAGE,
                              "%s: options stand side by side, none has others below it",
                              reader->key);
    default: /* the end of the one mapping */
        reader->place = BEHIND;
        return 0;
    }
}

int run_config_read_yaml(struct run_config *config, const char *text, size_t length,
                         struct error *err)
{
    struct reader reader = {.config = config};
    if (!(reader.seen = array_alloc(training_options.count + 1, sizeof *reader.seen, err)))
        return -1;
    int status = yaml_read(config->path, text, length, take_event, &reader, ERROR_USAGE, err);
    free(reader.seen);
    free(reader.key);
    return status;
}
