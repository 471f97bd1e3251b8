/* A checkpoint that is open is never written to: its files are known again under any name. */
#include "test.h"

#include "base/folder.h"
#include "base/sys.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint_data.h"

#include <errno.h>
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

/* --- what cannot be looked at --- */

static int refused; /* this look of those that come is refused; 0: none */

static int stat_with_trouble(const char *path, struct stat *info)
{
    if (refused > 0 && --refused == 0) {
        errno = EIO;
        return -1;
    }
    return stat(path, info);
}

/* However many looks it takes, no refused one makes another file of what is read, or one of the
 * model's of what is written. */
static void what_cannot_be_looked_at_is_not_absent(void **state)
{
    (void)state;
    char *folder = data_folder(), *path = path_join(folder, "model", NULL);
    char hub[512], output[512];
    struct error err = ERROR_INIT;
    data_shards(path);
    data_text(folder, "model.gguf", "not this one");
    snprintf(hub, sizeof hub, "%s/models--org--name/snapshots/abc", folder);
    data_safetensors(hub, "model.safetensors", "one.weight");
    snprintf(hub, sizeof hub, "%s/models--org--name/refs", folder);
    data_text(hub, "main", "abc");
    setenv("HF_HUB_CACHE", folder, 1);
    int (*real)(const char *path, struct stat *info) = sys.stat;
    const char *const names[] = {path, "org/name"};
    sys.stat = stat_with_trouble;
    for (size_t i = 0; i < 2; i++) {
        int looks = 1;
        for (;; looks++) {
            struct checkpoint *checkpoint = NULL;
            refused = looks;
            int status = checkpoint_open(&checkpoint, names[i], &err);
            checkpoint_close(checkpoint);
            if (refused > 0)
                break;
            if (status != -1 || !strstr(err.text, "cannot read") || strstr(err.text, "gguf"))
                fail_msg("%s, look %d: %d, \"%s\"", names[i], looks, status, err.text);
        }
        refused = 0;
        assert_true(looks > 3);
    }
    struct checkpoint *checkpoint = data_open(path, NULL);
    snprintf(output, sizeof output, "%s/config.json", path);
    for (int looks = 1;; looks++) {
        refused = looks;
        int status = checkpoint_check_output(checkpoint, output, &err);
        bool said = strstr(err.text, refused > 0 ? "a file of the model" : "cannot read");
        if (status != -1 || !said)
            fail_msg("look %d: %d, \"%s\"", looks, status, err.text);
        if (refused > 0)
            break;
    }
    for (refused = 1; refused == 1;) {
        assert_int_equal(file_check_apart(output, output, "the scan", &err), -1);
        assert_non_null(strstr(err.text, "cannot read"));
    }
    refused = 0;
    sys.stat = real;
    unsetenv("HF_HUB_CACHE");
    checkpoint_close(checkpoint);
    free(path);
    data_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_are_known_under_any_name),
                                       cmocka_unit_test(what_cannot_be_looked_at_is_not_absent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
