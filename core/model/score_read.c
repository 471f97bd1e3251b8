/* The forms of a scan in the wild:
 *
 *     published:  {"model.layers.0.mlp.up_proj": {"snr": 1.5, "type": "mlp.up_proj"}, ...}
 *     grouped:    {"mlp.up_proj": {"model.layers.0.mlp.up_proj": 1.5, ...}, ...}
 *     ours:       as the published one, with more members a module; the first has "model", what
 *                 a plan must know (struct scan_model)
 *     --json:     {"format": "spectrum.scan", "version": 1, "model": {...}, "modules": {...}}
 *
 * Infinity is the bare word, a text, or null with "<key>_kind" beside it.
 */
#include "model/score_read.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/parameters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCAN_FILE_MAX = 1 << 30, SCAN_NAME_MAX = 512 };
enum { SCAN_ENDS_MAX = 64, SCAN_OMISSIONS_MAX = 64 };

/* Sums of as many of them as a file may have fit into 63 bits. */
#define SCAN_PARAMETERS_MAX (INT64_C(1) << 42)

static void read_text(const cJSON *entry, const char *key, char *out, size_t size)
{
    const char *text = NULL;
    if (json_get_string(entry, key, &text))
        utf8_copy(out, size, text);
}

static bool is_name(const char *text)
{
    return *text && strlen(text) <= SCAN_NAME_MAX && utf8_printable(text);
}

/* A name that may be missing: newly allocated, or NULL. False: there is one, and it is none. */
static bool read_name(const cJSON *entry, const char *key, char **out, struct error *err)
{
    const char *name = NULL;
    if (!json_get_string(entry, key, &name) || *out)
        return true;
    if (!is_name(name))
        return false;
    *out = string_copy(name, err);
    return *out != NULL;
}

/* All or nothing: a product that overflows would be counted among the parameters. */
static void read_shape(struct scan_row *row, const cJSON *entry)
{
    int64_t rows, cols, parameters;
    read_text(entry, "dtype", row->dtype, sizeof row->dtype);
    if (!json_get_int64(entry, "rows", &rows) || !json_get_int64(entry, "cols", &cols) ||
        rows < 1 || cols < 1 || __builtin_mul_overflow(rows, cols, &parameters) ||
        parameters > SCAN_PARAMETERS_MAX)
        return;
    row->rows = rows;
    row->cols = cols;
    row->parameters = parameters;
}

/* The members that a described scan has beside a row's score and shape. False: a name is none. */
static bool read_tensors(struct scan_row *row, const cJSON *entry)
{
    int64_t bias = 0, parts = 0;
    json_get_bool(entry, "bare", &row->bare);
    json_get_bool(entry, "begins", &row->begins);
    if (json_get_int64(entry, "bias", &bias) && bias > 0 && bias <= SCAN_PARAMETERS_MAX)
        row->bias = bias;
    if (json_get_int64(entry, "loaded_parts", &parts) && parts > 0 && parts <= SCAN_ROWS_MAX)
        row->loaded_parts = parts;
    return read_name(entry, "file", &row->file, NULL) &&
           read_name(entry, "loaded", &row->loaded, NULL);
}

/* A number; a null with "<key>_kind" beside it; or the string that some writers make of Infinity.
 */
static bool read_number(const cJSON *entry, const char *key, double *out)
{
    char kind_key[40];
    const char *kind = NULL;
    if (json_get_double(entry, key, out))
        return true;
    snprintf(kind_key, sizeof kind_key, "%s_kind", key);
    if (!json_get_string(entry, kind_key, &kind) && !json_get_string(entry, key, &kind))
        return false;
    if (strcmp(kind, "infinite") == 0 || strcmp(kind, "Infinity") == 0)
        *out = INFINITY;
    else if (strcmp(kind, "nan") == 0 || strcmp(kind, "NaN") == 0)
        *out = NAN;
    else
        return false;
    return true;
}

/* Our keys beside "snr"; a file that has them all is `detailed`. */
static bool read_details(struct scan_row *row, const cJSON *entry)
{
    const struct {
        const char *key;
        double *value;
    } known[] = {
        {"null_snr", &row->null_snr},
        {"snr_mp", &row->snr_mp},
        {"null_snr_mp", &row->null_snr_mp},
        {"snr_gavish_donoho", &row->snr_gavish_donoho},
        {"null_snr_gavish_donoho", &row->null_snr_gavish_donoho},
        {"frobenius", &row->frobenius},
        {"stable_rank", &row->stable_rank},
        {"effective_rank", &row->effective_rank},
        {"spike_edge", &row->spike_edge},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        *known[i].value = NAN;
        read_number(entry, known[i].key, known[i].value);
    }
    row->spikes = -1;
    json_get_int64(entry, "spikes", &row->spikes);
    read_text(entry, "degenerate_reason", row->degenerate_reason, sizeof row->degenerate_reason);
    json_get_bool(entry, "degenerate", &row->degenerate);
    return row->parameters > 0 && json_get_double(entry, "sigma_max", &row->sigma_max) &&
           json_get_double(entry, "sigma", &row->sigma) &&
           json_get_double(entry, "threshold", &row->threshold) &&
           json_get_int64(entry, "signal_count", &row->signal_count) &&
           json_get_int64(entry, "noise_count", &row->noise_count);
}

/* A score is what makes it a row; all else may be missing, as in files of other programs. */
bool scan_read_row(struct scan_row *row, const cJSON *entry)
{
    double snr;
    if (!read_number(entry, "snr", &snr))
        return false;
    row->known = true;
    row->snr = snr;
    read_text(entry, "reason", row->reason, sizeof row->reason);
    read_shape(row, entry);
    if (!read_tensors(row, entry))
        return false;
    row->detailed = read_details(row, entry);
    return true;
}

/* What a file says of the model. Names are those that a plan will write, so one that is none makes
 * the whole record worthless, and the scan one that does not say. */
static bool read_ends(struct scan_model *of, const cJSON *list, struct error *err)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list)
    {
        const char *name = NULL;
        struct scan_end *end = &of->ends[of->end_count];
        if (of->end_count == SCAN_ENDS_MAX || !json_get_string(entry, "tensor", &name) ||
            !is_name(name) || !json_get_int64(entry, "parameters", &end->parameters) ||
            end->parameters < 0 || end->parameters > SCAN_PARAMETERS_MAX)
            return false;
        json_get_bool(entry, "head", &end->head);
        end->tensor = string_copy(name, err);
        if (!end->tensor)
            return false;
        of->end_count++;
        if (!read_name(entry, "file", &end->file, err))
            return false;
    }
    return true;
}

/* False: the list is not one that we write, and the scan says nothing of its model then. */
static bool read_omissions(struct scan_model *of, const cJSON *list, struct error *err)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list)
    {
        const char *first = NULL;
        struct scan_omission *omission = &of->omissions[of->omission_count];
        if (of->omission_count == SCAN_OMISSIONS_MAX || !json_get_string(entry, "first", &first) ||
            !is_name(first) || !json_get_int64(entry, "count", &omission->count) ||
            omission->count < 1 || omission->count > SCAN_PARAMETERS_MAX)
            return false;
        if (!json_get_int64(entry, "parameters", &omission->parameters) ||
            omission->parameters < 0 || omission->parameters > SCAN_PARAMETERS_MAX)
            omission->parameters = 0;
        read_text(entry, "reason", omission->reason, sizeof omission->reason);
        omission->first = string_copy(first, err);
        if (!omission->first)
            return false;
        of->omission_count++;
    }
    return true;
}

/* It names files of this user's; another text is as good as none. */
static void read_fingerprint(struct scan *scan, const cJSON *model)
{
    const char *text = "";
    if (json_get_string(model, "fingerprint", &text) && strlen(text) == 32 &&
        strspn(text, "0123456789abcdef") == 32)
        memcpy(scan->fingerprint, text, sizeof scan->fingerprint);
}

/* What a plan must know of the model. It counts only as a whole (of->known): half of it would pass
 * for knowledge. */
static void read_model(struct scan *scan, const cJSON *model)
{
    static const char *const names[NAMES_COUNT] = SCAN_NAMES;
    struct scan_model *of = &scan->of;
    const char *text = NULL;
    int named = NAMES_COUNT;
    if (of->known || !json_get_string(model, "names", &text))
        return;
    for (int i = 0; i < NAMES_COUNT; i++)
        if (strcmp(text, names[i]) == 0)
            named = i;
    of->ends = array_alloc(SCAN_ENDS_MAX, sizeof *of->ends, NULL);
    of->omissions = array_alloc(SCAN_OMISSIONS_MAX, sizeof *of->omissions, NULL);
    of->known = of->ends && of->omissions && named < NAMES_COUNT &&
                json_get_int64(model, "parameters", &of->parameters) && of->parameters > 0 &&
                json_get_bool(model, "tied", &of->tied) &&
                read_ends(of, json_get(model, "ends"), NULL) &&
                read_omissions(of, json_get(model, "omissions"), NULL);
    of->names = (enum scan_names)(named % NAMES_COUNT);
    if (!json_get_int64(model, "tensors", &of->tensors) || of->tensors < 0)
        of->tensors = 0;
    read_text(model, "architecture", of->architecture, sizeof of->architecture);
    read_fingerprint(scan, model);
    read_text(model, "estimator", scan->estimator, sizeof scan->estimator);
    read_text(model, "empty_noise", scan->empty_noise, sizeof scan->empty_noise);
    if (!of->known)
        scan_model_clear(of);
}

/* A row is counted before its names are checked, so that scan_free() frees what it has. */
static int add_row(struct scan *scan, size_t *capacity, const char *module, const char *type,
                   struct scan_row **out, const char *where, struct error *err)
{
    if (scan->count >= SCAN_ROWS_MAX || !is_name(module) || !is_name(type))
        return error_set(err,
                         "%s: more than %d modules, or a name that is empty, longer than %d bytes "
                         "or has control characters",
                         where, SCAN_ROWS_MAX, SCAN_NAME_MAX);
    if (array_reserve((void **)&scan->rows, capacity, scan->count + 1, sizeof *scan->rows, err) !=
        0)
        return -1;
    struct scan_row *row = &scan->rows[scan->count];
    *row = (struct scan_row){.module = string_copy(module, err), .type = string_copy(type, err)};
    scan->count++;
    *out = row;
    return row->module && row->type ? 0 : -1;
}

/* Of a row that is a part of a tensor, which one that is, and which expert's part. */
static int read_part(struct scan_row *row, const cJSON *entry, const char *where, struct error *err)
{
    const char *tensor = NULL;
    int64_t expert = -1;
    if (!json_get_string(entry, "tensor", &tensor))
        return scan_row_find_expert(row, -1, err);
    if (!is_name(tensor) || !json_get_int64(entry, "tensor_parameters", &row->tensor_parameters) ||
        row->tensor_parameters < 1 || row->tensor_parameters > SCAN_PARAMETERS_MAX)
        return error_set(err,
                         "%s: module \"%.120s\" has a \"tensor\" that is no name, or no "
                         "\"tensor_parameters\"",
                         where, row->module);
    if (json_get_int64(entry, "expert", &expert) && (expert < 0 || expert > SCAN_ROWS_MAX))
        return error_set(err, "%s: module \"%.120s\" has an \"expert\" that is none", where,
                         row->module);
    row->tensor = string_copy(tensor, err);
    return row->tensor ? scan_row_find_expert(row, expert, err) : -1;
}

static int read_module(struct scan *scan, size_t *capacity, const cJSON *entry, const char *where,
                       struct error *err)
{
    const char *type = NULL;
    struct scan_row *row;
    if (!json_get_string(entry, "type", &type))
        return error_set(err, "%s: module \"%.120s\" has no \"type\"", where, entry->string);
    if (add_row(scan, capacity, entry->string, type, &row, where, err) != 0 ||
        read_part(row, entry, where, err) != 0)
        return -1;
    read_model(scan, json_get(entry, "model")); /* of the first row */
    const cJSON *value = json_get(entry, "snr");
    if (!scan_read_row(row, entry) && value && !cJSON_IsNull(value))
        return error_set(err, "%s: module \"%.120s\" has an \"snr\" that is not a number", where,
                         entry->string);
    return 0;
}

/* {"<type>": {"<module>": snr}} */
static int read_group(struct scan *scan, size_t *capacity, const cJSON *group, const char *where,
                      struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, group)
    {
        struct scan_row *row;
        if (!cJSON_IsNumber(item))
            return error_set(err, "%s: \"%.120s\" under \"%.120s\" is not a number", where,
                             item->string, group->string);
        if (add_row(scan, capacity, item->string, group->string, &row, where, err) != 0 ||
            scan_row_find_expert(row, -1, err) != 0)
            return -1;
        row->known = true;
        row->snr = item->valuedouble;
    }
    return 0;
}

static int compare_modules(const void *a, const void *b)
{
    return strcmp((*(const struct scan_row *const *)a)->module,
                  (*(const struct scan_row *const *)b)->module);
}

/* Is the tensor that this row is a part of a row itself? */
static bool is_listed_whole(const struct scan_row *row, const struct scan_row *const *sorted,
                            size_t count)
{
    char module[SCAN_NAME_MAX + 1];
    const struct scan_row key = {.module = module}, *wanted = &key;
    snprintf(module, sizeof module, "%.*s", (int)module_name_length(row->tensor), row->tensor);
    return bsearch(&wanted, sorted, count, sizeof *sorted, compare_modules);
}

/* JSON's keys are unique in one object; two groups can name one module, and a row a tensor that
 * another is a part of. */
static int check_unique(const struct scan *scan, const char *where, struct error *err)
{
    const struct scan_row **rows = array_alloc(scan->count, sizeof *rows, err);
    int status = rows ? 0 : -1;
    for (size_t i = 0; rows && i < scan->count; i++)
        rows[i] = &scan->rows[i];
    if (rows)
        qsort(rows, scan->count, sizeof *rows, compare_modules);
    for (size_t i = 1; status == 0 && i < scan->count; i++)
        if (compare_modules(&rows[i - 1], &rows[i]) == 0)
            status = error_set(err, "%s: module \"%.120s\" is there twice", where, rows[i]->module);
    for (size_t i = 0; status == 0 && i < scan->count; i++)
        if (rows[i]->tensor && is_listed_whole(rows[i], rows, scan->count))
            status = error_set(err, "%s: \"%.120s\" is a part of a module that is there, too",
                               where, rows[i]->module);
    free(rows);
    return status;
}

static int read_modules(struct scan *scan, const cJSON *modules, const char *where,
                        struct error *err)
{
    size_t capacity = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, modules)
    {
        if (!cJSON_IsObject(entry))
            continue; /* an extra key */
        bool module = json_get(entry, "snr") || json_get(entry, "snr_kind");
        int status = module ? read_module(scan, &capacity, entry, where, err)
                            : read_group(scan, &capacity, entry, where, err);
        if (status != 0)
            return -1;
    }
    if (scan->count == 0)
        return error_set(err, "%s: no modules in it", where);
    return check_unique(scan, where, err);
}

/* The form of --json. The version is looked at before anything that it could change. */
static int read_header(struct scan *scan, const cJSON *root, const char *where, struct error *err)
{
    int64_t version = 0;
    const char *text = NULL;
    if (json_need_int64(root, "version", &version, 0, 1000, where, err) != 0)
        return -1;
    if (version != 1)
        return error_set(err, "%s: spectrum.scan version %lld; this program reads version 1", where,
                         (long long)version);
    const cJSON *model = json_get(root, "model");
    read_model(scan, model);
    read_text(root, "estimator", scan->estimator, sizeof scan->estimator);
    read_text(root, "empty_noise", scan->empty_noise, sizeof scan->empty_noise);
    read_fingerprint(scan, model);
    if (json_get_string(model, "path", &text)) {
        scan->model = string_copy(text, err);
        if (!scan->model)
            return -1;
        utf8_sanitize(scan->model);
    }
    return 0;
}

/* By "format" it is our --json; without, one of the forms that the reference and its users
 * write. */
static int read_root(struct scan *scan, const cJSON *root, const char *where, struct error *err)
{
    const char *format = NULL;
    if (!cJSON_IsObject(root))
        return error_set(err, "%s: not a scan: a JSON object of modules was expected", where);
    if (!json_get_string(root, "format", &format))
        return read_modules(scan, root, where, err);
    if (strcmp(format, "spectrum.scan") != 0)
        return error_set(err, "%s: its format is \"%.40s\", not \"spectrum.scan\"", where, format);
    if (read_header(scan, root, where, err) != 0)
        return -1;
    return read_modules(scan, json_get(root, "modules"), where, err);
}

/* Loose numbers: Infinity and NaN, which Python writes into JSON. */
int scan_parse(struct scan **out, const char *text, size_t length, const char *where,
               struct error *err)
{
    *out = NULL;
    if (length == 0)
        return error_set(err, "%s is empty", where);
    cJSON *root = json_parse(text, length, JSON_LOOSE_NUMBERS | JSON_MANY_VALUES, where, err);
    struct scan *scan = root ? array_alloc(1, sizeof *scan, err) : NULL;
    int status = scan ? read_root(scan, root, where, err) : -1;
    cJSON_Delete(root);
    if (status != 0) {
        scan_free(scan);
        return -1;
    }
    scan->from_file = true;
    *out = scan;
    return 0;
}

int scan_read(struct scan **out, const char *path, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    *out = NULL;
    int status = file_read_all(&text, path, SCAN_FILE_MAX, err);
    if (status == 0)
        status = scan_parse(out, buffer_string(&text), text.length, path, err);
    buffer_free(&text);
    return status;
}
