/* The bytes of a data file, unpacked; and what its name says.
 *
 * Plain bytes go straight to whoever reads; packed ones pass a window of 256 KiB. zlib and zstd are
 * asked for as much as there is room for, so the reader decides how much is in memory.
 */
#include "text/data/records.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* --- names --- */

enum { COMMAND_PATH_MAX = 160 };

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t n = strlen(end);
    return length >= n && strncasecmp(text + length - n, end, n) == 0;
}

bool data_name_ends(const char *path, const char *ending)
{
    size_t length = strlen(path);
    if (ends_with(path, length, ".gz"))
        length -= 3;
    else if (ends_with(path, length, ".zst"))
        length -= 4;
    return ends_with(path, length, ending);
}

const char *data_name_form(const char *path)
{
    static const char *const forms[] = {".txt", ".jsonl", ".ndjson", ".json"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (data_name_ends(path, forms[i]))
            return forms[i];
    return "";
}

/* A path goes into a command that a message proposes only if a shell takes it as itself within
 * quotes. */
const char *data_path_in_command(const char *path)
{
    size_t length = strlen(path);
    if (length > COMMAND_PATH_MAX || !utf8_printable(path) || path[0] == '-')
        return "FILE";
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)path[i]) && !strchr("/._-+=@%,: ", path[i]) &&
            !((unsigned char)path[i] & 0x80))
            return "FILE";
    return path;
}

/* --- bytes --- */

enum { RAW = 1 << 18, STEP_MAX = 1 << 30, GZIP_ONLY = 16 };

/* Has packed bytes in hand where there are any left. */
static int refill(struct data_stream *stream, struct error *err)
{
    uint64_t left = stream->size - stream->taken;
    size_t count = left < RAW ? (size_t)left : RAW;
    if (stream->at < stream->raw.length || count == 0)
        return 0;
    stream->at = stream->raw.length = 0;
    if (array_reserve((void **)&stream->raw.data, &stream->raw.capacity, count, 1, err) != 0 ||
        file_read_at(stream->fd, stream->raw.data, count, stream->taken, stream->path, err) != 0)
        return -1;
    stream->raw.length = count;
    stream->taken += count;
    return 0;
}

/* By the file's first bytes: zstd's frames and its frames of other things, gzip's members. */
static int open_unpacker(struct data_stream *stream, struct error *err)
{
    const struct buffer *raw = &stream->raw;
    const char *head = raw->data;
    bool skipped = raw->length >= 4 && ((unsigned char)head[0] & 0xF0) == 0x50 &&
                   memcmp(head + 1, "\x2A\x4D\x18", 3) == 0;
    if (skipped || (raw->length >= 4 && memcmp(head, "\x28\xB5\x2F\xFD", 4) == 0)) {
        stream->packing = DATA_ZSTD;
        stream->unpacker = ZSTD_createDStream();
        return stream->unpacker ? 0 : error_set(err, "not enough memory to read %s", stream->path);
    }
    if (raw->length < 2 || memcmp(head, "\x1F\x8B", 2) != 0)
        return 0;
    z_stream *zlib = array_alloc(1, sizeof *zlib, err);
    if (!zlib)
        return -1;
    if (inflateInit2(zlib, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        free(zlib);
        return error_set(err, "not enough memory to read %s", stream->path);
    }
    stream->packing = DATA_GZIP;
    stream->unpacker = zlib;
    stream->inside = true;
    return 0;
}

int data_stream_open(struct data_stream *stream, const char *path, struct error *err)
{
    *stream = (struct data_stream){.path = path};
    stream->fd = file_open_read(path, &stream->size, err);
    return stream->fd < 0 || refill(stream, err) != 0 ? -1 : open_unpacker(stream, err);
}

/* zlib's state is ours to free, zstd's its own. */
void data_stream_close(struct data_stream *stream)
{
    if (stream->packing == DATA_ZSTD)
        ZSTD_freeDStream(stream->unpacker);
    else if (stream->packing == DATA_GZIP)
        inflateEnd(stream->unpacker);
    if (stream->packing == DATA_GZIP)
        free(stream->unpacker);
    if (stream->fd >= 0)
        sys.close(stream->fd);
    buffer_free(&stream->raw);
    *stream = (struct data_stream){.fd = -1};
}

static int damaged(const struct data_stream *stream, const char *what, struct error *err)
{
    bool gzip = stream->packing == DATA_GZIP;
    return error_set(err,
                     "%s: its %s data is damaged before byte %llu: %s; copy or download it again",
                     stream->path, gzip ? "gzip" : "zstd",
                     (unsigned long long)(stream->taken - (stream->raw.length - stream->at)), what);
}

/* Between members there may be zeros, with which tapes were filled. */
static int step_gzip(struct data_stream *stream, char *out, size_t room, size_t *put,
                     struct error *err)
{
    z_stream *zlib = stream->unpacker;
    const struct buffer *raw = &stream->raw;
    if (!stream->inside) {
        while (stream->at < raw->length && raw->data[stream->at] == '\0')
            stream->at++;
        if (stream->at == raw->length)
            return 0;
        if (raw->data[stream->at] != '\x1F')
            return damaged(stream, "something else follows it", err);
        inflateReset(zlib);
        stream->inside = true;
        return 0;
    }
    zlib->next_in = (Bytef *)raw->data + stream->at;
    zlib->avail_in = (uInt)(raw->length - stream->at);
    zlib->next_out = (Bytef *)out;
    zlib->avail_out = (uInt)room;
    int code = inflate(zlib, Z_NO_FLUSH);
    stream->at = raw->length - zlib->avail_in;
    *put = room - zlib->avail_out;
    stream->inside = code != Z_STREAM_END;
    stream->full = stream->inside && zlib->avail_out == 0;
    if (code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR)
        return 0;
    return damaged(stream, zlib->msg ? zlib->msg : "no memory, or a dictionary that is not here",
                   err);
}

/* One call of the decoder. It returns 0 where a frame ends, after which another may follow. */
static int step_zstd(struct data_stream *stream, char *out, size_t room, size_t *put,
                     struct error *err)
{
    ZSTD_inBuffer in = {stream->raw.data, stream->raw.length, stream->at};
    ZSTD_outBuffer to = {out, room, 0};
    size_t left = ZSTD_decompressStream(stream->unpacker, &to, &in);
    stream->at = in.pos;
    *put = to.pos;
    if (ZSTD_isError(left) && ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge)
        return error_set(
            err,
            "%s was packed with a larger window (zstd --long) than is read here; "
            "unpack it: zstd -d --long=31 '%s'%s",
            stream->path, data_path_in_command(stream->path),
            data_path_in_command(stream->path) == stream->path ? "" : ", with FILE its path");
    if (ZSTD_isError(left))
        return damaged(stream, ZSTD_getErrorName(left), err);
    stream->inside = left != 0;
    stream->full = stream->inside && to.pos == room;
    return 0;
}

/* What the window still has of the file's beginning, then the file itself. */
static int read_plain(struct data_stream *stream, char *out, size_t count, size_t *got,
                      struct error *err)
{
    size_t held = stream->raw.length - stream->at, most = count < held ? count : held;
    uint64_t left = stream->size - stream->taken;
    if (most > 0)
        memcpy(out, stream->raw.data + stream->at, most);
    stream->at += most;
    *got = most;
    most = count - most < left ? count - most : (size_t)left;
    if (most > 0 &&
        file_read_at(stream->fd, out + *got, most, stream->taken, stream->path, err) != 0)
        return -1;
    stream->taken += most;
    *got += most;
    return 0;
}

/* Fills as much as was asked for, across members of a packed file; *got of 0 is the end. */
int data_stream_read(struct data_stream *stream, void *out, size_t count, size_t *got,
                     struct error *err)
{
    *got = 0;
    if (stream->packing == DATA_PLAIN)
        return read_plain(stream, out, count, got, err);
    while (*got < count) {
        size_t put = 0, room = count - *got < STEP_MAX ? count - *got : STEP_MAX;
        if (refill(stream, err) != 0)
            return -1;
        if (stream->at == stream->raw.length && !stream->full)
            return stream->inside ? damaged(stream, "it is cut off", err) : 0;
        int status = stream->packing == DATA_GZIP
                         ? step_gzip(stream, (char *)out + *got, room, &put, err)
                         : step_zstd(stream, (char *)out + *got, room, &put, err);
        if (status != 0)
            return -1;
        *got += put;
    }
    return 0;
}
