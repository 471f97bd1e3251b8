/* The templates of TRL and Axolotl with a fixed set of conversations: every rendering is the one of
 * transformers (tests/oracle/make_templates.py), byte for byte, and so are its generated stretches.
 */
#include "text_data.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/hash.h"
#include "jinja/jinja.h"

#include <dirent.h>

#define HEAP_LIMIT (64 << 20)
#define DIGITS 16 /* of a SHA-256, that templates.json keeps */

struct tried {
    const char *folder;
    cJSON *conversations;
    const cJSON *variables; /* the special tokens */
    time_t now;
    int compared, differences;
};

static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *found = json_get(object, key);
    if (!found)
        fail_msg("no %s", key);
    return found;
}

static time_t local_time(const cJSON *date)
{
    struct tm tm = {.tm_year = cJSON_GetArrayItem(date, 0)->valueint - 1900,
                    .tm_mon = cJSON_GetArrayItem(date, 1)->valueint - 1,
                    .tm_mday = cJSON_GetArrayItem(date, 2)->valueint,
                    .tm_hour = cJSON_GetArrayItem(date, 3)->valueint,
                    .tm_isdst = -1};
    return mktime(&tm);
}

/* transformers gives a template a message's reasoning under both of its names: as "thinking", in
 * front of all, where it is not there, and as "reasoning_content". */
static void name_reasoning(cJSON *message)
{
    static const char *const names[] = {"reasoning_content", "thinking", "reasoning"};
    const cJSON *reasoning = NULL;
    for (size_t i = 0; !reasoning && i < sizeof names / sizeof *names; i++)
        if (!cJSON_IsNull(json_get(message, names[i])))
            reasoning = json_get(message, names[i]);
    if (!reasoning)
        return;
    cJSON *copy = cJSON_Duplicate(reasoning, true);
    cJSON *thinking = cJSON_DetachItemFromObjectCaseSensitive(message, "thinking");
    cJSON *first = cJSON_CreateObject();
    cJSON_AddItemToObject(first, "thinking", thinking ? thinking : cJSON_Duplicate(copy, true));
    cJSON_InsertItemInArray(message, 0, cJSON_DetachItemFromArray(first, 0));
    cJSON_Delete(first);
    if (json_get(message, "reasoning_content"))
        cJSON_ReplaceItemInObjectCaseSensitive(message, "reasoning_content", copy);
    else
        cJSON_AddItemToObject(message, "reasoning_content", copy);
}

static cJSON *read_conversations(void)
{
    char path[1024];
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/text/conversations.json", getenv("SPECTRUM_TEST_DATA"));
    cJSON *conversations = json_read_file(path, 1 << 20, JSON_KEEP_NUMBERS, &err);
    if (!conversations)
        fail_msg("%s", err.text);
    cJSON *conversation, *message;
    cJSON_ArrayForEach(conversation, conversations)
    {
        cJSON *messages = cJSON_GetObjectItemCaseSensitive(conversation, "messages");
        cJSON_ArrayForEach(message, messages) name_reasoning(message);
    }
    return conversations;
}

static void set_variable(struct jinja_heap *heap, struct jinja_value map, const char *name,
                         const cJSON *json)
{
    struct jinja_value value = jinja_none();
    if (json)
        assert_int_equal(jinja_from_json(heap, json, &value, NULL), 0);
    assert_int_equal(jinja_set(heap, map.is.map, jinja_string(name), value, NULL), 0);
}

/* What apply_chat_template() hands to a template. */
static struct jinja_value variables_of(struct jinja_heap *heap, const cJSON *conversation,
                                       const cJSON *special)
{
    struct jinja_value map;
    const cJSON *variable;
    assert_int_equal(jinja_new(heap, JINJA_DICT, &map, NULL), 0);
    set_variable(heap, map, "messages", member(conversation, "messages"));
    set_variable(heap, map, "tools", json_get(conversation, "tools"));
    set_variable(heap, map, "documents", json_get(conversation, "documents"));
    set_variable(heap, map, "add_generation_prompt", member(conversation, "prompt"));
    cJSON_ArrayForEach(variable, special) set_variable(heap, map, variable->string, variable);
    cJSON_ArrayForEach(variable, json_get(conversation, "variables"))
        set_variable(heap, map, variable->string, variable);
    return map;
}

/* A rendering as templates.json has it: [digits, bytes, begin, end, begin, end...] or "error". */
static cJSON *summary(const struct jinja_output *output)
{
    char text[DIGEST_TEXT_SIZE];
    assert_int_equal(digest_of(buffer_string(&output->text), output->text.length, text, NULL), 0);
    text[DIGITS] = '\0';
    cJSON *list = cJSON_CreateArray();
    cJSON_AddItemToArray(list, cJSON_CreateString(text));
    cJSON_AddItemToArray(list, cJSON_CreateNumber((double)output->text.length));
    for (size_t i = 0; i < output->generated.count; i++) {
        const struct jinja_span *span = &output->generated.items[i];
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)span->begin));
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)span->end));
    }
    return list;
}

static void compare(struct tried *tried, const struct jinja_template *parsed, const char *name,
                    const cJSON *conversation, const cJSON *expected)
{
    struct error err = ERROR_INIT;
    struct jinja_output output = {0};
    struct jinja_heap *heap = jinja_heap_new(HEAP_LIMIT, &err);
    assert_non_null(heap);
    struct jinja_value variables = variables_of(heap, conversation, tried->variables);
    struct jinja_options options = {.heap = heap, .now = tried->now};
    bool refused = jinja_render(parsed, &options, variables, &output, &err) != 0;
    cJSON *got = refused ? cJSON_CreateString("error") : summary(&output);
    tried->compared++;
    if (!cJSON_Compare(got, expected, true)) {
        char *made = cJSON_PrintUnformatted(got), *right = cJSON_PrintUnformatted(expected);
        print_message("%s, %s: %s, transformers %s\n%s\n", name,
                      json_get(conversation, "name")->valuestring, made, right,
                      refused ? err.text : buffer_string(&output.text));
        free(made);
        free(right);
        tried->differences++;
    }
    cJSON_Delete(got);
    jinja_output_free(&output);
    jinja_heap_free(heap);
}

static void try_template(struct tried *tried, const cJSON *entry)
{
    struct error err = ERROR_INIT;
    struct buffer source = BUFFER_INIT;
    struct jinja_template *parsed = NULL;
    char digits[DIGEST_TEXT_SIZE];
    char *path = path_join(tried->folder, entry->string, NULL);
    if (file_read_all(&source, path, 1 << 20, &err) != 0 ||
        digest_of(source.data, source.length, digits, &err) != 0)
        fail_msg("%s", err.text);
    digits[DIGITS] = '\0';
    if (strcmp(digits, member(entry, "source")->valuestring) != 0)
        fail_msg("%s is another template than the one that make_templates.py read", path);
    if (jinja_parse(&parsed, source.data, source.length, &err) != 0)
        fail_msg("%s: %s", path, err.text);
    const cJSON *expected = member(entry, "rendered"), *conversation;
    cJSON_ArrayForEach(conversation, tried->conversations)
    {
        const char *name = member(conversation, "name")->valuestring;
        compare(tried, parsed, entry->string, conversation, member(expected, name));
    }
    jinja_template_free(parsed);
    buffer_free(&source);
    free(path);
}

/* Every template that lies in the folder is in the list. */
static void check_complete(const char *folder, const cJSON *templates)
{
    DIR *folders = opendir(folder);
    assert_non_null(folders);
    for (struct dirent *outer; (outer = readdir(folders));) {
        char *path = path_join(folder, outer->d_name, NULL);
        DIR *files = outer->d_name[0] == '.' ? NULL : opendir(path);
        for (struct dirent *inner; files && (inner = readdir(files));) {
            char *name = path_join(outer->d_name, inner->d_name, NULL);
            if (strstr(name, ".jinja") && !json_get(templates, name))
                fail_msg("%s is not in templates.json", name);
            free(name);
        }
        if (files)
            closedir(files);
        free(path);
    }
    closedir(folders);
}

static void shared_templates_render_as_in_transformers(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    cJSON *data = text_data("templates.json");
    char *folder = path_join(shared, "templates", NULL);
    const cJSON *templates = member(data, "templates"), *entry;
    struct tried tried = {.folder = folder,
                          .conversations = read_conversations(),
                          .variables = member(data, "variables"),
                          .now = local_time(member(data, "now"))};
    check_complete(folder, templates);
    cJSON_ArrayForEach(entry, templates) try_template(&tried, entry);
    print_message("%d renderings, %d differences\n", tried.compared, tried.differences);
    assert_true(tried.compared >= 1500);
    assert_int_equal(tried.differences, 0);
    cJSON_Delete(tried.conversations);
    cJSON_Delete(data);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_templates_render_as_in_transformers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
