#include "hub/curl_library.h"

#include "base/sys.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static struct {
    pthread_mutex_t mutex;
    bool loaded;
    struct curl_library calls;
} library = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int not_loaded(struct error *err)
{
    const char *why = dlerror();
    return error_set(err,
                     "the hub is asked by libcurl, which does not load (%s); install it (on "
                     "Debian libcurl4)",
                     why ? why : "no reason given");
}

/* By the name that the loader knows, or from where the build found it. */
static int load(struct error *err)
{
    void *opened = sys.dlopen(SPECTRUM_CURL_SONAME, RTLD_NOW | RTLD_LOCAL), *found;
    if (!opened)
        opened = sys.dlopen(SPECTRUM_CURL_FILE, RTLD_NOW | RTLD_LOCAL);
    if (!opened)
        return not_loaded(err);
#define X(name)                                                                                    \
    found = dlsym(opened, "curl_" #name);                                                          \
    if (!found)                                                                                    \
        return not_loaded(err);                                                                    \
    memcpy(&library.calls.name, &found, sizeof found);
    CURL_CALLS(X)
#undef X
    if (library.calls.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, "libcurl does not start");
    library.loaded = true;
    return 0;
}

const struct curl_library *curl_library(struct error *err)
{
    pthread_mutex_lock(&library.mutex);
    int status = library.loaded ? 0 : load(err);
    pthread_mutex_unlock(&library.mutex);
    return status == 0 ? &library.calls : NULL;
}
