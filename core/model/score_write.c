#include "model/score_write.h"

#include "base/json.h"

#include <inttypes.h>
#include <math.h>

typedef void put_number(struct buffer *out, double value);

static void put_key(struct buffer *out, const char *key, double value, put_number *put)
{
    buffer_format(out, ", \"%s\": ", key);
    put(out, value);
}

/* A number that may be unknown: absent then, never 0. Strict JSON has no infinity. */
static void put_known(struct buffer *out, const char *key, double value, put_number *put)
{
    if (isnan(value))
        return;
    put_key(out, key, value, put);
    if (isinf(value) && put == json_put_number)
        buffer_format(out, ", \"%s_kind\": \"infinite\"", key);
}

static void put_text(struct buffer *out, const char *key, const char *text)
{
    if (!text[0])
        return;
    buffer_format(out, ", \"%s\": ", key);
    json_put_string(out, text);
}

static void put_details(struct buffer *out, const struct scan_row *row, put_number *put)
{
    put_key(out, "sigma_max", row->sigma_max, put);
    put_key(out, "sigma", row->sigma, put);
    put_key(out, "threshold", row->threshold, put);
    buffer_format(out, ", \"signal_count\": %" PRId64 ", \"noise_count\": %" PRId64,
                  row->signal_count, row->noise_count);
    put_known(out, "null_snr", row->null_snr, put);
    buffer_format(out, ", \"degenerate\": %s", row->degenerate ? "true" : "false");
    put_text(out, "degenerate_reason", row->degenerate_reason);
    put_known(out, "snr_mp", row->snr_mp, put);
    put_known(out, "null_snr_mp", row->null_snr_mp, put);
    put_known(out, "snr_gavish_donoho", row->snr_gavish_donoho, put);
    put_known(out, "null_snr_gavish_donoho", row->null_snr_gavish_donoho, put);
    put_known(out, "frobenius", row->frobenius, put);
    put_known(out, "stable_rank", row->stable_rank, put);
    put_known(out, "effective_rank", row->effective_rank, put);
    put_known(out, "spike_edge", row->spike_edge, put);
    if (row->spikes >= 0)
        buffer_format(out, ", \"spikes\": %" PRId64, row->spikes);
}

static const char *snr_kind(double snr)
{
    return isnan(snr) ? "nan" : isinf(snr) ? "infinite" : "finite";
}

/* What a plan must know of the model: struct scan_model, and how the scores came about. */
static void put_model(struct buffer *out, const struct scan *scan, const char *between)
{
    static const char *const names[NAMES_COUNT] = SCAN_NAMES;
    const struct scan_model *of = &scan->of;
    buffer_format(out, "%s\"names\": \"%s\"", between, names[of->names]);
    put_text(out, "architecture", of->architecture);
    buffer_format(out, ", \"tied\": %s, \"parameters\": %" PRId64 ", \"ends\": [",
                  of->tied ? "true" : "false", of->parameters);
    for (size_t i = 0; i < of->end_count; i++) {
        buffer_text(out, i ? ", {\"tensor\": " : "{\"tensor\": ");
        json_put_string(out, of->ends[i].tensor);
        buffer_format(out, ", \"head\": %s, \"parameters\": %" PRId64 "}",
                      of->ends[i].head ? "true" : "false", of->ends[i].parameters);
    }
    buffer_text(out, "], \"omissions\": [");
    for (size_t i = 0; i < of->omission_count; i++) {
        buffer_text(out, i ? ", {\"first\": " : "{\"first\": ");
        json_put_string(out, of->omissions[i].first);
        buffer_format(out, ", \"count\": %" PRId64, of->omissions[i].count);
        put_text(out, "reason", of->omissions[i].reason);
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
}

static void put_row(struct buffer *out, const struct scan_row *row, bool strict)
{
    put_number *put = strict ? json_put_number : json_put_loose;
    buffer_text(out, "\"snr\": ");
    put(out, row->snr);
    if (strict)
        buffer_format(out, ", \"snr_kind\": \"%s\"", snr_kind(row->snr));
    put_text(out, "type", row->type);
    put_text(out, "reason", row->reason);
    if (row->parameters > 0)
        buffer_format(out,
                      ", \"rows\": %" PRId64 ", \"cols\": %" PRId64 ", \"parameters\": %" PRId64,
                      row->rows, row->cols, row->parameters);
    if (row->bias > 0)
        buffer_format(out, ", \"bias\": %" PRId64, row->bias);
    if (row->bare)
        buffer_text(out, ", \"bare\": true");
    if (row->detailed)
        put_details(out, row, put);
    put_text(out, "dtype", row->dtype);
}

void scan_put_row(struct buffer *out, const struct scan_row *row)
{
    put_row(out, row, true);
}

static void put_rows(struct buffer *out, const struct scan *scan, bool strict)
{
    const char *between = "\n";
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        if (!row->known)
            continue;
        buffer_text(out, between);
        json_put_string(out, row->module);
        buffer_text(out, ": {");
        put_row(out, row, strict);
        /* Tools take every key of the file for a module, so the model is a member of its first. */
        if (!strict && scan->of.known && between[0] != ',') {
            put_model(out, scan, ", \"model\": {");
            put_text(out, "fingerprint", scan->fingerprint);
            put_text(out, "estimator", scan->estimator);
            put_text(out, "empty_noise", scan->empty_noise);
            buffer_byte(out, '}');
        }
        buffer_byte(out, '}');
        between = ",\n";
    }
}

void scan_put_file(struct buffer *out, const struct scan *scan)
{
    buffer_byte(out, '{');
    put_rows(out, scan, false);
    buffer_text(out, "\n}\n");
}

void scan_put_json(struct buffer *out, const struct scan *scan)
{
    buffer_text(out, "{\"format\": \"spectrum.scan\", \"version\": 1, \"model\": {");
    const char *between = "";
    if (scan->model) {
        buffer_text(out, "\"path\": ");
        json_put_string(out, scan->model);
        between = ", ";
    }
    if (scan->fingerprint[0]) {
        buffer_format(out, "%s\"fingerprint\": \"%s\"", between, scan->fingerprint);
        between = ", ";
    }
    if (scan->of.known)
        put_model(out, scan, between);
    buffer_text(out, "}, \"estimator\": ");
    json_put_string(out, scan->estimator);
    buffer_text(out, ", \"empty_noise\": ");
    json_put_string(out, scan->empty_noise);
    buffer_text(out, ", \"modules\": {");
    put_rows(out, scan, true);
    buffer_text(out, "\n}}\n");
}
