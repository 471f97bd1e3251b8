#include "plan/plan_read.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { PLAN_NAMES_MAX = 1 << 20 };

struct names {
    char **items;
    size_t count, capacity;
};

/* Bounded, as the file may be anybody's. */
static int names_add(struct names *names, const char *text, const char *where, struct error *err)
{
    if (names->count >= PLAN_NAMES_MAX)
        return error_set(err, "%s: more than %d names", where, PLAN_NAMES_MAX);
    if (array_reserve((void **)&names->items, &names->capacity, names->count + 1,
                      sizeof *names->items, err) != 0)
        return -1;
    names->items[names->count] = string_copy(text, err);
    return names->items[names->count++] ? 0 : -1;
}

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

/* Events of the one form that a plan has: {unfrozen_parameters: [scalar, ...]}. Aliases, nesting
 * and other keys are refused, so that nothing can expand. `depth` counts what is open: the mapping,
 * then the list. */
static int take_event(yaml_parser_t *parser, struct names *names, int *depth, bool *in_list,
                      bool *end, const char *where, struct error *err)
{
    yaml_event_t event;
    int status = 0;
    if (!yaml_parser_parse(parser, &event))
        return error_set(err, "%s: not valid YAML at line %zu: %s", where,
                         parser->problem_mark.line + 1, parser->problem ? parser->problem : "?");
    const char *text = event.type == YAML_SCALAR_EVENT ? (char *)event.data.scalar.value : "";
    switch (event.type) {
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        *in_list = event.type == YAML_SEQUENCE_START_EVENT;
        if (++*depth > 2 || (*in_list) != (*depth == 2))
            status = error_set(err, "%s: line %zu: a plan is \"unfrozen_parameters:\" and a list",
                               where, event.start_mark.line + 1);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        --*depth;
        *in_list = false;
        break;
    case YAML_SCALAR_EVENT:
        if (*in_list)
            status = names_add(names, text, where, err);
        else if (*depth == 0 && *text) /* any text is YAML: one scalar */
            status = error_set(
                err, "%s: not a plan: \"unfrozen_parameters:\" and a list were expected", where);
        else if (*depth == 1 && strcmp(text, "unfrozen_parameters") != 0 && *text)
            status = error_set(err, "%s: line %zu: \"%.80s\" is not a part of a plan", where,
                               event.start_mark.line + 1, text);
        break;
    case YAML_ALIAS_EVENT:
        status =
            error_set(err, "%s: line %zu: a plan has no aliases", where, event.start_mark.line + 1);
        break;
    case YAML_STREAM_END_EVENT:
        *end = true;
        break;
    default:
        break;
    }
    yaml_event_delete(&event);
    return status;
}

/* "^name$" to "name", with the backslashes before dots and backslashes taken out; "^name." too, which
 * means all tensors of that module. */
static void strip_anchors(char *name)
{
    size_t to = 0, length = strlen(name), slashes = 0;
    if (length < 2 || name[0] != '^' || !strchr("$.", name[length - 1]))
        return;
    char last = name[--length];
    while (length - slashes > 1 && name[length - 1 - slashes] == '\\')
        slashes++;
    if (last == '.' && slashes % 2 == 1) /* "^name\." */
        length--;
    for (size_t from = 1; from < length; from++) {
        if (name[from] == '\\' && from + 1 < length && strchr(".\\", name[from + 1]))
            from++;
        name[to++] = name[from];
    }
    name[to] = '\0';
}

/* By events, not as a tree: a file of nested lists takes no memory. Anchors ("^...$") go, as a plan
 * of ours writes them for readers that match by pattern. */
static int read_yaml(struct names *names, const struct buffer *text, const char *where,
                     struct error *err)
{
    yaml_parser_t parser;
    int depth = 0, status = 0;
    bool in_list = false, end = false;
    if (!yaml_parser_initialize(&parser))
        return error_set(err, "not enough memory for %s", where);
    yaml_parser_set_input_string(&parser, (const unsigned char *)buffer_string(text), text->length);
    while (status == 0 && !end)
        status = take_event(&parser, names, &depth, &in_list, &end, where, err);
    yaml_parser_delete(&parser);
    for (size_t i = 0; i < names->count; i++)
        strip_anchors(names->items[i]);
    return status;
}

/* Its own form alone: format and version, then names. */
static int read_json(struct names *names, const struct buffer *text, const char *where,
                     struct error *err)
{
    cJSON *root = json_parse(buffer_string(text), text->length, JSON_STRICT, where, err);
    const cJSON *train = root ? json_get(root, "train") : NULL, *item;
    const char *format = NULL;
    int64_t version = 0;
    int status = -1;
    if (!root)
        return -1;
    if (!json_get_string(root, "format", &format) || strcmp(format, "spectrum.plan") != 0 ||
        !cJSON_IsArray(train)) {
        error_set(err,
                  "%s: not a plan: \"format\": \"spectrum.plan\" and a list \"train\" "
                  "were expected",
                  where);
        goto out;
    }
    if (!json_get_int64(root, "version", &version) || version != 1) {
        error_set(err, "%s: spectrum.plan version %lld; this program reads version 1", where,
                  (long long)version);
        goto out;
    }
    cJSON_ArrayForEach(item, train)
    {
        if (!cJSON_IsString(item)) {
            error_set(err, "%s: \"train\" has an entry that is not a name", where);
            goto out;
        }
        if (names_add(names, item->valuestring, where, err) != 0)
            goto out;
    }
    status = 0;
out:
    cJSON_Delete(root);
    return status;
}

/* The names of a plan file, and how it begins: with "{" it is JSON. */
static int read_names(struct names *names, struct buffer *text, const char *path, struct error *err)
{
    int status = file_read_all(text, path, PLAN_FILE_MAX, err);
    if (status == 0 && text->length == 0)
        status = error_set(err, "%s is empty", path);
    size_t start = status == 0 ? strspn(text->data, " \t\r\n") : 0;
    if (status == 0)
        status = text->data[start] == '{' ? read_json(names, text, path, err)
                                          : read_yaml(names, text, path, err);
    return status;
}

static int set_names(struct plan *plan, const struct names *names, const char *path,
                     struct error *err)
{
    if (plan_set_names(plan, (const char *const *)names->items, names->count, path, err) != 0)
        return error_prefix(err, "%s", path);
    return 0;
}

/* A list that is empty is an error: it would freeze everything. */
int plan_read(struct plan *plan, const char *path, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct names names = {0};
    int status = read_names(&names, &text, path, err);
    if (status == 0 && names.count == 0)
        status = error_set(err, "%s: it trains nothing: the list is empty", path);
    if (status == 0)
        status = set_names(plan, &names, path, err);
    names_free(&names);
    buffer_free(&text);
    return status;
}

/* A text without a list has no names: it could be anything. */
bool plan_is_file(const char *path)
{
    struct buffer text = BUFFER_INIT;
    struct names names = {0};
    bool is = read_names(&names, &text, path, NULL) == 0 && names.count > 0;
    names_free(&names);
    buffer_free(&text);
    return is;
}
