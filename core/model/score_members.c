#include "model/score_members.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/config_values.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- what is wrong with one --- */

/* "FILE: module "a.0.q": ", newly in out[size). */
static void put_place(const struct scan_member *at, char *out, size_t size)
{
    bool named = at->name && at->name[0];
    snprintf(out, size, "%.200s: %s%s%.120s%s: ", at->where, at->what, named ? " \"" : "",
             named ? at->name : "", named ? "\"" : "");
}

int scan_refuse(const struct scan_member *at, const char *key, const char *must)
{
    char place[400], shown[48];
    put_place(at, place, sizeof place);
    config_show(json_get(at->object, key), shown, sizeof shown);
    return error_set(at->err, "%s\"%s\" is %s, and must be %s", place, key, shown, must);
}

int scan_miss(const struct scan_member *at, const char *key)
{
    char place[400];
    put_place(at, place, sizeof place);
    return error_set(at->err, "%sit has no \"%s\"", place, key);
}

bool scan_has(const struct scan_member *at, const char *key)
{
    const cJSON *item = json_get(at->object, key);
    return item && !cJSON_IsNull(item);
}

bool scan_is_name(const char *text)
{
    return text && *text && strlen(text) <= SCAN_NAME_MAX && utf8_printable(text);
}

/* --- each kind --- */

int scan_take_flag(const struct scan_member *at, const char *key, bool *out)
{
    return !scan_has(at, key) || json_get_bool(at->object, key, out)
               ? 0
               : scan_refuse(at, key, "true or false");
}

int scan_take_whole(const struct scan_member *at, const char *key, int64_t low, int64_t high,
                    int64_t *out)
{
    int64_t value;
    char must[96];
    if (!scan_has(at, key))
        return 0;
    if (json_get_int64(at->object, key, &value) && value >= low && value <= high) {
        *out = value;
        return 0;
    }
    snprintf(must, sizeof must, "a whole number from %" PRId64 " to %" PRId64, low, high);
    return scan_refuse(at, key, must);
}

int scan_take_number(const struct scan_member *at, const char *key, double *out)
{
    char kind_key[40];
    const char *kind = NULL;
    if (json_get_double(at->object, key, out))
        return 0;
    snprintf(kind_key, sizeof kind_key, "%s_kind", key);
    bool named = scan_has(at, kind_key);
    if (!named && !scan_has(at, key))
        return 0;
    if (!json_get_string(at->object, named ? kind_key : key, &kind))
        kind = "";
    if (strcmp(kind, "infinite") == 0 || strcmp(kind, "Infinity") == 0)
        *out = INFINITY;
    else if (strcmp(kind, "nan") == 0 || strcmp(kind, "NaN") == 0)
        *out = NAN;
    else if (named)
        return scan_refuse(at, kind_key, "\"finite\" beside a number, \"infinite\" or \"nan\"");
    else
        return scan_refuse(at, key, "a number, \"Infinity\" or \"NaN\"");
    return 0;
}

int scan_take_text(const struct scan_member *at, const char *key, char *out, size_t size)
{
    const char *text = NULL;
    if (!scan_has(at, key))
        return 0;
    if (!json_get_string(at->object, key, &text))
        return scan_refuse(at, key, "a text");
    utf8_copy(out, size, text);
    return 0;
}

int scan_take_name(const struct scan_member *at, const char *key, char **out)
{
    const char *name = NULL;
    if (!scan_has(at, key) || *out)
        return 0;
    if (!json_get_string(at->object, key, &name) || !scan_is_name(name))
        return scan_refuse(at, key, "a name: 1 to 512 bytes of text without control characters");
    *out = string_copy(name, at->err);
    return *out ? 0 : -1;
}
