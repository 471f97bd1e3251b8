/* The training form without a screen: presets, lists of values, what is kept, and where its lines
 * stand in windows of every size. */
#include "test_folder.h"

#include "base/json.h"
#include "base/sys.h"
#include "tui/screen/train_layout.h"
#include "tui/session/form_keep.h"
#include "tui/session/presets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct settings settings;

static int begin(void **state)
{
    settings_init(&settings);
    return make_folder(state);
}

static int end(void **state)
{
    settings_free(&settings);
    return remove_folder(state);
}

/* --- presets --- */

static size_t changed[SETTINGS_MAX];

/* What taking it changes, into `changed`; the form as it would be is the caller's to free. */
static size_t changes_of(const struct preset *preset, struct settings *after)
{
    settings_copy(after, &settings);
    preset_take(preset, after);
    return settings_changes(&settings, after, changed);
}

/* Each can be taken by itself, asks for nothing that a run refuses, and is then what the form is.
 */
static void presets_are_runs(void **state)
{
    (void)state;
    struct settings again;
    for (size_t i = 0; i < preset_count; i++) {
        char why[ERROR_TEXT_MAX];
        size_t item;
        settings_free(&settings);
        preset_take(&presets[i], &settings);
        settings_propose(&settings, SETTING(run), folder);
        settings_propose(&settings, SETTING(data), folder); /* which is empty */
        assert_int_equal(settings_first_wrong(&settings, &item, why, sizeof why), SETTING(data));
        settings_reset(&settings, SETTING(data));
        settings_reset(&settings, SETTING(run));
        assert_int_equal(changes_of(&presets[i], &again), 0);
        settings_free(&again);
        /* what it sets is used, and so it is a run of that kind */
        for (size_t n = 0; n < PRESET_FIELDS_MAX && presets[i].sets[n].value; n++) {
            size_t field = option_by_place(&training_options, presets[i].sets[n].at);
            assert_true(field < training_options.count);
            assert_string_equal(settings_value(&settings, field), presets[i].sets[n].value);
            assert_true(!presets[i].sets[n].value[0] || settings_uses(&settings, field));
        }
        for (size_t n = 0; n < i; n++)
            assert_string_not_equal(presets[i].name, presets[n].name);
    }
}

static const struct preset *find(const char *name)
{
    for (size_t i = 0; i < preset_count; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    fail_msg("no preset %s", name);
    return NULL;
}

/* One takes back what another has set and it does not; what was typed or proposed stays, where it
 * says nothing of that.
 */
static void presets_take_each_others_place(void **state)
{
    (void)state;
    struct settings after;
    settings_type(&settings, SETTING(batch), "3");
    settings_propose(&settings, SETTING(steps), "60");
    settings_propose(&settings, SETTING(rate), "5e-4");
    preset_take(find("QLoRA"), &settings);
    assert_string_equal(settings_value(&settings, SETTING(optimizer)), "adamw-8bit");
    assert_string_equal(settings_value(&settings, SETTING(rate)), "5e-4");
    assert_int_equal(changes_of(find("Spectrum-50"), &after), 4);
    settings_free(&after);
    for (size_t i = 0; i < 4; i++) /* method, top; alpha and optimizer go back */
        assert_int_not_equal(settings.fields[changed[i]].origin, SETTING_TYPED);
    preset_take(find("Spectrum-50"), &settings);
    assert_string_equal(settings_value(&settings, SETTING(optimizer)), "adamw");
    assert_string_equal(settings_value(&settings, SETTING(top)), "50");
    assert_false(settings_use_plan(&settings));
    assert_string_equal(settings_value(&settings, SETTING(batch)), "3");
    assert_string_equal(settings_value(&settings, SETTING(steps)), "60");
    assert_string_equal(settings_value(&settings, SETTING(rate)), "5e-4");

    settings_type(&settings, SETTING(top), "10");
    assert_int_equal(changes_of(find("Spectrum-25"), &after), 1);
    settings_free(&after);
    assert_int_equal(changed[0], SETTING(top));
    preset_take(find("fresh"), &settings);
    for (size_t i = 0; i < SETTINGS_MAX; i++)
        assert_int_equal(settings_count(&settings, i), 0);
}

/* What follows from a preset is among what it changes: beside Lion's, a rate that was proposed for
 * AdamW. */
static void a_preset_says_what_follows_from_it(void **state)
{
    (void)state;
    struct settings after;
    settings_type(&settings, SETTING(optimizer), "lion");
    settings_propose(&settings, SETTING(rate), "5e-5");
    assert_int_equal(changes_of(find("QLoRA"), &after), 4);
    assert_int_equal(changed[2], SETTING(rate));
    assert_int_equal(changed[3], SETTING(optimizer));
    settings_free(&after);
}

/* A rate that nobody typed is not that of an optimiser which wants another; AdamW in 8 bits wants
 * the same. */
static void a_rate_follows_its_optimizer(void **state)
{
    (void)state;
    char shown[64];
    settings_propose(&settings, SETTING(rate), "5e-4");
    settings_type(&settings, SETTING(optimizer), "adamw-8bit");
    assert_string_equal(settings_value(&settings, SETTING(rate)), "5e-4");
    settings_type(&settings, SETTING(optimizer), "lion");
    settings_show(&settings, SETTING(rate), 0, shown, sizeof shown);
    assert_string_equal(shown, "auto (2e-6)");
    settings_type(&settings, SETTING(rate), "1e-5");
    settings_type(&settings, SETTING(optimizer), "adamw");
    assert_string_equal(settings_value(&settings, SETTING(rate)), "1e-5");
}

/* --- lists --- */

static void weights_go_with_their_data(void **state)
{
    (void)state;
    struct training_request request;
    char name[8];
    for (size_t i = 0; i < SETTING_ITEMS_MAX; i++) {
        snprintf(name, sizeof name, "%zu", i);
        assert_true(settings_set(&settings, SETTING(data), i, name, SETTING_TYPED));
    }
    assert_false(settings_set(&settings, SETTING(data), SETTING_ITEMS_MAX, "x", SETTING_TYPED));
    settings_set(&settings, SETTING(data_weights), 2, "0.5", SETTING_TYPED);
    settings_request(&settings, &request);
    assert_int_equal(request.data.count, SETTING_ITEMS_MAX);
    assert_int_equal(request.data_weights.count, SETTING_ITEMS_MAX);
    assert_true(request.data_weights.items[1] == 1 && request.data_weights.items[2] == 0.5);
    training_request_free(&request);

    settings_set(&settings, SETTING(data), 1, "", SETTING_TYPED); /* counts no more */
    settings_request(&settings, &request);
    assert_int_equal(request.data.count, SETTING_ITEMS_MAX - 1);
    assert_int_equal(request.data_weights.count, SETTING_ITEMS_MAX - 1);
    assert_true(request.data_weights.items[1] == 0.5);
    training_request_free(&request);
    settings_tidy(&settings, SETTING(data));
    assert_int_equal(settings_count(&settings, SETTING(data)), SETTING_ITEMS_MAX - 1);
    assert_string_equal(settings_item(&settings, SETTING(data), 1), "2");
    assert_string_equal(settings_item(&settings, SETTING(data_weights), 1), "0.5");
}

/* --- what is kept --- */

/* A text for every field, which it takes or not: what is kept is what was typed. */
static void every_field_is_kept(void **state)
{
    (void)state;
    struct settings back;
    struct buffer text = BUFFER_INIT;
    settings_init(&back);
    for (size_t i = 0; i < training_options.count; i++) {
        char value[32];
        snprintf(value, sizeof value, "\"v\" é %zu", i);
        if (training_options.rows[i].label)
            assert_true(settings_set(&settings, i, 0, value, (enum setting_origin)(1 + i % 3)));
    }
    settings_set(&settings, SETTING(eval_data), 2, "c", SETTING_TYPED);
    form_put(&text, &settings, "/models/a");
    cJSON *json = json_parse(text.data, text.length, JSON_STRICT, "kept", NULL);
    assert_non_null(json);
    assert_true(form_take(&back, json));
    for (size_t i = 0; i < training_options.count; i++) {
        assert_int_equal(settings_count(&back, i), settings_count(&settings, i));
        assert_int_equal(back.fields[i].origin, settings.fields[i].origin);
        for (size_t k = 0; k < settings_count(&settings, i); k++)
            assert_string_equal(settings_item(&back, i, k), settings_item(&settings, i, k));
    }
    cJSON_Delete(json);
    buffer_free(&text);
    settings_free(&back);
}

/* Nothing of a file is taken that has what is not known here. */
static void what_is_not_known_is_not_taken(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"format\": \"spectrum.form\"}",
        "{\"format\": \"spectrum.plan\", \"fields\": {}}",
        "{\"format\": \"spectrum.form\", \"fields\": {\"colour\": {\"by\": \"hand\", \"values\": "
        "[]}}}",
        "{\"format\": \"spectrum.form\", \"fields\": {\"json\": {\"by\": \"hand\", \"values\": "
        "[\"yes\"]}}}",
        "{\"format\": \"spectrum.form\", \"fields\": {\"batch\": {\"by\": \"me\", \"values\": "
        "[\"2\"]}}}",
        "{\"format\": \"spectrum.form\", \"fields\": {\"batch\": {\"by\": \"hand\", \"values\": "
        "[2]}}}",
        "{\"format\": \"spectrum.form\", \"fields\": {\"batch\": {\"by\": \"hand\", \"values\": "
        "[\"2\", \"3\"]}}}",
        "{\"format\": \"spectrum.form\", \"fields\": {\"batch\": {\"by\": \"hand\", \"values\": "
        "[\"\\u001b[2J\"]}}}",
    };
    settings_type(&settings, SETTING(steps), "7");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cJSON *json = json_parse(texts[i], strlen(texts[i]), JSON_STRICT, "kept", NULL);
        assert_non_null(json);
        if (form_take(&settings, json))
            fail_msg("taken: %s", texts[i]);
        cJSON_Delete(json);
    }
    assert_string_equal(settings_value(&settings, SETTING(steps)), "7");
    assert_int_equal(settings_count(&settings, SETTING(batch)), 0);
}

/* From one sitting to the next, and from one model to another. */
static void a_form_is_its_models(void **state)
{
    (void)state;
    struct form_keep keep = {.model = NULL};
    setenv("XDG_STATE_HOME", folder, 1);
    form_keep_open(&keep, &settings, "/models/a");
    settings_type(&settings, SETTING(batch), "3");
    settings_type(&settings, SETTING(run), "runs/mine");
    settings_propose(&settings, SETTING(steps), "60");
    form_keep_changed(&keep);
    assert_true(form_keep_ms(&keep) >= 0);
    form_keep_close(&keep, &settings);
    assert_int_equal(form_keep_ms(&keep), -1);

    form_keep_open(&keep, &settings, "/models/b"); /* what was typed goes on, but for the folder */
    assert_string_equal(settings_value(&settings, SETTING(batch)), "3");
    assert_string_equal(settings_value(&settings, SETTING(run)), "");
    assert_string_equal(settings_value(&settings, SETTING(steps)), "");
    settings_type(&settings, SETTING(batch), "9");
    form_keep_changed(&keep);
    form_keep_close(&keep, &settings);

    settings_free(&settings);
    form_keep_open(&keep, &settings, "/models/a");
    assert_string_equal(settings_value(&settings, SETTING(batch)), "3");
    assert_string_equal(settings_value(&settings, SETTING(run)), "runs/mine");
    assert_string_equal(settings_value(&settings, SETTING(steps)), "60");
    assert_int_equal(settings.fields[SETTING(steps)].origin, SETTING_PROPOSED);
    form_keep_close(&keep, &settings);
}

static int refused_look(const char *path, struct stat *out)
{
    (void)path;
    (void)out;
    errno = EACCES;
    return -1;
}

/* A kept form that cannot be looked at is not one that is missing: it is said, and set aside before
 * another is written. */
static void a_form_that_cannot_be_looked_at_stays(void **state)
{
    (void)state;
    struct form_keep keep = {.model = NULL};
    int (*look)(const char *, struct stat *) = sys.stat;
    setenv("XDG_STATE_HOME", folder, 1);
    form_keep_open(&keep, &settings, "/models/shut");
    settings_type(&settings, SETTING(batch), "3");
    form_keep_changed(&keep);
    form_keep_close(&keep, &settings);
    settings_free(&settings);
    sys.stat = refused_look;
    form_keep_open(&keep, &settings, "/models/shut");
    sys.stat = look;
    assert_true(keep.aside);
    assert_non_null(strstr(keep.message, "is not taken"));
    assert_non_null(strstr(keep.message, "Permission denied"));
    form_keep_close(&keep, &settings);
}

/* The newest first, each once, no more than there is room for. */
static void history_is_bounded(void **state)
{
    (void)state;
    char *values[2 * FORM_HISTORY_MAX], text[12];
    setenv("XDG_STATE_HOME", folder, 1);
    for (int i = 0; i < 2 * FORM_HISTORY_MAX; i++) {
        snprintf(text, sizeof text, "%d", i + 1);
        settings_type(&settings, SETTING(steps), text);
        settings_type(&settings, SETTING(batch), i % 2 ? "8" : "16");
        form_history_add(&settings);
    }
    size_t count = form_history_read(SETTING(steps), values, 2 * FORM_HISTORY_MAX);
    assert_int_equal(count, FORM_HISTORY_MAX);
    assert_string_equal(values[0], text);
    for (size_t i = 0; i < count; i++)
        free(values[i]);
    count = form_history_read(SETTING(batch), values, 2 * FORM_HISTORY_MAX);
    assert_int_equal(count, 2);
    assert_string_equal(values[0], "8");
    free(values[0]);
    free(values[1]);
    assert_int_equal(form_history_read(SETTING(method), values, 4), 0);
}

/* Options are fields there; those of the command alone stay, and so does what only looks like one. */
static void messages_have_the_forms_words(void **state)
{
    (void)state;
    char text[200], why[200];
    settings_words(
        "a lower --seq-len, --batch or --top, or --frozen-dtype nf4; --dry-run, --no, a--top", text,
        sizeof text);
    assert_string_equal(text, "a lower sequence length, batch or top, or frozen dtype nf4; "
                              "--dry-run, --no, a--top");
    assert_true(settings_numbers_right(&settings, why, sizeof why));
    settings_type(&settings, SETTING(accumulate), "");
    assert_false(settings_numbers_right(&settings, why, sizeof why));
    assert_string_equal(why, "accumulate: a whole number, please");
}

/* --- lines --- */

/* In windows of all sizes the cursor's line is shown, no line is outside, and none is lost. */
static void check_columns(const struct form_layout *layout)
{
    for (int width = 60; width <= 220; width += 7)
        for (int rows = 1; rows <= 70; rows++)
            for (size_t line = 0; line < layout->count; line += 3) {
                struct form_columns at = form_columns_make(layout, width, rows, line);
                size_t shown = (size_t)(at.columns * at.rows);
                assert_true(at.columns * at.width <= width && at.rows <= rows && at.rows > 0);
                assert_true(line >= at.first && line < at.first + shown);
                assert_true(at.first == 0 || at.first + shown <= layout->count);
                assert_true(width < 152 ? at.columns == 1 : at.columns <= 2);
            }
}

/* Every field that is used is a line in an open group; going on and on meets every line that takes
 * the cursor once. */
static void lines_are_the_fields(void **state)
{
    (void)state;
    static struct form_layout layout;
    enum form_fold folds[FORM_GROUPS_MAX] = {FOLD_USUAL};
    for (int fold = FOLD_USUAL; fold < FOLD_COUNT; fold++) {
        size_t stops = 0, fields = 0, used_fields = 0, groups = 0;
        bool used[SETTINGS_MAX];
        for (size_t i = 0; i < FORM_GROUPS_MAX; i++)
            folds[i] = (enum form_fold)fold;
        form_layout_make(&layout, &settings, folds, SETTING(data));
        settings_used(&settings, used);
        for (size_t i = 0; i < SETTINGS_MAX; i++)
            used_fields += used[i];
        for (size_t i = 0; i < layout.count; i++) {
            stops += form_line_is_stop(&layout.lines[i], folds);
            fields += !layout.lines[i].heading;
            groups += layout.lines[i].heading;
            size_t line = form_layout_find(&layout, layout.lines[i].field, layout.lines[i].item);
            assert_true(line == i || layout.lines[i].heading);
        }
        assert_true(fold == FOLD_ALL      ? fields == used_fields
                    : fold == FOLD_CLOSED ? fields == 0 && stops == groups
                                          : fields > 10 && fields < used_fields);
        size_t at = form_layout_next(&layout, folds, layout.count - 1, 1), start = at, met = 0;
        do {
            at = form_layout_next(&layout, folds, at, 1);
            assert_true(form_line_is_stop(&layout.lines[at], folds));
            met++;
        } while (at != start && met <= layout.count);
        assert_int_equal(met, stops);
        size_t jumps = 0;
        do {
            at = form_layout_next_group(&layout, folds, at, 1);
            jumps++;
        } while (at != start && jumps <= groups);
        assert_int_equal(jumps, groups);
        check_columns(&layout);
    }
}

/* A rare field is shown where it says something, and where the cursor is; a list has a line more.
 */
static void what_was_set_is_shown(void **state)
{
    (void)state;
    static struct form_layout layout;
    const enum form_fold folds[FORM_GROUPS_MAX] = {FOLD_USUAL};
    form_layout_make(&layout, &settings, folds, SETTING(data));
    size_t count = layout.count;
    assert_true(layout.lines[form_layout_find(&layout, SETTING(factors), 0)].field !=
                SETTING(factors));
    form_layout_make(&layout, &settings, folds, SETTING(factors));
    assert_int_equal(layout.count, count + 1);
    settings_set(&settings, SETTING(factors), 0, "head=2", SETTING_TYPED);
    form_layout_make(&layout, &settings, folds, SETTING(data));
    assert_int_equal(layout.count, count + 2); /* it, and one for another */
    settings_set(&settings, SETTING(data), 0, "a", SETTING_TYPED);
    settings_set(&settings, SETTING(data), 1, "b", SETTING_TYPED);
    form_layout_make(&layout, &settings, folds, SETTING(data));
    assert_int_equal(layout.count, count + 6); /* two and one for another, two weights */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(presets_are_runs, begin, end),
        cmocka_unit_test_setup_teardown(presets_take_each_others_place, begin, end),
        cmocka_unit_test_setup_teardown(messages_have_the_forms_words, begin, end),
        cmocka_unit_test_setup_teardown(a_preset_says_what_follows_from_it, begin, end),
        cmocka_unit_test_setup_teardown(a_rate_follows_its_optimizer, begin, end),
        cmocka_unit_test_setup_teardown(weights_go_with_their_data, begin, end),
        cmocka_unit_test_setup_teardown(every_field_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_known_is_not_taken, begin, end),
        cmocka_unit_test_setup_teardown(a_form_is_its_models, begin, end),
        cmocka_unit_test_setup_teardown(a_form_that_cannot_be_looked_at_stays, begin, end),
        cmocka_unit_test_setup_teardown(history_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(lines_are_the_fields, begin, end),
        cmocka_unit_test_setup_teardown(what_was_set_is_shown, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
