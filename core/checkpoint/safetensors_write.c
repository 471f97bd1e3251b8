#include "checkpoint/safetensors_write.h"

#include "base/json.h"

#include <inttypes.h>

static void put_metadata(struct buffer *out, const char *const *metadata)
{
    buffer_text(out, "\"__metadata__\":{");
    for (size_t i = 0; metadata[i]; i += 2) {
        buffer_text(out, i ? "," : "");
        json_put_string(out, metadata[i]);
        buffer_byte(out, ':');
        json_put_string(out, metadata[i + 1]);
    }
    buffer_byte(out, '}');
}

static uint64_t entry_bytes(const struct safetensors_entry *entry)
{
    uint64_t elements = 1;
    for (int i = 0; i < entry->rank; i++)
        elements *= (uint64_t)entry->shape[i];
    return elements * (uint64_t)dtype_traits(entry->dtype)->block_bytes;
}

static void put_entry(struct buffer *out, const struct safetensors_entry *entry, uint64_t offset)
{
    json_put_string(out, entry->name);
    buffer_format(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_traits(entry->dtype)->name);
    for (int i = 0; i < entry->rank; i++)
        buffer_format(out, "%s%" PRId64, i ? "," : "", entry->shape[i]);
    buffer_format(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", offset,
                  offset + entry_bytes(entry));
}

/* 8 bytes of length and the JSON, padded with spaces so that the data is aligned to 8. */
static void put_header(struct buffer *out, const struct safetensors_entry *entries, size_t count,
                       const char *const *metadata, uint64_t *data_bytes)
{
    struct buffer json = BUFFER_INIT;
    uint64_t offset = 0;
    buffer_byte(&json, '{');
    if (metadata)
        put_metadata(&json, metadata);
    for (size_t i = 0; i < count; i++) {
        if (i || metadata)
            buffer_byte(&json, ',');
        put_entry(&json, &entries[i], offset);
        offset += entry_bytes(&entries[i]);
    }
    buffer_byte(&json, '}');
    while (json.length % 8 != 0 && !json.failed)
        buffer_byte(&json, ' ');
    for (int i = 0; i < 8; i++)
        buffer_byte(out, (char)(json.length >> 8 * i & 0xFF));
    buffer_append(out, buffer_string(&json), json.length);
    out->failed |= json.failed;
    buffer_free(&json);
    *data_bytes = offset;
}

static int put_bytes(struct safetensors_writer *writer, const void *bytes, size_t count,
                     struct error *err)
{
    if (writer->digest)
        digest_update(writer->digest, bytes, count);
    return file_writer_put(&writer->file, bytes, count, err);
}

typedef int (*file_opener)(struct file_writer *writer, const char *path, struct error *err);

static int open_by(file_opener opener, struct safetensors_writer *writer, const char *path,
                   const struct safetensors_entry *entries, size_t count,
                   const char *const *metadata, struct digest *digest, struct error *err)
{
    struct buffer header = BUFFER_INIT;
    *writer = (struct safetensors_writer){.file = {.fd = -1}, .digest = digest};
    put_header(&header, entries, count, metadata, &writer->expected);
    int status = buffer_check(&header, err);
    if (status == 0 && (count > SAFETENSORS_ENTRIES_MAX || header.length > SAFETENSORS_HEADER_MAX))
        status =
            error_set(err,
                      "%s: %zu tensors with a header of %zu bytes; a safetensors file has at "
                      "most %d with %d",
                      path, count, header.length, SAFETENSORS_ENTRIES_MAX, SAFETENSORS_HEADER_MAX);
    if (status == 0)
        status = opener(&writer->file, path, err);
    if (status == 0) {
        status = put_bytes(writer, header.data, header.length, err);
        if (status != 0)
            safetensors_writer_abort(writer);
    }
    buffer_free(&header);
    return status;
}

int safetensors_writer_open(struct safetensors_writer *writer, const char *path,
                            const struct safetensors_entry *entries, size_t count,
                            const char *const *metadata, struct error *err)
{
    return open_by(file_writer_open, writer, path, entries, count, metadata, NULL, err);
}

int safetensors_writer_open_output(struct safetensors_writer *writer, const char *path,
                                   const struct safetensors_entry *entries, size_t count,
                                   const char *const *metadata, struct error *err)
{
    return open_by(file_writer_open_output, writer, path, entries, count, metadata, NULL, err);
}

int safetensors_writer_open_digested(struct safetensors_writer *writer, const char *path,
                                     const struct safetensors_entry *entries, size_t count,
                                     const char *const *metadata, struct digest *digest,
                                     struct error *err)
{
    return open_by(file_writer_open, writer, path, entries, count, metadata, digest, err);
}

int safetensors_writer_put(struct safetensors_writer *writer, const void *data, size_t bytes,
                           struct error *err)
{
    writer->written += bytes;
    return put_bytes(writer, data, bytes, err);
}

int safetensors_writer_commit(struct safetensors_writer *writer, struct error *err)
{
    if (writer->written == writer->expected)
        return file_writer_commit(&writer->file, err);
    error_set(err, "%s: its header says %" PRIu64 " bytes of data, %" PRIu64 " were written",
              writer->file.path, writer->expected, writer->written);
    safetensors_writer_abort(writer);
    return -1;
}

void safetensors_writer_abort(struct safetensors_writer *writer)
{
    file_writer_abort(&writer->file);
}
