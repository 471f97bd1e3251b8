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
#include "model/score_members.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCAN_FILE_MAX = 1 << 30 };
enum { SCAN_ENDS_MAX = 64, SCAN_OMISSIONS_MAX = 64 };

/* --- a row --- */

/* Of a published scan there is none. */
static int read_shape(struct scan_row *row, const struct scan_member *at)
{
    int64_t rows = 0, cols = 0, parameters = 0, said = 0;
    if (scan_take_text(at, "dtype", row->dtype, sizeof row->dtype) != 0 ||
        scan_take_whole(at, "rows", 1, SCAN_PARAMETERS_MAX, &rows) != 0 ||
        scan_take_whole(at, "cols", 1, SCAN_PARAMETERS_MAX, &cols) != 0 ||
        scan_take_whole(at, "parameters", 1, SCAN_PARAMETERS_MAX, &said) != 0)
        return -1;
    if (rows == 0 && cols == 0)
        return 0;
    if (rows == 0 || cols == 0)
        return scan_miss(at, rows == 0 ? "rows" : "cols");
    if (__builtin_mul_overflow(rows, cols, &parameters) || parameters > SCAN_PARAMETERS_MAX)
        return scan_refuse(at, "rows", "such that rows times \"cols\" is at most 2^42");
    if (said != 0 && said != parameters)
        return scan_refuse(at, "parameters", "the product of \"rows\" and \"cols\"");
    row->rows = rows;
    row->cols = cols;
    row->parameters = parameters;
    return 0;
}

/* Has a matrix of that shape so many singular values, elements or experts? Where no shape is said,
 * nobody knows. `most`: how many it has; 0: not known. */
static int check_count(const struct scan_member *at, const char *key, int64_t count, int64_t most,
                       const char *of)
{
    char must[96];
    if (most == 0 || count <= most)
        return 0;
    snprintf(must, sizeof must, "at most %" PRId64 ", %s", most, of);
    return scan_refuse(at, key, must);
}

/* The members that a described scan has beside a row's score and shape. */
static int read_tensors(struct scan_row *row, const struct scan_member *at)
{
    return scan_take_flag(at, "bare", &row->bare) == 0 &&
                   scan_take_flag(at, "begins", &row->begins) == 0 &&
                   scan_take_whole(at, "bias", 0, SCAN_PARAMETERS_MAX, &row->bias) == 0 &&
                   scan_take_whole(at, "loaded_parts", 0, SCAN_ROWS_MAX, &row->loaded_parts) == 0 &&
                   scan_take_name(at, "file", &row->file) == 0 &&
                   scan_take_name(at, "loaded", &row->loaded) == 0
               ? 0
               : -1;
}

/* Our keys beside "snr"; a row that has them all is `detailed`. */
static int read_details(struct scan_row *row, const struct scan_member *at)
{
    static const char *const needed[] = {"sigma_max", "sigma", "threshold", "signal_count",
                                         "noise_count"};
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
        {"sigma_max", &row->sigma_max},
        {"sigma", &row->sigma},
        {"threshold", &row->threshold},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        *known[i].value = NAN;
        if (scan_take_number(at, known[i].key, known[i].value) != 0)
            return -1;
    }
    row->spikes = -1;
    row->detailed = row->parameters > 0;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        row->detailed = row->detailed && scan_has(at, needed[i]);
    return scan_take_whole(at, "spikes", 0, SCAN_PARAMETERS_MAX, &row->spikes) == 0 &&
                   scan_take_whole(at, "signal_count", 0, SCAN_PARAMETERS_MAX,
                                   &row->signal_count) == 0 &&
                   scan_take_whole(at, "noise_count", 0, SCAN_PARAMETERS_MAX, &row->noise_count) ==
                       0 &&
                   scan_take_text(at, "degenerate_reason", row->degenerate_reason,
                                  sizeof row->degenerate_reason) == 0 &&
                   scan_take_flag(at, "degenerate", &row->degenerate) == 0
               ? 0
               : -1;
}

/* Counts go with the shape, and a part is smaller than its tensor. */
static int check_counts(const struct scan_row *row, const struct scan_member *at)
{
    static const char values[] = "as many singular values as the matrix has";
    int64_t most = row->rows < row->cols ? row->rows : row->cols;
    int64_t all = row->tensor              ? row->tensor_parameters
                  : scan_has(at, "tensor") ? 0
                                           : row->parameters; /* 0: a line of a job has no part */
    if (check_count(at, "spikes", row->spikes, most, values) != 0 ||
        check_count(at, "signal_count", row->signal_count, most, values) != 0 ||
        check_count(at, "noise_count", row->noise_count, most - row->signal_count, values) != 0)
        return -1;
    if (row->tensor && check_count(at, "parameters", row->parameters, all,
                                   "the values of the tensor that it is a part of") != 0)
        return -1;
    if (row->tensor && row->parameters > 0 && row->expert_type &&
        check_count(at, "expert", row->expert, all / row->parameters - 1,
                    "for which the tensor has values") != 0)
        return -1;
    return check_count(at, "bias", row->bias, all, "the values of its tensor");
}

static int read_row(struct scan_row *row, const struct scan_member *at)
{
    if (scan_take_number(at, "snr", &row->snr) != 0 ||
        scan_take_text(at, "reason", row->reason, sizeof row->reason) != 0 ||
        read_shape(row, at) != 0 || read_tensors(row, at) != 0 || read_details(row, at) != 0 ||
        check_counts(row, at) != 0)
        return -1;
    row->known = scan_has(at, "snr") || scan_has(at, "snr_kind");
    return 0;
}

/* A score is what makes it a row; all else may be missing, as in files of other programs. */
bool scan_read_row(struct scan_row *row, const cJSON *entry)
{
    struct error err = ERROR_INIT;
    const struct scan_member at = {entry, "metrics", "module", row->module, &err};
    return read_row(row, &at) == 0 && row->known;
}

/* --- what a file says of the model --- */

static int read_ends(struct scan_model *of, const struct scan_member *model)
{
    const cJSON *list = json_get(model->object, "ends"), *entry;
    if (scan_has(model, "ends") && !cJSON_IsArray(list))
        return scan_refuse(model, "ends", "a list");
    cJSON_ArrayForEach(entry, list)
    {
        struct scan_end *end = &of->ends[of->end_count];
        struct scan_member at = {entry, model->where, "an entry of \"ends\"", NULL, model->err};
        if (of->end_count == SCAN_ENDS_MAX)
            return scan_refuse(model, "ends", "a list of at most 64");
        of->end_count++;
        if (scan_take_name(&at, "tensor", &end->tensor) != 0)
            return -1;
        if (!end->tensor)
            return scan_miss(&at, "tensor");
        at.name = end->tensor;
        if (!scan_has(&at, "parameters"))
            return scan_miss(&at, "parameters");
        for (size_t i = 0; i + 1 < of->end_count; i++)
            if (strcmp(of->ends[i].tensor, end->tensor) == 0)
                return scan_refuse(&at, "tensor", "among the \"ends\" once");
        if (scan_take_whole(&at, "parameters", 0, SCAN_PARAMETERS_MAX, &end->parameters) != 0 ||
            scan_take_flag(&at, "head", &end->head) != 0 ||
            scan_take_name(&at, "file", &end->file) != 0)
            return -1;
    }
    return 0;
}

static int read_omissions(struct scan_model *of, const struct scan_member *model)
{
    const cJSON *list = json_get(model->object, "omissions"), *entry;
    if (scan_has(model, "omissions") && !cJSON_IsArray(list))
        return scan_refuse(model, "omissions", "a list");
    cJSON_ArrayForEach(entry, list)
    {
        struct scan_omission *omission = &of->omissions[of->omission_count];
        struct scan_member at = {entry, model->where, "an entry of \"omissions\"", NULL,
                                 model->err};
        if (of->omission_count == SCAN_OMISSIONS_MAX)
            return scan_refuse(model, "omissions", "a list of at most 64");
        of->omission_count++;
        if (scan_take_name(&at, "first", &omission->first) != 0)
            return -1;
        if (!omission->first)
            return scan_miss(&at, "first");
        at.name = omission->first;
        if (!scan_has(&at, "count"))
            return scan_miss(&at, "count");
        if (scan_take_whole(&at, "count", 1, SCAN_PARAMETERS_MAX, &omission->count) != 0 ||
            scan_take_whole(&at, "parameters", 0, SCAN_PARAMETERS_MAX, &omission->parameters) !=
                0 ||
            scan_take_text(&at, "reason", omission->reason, sizeof omission->reason) != 0)
            return -1;
    }
    return 0;
}

/* It names files of this user's. */
static int read_fingerprint(struct scan *scan, const struct scan_member *model)
{
    const char *text = "";
    if (!scan_has(model, "fingerprint"))
        return 0;
    if (!json_get_string(model->object, "fingerprint", &text) || strlen(text) != 32 ||
        strspn(text, "0123456789abcdef") != 32)
        return scan_refuse(model, "fingerprint", "32 hexadecimal digits");
    memcpy(scan->fingerprint, text, sizeof scan->fingerprint);
    return 0;
}

static int read_names(struct scan_model *of, const struct scan_member *model)
{
    static const char *const names[NAMES_COUNT] = SCAN_NAMES;
    const char *text = "";
    json_get_string(model->object, "names", &text);
    for (int i = 0; i < NAMES_COUNT; i++)
        if (strcmp(text, names[i]) == 0) {
            of->names = (enum scan_names)i;
            return 0;
        }
    return scan_refuse(model, "names", "\"standard\", \"file\", \"multimodal\" or \"gguf\"");
}

/* Names, numbers and lists that a plan goes by: with one of them all that it needs must be there,
 * since a plan of a half of them is another one. Without any the scan does not say. */
static int read_description(struct scan_model *of, const struct scan_member *model)
{
    static const char *const needed[] = {"names", "parameters", "tied"};
    static const char *const any[] = {"names", "parameters", "tied", "ends", "omissions"};
    bool says = false;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        says = says || scan_has(model, any[i]);
    if (!says)
        return 0;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!scan_has(model, needed[i]))
            return scan_miss(model, needed[i]);
    of->ends = array_alloc(SCAN_ENDS_MAX, sizeof *of->ends, model->err);
    of->omissions = array_alloc(SCAN_OMISSIONS_MAX, sizeof *of->omissions, model->err);
    of->known = true;
    return of->ends && of->omissions && read_names(of, model) == 0 &&
                   scan_take_whole(model, "parameters", 1, INT64_C(1) << 53, &of->parameters) ==
                       0 &&
                   scan_take_flag(model, "tied", &of->tied) == 0 && read_ends(of, model) == 0 &&
                   read_omissions(of, model) == 0
               ? 0
               : -1;
}

/* `holder`: the object that has it, a module or the whole file. */
static int read_model(struct scan *scan, const struct scan_member *holder)
{
    struct scan_model *of = &scan->of;
    int64_t scored; /* which its rows say, too */
    const struct scan_member model = {json_get(holder->object, "model"), holder->where, "\"model\"",
                                      NULL, holder->err};
    if (!scan_has(holder, "model"))
        return 0;
    if (!cJSON_IsObject(model.object))
        return scan_refuse(holder, "model", "an object");
    if (of->said)
        return scan_refuse(holder, "model", "in the file once");
    of->said = true;
    return read_description(of, &model) == 0 &&
                   scan_take_whole(&model, "scored_parameters", 0,
                                   of->known ? of->parameters : INT64_C(1) << 53, &scored) == 0 &&
                   scan_take_whole(&model, "tensors", 0, SCAN_PARAMETERS_MAX, &of->tensors) == 0 &&
                   scan_take_text(&model, "architecture", of->architecture,
                                  sizeof of->architecture) == 0 &&
                   read_fingerprint(scan, &model) == 0 &&
                   scan_take_text(&model, "estimator", scan->estimator, sizeof scan->estimator) ==
                       0 &&
                   scan_take_text(&model, "empty_noise", scan->empty_noise,
                                  sizeof scan->empty_noise) == 0
               ? 0
               : -1;
}

/* --- modules --- */

static int add_row(struct scan *scan, size_t *capacity, const char *module, const char *type,
                   struct scan_row **out, const char *where, struct error *err)
{
    static const char rule[] = "a name has 1 to 512 bytes of text without control characters";
    if (scan->count >= SCAN_ROWS_MAX)
        return error_set(err, "%s: more than %d modules", where, SCAN_ROWS_MAX);
    if (!scan_is_name(module))
        return error_set(err, "%s: \"%.120s\" is no name of a module: %s", where,
                         module ? module : "", rule);
    if (!scan_is_name(type))
        return error_set(err,
                         "%s: module \"%.120s\": its \"type\" is \"%.120s\", which is none: %s",
                         where, module, type, rule);
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
static int read_part(struct scan_row *row, const struct scan_member *at)
{
    int64_t expert = -1;
    if (scan_take_name(at, "tensor", &row->tensor) != 0)
        return -1;
    if (!row->tensor && (scan_has(at, "expert") || scan_has(at, "tensor_parameters")))
        return scan_miss(at, "tensor");
    if (!row->tensor)
        return scan_row_find_expert(row, -1, at->err);
    if (!scan_has(at, "tensor_parameters"))
        return scan_miss(at, "tensor_parameters");
    if (scan_take_whole(at, "tensor_parameters", 1, SCAN_PARAMETERS_MAX, &row->tensor_parameters) !=
            0 ||
        scan_take_whole(at, "expert", 0, SCAN_ROWS_MAX, &expert) != 0 ||
        scan_row_find_expert(row, expert, at->err) != 0)
        return -1;
    return expert < 0 || row->expert_type ? 0
                                          : scan_refuse(at, "expert", "the number in its \"type\"");
}

static int read_module(struct scan *scan, size_t *capacity, const cJSON *entry, const char *where,
                       struct error *err)
{
    const struct scan_member at = {entry, where, "module", entry->string, err};
    const char *type = NULL;
    struct scan_row *row;
    if (!json_get(entry, "type"))
        return scan_miss(&at, "type");
    if (!json_get_string(entry, "type", &type))
        return scan_refuse(&at, "type", "a text");
    if (!json_get(entry, "snr") && !json_get(entry, "snr_kind"))
        return scan_miss(&at, "snr");
    return add_row(scan, capacity, entry->string, type, &row, where, err) == 0 &&
                   read_part(row, &at) == 0 && read_model(scan, &at) == 0 && read_row(row, &at) == 0
               ? 0
               : -1;
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

static int compare_tensors(const void *a, const void *b)
{
    return strcmp((*(const struct scan_row *const *)a)->tensor,
                  (*(const struct scan_row *const *)b)->tensor);
}

/* `rows`: those that are parts of tensors, which they say to be of one size and have room in. */
static int check_tensors(const struct scan_row **rows, size_t count, const char *where,
                         struct error *err)
{
    int64_t sum = 0;
    if (count > 0)
        qsort(rows, count, sizeof *rows, compare_tensors);
    for (size_t i = 0; i < count; i++) {
        const struct scan_row *row = rows[i], *before = i > 0 ? rows[i - 1] : row;
        bool same = i > 0 && strcmp(row->tensor, before->tensor) == 0;
        sum = row->parameters + (same ? sum : 0);
        if (same && row->tensor_parameters != before->tensor_parameters)
            return error_set(err,
                             "%s: modules \"%.120s\" and \"%.120s\" are parts of one tensor, and "
                             "have two \"tensor_parameters\"",
                             where, before->module, row->module);
        if (sum > row->tensor_parameters)
            return error_set(
                err,
                "%s: the modules that are parts of \"%.200s\" have more parameters than "
                "its \"tensor_parameters\", %" PRId64,
                where, row->tensor, row->tensor_parameters);
    }
    return 0;
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

/* JSON's keys are unique in one object; two groups can name one module, a row a tensor that another
 * is a part of, and parts of a tensor may contradict one another. */
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
    size_t parts = 0;
    for (size_t i = 0; status == 0 && i < scan->count; i++)
        if (scan->rows[i].tensor)
            rows[parts++] = &scan->rows[i];
    if (status == 0)
        status = check_tensors(rows, parts, where, err);
    free(rows);
    return status;
}

static int read_modules(struct scan *scan, const cJSON *modules, const char *where,
                        struct error *err)
{
    size_t capacity = 0;
    const cJSON *entry;
    if (modules && !cJSON_IsObject(modules))
        return error_set(err, "%s: \"modules\" must be an object", where);
    cJSON_ArrayForEach(entry, modules)
    {
        if (!cJSON_IsObject(entry))
            continue; /* an extra key */
        bool module = json_get(entry, "snr") || json_get(entry, "snr_kind") ||
                      cJSON_IsString(json_get(entry, "type"));
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
    const struct scan_member at = {root, where, "the scan", NULL, err};
    if (read_model(scan, &at) != 0 ||
        scan_take_text(&at, "estimator", scan->estimator, sizeof scan->estimator) != 0 ||
        scan_take_text(&at, "empty_noise", scan->empty_noise, sizeof scan->empty_noise) != 0)
        return -1;
    if (json_get_string(json_get(root, "model"), "path", &text)) {
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
