#include "spectra/cache.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/xdg.h"
#include "spectra/spectra_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_MAX = 64 << 20 };

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

int spectra_fingerprint(const struct checkpoint *checkpoint, char out[33], struct error *err)
{
    char identity[HASH_TEXT_SIZE];
    struct buffer known = BUFFER_INIT;
    if (checkpoint_identity(checkpoint, identity, err) != 0)
        return -1;
    char *path = cache_file("models", identity, "");
    bool found = path && file_read_all(&known, path, HASH_TEXT_SIZE, NULL) == 0 &&
                 is_hash(buffer_string(&known));
    int status = 0;
    if (found)
        memcpy(out, known.data, HASH_TEXT_SIZE);
    else
        status = checkpoint_fingerprint(checkpoint, out, err);
    if (status == 0 && !found && path)
        file_save(path, out, HASH_TEXT_SIZE - 1, NULL);
    buffer_free(&known);
    free(path);
    return status;
}

/* --- what there is --- */

static cJSON *read_record(const char *path)
{
    cJSON *record = json_read_file(path, RECORD_MAX, JSON_STRICT, NULL);
    if (cJSON_IsObject(json_get(record, "content")))
        return record;
    cJSON_Delete(record);
    record = cJSON_CreateObject();
    cJSON_AddStringToObject(record, "format", "spectrum.cache");
    cJSON_AddNumberToObject(record, "version", 1);
    cJSON_AddObjectToObject(record, "content");
    return record;
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

void spectra_cache_open(struct spectra_cache *cache, const struct checkpoint *checkpoint,
                        const struct scan *scan)
{
    *cache = (struct spectra_cache){0};
    cache->path = spectra_cache_path(scan->fingerprint, NULL);
    cache->record_path = cache_file("spectra", scan->fingerprint, ".json");
    if (!cache->path || !cache->record_path || !allocate(cache, scan) ||
        checkpoint_identity(checkpoint, cache->identity, NULL) != 0) {
        spectra_cache_close(cache);
        return;
    }
    cache->record = read_record(cache->record_path);
    spectra_file_read(cache->path, &cache->candidates, NULL);
}

void spectra_cache_close(struct spectra_cache *cache)
{
    size_t count = cache->candidates.values ? cache->candidates.scan->count : 0;
    for (size_t i = 0; i < count; i++)
        free(cache->candidates.values[i]);
    free(cache->candidates.values);
    free(cache->candidates.counts);
    free(cache->keys);
    cJSON_Delete(cache->record);
    free(cache->path);
    free(cache->record_path);
    *cache = (struct spectra_cache){0};
}

/* --- taking over --- */

enum { KEY, IDENTITY };

static const char *recorded(const struct spectra_cache *cache, size_t row, int which)
{
    const char *module = cache->candidates.scan->rows[row].module;
    const cJSON *entry = json_get(json_get(cache->record, "content"), module);
    const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(entry, which));
    return text && is_hash(text) ? text : "";
}

static double *take(struct spectra_cache *cache, size_t row)
{
    double *values = cache->candidates.values[row];
    cache->candidates.values[row] = NULL;
    return values;
}

double *spectra_cache_by_files(struct spectra_cache *cache, size_t row)
{
    if (!cache->path || !cache->candidates.values[row] ||
        strcmp(recorded(cache, row, IDENTITY), cache->identity) != 0)
        return NULL;
    memcpy(cache->keys[row], recorded(cache, row, KEY), HASH_TEXT_SIZE);
    return take(cache, row);
}

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
    return strcmp(recorded(cache, row, KEY), cache->keys[row]) == 0 ? take(cache, row) : NULL;
}

/* --- keeping --- */

static void note(struct spectra_cache *cache, const char *module, const char *key)
{
    cJSON *content = cJSON_GetObjectItemCaseSensitive(cache->record, "content");
    const char *const pair[] = {key, cache->identity};
    cJSON *entry = cJSON_CreateStringArray(pair, 2);
    if (cJSON_HasObjectItem(content, module))
        cJSON_ReplaceItemInObjectCaseSensitive(content, module, entry);
    else
        cJSON_AddItemToObject(content, module, entry);
}

/* The vectors first: a record without its vector is nothing, a vector with an older record is
 * computed again. */
void spectra_cache_save(struct spectra_cache *cache, const struct scan_result *result)
{
    if (!cache->path || spectra_cache_write(cache->path, result, NULL) != 0)
        return;
    for (size_t i = 0; i < result->scan->count; i++)
        if (result->values[i] && cache->keys[i][0])
            note(cache, result->scan->rows[i].module, cache->keys[i]);
    char *text = cJSON_PrintUnformatted(cache->record);
    if (text)
        file_save(cache->record_path, text, strlen(text), NULL);
    cJSON_free(text);
}
