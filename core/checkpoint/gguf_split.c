#include "checkpoint/gguf_split.h"

#include "base/buffer.h"
#include "base/text.h"
#include "checkpoint/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a name says of the part: "NAME" is its beginning, of this length. */
struct part_name {
    size_t prefix;
    int number, count; /* number: from 1 on */
};

enum { TAIL = sizeof "-00001-of-00003.gguf" - 1 };

/* "PREFIX-00002-of-00005.gguf", as llama.cpp's gguf-split names them. */
static bool read_name(const char *path, struct part_name *out)
{
    static const char form[] = "-00000-of-00000.gguf";
    size_t length = strlen(path);
    if (length <= TAIL)
        return false;
    const char *tail = path + length - TAIL;
    for (size_t i = 0; i < TAIL; i++)
        if (form[i] == '0' ? tail[i] < '0' || tail[i] > '9' : tail[i] != form[i])
            return false;
    out->prefix = length - TAIL;
    out->number = (int)strtol(tail + 1, NULL, 10);
    out->count = (int)strtol(tail + 10, NULL, 10);
    return out->number >= 1 && out->number <= out->count;
}

bool gguf_same_split(const char *a, const char *b)
{
    struct part_name x, y;
    return read_name(a, &x) && read_name(b, &y) && x.count == y.count && x.prefix == y.prefix &&
           strncmp(a, b, x.prefix) == 0;
}

bool checkpoint_is_later_part(const char *name)
{
    struct part_name part;
    return read_name(name, &part) && part.number > 1;
}

/* 1: it is a whole model. */
static int64_t parts_of(const cJSON *metadata)
{
    int64_t count = 1;
    json_get_int64(metadata, "split.count", &count);
    return count;
}

static int open_file(struct checkpoint *checkpoint, const char *path, cJSON **metadata,
                     struct error *err)
{
    int file = checkpoint_add_file(checkpoint, path, err);
    return file < 0 ? -1 : gguf_read_header(checkpoint, file, metadata, err);
}

/* A part is what its name says; `of` are the name's numbers. */
static int check_part(const cJSON *metadata, const struct part_name *of, const char *path,
                      struct error *err)
{
    int64_t number = -1, count = parts_of(metadata);
    json_get_int64(metadata, "split.no", &number); /* from 0 on */
    if (count == of->count && number == of->number - 1)
        return 0;
    return error_set(err,
                     "%s: its name says part %d of %d, its metadata part %lld of %lld: the parts "
                     "are of more than one model, or were renamed",
                     path, of->number, of->count, (long long)number + 1, (long long)count);
}

/* The first part's metadata is the model's; the others' only say which part they are. */
static int open_part(struct checkpoint *checkpoint, const struct part_name *of, struct error *err)
{
    struct buffer path = BUFFER_INIT;
    cJSON *metadata = NULL;
    buffer_format(&path, "%.*s-%05d-of-%05d.gguf", (int)of->prefix, checkpoint->path, of->number,
                  of->count);
    int status = buffer_check(&path, err);
    int there = status == 0 ? place_find(checkpoint->place, path.data, err) : -1;
    status = there < 0 ? -1 : 0;
    if (there == 0)
        status = error_set(err,
                           "%s: it is not there, and the model is split into %d parts: fetch all "
                           "of them into one folder",
                           path.data, of->count);
    if (status == 0)
        status = open_file(checkpoint, path.data, &metadata, err);
    if (status == 0)
        status = check_part(metadata, of, path.data, err);
    if (status == 0 && of->number == 1) {
        checkpoint->metadata = metadata;
        metadata = NULL;
    }
    cJSON_Delete(metadata);
    buffer_free(&path);
    return status;
}

/* All of them, in order: a missing one is an error before a tensor of it is looked for. */
static int open_parts(struct checkpoint *checkpoint, struct part_name of, struct error *err)
{
    int64_t tensors;
    for (of.number = 1; of.number <= of.count; of.number++)
        if (open_part(checkpoint, &of, err) != 0)
            return -1;
    if (json_get_int64(checkpoint->metadata, "split.tensors.count", &tensors) &&
        tensors != (int64_t)checkpoint->tensor_count)
        return error_set(err, "%s: its %d parts have %zu tensors, and should have %lld",
                         checkpoint->path, of.count, checkpoint->tensor_count, (long long)tensors);
    return 0;
}

int gguf_split_open(struct checkpoint *checkpoint, struct error *err)
{
    struct part_name name;
    cJSON *metadata = NULL;
    int status = open_file(checkpoint, checkpoint->path, &metadata, err);
    int64_t parts = parts_of(metadata);
    if (status != 0 || parts <= 1) {
        checkpoint->metadata = metadata;
        return status;
    }
    cJSON_Delete(metadata);
    if (!read_name(checkpoint->path, &name))
        return error_set(err,
                         "%s is one of the %lld parts of a split model, and is not called as such: "
                         "the others are found by the name NAME-00001-of-%05lld.gguf",
                         checkpoint->path, (long long)parts, (long long)parts);
    checkpoint_clear(checkpoint); /* the table has the parts' tensors in the parts' order */
    return open_parts(checkpoint, name, err);
}
