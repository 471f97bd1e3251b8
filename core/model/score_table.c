#include "model/score_table.h"

#include "base/decimal.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As if the file had said nothing of its model. */
void scan_model_clear(struct scan_model *of)
{
    for (size_t i = 0; i < of->end_count; i++) {
        free(of->ends[i].tensor);
        free(of->ends[i].file);
    }
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
        free(scan->rows[i].file);
        free(scan->rows[i].loaded);
        free(scan->rows[i].tensor);
        free(scan->rows[i].expert_type);
    }
    scan_model_clear(&scan->of);
    free(scan->rows);
    free(scan->model);
    free(scan);
}

/* With or without ".weight" after the module's name. */
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

/* --- experts --- */

/* Where in a type the expert's number is: "experts.3." of a row of its own; of a part of a stack
 * the last ".3" that is a component. NULL: there is none. */
static const char *find_number(const char *type, int64_t expert, bool part, size_t *length)
{
    char wanted[32];
    const char *found = NULL;
    size_t size = (size_t)snprintf(wanted, sizeof wanted, ".%" PRId64, expert);
    for (const char *at = type; part && (at = strstr(at, wanted)); at += size)
        if (at[size] == '\0' || at[size] == '.')
            found = at;
    if (!part && (found = strstr(type, "experts."))) {
        found += strlen("experts");
        size = 1 + strspn(found + 1, "0123456789");
        found = size > 1 && size < 8 && found[size] == '.' ? found : NULL;
    }
    *length = size;
    return found;
}

/* The type without the expert's number, by which experts are ranked among themselves. */
int scan_row_find_expert(struct scan_row *row, int64_t expert, struct error *err)
{
    size_t length;
    const char *number = row->tensor && expert < 0
                             ? NULL
                             : find_number(row->type, expert, row->tensor != NULL, &length);
    if (!number)
        return 0;
    size_t before = (size_t)(number - row->type), all = strlen(row->type);
    row->expert_type = array_alloc(all - length + 1, 1, err);
    if (!row->expert_type)
        return -1;
    memcpy(row->expert_type, row->type, before);
    memcpy(row->expert_type + before, number + length, all - before - length);
    row->expert = strtoll(number + 1, NULL, 10);
    return 0;
}

/* --- the share --- */

/* A head that is tied may be stored, and be a row, beside the embedding that it is: both are one
 * tensor of the model's. An end that is a row is counted as that. */
struct scan_share scan_share(const struct scan *scan)
{
    const struct scan_model *of = &scan->of;
    struct scan_share share = {.known = of->known, .total = of->parameters};
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        *(row->known && isnan(row->snr) ? &share.failed : &share.scored) += row->parameters;
    }
    if (share.scored > share.total - share.failed)
        share.scored = share.total - share.failed;
    for (size_t i = 0; i < of->end_count; i++)
        share.ends += scan_find(scan, of->ends[i].tensor) ? 0 : of->ends[i].parameters;
    for (size_t i = 0; i < of->omission_count; i++) {
        share.known &= of->omissions[i].parameters > 0; /* a file of an older program */
        share.omitted += of->omissions[i].parameters;
        share.omitted_tensors += of->omissions[i].count;
    }
    share.rest = share.total - share.scored - share.failed - share.ends - share.omitted;
    return share;
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
        list_type(types, sizeof types, row->expert_type ? row->expert_type : row->type);
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

/* "not scanned: 24 tensors, NAME first: why". */
static void say_omission(const struct scan_omission *omission, char *out, size_t size)
{
    char reason[sizeof omission->reason];
    utf8_copy(reason, sizeof reason, omission->reason); /* a file's may be anything */
    snprintf(out, size, "not scanned: %" PRId64 " tensor%s, %.200s first: %s", omission->count,
             omission->count == 1 ? "" : "s", omission->first, reason);
}

/* Adds ", 6.2 % words" to a line that has room for it. */
static void add_part(char *out, size_t size, int64_t part, int64_t total, const char *words)
{
    size_t length = strlen(out);
    if (part > 0)
        snprintf(out + length, size - length, "%s%.3g %% %s",
                 strchr(out, ';') ? ", " : "; not: ", 100.0 * (double)part / (double)total, words);
}

/* Which share of the parameters has a score, and where the rest is. */
static bool say_share(const struct scan *scan, char *out, size_t size)
{
    struct scan_share share = scan_share(scan);
    char omitted[80];
    if (!share.known || share.total <= 0)
        return false;
    snprintf(out, size, "scored: %.4g %% of the parameters, %s of %s",
             100.0 * (double)share.scored / (double)share.total, decimal_text(share.scored).text,
             decimal_text(share.total).text);
    snprintf(omitted, sizeof omitted, "%" PRId64 " tensor%s not scanned", share.omitted_tensors,
             share.omitted_tensors == 1 ? "" : "s");
    add_part(out, size, share.failed, share.total, "matrices without a score");
    add_part(out, size, share.ends, share.total, "embeddings and head");
    add_part(out, size, share.omitted, share.total, omitted);
    add_part(out, size, share.rest, share.total, "norms, biases and other vectors");
    return true;
}

/* Line n of what is to be known beside the rows; false after the last one. */
bool scan_say(const struct scan *scan, size_t n, char *out, size_t size)
{
    const struct scan_model *of = &scan->of;
    size_t omissions = of->omission_count < OMISSIONS_SAID ? of->omission_count : OMISSIONS_SAID;
    if (n < omissions) {
        say_omission(&of->omissions[n], out, size);
        return true;
    }
    bool shared = say_share(scan, out, size);
    if (shared && n == omissions)
        return true;
    return n - omissions == (size_t)shared && say_empty_noise(scan, out, size);
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

/* Numbers that are not known are left out, those that are not finite said as the form has them. */
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

/* What is not known is left out; the order is fixed, so that two scans can be compared as texts. */
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
    if (row->begins)
        json_flag(json, "begins", true);
    if (row->file)
        json_text(json, "file", row->file);
    if (row->loaded) {
        json_text(json, "loaded", row->loaded);
        json_integer(json, "loaded_parts", row->loaded_parts);
    }
    if (row->tensor) {
        json_text(json, "tensor", row->tensor);
        json_integer(json, "tensor_parameters", row->tensor_parameters);
    }
    if (row->tensor && row->expert_type)
        json_integer(json, "expert", row->expert);
    if (row->detailed)
        put_details(json, row);
    put_text(json, "dtype", row->dtype);
}

/* What a plan must know of the model: struct scan_model. Of one whose tensors are all empty there is
 * nothing to plan. */
static void put_model(struct json_writer *json, const struct scan *scan)
{
    static const char *const names[NAMES_COUNT] = SCAN_NAMES;
    const struct scan_model *of = &scan->of;
    struct scan_share share = scan_share(scan);
    if (of->parameters == 0)
        return;
    json_text(json, "names", names[of->names]);
    put_text(json, "architecture", of->architecture);
    json_flag(json, "tied", of->tied);
    json_integer(json, "parameters", of->parameters);
    if (share.known)
        json_integer(json, "scored_parameters", share.scored);
    if (of->tensors > 0)
        json_integer(json, "tensors", of->tensors);
    json_list(json, "ends");
    for (size_t i = 0; i < of->end_count; i++) {
        json_object(json, NULL);
        json_text(json, "tensor", of->ends[i].tensor);
        if (of->ends[i].file)
            json_text(json, "file", of->ends[i].file);
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
        if (of->omissions[i].parameters > 0)
            json_integer(json, "parameters", of->omissions[i].parameters);
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
            put_model(&json, scan);
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

/* Rows without a score are not written: the scan is not complete there. */
void scan_put_json(struct buffer *out, const struct scan *scan)
{
    struct json_writer json = {.out = out};
    json_begin(&json, "spectrum.scan");
    json_object(&json, "model");
    if (scan->model)
        json_text(&json, "path", scan->model);
    put_text(&json, "fingerprint", scan->fingerprint);
    if (scan->of.known)
        put_model(&json, scan);
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
