#include "model/score_table.h"

#include "base/json_writer.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scan_model_clear(struct scan_model *of)
{
    for (size_t i = 0; i < of->end_count; i++)
        free(of->ends[i].tensor);
    for (size_t i = 0; i < of->omission_count; i++)
        free(of->omissions[i].first);
    free(of->ends);
    free(of->omissions);
    *of = (struct scan_model){0};
}

void scan_free(struct scan *scan)
{
    if (!scan)
        return;
    for (size_t i = 0; i < scan->count; i++) {
        free(scan->rows[i].module);
        free(scan->rows[i].type);
    }
    scan_model_clear(&scan->of);
    free(scan->rows);
    free(scan->model);
    free(scan);
}

const struct scan_row *scan_find(const struct scan *scan, const char *module)
{
    size_t length = strlen(module), tail = strlen(".weight");
    if (length > tail && strcmp(module + length - tail, ".weight") == 0)
        length -= tail;
    for (size_t i = 0; i < scan->count; i++)
        if (strncmp(scan->rows[i].module, module, length) == 0 && !scan->rows[i].module[length])
            return &scan->rows[i];
    return NULL;
}

/* --- what it has to say of itself --- */

/* Omissions beyond these are of one kind with them. */
enum { OMISSIONS_SAID = 10 };

/* Adds a type to "a, b", unless it is there; "..." where there is no more room. */
static void list_type(char *types, size_t size, const char *type)
{
    char wanted[128], list[256];
    snprintf(wanted, sizeof wanted, ", %.100s, ", type);
    snprintf(list, sizeof list, ", %.240s, ", types);
    if (strstr(list, wanted) || strstr(list, ", ..., "))
        return;
    size_t length = strlen(types);
    bool fits = length + strlen(wanted) + strlen(", ...") < size;
    snprintf(types + length, size - length, "%s%.100s", length ? ", " : "", fits ? type : "...");
}

/* Not one value at or below the threshold: what the score is then is a convention, and decides what
 * a plan takes of these types. Of a file without details an infinite score says it. */
static bool say_empty_noise(const struct scan *scan, char *out, size_t size)
{
    char types[200] = "";
    size_t count = 0;
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        if (!row->known || (row->detailed ? row->noise_count > 0 : !isinf(row->snr)))
            continue;
        list_type(types, sizeof types, row->type);
        count++;
    }
    bool one = strcmp(scan->empty_noise, "one") == 0;
    snprintf(
        out, size,
        "%zu of %zu matrices, %s, %s an empty noise set, which %s %s; %s--empty-noise %s counts "
        "it as %s",
        count, scan->count, types, count == 1 ? "has" : "have",
        scan->from_file ? "the file counts as" : "counts as",
        one ? "a noise of 1, as in today's spectrum.py" : "infinity, as in published scans",
        scan->from_file ? "another scan, `spectrum scan MODEL` with " : "",
        one ? "infinity" : "one",
        one ? "published scans have it" : "today's spectrum.py does: a noise of 1");
    return count > 0;
}

bool scan_say(const struct scan *scan, size_t n, char *out, size_t size)
{
    const struct scan_model *of = &scan->of;
    size_t omissions = of->omission_count < OMISSIONS_SAID ? of->omission_count : OMISSIONS_SAID;
    if (n > omissions)
        return false;
    if (n == omissions)
        return say_empty_noise(scan, out, size);
    const struct scan_omission *omission = &of->omissions[n];
    char reason[sizeof omission->reason];
    utf8_copy(reason, sizeof reason, omission->reason); /* a file's may be anything */
    snprintf(out, size, "not scanned: %" PRId64 " tensor%s, %.200s first: %s", omission->count,
             omission->count == 1 ? "" : "s", omission->first, reason);
    return true;
}

/* --- as text --- */

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
