#include "model/config_values.h"

#include "base/decimal.h"
#include "base/json_writer.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Only the first reason is kept: what follows is often its consequence. */
void config_refuse(struct model *model, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    if (model->refusal.kind != ERROR_NONE)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error_set(&model->refusal, "%s: %s", checkpoint_path(model->checkpoint), text);
}

/* A line of its own, cleaned of what a terminal would obey: it has names of the file. */
void config_note(struct model *model, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    utf8_sanitize(text);
    buffer_format(&model->notes, "%s\n", text);
}

void config_show(const cJSON *item, char *out, size_t size)
{
    struct buffer text = BUFFER_INIT;
    json_put_tree(&text, item);
    bool cut = text.length >= size;
    snprintf(out, size, "%s", buffer_string(&text));
    if (cut) {
        size_t end = size - 4; /* not within a character */
        while (end > 0 && ((unsigned char)out[end] & 0xC0) == 0x80)
            end--;
        memcpy(out + end, "...", 4);
    }
    buffer_free(&text);
}

bool config_number(const cJSON *item, double *out)
{
    double value = 0;
    if (cJSON_IsNumber(item)) {
        value = item->valuedouble;
    } else if (cJSON_IsString(item)) {
        if (!decimal_read(&value, item->valuestring))
            return false;
    } else {
        return false;
    }
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool config_truth(const cJSON *item, bool *out)
{
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    bool yes = cJSON_IsTrue(item) || strcasecmp(text, "true") == 0;
    if (!yes && !cJSON_IsFalse(item) && strcasecmp(text, "false") != 0)
        return false;
    *out = yes;
    return true;
}

bool config_is_off(const cJSON *item)
{
    double number;
    bool truth;
    if (cJSON_IsNull(item) || ((cJSON_IsArray(item) || cJSON_IsObject(item)) && !item->child) ||
        (cJSON_IsString(item) && item->valuestring[0] == '\0'))
        return true;
    return (config_truth(item, &truth) && !truth) || (config_number(item, &number) && number == 0);
}

static void refuse_type(struct model *model, const char *key, const cJSON *item, const char *needed)
{
    char shown[64];
    config_show(item, shown, sizeof shown);
    config_refuse(model, "\"%s\" is %s in its configuration, and must be %s", key, shown, needed);
}

void config_get_real(struct model *model, const cJSON *object, const char *key, bool nullable,
                     double *out)
{
    const cJSON *item = json_get(object, key);
    if (item && !(nullable && cJSON_IsNull(item)) && !config_number(item, out))
        refuse_type(model, key, item, "a number");
}

void config_get_flag(struct model *model, const cJSON *object, const char *key, bool *out)
{
    const cJSON *item = json_get(object, key);
    if (item && !config_truth(item, out))
        refuse_type(model, key, item, "true or false");
}

/* A value that is no number, no whole one, or out of bounds is refused; *out keeps its default
 * then. */
void config_get_whole(struct model *model, const cJSON *object, const char *key, bool nullable,
                      int64_t low, int64_t high, int64_t *out)
{
    const cJSON *item = json_get(object, key);
    double value;
    char needed[80];
    if (!item || (nullable && cJSON_IsNull(item)))
        return;
    if (config_number(item, &value) && value == floor(value) && value >= (double)low &&
        value <= (double)high) {
        *out = (int64_t)value;
        return;
    }
    snprintf(needed, sizeof needed, "a whole number from %lld to %lld", (long long)low,
             (long long)high);
    refuse_type(model, key, item, needed);
}
