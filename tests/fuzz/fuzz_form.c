/* What is kept of a training form, as the screen reads it when a model is opened: taken or not, it
 * can be asked for a run, and what is kept of it again reads back the same. */
#include "fuzz.h"

#include "base/json.h"
#include "tui/session/form_keep.h"

static void check_same(const struct settings *a, const struct settings *b)
{
    for (size_t i = 0; i < SETTINGS_MAX; i++) {
        if (settings_count(a, i) != settings_count(b, i) ||
            a->fields[i].origin != b->fields[i].origin)
            abort();
        for (size_t k = 0; k < settings_count(a, i); k++)
            if (strcmp(settings_item(a, i, k), settings_item(b, i, k)) != 0)
                abort();
    }
}

/* Every question that the form asks of its fields; files that they name are looked at, no more. */
static void ask(const struct settings *settings)
{
    char why[ERROR_TEXT_MAX], shown[SETTING_VALUE_MAX];
    size_t item;
    settings_first_wrong(settings, &item, why, sizeof why);
    for (size_t i = 0; i < training_options.count; i++)
        settings_show(settings, i, 0, shown, sizeof shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings, again;
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    settings_init(&settings);
    settings_init(&again);
    cJSON *json = json_parse((const char *)data, size, JSON_STRICT, "fuzz", &err);
    fuzz_ok(json ? 0 : -1, &err);
    if (json && form_take(&settings, json)) {
        ask(&settings);
        form_put(&text, &settings, "fuzz");
        cJSON *kept = json_parse(buffer_string(&text), text.length, JSON_STRICT, "kept", NULL);
        if (!kept || !form_take(&again, kept))
            abort();
        check_same(&settings, &again);
        cJSON_Delete(kept);
    }
    cJSON_Delete(json);
    buffer_free(&text);
    settings_free(&settings);
    settings_free(&again);
    return 0;
}
