/* Forms of records: as TRL, LLaMA-Factory and Axolotl read them (tests/oracle/make_forms.py), and
 * what is refused. */
#include "text_data.h"

#include "text/dataset.h"

#include <sys/stat.h>

/* demo/model's tokenizer: with its chat template, and without. */
struct tokenizers {
    struct tokenizer *own, *none;
};

static const char *test_data(const char *name, char path[1024])
{
    snprintf(path, 1024, "%s/%s", getenv("SPECTRUM_TEST_DATA"), name);
    return path;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static int open_tokenizers(void **state)
{
    static struct tokenizers tokenizers;
    char demo[1024], folder[] = "/tmp/spectrum-forms-XXXXXX", path[1200], from[1200];
    test_data("../../demo/model", demo);
    assert_int_equal(tokenizer_open(&tokenizers.own, demo, NULL), 0);
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/tokenizer.json", demo);
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    assert_int_equal(symlink(from, path), 0);
    char config[1200];
    snprintf(config, sizeof config, "%s/tokenizer_config.json", folder);
    write_text(config, "{\"eos_token\": \"<|endoftext|>\"}");
    assert_int_equal(tokenizer_open(&tokenizers.none, folder, NULL), 0);
    unlink(path);
    unlink(config);
    rmdir(folder);
    *state = &tokenizers;
    return 0;
}

static int close_tokenizers(void **state)
{
    struct tokenizers *tokenizers = *state;
    tokenizer_close(tokenizers->own);
    tokenizer_close(tokenizers->none);
    return 0;
}

/* `template`: "own", "none", a name of --template, or a file of the test data. */
static int load(struct dataset *out, const struct tokenizers *tokenizers, const char *template,
                const char *columns, const char *text, struct error *err)
{
    char file[1100], path[] = "/tmp/spectrum-forms-XXXXXX.jsonl";
    const char *paths[] = {path};
    int fd = mkstemps(path, 6);
    assert_true(fd >= 0);
    close(fd);
    write_text(path, text);
    bool own = strcmp(template, "own") == 0, none = strcmp(template, "none") == 0;
    struct dataset_options options = {.columns = columns};
    if (!own && !none)
        options.template_name = template;
    if (strcmp(template, "forms.jinja") == 0)
        options.template_name = test_data("text/forms.jinja", file);
    options.template_may_rest = true;
    int status =
        dataset_load(out, paths, 1, &options, none ? tokenizers->none : tokenizers->own, err);
    unlink(path);
    return status;
}

static void same_notes(const struct dataset_notes *notes, const cJSON *names, const char *record)
{
    if ((int)notes->count != cJSON_GetArraySize(names))
        fail_msg("%s: %zu columns not read, expected %d", record, notes->count,
                 cJSON_GetArraySize(names));
    for (size_t i = 0; i < notes->count; i++) {
        assert_string_equal(notes->items[i].text,
                            cJSON_GetStringValue(cJSON_GetArrayItem(names, (int)i)));
        assert_int_equal(notes->items[i].line, 1);
        assert_int_equal(notes->items[i].count, 1);
        assert_non_null(strstr(notes->items[i].path, "spectrum-forms-"));
    }
}

static void same_tokens(const struct dataset *data, const cJSON *one, const char *record)
{
    const cJSON *id = json_get(one, "ids")->child, *mask = json_get(one, "mask")->child;
    size_t i = 0;
    for (; i < data->tokens && id; i++, id = id->next, mask = mask->next)
        if (data->ids[i] != id->valueint || (data->weights[i] > 0) != (mask->valueint != 0))
            fail_msg("%s: token %zu is %d, weight %g, expected %d, mask %d", record, i,
                     data->ids[i], (double)data->weights[i], id->valueint, mask->valueint);
    if (i < data->tokens || id)
        fail_msg("%s: %u tokens, expected %d", record, (unsigned)data->tokens,
                 cJSON_GetArraySize(json_get(one, "ids")));
}

/* Data of which nothing is trained is an error: another record stands behind such a one. */
static void reads_as_its_tools_do(void **state)
{
    const cJSON *one;
    cJSON *tree = text_data("forms.json");
    cJSON_ArrayForEach(one, tree)
    {
        struct dataset data;
        struct error err = ERROR_INIT;
        struct buffer text = BUFFER_INIT;
        const char *template = "", *columns = NULL, *form = "", *record = "";
        json_get_string(one, "template", &template);
        json_get_string(one, "columns", &columns);
        json_get_string(one, "form", &form);
        json_get_string(one, "record", &record);
        buffer_text(&text, record);
        bool undesired = strstr(record, "\"label\": false") || strstr(record, "\"kto_tag\": false");
        if (undesired)
            buffer_text(&text, "\n\"another\"");
        if (load(&data, *state, template, columns, text.data, &err) != 0)
            fail_msg("%s: %s", record, err.text);
        assert_int_equal(data.documents, 1 + undesired);
        assert_int_equal(data.undesired, undesired);
        data.tokens = data.offsets[1];
        same_tokens(&data, one, record);
        if (strcmp(data.recognised.items[0].text, form) != 0)
            fail_msg("%s: recognised as %s, expected %s", record, data.recognised.items[0].text,
                     form);
        same_notes(&data.unread, json_get(one, "unread"), record);
        dataset_free(&data);
        buffer_free(&text);
    }
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_as_its_tools_do),
    };
    return cmocka_run_group_tests(tests, open_tokenizers, close_tokenizers);
}
