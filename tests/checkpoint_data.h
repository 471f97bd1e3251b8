/* Small model files that tests of core/checkpoint and core/model make for themselves, in a folder
 * of their own. */
#ifndef SPECTRUM_TESTS_CHECKPOINT_DATA_H
#define SPECTRUM_TESTS_CHECKPOINT_DATA_H

#include "test.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"

#include <fcntl.h>
#include <string.h>

static inline char *data_folder(void)
{
    char name[] = "/tmp/spectrum-checkpoint-XXXXXX";
    assert_non_null(mkdtemp(name));
    return strdup(name);
}

static inline void data_folder_remove(char *folder)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    free(folder);
}

static inline void data_file(const char *folder, const char *name, const void *bytes, size_t count)
{
    struct error err = ERROR_INIT;
    char *path = path_join(folder, name, NULL);
    if (folder_make(folder, &err) != 0 || file_save(path, bytes, count, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
}

static inline void data_text(const char *folder, const char *name, const char *text)
{
    data_file(folder, name, text, strlen(text));
}

/* A safetensors file with one F32 tensor of two elements. */
static inline void data_safetensors(const char *folder, const char *name, const char *tensor)
{
    struct error err = ERROR_INIT;
    struct safetensors_entry entry = {tensor, DTYPE_F32, 1, {2}};
    struct safetensors_writer writer;
    char *path = path_join(folder, name, NULL);
    if (folder_make(folder, &err) != 0 ||
        safetensors_writer_open(&writer, path, &entry, 1, NULL, &err) != 0 ||
        safetensors_writer_put(&writer, (float[2]){1, 2}, 8, &err) != 0 ||
        safetensors_writer_commit(&writer, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
}

enum { DATA_TENSORS_MAX = 7 };

/* A folder with tensors "NAME TYPE SHAPE BYTES" of zeros; `state` is the last tensor's content, to
 * which spaces are added. */
static inline void data_checkpoint(const char *folder, const char *config,
                                   const char *const *tensors, const char *state)
{
    struct buffer header = BUFFER_INIT, file = BUFFER_INIT;
    size_t data = 0, last = 0;
    buffer_byte(&header, '{');
    for (int i = 0; i < DATA_TENSORS_MAX && tensors[i]; i++) {
        char name[100], type[16], shape[40];
        assert_int_equal(sscanf(tensors[i], "%99s %15s %39s %zu", name, type, shape, &last), 4);
        buffer_format(&header, "%s\"%s\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": ",
                      i ? ", " : "", name, type, shape);
        buffer_format(&header, "[%zu, %zu]}", data, data + last);
        data += last;
    }
    buffer_byte(&header, '}');
    for (int i = 0; i < 8; i++)
        buffer_byte(&file, (char)(header.length >> 8 * i & 0xFF));
    buffer_append(&file, header.data, header.length);
    for (size_t i = 0; i < data - (state ? last : 0); i++)
        buffer_byte(&file, 0);
    for (size_t i = 0; state && i < last; i++)
        buffer_byte(&file, i < strlen(state) ? state[i] : ' ');
    data_text(folder, "config.json", config);
    data_file(folder, "model.safetensors", file.data, file.length);
    buffer_free(&header);
    buffer_free(&file);
}

/* Two shards, their index and a configuration. */
static inline void data_shards(const char *folder)
{
    data_safetensors(folder, "a.safetensors", "one.weight");
    data_safetensors(folder, "b.safetensors", "two.weight");
    data_text(folder, "model.safetensors.index.json",
              "{\"weight_map\": {\"one.weight\": \"a.safetensors\","
              " \"two.weight\": \"b.safetensors\"}}");
    data_text(folder, "config.json", "{}");
}

/* Opens what must open, or, where `says` is not NULL, is refused in a line that says so: NULL. */
static inline struct checkpoint *data_open(const char *path, const char *says)
{
    struct checkpoint *checkpoint = NULL;
    struct error err = ERROR_INIT;
    int status = checkpoint_open(&checkpoint, path, &err);
    if (status != (says ? -1 : 0) || (says && !strstr(err.text, says)))
        fail_msg("%s: status %d, \"%s\" (expected \"%s\")", path, status, err.text,
                 says ? says : "");
    return checkpoint;
}

#endif
