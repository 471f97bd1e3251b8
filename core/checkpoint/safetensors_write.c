#include "checkpoint/safetensors_write.h"

#include "base/json_writer.h"

#include <inttypes.h>

static uint64_t entry_bytes(const struct safetensors_entry *entry)
{
    uint64_t elements = 1;
    for (int i = 0; i < entry->rank; i++)
        elements *= (uint64_t)entry->shape[i];
    return elements * (uint64_t)dtype_traits(entry->dtype)->block_bytes;
}

static void put_entry(struct json_writer *json, const struct safetensors_entry *entry,
                      uint64_t offset)
{
    json_object(json, entry->name);
    json_text(json, "dtype", dtype_traits(entry->dtype)->name);
    json_list(json, "shape");
    for (int i = 0; i < entry->rank; i++)
        json_integer(json, NULL, entry->shape[i]);
    json_end(json);
    json_list(json, "data_offsets");
    json_count(json, NULL, offset);
    json_count(json, NULL, offset + entry_bytes(entry));
    json_end(json);
    json_end(json);
}

static void put_tensors(struct buffer *out, const struct safetensors_entry *entries, size_t count,
                        const char *const *metadata, uint64_t *data_bytes)
{
    struct json_writer json = {.out = out};
    json_object(&json, NULL);
    json_layout(&json, JSON_COMPACT);
    if (metadata) {
        json_object(&json, "__metadata__");
        for (size_t i = 0; metadata[i]; i += 2)
            json_text(&json, metadata[i], metadata[i + 1]);
        json_end(&json);
    }
    *data_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        put_entry(&json, &entries[i], *data_bytes);
        *data_bytes += entry_bytes(&entries[i]);
    }
    json_end(&json);
}

/* 8 bytes of length and the JSON, padded with spaces so that the data is aligned to 8. */
static void put_header(struct buffer *out, const struct safetensors_entry *entries, size_t count,
                       const char *const *metadata, uint64_t *data_bytes)
{
    struct buffer json = BUFFER_INIT;
    put_tensors(&json, entries, count, metadata, data_bytes);
    while (json.length % 8 != 0 && !json.failed)
        buffer_byte(&json, ' ');
    for (int i = 0; i < 8; i++)
        buffer_byte(out, (char)(json.length >> 8 * i & 0xFF));
    buffer_append(out, buffer_string(&json), json.length);
    out->failed |= json.failed;
    buffer_free(&json);
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
