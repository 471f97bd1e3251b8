/* The cache of a scan: the spectra file, the record beside it, a model's fingerprint and the note
 * of what it was made from, each with any bytes, and beside the others as they were written. The
 * first byte says which it is. */
#include "fuzz.h"

#include "base/file.h"
#include "base/xdg.h"
#include "model/score_read.h"
#include "spectra/cache.h"
#include "spectra/scan_result.h"

#include <math.h>

static const char scan_text[] =
    "{\"model.layers.0.self_attn.q_proj\": {\"snr\": 1.5, \"type\": \"self_attn.q_proj\","
    " \"rows\": 8, \"cols\": 8}, \"model.layers.0.mlp.down_proj\": {\"snr\": 0.5,"
    " \"type\": \"mlp.down_proj\", \"rows\": 8, \"cols\": 12}}";
#define FINGERPRINT "0123456789abcdef0123456789abcdef"

enum part { PART_SPECTRA, PART_RECORD, PART_FINGERPRINT, PART_NOTE, PARTS };

static struct scan *scan;
static struct checkpoint *checkpoint;
static char paths[PARTS][192];
static struct buffer written[PARTS];
static const float matrix[64];

static void keep(enum part part)
{
    if (file_read_all(&written[part], paths[part], 1 << 20, NULL) != 0)
        abort();
}

/* What a scan of the model writes: both vectors, by files and by content. */
static void make_cache(void)
{
    double values[2][8];
    double *vectors[] = {values[0], values[1]};
    int64_t counts[] = {8, 8};
    struct spectra_cache cache;
    char identity[HASH_TEXT_SIZE], found[HASH_TEXT_SIZE];
    fuzz_model();
    if (scan_parse(&scan, scan_text, sizeof scan_text - 1, "scan.json", NULL) != 0 ||
        checkpoint_open(&checkpoint, fuzz_path("model.safetensors"), NULL) != 0 ||
        checkpoint_identity(checkpoint, identity, NULL) != 0 ||
        spectra_fingerprint(checkpoint, found, NULL) != 0)
        abort();
    memcpy(scan->fingerprint, FINGERPRINT, sizeof FINGERPRINT);
    for (int i = 0; i < 16; i++)
        values[i / 8][i % 8] = 9 - i % 8;
    const struct scan_result result = {scan, vectors, counts};
    spectra_cache_open(&cache, checkpoint, scan);
    for (size_t row = 0; row < 2; row++)
        free(spectra_cache_by_content(&cache, row, matrix, 64));
    spectra_cache_save(&cache, &result);
    spectra_cache_close(&cache);
    const char *folder = fuzz_folder();
    const char *const below[PARTS] = {"spectra/" FINGERPRINT ".safetensors",
                                      "spectra/" FINGERPRINT ".json", NULL,
                                      "spectra/" FINGERPRINT ".safetensors" CACHE_NOTE_ENDING};
    for (int i = 0; i < PARTS; i++) {
        if (i == PART_FINGERPRINT)
            snprintf(paths[i], sizeof paths[i], "%s/spectrum/models/%s", folder, identity);
        else
            snprintf(paths[i], sizeof paths[i], "%s/spectrum/%s", folder, below[i]);
        keep((enum part)i);
    }
}

static void put(const char *path, const void *data, size_t size)
{
    fuzz_file(path + strlen(fuzz_folder()) + 1, data, size);
}

/* Nothing in it is an error: what is not right is computed again, and saved over it. */
static void use_cache(void)
{
    struct spectra_cache cache;
    double *vectors[2] = {NULL, NULL};
    int64_t counts[2] = {8, 8};
    spectra_cache_open(&cache, checkpoint, scan);
    for (size_t row = 0; row < 2; row++) {
        vectors[row] = spectra_cache_by_files(&cache, row);
        if (!vectors[row])
            vectors[row] = spectra_cache_by_content(&cache, row, matrix, 64);
        double sum = 0;
        for (int i = 0; vectors[row] && i < 8; i++)
            sum += vectors[row][i];
        (void)sum; /* all of a vector is there */
    }
    spectra_cache_save(&cache, &(struct scan_result){scan, vectors, counts});
    spectra_cache_close(&cache);
    free(vectors[0]);
    free(vectors[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char fingerprint[HASH_TEXT_SIZE];
    struct error err = ERROR_INIT;
    if (!scan)
        make_cache();
    if (size == 0)
        return 0;
    enum part part = data[0] % PARTS;
    put(paths[part], data + 1, size - 1);
    if (part == PART_NOTE) {
        struct buffer text = BUFFER_INIT;
        buffer_append(&text, (const char *)data + 1, size - 1);
        cJSON_Delete(cache_note_parse(&text));
        buffer_free(&text);
    } else if (part == PART_FINGERPRINT) {
        if (fuzz_ok(spectra_fingerprint(checkpoint, fingerprint, &err), &err) &&
            strlen(fingerprint) != HASH_TEXT_SIZE - 1)
            abort();
    } else {
        use_cache();
    }
    for (int i = 0; i < PARTS; i++)
        put(paths[i], written[i].data, written[i].length);
    return 0;
}
