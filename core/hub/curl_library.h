/* libcurl, loaded when the hub is first asked: linked to the program it would bring thirty libraries
 * and 5 ms to the start of every command. Only http.c includes this, and it alone the library's header.
 */
#ifndef SPECTRUM_HUB_CURL_LIBRARY_H
#define SPECTRUM_HUB_CURL_LIBRARY_H

#include "base/error.h"

#include <curl/curl.h>

/* What is called of it, by the name after "curl_". */
#define CURL_CALLS(X)                                                                              \
    X(global_init)                                                                                 \
    X(easy_init)                                                                                   \
    X(easy_reset)                                                                                  \
    X(easy_setopt)                                                                                 \
    X(easy_getinfo)                                                                                \
    X(easy_strerror)                                                                               \
    X(easy_cleanup)                                                                                \
    X(multi_init)                                                                                  \
    X(multi_add_handle)                                                                            \
    X(multi_remove_handle)                                                                         \
    X(multi_perform)                                                                               \
    X(multi_poll)                                                                                  \
    X(multi_info_read)                                                                             \
    X(multi_cleanup)                                                                               \
    X(slist_append)                                                                                \
    X(slist_free_all)                                                                              \
    X(url)                                                                                         \
    X(url_set)                                                                                     \
    X(url_get)                                                                                     \
    X(url_cleanup)                                                                                 \
    X(free)

struct curl_library {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name takes none */
#define X(name) __typeof__(&(curl_##name)) name;
    CURL_CALLS(X)
#undef X
};

/* The library; NULL where it does not load. Thread-safe. */
const struct curl_library *curl_library(struct error *err);

#endif
