/* Spectra that were computed before, by content.
 *
 * A model's vectors lie in one spectra file, named by the model's fingerprint, with a record beside
 * it of what each came from. What holds, whoever writes there at the same time:
 *
 *   1. The fingerprint samples large tensors, so it finds the file and never a vector. A vector is
 *      taken over only where the files are the very ones that it was computed from (device, inode,
 *      size and time of change are the same: nothing is read), or where the matrix, once read,
 *      hashes to its key.
 *   2. The vectors are written before the record: a vector whose record is older is recomputed, and
 *      a record without its vector finds nothing.
 *   3. A save keeps what the file has of other modules; both files are replaced whole
 *      (file_writer.h).
 *   4. From spectra_cache_open() on every row has its source, and none moves, so that threads may
 *      ask for their own rows while another saves.
 *   5. Nothing that fails here is an error: there is no cache then, and all is computed.
 *
 * So a second opening is instant, a moved folder is known, a copied one is read but not computed,
 * and a changed matrix is recomputed.
 */
#ifndef SPECTRUM_SPECTRA_CACHE_H
#define SPECTRUM_SPECTRA_CACHE_H

#include "base/hash.h"
#include "checkpoint/checkpoint.h"
#include "spectra/scan_result.h"

/* What a module's vector came from; "": not known. */
struct spectra_source {
    char *module;
    char key[HASH_TEXT_SIZE], identity[HASH_TEXT_SIZE];
};

struct spectra_cache {
    char *path, *record_path; /* NULL: there is no cache */
    char *model;              /* whose it is, for the note beside it */
    char identity[HASH_TEXT_SIZE];
    struct spectra_source *sources; /* of the record and of the rows, by module */
    size_t source_count, source_capacity;
    char (*keys)[HASH_TEXT_SIZE];  /* a row's content as read in this run; "": not read */
    struct scan_result candidates; /* vectors of the file, until they are taken over */
};

/* The checkpoint's fingerprint, from the cache where its files are known. */
int spectra_fingerprint(const struct checkpoint *checkpoint, char out[33], struct error *err);

/* The same where the cache knows it, without reading the model. False: it does not. */
bool spectra_fingerprint_known(const struct checkpoint *checkpoint, char out[33]);

/* Looks what there is for the rows of a scan, whose fingerprint is set; nothing is an error here.
 */
void spectra_cache_open(struct spectra_cache *cache, const struct checkpoint *checkpoint,
                        const struct scan *scan);
void spectra_cache_close(struct spectra_cache *cache);

/* The row's vector if the files are those that it came from; the caller's to free. NULL: it is not
 * known so. */
double *spectra_cache_by_files(struct spectra_cache *cache, size_t row);

/* Notes the content of a row's matrix, and gives its vector if that is what it came from. Rows may
 * be asked for by several threads, each its own. */
double *spectra_cache_by_content(struct spectra_cache *cache, size_t row, const float *matrix,
                                 int64_t count);

/* Writes what is known now, beside what is there. Where it cannot, nothing is worse. */
void spectra_cache_save(struct spectra_cache *cache, const struct scan_result *result);

#endif
