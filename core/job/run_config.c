#include "job/run_config.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/run_config_yaml.h"
#include "job/training_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- another run's job.json --- */

/* Its folder is its own, and how it ran is no part of what it was. */
static bool is_left_out(size_t row)
{
    return training_row_is_of_command(row) || row == TRAINING_ROW(run);
}

/* As options_parse() reads them: --name VALUE, --name=VALUE, "--" ends the options. */
static int take_arguments(struct run_config *config, const cJSON *list, struct error *err)
{
    const cJSON *item = list ? list->child : NULL;
    bool ended = false;
    for (item = item ? item->next : NULL; item; item = item->next) {
        const char *text = item->valuestring, *value = NULL;
        char name[64];
        if (!ended && strcmp(text, "--") == 0) {
            ended = true;
            continue;
        }
        if (ended || text[0] != '-' || !text[1]) {
            if (run_config_add(config, "model", text, err) != 0)
                return -1;
            continue;
        }
        const char *start = text + (text[1] == '-' ? 2 : 1), *equals = strchr(start, '=');
        snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - start) : 63, start);
        size_t row = option_by_name(&training_options, name);
        if (row == training_options.count)
            return run_config_find(&row, name, err);
        bool flag = training_options.rows[row].kind == OPTION_FLAG;
        if (!flag && !equals && !(item = item->next))
            return error_set(err, "--%s has no value in \"arguments\"", name);
        if (!flag)
            value = equals ? equals + 1 : item->valuestring;
        if (!is_left_out(row) && run_config_add(config, name, value, err) != 0)
            return -1;
    }
    return 0;
}

/* The job.json of another run: its arguments, relative to the folder that they were typed in. */
static int take_record(struct run_config *config, const cJSON *job, struct error *err)
{
    const cJSON *list = json_get(job, "arguments"), *item;
    const char *command = "", *folder = NULL;
    bool well = cJSON_IsArray(list);
    cJSON_ArrayForEach(item, list)
    {
        well = well && cJSON_IsString(item);
    }
    json_get_string(job, "command", &command);
    if (!well || (strcmp(command, "train") != 0 && strcmp(command, "launch") != 0))
        return error_set(err, "%s: %s", config->path,
                         well ? "it is not a training run's, so it cannot be the start of one"
                              : "\"arguments\" is not a list of texts");
    if (job_check_version(config->path, job, err) != 0)
        return -1;
    config->record = true;
    if (json_get_string(job, "folder", &folder)) {
        free(config->folder);
        if (!(config->folder = string_copy(folder, err)))
            return -1;
    }
    return take_arguments(config, list, err) == 0 ? 0 : error_prefix(err, "%s", config->path);
}

/* --- the file --- */

/* A flat object is YAML, too; a record says what it is. NULL: it is none. */
static cJSON *record_of(const struct run_config *config, const struct buffer *text)
{
    size_t start = strspn(buffer_string(text), " \t\r\n");
    const char *format = "";
    if (buffer_string(text)[start] != '{')
        return NULL;
    cJSON *json = json_parse(text->data, text->length, JSON_STRICT, config->path, NULL);
    json_get_string(json, "format", &format);
    if (strcmp(format, "spectrum.job") == 0)
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* A job's file is opened as one, so that nothing is followed that leads out of its folder. */
static int find_file(struct run_config *config, const char *path, struct error *err)
{
    struct stat info;
    bool folder = sys.stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    if (folder && !job_dir_has(path, "job.json"))
        return error_set(err, "%s is a folder without a job.json: --config takes a file, or a run",
                         path);
    config->path = folder ? path_join(path, "job.json", err) : string_copy(path, err);
    char *near = config->path ? path_folder(config->path, err) : NULL;
    bool record = near && strcmp(path_last(config->path), "job.json") == 0;
    if (!near || (record && job_dir_confine(near, err) != 0)) {
        free(near);
        return -1;
    }
    char *whole = sys.realpath(near, NULL);
    config->folder = whole ? whole : near;
    if (whole)
        free(near);
    return 0;
}

/* A file is a record of ours, or YAML; which of the two its first bytes say. */
int run_config_read(struct run_config *out, const char *path, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    *out = (struct run_config){0};
    int status = find_file(out, path, err);
    if (status == 0)
        status = file_read_all(&text, out->path, RUN_CONFIG_MAX, err);
    if (status == 0)
        status = (out->said = record_of(out, &text))
                     ? take_record(out, out->said, err)
                     : run_config_read_yaml(out, buffer_string(&text), text.length, err);
    if (status == 0 && out->count == 0 && !out->model)
        status = error_set(err, "%s says nothing of a run", out->path);
    buffer_free(&text);
    return status;
}

/* Leaves an empty one. */
void run_config_free(struct run_config *config)
{
    for (size_t i = 0; i < config->count; i++)
        free(config->entries[i].text);
    free(config->entries);
    free(config->path);
    free(config->folder);
    free(config->model);
    cJSON_Delete(config->said);
    *config = (struct run_config){0};
}

/* --- the command line that says the same --- */

bool run_config_has_start(const struct run_config *config)
{
    for (size_t i = 0; i < config->count; i++)
        if (config->entries[i].row == TRAINING_ROW(start.step) ||
            config->entries[i].row == TRAINING_ROW(start.best))
            return true;
    return false;
}

/* Options of which one takes the place of the others: typed, it leaves out those of the file. Data
 * that are typed have no weights of other data, and a MODEL no checkpoint of another run. */
static bool is_replaced(size_t row, const struct option_given *given, const char *model)
{
    const size_t groups[][3] = {
        {TRAINING_ROW(plan), TRAINING_ROW(top), TRAINING_ROW(select)},
        {TRAINING_ROW(steps), TRAINING_ROW(epochs), TRAINING_ROW(epochs)},
        {TRAINING_ROW(eval_data), TRAINING_ROW(eval_split), TRAINING_ROW(eval_split)},
        {TRAINING_ROW(start.step), TRAINING_ROW(start.best), TRAINING_ROW(start.best)},
    };
    bool start = row == TRAINING_ROW(start.step) || row == TRAINING_ROW(start.best);
    if (option_is_given(given, row) || (model && start) ||
        (row == TRAINING_ROW(data_weights) && option_is_given(given, TRAINING_ROW(data))))
        return true;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        for (int k = 0; k < 3; k++)
            if (groups[i][k] == row)
                return option_is_given(given, groups[i][0]) ||
                       option_is_given(given, groups[i][1]) || option_is_given(given, groups[i][2]);
    return false;
}

static int put(char **arguments, int *count, struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Formats one argument; NULL at the end stays, as the list is longer by one. */
static int put(char **arguments, int *count, struct error *err, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = vasprintf(&arguments[*count], format, values);
    va_end(values);
    if (length < 0) {
        arguments[*count] = NULL;
        return error_set(err, "not enough memory");
    }
    (*count)++;
    return 0;
}

/* "--name=value", so that a value which begins with "-" stays one. */
static int put_file(char **arguments, int *count, const struct run_config *config,
                    const struct option_given *given, const char *model, struct error *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < config->count; i++) {
        const struct run_config_entry *entry = &config->entries[i];
        const char *name = training_options.rows[entry->row].name;
        if (is_replaced(entry->row, given, model))
            continue;
        status = entry->text ? put(arguments, count, err, "--%s=%s", name, entry->text)
                             : put(arguments, count, err, "--%s", name);
    }
    if (status == 0 && !model && config->model)
        status = put(arguments, count, err, "%s", config->model);
    return status;
}

/* All that was typed but --config, which is an option's name and not another's value. */
static int put_typed(char **arguments, int *count, int argc, char *const argv[], struct error *err)
{
    int status = 0;
    bool ended = false;
    for (int i = 1; status == 0 && i < argc; i++) {
        const char *text = argv[i];
        char name[64];
        ended = ended || strcmp(text, "--") == 0;
        bool option = !ended && text[0] == '-' && text[1];
        const char *start = text + (text[1] == '-' ? 2 : 1), *equals = strchr(start, '=');
        snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - start) : 63, start);
        size_t row = option ? option_by_name(&training_options, name) : training_options.count;
        bool pair = row < training_options.count && !equals &&
                    training_options.rows[row].kind != OPTION_FLAG && i + 1 < argc;
        if (row == TRAINING_ROW(config) || row == TRAINING_ROW(trusted)) {
            i += pair;
            continue;
        }
        status = put(arguments, count, err, "%s", text);
        if (status == 0 && pair)
            status = put(arguments, count, err, "%s", argv[++i]);
    }
    return status;
}

/* The file's options, then what was typed: of an option that is there twice the typed one
 * counts. */
char **run_config_merge(const struct run_config *config, const struct option_given *given,
                        const char *model, int argc, char *const argv[], int *count,
                        struct error *err)
{
    char **arguments = array_alloc(config->count + (size_t)argc + 3, sizeof *arguments, err);
    *count = 0;
    if (arguments && put(arguments, count, err, "%s", argv[0]) == 0 &&
        put_file(arguments, count, config, given, model, err) == 0 &&
        put_typed(arguments, count, argc, argv, err) == 0)
        return arguments;
    run_config_free_arguments(arguments);
    return NULL;
}

void run_config_free_arguments(char **arguments)
{
    for (size_t i = 0; arguments && arguments[i]; i++)
        free(arguments[i]);
    free(arguments);
}

/* Of another run's record: its "arguments" count, and they are its model's. */
int run_config_check_model(const struct run_config *config, struct error *err)
{
    char *folder = config->record ? path_folder(config->path, err) : NULL;
    int status = folder           ? job_trust_check_model(folder, config->said, err)
                 : config->record ? -1
                                  : 0;
    free(folder);
    return status;
}

/* --- trust --- */

/* As the job.json of the run that it would start: what a file may do is then looked at by one
 * function. */
static cJSON *as_record(const struct run_config *config, struct error *err)
{
    static const struct option_given nothing;
    char *const head[] = {(char[]){"train"}, NULL};
    int count;
    char **arguments = run_config_merge(config, &nothing, NULL, 1, head, &count, err);
    cJSON *job = arguments ? cJSON_CreateObject() : NULL;
    cJSON *list = job ? cJSON_AddArrayToObject(job, "arguments") : NULL;
    bool whole = list && cJSON_AddStringToObject(job, "command", "train") &&
                 cJSON_AddStringToObject(job, "folder", config->folder);
    for (int i = 0; whole && i < count; i++)
        whole = cJSON_AddItemToArray(list, cJSON_CreateString(arguments[i]));
    run_config_free_arguments(arguments);
    if (whole)
        return job;
    cJSON_Delete(job);
    if (err->kind == ERROR_NONE)
        error_set(err, "not enough memory");
    return NULL;
}

/* A configuration of somebody else's may name files: trust.h says which are to be shown. */
int run_config_look(struct job_trust *out, struct run_config *config, struct error *err)
{
    *out = (struct job_trust){0};
    if (!config->said)
        config->said = as_record(config, err);
    char *folder = config->said ? path_folder(config->path, err) : NULL;
    int status =
        folder ? job_trust_look_file(out, folder, config->path, config->record, config->said, err)
               : -1;
    free(folder);
    return status;
}
