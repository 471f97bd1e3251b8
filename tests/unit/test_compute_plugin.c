/* Devices that a plug-in has: their names, and what is said where the plug-in is missing, does not
 * load, or is none. */
#include "test.h"

#include "base/file.h"
#include "compute/backend.h"

#include <string.h>
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

static void what_is_no_plugin_does_not_load(void **state)
{
    (void)state;
    char folder[] = "/tmp/spectrum_plugin_XXXXXX", path[64];
    struct error err = ERROR_INIT;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/spectrum-cuda.so", folder);
    assert_int_equal(file_save(path, "no library", 10, &err), 0);
    setenv("SPECTRUM_PLUGINS", folder, 1);
    opening_says("cuda", ERROR_FAILED, "does not load");
    unsetenv("SPECTRUM_PLUGINS");
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_strict),
        cmocka_unit_test(a_missing_plugin_is_named),
        cmocka_unit_test(automatic_is_the_processor),
        cmocka_unit_test(what_is_no_plugin_does_not_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
