/* What is wrong with a field of the training form. */
#include "base/sys.h"
#include "base/text.h"
#include "base/utf8.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "text/data_files.h"
#include "text/forms.h"
#include "text/template.h"
#include "tui/app/settings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0.0001, 1e-12; whole numbers whole. */
static void put_limit(double limit, char *out, size_t size)
{
    bool whole = limit == floor(limit) && fabs(limit) < 1e16;
    snprintf(out, size, whole ? "%.0f" : "%g", limit);
}

static bool check_number(const struct setting_info *info, const char *value, char *why, size_t size)
{
    char *end, low[32], high[32];
    double number = strtod(value, &end);
    bool integer = info->kind == SETTING_INTEGER || info->kind == SETTING_INTEGER_OR_EMPTY;
    put_limit(info->low, low, sizeof low);
    put_limit(info->high, high, sizeof high);
    if (end == value || *end || !isfinite(number) || (integer && number != floor(number)))
        snprintf(why, size, "%s number, please", integer ? "a whole" : "a");
    else if (number < info->low || number > info->high)
        snprintf(why, size, "from %s to %s", low, high);
    else
        return true;
    return false;
}

static bool check_bytes(const char *value, char *why, size_t size)
{
    uint64_t bytes;
    bool right = !value[0] || text_to_bytes(&bytes, value);
    if (!right)
        snprintf(why, size, "bytes, as in 8G or 500M");
    return right;
}

/* Of what is there the data's reader says what is wrong, as it would to `train` and `tokens`. */
static bool check_path(const struct setting_info *info, const char *value, char *why, size_t size)
{
    struct stat at;
    struct error err = ERROR_INIT;
    if (!value[0]) {
        snprintf(why, size, "name a file or a folder");
        return info->kind == SETTING_PATH_OR_EMPTY;
    }
    if (sys.stat(value, &at) != 0)
        snprintf(why, size, "%s", strerror(errno));
    else if (!S_ISREG(at.st_mode) && !S_ISDIR(at.st_mode))
        snprintf(why, size, "neither a file nor a folder");
    else if (sys.access(value, R_OK) != 0)
        snprintf(why, size, "%s", strerror(errno));
    else if (data_files_look(value, &err) != 0)
        utf8_copy(why, size, err.text);
    else
        return true;
    return false;
}

static bool check_columns(const char *value, char *why, size_t size)
{
    struct column_names names;
    struct error err = ERROR_INIT;
    if (!value[0])
        return true;
    bool right = column_names_parse(&names, value, &err) == 0;
    static const char option[] = "--columns: "; /* the field says so itself */
    bool named = strncmp(err.text, option, sizeof option - 1) == 0;
    utf8_copy(why, size, err.text + (named ? sizeof option - 1 : 0));
    if (right)
        column_names_free(&names);
    return right;
}

static bool check_template(const char *value, char *why, size_t size)
{
    struct error err = ERROR_INIT;
    bool right = template_check(value, &err) == 0;
    utf8_copy(why, size, err.text);
    return right;
}

/* The nearest part of a path that is there, in place. */
static void cut_to_existing(char *path, struct stat *at)
{
    while (sys.stat(path, at) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        char *slash = strrchr(path, '/');
        if (!slash)
            strcpy(path, ".");
        else
            slash[slash == path] = '\0';
    }
}

/* Can the folder be made, or written to? */
static bool check_parent(const char *value, char *why, size_t size)
{
    char path[SETTING_VALUE_MAX];
    struct stat at = {0};
    snprintf(path, sizeof path, "%s", value);
    cut_to_existing(path, &at);
    if (sys.stat(path, &at) != 0)
        snprintf(why, size, "%s", strerror(errno));
    else if (!S_ISDIR(at.st_mode))
        snprintf(why, size, "%s is a file", path);
    else if (sys.access(path, W_OK | X_OK) != 0)
        snprintf(why, size, "%s: %s", path, strerror(errno));
    else
        return true;
    return false;
}

static bool check_folder(const char *value, char *why, size_t size)
{
    if (!value[0])
        snprintf(why, size, "name a folder");
    else if (job_dir_is_taken(value))
        snprintf(why, size, "holds a job (%s): name another", job_state_name(job_state(value)));
    else
        return check_parent(value, why, size);
    return false;
}

static bool check_warmup(const struct settings *settings, char *why, size_t size)
{
    double warmup = strtod(settings->values[SETTING_WARMUP], NULL);
    double steps = strtod(settings->values[SETTING_STEPS], NULL);
    bool more = settings->values[SETTING_STEPS][0] && warmup >= 1 && warmup > steps;
    if (more)
        snprintf(why, size, "more than the steps");
    return !more;
}

bool settings_check(const struct settings *settings, enum setting setting, char *why, size_t size)
{
    const struct setting_info *info = setting_info(setting);
    const char *value = settings->values[setting];
    why[0] = '\0';
    switch (info->kind) {
    case SETTING_INTEGER_OR_EMPTY:
    case SETTING_NUMBER_OR_EMPTY:
        return !value[0] || check_number(info, value, why, size);
    case SETTING_BYTES_OR_EMPTY:
        return check_bytes(value, why, size);
    case SETTING_INTEGER:
    case SETTING_NUMBER:
        return check_number(info, value, why, size) &&
               (setting != SETTING_WARMUP || check_warmup(settings, why, size));
    case SETTING_PATH:
    case SETTING_PATH_OR_EMPTY:
        return check_path(info, value, why, size);
    case SETTING_CHOICE:
        snprintf(why, size, "one of %s", info->choices);
        return setting_choice(setting, value) >= 0;
    case SETTING_TEMPLATE_NAME:
        return setting_choice(setting, value) >= 0 || check_template(value, why, size);
    case SETTING_FOLDER:
        return check_folder(value, why, size);
    case SETTING_COLUMN_MAP:
        break;
    }
    return check_columns(value, why, size);
}

enum setting settings_first_wrong(const struct settings *settings, char *why, size_t size)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        char reason[ERROR_TEXT_MAX];
        if (!settings_uses(settings, (enum setting)i) ||
            settings_check(settings, (enum setting)i, reason, sizeof reason))
            continue;
        snprintf(why, size, "%s: %s", setting_info((enum setting)i)->label, reason);
        return (enum setting)i;
    }
    return SETTING_COUNT;
}
