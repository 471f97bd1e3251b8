#include "job/export/export_gguf.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "job/export/gguf_documents.h"
#include "job/export/gguf_model.h"
#include "job/export/gguf_name.h"
#include "job/export/gguf_vocabulary.h"
#include "job/job_dir.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* By enum export_gguf_type: of what type matrices are, and llama_ftype, general.file_type. */
static const struct {
    enum dtype dtype;
    uint32_t number;
} file_types[] = {[EXPORT_GGUF_F32] = {DTYPE_F32, 0},
                  [EXPORT_GGUF_F16] = {DTYPE_F16, 1},
                  [EXPORT_GGUF_BF16] = {DTYPE_BF16, 32},
                  [EXPORT_GGUF_Q8_0] = {DTYPE_Q8_0, 7}};

enum { QUANTIZATION_VERSION = 2 }; /* ggml's */

static const char suffix[] = ".gguf";

int export_check_gguf(const struct export *export, const char *out, struct error *err)
{
    if (!text_ends_with(out, suffix) || strcmp(path_last(out), suffix) == 0)
        return error_set_kind(err, ERROR_USAGE,
                              "-o takes the name of a file that ends in %s for --to gguf, not %s",
                              suffix, out);
    if (checkpoint_check_output(export->source.model->checkpoint, out, err) != 0 ||
        job_dir_check_outside(out, "file", err) != 0)
        return -1;
    int there = name_find(out, err);
    return there > 0 ? error_set(err, "%s is there; -o takes a new file", out) : there;
}

/* --- what goes in --- */

/* The tensors of the file, in its order. */
struct listing {
    struct gguf_entry *entries; /* [count] */
    const struct part **parts;  /* [count]; NULL: the rotary factors */
    char **names;               /* [count], each newly allocated or NULL */
    size_t count;
    uint64_t elements;
    float *factors; /* gguf_model.h */
};

static void listing_free(struct listing *listing)
{
    for (size_t i = 0; listing->names && i < listing->count; i++)
        free(listing->names[i]);
    free(listing->names);
    free(listing->parts);
    free(listing->entries);
    free(listing->factors);
}

/* The converter takes a folder's files by their names, and what is in one likewise. */
static int compare_parts(const void *a, const void *b)
{
    const struct part *const *x = a, *const *y = b;
    if ((*x)->shard != (*y)->shard)
        return (*x)->shard < (*y)->shard ? -1 : 1;
    return strcmp((*x)->parameter->name, (*y)->parameter->name);
}

static enum dtype entry_type(const struct parameter *parameter, enum dtype matrix)
{
    bool vector = parameter->tensor->rank < 2;
    if (vector)
        return DTYPE_F32;
    bool whole = parameter->cols % dtype_traits(matrix)->block_elements == 0;
    return whole ? matrix : DTYPE_F16;
}

static int list_tensors(struct listing *out, const struct export *export,
                        const struct gguf_model *gguf, enum dtype matrix, struct error *err)
{
    const struct model *model = export->source.model;
    if (gguf_rope_factors(&out->factors, gguf, model, err) != 0)
        return -1;
    size_t first = out->factors ? 1 : 0, count = export->count + first;
    out->entries = array_alloc(count, sizeof *out->entries, err);
    out->parts = array_alloc(count, sizeof *out->parts, err);
    out->names = array_alloc(count, sizeof *out->names, err);
    if (!out->entries || !out->parts || !out->names)
        return -1;
    out->count = count;
    for (size_t i = 0; i < export->count; i++)
        out->parts[first + i] = &export->parts[i];
    if (export->count > 0)
        qsort(out->parts + first, export->count, sizeof *out->parts, compare_parts);
    if (out->factors) {
        int64_t pairs = (model->config.head_dim + 1) / 2;
        out->entries[0] = (struct gguf_entry){"rope_freqs.weight", DTYPE_F32, 1, {pairs, 0}};
        out->elements += (uint64_t)pairs;
    }
    for (size_t i = first; i < count; i++) {
        const struct parameter *parameter = out->parts[i]->parameter;
        bool vector = parameter->tensor->rank < 2;
        out->names[i] = gguf_tensor_name(model, parameter, err);
        if (!out->names[i])
            return -1;
        out->entries[i] = (struct gguf_entry){
            out->names[i],
            entry_type(parameter, matrix),
            vector ? 1 : 2,
            {vector ? parameter->cols : parameter->rows, vector ? 0 : parameter->cols}};
        out->elements += (uint64_t)parameter->numel;
    }
    return 0;
}

/* Sampling parameters, of generation_config.json; the last of two names goes first. */
static void put_sampling(struct gguf_keys *keys, const cJSON *generation)
{
    static const struct {
        const char *key, *name, *other;
        bool whole;
    } rows[] = {
        {"general.sampling.top_k", "top_k", NULL, true},
        {"general.sampling.top_p", "top_p", NULL, false},
        {"general.sampling.min_p", "min_p", NULL, false},
        {"general.sampling.xtc_probability", "xtc_probability", NULL, false},
        {"general.sampling.xtc_threshold", "xtc_threshold", NULL, false},
        {"general.sampling.temp", "temperature", NULL, false},
        {"general.sampling.penalty_last_n", "penalty_last_n", NULL, true},
        {"general.sampling.penalty_repeat", "repetition_penalty", "penalty_repeat", false},
        {"general.sampling.mirostat", "mirostat", NULL, true},
        {"general.sampling.mirostat_tau", "mirostat_tau", NULL, false},
        {"general.sampling.mirostat_eta", "mirostat_eta", NULL, false},
    };
    const char *sequence = NULL;
    if (json_get_string(generation, "sequence", &sequence) && *sequence)
        gguf_put_text(keys, "general.sampling.sequence", sequence);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *name =
            rows[i].other && json_get(generation, rows[i].other) ? rows[i].other : rows[i].name;
        double value;
        int64_t whole;
        if (rows[i].whole && json_get_int64(generation, name, &whole) && whole >= INT32_MIN &&
            whole <= INT32_MAX)
            gguf_put_integer(keys, rows[i].key, (int32_t)whole);
        else if (!rows[i].whole && json_get_double(generation, name, &value))
            gguf_put_real(keys, rows[i].key, value);
    }
}

/* What is said of a name; an empty text is not. */
static void put_part(struct gguf_keys *keys, const char *key, const char *text)
{
    if (text && *text)
        gguf_put_text(keys, key, text);
}

static int put_name(struct gguf_keys *keys, const cJSON *config, const char *out, uint64_t elements,
                    struct error *err)
{
    struct gguf_name name = {0};
    const char *said = NULL, *slash;
    char *own = string_copy(path_last(out), err);
    int status = own ? 0 : -1;
    if (status == 0)
        own[strlen(own) - strlen(suffix)] = '\0';
    if (status == 0 && json_get_string(config, "_name_or_path", &said) &&
        (!(slash = strchr(said, '/')) || !strchr(slash + 1, '/')))
        status = gguf_name_read(&name, said, elements, err);
    if (status == 0)
        status = gguf_name_read(&name, own, elements, err);
    if (status == 0 && !name.size_label)
        status = gguf_name_size(&name, elements, err);
    if (status == 0) {
        put_part(keys, "general.name", name.name);
        put_part(keys, "general.version", name.version);
        put_part(keys, "general.organization", name.organization);
        put_part(keys, "general.finetune", name.finetune);
        put_part(keys, "general.basename", name.basename);
        put_part(keys, "general.size_label", name.size_label);
    }
    gguf_name_free(&name);
    free(own);
    return status;
}

static int put_keys(struct gguf_keys *keys, const struct export *export,
                    const struct gguf_documents *documents, const struct gguf_model *gguf,
                    const char *out, uint64_t elements, uint32_t type, struct gguf_summary *summary,
                    struct error *err)
{
    const struct model *model = export->source.model;
    gguf_put_text(keys, "general.architecture", gguf->architecture);
    gguf_put_text(keys, "general.type", "model");
    put_sampling(keys, documents->generation);
    if (put_name(keys, documents->config, out, elements, err) != 0)
        return -1;
    gguf_put_model(keys, gguf, model, documents->config, type);
    gguf_put_count(keys, "general.quantization_version", QUANTIZATION_VERSION);
    enum gguf_cut cut;
    int status =
        gguf_put_vocabulary(keys, documents, export, gguf->llama, model->config.vocab, &cut, err);
    summary->scoreless = cut == GGUF_CUTS_SCORELESS;
    summary->spaced = cut == GGUF_CUTS_SPACED;
    return status;
}

/* --- writing --- */

/* Row by row in the file's order; a part without rows of its own is one. */
static int put_rows(struct gguf_writer *writer, const struct export *export,
                    const struct gguf_model *gguf, const struct part *part, struct error *err)
{
    const struct model *model = export->source.model;
    const struct parameter *parameter = part->parameter;
    bool vector = parameter->tensor->rank < 2;
    int64_t rows = vector ? parameter->cols : parameter->rows;
    int64_t cols = vector ? 1 : parameter->cols;
    int64_t *order = array_alloc((size_t)rows, sizeof *order, err);
    float *values = order ? array_alloc((size_t)parameter->numel, sizeof *values, err) : NULL;
    int status = values ? export_read_part(export, part, values, err) : -1;
    bool moved = false;
    for (int64_t i = 0; status == 0 && i < rows; i++) {
        int64_t to = gguf_row(gguf, model, parameter, i);
        order[to] = i;
        moved |= to != i;
    }
    if (status == 0 && !moved)
        status = gguf_writer_put(writer, values, parameter->numel, err);
    for (int64_t i = 0; status == 0 && moved && i < rows; i++)
        status = gguf_writer_put(writer, values + order[i] * cols, cols, err);
    free(values);
    free(order);
    return status;
}

static int write_tensors(const struct export *export, const char *out,
                         const struct gguf_model *gguf, const struct gguf_keys *keys,
                         const struct listing *listing, struct error *err)
{
    struct gguf_writer writer;
    uint64_t total = gguf_data_bytes(listing->entries, listing->count);
    if (gguf_writer_open(&writer, out, keys, listing->entries, listing->count, err) != 0)
        return -1;
    int status = 0;
    for (size_t i = 0; i < listing->count && status == 0; i++) {
        work_tell(export->source.work, WORK_SAVING, gguf_data_bytes(listing->entries, i), total);
        if (export_is_stopped(export))
            status =
                error_set_kind(err, ERROR_INTERRUPTED, "stopped; nothing of the export is left");
        else if (!listing->parts[i])
            status = gguf_writer_put(&writer, listing->factors, listing->entries[i].shape[0], err);
        else
            status = put_rows(&writer, export, gguf, listing->parts[i], err);
    }
    if (status != 0) {
        gguf_writer_abort(&writer);
        return -1;
    }
    return gguf_writer_commit(&writer, err);
}

/* All keys are there before the file is begun: they can be refused. */
int export_write_gguf(const struct export *export, const char *out, enum export_gguf_type type,
                      struct gguf_summary *summary, struct error *err)
{
    struct gguf_documents documents = {0};
    struct gguf_keys keys = {.bytes = BUFFER_INIT};
    struct gguf_model gguf;
    struct listing listing = {0};
    if (type == EXPORT_GGUF_AUTO)
        type = export->source.bf16 ? EXPORT_GGUF_BF16 : EXPORT_GGUF_F32;
    int status = gguf_documents_open(&documents, export, err);
    if (status == 0)
        status = gguf_model_find(&gguf, export->source.model, documents.config, err);
    if (status == 0)
        status = list_tensors(&listing, export, &gguf, file_types[type].dtype, err);
    if (status == 0)
        status = put_keys(&keys, export, &documents, &gguf, out, listing.elements,
                          file_types[type].number, summary, err);
    gguf_documents_free(&documents);
    if (status == 0)
        status = buffer_check(&keys.bytes, err);
    *summary = (struct gguf_summary){
        .bytes = gguf_data_bytes(listing.entries, listing.count),
        .scoreless = summary->scoreless,
        .spaced = summary->spaced,
        .windowed = export->source.model->config.window > 0,
    };
    char *folder = status == 0 ? path_folder(out, err) : NULL;
    if (status == 0)
        status = folder ? disk_check(folder, summary->bytes + keys.bytes.length, err) : -1;
    if (status == 0)
        status = write_tensors(export, out, &gguf, &keys, &listing, err);
    free(folder);
    listing_free(&listing);
    gguf_keys_free(&keys);
    return status;
}
