#include "hub/hub_request.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REDIRECTS_MAX = 10, WAIT_MAX = 600 };

/* Settings come from the environment, as huggingface_hub reads them. */
int hub_open(struct hub *out, bool (*should_stop)(void *context), void *context, struct error *err)
{
    *out = (struct hub){0};
    if (http_start(err) != 0 || hub_settings_read(&out->settings, err) != 0)
        return -1;
    if (http_open(&out->session, should_stop, context, err) == 0)
        return 0;
    hub_close(out);
    return -1;
}

void hub_close(struct hub *hub)
{
    http_close(hub->session);
    hub_settings_free(&hub->settings);
    *hub = (struct hub){0};
}

int hub_check_online(const struct hub *hub, struct error *err)
{
    return hub->settings.offline
               ? error_set(err,
                           "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set, so nothing is asked "
                           "of the hub; unset it")
               : 0;
}

/* Below the endpoint, whatever that is. */
char *hub_url(const struct hub *hub, const char *path, struct error *err)
{
    struct buffer url = BUFFER_INIT;
    buffer_format(&url, "%s/%s", hub->settings.endpoint, path);
    if (buffer_check(&url, err) == 0 && url.length < HTTP_URL_MAX)
        return url.data;
    if (!url.failed)
        error_set(err, "the address %.60s... has more than %d bytes", url.data, HTTP_URL_MAX);
    buffer_free(&url);
    return NULL;
}

/* Redirects are followed here and not by curl: each step decides whether the token may go
 * along, which is to the endpoint's own host alone. */
int hub_once(struct hub *hub, const struct http_request *request, bool stays,
             struct http_answer *answer, char *place, struct error *err)
{
    char here[HTTP_URL_MAX], next[HTTP_URL_MAX];
    struct http_request step = *request;
    if (hub_check_online(hub, err) != 0)
        return -1;
    snprintf(here, sizeof here, "%s", request->url);
    step.url = here;
    for (int i = 0; i <= REDIRECTS_MAX; i++) {
        step.token = url_same_host(here, hub->settings.endpoint) ? hub->settings.token : NULL;
        if (http_run(hub->session, &step, answer, 1, err) != 0)
            return -1;
        if (place)
            snprintf(place, HTTP_URL_MAX, "%s", here);
        bool redirects = answer->trouble.kind == ERROR_NONE && answer->status >= 301 &&
                         answer->status <= 308 && answer->status != 304 && answer->location[0];
        if (!redirects)
            return 0;
        if (url_resolve(next, here, answer->location, &answer->trouble) != 0)
            return 0;
        if (stays && answer->linked_etag[0] && !url_same_host(here, next))
            return 0;
        snprintf(here, sizeof here, "%s", next);
    }
    error_set(&answer->trouble, "it redirects more than %d times", REDIRECTS_MAX);
    return 0;
}

bool hub_may_pass(const struct http_answer *answer)
{
    if (answer->trouble.kind != ERROR_NONE)
        return answer->transient;
    return answer->status == 408 || answer->status == 429 ||
           (answer->status >= 500 && answer->status <= 504 && answer->status != 501);
}

/* 1, 2, 4, then 8 s, or what the server asks for, up to a bound; a stop ends it at once. */
int hub_wait(struct hub *hub, const struct http_answer *answer, int tries, const char *what,
             struct error *err)
{
    int seconds = tries > 3 ? 8 : 1 << (tries - 1);
    char line[ERROR_TEXT_MAX + 200];
    if (answer->retry_after >= 0)
        seconds = answer->retry_after < WAIT_MAX ? answer->retry_after : WAIT_MAX;
    if (answer->trouble.kind != ERROR_NONE)
        snprintf(line, sizeof line, "%.160s: %s; once more in %d s", what, answer->trouble.text,
                 seconds);
    else
        snprintf(line, sizeof line, "%.160s: status %d; once more in %d s", what, answer->status,
                 seconds);
    if (hub->say)
        hub->say(hub->context, line);
    return http_wait(hub->session, seconds, err);
}

/* What may pass by itself (connections, 5xx, 429) is tried again; any other answer is the caller's
 * to read. */
int hub_ask(struct hub *hub, const struct http_request *request, bool stays,
            struct http_answer *answer, char *place, struct error *err)
{
    for (int tries = 1;; tries++) {
        if (hub_once(hub, request, stays, answer, place, err) != 0)
            return -1;
        if (tries > HUB_TRIES || !hub_may_pass(answer))
            return 0;
        char *shown = url_shown(request->url);
        int waited = hub_wait(hub, answer, tries, shown ? shown : "the hub", err);
        free(shown);
        if (waited != 0)
            return -1;
    }
}

/* --- why not --- */

/* Who asked, as far as that may be said. */
static void put_who(struct buffer *out, const struct hub *hub)
{
    if (hub->settings.token)
        buffer_format(out, "the token of %s was sent", hub->settings.token_from);
    else if (hub->settings.disable_token)
        buffer_text(out, "no token was sent, as HF_HUB_DISABLE_IMPLICIT_TOKEN says");
    else
        buffer_text(out, "no token was sent: there is none in HF_TOKEN, nor in the file that "
                         "`hf auth login` writes");
}

/* The hub's error code first, which is more exact than the status; then what a user can do about
 * it. */
int hub_refusal(const struct hub *hub, const struct http_answer *answer, const char *name,
                const char *what, struct error *err)
{
    const char *endpoint = hub->settings.endpoint, *code = answer->error_code;
    struct buffer who = BUFFER_INIT;
    int status = answer->status;
    put_who(&who, hub);
    if (answer->trouble.kind != ERROR_NONE)
        error_set(err, "%s of %s, from %s: %s", what, name, endpoint, answer->trouble.text);
    else if (strcmp(code, "GatedRepo") == 0 || (status == 403 && !code[0]))
        error_set(
            err,
            "%s is gated: ask for access at %s/%s, and give the token of the account that has "
            "it by HF_TOKEN (%s)",
            name, endpoint, name, buffer_string(&who));
    else if (strcmp(code, "RevisionNotFound") == 0)
        error_set(err,
                  "%s at %s has no revision of that name; --revision takes a branch, a tag or "
                  "a commit",
                  name, endpoint);
    else if (strcmp(code, "EntryNotFound") == 0)
        error_set(err, "%s at %s has no file %.200s", name, endpoint, what);
    else if (strcmp(code, "RepoNotFound") == 0 || status == 401 || status == 404)
        error_set(
            err,
            "%s has no model %s, or it is private or gated, and this is not an account that may "
            "see it (status %d; %s)",
            endpoint, name, status, buffer_string(&who));
    else if (status == 403)
        error_set(err, "%s refuses %s of %s to this account (status 403; %s)", endpoint, what, name,
                  buffer_string(&who));
    else if (status == 429)
        error_set(err, "%s: too many requests from here (status 429); wait some minutes", endpoint);
    else
        error_set(err, "%s of %s: %s answers with status %d%s", what, name, endpoint, status,
                  status >= 500 ? ", so it has trouble of its own; try again later" : "");
    buffer_free(&who);
    return -1;
}

/* --- a content in memory --- */

static int append(void *context, const void *bytes, size_t count, struct error *err)
{
    buffer_append(context, bytes, count);
    return buffer_check(context, err);
}

/* Another try begins with nothing. */
static int begin_empty(void *context, const struct http_answer *answer, struct error *err)
{
    (void)answer;
    (void)err;
    buffer_clear(context);
    return 0;
}

/* A document into memory, of at most so many bytes; a second try begins with an empty buffer. */
int hub_read(struct buffer *out, struct hub *hub, const char *url, uint64_t most, const char *name,
             const char *what, struct error *err)
{
    struct http_answer answer;
    const struct http_request request = {.url = url,
                                         .most = most,
                                         .patience = hub->settings.download_patience,
                                         .accept = begin_empty,
                                         .sink = append,
                                         .context = out};
    if (hub_ask(hub, &request, false, &answer, NULL, err) != 0)
        return -1;
    if (answer.trouble.kind == ERROR_NONE && answer.status == 200)
        return 0;
    return hub_refusal(hub, &answer, name, what, err);
}
