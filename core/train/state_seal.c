#include "train/state_seal.h"

#include "base/file.h"
#include "base/hash.h"

#include <string.h>

/* `, "sha256": "` 64 digits `"}` newline. */
static const char begins[] = ", \"sha256\": \"", ends[] = "\"}\n";
enum { SEAL = sizeof begins - 1 + DIGEST_TEXT_SIZE - 1 + sizeof ends - 1 };

int state_seal_put(struct json_writer *json, struct error *err)
{
    char text[DIGEST_TEXT_SIZE];
    if (digest_of(buffer_string(json->out), json->out->length, text, err) != 0)
        return -1;
    json_text(json, "sha256", text);
    json_end(json);
    return json_finish(json, err);
}

/* 1: the text is as it was sealed; 0: it has no seal; -1: it is another text. */
static int seal_holds(const struct buffer *text)
{
    char digest[DIGEST_TEXT_SIZE];
    if (text->length < SEAL)
        return 0;
    const char *seal = text->data + text->length - SEAL;
    const char *end = text->data + text->length - (sizeof ends - 1);
    if (memcmp(seal, begins, sizeof begins - 1) != 0 || memcmp(end, ends, sizeof ends - 1) != 0)
        return 0;
    return digest_of(text->data, text->length - SEAL, digest, NULL) == 0 &&
                   memcmp(seal + sizeof begins - 1, digest, sizeof digest - 1) == 0
               ? 1
               : -1;
}

cJSON *state_seal_read(const char *path, bool *sealed, struct error *why)
{
    struct buffer text = BUFFER_INIT;
    cJSON *json = NULL;
    if (file_read_all(&text, path, STATE_JSON_MAX, why) == 0) {
        int holds = seal_holds(&text);
        if (holds < 0 || (holds == 0 && !sealed))
            error_set(why, "its bytes are not those that were written");
        else
            json = json_parse(buffer_string(&text), text.length, JSON_STRICT, path, why);
        if (sealed)
            *sealed = holds > 0;
    }
    buffer_free(&text);
    return json;
}
