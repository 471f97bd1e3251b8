/* A hub for the tests: serves a folder as the Hugging Face hub would, at two ports of this machine, the
 * hub's and that of the servers which hold large files, and breaks its answers on request.
 *
 *     hub_server FOLDER [tls]
 *         FOLDER/repo/org/name/...   the files of org/name
 *         FOLDER/commit              40 digits; every revision but "none" is that commit
 *         FOLDER/faults              a line each, read anew for every request:
 *
 *             cut BYTES TIMES        so many bodies of large files end after so many bytes
 *             status CODE TIMES      so many answers are that instead; a Retry-After of 0 goes along
 *             token TEXT             org/name is gated: only who brings this one sees its files
 *             private                as if there were no such repository
 *             ignore-range           all bytes, status 200, whatever was asked for
 *             wrong-range            other bytes than were asked for
 *             loop, file-url, plain  where a large file redirects to; plain: by http, never by https
 *             endless, headers       a body without end, headers without end
 *             corrupt TIMES          so many bodies of large files have one wrong byte
 *             etags COUNT            large files get another ETag after so many answers
 *             etag TEXT              what the hub says that the ETag of a large file is
 *             expire COUNT           an address of a large file holds for so many requests
 *             slow MILLISECONDS      before each 64 KiB
 *             info FILE              FOLDER/FILE is the list of files
 *             nocommit               answers without X-Repo-Commit
 *
 *         FOLDER/port                is written when it listens
 *         FOLDER/log                 a line a request: "hub|cdn METHOD PATH range=... token=..."
 *
 * With "tls" both ports take https alone (hub_tls.h), and status 77 says that there is none. It ends
 * when its standard input does, so that nothing is left of a test that was killed. */
#include "hub_tls.h"

#include "base/buffer.h"
#include "base/hash.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MAX = 32 << 10, PIECE = 64 << 10 };

static const char *root;
static bool by_tls;
static int ports[2]; /* hub, cdn */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- faults --- */

/* The rest of the fault's line; NULL: it is not asked for. */
static const char *fault(const char *faults, const char *name, char *out, size_t size)
{
    size_t length = strlen(name);
    for (const char *at = faults; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        if (strncmp(at, name, length) != 0 || !strchr(" \n", at[length]))
            continue;
        at += length + (at[length] == ' ');
        snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
        return out;
    }
    return NULL;
}

/* A fault that happens so many times, counted from when FOLDER/faults was changed. */
static bool happens(const char *name, long times, const char *faults)
{
    static struct {
        char name[32], faults[512];
        long count;
    } counters[16];
    bool yes = false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < 16; i++) {
        if (counters[i].name[0] && strcmp(counters[i].name, name) != 0)
            continue;
        if (strcmp(counters[i].faults, faults) != 0)
            counters[i].count = 0;
        snprintf(counters[i].name, sizeof counters[i].name, "%s", name);
        snprintf(counters[i].faults, sizeof counters[i].faults, "%s", faults);
        yes = counters[i].count++ < times;
        break;
    }
    pthread_mutex_unlock(&lock);
    return yes;
}

/* --- a request --- */

struct request {
    int fd, side;    /* side: of ports[] */
    struct tls *tls; /* NULL: http */
    char method[8], path[2048], query[256], range[64], token[256], faults[512];
    bool leaves; /* the connection ends after this one */
};

static void read_text(char *out, size_t size, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(out, 1, size - 1, file) : 0;
    out[got] = '\0';
    if (file)
        fclose(file);
}

static void decode(char *text)
{
    char *to = text;
    for (; *text; text++) {
        unsigned value;
        if (*text == '%' && sscanf(text + 1, "%2x", &value) == 1) {
            *to++ = (char)value;
            text += 2;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

static void take_header(struct request *request, const char *line)
{
    if (strncasecmp(line, "range:", 6) == 0)
        sscanf(line + 6, " %63[^\r\n]", request->range);
    if (strncasecmp(line, "authorization: bearer", 21) == 0)
        sscanf(line + 21, " %255[^\r\n]", request->token);
}

#ifndef HUB_TLS
#define tls_start(folder) false
#define tls_accept(fd) NULL
#define tls_read(tls, out, count) -1
#define tls_write(tls, bytes, count) -1
#define tls_end(tls) ((void)(tls))
#endif

static ssize_t receive(const struct request *request, void *out, size_t count)
{
    return request->tls ? tls_read(request->tls, out, count) : read(request->fd, out, count);
}

static bool read_request(struct request *request)
{
    char text[REQUEST_MAX];
    size_t length = 0;
    *request = (struct request){.fd = request->fd, .side = request->side, .tls = request->tls};
    while (length + 1 < sizeof text) {
        ssize_t got = receive(request, text + length, 1); /* no byte of the next one */
        if (got <= 0)
            return false;
        text[length += 1] = '\0';
        if (length >= 4 && strcmp(text + length - 4, "\r\n\r\n") == 0)
            break;
    }
    if (sscanf(text, "%7s %2047s", request->method, request->path) != 2)
        return false;
    for (const char *line = strstr(text, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        take_header(request, line + 2);
    char *query = strchr(request->path, '?');
    if (query) {
        snprintf(request->query, sizeof request->query, "%.255s", query + 1);
        *query = '\0';
    }
    read_text(request->faults, sizeof request->faults, "faults");
    return true;
}

static void note(const struct request *request)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/log", root);
    pthread_mutex_lock(&lock);
    FILE *log = fopen(path, "a");
    if (log) {
        fprintf(log, "%s %s %s range=%s token=%s\n", request->side ? "cdn" : "hub", request->method,
                request->path, request->range[0] ? request->range : "-",
                request->token[0] ? request->token : "-");
        fclose(log);
    }
    pthread_mutex_unlock(&lock);
}

/* --- answers --- */

static bool put(const struct request *request, const void *bytes, size_t count)
{
    const char *from = bytes;
    while (count > 0) {
        ssize_t sent = request->tls ? tls_write(request->tls, from, count)
                                    : send(request->fd, from, count, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        from += sent;
        count -= (size_t)sent;
    }
    return true;
}

/* The head, and the body unless only the head was asked for. */
static bool answer(const struct request *request, int status, const char *headers, const char *body)
{
    struct buffer text = BUFFER_INIT;
    buffer_format(&text, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n%s\r\n", status,
                  strlen(body), headers);
    if (strcmp(request->method, "HEAD") != 0)
        buffer_text(&text, body);
    bool sent = put(request, buffer_string(&text), text.length);
    buffer_free(&text);
    return sent;
}

static void sleep_for(long milliseconds)
{
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* A file's bytes with all that may be wrong with them. `large`: from the servers that hold them. */
static bool send_file(struct request *request, const char *path, const char *headers, bool large)
{
    char text[256];
    struct buffer head = BUFFER_INIT;
    struct stat info;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info) != 0)
        return answer(request, 404, "X-Error-Code: EntryNotFound\r\n", "no such file");
    unsigned long long size = (unsigned long long)info.st_size, first = 0,
                       last = size ? size - 1 : 0;
    long slow = 0, cut_at = 0, times = 0;
    bool partial = sscanf(request->range, "bytes=%llu-%llu", &first, &last) >= 1 &&
                   !fault(request->faults, "ignore-range", text, sizeof text);
    if (!partial)
        first = 0, last = size ? size - 1 : 0;
    if (last >= size && size)
        last = size - 1;
    if (partial && (first >= size || first > last)) {
        close(fd);
        return answer(request, 416, "", "");
    }
    unsigned long long count = size ? last - first + 1 : 0;
    buffer_format(&head, "HTTP/1.1 %d Status\r\nContent-Length: %llu\r\n%s", partial ? 206 : 200,
                  count, headers);
    bool endless = fault(request->faults, "endless", text, sizeof text) && large;
    if (endless) {
        buffer_clear(&head);
        buffer_format(&head, "HTTP/1.1 %d Status\r\nTransfer-Encoding: chunked\r\n%s",
                      partial ? 206 : 200, headers);
    }
    if (partial)
        buffer_format(&head, "Content-Range: bytes %llu-%llu/%llu\r\n",
                      first + !!fault(request->faults, "wrong-range", text, sizeof text), last,
                      size);
    buffer_text(&head, "\r\n");
    bool sent = put(request, head.data, head.length);
    buffer_free(&head);
    unsigned char *bytes = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    close(fd);
    if (fault(request->faults, "slow", text, sizeof text))
        slow = atol(text);
    bool cut = large && fault(request->faults, "cut", text, sizeof text) &&
               sscanf(text, "%ld %ld", &cut_at, &times) == 2 &&
               happens("cut", times, request->faults);
    bool corrupt = large && fault(request->faults, "corrupt", text, sizeof text) &&
                   happens("corrupt", atol(text), request->faults);
    if (cut && (unsigned long long)cut_at < count)
        count = (unsigned long long)cut_at;
    else
        cut = false;
    for (unsigned long long at = 0;
         sent && strcmp(request->method, "HEAD") != 0 && (at < count || (endless && count));) {
        unsigned char piece[PIECE];
        size_t take = count - at % count < PIECE ? (size_t)(count - at % count) : PIECE;
        memcpy(piece, bytes + first + at % count, take);
        if (corrupt && at == 0)
            piece[take / 2] ^= 1;
        if (slow)
            sleep_for(slow);
        if (endless) {
            snprintf(text, sizeof text, "%zx\r\n", take);
            sent = put(request, text, strlen(text)) && put(request, piece, take) &&
                   put(request, "\r\n", 2);
        } else {
            sent = put(request, piece, take);
        }
        at += take;
    }
    if (bytes)
        munmap(bytes, size);
    return sent && !cut;
}

/* --- the servers that hold large files --- */

static bool answer_cdn(struct request *request)
{
    static long used, last_signature;
    char path[4096], headers[256], text[256];
    long signature = 0;
    sscanf(request->query, "X-Signature=%ld", &signature);
    pthread_mutex_lock(&lock);
    if (signature != last_signature)
        used = 0;
    last_signature = signature;
    long uses = ++used;
    pthread_mutex_unlock(&lock);
    if (fault(request->faults, "expire", text, sizeof text) && uses > atol(text))
        return answer(request, 403, "", "expired");
    bool changed = fault(request->faults, "etags", text, sizeof text) &&
                   !happens("etags", atol(text), request->faults);
    snprintf(headers, sizeof headers, "ETag: \"cdn-%d\"\r\n", changed);
    decode(request->path);
    snprintf(path, sizeof path, "%s/repo%s", root, request->path);
    return send_file(request, path, headers, true);
}

/* --- the hub --- */

static void put_files(struct buffer *out, const char *folder, const char *below)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096], name[2048];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        snprintf(name, sizeof name, "%s%s", below, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
            strncat(name, "/", sizeof name - strlen(name) - 1);
            put_files(out, path, name);
        } else if (entries[i]->d_name[0] != '.') {
            buffer_format(out, "%s{\"rfilename\":\"%s\"}",
                          out->data[out->length - 1] == '[' ? "" : ",", name);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static bool answer_list(struct request *request, const char *name, const char *commit, bool gated)
{
    char folder[4096], text[256], file[300];
    struct buffer body = BUFFER_INIT;
    snprintf(folder, sizeof folder, "%s/repo/%s", root, name);
    if (fault(request->faults, "info", text, sizeof text)) {
        snprintf(file, sizeof file, "%s", text);
        snprintf(folder, sizeof folder, "%s/%s", root, file);
        return send_file(request, folder, "", false);
    }
    buffer_format(&body, "{\"id\":\"%s\",\"sha\":\"%s\",\"gated\":%s,\"siblings\":[", name, commit,
                  gated ? "\"auto\"" : "false");
    put_files(&body, folder, "");
    buffer_text(&body, "]}");
    bool sent = answer(request, 200, "Content-Type: application/json\r\n", buffer_string(&body));
    buffer_free(&body);
    return sent;
}

/* Of a small file: the SHA-1 of "blob <size>\0" and its bytes. */
static void git_etag(const char *path, char out[DIGEST_TEXT_SIZE])
{
    struct digest *digest = digest_new_sha1(NULL);
    char head[64], piece[4096];
    struct stat info;
    size_t got;
    FILE *file = fopen(path, "r");
    out[0] = '\0';
    if (file && stat(path, &info) == 0) {
        int length = snprintf(head, sizeof head, "blob %lld", (long long)info.st_size);
        digest_update(digest, head, (size_t)length + 1);
        while ((got = fread(piece, 1, sizeof piece, file)) > 0)
            digest_update(digest, piece, got);
        digest_text(digest, out);
    }
    if (file)
        fclose(file);
    digest_free(digest);
}

static bool is_large(const char *file)
{
    static const char *const endings[] = {".safetensors", ".gguf", ".bin"};
    for (size_t i = 0; i < 3; i++)
        if (strlen(file) > strlen(endings[i]) &&
            strcmp(file + strlen(file) - strlen(endings[i]), endings[i]) == 0)
            return true;
    return false;
}

static bool answer_file(struct request *request, const char *name, const char *file,
                        const char *commit)
{
    static long signatures;
    char path[4096], etag[DIGEST_TEXT_SIZE], text[256], said[256], place[5000];
    struct buffer headers = BUFFER_INIT;
    struct stat info;
    snprintf(path, sizeof path, "%s/repo/%s/%s", root, name, file);
    if (!fault(request->faults, "nocommit", text, sizeof text))
        buffer_format(&headers, "X-Repo-Commit: %s\r\n", commit);
    bool sent = false;
    if (stat(path, &info) != 0) {
        buffer_text(&headers, "X-Error-Code: EntryNotFound\r\n");
        sent = answer(request, 404, headers.data, "no such file");
    } else if (!is_large(file)) {
        git_etag(path, etag);
        buffer_format(&headers, "ETag: W/\"%s\"\r\n", etag);
        sent = send_file(request, path, headers.data, false);
    } else {
        pthread_mutex_lock(&lock);
        long signature = ++signatures;
        pthread_mutex_unlock(&lock);
        bool plain = !by_tls || fault(request->faults, "plain", text, sizeof text);
        snprintf(place, sizeof place, "http%s://127.0.0.1:%d/%s/%s?X-Signature=%ld",
                 plain ? "" : "s", ports[1], name, file, signature);
        if (fault(request->faults, "loop", text, sizeof text))
            snprintf(place, sizeof place, "%s", request->path);
        if (fault(request->faults, "file-url", text, sizeof text))
            snprintf(place, sizeof place, "file://%s", path);
        digest_of_file(path, etag, NULL);
        buffer_format(&headers, "Location: %s\r\nX-Linked-Size: %lld\r\n", place,
                      (long long)info.st_size);
        if (!fault(request->faults, "loop", text, sizeof text))
            buffer_format(&headers, "X-Linked-Etag: \"%s\"\r\n",
                          fault(request->faults, "etag", said, sizeof said) ? said : etag);
        sent = answer(request, 302, headers.data, "elsewhere");
    }
    buffer_free(&headers);
    return sent;
}

static bool answer_hub(struct request *request)
{
    char commit[64], name[256], rest[1600], right[256], text[256], folder[4096], code[64];
    struct stat info;
    int status = 0;
    long times = 0;
    read_text(commit, sizeof commit, "commit");
    commit[strcspn(commit, "\n")] = '\0';
    if (fault(request->faults, "status", text, sizeof text) &&
        sscanf(text, "%d %ld", &status, &times) == 2 && happens("status", times, request->faults))
        return answer(request, status, "Retry-After: 0\r\n", "trouble");
    if (fault(request->faults, "headers", text, sizeof text)) {
        bool sent = put(request, "HTTP/1.1 200 OK\r\n", 17);
        while (sent)
            sent = put(request, "X-More: 0123456789012345678901234567890123456789\r\n", 50);
        return false;
    }
    bool list = sscanf(request->path, "/api/models/%255[^/]/%1599s", name, rest) == 2;
    if (!list && sscanf(request->path, "/%255[^/]/%1599[^\n]", name, rest) != 2)
        return answer(request, 404, "", "no such page");
    char *owner = strchr(rest, '/'); /* rest: "name/revision/..." or "name/resolve/..." */
    char *revision = owner ? strchr(owner + 1, '/') : NULL;
    if (!revision)
        return answer(request, 404, "", "no such page");
    *owner = '\0';
    strncat(name, "/", sizeof name - strlen(name) - 1);
    strncat(name, rest, sizeof name - strlen(name) - 1);
    revision++;
    snprintf(folder, sizeof folder, "%s/repo/%s", root, name);
    if (stat(folder, &info) != 0 || fault(request->faults, "private", text, sizeof text))
        return answer(request, 401, "X-Error-Code: RepoNotFound\r\n", "no such repository");
    bool gated = fault(request->faults, "token", right, sizeof right);
    if (list && strcmp(revision, "none") == 0)
        return answer(request, 404, "X-Error-Code: RevisionNotFound\r\n", "no such revision");
    if (list)
        return answer_list(request, name, commit, gated);
    if (gated && strcmp(request->token, right) != 0) {
        snprintf(code, sizeof code, "X-Error-Code: GatedRepo\r\n");
        return answer(request, request->token[0] ? 403 : 401, code, "gated");
    }
    char *file = strchr(revision, '/'); /* one in the revision is escaped */
    if (file)
        decode(file);
    return file ? answer_file(request, name, file + 1, commit)
                : answer(request, 404, "", "no such page");
}

/* --- connections --- */

static void *serve(void *context)
{
    struct request *request = context;
    bool goes_on = !by_tls || (request->tls = tls_accept(request->fd));
    while (goes_on && read_request(request)) {
        note(request);
        goes_on = request->side ? answer_cdn(request) : answer_hub(request);
    }
    if (request->tls)
        tls_end(request->tls);
    close(request->fd);
    free(request);
    return NULL;
}

static int listen_at(int side)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 64) != 0 || getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    ports[side] = ntohs(address.sin_port);
    return fd;
}

static void *accept_all(void *context)
{
    const int *place = context; /* side, descriptor */
    for (;;) {
        pthread_t thread;
        struct request *request = calloc(1, sizeof *request);
        if (!request)
            return NULL;
        request->side = place[0];
        request->fd = accept(place[1], NULL, NULL);
        if (request->fd < 0 || pthread_create(&thread, NULL, serve, request) != 0)
            free(request);
        else
            pthread_detach(thread);
    }
}

int main(int argc, char **argv)
{
    static int places[2][2];
    char path[4096], byte;
    if (argc != 2 && (argc != 3 || strcmp(argv[2], "tls") != 0))
        return 2;
    root = argv[1];
    by_tls = argc == 3;
    signal(SIGPIPE, SIG_IGN); /* TLS writes to a connection that the other side has ended */
    if (by_tls && !tls_start(root))
        return 77;
    for (int side = 0; side < 2; side++) {
        pthread_t thread;
        places[side][0] = side;
        places[side][1] = listen_at(side);
        if (places[side][1] < 0 || pthread_create(&thread, NULL, accept_all, places[side]) != 0)
            return 1;
    }
    snprintf(path, sizeof path, "%s/port", root);
    FILE *port = fopen(path, "w");
    if (!port)
        return 1;
    fprintf(port, "%d\n", ports[0]);
    fclose(port);
    while (read(0, &byte, 1) > 0)
        continue;
    return 0;
}
