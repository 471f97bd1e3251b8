#include "spectra/cache.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/xdg.h"
#include "spectra/scan_result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_MAX = 1 << 30 };

static char *cache_file(const char *below, const char *name, const char *ending)
{
    char file[80];
    char *folder = xdg_cache_folder(below, NULL);
    snprintf(file, sizeof file, "%.32s%s", name, ending);
    char *path = folder ? path_join(folder, file, NULL) : NULL;
    free(folder);
    return path;
}

/* --- the fingerprint --- */

static bool is_hash(const char *text)
{
    return strspn(text, "0123456789abcdef") == HASH_TEXT_SIZE - 1 && !text[HASH_TEXT_SIZE - 1];
}

/* The file that names it; NULL: there is no cache, or the files cannot be looked at, which is an
 * error. */
static char *fingerprint_file(const struct checkpoint *checkpoint, int *status, struct error *err)
{
    char identity[HASH_TEXT_SIZE];
    *status = checkpoint_identity(checkpoint, identity, err);
    return *status == 0 ? cache_file("models", identity, "") : NULL;
}

static bool read_fingerprint(const char *path, char out[HASH_TEXT_SIZE])
{
    struct buffer known = BUFFER_INIT;
    bool found = path && file_read_all(&known, path, HASH_TEXT_SIZE, NULL) == 0 &&
                 is_hash(buffer_string(&known));
    if (found)
        memcpy(out, known.data, HASH_TEXT_SIZE);
    buffer_free(&known);
    return found;
}

/* A fingerprint costs reading samples of all tensors; as long as the files are those that they
 * were, it is kept. */
int spectra_fingerprint(const struct checkpoint *checkpoint, char out[33], struct error *err)
{
    int status;
    char *path = fingerprint_file(checkpoint, &status, err);
    if (status == 0 && !read_fingerprint(path, out)) {
        status = checkpoint_fingerprint(checkpoint, out, err);
        if (status == 0 && path)
            file_save(path, out, HASH_TEXT_SIZE - 1, NULL);
    }
    if (status == 0 && path)
        cache_note_save(path, checkpoint_path(checkpoint), NULL, 0);
    free(path);
    return status;
}

bool spectra_fingerprint_known(const struct checkpoint *checkpoint, char out[33])
{
    int status;
    char *path = fingerprint_file(checkpoint, &status, NULL);
    bool known = read_fingerprint(path, out);
    free(path);
    return known;
}

/* --- what there is --- */

/* Without an error: a cache that cannot grow only knows less. */
static int add_source(struct spectra_cache *cache, const char *module, const char *key,
                      const char *identity)
{
    if (array_reserve((void **)&cache->sources, &cache->source_capacity, cache->source_count + 1,
                      sizeof *cache->sources, NULL) != 0)
        return -1;
    struct spectra_source *source = &cache->sources[cache->source_count];
    *source = (struct spectra_source){.module = string_copy(module, NULL)};
    if (!source->module)
        return -1;
    cache->source_count++;
    snprintf(source->key, sizeof source->key, "%s", key);
    snprintf(source->identity, sizeof source->identity, "%s", identity);
    return 0;
}

static int compare_sources(const void *a, const void *b)
{
    return strcmp(((const struct spectra_source *)a)->module,
                  ((const struct spectra_source *)b)->module);
}

static void sort_sources(struct spectra_cache *cache)
{
    if (cache->source_count > 0)
        qsort(cache->sources, cache->source_count, sizeof *cache->sources, compare_sources);
}

/* Among the first `count` sources, which are sorted. */
static struct spectra_source *find_source(const struct spectra_cache *cache, size_t count,
                                          const char *module)
{
    const struct spectra_source wanted = {.module = (char *)(uintptr_t)module};
    return count == 0 ? NULL
                      : bsearch(&wanted, cache->sources, count, sizeof wanted, compare_sources);
}

/* The record is {"content": {module: [key, identity]}}. */
static int read_record(struct spectra_cache *cache)
{
    int status = 0;
    cJSON *record = json_read_file(cache->record_path, RECORD_MAX, JSON_MANY_VALUES, NULL);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, json_get(record, "content"))
    {
        const char *key = cJSON_GetStringValue(cJSON_GetArrayItem(entry, 0));
        const char *identity = cJSON_GetStringValue(cJSON_GetArrayItem(entry, 1));
        if (status == 0 && entry->string && key && identity && is_hash(key) && is_hash(identity))
            status = add_source(cache, entry->string, key, identity);
    }
    cJSON_Delete(record);
    sort_sources(cache);
    return status;
}

/* Every row has a source from here on, which stays where it is: what one thread asks for is not
 * moved by another that saves. */
static int add_rows(struct spectra_cache *cache, const struct scan *scan)
{
    size_t known = cache->source_count;
    for (size_t i = 0; i < scan->count; i++)
        if (!find_source(cache, known, scan->rows[i].module) &&
            add_source(cache, scan->rows[i].module, "", "") != 0)
            return -1;
    sort_sources(cache);
    return 0;
}

static bool allocate(struct spectra_cache *cache, const struct scan *scan)
{
    struct scan_result *candidates = &cache->candidates;
    candidates->scan = (struct scan *)(uintptr_t)scan; /* not written to */
    candidates->values = array_alloc(scan->count, sizeof *candidates->values, NULL);
    candidates->counts = array_alloc(scan->count, sizeof *candidates->counts, NULL);
    cache->keys = array_alloc(scan->count, sizeof *cache->keys, NULL);
    return candidates->values && candidates->counts && cache->keys;
}

/* Whatever goes wrong, the cache is then empty, and the scan computes. */
void spectra_cache_open(struct spectra_cache *cache, const struct checkpoint *checkpoint,
                        const struct scan *scan)
{
    *cache = (struct spectra_cache){0};
    cache->path = spectra_cache_path(scan->fingerprint, NULL);
    cache->record_path = cache_file("spectra", scan->fingerprint, ".json");
    cache->model = string_copy(checkpoint_path(checkpoint), NULL);
    if (!cache->path || !cache->record_path || !allocate(cache, scan) ||
        checkpoint_identity(checkpoint, cache->identity, NULL) != 0 || read_record(cache) != 0 ||
        add_rows(cache, scan) != 0) {
        spectra_cache_close(cache);
        return;
    }
    spectra_file_read(cache->path, &cache->candidates, NULL);
}

/* Spectra that were taken out are their taker's. */
void spectra_cache_close(struct spectra_cache *cache)
{
    size_t count = cache->candidates.values ? cache->candidates.scan->count : 0;
    for (size_t i = 0; i < count; i++)
        free(cache->candidates.values[i]);
    free(cache->candidates.values);
    free(cache->candidates.counts);
    free(cache->keys);
    for (size_t i = 0; i < cache->source_count; i++)
        free(cache->sources[i].module);
    free(cache->sources);
    free(cache->path);
    free(cache->record_path);
    free(cache->model);
    *cache = (struct spectra_cache){0};
}

/* --- taking over --- */

static struct spectra_source *source_of(const struct spectra_cache *cache, size_t row)
{
    return find_source(cache, cache->source_count, cache->candidates.scan->rows[row].module);
}

static double *take(struct spectra_cache *cache, size_t row)
{
    double *values = cache->candidates.values[row];
    cache->candidates.values[row] = NULL;
    return values;
}

double *spectra_cache_by_files(struct spectra_cache *cache, size_t row)
{
    if (!cache->path || !cache->candidates.values[row])
        return NULL;
    const struct spectra_source *source = source_of(cache, row);
    if (!source || strcmp(source->identity, cache->identity) != 0)
        return NULL;
    memcpy(cache->keys[row], source->key, HASH_TEXT_SIZE);
    return take(cache, row);
}

/* By the matrix itself, shape and all its bytes: a retrained module under the same name is another
 * one. */
double *spectra_cache_by_content(struct spectra_cache *cache, size_t row, const float *matrix,
                                 int64_t count)
{
    const struct scan_row *of = cache->path ? &cache->candidates.scan->rows[row] : NULL;
    struct hash *hash = of ? hash_new(NULL) : NULL;
    if (!hash)
        return NULL;
    hash_update(hash, &of->rows, sizeof of->rows);
    hash_update(hash, &of->cols, sizeof of->cols);
    hash_update(hash, matrix, (size_t)count * sizeof *matrix);
    hash_text(hash, cache->keys[row]);
    hash_free(hash);
    const struct spectra_source *source = source_of(cache, row);
    return source && strcmp(source->key, cache->keys[row]) == 0 ? take(cache, row) : NULL;
}

/* --- keeping --- */

/* Which content each spectrum is of; without it a spectrum in the cache counts for nothing. */
static void write_record(const struct spectra_cache *cache)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_begin(&json, "spectrum.cache");
    json_object(&json, "content");
    json_layout(&json, JSON_ROWS_CLOSED);
    for (size_t i = 0; i < cache->source_count; i++) {
        const struct spectra_source *source = &cache->sources[i];
        if (!source->key[0])
            continue;
        json_list(&json, source->module);
        json_text(&json, NULL, source->key);
        json_text(&json, NULL, source->identity);
        json_end(&json);
    }
    json_end(&json);
    json_end(&json);
    if (json_finish(&json, NULL) == 0)
        file_save(cache->record_path, text.data, text.length, NULL);
    buffer_free(&text);
}

/* The vectors first (cache.h, 2). */
void spectra_cache_save(struct spectra_cache *cache, const struct scan_result *result)
{
    if (!cache->path || spectra_cache_write(cache->path, result, NULL) != 0)
        return;
    cache_note_save(cache->path, cache->model, NULL, 0);
    for (size_t i = 0; i < result->scan->count; i++) {
        struct spectra_source *source = source_of(cache, i);
        if (!source || !result->values[i] || !cache->keys[i][0])
            continue;
        memcpy(source->key, cache->keys[i], sizeof source->key);
        memcpy(source->identity, cache->identity, sizeof source->identity);
    }
    write_record(cache);
}
