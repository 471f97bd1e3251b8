/* The pickles that torch.save() writes of a dict of tensors, and no others: a stack machine of which
 * only what builds values is there, and in which only the names that such a dict needs can be called.
 * Nothing of a file is run: what is called comes to one of the values below.
 *
 *     values    None, True, whole and floating numbers, texts, tuples, lists, dicts
 *     names     collections.OrderedDict, torch._utils._rebuild_tensor_v2, its _v3 and
 *               _rebuild_parameter, torch.FloatStorage and the other storages, torch.float8_e4m3fn and
 *               the other types that _v3 takes with a torch.storage.UntypedStorage
 *
 * An opcode or a name beyond these is an error that names it. Formats: CPython's pickletools.py,
 * torch/_utils.py. Bounded: values, references and texts by the pickle's length and by PICKLE_VALUES;
 * no recursion. Internal to core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_PICKLE_H
#define SPECTRUM_CHECKPOINT_PICKLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PICKLE_VALUES = 1 << 22 };

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_TRUTH,
    PICKLE_INTEGER,
    PICKLE_FLOAT,
    PICKLE_TEXT,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,    /* items: key, value, key, value, ... */
    PICKLE_NAME,    /* what GLOBAL asked for */
    PICKLE_STORAGE, /* items: name, key, location, elements, or bytes where they have no type */
    PICKLE_TENSOR, /* items: storage, offset, sizes, strides; and a type where the storage has none */
};

struct pickle_value {
    enum pickle_kind kind;
    int64_t integer; /* of a name: its number (pickle_type()) */
    char *text;
    uint32_t *items; /* numbers of values */
    size_t count, capacity;
};

struct pickle {
    struct pickle_value *values;
    size_t count, capacity;
    uint32_t root;
};

/* Reads a pickle; pickle_free() in any case. `where` names it in messages. */
int pickle_read(struct pickle *out, const void *bytes, size_t size, const char *where,
                struct error *err);
void pickle_free(struct pickle *pickle);

/* Item `index` of a value. */
static inline const struct pickle_value *pickle_item(const struct pickle *pickle,
                                                     const struct pickle_value *of, size_t index)
{
    return &pickle->values[of->items[index]];
}

/* The type of a tensor's elements, as safetensors calls it: "BF16". */
const char *pickle_type(const struct pickle *pickle, const struct pickle_value *tensor);

#endif
