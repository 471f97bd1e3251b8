#include "checkpoint/gguf.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The metadata becomes a tree, in which a number of one byte takes a hundred: all keys together may
 * have this many values and bytes of text. A tokenizer of 300,000 tokens with scores, types and
 * merges has 1.5 million values and 10 MB. */
enum { METADATA_VALUES_MAX = 1 << 22, METADATA_TEXT_MAX = 1 << 26 };

enum {
    KEYS_MAX = 1 << 16,
    STRING_MAX_BYTES = 1 << 24,
    WINDOW = 1 << 18,
    GGUF_RANK_MAX = 4,
    ALIGNMENT_MAX = 1 << 20,
    TENSOR_LEAST = 24, /* bytes in the header */
    KEY_LEAST = 13,
};

enum gguf_type { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 };

/* A forward reader with a window: the header has no length of its own. */
struct reader {
    const struct checkpoint_file *file;
    uint64_t at; /* position in the file of window[used] */
    unsigned char *window;
    size_t used, filled;
    uint64_t values_left, text_left; /* what the metadata may still take */
    cJSON *metadata;
    struct error *err;
};

static uint64_t reader_left(const struct reader *r)
{
    return r->file->size - r->at;
}

static int truncated(const struct reader *r, uint64_t count)
{
    return error_set(r->err,
                     "%s is truncated: its header needs %llu bytes at %llu, the file ends at %llu",
                     r->file->path, (unsigned long long)count, (unsigned long long)r->at,
                     (unsigned long long)r->file->size);
}

/* Through a window, since keys and names are short reads in their thousands. What the file has left
 * is checked before it is read: no length that it claims can lead beyond it. */
static int take(struct reader *r, void *out, uint64_t count)
{
    unsigned char *to = out;
    if (count > reader_left(r))
        return truncated(r, count);
    while (count > 0) {
        if (r->used == r->filled) {
            uint64_t left = reader_left(r);
            r->filled = left < WINDOW ? (size_t)left : WINDOW;
            r->used = 0;
            if (place_read_at(r->file, r->window, r->filled, r->at, r->err) != 0)
                return -1;
        }
        size_t n = r->filled - r->used < count ? r->filled - r->used : (size_t)count;
        memcpy(to, r->window + r->used, n);
        r->used += n;
        r->at += n;
        to += n;
        count -= n;
    }
    return 0;
}

static int take_u32(struct reader *r, uint32_t *out)
{
    unsigned char raw[4];
    if (take(r, raw, sizeof raw) != 0)
        return -1;
    *out = load_u32(raw);
    return 0;
}

static int take_u64(struct reader *r, uint64_t *out)
{
    unsigned char raw[8];
    if (take(r, raw, sizeof raw) != 0)
        return -1;
    *out = load_u64(raw);
    return 0;
}

/* A string of at most `cap` bytes, newly allocated; it may hold anything (tokens do). */
static char *take_string(struct reader *r, uint64_t cap, const char *what, uint64_t *length)
{
    if (take_u64(r, length) != 0)
        return NULL;
    if (*length > cap) {
        error_set(r->err, "%s: %s claims %llu bytes, at most %llu are possible", r->file->path,
                  what, (unsigned long long)*length, (unsigned long long)cap);
        return NULL;
    }
    if (*length > reader_left(r)) {
        truncated(r, *length);
        return NULL;
    }
    char *text = array_alloc((size_t)*length + 1, 1, r->err);
    if (text && take(r, text, *length) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* A string that names something: one with a NUL inside would be known by its beginning only. */
static char *take_name(struct reader *r, uint64_t cap, const char *what)
{
    uint64_t length;
    char *name = take_string(r, cap, what, &length);
    if (name && strlen(name) != length) {
        error_set(r->err, "%s: %s has a NUL byte in it: \"%s\" and what follows", r->file->path,
                  what, name);
        free(name);
        return NULL;
    }
    return name;
}

/* Takes from the metadata's budget. */
static int spend(struct reader *r, uint64_t values, uint64_t text, const char *key)
{
    if (values > r->values_left || text > r->text_left)
        return error_set(
            r->err,
            "%s: with key %s its metadata has more than %d values or %d bytes of text, "
            "which no tokenizer needs",
            r->file->path, key, METADATA_VALUES_MAX, METADATA_TEXT_MAX);
    r->values_left -= values;
    r->text_left -= text;
    return 0;
}

/* JSON has one kind of number: whole ones are exact up to 2^53, which no count of a model
 * reaches. */
static double number_from(enum gguf_type type, const unsigned char raw[8])
{
    switch (type) {
    case U8:
    case BOOL:
        return raw[0];
    case I8:
        return (int8_t)raw[0];
    case U16:
        return load_u16(raw);
    case I16:
        return (int16_t)load_u16(raw);
    case U32:
        return load_u32(raw);
    case I32:
        return (int32_t)load_u32(raw);
    case U64:
        return (double)load_u64(raw);
    case I64:
        return (double)(int64_t)load_u64(raw);
    case F32:
        return (double)float_from_bits(load_u32(raw));
    default: {
        uint64_t bits = load_u64(raw);
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    }
}

static int type_bytes(uint32_t type)
{
    static const int bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof bytes / sizeof *bytes ? bytes[type] : 0;
}

/* A cJSON value that takes over a string without copying it again. */
static cJSON *string_value(char *text)
{
    cJSON *value = cJSON_CreateNull();
    if (!value)
        return NULL;
    value->type = cJSON_String;
    value->valuestring = text;
    return value;
}

static cJSON *take_text(struct reader *r, const char *key)
{
    uint64_t length;
    char *text = take_string(r, STRING_MAX_BYTES, key, &length);
    cJSON *value = text && spend(r, 0, length, key) == 0 ? string_value(text) : NULL;
    if (!value)
        free(text);
    return value;
}

/* An unknown type has no known size, so nothing after it could be found: an error, not a gap. */
static cJSON *take_scalar(struct reader *r, uint32_t type, const char *key)
{
    if (type == STRING)
        return take_text(r, key);
    int bytes = type_bytes(type);
    if (bytes == 0) {
        error_set(r->err, "%s: key %s has the unknown value type %u", r->file->path, key, type);
        return NULL;
    }
    unsigned char raw[8] = {0};
    if (take(r, raw, (uint64_t)bytes) != 0)
        return NULL;
    double number = number_from(type, raw);
    return type == BOOL ? cJSON_CreateBool(number != 0) : cJSON_CreateNumber(number);
}

/* Appends through a tail pointer: cJSON's own append walks nothing either, but checks more. */
static void append(cJSON *array, cJSON **tail, cJSON *item)
{
    if (*tail) {
        (*tail)->next = item;
        item->prev = *tail;
    } else {
        array->child = item;
    }
    array->child->prev = item;
    *tail = item;
}

/* Of scalars alone, as all writers have it. The count is held against the bytes that are left and
 * against a bound on all values together, before anything is allocated for it. */
static cJSON *take_array(struct reader *r, const char *key)
{
    uint32_t type;
    uint64_t count;
    if (take_u32(r, &type) != 0 || take_u64(r, &count) != 0)
        return NULL;
    uint64_t least = type == STRING ? 8 : (uint64_t)type_bytes(type);
    if (least == 0 || count > METADATA_VALUES_MAX) {
        error_set(r->err, "%s: key %s is an array of %llu elements of type %u, which cannot be",
                  r->file->path, key, (unsigned long long)count, type);
        return NULL;
    }
    if (count > reader_left(r) / least) {
        truncated(r, count * least);
        return NULL;
    }
    if (spend(r, count, 0, key) != 0)
        return NULL;
    cJSON *array = cJSON_CreateArray(), *tail = NULL;
    for (uint64_t i = 0; array && i < count; i++) {
        cJSON *item = take_scalar(r, type, key);
        if (!item) {
            cJSON_Delete(array);
            return NULL;
        }
        append(array, &tail, item);
    }
    return array;
}

/* The key becomes the value's own name, which cJSON then frees. */
static int take_metadata(struct reader *r, uint64_t count)
{
    cJSON *tail = NULL;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t type;
        char *key = take_name(r, 1024, "a metadata key");
        if (!key)
            return -1;
        if (!utf8_valid(key, strlen(key)) || take_u32(r, &type) != 0) {
            error_set(r->err, "%s: metadata key %llu is not valid", r->file->path,
                      (unsigned long long)i);
            free(key);
            return -1;
        }
        cJSON *value = type == ARRAY ? take_array(r, key) : take_scalar(r, type, key);
        if (!value) {
            if (r->err && !r->err->text[0])
                error_set(r->err, "%s: not enough memory for its metadata", r->file->path);
            free(key);
            return -1;
        }
        value->string = key;
        append(r->metadata, &tail, value);
    }
    return 0;
}

/* ggml's numbers; those that are missing are types which were withdrawn, or which hold no
 * weights. */
static enum dtype dtype_by_number(uint32_t number, char name[16])
{
    static const enum dtype known[] = {
        [0] = DTYPE_F32,      [1] = DTYPE_F16,     [2] = DTYPE_Q4_0,     [3] = DTYPE_Q4_1,
        [6] = DTYPE_Q5_0,     [7] = DTYPE_Q5_1,    [8] = DTYPE_Q8_0,     [10] = DTYPE_Q2_K,
        [11] = DTYPE_Q3_K,    [12] = DTYPE_Q4_K,   [13] = DTYPE_Q5_K,    [14] = DTYPE_Q6_K,
        [16] = DTYPE_IQ2_XXS, [17] = DTYPE_IQ2_XS, [18] = DTYPE_IQ3_XXS, [19] = DTYPE_IQ1_S,
        [20] = DTYPE_IQ4_NL,  [21] = DTYPE_IQ3_S,  [22] = DTYPE_IQ2_S,   [23] = DTYPE_IQ4_XS,
        [28] = DTYPE_F64,     [29] = DTYPE_IQ1_M,  [30] = DTYPE_BF16,    [34] = DTYPE_TQ1_0,
        [35] = DTYPE_TQ2_0,   [39] = DTYPE_MXFP4,
    };
    enum dtype dtype = number < sizeof known / sizeof *known ? known[number] : DTYPE_UNSUPPORTED;
    if (dtype == DTYPE_UNSUPPORTED)
        snprintf(name, 16, "type %u", number);
    else
        snprintf(name, 16, "%s", dtype_traits(dtype)->name);
    return dtype;
}

/* GGUF writes the fastest dimension first; the table has it last. */
static int take_shape(struct reader *r, struct tensor_info *tensor, const char *name)
{
    uint32_t rank;
    if (take_u32(r, &rank) != 0)
        return -1;
    if (rank > GGUF_RANK_MAX)
        return error_set(r->err, "%s: tensor %s has %u dimensions, at most %d are possible",
                         r->file->path, name, rank, GGUF_RANK_MAX);
    tensor->rank = (int)rank;
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t size;
        if (take_u64(r, &size) != 0)
            return -1;
        if (size > INT64_MAX)
            return error_set(r->err, "%s: tensor %s: a dimension is too large", r->file->path,
                             name);
        tensor->shape[rank - 1 - i] = (int64_t)size;
    }
    return 0;
}

/* A type that cannot be read is not an error here: the tensor is listed, and only reading it is
 * refused. */
static int take_tensor(struct reader *r, struct tensor_info *tensor, char **name)
{
    uint32_t type;
    *name = take_name(r, TENSOR_NAME_MAX, "a tensor name");
    if (!*name || take_shape(r, tensor, *name) != 0 || take_u32(r, &type) != 0 ||
        take_u64(r, &tensor->offset) != 0)
        return -1;
    tensor->dtype = dtype_by_number(type, tensor->dtype_name);
    tensor->bytes_unknown = tensor->dtype == DTYPE_UNSUPPORTED;
    tensor->elements = shape_elements(tensor->shape, tensor->rank);
    const struct dtype_traits *traits = dtype_traits(tensor->dtype);
    uint64_t blocks = tensor->elements < 0
                          ? UINT64_MAX
                          : (uint64_t)tensor->elements / (uint64_t)traits->block_elements;
    if (__builtin_mul_overflow(blocks, (uint64_t)traits->block_bytes, &tensor->bytes))
        return error_set(r->err, "%s: tensor %s: the product of its shape is too large",
                         r->file->path, *name);
    return 0;
}

/* Offsets count from the end of the header, which is known only after all of it is read. */
static int place_tensors(struct checkpoint *checkpoint, const char *path,
                         struct tensor_info *tensors, char **names, uint64_t count,
                         uint64_t data_start, uint64_t alignment, struct error *err)
{
    for (uint64_t i = 0; i < count; i++) {
        if (tensors[i].offset % alignment != 0)
            return error_set(err, "%s: tensor %s: its offset is not a multiple of %llu", path,
                             names[i], (unsigned long long)alignment);
        if (__builtin_add_overflow(tensors[i].offset, data_start, &tensors[i].offset))
            return error_set(err, "%s: tensor %s: its offset leaves 64 bits", path, names[i]);
        if (checkpoint_add_tensor(checkpoint, &tensors[i], names[i], err) != 0)
            return -1;
    }
    return 0;
}

/* Names and shapes first, then their places: the data begins at the next multiple of the
 * alignment. */
static int take_tensors(struct reader *r, struct checkpoint *checkpoint, int file, uint64_t count)
{
    int64_t alignment = 32;
    json_get_int64(r->metadata, "general.alignment", &alignment);
    if (alignment < 1 || alignment > ALIGNMENT_MAX || (alignment & (alignment - 1)) != 0)
        return error_set(r->err, "%s: general.alignment is %lld, not a power of two up to %d",
                         r->file->path, (long long)alignment, ALIGNMENT_MAX);
    struct tensor_info *tensors = array_alloc((size_t)count, sizeof *tensors, r->err);
    char **names = array_alloc((size_t)count, sizeof *names, r->err);
    int status = tensors && names ? 0 : -1;
    for (uint64_t i = 0; status == 0 && i < count; i++) {
        tensors[i].file = file;
        status = take_tensor(r, &tensors[i], &names[i]);
    }
    uint64_t mask = (uint64_t)alignment - 1, data_start = (r->at + mask) & ~mask;
    if (status == 0)
        status = place_tensors(checkpoint, r->file->path, tensors, names, count, data_start,
                               (uint64_t)alignment, r->err);
    for (uint64_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
    free(tensors);
    return status;
}

/* Counts are held against the least bytes that so many entries take, before memory is. */
static int take_header(struct reader *r, struct checkpoint *checkpoint, int file)
{
    unsigned char magic[4];
    uint32_t version;
    uint64_t tensors, keys;
    if (take(r, magic, sizeof magic) != 0)
        return -1;
    if (memcmp(magic, "GGUF", 4) != 0)
        return error_set(r->err, "%s: not a GGUF file", r->file->path);
    if (take_u32(r, &version) != 0 || take_u64(r, &tensors) != 0 || take_u64(r, &keys) != 0)
        return -1;
    if (version != 2 && version != 3)
        return error_set(r->err, "%s: GGUF version %u; versions 2 and 3 can be read", r->file->path,
                         version);
    if (tensors > TENSORS_MAX || keys > KEYS_MAX)
        return error_set(r->err, "%s: it claims %llu tensors and %llu keys, which cannot be",
                         r->file->path, (unsigned long long)tensors, (unsigned long long)keys);
    uint64_t least = tensors * TENSOR_LEAST + keys * KEY_LEAST;
    if (least > reader_left(r))
        return truncated(r, least);
    if (take_metadata(r, keys) != 0 || json_check_keys(r->metadata, r->file->path, r->err) != 0)
        return -1;
    return take_tensors(r, checkpoint, file, tensors);
}

/* *metadata is the caller's to delete, also after an error. */
int gguf_read_header(struct checkpoint *checkpoint, int number, cJSON **metadata, struct error *err)
{
    struct reader r = {.file = &checkpoint->files[number],
                       .values_left = METADATA_VALUES_MAX,
                       .text_left = METADATA_TEXT_MAX,
                       .metadata = cJSON_CreateObject(),
                       .err = err};
    r.window = array_alloc(WINDOW, 1, err);
    int status = r.metadata && r.window ? take_header(&r, checkpoint, number) : -1;
    free(r.window);
    *metadata = r.metadata;
    return status;
}
