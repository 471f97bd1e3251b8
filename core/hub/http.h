/* HTTP as the hub is asked over it: requests side by side, each with one answer, over libcurl, which
 * no other module knows. Nothing is decided here: a redirect, a refusal and a cut connection are
 * answers, and hub_request.h says what follows from them.
 *
 * A server is as hostile as a file. What an answer may take of memory is fixed: headers of 64 KiB,
 * the few that are kept in places of their own, a body that goes piece by piece to whoever asked
 * and is cut off after as many bytes as were asked for.
 *
 *     http_open -> http_run ... -> http_close      by one thread at a time
 */
#ifndef SPECTRUM_HUB_HTTP_H
#define SPECTRUM_HUB_HTTP_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_AT_ONCE = 16, HTTP_URL_MAX = 8192, HTTP_TEXT_MAX = 200 };

/* Gets the body of a 200 or a 206 in order; -1 ends the transfer, with the reason. */
typedef int (*http_sink)(void *context, const void *bytes, size_t count, struct error *err);

struct http_answer;

struct http_request {
    const char *url;
    bool head;
    const char *token; /* goes to this URL as a bearer's; NULL: none. Never shown */
    bool ranged;       /* bytes [first, first + most), or where `open` from first on */
    bool open;
    uint64_t first, most; /* most: bytes of body that are taken; one more is an error */
    int patience;         /* seconds without a byte, or without a connection */
    /* Asked before the first byte of a 200 or a 206: 0, or -1 where the body is not wanted. NULL:
     * it is. */
    int (*accept)(void *context, const struct http_answer *answer, struct error *err);
    http_sink sink; /* NULL: the body is not wanted */
    void *context;
};

struct http_answer {
    int status;                  /* 0: there was none */
    struct error trouble;        /* why it is not whole; ERROR_NONE: it is */
    bool transient;              /* that may be better a moment later */
    uint64_t taken;              /* bytes of body */
    char location[HTTP_URL_MAX]; /* "": not said, as with the texts below */
    char etag[HTTP_TEXT_MAX], linked_etag[HTTP_TEXT_MAX];
    char commit[HTTP_TEXT_MAX], error_code[HTTP_TEXT_MAX];
    int64_t length, linked_size; /* -1: not said */
    int64_t range_first, range_last, range_total;
    int retry_after; /* seconds; -1: not said */
};

struct http_session;

/* Loads libcurl: before anything else here is called, URLs included. http_open() does it, too. */
int http_start(struct error *err);

/* should_stop is asked ten times a second while something is waited for (NULL: never). */
int http_open(struct http_session **out, bool (*should_stop)(void *context), void *context,
              struct error *err);
void http_close(struct http_session *session);

/* Runs the requests, HTTP_AT_ONCE of them side by side. 0: each has its answer, or in it what was in
 * the way of one. -1: ERROR_INTERRUPTED, or no memory. */
int http_run(struct http_session *session, const struct http_request *requests,
             struct http_answer *answers, size_t count, struct error *err);

/* Waits; -1 and ERROR_INTERRUPTED where it is to stop meanwhile. */
int http_wait(struct http_session *session, double seconds, struct error *err);

/* --- URLs --- */

/* Appends a part of a path with all but letters, digits and "-._~" as "%2F"; the slashes stay where
 * they separate (`slashes`). */
void url_put_part(struct buffer *out, const char *text, bool slashes);

/* What a redirect of `base` to `location` names, which may be relative, into out[HTTP_URL_MAX].
 * Refuses what is neither http nor https, what leaves https, and names and passwords in it. */
int url_resolve(char *out, const char *base, const char *location, struct error *err);

/* Have both the same scheme, host and port? */
bool url_same_host(const char *a, const char *b);

/* The URL without what may be secret in it, name, password and query: newly allocated text for
 * messages. */
char *url_shown(const char *url);

#endif
