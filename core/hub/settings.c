#include "hub/settings.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/hub.h"
#include "hub/http.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_FILE_MAX = 1 << 16, PATIENCE = 10, PATIENCE_MAX = 86400 };

/* A variable that is set to something; NULL otherwise. */
static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static bool is_true(const char *value)
{
    static const char *const words[] = {"1", "ON", "YES", "TRUE"};
    for (size_t i = 0; value && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

static int read_seconds(int *out, const char *name, struct error *err)
{
    const char *value = setting(name);
    char *end = NULL;
    long seconds = value ? strtol(value, &end, 10) : PATIENCE;
    if (value && (end == value || *end || seconds < 0 || seconds > PATIENCE_MAX))
        return error_set(err, "%s is \"%.40s\"; it takes seconds, a whole number from 0 to %d",
                         name, value, PATIENCE_MAX);
    *out = seconds > 0 ? (int)seconds : PATIENCE; /* 0 is the default there, too */
    return 0;
}

static int read_endpoint(struct hub_settings *settings, struct error *err)
{
    const char *value = getenv("HF_ENDPOINT");
    char whole[HTTP_URL_MAX];
    struct error why = ERROR_INIT;
    settings->endpoint = string_copy(value ? value : "https://huggingface.co", err);
    if (!settings->endpoint)
        return -1;
    for (size_t n = strlen(settings->endpoint); n > 0 && settings->endpoint[n - 1] == '/';)
        settings->endpoint[--n] = '\0';
    bool http = strncasecmp(settings->endpoint, "http://", 7) == 0;
    bool known = http || strncasecmp(settings->endpoint, "https://", 8) == 0;
    if (known && !strpbrk(settings->endpoint, "?#@") && utf8_printable(settings->endpoint) &&
        url_resolve(whole, settings->endpoint, settings->endpoint, &why) == 0)
        return 0;
    /* Not shown: whoever puts a password there would find it in a log. */
    return error_set(err,
                     "HF_ENDPOINT is not the address of a hub: it takes http:// or https://, a "
                     "host, and no user's name or query; unset, it is https://huggingface.co");
}

/* Line ends taken out, and blanks around it, as there; an empty one is none. */
static int clean_token(struct hub_settings *settings, const char *text, const char *from,
                       struct error *err)
{
    size_t length = 0;
    while (isspace((unsigned char)*text))
        text++;
    char *token = string_copy(text, err);
    if (!token)
        return -1;
    for (const char *at = text; *at; at++)
        if (*at != '\r' && *at != '\n')
            token[length++] = *at;
    while (length > 0 && isspace((unsigned char)token[length - 1]))
        length--;
    token[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if (token[i] <= ' ' || token[i] > '~') {
            explicit_bzero(token, length);
            free(token);
            return error_set(err,
                             "the token of %s has characters that no token has; it is one "
                             "word, as https://huggingface.co/settings/tokens shows it",
                             from);
        }
    if (length == 0) {
        free(token);
        return 0;
    }
    settings->token = token;
    settings->token_from = string_copy(from, err);
    return settings->token_from ? 0 : -1;
}

/* The environment before the file. What was read is wiped from memory; the token itself is, when
 * the settings are freed. */
static int read_token(struct hub_settings *settings, struct error *err)
{
    const char *name = setting("HF_TOKEN") ? "HF_TOKEN" : "HUGGING_FACE_HUB_TOKEN";
    struct buffer text = BUFFER_INIT;
    int status = 0;
    if (setting("HF_OIDC_RESOURCE"))
        return error_set(err, "HF_OIDC_RESOURCE is set: tokens are not exchanged here; exchange it "
                              "before, give the result by HF_TOKEN, and unset it");
    if (setting(name))
        status = clean_token(settings, setting(name), name, err);
    if (status != 0 || settings->token)
        return status;
    char *path = checkpoint_hub_token_file();
    int there = path ? file_find(path, err) : error_no_memory(err);
    if (there > 0)
        there = file_read_all(&text, path, TOKEN_FILE_MAX, err) == 0 ? 1 : -1;
    if (there > 0 && strlen(buffer_string(&text)) != text.length)
        there = error_set(err, "%s has a NUL byte in it; it holds one token", path);
    if (there > 0)
        status = clean_token(settings, buffer_string(&text), path, err);
    if (text.data)
        explicit_bzero(text.data, text.length);
    buffer_free(&text);
    free(path);
    return there < 0 ? -1 : status;
}

/* All that decides on requests is read once, so that a message can say where a value came from. */
int hub_settings_read(struct hub_settings *out, struct error *err)
{
    const char *offline = setting("HF_HUB_OFFLINE");
    *out = (struct hub_settings){
        .offline = is_true(offline ? offline : getenv("TRANSFORMERS_OFFLINE")),
        .disable_token = is_true(getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")),
        .disable_symlinks = is_true(getenv("HF_HUB_DISABLE_SYMLINKS")),
    };
    int status = read_endpoint(out, err);
    if (status == 0)
        status = read_seconds(&out->etag_patience, "HF_HUB_ETAG_TIMEOUT", err);
    if (status == 0)
        status = read_seconds(&out->download_patience, "HF_HUB_DOWNLOAD_TIMEOUT", err);
    if (status == 0 && !out->disable_token)
        status = read_token(out, err);
    if (status == 0 && !(out->folder = checkpoint_hub_folder()))
        status = error_no_memory(err);
    if (status != 0)
        hub_settings_free(out);
    return status;
}

void hub_settings_free(struct hub_settings *settings)
{
    if (settings->token)
        explicit_bzero(settings->token, strlen(settings->token));
    free(settings->token);
    free(settings->token_from);
    free(settings->endpoint);
    free(settings->folder);
    *settings = (struct hub_settings){0};
}
