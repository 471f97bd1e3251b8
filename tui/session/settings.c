#include "tui/session/settings.h"

#include "base/memory.h"
#include "base/text.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct option *row_of(size_t field)
{
    return &training_options.rows[field];
}

/* --- names to turn through --- */

/* In front of the names of a row without a default stands "auto": nothing is said. */
const char *setting_choice_at(size_t field, int n)
{
    static const char *const answers[] = {"no", "yes"};
    const struct option *row = row_of(field);
    if (row->kind == OPTION_FLAG)
        return answers[n != 0];
    if (!row->preset)
        return n == 0 ? "auto" : row->choices[n - 1];
    return row->choices[n];
}

int setting_choice_count(size_t field)
{
    const struct option *row = row_of(field);
    if (row->kind == OPTION_FLAG)
        return 2;
    return row->choices ? option_choice_count(row) + !row->preset : 0;
}

int setting_choice(size_t field, const char *value)
{
    for (int i = 0; i < setting_choice_count(field); i++)
        if (strcmp(setting_choice_at(field, i), value) == 0)
            return i;
    return -1;
}

void setting_put_choices(struct buffer *out, size_t field)
{
    for (int i = 0; i < setting_choice_count(field); i++)
        buffer_format(out, "%s%s", i ? "|" : "", setting_choice_at(field, i));
}

/* A path may have names, too (a template's), but is typed as well. */
bool setting_is_turned(size_t field)
{
    return setting_choice_count(field) > 0 && row_of(field)->kind != OPTION_PATH;
}

/* Round and round; from a value that is none of the names, to the first. */
void settings_turn(struct settings *settings, size_t field, int by)
{
    int count = setting_choice_count(field);
    int now = setting_choice(field, settings_value(settings, field));
    if (count > 0)
        settings_type(settings, field,
                      setting_choice_at(field, ((now < 0 ? 0 : now + by) % count + count) % count));
}

/* --- fields by themselves --- */

/* The default as it would be typed; of a row with names and no default the first, "auto" or "no".
 * What trains is the screen's plan at first, not a percentage of the run's own. */
const char *setting_preset(size_t field)
{
    const struct option *row = row_of(field);
    if (field == SETTING(top))
        return "";
    if (row->preset)
        return row->preset;
    return setting_choice_count(field) > 0 ? setting_choice_at(field, 0) : "";
}

bool setting_is_list(size_t field)
{
    enum option_kind kind = row_of(field)->kind;
    return kind == OPTION_TEXTS || kind == OPTION_PATHS || kind == OPTION_NUMBERS;
}

bool setting_is_path(size_t field)
{
    enum option_kind kind = row_of(field)->kind;
    return kind == OPTION_PATH || kind == OPTION_PATHS;
}

/* The whole label or the option's name; else the beginning of one label alone. */
size_t setting_by_label(const char *label)
{
    size_t length = strlen(label), found = training_options.count, count = 0;
    for (size_t i = 0; length > 0 && i < training_options.count; i++) {
        if (!row_of(i)->label)
            continue;
        if (strcasecmp(row_of(i)->label, label) == 0 || strcmp(row_of(i)->name, label) == 0)
            return i;
        if (strncasecmp(row_of(i)->label, label, length) == 0 && count++ == 0)
            found = i;
    }
    return count == 1 ? found : training_options.count;
}

/* --- values --- */

void settings_init(struct settings *settings)
{
    *settings = (struct settings){0};
}

void settings_reset(struct settings *settings, size_t field)
{
    struct setting *setting = &settings->fields[field];
    for (size_t i = 0; i < setting->count; i++)
        free(setting->items[i]);
    *setting = (struct setting){0};
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < SETTINGS_MAX; i++)
        settings_reset(settings, i);
}

size_t settings_count(const struct settings *settings, size_t field)
{
    return settings->fields[field].count;
}

const char *settings_item(const struct settings *settings, size_t field, size_t item)
{
    const struct setting *setting = &settings->fields[field];
    if (item < setting->count)
        return setting->items[item];
    return setting_is_list(field) ? "" : setting_preset(field);
}

const char *settings_value(const struct settings *settings, size_t field)
{
    return settings_item(settings, field, 0);
}

/* A weight may be typed for the third file before there is one for the first: those between say
 * nothing. */
bool settings_restore(struct settings *settings, size_t field, size_t item, const char *text,
                      enum setting_origin origin)
{
    struct setting *setting = &settings->fields[field];
    size_t most = setting_is_list(field) ? SETTING_ITEMS_MAX : 1;
    if (item >= most || strlen(text) >= SETTING_VALUE_MAX)
        return false;
    char *copy = string_copy(text, NULL);
    bool held = copy != NULL;
    for (size_t i = setting->count; held && i <= item; i++)
        held = (setting->items[setting->count] = string_copy("", NULL)) != NULL && ++setting->count;
    if (!held) {
        free(copy);
        return false;
    }
    free(setting->items[item]);
    setting->items[item] = copy;
    setting->origin = origin;
    bool plain = !setting_is_list(field) && strcmp(copy, setting_preset(field)) == 0;
    if (plain || (setting->count == 1 && !copy[0] && setting_is_list(field)))
        settings_reset(settings, field);
    return true;
}

void settings_copy(struct settings *out, const struct settings *settings)
{
    settings_init(out);
    for (size_t field = 0; field < training_options.count; field++)
        for (size_t item = 0; item < settings_count(settings, field); item++)
            settings_restore(out, field, item, settings_item(settings, field, item),
                             settings->fields[field].origin);
}

/* Has the optimiser of the field's value learning rates a tenth of AdamW's? */
static bool has_small_rate(const struct settings *settings)
{
    int kind = setting_choice(SETTING(optimizer), settings_value(settings, SETTING(optimizer)));
    return kind >= 0 && optimizer_rows[kind].small_rate;
}

bool settings_set(struct settings *settings, size_t field, size_t item, const char *text,
                  enum setting_origin origin)
{
    bool small = has_small_rate(settings);
    if (!settings_restore(settings, field, item, text, origin))
        return false;
    if (has_small_rate(settings) != small &&
        settings->fields[SETTING(rate)].origin != SETTING_TYPED)
        settings_reset(settings, SETTING(rate));
    return true;
}

bool settings_same(const struct settings *a, const struct settings *b, size_t field)
{
    size_t count = settings_count(a, field);
    bool same = settings_count(b, field) == count;
    for (size_t i = 0; same && i < count; i++)
        same = strcmp(settings_item(a, field, i), settings_item(b, field, i)) == 0;
    return same;
}

bool settings_type(struct settings *settings, size_t field, const char *text)
{
    return settings_set(settings, field, 0, text, SETTING_TYPED);
}

bool settings_propose(struct settings *settings, size_t field, const char *text)
{
    return settings_set(settings, field, 0, text, SETTING_PROPOSED);
}

static void remove_item(struct setting *setting, size_t item)
{
    if (item >= setting->count)
        return;
    free(setting->items[item]);
    setting->count--;
    memmove(setting->items + item, setting->items + item + 1,
            (setting->count - item) * sizeof *setting->items);
}

/* Weights stand beside the data, so an empty one among them is a file's that has the usual one. */
void settings_tidy(struct settings *settings, size_t field)
{
    struct setting *setting = &settings->fields[field];
    if (!setting_is_list(field) || field == SETTING(data_weights))
        return;
    for (size_t i = setting->count; i-- > 0;) {
        if (setting->items[i][0])
            continue;
        remove_item(setting, i);
        if (field == SETTING(data))
            remove_item(&settings->fields[SETTING(data_weights)], i);
    }
    if (setting->count == 0)
        setting->origin = SETTING_DEFAULT;
}

bool settings_is_empty(const struct settings *settings, size_t field)
{
    const struct setting *setting = &settings->fields[field];
    const char *value = settings_value(settings, field);
    for (size_t i = 0; setting_is_list(field) && i < setting->count; i++)
        if (setting->items[i][0])
            return false;
    return !value[0] || (!row_of(field)->preset && setting_choice(field, value) == 0);
}

/* --- the request --- */

/* Is it a field, and does this request make something of it? */
static bool counts(const struct option *row, const struct training_request *request)
{
    return row->label && training_row_counts((size_t)(row - training_options.rows), request);
}

/* The items of a list that are not empty; of weights one for each of the data, the usual one where
 * nothing is said. */
static bool read_list(const struct settings *settings, size_t field, struct training_request *out)
{
    bool weights = field == SETTING(data_weights), right = true;
    size_t count =
        weights ? settings_count(settings, SETTING(data)) : settings_count(settings, field);
    for (size_t i = 0; i < count; i++) {
        const char *text = settings_item(settings, field, i);
        if (weights && !settings_item(settings, SETTING(data), i)[0])
            continue;
        if (text[0] || weights)
            right &= option_set(row_of(field), out, text[0] ? text : "1", NULL) == 0;
    }
    return right;
}

/* What was typed, whether it counts or not. */
static void read_fields(const struct settings *settings, struct training_request *out)
{
    training_request_init(out);
    for (size_t i = 0; i < training_options.count; i++) {
        if (!row_of(i)->label || settings_is_empty(settings, i))
            continue;
        if (setting_is_list(i) ? read_list(settings, i, out)
                               : option_set(row_of(i), out, settings_value(settings, i), NULL) == 0)
            option_give(&out->given, i);
    }
}

/* In two steps, as whether a row counts is asked of a request: first all that was typed, then what
 * does not count there is set back to its default, and what follows from others is filled in. */
void settings_request(const struct settings *settings, struct training_request *out)
{
    struct option_given given = {{0}};
    read_fields(settings, out);
    for (size_t i = 0; i < training_options.count; i++)
        if (row_of(i)->label && !counts(row_of(i), out))
            option_reset(row_of(i), out);
        else if (option_is_given(&out->given, i))
            option_give(&given, i);
    out->given = given;
    training_request_fill(out);
}

enum training_method settings_method(const struct settings *settings)
{
    return method_by_name(settings_value(settings, SETTING(method)));
}

bool settings_use_plan(const struct settings *settings)
{
    return method_info(settings_method(settings))->plan &&
           settings_is_empty(settings, SETTING(plan)) &&
           settings_is_empty(settings, SETTING(select)) &&
           settings_is_empty(settings, SETTING(top));
}

bool settings_launches(const struct settings *settings)
{
    return engine_by_name(settings_value(settings, SETTING(engine))) != ENGINE_HERE;
}

bool settings_uses(const struct settings *settings, size_t field)
{
    struct training_request request;
    settings_request(settings, &request);
    bool uses = counts(row_of(field), &request);
    training_request_free(&request);
    return uses;
}

void settings_used(const struct settings *settings, bool used[SETTINGS_MAX])
{
    struct training_request request;
    settings_request(settings, &request);
    for (size_t i = 0; i < SETTINGS_MAX; i++)
        used[i] = i < training_options.count && counts(row_of(i), &request);
    training_request_free(&request);
}

/* What is left to follow from others is shown with what follows: "auto (2e-4)". */
void settings_show(const struct settings *settings, size_t field, size_t item, char *out,
                   size_t size)
{
    const char *value = settings_item(settings, field, item);
    bool plan = field == SETTING(plan) || field == SETTING(top);
    struct training_request request;
    read_fields(settings, &request);
    training_request_fill(&request);
    if (field == SETTING(frozen) && strcmp(value, "auto") == 0)
        snprintf(out, size, "auto (%s)", option_choice_name(row_of(field), &request));
    else if (field == SETTING(rate) && !value[0])
        snprintf(out, size, "auto (%s)", training_default_rate_text(&request));
    else if (field == SETTING(alpha) && !value[0])
        snprintf(out, size, "auto (%lld)", 2 * (long long)request.rank);
    else if (field == SETTING(data_weights) && !value[0])
        snprintf(out, size, "1");
    else if (plan && !value[0] && settings_use_plan(settings))
        snprintf(out, size, "the plan of the map");
    else
        snprintf(out, size, "%s", value);
    training_request_free(&request);
}

/* --- what is wrong --- */

void settings_words(const char *text, char *out, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    struct buffer words = BUFFER_INIT;
    for (const char *at = text; *at;) {
        char name[64];
        bool begins = at == text || !strchr(letters, at[-1]);
        size_t length = begins && strncmp(at, "--", 2) == 0 ? strspn(at + 2, letters) : 0;
        snprintf(name, sizeof name, "%.*s", (int)length, at + 2 * (length > 0));
        size_t field = option_by_name(&training_options, name);
        if (length > 0 && field < training_options.count && row_of(field)->label) {
            /* "runs on trl has no ..." would be no sentence */
            buffer_text(&words, field == SETTING(engine) ? "engine" : row_of(field)->label);
            at += 2 + length;
        } else { /* an option of the command alone stays as it is */
            length = length > 0 ? 2 + length : 1;
            buffer_append(&words, at, length);
            at += length;
        }
    }
    utf8_copy(out, size, buffer_string(&words));
    buffer_free(&words);
}

/* The trainer's own check of one value: of a list the item alone, so that each line of the form
 * says what is wrong with its own; but there are weights for all of the data or for none. */
static int check_item(const struct settings *settings, size_t field, size_t item,
                      struct training_request *request, struct error *err)
{
    const struct option *row = row_of(field);
    if (!row->check)
        return 0;
    if (setting_is_list(field) && row->kind != OPTION_NUMBERS) {
        option_reset(row, request);
        if (option_set(row, request, settings_item(settings, field, item), err) != 0)
            return -1;
    }
    return row->check(request, TRAINING_ASKED, err);
}

/* Four questions, until one is answered with a reason: is it missing; is it a value at all, by its
 * row's kind and bounds; is it what a run would cut or refuse only later, or in more words than a
 * field has room for; and what does the trainer's own check say of it. */
bool settings_check(const struct settings *settings, size_t field, size_t item, char *why,
                    size_t size)
{
    const struct option *row = row_of(field);
    const char *value = settings_item(settings, field, item);
    struct training_request request;
    struct error err = ERROR_INIT;
    why[0] = '\0';
    bool optional = setting_is_list(field) || !setting_preset(field)[0] || !row->preset;
    if (optional && (setting_is_list(field) ? !value[0] : settings_is_empty(settings, field))) {
        bool missing = row->needed && settings_is_empty(settings, field);
        if (missing)
            snprintf(why, size, "name a %sfolder", row->kind == OPTION_PATHS ? "file or a " : "");
        return !missing;
    }
    /* a flag's "yes" and "no" are the form's own */
    if (row->kind != OPTION_FLAG && !option_takes(row, value, why, size))
        return false;
    settings_request(settings, &request); /* what is wrong may depend on the other fields */
    if (field == SETTING(run) && job_dir_is_taken(value)) {
        snprintf(why, size, "holds a job (%s): name another", job_state_name(job_state(value)));
    } else if (field == SETTING(warmup) && request.steps > 0 && request.warmup >= 1 &&
               request.warmup > (double)request.steps) {
        snprintf(why, size, "more than the steps");
    } else if (check_item(settings, field, item, &request, &err) != 0) {
        char prefix[64]; /* the option's name, which the field has already */
        int length = snprintf(prefix, sizeof prefix, "--%s: ", row->name);
        bool named = strncmp(err.text, prefix, (size_t)length) == 0;
        settings_words(err.text + (named ? length : 0), why, size);
        if (!why[0])
            snprintf(why, size, "it cannot be used");
    }
    training_request_free(&request);
    return !why[0];
}

static bool is_number(size_t field)
{
    enum option_kind kind = row_of(field)->kind;
    return kind == OPTION_INTEGER || kind == OPTION_NUMBER || kind == OPTION_NUMBERS ||
           kind == OPTION_PERCENT || kind == OPTION_BYTES;
}

/* Of all fields, or of the numbers alone. */
static size_t first_wrong(const struct settings *settings, bool numbers, size_t *item, char *why,
                          size_t size)
{
    char reason[ERROR_TEXT_MAX];
    bool used[SETTINGS_MAX];
    settings_used(settings, used);
    for (size_t i = 0; i < training_options.count; i++) {
        size_t items = settings_count(settings, i);
        if (!used[i] || (numbers && !is_number(i)))
            continue;
        for (*item = 0; *item < (items ? items : 1); ++*item)
            if (!settings_check(settings, i, *item, reason, sizeof reason)) {
                snprintf(why, size, "%s: %s", row_of(i)->label, reason);
                return i;
            }
    }
    *item = 0;
    return training_options.count;
}

/* Field by field first, so that a message stands beside its field; then what does not go
 * together. */
size_t settings_first_wrong(const struct settings *settings, size_t *item, char *why, size_t size)
{
    struct training_request request;
    struct error err = ERROR_INIT;
    size_t wrong = first_wrong(settings, false, item, why, size);
    if (wrong < training_options.count)
        return wrong;
    settings_request(settings, &request);
    int status = training_check_together(&request, &err);
    training_request_free(&request);
    if (status == 0)
        return training_options.count;
    settings_words(err.text, why, size);
    return 0;
}

bool settings_numbers_right(const struct settings *settings, char *why, size_t size)
{
    size_t item;
    return first_wrong(settings, true, &item, why, size) == training_options.count;
}
