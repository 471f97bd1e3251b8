#include "job/run_config_values.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/xdg.h"
#include "job/training_options.h"
#include "text/template/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 100000 };

/* --- what it says --- */

/* "lr_factor" is --lr-factor. */
static void name_of(const char *key, char *name, size_t size)
{
    snprintf(name, size, "%s", key);
    for (char *at = name; (at = strchr(at, '_'));)
        *at = '-';
}

/* Keys are option names, with "_" for "-" if one likes; an unknown one is answered with the
 * nearest. */
int run_config_find(size_t *row, const char *key, struct error *err)
{
    char name[64];
    const size_t count = training_options.count;
    name_of(key, name, sizeof name);
    *row = option_by_name(&training_options, name);
    if (strcmp(name, "model") == 0 || (*row < count && !training_row_is_of_command(*row)))
        return 0;
    const char *near = option_nearest(&training_options, name);
    if (*row < count)
        return error_set_kind(
            err, ERROR_USAGE,
            "%s says how a command runs, and not what: it belongs on the command line", name);
    if (near)
        return error_set_kind(err, ERROR_USAGE, "there is no option \"%.60s\"; did you mean %s?",
                              key, near);
    return error_set_kind(err, ERROR_USAGE,
                          "there is no option \"%.60s\"; `spectrum train --help` lists them", key);
}

static bool names_file(const struct option *row, const char *text)
{
    if (row && row->at == offsetof(struct training_request, format.template_name))
        return template_is_file(text);
    return row && (row->kind == OPTION_PATH || row->kind == OPTION_PATHS);
}

/* Relative paths from the folder; a model may also be named as in the hub's cache. */
static char *resolve(const struct run_config *config, const struct option *row, const char *text,
                     struct error *err)
{
    struct buffer home = BUFFER_INIT;
    if (row && !names_file(row, text))
        return string_copy(text, err);
    path_put_home(&home, text);
    char *path = home.data && home.data[0] != '/' ? path_join(config->folder, home.data, err)
                                                  : string_copy(buffer_string(&home), err);
    buffer_free(&home);
    int there = row || !path ? 1 : file_find(path, err);
    if (there > 0)
        return path;
    free(path);
    return there == 0 ? string_copy(text, err) : NULL;
}

/* Would the option take it? */
static int check_value(const struct option *row, const char *text, struct error *err)
{
    struct training_request scratch;
    training_request_init(&scratch);
    int status = option_set(row, &scratch, text, err);
    training_request_free(&scratch);
    return status;
}

/* Checked as the command line checks it. Paths are the file's folder's. */
int run_config_add(struct run_config *config, const char *key, const char *text, struct error *err)
{
    size_t number;
    if (run_config_find(&number, key, err) != 0)
        return -1;
    const struct option *row =
        number < training_options.count ? &training_options.rows[number] : NULL;
    if (row && check_value(row, text, err) != 0)
        return -1;
    if (!row && (!text || !text[0] || text[0] == '-'))
        return error_set_kind(err, ERROR_USAGE,
                              "a model is a folder, a file or a name, not \"%.60s\"",
                              text ? text : "");
    char *value = text ? resolve(config, row, text, err) : NULL;
    if (text && !value)
        return -1;
    if (!row) {
        free(config->model);
        config->model = value;
        return 0;
    }
    if (config->count >= ENTRIES_MAX ||
        array_reserve((void **)&config->entries, &config->capacity, config->count + 1,
                      sizeof *config->entries, err) != 0) {
        free(value);
        return config->count >= ENTRIES_MAX ? error_set(err, "more than %d values", ENTRIES_MAX)
                                            : -1;
    }
    config->entries[config->count++] = (struct run_config_entry){number, value};
    return 0;
}
