#include "job/run_config_yaml.h"

#include "base/memory.h"
#include "job/training_options.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Where the reader is: beside keys, at a key's value, or in its list. */
struct reader {
    struct run_config *config;
    yaml_parser_t parser;
    enum { OUTSIDE, AT_KEY, AT_VALUE, IN_LIST, BEHIND } place;
    char *key;
    size_t row;       /* of the key; the table's count: "model" */
    size_t key_line;  /* of the key */
    bool *seen;       /* [rows + 1] */
    size_t list_size; /* items so far */
};

static int refuse(const struct reader *reader, size_t line, struct error *err)
{
    err->kind = ERROR_USAGE;
    return run_config_at(reader->config, line, err);
}

static bool is_plain(const yaml_event_t *event)
{
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* What YAML 1.2 takes for nothing at all. */
static bool is_nothing(const yaml_event_t *event)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL", NULL};
    const char *text = (const char *)event->data.scalar.value;
    for (int i = 0; nothing[i]; i++)
        if (is_plain(event) && strcmp(text, nothing[i]) == 0)
            return true;
    return false;
}

/* A key that is there twice would leave it to the reader which value counts: an error. */
static int take_key(struct reader *reader, const char *text, size_t line, struct error *err)
{
    if (run_config_find(&reader->row, reader->config, text, line, err) != 0)
        return -1;
    if (reader->seen[reader->row]) {
        error_set(err, "%s is there a second time", text);
        return refuse(reader, line, err);
    }
    reader->seen[reader->row] = true;
    reader->key_line = line;
    reader->list_size = 0;
    free(reader->key);
    reader->place = AT_VALUE;
    return (reader->key = string_copy(text, err)) ? 0 : -1;
}

/* A flag that is false is one that was not given. */
static int take_flag(struct reader *reader, const char *text, size_t line, struct error *err)
{
    static const char *const answers[] = {"false", "False", "FALSE", "true", "True", "TRUE", NULL};
    int answer = 0;
    while (answers[answer] && strcmp(text, answers[answer]) != 0)
        answer++;
    if (answers[answer])
        return answer < 3 ? 0 : run_config_add(reader->config, reader->key, NULL, line, err);
    error_set(err, "%s is true or false, not \"%.60s\"", reader->key, text);
    return refuse(reader, line, err);
}

/* A flag takes true or false, every other option its text. */
static int take_value(struct reader *reader, const yaml_event_t *event, struct error *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t line = event->start_mark.line + 1;
    if (is_nothing(event)) {
        error_set(err, "%s has no value", reader->key);
        return refuse(reader, line, err);
    }
    bool flag = reader->row < training_options.count &&
                training_options.rows[reader->row].kind == OPTION_FLAG;
    return flag ? take_flag(reader, text, line, err)
                : run_config_add(reader->config, reader->key, text, line, err);
}

/* Keys and values take turns; a text with a NUL would be cut there. */
static int take_scalar(struct reader *reader, const yaml_event_t *event, struct error *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t line = event->start_mark.line + 1;
    if (strlen(text) != event->data.scalar.length || reader->place == OUTSIDE) {
        error_set(err, reader->place == OUTSIDE
                           ? "\"name: value\" was expected, a line for each option"
                           : "a text has a NUL");
        return refuse(reader, line, err);
    }
    if (reader->place == AT_KEY)
        return take_key(reader, text, line, err);
    int status = take_value(reader, event, err);
    reader->list_size++;
    if (reader->place == AT_VALUE)
        reader->place = AT_KEY;
    return status;
}

/* Beside the options and as an option's name there is no list and no mapping. */
static int refuse_place(const struct reader *reader, const char *what, size_t line,
                        struct error *err)
{
    if (reader->place == OUTSIDE)
        error_set(err, "a configuration is lines of \"name: value\", not %s", what);
    else
        error_set(err, "an option's name is a text, not %s", what);
    return refuse(reader, line, err);
}

/* Only options that may be given several times take one. */
static int take_list(struct reader *reader, size_t line, struct error *err)
{
    if (reader->place == OUTSIDE || reader->place == AT_KEY)
        return refuse_place(reader, "a list", line, err);
    const struct option *row =
        reader->row < training_options.count ? &training_options.rows[reader->row] : NULL;
    bool takes = row && (row->kind == OPTION_TEXTS || row->kind == OPTION_PATHS ||
                         row->kind == OPTION_NUMBERS);
    if (reader->place == AT_VALUE && takes) {
        reader->place = IN_LIST;
        return 0;
    }
    error_set(err,
              reader->place == AT_VALUE ? "%s has one value, not a list"
                                        : "%s: a list has texts or numbers, not lists",
              reader->key);
    return refuse(reader, line, err);
}

static int end_list(struct reader *reader, size_t line, struct error *err)
{
    reader->place = AT_KEY;
    if (reader->list_size > 0)
        return 0;
    error_set(err, "%s is an empty list", reader->key);
    return refuse(reader, line, err);
}

/* What stands before a value: an anchor, and what says of which type it is to be, which the option
 * alone does; NULL: it is not there. */
static void read_marks(const yaml_event_t *event, const char **anchor, const char **tag)
{
    const yaml_char_t *marks[2] = {NULL, NULL};
    if (event->type == YAML_SCALAR_EVENT) {
        marks[0] = event->data.scalar.anchor;
        marks[1] = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        marks[0] = event->data.sequence_start.anchor;
        marks[1] = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        marks[0] = event->data.mapping_start.anchor;
        marks[1] = event->data.mapping_start.tag;
    }
    *anchor = (const char *)marks[0];
    *tag = (const char *)marks[1];
}

/* The form is flat: a mapping of keys to scalars and lists of scalars, no aliases, one document. */
static int take_event(struct reader *reader, const yaml_event_t *event, struct error *err)
{
    size_t line = event->start_mark.line + 1;
    const char *anchor, *tag;
    read_marks(event, &anchor, &tag);
    if (anchor) {
        error_set(err, "there are no anchors here (&%.60s)", anchor);
        return refuse(reader, line, err);
    }
    if (tag) {
        error_set(err, "there are no tags here (%.60s): an option says itself what its value is",
                  tag);
        return refuse(reader, line, err);
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reader, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return take_list(reader, line, err);
    case YAML_SEQUENCE_END_EVENT:
        return end_list(reader, line, err);
    case YAML_MAPPING_START_EVENT:
        if (reader->place == OUTSIDE) {
            reader->place = AT_KEY;
            return 0;
        }
        if (reader->place == AT_KEY)
            return refuse_place(reader, "others", line, err);
        error_set(err, "%s: options stand side by side, none has others below it", reader->key);
        return refuse(reader, line, err);
    case YAML_MAPPING_END_EVENT:
        reader->place = BEHIND;
        return 0;
    case YAML_DOCUMENT_START_EVENT:
        if (reader->place != BEHIND)
            return 0;
        error_set(err, "a second document begins here");
        return refuse(reader, line, err);
    case YAML_ALIAS_EVENT:
        error_set(err, "there are no aliases here");
        return refuse(reader, line, err);
    default:
        return 0;
    }
}

/* A line a step, as YAML counts events; each is bounded by the file's length. */
static int read_events(struct reader *reader, struct error *err)
{
    yaml_parser_t *parser = &reader->parser;
    bool end = false;
    int status = 0;
    while (status == 0 && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            error_set(err, "not valid YAML: %s", parser->problem ? parser->problem : "?");
            return refuse(reader, parser->problem_mark.line + 1, err);
        }
        end = event.type == YAML_STREAM_END_EVENT;
        status = take_event(reader, &event, err);
        yaml_event_delete(&event);
    }
    return status;
}

/* By events: nothing that the file nests takes memory. */
int run_config_read_yaml(struct run_config *config, const char *text, size_t length,
                         struct error *err)
{
    struct reader reader = {.config = config};
    if (!(reader.seen = array_alloc(training_options.count + 1, sizeof *reader.seen, err)))
        return -1;
    if (!yaml_parser_initialize(&reader.parser)) {
        free(reader.seen);
        return error_set(err, "not enough memory");
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    int status = read_events(&reader, err);
    yaml_parser_delete(&reader.parser);
    free(reader.seen);
    free(reader.key);
    return status;
}
