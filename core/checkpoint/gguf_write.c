#include "checkpoint/gguf_write.h"

#include "base/memory.h"
#include "base/number.h"
#include "checkpoint/tensor_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GGUF_VERSION = 3, GGUF_ARRAY = 9, ALIGNMENT = 32, STAGING = 1 << 18, Q8_0_BLOCK = 32 };

/* --- numbers and texts, little-endian --- */

static void store(void *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        ((unsigned char *)at)[i] = (unsigned char)(value >> 8 * i);
}

static void put_number(struct buffer *out, uint64_t value, int bytes)
{
    unsigned char raw[8];
    store(raw, value, bytes);
    buffer_append(out, raw, (size_t)bytes);
}

static void put_string(struct buffer *out, const char *text, size_t length)
{
    put_number(out, length, 8);
    buffer_append(out, text, length);
}

static void put_key(struct gguf_keys *keys, const char *key, uint32_t type)
{
    put_string(&keys->bytes, key, strlen(key));
    put_number(&keys->bytes, type, 4);
    keys->count++;
}

void gguf_put_text(struct gguf_keys *keys, const char *key, const char *text)
{
    put_key(keys, key, GGUF_STRING);
    put_string(&keys->bytes, text, strlen(text));
}

void gguf_put_count(struct gguf_keys *keys, const char *key, uint32_t value)
{
    put_key(keys, key, GGUF_U32);
    put_number(&keys->bytes, value, 4);
}

void gguf_put_integer(struct gguf_keys *keys, const char *key, int32_t value)
{
    put_key(keys, key, GGUF_I32);
    put_number(&keys->bytes, (uint32_t)value, 4);
}

void gguf_put_real(struct gguf_keys *keys, const char *key, double value)
{
    put_key(keys, key, GGUF_F32);
    put_number(&keys->bytes, float_bits((float)value), 4);
}

void gguf_put_flag(struct gguf_keys *keys, const char *key, bool value)
{
    put_key(keys, key, GGUF_BOOL);
    put_number(&keys->bytes, value, 1);
}

void gguf_put_list(struct gguf_keys *keys, const char *key, enum gguf_value of, uint64_t count)
{
    put_key(keys, key, GGUF_ARRAY);
    put_number(&keys->bytes, of, 4);
    put_number(&keys->bytes, count, 8);
}

void gguf_add_text(struct gguf_keys *keys, const char *text, size_t length)
{
    put_string(&keys->bytes, text, length);
}

void gguf_add_integer(struct gguf_keys *keys, int32_t value)
{
    put_number(&keys->bytes, (uint32_t)value, 4);
}

void gguf_add_real(struct gguf_keys *keys, float value)
{
    put_number(&keys->bytes, float_bits(value), 4);
}

void gguf_keys_free(struct gguf_keys *keys)
{
    buffer_free(&keys->bytes);
}

/* --- the header --- */

static int64_t entry_elements(const struct gguf_entry *entry)
{
    return entry->rank == 2 ? entry->shape[0] * entry->shape[1] : entry->shape[0];
}

static uint64_t entry_bytes(const struct gguf_entry *entry)
{
    const struct dtype_traits *traits = dtype_traits(entry->dtype);
    return (uint64_t)(entry_elements(entry) / traits->block_elements) *
           (uint64_t)traits->block_bytes;
}

static uint64_t padded(uint64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

uint64_t gguf_data_bytes(const struct gguf_entry *entries, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += padded(entry_bytes(&entries[i]));
    return bytes;
}

/* ggml_type; -1: none that is written. */
static int type_number(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F32:
        return 0;
    case DTYPE_F16:
        return 1;
    case DTYPE_Q8_0:
        return 8;
    case DTYPE_BF16:
        return 30;
    default:
        return -1;
    }
}

static void put_header(struct buffer *out, const struct gguf_keys *keys,
                       const struct gguf_entry *entries, size_t count)
{
    static const char zeros[ALIGNMENT];
    uint64_t offset = 0;
    buffer_append(out, "GGUF", 4);
    put_number(out, GGUF_VERSION, 4);
    put_number(out, count, 8);
    put_number(out, keys->count, 8);
    buffer_append(out, keys->bytes.data, keys->bytes.length);
    for (size_t i = 0; i < count; i++) {
        const struct gguf_entry *entry = &entries[i];
        put_string(out, entry->name, strlen(entry->name));
        put_number(out, (uint64_t)entry->rank, 4);
        for (int side = entry->rank - 1; side >= 0; side--)
            put_number(out, (uint64_t)entry->shape[side], 8);
        put_number(out, (uint64_t)type_number(entry->dtype), 4);
        put_number(out, offset, 8);
        offset += padded(entry_bytes(entry));
    }
    buffer_append(out, zeros, padded(out->length) - out->length);
}

static int check_entries(const struct gguf_entry *entries, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct gguf_entry *entry = &entries[i];
        int64_t row = entry->shape[entry->rank - 1];
        if (type_number(entry->dtype) < 0 || row % dtype_traits(entry->dtype)->block_elements != 0)
            return error_set(err, "tensor %s cannot be written as %s", entry->name,
                             dtype_traits(entry->dtype)->name);
        if (strlen(entry->name) >= TENSOR_NAME_MAX)
            return error_set(err, "tensor %.60s...: its name is too long", entry->name);
    }
    return 0;
}

int gguf_writer_open(struct gguf_writer *writer, const char *path, const struct gguf_keys *keys,
                     const struct gguf_entry *entries, size_t count, struct error *err)
{
    struct buffer header = BUFFER_INIT;
    int status = -1;
    *writer = (struct gguf_writer){.file = {.fd = -1}, .entries = entries, .count = count};
    if (buffer_check(&keys->bytes, err) != 0 || check_entries(entries, count, err) != 0)
        return -1;
    put_header(&header, keys, entries, count);
    writer->staging = array_alloc(1, STAGING, err);
    if (!writer->staging || buffer_check(&header, err) != 0 ||
        file_writer_open_new(&writer->file, path, err) != 0)
        goto out;
    status = file_writer_put(&writer->file, header.data, header.length, err);
    if (status != 0)
        file_writer_abort(&writer->file);
out:
    if (status != 0)
        free(writer->staging);
    buffer_free(&header);
    return status;
}

/* --- the data --- */

/* One block: codes[32] after the scale. A block whose largest value is no number's has none. */
static void quantize_q8_0(const float *values, unsigned char *out)
{
    float largest = 0;
    for (int i = 0; i < Q8_0_BLOCK; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    float scale = largest / 127, inverse = scale != 0 ? 1 / scale : 0;
    store(out, f16_from_float(scale), 2);
    for (int i = 0; i < Q8_0_BLOCK; i++) {
        float code = roundf(values[i] * inverse);
        out[2 + i] = (unsigned char)(int8_t)(code >= -127 && code <= 127 ? code : 0);
    }
}

/* The first magnitude that is rounded to an infinity: half a step above the type's largest number;
 * of Q8_0 that of the block's scale. */
static float bound_of(enum dtype dtype)
{
    return dtype == DTYPE_F16    ? 65520
           : dtype == DTYPE_Q8_0 ? 127 * 65520.f
           : dtype == DTYPE_BF16 ? 0x1.ffp127f
                                 : INFINITY;
}

/* values[0..count) as they are stored, into out. */
static void narrow(enum dtype dtype, const float *values, int64_t count, unsigned char *out)
{
    switch (dtype) {
    case DTYPE_F16:
        for (int64_t i = 0; i < count; i++)
            store(out + 2 * i, f16_from_float(values[i]), 2);
        return;
    case DTYPE_BF16:
        for (int64_t i = 0; i < count; i++)
            store(out + 2 * i, bf16_from_float(values[i]), 2);
        return;
    case DTYPE_Q8_0:
        for (int64_t i = 0; i < count / Q8_0_BLOCK; i++)
            quantize_q8_0(values + i * Q8_0_BLOCK, out + i * (Q8_0_BLOCK + 2));
        return;
    default:
        for (int64_t i = 0; i < count; i++)
            store(out + 4 * i, float_bits(values[i]), 4);
    }
}

int gguf_writer_put(struct gguf_writer *writer, const float *values, int64_t count,
                    struct error *err)
{
    static const char zeros[ALIGNMENT];
    const int64_t most = STAGING / (int64_t)sizeof *values;
    const struct gguf_entry *entry = &writer->entries[writer->at];
    if (writer->at >= writer->count || count > entry_elements(entry) - writer->given)
        return error_set(err, "%s: a tensor has more values than its shape", writer->file.path);
    const struct dtype_traits *traits = dtype_traits(entry->dtype);
    const float bound = bound_of(entry->dtype);
    for (int64_t i = 0; i < count; i++)
        if (isfinite(values[i]) && fabsf(values[i]) >= bound)
            return error_set(err,
                             "tensor %s has the value %g, which is too large for %s; the types f32 "
                             "and bf16 hold it (--type)",
                             entry->name, (double)values[i], traits->name);
    for (int64_t part; count > 0; count -= part, values += part) {
        part = count < most ? count : most;
        size_t bytes = (size_t)(part / traits->block_elements) * (size_t)traits->block_bytes;
        narrow(entry->dtype, values, part, writer->staging);
        if (file_writer_put(&writer->file, writer->staging, bytes, err) != 0)
            return -1;
        writer->given += part;
    }
    if (writer->given < entry_elements(entry))
        return 0;
    writer->at++;
    writer->given = 0;
    uint64_t bytes = entry_bytes(entry);
    return file_writer_put(&writer->file, zeros, (size_t)(padded(bytes) - bytes), err);
}

int gguf_writer_commit(struct gguf_writer *writer, struct error *err)
{
    if (writer->at < writer->count) {
        error_set(err, "%s: tensor %s did not get all its values", writer->file.path,
                  writer->entries[writer->at].name);
        gguf_writer_abort(writer);
        return -1;
    }
    free(writer->staging);
    return file_writer_commit(&writer->file, err);
}

void gguf_writer_abort(struct gguf_writer *writer)
{
    free(writer->staging);
    file_writer_abort(&writer->file);
}
