#include "job/training/run_record.h"

#include "base/folder.h"
#include "base/sys.h"
#include "compute/cpu/onednn.h"
#include "compute/machine.h"
#include "job/job_dir.h"
#include "job/training/run_more.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_fingerprints(struct json_writer *json, const char *key, const struct dataset *data)
{
    json_list(json, key);
    for (size_t i = 0; i < data->source_count; i++)
        json_text(json, NULL, data->sources[i].fingerprint);
    json_end(json);
}

/* What has no value is absent. */
static void put_option(struct json_writer *json, const char *key, const char *value)
{
    if (value)
        json_text(json, key, value);
}

/* --- what was asked for, with the defaults of what was not --- */

/* The member of the request that a row stands for. */
static void put_value(struct json_writer *json, const char *key, const struct option *row,
                      const struct training_request *request)
{
    const void *value = (const char *)request + row->at;
    switch (row->kind) {
    case OPTION_FLAG:
        json_flag(json, key, *(const bool *)value);
        break;
    case OPTION_TEXT:
    case OPTION_PATH:
        json_text(json, key, *(const char *const *)value);
        break;
    case OPTION_TEXTS:
    case OPTION_PATHS:
        json_list(json, key);
        for (size_t i = 0; i < ((const struct option_list *)value)->count; i++)
            json_text(json, NULL, ((const struct option_list *)value)->items[i]);
        json_end(json);
        break;
    case OPTION_NUMBERS:
        json_list(json, key);
        for (size_t i = 0; i < ((const struct option_numbers *)value)->count; i++)
            json_real(json, NULL, ((const struct option_numbers *)value)->items[i]);
        json_end(json);
        break;
    case OPTION_INTEGER:
        json_integer(json, key, *(const int64_t *)value);
        break;
    case OPTION_NUMBER:
    case OPTION_PERCENT:
        json_real(json, key, *(const double *)value);
        break;
    case OPTION_BYTES:
        json_count(json, key, *(const uint64_t *)value);
        break;
    case OPTION_CHOICE:
        json_text(json, key, option_choice_name(row, request));
        break;
    }
}

/* Where a row does not say when: what has a value, and a number but for a 0 that is the default. */
static bool is_recorded(const struct option *row, const struct training_request *request)
{
    const void *value = (const char *)request + row->at;
    bool zero = (row->kind == OPTION_INTEGER && *(const int64_t *)value == 0) ||
                (row->kind == OPTION_NUMBER && *(const double *)value == 0);
    if ((row->key && !row->key[0]) ||
        (request->engine != ENGINE_HERE &&
         !training_row_counts((size_t)(row - training_options.rows), request)))
        return false;
    if (row->recorded)
        return row->recorded(request);
    return option_has_value(row, request) &&
           !(zero && row->preset && strcmp(row->preset, "0") == 0);
}

/* Under a row's key, else under its name with "_" for "-". */
static void put_request(struct json_writer *json, const struct training_request *request)
{
    for (size_t i = 0; i < training_options.count; i++) {
        const struct option *row = &training_options.rows[i];
        char key[64];
        if (!is_recorded(row, request))
            continue;
        snprintf(key, sizeof key, "%s", row->key ? row->key : row->name);
        for (char *dash = key; (dash = strchr(dash, '-'));)
            *dash = '_';
        put_value(json, key, row, request);
    }
}

/* What the optimiser has that no option says. */
static void put_optimizer(struct json_writer *json, const struct training_request *request)
{
    const struct optimizer_row *row = &optimizer_rows[request->optimizer];
    const struct optimizer_rule *rules[] = {row->rest, row->matrices};
    for (int i = 0; i < (row->rest == row->matrices ? 1 : 2); i++)
        for (const struct optimizer_constant *constant = rules[i]->constants; constant->name;
             constant++)
            json_real(json, constant->name, constant->value);
}

/* --- what became known --- */

/* What the numbers depend on besides what was asked for. */
static void put_machine(struct json_writer *json, const struct run_base *base)
{
    const struct training_request *request = base->sitting->request;
    put_option(json, "program", request->program);
    json_integer(json, "threads", machine_threads((int)request->threads));
    json_text(json, "instructions", machine_instructions());
    json_text(json, "library", onednn_version());
    if (base->backend)
        json_text(json, "backend", base->backend->name);
}

/* What became known when the data had been read, and when the trainer was made. */
static void put_found(struct json_writer *json, const struct run_data *data,
                      const struct run_setup *setup)
{
    const struct run_identity *identity = &setup->identity;
    if (!identity->data[0])
        return;
    json_text(json, "fingerprint", identity->model);
    json_text(json, "data_fingerprint", identity->data);
    json_text(json, "machine", identity->exact);
    put_fingerprints(json, "data_fingerprints", &data->set);
    put_fingerprints(json, "eval_data_fingerprints", &data->eval_set);
    if (!setup->course)
        return;
    const struct training_data_plan plan = run_data_plan(data, &setup->settings, setup->course);
    json_text(json, "precision", identity->precision);
    json_integer(json, "steps", setup->course->steps);
    run_more_put(json, setup->settings.parts, setup->settings.part_count);
    json_object(json, "data_counts");
    training_put_data_plan(json, &plan);
    json_end(json);
}

/* The model as whoever reads the record finds it: not from this folder, not by a cache's name. */
static int put_model(struct json_writer *json, const struct run_base *base, struct error *err)
{
    const char *path =
        base->model ? checkpoint_path(base->model->checkpoint) : base->sitting->request->model;
    char folder[4096];
    char *whole = path[0] != '/' && base->model && sys.getcwd(folder, sizeof folder)
                      ? path_join(folder, path, err)
                      : string_copy(path, err);
    if (!whole)
        return -1;
    json_text(json, "model", whole);
    free(whole);
    return 0;
}

int run_record_write(const struct run_base *base, const struct run_data *data,
                     const struct run_setup *setup, struct error *err)
{
    const struct run_sitting *sitting = base->sitting;
    const struct training_request *request = sitting->request;
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_begin(&json, "spectrum.job");
    json_text(&json, "command", request->engine == ENGINE_HERE ? "train" : "launch");
    int status = put_model(&json, base, err);
    if (status != 0)
        goto out;
    if (base->start)
        json_tree(&json, "start", base->start);
    put_request(&json, request);
    /* of its texts: what its template wrote as today's date, and tokens that it added */
    put_option(&json, "template_date", base->date);
    if (base->added_tokens)
        json_tree(&json, "added_tokens", base->added_tokens);
    put_optimizer(&json, request);
    put_machine(&json, base);
    put_found(&json, data, setup);
    job_put_arguments(&json, request->argc, request->argv);
    json_end(&json);
    status = json_finish(&json, err);
    if (status == 0 && json.mended)
        status = error_set(err, "an argument, or the folder this runs in, is not UTF-8: job.json "
                                "cannot hold it; other names are needed");
    if (status == 0 && !sitting->dry)
        status = job_dir_save(request->run, "job.json", &out, err);
out:
    buffer_free(&out);
    return status;
}
