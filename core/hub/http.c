#include "hub/http.h"

#include "base/memory.h"
#include "base/process.h"
#include "hub/curl_library.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADERS_MAX = 64 << 10, REFUSAL_MAX = 64 << 10 };

static const struct curl_library *curl; /* set by http_start(), always to the same */

/* A transfer under way. */
struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    const struct http_request *request; /* NULL: the place is free */
    struct http_answer *answer;
    size_t header_bytes;
    bool accepted;
    char why[CURL_ERROR_SIZE];
};

struct http_session {
    CURLM *multi; /* has the connections, which last from request to request */
    struct transfer transfers[HTTP_AT_ONCE];
    bool reached; /* somebody answered: what fails from now on may be a moment's trouble */
    bool (*should_stop)(void *context);
    void *context;
};

/* --- what comes --- */

/* "name: value" against a name; the value without blanks around it, cut to the place that it has.
 * A value that does not fit is none: half of it would be another one. */
static bool is_header(const char *line, size_t length, const char *name, char *out, size_t size)
{
    size_t used = strlen(name);
    if (length <= used || line[used] != ':' || strncasecmp(line, name, used) != 0)
        return false;
    for (used++; used < length && (line[used] == ' ' || line[used] == '\t');)
        used++;
    while (length > used && isspace((unsigned char)line[length - 1]))
        length--;
    out[0] = '\0';
    if (length - used < size && !memchr(line + used, '\0', length - used)) {
        memcpy(out, line + used, length - used);
        out[length - used] = '\0';
    }
    return true;
}

/* Digits alone: no sign, no blanks, no number that leaves 64 bits; -1 for all of those. Without
 * `end` nothing may follow. */
static int64_t number_of(const char *text, const char **end)
{
    int64_t value = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at); at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            return -1;
    if (end)
        *end = at;
    return at == text || (!end && *at) ? -1 : value;
}

/* "bytes 0-99/1234". */
static void read_range(struct http_answer *answer, const char *text)
{
    const char *at = text;
    int64_t first, last, total;
    if (strncasecmp(at, "bytes ", 6) != 0 || (first = number_of(at + 6, &at)) < 0 || *at != '-' ||
        (last = number_of(at + 1, &at)) < first || *at != '/' ||
        (total = number_of(at + 1, NULL)) <= last)
        return;
    answer->range_first = first;
    answer->range_last = last;
    answer->range_total = total;
}

static void begin_answer(struct http_answer *answer)
{
    *answer = (struct http_answer){.length = -1,
                                   .linked_size = -1,
                                   .range_first = -1,
                                   .range_last = -1,
                                   .range_total = -1,
                                   .retry_after = -1};
}

/* Called for each line; one that begins with "HTTP/" begins an answer (there may have been a 100
 * before it). */
static size_t on_header(char *line, size_t one, size_t length, void *context)
{
    struct transfer *transfer = context;
    struct http_answer *answer = transfer->answer;
    char value[HTTP_TEXT_MAX];
    (void)one;
    transfer->header_bytes += length;
    if (transfer->header_bytes > HEADERS_MAX) {
        error_set(&answer->trouble, "its headers have more than %d bytes", HEADERS_MAX);
        return 0;
    }
    if (length > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        begin_answer(answer);
        return length;
    }
    if (is_header(line, length, "location", answer->location, sizeof answer->location) ||
        is_header(line, length, "etag", answer->etag, sizeof answer->etag) ||
        is_header(line, length, "x-linked-etag", answer->linked_etag, sizeof answer->linked_etag) ||
        is_header(line, length, "x-repo-commit", answer->commit, sizeof answer->commit) ||
        is_header(line, length, "x-error-code", answer->error_code, sizeof answer->error_code))
        return length;
    if (is_header(line, length, "content-length", value, sizeof value))
        answer->length = number_of(value, NULL);
    else if (is_header(line, length, "x-linked-size", value, sizeof value))
        answer->linked_size = number_of(value, NULL);
    else if (is_header(line, length, "content-range", value, sizeof value))
        read_range(answer, value);
    else if (is_header(line, length, "retry-after", value, sizeof value)) {
        int64_t seconds = number_of(value, NULL);
        answer->retry_after = seconds < 0 || seconds > 3600 ? -1 : (int)seconds;
    }
    return length;
}

static size_t on_body(char *bytes, size_t one, size_t count, void *context)
{
    struct transfer *transfer = context;
    const struct http_request *request = transfer->request;
    struct http_answer *answer = transfer->answer;
    long status = 0;
    (void)one;
    curl->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    bool wanted = request->sink && (status == 200 || status == 206);
    uint64_t most = wanted ? request->most : REFUSAL_MAX; /* a refusal's page is not read */
    if (wanted && !transfer->accepted && request->accept &&
        request->accept(request->context, answer, &answer->trouble) != 0)
        return 0;
    transfer->accepted = true;
    if (count > most - answer->taken) {
        if (wanted)
            error_set(&answer->trouble, "it sends more than the %llu bytes that it should",
                      (unsigned long long)most);
        return 0;
    }
    if (wanted && request->sink(request->context, bytes, count, &answer->trouble) != 0)
        return 0;
    answer->taken += count;
    return count;
}

/* --- a request --- */

static void release(struct http_session *session, struct transfer *transfer)
{
    if (transfer->request)
        curl->multi_remove_handle(session->multi, transfer->easy);
    curl->slist_free_all(transfer->headers);
    transfer->headers = NULL;
    transfer->request = NULL;
}

/* false: no memory. */
static bool add_header(struct transfer *transfer, const char *text)
{
    struct curl_slist *longer = curl->slist_append(transfer->headers, text);
    if (longer)
        transfer->headers = longer;
    return longer;
}

/* No compression on the way: lengths and ranges count the bytes of the file. The token's copy is
 * wiped; curl keeps its own until the transfer is released. */
static bool add_headers(struct transfer *transfer, const struct http_request *request)
{
    struct buffer bearer = BUFFER_INIT;
    if (request->token)
        buffer_format(&bearer, "Authorization: Bearer %s", request->token);
    bool added = !bearer.failed && add_header(transfer, "Accept-Encoding: identity") &&
                 (!request->token || add_header(transfer, buffer_string(&bearer)));
    if (bearer.data)
        explicit_bzero(bearer.data, bearer.length);
    buffer_free(&bearer);
    return added;
}

/* Where certificates are looked for, as curl and Python's ssl have it. */
static void set_certificates(CURL *easy)
{
    const char *file = getenv("CURL_CA_BUNDLE"), *folder = getenv("SSL_CERT_DIR");
    if (!file || !file[0])
        file = getenv("SSL_CERT_FILE");
    if (file && file[0])
        curl->easy_setopt(easy, CURLOPT_CAINFO, file);
    if (folder && folder[0])
        curl->easy_setopt(easy, CURLOPT_CAPATH, folder);
}

static int begin(struct http_session *session, struct transfer *transfer,
                 const struct http_request *request, struct http_answer *answer, struct error *err)
{
    char range[64];
    CURL *easy = transfer->easy;
    if (!easy && !(easy = transfer->easy = curl->easy_init()))
        return error_no_memory(err);
    begin_answer(answer);
    transfer->request = request;
    transfer->answer = answer;
    transfer->header_bytes = 0;
    transfer->accepted = false;
    transfer->why[0] = '\0';
    curl->easy_reset(easy);
    if (!add_headers(transfer, request) ||
        curl->easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) != CURLE_OK ||
        curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK) {
        transfer->request = NULL;
        return error_no_memory(err);
    }
    curl->easy_setopt(easy, CURLOPT_USERAGENT, "spectrum");
    curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl->easy_setopt(easy, CURLOPT_NOBODY, request->head ? 1L : 0L);
    curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->why);
    curl->easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's are not the hub's */
    curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)request->patience);
    curl->easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)request->patience);
    curl->easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl->easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl->easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl->easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    set_certificates(easy);
    if (request->ranged && request->open)
        snprintf(range, sizeof range, "%llu-", (unsigned long long)request->first);
    else
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)request->first,
                 (unsigned long long)(request->first + request->most - 1));
    if (request->ranged)
        curl->easy_setopt(easy, CURLOPT_RANGE, range);
    if (curl->multi_add_handle(session->multi, easy) == CURLM_OK)
        return 0;
    transfer->request = NULL;
    return error_no_memory(err);
}

/* What may be better a moment later. A name that is not known and a door that is shut are final
 * until somebody has answered. */
static bool is_transient(const struct http_session *session, CURLcode code)
{
    switch (code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return session->reached;
    default:
        return false;
    }
}

/* What became of a transfer. One that its own callback ended has its trouble already, unless it was
 * a refusal's page, which is an answer all the same. */
static void end(struct http_session *session, struct transfer *transfer, CURLcode code)
{
    struct http_answer *answer = transfer->answer;
    const struct http_request *request = transfer->request;
    long status = 0;
    curl->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    session->reached |= status > 0;
    bool refused = status > 0 && status != 200 && status != 206;
    if (answer->trouble.kind != ERROR_NONE || (code == CURLE_WRITE_ERROR && refused))
        return;
    if (code != CURLE_OK) {
        error_set(&answer->trouble, "%s",
                  transfer->why[0] ? transfer->why : curl->easy_strerror(code));
        answer->transient = is_transient(session, code);
    } else if (!refused && request->sink && !transfer->accepted && request->accept &&
               request->accept(request->context, answer, &answer->trouble) != 0) {
        return; /* of a body without a byte */
    }
}

/* Transfers that are over: their answers are filled in, and their places free. */
static void collect(struct http_session *session, size_t *running)
{
    CURLMsg *message;
    int left;
    while ((message = curl->multi_info_read(session->multi, &left))) {
        struct transfer *transfer = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        end(session, transfer, code);
        release(session, transfer);
        *running -= 1;
    }
}

static int check_stop(const struct http_session *session, struct error *err)
{
    if (!session->should_stop || !session->should_stop(session->context))
        return 0;
    return error_set_kind(err, ERROR_INTERRUPTED, "interrupted");
}

/* Several at once, in one thread. What is wrong with one is in its answer; -1 is a stop that was
 * asked for, or no memory, and then all of them are dropped. */
int http_run(struct http_session *session, const struct http_request *requests,
             struct http_answer *answers, size_t count, struct error *err)
{
    size_t begun = 0, running = 0;
    int status = 0, busy;
    while (status == 0 && (begun < count || running > 0)) {
        for (int i = 0; i < HTTP_AT_ONCE && begun < count && status == 0; i++) {
            if (session->transfers[i].request)
                continue;
            status = begin(session, &session->transfers[i], &requests[begun], &answers[begun], err);
            begun += status == 0;
            running += status == 0;
        }
        if (status == 0)
            status = check_stop(session, err);
        if (status == 0 && curl->multi_perform(session->multi, &busy) != CURLM_OK)
            status = error_no_memory(err);
        collect(session, &running);
        if (status == 0 && running > 0)
            curl->multi_poll(session->multi, NULL, 0, 100, NULL);
    }
    for (int i = 0; i < HTTP_AT_ONCE; i++)
        release(session, &session->transfers[i]);
    return status;
}

int http_wait(struct http_session *session, double seconds, struct error *err)
{
    double end = clock_seconds() + seconds, left;
    while ((left = end - clock_seconds()) > 0) {
        if (check_stop(session, err) != 0)
            return -1;
        curl->multi_poll(session->multi, NULL, 0, left < 0.1 ? (int)(1000 * left) + 1 : 100, NULL);
    }
    return 0;
}

/* --- sessions --- */

int http_start(struct error *err)
{
    const struct curl_library *loaded = curl_library(err);
    if (loaded)
        curl = loaded;
    return loaded ? 0 : -1;
}

/* The library is loaded here, at the first session. */
int http_open(struct http_session **out, bool (*should_stop)(void *context), void *context,
              struct error *err)
{
    *out = NULL;
    if (http_start(err) != 0)
        return -1;
    struct http_session *session = array_alloc(1, sizeof *session, err);
    *out = session;
    if (!session)
        return -1;
    session->should_stop = should_stop;
    session->context = context;
    session->multi = curl->multi_init();
    if (session->multi)
        return 0;
    http_close(session);
    *out = NULL;
    return error_no_memory(err);
}

/* Connections end with their handles. */
void http_close(struct http_session *session)
{
    if (!session)
        return;
    for (int i = 0; i < HTTP_AT_ONCE; i++) {
        release(session, &session->transfers[i]);
        curl->easy_cleanup(session->transfers[i].easy);
    }
    curl->multi_cleanup(session->multi);
    free(session);
}

/* --- URLs --- */

/* Percent-encoded but for what RFC 3986 calls unreserved; with `slashes` a path stays one. */
void url_put_part(struct buffer *out, const char *text, bool slashes)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        bool plain = (byte < 128 && isalnum(byte)) || strchr("-._~", byte);
        if (plain || (byte == '/' && slashes))
            buffer_byte(out, (char)byte);
        else
            buffer_format(out, "%%%02X", byte);
    }
}

/* A part of a URL, to be freed with curl->free(); NULL: it has none. */
static char *part_of(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    return curl->url_get(url, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) ==
                   CURLUE_OK
               ? text
               : NULL;
}

static CURLU *parsed(const char *text)
{
    CURLU *url = curl->url();
    if (url && curl->url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
        return url;
    curl->url_cleanup(url);
    return NULL;
}

/* Where a redirect leads is text from elsewhere: no other scheme, no step from https to http,
 * nobody's name and password in it. */
int url_resolve(char *out, const char *base, const char *location, struct error *err)
{
    CURLU *url = parsed(base);
    char *from = url ? part_of(url, CURLUPART_SCHEME) : NULL;
    bool valid = url && curl->url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK;
    char *scheme = valid ? part_of(url, CURLUPART_SCHEME) : NULL;
    char *user = valid ? part_of(url, CURLUPART_USER) : NULL;
    char *password = valid ? part_of(url, CURLUPART_PASSWORD) : NULL;
    char *whole = valid ? part_of(url, CURLUPART_URL) : NULL;
    int status = -1;
    if (!scheme || !whole || strlen(whole) >= HTTP_URL_MAX)
        error_set(err, "it redirects to what is no URL, or a very long one");
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        error_set(err, "it redirects to %.40s, which is neither http nor https", scheme);
    else if (from && strcmp(from, "https") == 0 && strcmp(scheme, "https") != 0)
        error_set(err, "it redirects from https to http, where anybody on the way can read along "
                       "and change what comes");
    else if (user || password)
        error_set(err, "it redirects to a URL with a user's name in it");
    else
        status = 0;
    if (status == 0)
        snprintf(out, HTTP_URL_MAX, "%s", whole);
    curl->free(from);
    curl->free(scheme);
    curl->free(user);
    curl->free(password);
    curl->free(whole);
    curl->url_cleanup(url);
    return status;
}

/* Scheme, host and port: who may see the token. */
bool url_same_host(const char *a, const char *b)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    CURLU *one = parsed(a), *other = parsed(b);
    bool same = one && other;
    for (size_t i = 0; same && i < sizeof parts / sizeof *parts; i++) {
        char *x = part_of(one, parts[i]), *y = part_of(other, parts[i]);
        same = x && y && strcasecmp(x, y) == 0;
        curl->free(x);
        curl->free(y);
    }
    curl->url_cleanup(one);
    curl->url_cleanup(other);
    return same;
}

/* Signed addresses have their key in the query: messages show none of it. */
char *url_shown(const char *text)
{
    static const CURLUPart secret[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                       CURLUPART_FRAGMENT};
    CURLU *url = parsed(text);
    for (size_t i = 0; url && i < sizeof secret / sizeof *secret; i++)
        curl->url_set(url, secret[i], NULL, 0);
    char *whole = url ? part_of(url, CURLUPART_URL) : NULL;
    char *shown = string_copy(whole ? whole : "a URL", NULL);
    curl->free(whole);
    curl->url_cleanup(url);
    return shown;
}
