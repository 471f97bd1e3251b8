/* A checkpoint that is open is never written to: its files are known again under any name. */
#include "test.h"

#include "base/folder.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint_data.h"

#include <string.h>

static void check(const struct checkpoint *checkpoint, const char *folder, const char *name,
                  const char *says)
{
    struct error err = ERROR_INIT;
    char *path = path_join(folder, name, NULL);
    int status = checkpoint_check_output(checkpoint, path, &err);
    if (status != (says ? -1 : 0) || (says && !strstr(err.text, says)))
        fail_msg("%s: %d, \"%s\"", name, status, err.text);
    free(path);
}

static void files_are_known_under_any_name(void **state)
{
    (void)state;
    char *folder = data_folder(), *path = path_join(folder, "model", NULL);
    data_shards(path);
    struct checkpoint *checkpoint = data_open(path, NULL);
    char shard[512], link[512];
    snprintf(shard, sizeof shard, "%s/b.safetensors", path);
    snprintf(link, sizeof link, "%s/soft.json", folder);
    assert_int_equal(symlink(shard, link), 0);
    snprintf(link, sizeof link, "%s/hard.json", folder);
    assert_int_equal(linkat(AT_FDCWD, shard, AT_FDCWD, link, 0), 0);
    static const char *const own[] = {"model/a.safetensors",
                                      "model/b.safetensors",
                                      "model/../model/b.safetensors",
                                      "model/model.safetensors.index.json",
                                      "model/config.json",
                                      "soft.json",
                                      "hard.json"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        check(checkpoint, folder, own[i], "a file of the model");
    check(checkpoint, folder, "model", "the folder of the model");
    check(checkpoint, folder, "model/scan.json", NULL);
    check(checkpoint, folder, "missing/scan.json", NULL);
    check(checkpoint, folder, ".", NULL);
    assert_int_equal(checkpoint_check_output(checkpoint, NULL, NULL), 0);
    checkpoint_close(checkpoint);
    free(path);
    data_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_are_known_under_any_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
