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
