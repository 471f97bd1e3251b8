/* The bytes of a data file in their order, unpacked where it is gzip or zstd: told by its first
 * bytes, whatever its name. Members and frames that lie one after another are one file. No more of
 * it is in memory than a window, so a small file that unpacks to a large one costs time alone.
 */
#ifndef SPECTRUM_TEXT_DATA_STREAM_H
#define SPECTRUM_TEXT_DATA_STREAM_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum data_packing { DATA_PLAIN, DATA_GZIP, DATA_ZSTD };

struct data_stream {
    const char *path; /* the caller's */
    int fd;
    uint64_t size, taken; /* of the file; bytes of it that were read */
    enum data_packing packing;
    void *unpacker;    /* zlib's z_stream or a ZSTD_DStream */
    struct buffer raw; /* packed bytes in hand */
    size_t at;         /* next one of them */
    bool inside;       /* in a member or frame, which must end */
    bool full;         /* the unpacker may hold more than it had room for */
};

/* Close it in any case. */
int data_stream_open(struct data_stream *stream, const char *path, struct error *err);
void data_stream_close(struct data_stream *stream);

/* The next `count` bytes into `out`; *got is less only where the file ends. An archive that is cut
 * off or damaged is an error. */
int data_stream_read(struct data_stream *stream, void *out, size_t count, size_t *got,
                     struct error *err);

#endif
