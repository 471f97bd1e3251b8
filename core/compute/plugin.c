#include "compute/plugin.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of the running program, without its last '/'. */
static void program_folder(char *out, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", out, size - 1);
    out[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

/* The first of the places that has the file; false: none has. */
static bool find_file(char *out, size_t size, const char *name)
{
    char program[PATH_MAX];
    const char *chosen = getenv("SPECTRUM_PLUGINS");
    program_folder(program, sizeof program);
    const struct {
        const char *folder, *below;
    } places[] = {{chosen, ""}, {program, ""}, {program, "/../lib/spectrum"}};
    for (size_t i = chosen && chosen[0] ? 0 : 1; i < sizeof places / sizeof *places; i++) {
        int length =
            snprintf(out, size, "%s%s/spectrum-%s.so", places[i].folder, places[i].below, name);
        if (length > 0 && (size_t)length < size && access(out, R_OK) == 0)
            return true;
        if (i == 0) /* where the user says where it is, it is nowhere else */
            return false;
    }
    return false;
}

static const struct backend_plugin *load(const char *path, struct error *err)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        error_set(err, "the plug-in %s does not load: %s", path, why ? why : "no reason given");
        return NULL;
    }
    const struct backend_plugin *plugin = dlsym(library, PLUGIN_SYMBOL);
    if (plugin && plugin->version == BACKEND_VERSION)
        return plugin;
    dlclose(library);
    error_set(err, "the plug-in %s is of another version of spectrum; build both together", path);
    return NULL;
}

const struct backend_plugin *plugin_find(const char *name, struct error *err)
{
    char path[2 * PATH_MAX];
    if (find_file(path, sizeof path, name))
        return load(path, err);
    const char *chosen = getenv("SPECTRUM_PLUGINS");
    if (chosen && chosen[0])
        error_set(err, "there is no plug-in spectrum-%s.so in %s ($SPECTRUM_PLUGINS); use cpu",
                  name, chosen);
    else
        error_set(err,
                  "there is no plug-in spectrum-%s.so beside the program or in ../lib/spectrum; "
                  "build spectrum with a CUDA toolkit installed, or use cpu",
                  name);
    return NULL;
}
