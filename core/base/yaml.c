#include "base/yaml.h"

#include <string.h>

const char *yaml_text(const yaml_event_t *event)
{
    return (const char *)event->data.scalar.value;
}

/* What stands before a value: an anchor, and what says of which type it is to be, which its reader
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

/* `documents`: how many have begun. */
static int check_event(const yaml_event_t *event, int *documents, enum error_kind kind,
                       struct error *err)
{
    const char *anchor, *tag;
    read_marks(event, &anchor, &tag);
    if (anchor)
        return error_set_kind(err, kind, "there are no anchors here (&%.60s)", anchor);
    if (tag)
        return error_set_kind(err, kind,
                              "there are no tags here (%.60s): what a value is does not depend on "
                              "what the file says of it",
                              tag);
    if (event->type == YAML_ALIAS_EVENT)
        return error_set_kind(err, kind, "there are no aliases here (*%.60s)",
                              (const char *)event->data.alias.anchor);
    if (event->type == YAML_DOCUMENT_START_EVENT && (*documents)++ > 0)
        return error_set_kind(err, kind, "a second document begins here");
    if (event->type == YAML_SCALAR_EVENT && strlen(yaml_text(event)) != event->data.scalar.length)
        return error_set_kind(err, kind, "a text has a NUL");
    return 0;
}

static bool is_taken(yaml_event_type_t type)
{
    return type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
           type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_START_EVENT ||
           type == YAML_MAPPING_END_EVENT;
}

int yaml_read(const char *path, const char *text, size_t length, yaml_taker *take, void *context,
              enum error_kind kind, struct error *err)
{
    yaml_parser_t parser;
    int status = 0, documents = 0;
    bool end = false;
    if (!yaml_parser_initialize(&parser))
        return error_no_memory(err);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    while (status == 0 && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            error_set_kind(err, kind, "not valid YAML: %s", parser.problem ? parser.problem : "?");
            status = error_prefix(err, "%s:%zu", path, parser.problem_mark.line + 1);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        status = check_event(&event, &documents, kind, err);
        if (status == 0 && is_taken(event.type))
            status = take(context, &event, err);
        if (status != 0)
            error_prefix(err, "%s:%zu", path, event.start_mark.line + 1);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}
