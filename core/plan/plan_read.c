#include "plan/plan_read.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/yaml.h"
#include "plan/plan_write.h"

#include <stdlib.h>
#include <string.h>

enum { PLAN_NAMES_MAX = 1 << 20 };

struct names {
    char **items;
    size_t count, capacity;
};

/* Bounded, as the file may be anybody's. */
static int names_add(struct names *names, const char *text, struct error *err)
{
    if (names->count >= PLAN_NAMES_MAX)
        return error_set(err, "more than %d names", PLAN_NAMES_MAX);
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

/* Where the reader of YAML is: before the mapping, in it, behind its key, in the list, behind it.
 * */
struct reader {
    struct names *names;
    enum { OUTSIDE, AT_KEY, AT_VALUE, IN_LIST, BEHIND } place;
    bool seen; /* the key */
};

static const char yaml_key[] = "unfrozen_parameters";

/* The key, or a name of the list. A second list would leave it to the reader which of them counts.
 * */
static int take_text(struct reader *reader, const char *text, struct error *err)
{
    switch (reader->place) {
    case OUTSIDE: /* any text is YAML: one scalar */
        return *text ? error_set(err, "not a plan: \"%s:\" and a list were expected", yaml_key) : 0;
    case AT_KEY:
        if (strcmp(text, yaml_key) != 0)
            return error_set(err, "\"%.80s\" is not a part of a plan", text);
        if (reader->seen)
            return error_set(err, "%s is there a second time", yaml_key);
        reader->seen = true;
        reader->place = AT_VALUE;
        return 0;
    case AT_VALUE: /* of a plan of nothing, which is refused as one */
        if (*text)
            return error_set(err, "%s is a list, not \"%.80s\"", yaml_key, text);
        reader->place = AT_KEY;
        return 0;
    default:
        return names_add(reader->names, text, err);
    }
}

/* Of the one form that a plan has: {unfrozen_parameters: [scalar, ...]}. */
static int take_event(void *context, const yaml_event_t *event, struct error *err)
{
    struct reader *reader = context;
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_text(reader, yaml_text(event), err);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        if (reader->place != (list ? AT_VALUE : OUTSIDE))
            return error_set(err, "a plan is \"%s:\" and a list of names", yaml_key);
        reader->place = list ? IN_LIST : AT_KEY;
        return 0;
    default: /* an end */
        reader->place = event->type == YAML_SEQUENCE_END_EVENT ? AT_KEY : BEHIND;
        return 0;
    }
}

/* "^name$" to "name", with the backslashes before dots and backslashes taken out; "^name." too,
 * which means all tensors of that module. */
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

/* Anchors ("^...$") go, as a plan of ours writes them for readers that match by pattern. */
static int read_yaml(struct names *names, const struct buffer *text, const char *where,
                     struct error *err)
{
    struct reader reader = {.names = names};
    int status =
        yaml_read(where, buffer_string(text), text->length, take_event, &reader, ERROR_FAILED, err);
    for (size_t i = 0; i < names->count; i++)
        strip_anchors(names->items[i]);
    return status;
}

/* Its own form alone: format and version, whose names they are, then names. */
static int take_json(struct names *names, const cJSON *root, struct error *err)
{
    const cJSON *train = json_get(root, "train"), *item;
    const char *format = NULL, *whose = NULL;
    int64_t version = 0;
    if (!json_get_string(root, "format", &format) || strcmp(format, "spectrum.plan") != 0 ||
        !cJSON_IsArray(train))
        return error_set(err, "not a plan: \"format\": \"spectrum.plan\" and a list \"train\" "
                              "were expected");
    if (!json_get_int64(root, "version", &version) || version != 1)
        return error_set(err, "spectrum.plan version %lld; this program reads version 1",
                         (long long)version);
    if (json_get(root, "names_of") && !json_get_string(root, "names_of", &whose))
        return error_set(err, "\"names_of\" is not a text");
    if (whose && !text_is_one_of(whose, plan_names_of))
        return error_set(err,
                         "\"names_of\" is \"%.80s\"; this program knows the names of %s and of %s",
                         whose, plan_names_of[0], plan_names_of[1]);
    cJSON_ArrayForEach(item, train)
    {
        if (!cJSON_IsString(item))
            return error_set(err, "\"train\" has an entry that is not a name");
        if (names_add(names, item->valuestring, err) != 0)
            return -1;
    }
    return 0;
}

static int read_json(struct names *names, const struct buffer *text, const char *where,
                     struct error *err)
{
    cJSON *root = json_parse(buffer_string(text), text->length, JSON_STRICT, where, err);
    if (!root)
        return -1;
    int status = take_json(names, root, err) == 0 ? 0 : error_prefix(err, "%s", where);
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
