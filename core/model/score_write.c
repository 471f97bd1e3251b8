#include "model/score_write.h"

#include <math.h>
#include <stdio.h>

/* A number that may be unknown: absent then, never 0. Strict JSON has no infinity. */
static void put_known(struct json_writer *json, const char *key, double value)
{
    char kind[64];
    if (isnan(value))
        return;
    json_real(json, key, value);
    if (!isinf(value) || json->loose)
        return;
    snprintf(kind, sizeof kind, "%s_kind", key);
    json_text(json, kind, "infinite");
}

static void put_text(struct json_writer *json, const char *key, const char *text)
{
    if (text[0])
        json_text(json, key, text);
}

static void put_details(struct json_writer *json, const struct scan_row *row)
{
    json_real(json, "sigma_max", row->sigma_max);
    json_real(json, "sigma", row->sigma);
    json_real(json, "threshold", row->threshold);
    json_integer(json, "signal_count", row->signal_count);
    json_integer(json, "noise_count", row->noise_count);
    put_known(json, "null_snr", row->null_snr);
    json_flag(json, "degenerate", row->degenerate);
    put_text(json, "degenerate_reason", row->degenerate_reason);
    put_known(json, "snr_mp", row->snr_mp);
    put_known(json, "null_snr_mp", row->null_snr_mp);
    put_known(json, "snr_gavish_donoho", row->snr_gavish_donoho);
    put_known(json, "null_snr_gavish_donoho", row->null_snr_gavish_donoho);
    put_known(json, "frobenius", row->frobenius);
    put_known(json, "stable_rank", row->stable_rank);
    put_known(json, "effective_rank", row->effective_rank);
    put_known(json, "spike_edge", row->spike_edge);
    if (row->spikes >= 0)
        json_integer(json, "spikes", row->spikes);
}

static const char *snr_kind(double snr)
{
    return isnan(snr) ? "nan" : isinf(snr) ? "infinite" : "finite";
}

void scan_put_row(struct json_writer *json, const struct scan_row *row)
{
    json_real(json, "snr", row->snr);
    if (!json->loose)
        json_text(json, "snr_kind", snr_kind(row->snr));
    put_text(json, "type", row->type);
    put_text(json, "reason", row->reason);
    if (row->parameters > 0) {
        json_integer(json, "rows", row->rows);
        json_integer(json, "cols", row->cols);
        json_integer(json, "parameters", row->parameters);
    }
    if (row->bias > 0)
        json_integer(json, "bias", row->bias);
    if (row->bare)
        json_flag(json, "bare", true);
    if (row->detailed)
        put_details(json, row);
    put_text(json, "dtype", row->dtype);
}

/* What a plan must know of the model: struct scan_model. */
static void put_model(struct json_writer *json, const struct scan_model *of)
{
    static const char *const names[NAMES_COUNT] = SCAN_NAMES;
    json_text(json, "names", names[of->names]);
    put_text(json, "architecture", of->architecture);
    json_flag(json, "tied", of->tied);
    json_integer(json, "parameters", of->parameters);
    json_list(json, "ends");
    for (size_t i = 0; i < of->end_count; i++) {
        json_object(json, NULL);
        json_text(json, "tensor", of->ends[i].tensor);
        json_flag(json, "head", of->ends[i].head);
        json_integer(json, "parameters", of->ends[i].parameters);
        json_end(json);
    }
    json_end(json);
    json_list(json, "omissions");
    for (size_t i = 0; i < of->omission_count; i++) {
        json_object(json, NULL);
        json_text(json, "first", of->omissions[i].first);
        json_integer(json, "count", of->omissions[i].count);
        put_text(json, "reason", of->omissions[i].reason);
        json_end(json);
    }
    json_end(json);
}

/* Tools take every key of the file for a module, so what a plan must know, and how the scores came
 * about, is a member of its first. */
void scan_put_file(struct buffer *out, const struct scan *scan)
{
    struct json_writer json = {.out = out, .loose = true};
    bool first = true;
    json_object(&json, NULL);
    json_layout(&json, JSON_ROWS_CLOSED);
    for (size_t i = 0; i < scan->count; i++) {
        if (!scan->rows[i].known)
            continue;
        json_object(&json, scan->rows[i].module);
        scan_put_row(&json, &scan->rows[i]);
        if (first && scan->of.known) {
            json_object(&json, "model");
            put_model(&json, &scan->of);
            put_text(&json, "fingerprint", scan->fingerprint);
            put_text(&json, "estimator", scan->estimator);
            put_text(&json, "empty_noise", scan->empty_noise);
            json_end(&json);
        }
        json_end(&json);
        first = false;
    }
    json_end(&json);
    json_finish(&json, NULL);
}

void scan_put_json(struct buffer *out, const struct scan *scan)
{
    struct json_writer json = {.out = out};
    json_begin(&json, "spectrum.scan");
    json_object(&json, "model");
    if (scan->model)
        json_text(&json, "path", scan->model);
    put_text(&json, "fingerprint", scan->fingerprint);
    if (scan->of.known)
        put_model(&json, &scan->of);
    json_end(&json);
    json_text(&json, "estimator", scan->estimator);
    json_text(&json, "empty_noise", scan->empty_noise);
    json_object(&json, "modules");
    json_layout(&json, JSON_ROWS_CLOSED);
    for (size_t i = 0; i < scan->count; i++) {
        if (!scan->rows[i].known)
            continue;
        json_object(&json, scan->rows[i].module);
        scan_put_row(&json, &scan->rows[i]);
        json_end(&json);
    }
    json_end(&json);
    json_end(&json);
    json_finish(&json, NULL);
}
