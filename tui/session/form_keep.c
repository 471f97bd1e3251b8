#include "tui/session/form_keep.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds from the first change to its writing: what is typed in one go is written once. */
static const double hold = 0.4;

static const char *const origins[] = {
    [SETTING_DEFAULT] = "default",
    [SETTING_PROPOSED] = "proposal",
    [SETTING_PRESET] = "preset",
    [SETTING_TYPED] = "hand",
};

/* --- the file's text --- */

/* A name that is not UTF-8 cannot stand in JSON as it is, and as another it would name nothing. */
static bool is_kept(const struct setting *setting)
{
    for (size_t i = 0; i < setting->count; i++)
        if (!utf8_printable(setting->items[i]))
            return false;
    return setting->count > 0;
}

/* Fields that somebody has set, with who did: a preset's values may be replaced by another preset,
 * typed ones may not. */
void form_put(struct buffer *out, const struct settings *settings, const char *model)
{
    struct json_writer json = {.out = out};
    json_begin(&json, "spectrum.form");
    json_text(&json, "model", model);
    json_object(&json, "fields");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < training_options.count; i++) {
        const struct setting *setting = &settings->fields[i];
        if (!is_kept(setting))
            continue;
        json_object(&json, training_options.rows[i].name);
        json_text(&json, "by", origins[setting->origin]);
        json_list(&json, "values");
        for (size_t k = 0; k < setting->count; k++)
            json_text(&json, NULL, setting->items[k]);
        json_end(&json);
        json_end(&json);
    }
    json_end(&json);
    json_end(&json);
    json_finish(&json, NULL);
}

/* One field of the file, or false. */
static bool take_field(struct settings *settings, const cJSON *json)
{
    const cJSON *values = json_get(json, "values"), *value;
    size_t field = option_by_name(&training_options, json->string), item = 0;
    const char *by = "";
    int origin = SETTING_PROPOSED;
    json_get_string(json, "by", &by);
    while (origin < SETTING_TYPED && strcmp(origins[origin], by) != 0)
        origin++;
    if (field == training_options.count || !training_options.rows[field].label ||
        !cJSON_IsArray(values) || strcmp(origins[origin], by) != 0)
        return false;
    cJSON_ArrayForEach(value,
                       values) if (!cJSON_IsString(value) || !utf8_printable(value->valuestring) ||
                                   !settings_restore(settings, field, item++, value->valuestring,
                                                     (enum setting_origin)origin)) return false;
    return true;
}

/* All or nothing, into a form of its own: half of a form would be a run that nobody has put
 * together. */
bool form_take(struct settings *settings, const cJSON *json)
{
    const cJSON *fields = json_get(json, "fields"), *field;
    const char *format = "";
    json_get_string(json, "format", &format);
    bool taken = strcmp(format, "spectrum.form") == 0 && cJSON_IsObject(fields);
    struct settings read;
    settings_init(&read);
    if (taken)
        cJSON_ArrayForEach(field, fields) taken = taken && take_field(&read, field);
    struct settings *other = taken ? settings : &read;
    settings_free(other);
    if (taken)
        *settings = read;
    return taken;
}

/* --- the file --- */

/* "<state folder>/forms/<hash of the model's whole path>.json" */
static int find_path(struct form_keep *keep, const char *model, struct error *err)
{
    char name[HASH_TEXT_SIZE + 8];
    struct hash *hash = hash_new(err);
    char *whole = sys.realpath(model, NULL), *folder = NULL;
    keep->model = whole ? whole : string_copy(model, err);
    if (hash && keep->model && (folder = xdg_state_path("forms", err))) {
        hash_update(hash, keep->model, strlen(keep->model));
        hash_text(hash, name);
        memcpy(name + HASH_TEXT_SIZE - 1, ".json", sizeof ".json");
        keep->path = path_join(folder, name, err);
    }
    hash_free(hash);
    free(folder);
    return keep->path ? 0 : -1;
}

/* Of the model before only what a person typed, and not where its run is. */
static void take_over(struct settings *settings)
{
    for (size_t i = 0; i < training_options.count; i++)
        if (settings->fields[i].origin != SETTING_TYPED || i == SETTING(run))
            settings_reset(settings, i);
}

/* A file that is not taken stays where it is and is never written over (`aside`). */
void form_keep_open(struct form_keep *keep, struct settings *settings, const char *model)
{
    struct error err = ERROR_INIT;
    *keep = (struct form_keep){.told = keep->told};
    take_over(settings);
    if (find_path(keep, model, &err) != 0)
        return;
    int there =
        file_find(keep->path, &err); /* -1: what is there is not known, and not written over */
    if (there == 0)
        return;
    cJSON *json = there > 0 ? json_read_file(keep->path, FORM_FILE_MAX, JSON_STRICT, &err) : NULL;
    if (!json || !form_take(settings, json)) {
        keep->aside = true;
        snprintf(keep->message, sizeof keep->message,
                 "the training form that was kept for this model is not taken, and %.200s stays: "
                 "%.200s",
                 keep->path, json ? "it has a field or a value that is not known here" : err.text);
    }
    cJSON_Delete(json);
}

/* What was not taken goes beside first, so it is there whatever becomes of the second step. */
static int set_aside(struct form_keep *keep, struct error *err)
{
    struct buffer aside = BUFFER_INIT;
    buffer_format(&aside, "%s.aside", keep->path);
    int status = buffer_check(&aside, err);
    if (status == 0 && sys.rename(keep->path, aside.data) != 0 && errno != ENOENT)
        status = error_set_errno(err, errno, "cannot set %s aside", keep->path);
    keep->aside = keep->aside && status != 0;
    buffer_free(&aside);
    return status;
}

static int save(struct form_keep *keep, const struct settings *settings, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    bool set = false;
    for (size_t i = 0; i < training_options.count; i++)
        set = set || settings->fields[i].origin >= SETTING_PRESET;
    if (!set && !keep->aside) /* as it is at first: nothing is kept of it */
        return sys.unlink(keep->path) == 0 || errno == ENOENT
                   ? 0
                   : error_set_errno(err, errno, "cannot remove %s", keep->path);
    char *folder = xdg_state_folder("forms", err);
    int status = folder ? 0 : -1;
    if (status == 0 && keep->aside)
        status = set_aside(keep, err);
    form_put(&text, settings, keep->model);
    if (status == 0)
        status = buffer_check(&text, err);
    if (status == 0)
        status = file_save_private(keep->path, text.data, text.length, err);
    buffer_free(&text);
    free(folder);
    return status;
}

static void save_now(struct form_keep *keep, const struct settings *settings)
{
    struct error err = ERROR_INIT;
    if (!keep->path || keep->changed_at == 0)
        return;
    keep->changed_at = 0; /* whatever comes of it: it is tried again with the next change */
    if (save(keep, settings, &err) != 0 && !keep->told) {
        keep->told = true;
        snprintf(keep->message, sizeof keep->message,
                 "what is typed here is not kept between openings: %.500s", err.text);
    }
}

void form_keep_changed(struct form_keep *keep)
{
    if (keep->changed_at == 0)
        keep->changed_at = clock_seconds();
}

bool form_keep_tick(struct form_keep *keep, const struct settings *settings)
{
    if (keep->changed_at != 0 && clock_seconds() - keep->changed_at >= hold)
        save_now(keep, settings);
    return keep->message[0] != '\0';
}

int form_keep_ms(const struct form_keep *keep)
{
    double left = keep->changed_at + hold - clock_seconds();
    return !keep->path || keep->changed_at == 0 ? -1 : left > 0 ? (int)ceil(left * 1000) : 0;
}

void form_keep_close(struct form_keep *keep, const struct settings *settings)
{
    save_now(keep, settings);
    free(keep->path);
    free(keep->model);
    *keep = (struct form_keep){.told = keep->told};
}

/* --- the history of fields --- */

static char *history_path(bool make, struct error *err)
{
    char *folder = make ? xdg_state_folder("forms", err) : xdg_state_path("forms", err);
    char *path = folder ? path_join(folder, "history.json", err) : NULL;
    free(folder);
    return path;
}

/* The list of a field in the file, NULL: there is none. */
static const cJSON *history_of(const cJSON *json, size_t field)
{
    return json_get(json_get(json, "fields"), training_options.rows[field].name);
}

/* What was kept of a field, but for `text`, which stands before it already. */
static void put_history(struct json_writer *json, const struct setting *now, const cJSON *before)
{
    const cJSON *value;
    size_t count = now->count;
    for (size_t i = 0; i < now->count; i++)
        json_text(json, NULL, now->items[i]);
    cJSON_ArrayForEach(value, before)
    {
        bool again = !cJSON_IsString(value) || count >= FORM_HISTORY_MAX;
        for (size_t i = 0; i < now->count && !again; i++)
            again = strcmp(now->items[i], value->valuestring) == 0;
        if (again)
            continue;
        json_text(json, NULL, value->valuestring);
        count++;
    }
}

/* Of fields whose names are turned through there is nothing to remember, and none of the run's
 * folder: each run has its own. */
void form_history_add(const struct settings *settings)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    char *path = history_path(true, NULL);
    cJSON *before = path ? json_read_file(path, FORM_FILE_MAX, JSON_STRICT, NULL) : NULL;
    json_begin(&json, "spectrum.form_history");
    json_object(&json, "fields");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < training_options.count; i++) {
        const struct setting none = {.count = 0}, *now = &settings->fields[i];
        if (setting_is_turned(i) || i == SETTING(run) || now->origin == SETTING_PROPOSED ||
            !is_kept(now))
            now = &none;
        if (now->count == 0 && !history_of(before, i))
            continue;
        json_list(&json, training_options.rows[i].name);
        put_history(&json, now, history_of(before, i));
        json_end(&json);
    }
    json_end(&json);
    json_end(&json);
    if (path && json_finish(&json, NULL) == 0)
        file_save_private(path, text.data, text.length, NULL);
    cJSON_Delete(before);
    buffer_free(&text);
    free(path);
}

/* Values that runs were started with, the latest first; out[] is the caller's to free. */
size_t form_history_read(size_t field, char **out, size_t max)
{
    char *path = history_path(false, NULL);
    cJSON *json = path ? json_read_file(path, FORM_FILE_MAX, JSON_STRICT, NULL) : NULL;
    const cJSON *value;
    size_t count = 0;
    cJSON_ArrayForEach(
        value,
        history_of(json, field)) if (count < max && cJSON_IsString(value) &&
                                     value->valuestring[0] && utf8_printable(value->valuestring) &&
                                     strlen(value->valuestring) < SETTING_VALUE_MAX &&
                                     (out[count] = string_copy(value->valuestring, NULL))) count++;
    cJSON_Delete(json);
    free(path);
    return count;
}
