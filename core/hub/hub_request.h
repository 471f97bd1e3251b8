/* What is asked of the hub, and what its answers mean: redirects, another try, refusals.
 *
 *     hub_open -> hub_once, or hub_ask -> hub_close
 *
 * The token goes to the endpoint's own scheme, host and port, and nowhere else: a redirect to the
 * servers that hold the large files carries its right in its URL.
 */
#ifndef SPECTRUM_HUB_HUB_REQUEST_H
#define SPECTRUM_HUB_HUB_REQUEST_H

#include "hub/http.h"
#include "hub/settings.h"

struct hub {
    struct hub_settings settings;
    struct http_session *session;
    /* Something takes longer than it should, a line; may be NULL. */
    void (*say)(void *context, const char *line);
    void *context;
};

/* should_stop (may be NULL) is asked while something is waited for. */
int hub_open(struct hub *out, bool (*should_stop)(void *context), void *context, struct error *err);
void hub_close(struct hub *hub);

/* An error where the environment says that nothing is to be asked, as each request says then. */
int hub_check_online(const struct hub *hub, struct error *err);

/* "<endpoint>/<path>", where `path` is escaped already; newly allocated. */
char *hub_url(const struct hub *hub, const char *path, struct error *err);

/* One request, through redirects. With `stays` one to another host, which would hold the content
 * alone, is the answer. `place[HTTP_URL_MAX]` (may be NULL) gets the URL that answered. 0: there is
 * an answer, whatever it says; -1 as http_run(). */
int hub_once(struct hub *hub, const struct http_request *request, bool stays,
             struct http_answer *answer, char *place, struct error *err);

/* May it go well a moment later? */
bool hub_may_pass(const struct http_answer *answer);

enum { HUB_TRIES = 5 };

/* Waits before try number `tries`, 1 for the first that is another one: 1, 2, 4, 8, 8 seconds, or
 * as long as the answer asks for. Says so. -1: ERROR_INTERRUPTED. */
int hub_wait(struct hub *hub, const struct http_answer *answer, int tries, const char *what,
             struct error *err);

/* hub_once() with up to HUB_TRIES more. */
int hub_ask(struct hub *hub, const struct http_request *request, bool stays,
            struct http_answer *answer, char *place, struct error *err);

/* The content of a URL, at most `most` bytes, into memory; hub_refusal() where it cannot be had. */
int hub_read(struct buffer *out, struct hub *hub, const char *url, uint64_t most, const char *name,
             const char *what, struct error *err);

/* Sets why an answer is none of use: of the repository `name` ("org/name"), for `what`, a file's
 * name or "its list of files". -1. */
int hub_refusal(const struct hub *hub, const struct http_answer *answer, const char *name,
                const char *what, struct error *err);

#endif
