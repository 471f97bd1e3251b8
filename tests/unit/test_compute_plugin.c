/* Devices that a plug-in has: their names, and what is said where the plug-in is missing, does not
 * load, or is none. */
#include "test.h"

#include "base/file_writer.h"
#include "compute/devices/devices.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void opening_says(const char *device, enum error_kind kind, const char *text)
{
    struct backend *backend = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(backend_open(&backend, device, 1, &err), -1);
    assert_null(backend);
    assert_int_equal(err.kind, kind);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

static void names_are_strict(void **state)
{
    (void)state;
    static const char *const wrong[] = {"cuda:",     "cuda:x", "cuda:1x", "cuda:-1",
                                        "cuda:9999", "cuda1",  "CUDA",    ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        opening_says(wrong[i], ERROR_USAGE, "there are auto, cpu, cuda");
}

static void a_missing_plugin_is_named(void **state)
{
    (void)state;
    setenv("SPECTRUM_PLUGINS", "/nowhere", 1);
    opening_says("cuda", ERROR_FAILED, "there is no plug-in spectrum-cuda.so in /nowhere");
    opening_says("cuda:1", ERROR_FAILED, "--device cuda:1");
    struct error err = ERROR_INIT;
    assert_int_equal(backend_check("cuda", &err), -1);
    assert_non_null(strstr(err.text, "plug-in"));
    unsetenv("SPECTRUM_PLUGINS");
}

/* A scan by "auto" takes the CPU then, and nobody is told: nothing was asked for. */
static void automatic_is_the_processor(void **state)
{
    (void)state;
    struct backend *backend = NULL;
    struct error err = ERROR_INIT, busy = ERROR_INIT;
    setenv("SPECTRUM_PLUGINS", "/nowhere", 1);
    assert_int_equal(backend_open_for_scan(&backend, "auto", 3, &busy, &err), 0);
    assert_int_equal(busy.kind, ERROR_NONE);
    assert_string_equal(backend->name, "cpu");
    backend_close(backend);
    assert_int_equal(backend_open_for_scan(&backend, "cuda", 1, &busy, &err), -1);
    assert_int_equal(busy.kind, ERROR_NONE);
    assert_non_null(strstr(err.text, "plug-in"));
    unsetenv("SPECTRUM_PLUGINS");
}

/* A folder with a plug-in that holds `text`. */
struct planted {
    char folder[64], file[96];
};

static struct planted plant(const char *text)
{
    struct planted place = {.folder = "/tmp/spectrum_plugin_XXXXXX"};
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.file, sizeof place.file, "%s/spectrum-cuda.so", place.folder);
    assert_int_equal(file_save(place.file, text, strlen(text), NULL), 0);
    assert_int_equal(chmod(place.file, 0644), 0);
    setenv("SPECTRUM_PLUGINS", place.folder, 1);
    return place;
}

static void planted_remove(const struct planted *place)
{
    unsetenv("SPECTRUM_PLUGINS");
    unlink(place->file);
    rmdir(place->folder);
}

static void what_is_no_plugin_does_not_load(void **state)
{
    (void)state;
    struct planted place = plant("no library");
    opening_says("cuda", ERROR_FAILED, "does not load");
    unlink(place.file);
    assert_int_equal(mkfifo(place.file, 0644), 0);
    opening_says("cuda", ERROR_FAILED, "is not a regular file");
    planted_remove(&place);
}

/* Who may write the plug-in, or put another in its place, could have any code run here. */
static void what_others_can_write_is_not_loaded(void **state)
{
    (void)state;
    struct planted place = plant("no library");
    static const mode_t files[] = {0646, 0666}, folders[] = {0757, 0777, 01777};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        assert_int_equal(chmod(place.file, files[i]), 0);
        opening_says("cuda", ERROR_FAILED, "other users can write to");
    }
    assert_int_equal(chmod(place.file, 0644), 0);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        assert_int_equal(chmod(place.folder, folders[i]), 0);
        opening_says("cuda", ERROR_FAILED, "other users can write to");
    }

    /* It would have been of use, so a scan that takes what there is says so. */
    struct backend *backend = NULL;
    struct error err = ERROR_INIT, busy = ERROR_INIT;
    assert_int_equal(backend_open_for_scan(&backend, "auto", 1, &busy, &err), 0);
    assert_string_equal(backend->name, "cpu");
    assert_non_null(strstr(busy.text, "other users can write to"));
    backend_close(backend);

    /* Neither does a folder above, or one that a link leads through, let others in. */
    char below[96], other[] = "/tmp/spectrum_plugin_XXXXXX", link[128];
    snprintf(below, sizeof below, "%s/below", place.folder);
    snprintf(link, sizeof link, "%s/spectrum-cuda.so", below);
    assert_int_equal(chmod(place.folder, 0777), 0);
    assert_int_equal(mkdir(below, 0755), 0);
    assert_int_equal(symlink(place.file, link), 0);
    setenv("SPECTRUM_PLUGINS", below, 1);
    opening_says("cuda", ERROR_FAILED, "other users can write to");
    assert_non_null(mkdtemp(other));
    unlink(link);
    rmdir(below);
    assert_int_equal(symlink(other, below), 0);
    snprintf(link, sizeof link, "%s/spectrum-cuda.so", other);
    assert_int_equal(symlink(place.file, link), 0);
    opening_says("cuda", ERROR_FAILED, "other users can write to"); /* the target's folder */
    assert_int_equal(chmod(place.folder, 0755), 0);
    opening_says("cuda", ERROR_FAILED, "does not load"); /* nobody else can: it is tried */
    unlink(link);
    unlink(below);
    rmdir(other);
    planted_remove(&place);
}

static void what_belongs_to_another_is_not_loaded(void **state)
{
    (void)state;
    struct planted place = plant("no library");
    if (geteuid() != 0 || chown(place.file, 65534, (gid_t)-1) != 0) {
        printf("SKIPPED: another user's plug-in, which only root can make\n");
        planted_remove(&place);
        return;
    }
    opening_says("cuda", ERROR_FAILED, "belongs to another user (65534)");
    assert_int_equal(chown(place.file, 0, (gid_t)-1), 0);
    assert_int_equal(chown(place.folder, 65534, (gid_t)-1), 0);
    opening_says("cuda", ERROR_FAILED, "belongs to another user (65534)");
    assert_int_equal(chown(place.folder, 0, (gid_t)-1), 0);
    opening_says("cuda", ERROR_FAILED, "does not load");
    planted_remove(&place);
}

/* CUDA's libraries are large: what talks to the driver is loaded where the driver is. */
static void without_a_driver_nothing_is_loaded(void **state)
{
    (void)state;
    if (dlopen("libcuda.so.1", RTLD_LAZY)) {
        printf("SKIPPED: a driver is here\n");
        return;
    }
    struct planted place = plant("dlopen(libcuda.so.1)");
    struct backend *backend = NULL;
    struct error err = ERROR_INIT, busy = ERROR_INIT;
    opening_says("cuda", ERROR_FAILED, "there is no NVIDIA driver");
    assert_int_equal(backend_open_for_scan(&backend, "auto", 1, &busy, &err), 0);
    assert_int_equal(busy.kind, ERROR_NONE);
    backend_close(backend);
    planted_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_strict),
        cmocka_unit_test(a_missing_plugin_is_named),
        cmocka_unit_test(automatic_is_the_processor),
        cmocka_unit_test(what_is_no_plugin_does_not_load),
        cmocka_unit_test(what_others_can_write_is_not_loaded),
        cmocka_unit_test(what_belongs_to_another_is_not_loaded),
        cmocka_unit_test(without_a_driver_nothing_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
