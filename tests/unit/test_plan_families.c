/* Plans of every family of transformers that can be made small (tests/oracle/make_families.py): a
 * folder with its tensors is scanned and planned, and each tool's own matching, over the names of the
 * model that transformers loads, chooses the plan's tensors and no others.
 *
 * tool_match.h's matching is written anew; script/test-tools runs the tools' own over the same plans
 * and writes tests/data/plan/tools.txt, with which version of each tool saw which exports. An export
 * that is no longer the one that they saw is found here.
 *
 * $SPECTRUM_FAMILIES names a file for what was seen, a line a family (script/models), and
 * $SPECTRUM_FAMILY_PLANS one for the plans, a JSON text a family (script/test-tools). */
#include "checkpoint_data.h"
#include "family_data.h"
#include "tool_match.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "model/architecture.h"
#include "model/family.h"
#include "spectra/scan.h"

enum { NAMES_MAX = 2 * FAMILY_TENSORS };

/* The parameters of the loaded model, and which of them a plan trains. */
struct loaded {
    const char *names[NAMES_MAX];
    bool trains[NAMES_MAX];
    size_t count;
};

static size_t loaded_find(struct loaded *loaded, const char *name, size_t length, bool add)
{
    for (size_t i = 0; i < loaded->count; i++)
        if (strncmp(loaded->names[i], name, length) == 0 && !loaded->names[i][length])
            return i;
    if (!add)
        fail_msg("%.*s is not in the loaded model", (int)length, name);
    assert_true(loaded->count < NAMES_MAX);
    loaded->names[loaded->count] = strndup(name, length);
    return loaded->count++;
}

static void loaded_each(struct loaded *loaded, const char *names, bool train)
{
    for (const char *at = names; strcmp(at, "-") != 0;) {
        size_t length = strcspn(at, "|"), i = loaded_find(loaded, at, length, !train);
        loaded->trains[i] |= train;
        if (!at[length])
            break;
        at += length + 1;
    }
}

/* --- its folder --- */

static size_t put_header(struct buffer *header, const struct family_data *data)
{
    size_t at = 0;
    buffer_byte(header, '{');
    for (size_t i = 0; i < data->count; i++) {
        int rank = data->tensors[i].rank;
        size_t size = 4;
        buffer_format(header, "%s\"%s\": {\"dtype\": \"F32\", \"shape\": [", i ? ", " : "",
                      data->tensors[i].file);
        for (int k = 0; k < rank; k++) {
            buffer_format(header, "%s%d", k ? ", " : "", rank > 2 ? 2 : 8);
            size *= rank > 2 ? 2 : 8;
        }
        buffer_format(header, "], \"data_offsets\": [%zu, %zu]}", at, at + size);
        at += size;
    }
    buffer_byte(header, '}');
    return at / 4;
}

static struct model *open_family(const char *type, bool tied, const struct family_data *data)
{
    struct buffer header = BUFFER_INIT, file = BUFFER_INIT;
    struct random_stream random = {.seed = data->count};
    struct error err = ERROR_INIT;
    struct model *model = NULL;
    char *folder = data_folder(), config[400];
    size_t values = put_header(&header, data);
    for (int i = 0; i < 8; i++)
        buffer_byte(&file, (char)(header.length >> 8 * i & 0xFF));
    buffer_append(&file, header.data, header.length);
    for (size_t i = 0; i < values; i++) {
        float value = (float)random_normal(&random);
        buffer_append(&file, &value, sizeof value);
    }
    snprintf(config, sizeof config,
             "{\"model_type\": \"%s\", \"tie_word_embeddings\": %s, \"hidden_size\": 8, "
             "\"intermediate_size\": 8, \"num_hidden_layers\": 2, \"num_attention_heads\": 2, "
             "\"num_key_value_heads\": 2, \"vocab_size\": 8}",
             type, tied ? "true" : "false");
    data_text(folder, "config.json", config);
    data_file(folder, "model.safetensors", file.data, file.length);
    if (model_open(&model, folder, &err) != 0)
        fail_msg("%s: %s", type, err.text);
    data_folder_remove(folder); /* it is open, and stays so */
    buffer_free(&header);
    buffer_free(&file);
    return model;
}

/* --- what the tools themselves saw --- */

enum { FORMATS = PLAN_MS_SWIFT + 1, SEEN_DIGITS = 12 };

/* A family's exports of one format: how many tools read exactly, how many are refused, and what
 * tells them from others. */
struct exports {
    size_t exact, refused;
    struct hash *hash;
};

static FILE *plans;                       /* NULL: they are held against tools.txt instead */
static struct buffer tools = BUFFER_INIT; /* its text */

static void exports_put(struct buffer *out, const char *type, const struct exports exports[FORMATS])
{
    buffer_text(out, type);
    for (int i = 0; i < FORMATS; i++) {
        char text[HASH_TEXT_SIZE];
        hash_text(exports[i].hash, text);
        buffer_format(out, " %s %zu+%zu %.*s", plan_format_names[i], exports[i].exact,
                      exports[i].refused, SEEN_DIGITS, text);
    }
}

static void exports_check(const char *type, const struct exports exports[FORMATS])
{
    struct buffer line = BUFFER_INIT;
    buffer_byte(&line, '\n');
    exports_put(&line, type, exports);
    buffer_byte(&line, '\n');
    if (!strstr(buffer_string(&tools), buffer_string(&line)))
        fail_msg("the plans of %s are not those that the tools themselves have seen "
                 "(tests/data/plan/tools.txt): script/test-tools --write shows them to the tools "
                 "again; today they are\n%s",
                 type, buffer_string(&line));
    buffer_free(&line);
}

/* --- plans of it --- */

static const char *loaded_of(const struct family_data *data, const char *file)
{
    for (size_t i = 0; i < data->count; i++)
        if (strcmp(data->tensors[i].file, file) == 0)
            return data->tensors[i].loaded;
    fail_msg("%s is no tensor of the file", file);
    return NULL;
}

/* What the plan trains, by the tensors of the file and what became of them. `adapted`: that alone
 * beside which PEFT puts an adapter. */
static void expect(struct loaded *loaded, const struct plan *plan, const struct family_data *data,
                   bool adapted)
{
    const struct scan *scan = plan_scan(plan);
    memset(loaded->trains, 0, sizeof loaded->trains);
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        char file[2 * FAMILY_NAME];
        if (!plan_row(plan, i) || plan_end(plan, i) != PLAN_NO_END || plan_unit(plan, i) != i ||
            (adapted && !plan_takes_adapter(plan, i)))
            continue;
        const char *tensor = row->file ? row->file : row->tensor ? row->tensor : row->module;
        bool whole = row->file || row->tensor || row->bare;
        snprintf(file, sizeof file, "%.255s%s", tensor, whole ? "" : ".weight");
        loaded_each(loaded, loaded_of(data, file), true);
        if (row->bias > 0 && !adapted) {
            size_t length = module_name_length(file);
            snprintf(file + length, sizeof file - length, file[length] ? ".bias" : "_bias");
            loaded_each(loaded, loaded_of(data, file), true);
        }
    }
    for (size_t i = 0; i < scan->of.end_count; i++) {
        const struct scan_end *end = &scan->of.ends[i];
        if (plan_trains(plan, end->tensor) && !(adapted && text_ends_with(end->tensor, ".bias")))
            loaded_each(loaded, loaded_of(data, end->file ? end->file : end->tensor), true);
    }
}

/* A plan's text as the tools' own matching gets it, and which names it is to train. */
static void write_plan(struct json_writer *json, const struct loaded *loaded,
                       enum plan_format format, const char *text)
{
    if (!plans)
        return;
    json_object(json, NULL);
    json_text(json, "format", plan_format_names[format]);
    json_text(json, "text", text);
    json_list(json, "trains");
    for (size_t i = 0; i < loaded->count; i++)
        if (loaded->trains[i])
            json_count(json, NULL, i);
    json_end(json);
    json_end(json);
}

/* 1: each reader of the format chooses just these; 0: the format is refused. */
static int try_format(const char *type, struct loaded *loaded, const struct plan *plan,
                      const struct family_data *data, enum plan_format format,
                      struct exports *exports, struct json_writer *json, char *why, size_t size)
{
    static bool chosen[NAMES_MAX];
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    if (plan_check_target(plan, format, false, &err) != 0) {
        snprintf(why, size, "%.380s", err.text);
        hash_optional(exports->hash, NULL);
        exports->refused++;
        return 0;
    }
    expect(loaded, plan, data, format == PLAN_PEFT);
    plan_put(&text, plan, format, "s");
    write_plan(json, loaded, format, buffer_string(&text));
    hash_optional(exports->hash, buffer_string(&text));
    hash_update(exports->hash, loaded->trains, loaded->count * sizeof *loaded->trains);
    exports->exact++;
    for (int reader = 0; reader < (format == PLAN_YAML ? 2 : 1); reader++) {
        char *copy = strdup(buffer_string(&text)); /* it is cut up */
        memset(chosen, 0, sizeof chosen);
        tool_choose(reader ? TOOL_AXOLOTL : tool_of(format), chosen, loaded->names, loaded->count,
                    copy);
        for (size_t i = 0; i < loaded->count; i++)
            if (chosen[i] != loaded->trains[i])
                fail_msg("%s, %s: %s is %s", type, plan_format_names[format], loaded->names[i],
                         chosen[i] ? "chosen, and not of the plan" : "of the plan, and not chosen");
        free(copy);
    }
    buffer_free(&text);
    return 1;
}

/* Trains or freezes all rows that are parts of one tensor. */
static bool set_parts(struct plan *plan, bool train)
{
    bool any = false;
    for (size_t i = 0; i < plan_scan(plan)->count; i++) {
        bool part = plan_scan(plan)->rows[i].loaded_parts > 1;
        any |= part;
        if (part && plan_row(plan, i) != train)
            assert_int_equal(plan_toggle(plan, &i, 1, NULL), 0);
    }
    return any;
}

static FILE *seen;
static size_t exact, refused;

static void look(const char *type, bool tied, const struct family_data *data)
{
    static struct loaded loaded;
    static const double percents[] = {25, 60, 100};
    const struct scan_options options = {.empty_noise = EMPTY_NOISE_ONE};
    struct scan_result *result = NULL;
    struct error err = ERROR_INIT;
    struct exports exports[FORMATS] = {0};
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    int asked = 0;
    char why[400] = "", none[400];
    for (int i = 0; i < FORMATS; i++)
        assert_non_null(exports[i].hash = hash_new(NULL));
    for (size_t i = 0; i < loaded.count; i++)
        free((char *)(uintptr_t)loaded.names[i]);
    loaded.count = 0;
    for (size_t i = 0; i < data->count; i++)
        loaded_each(&loaded, data->tensors[i].loaded, false);
    struct model *model = open_family(type, tied, data);
    if (scan_run(&result, model, NULL, &options, NULL, &err) != 0)
        fail_msg("%s: %s", type, err.text);
    const struct scan *scan = result->scan;
    if (scan->of.names != NAMES_STANDARD)
        fail_msg("%s: its names are not known", type);
    assert_int_equal(scan->of.tensors, loaded.count);
    json_object(&json, NULL);
    json_text(&json, "family", type);
    json_text(&json, "class", family_by_type(type)->class_name);
    json_flag(&json, "tied", tied);
    json_list(&json, "names");
    for (size_t i = 0; i < loaded.count; i++)
        json_text(&json, NULL, loaded.names[i]);
    json_end(&json);
    json_list(&json, "plans");
    for (size_t p = 0; p < sizeof percents / sizeof *percents; p++)
        for (int parts = -1; parts < 2; parts++) {
            struct plan *plan = NULL;
            assert_int_equal(plan_new(&plan, scan, model, NULL), 0);
            assert_int_equal(plan_select(plan, percents[p], PLAN_BY_TYPE, NULL), 0);
            bool some = parts < 0 || set_parts(plan, parts);
            for (enum plan_format format = PLAN_YAML; some && format <= PLAN_MS_SWIFT; format++) {
                int one = try_format(type, &loaded, plan, data, format, &exports[format], &json,
                                     why, sizeof why);
                if (!one && !strstr(why, "a tensor trains whole") && !strstr(why, "no linear") &&
                    !strstr(why, "the plan has no tensor"))
                    fail_msg("%s: %s", type, why);
            }
            asked += some;
            plan_free(plan);
        }
    int64_t matrices = (int64_t)scan->count;
    for (size_t i = 0; i < scan->of.omission_count; i++)
        matrices += scan->of.omissions[i].count;
    snprintf(none, sizeof none, "%s", scan->of.omission_count ? scan->of.omissions[0].reason : "");
    const struct architecture *own = architecture_by_name(type, false);
    if (seen)
        fprintf(seen, "%s\t%s\t%zu\t%zu\t%lld\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", type,
                family_by_type(type)->class_name, loaded.count, scan->count, (long long)matrices,
                none, asked, (int)exports[PLAN_AXOLOTL].exact, (int)exports[PLAN_TRL].exact,
                (int)exports[PLAN_MS_SWIFT].exact, (int)exports[PLAN_PEFT].exact,
                own && own->trainable ? "yes" : "");
    exact += exports[PLAN_AXOLOTL].exact;
    refused += exports[PLAN_AXOLOTL].refused;
    json_end(&json);
    struct buffer line = BUFFER_INIT;
    exports_put(&line, type, exports);
    json_text(&json, "seen", buffer_string(&line));
    json_end(&json);
    assert_int_equal(json_finish(&json, NULL), 0);
    if (plans)
        fputs(buffer_string(&out), plans);
    else
        exports_check(type, exports);
    buffer_free(&line);
    buffer_free(&out);
    for (int i = 0; i < FORMATS; i++)
        hash_free(exports[i].hash);
    scan_result_free(result);
    model_close(model);
}

static void every_tool_trains_what_the_plan_does(void **state)
{
    (void)state;
    char path[1024];
    TEST_FOLDER_OR_SKIP(folder, "SPECTRUM_TEST_DATA");
    snprintf(path, sizeof path, "%s/model/families.txt", folder);
    seen = getenv("SPECTRUM_FAMILIES") ? fopen(getenv("SPECTRUM_FAMILIES"), "w") : NULL;
    plans = getenv("SPECTRUM_FAMILY_PLANS") ? fopen(getenv("SPECTRUM_FAMILY_PLANS"), "w") : NULL;
    char tools_path[1024];
    struct error err = ERROR_INIT;
    snprintf(tools_path, sizeof tools_path, "%s/plan/tools.txt", folder);
    if (!plans && file_read_all(&tools, tools_path, 1 << 20, &err) != 0)
        fail_msg("%s", err.text);
    size_t families = families_each(path, look);
    printf("%zu families: Axolotl, %zu plans exactly, %zu refused\n", families, exact, refused);
    assert_true(families >= 75 && families == family_count);
    if (seen)
        assert_int_equal(fclose(seen), 0);
    if (plans)
        assert_int_equal(fclose(plans), 0);
    buffer_free(&tools);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_tool_trains_what_the_plan_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
