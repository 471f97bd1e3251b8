#include "train/state_check.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/sys.h"
#include "train/state.h"
#include "train/state_tensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `, "sha256": "` 64 digits `"}` newline: the end of state.json and of left.json, which covers all
 * before it. */
static const char seal_begins[] = ", \"sha256\": \"", seal_ends[] = "\"}\n";
enum { SEAL = sizeof seal_begins - 1 + DIGEST_TEXT_SIZE - 1 + sizeof seal_ends - 1 };

void state_put_file(struct json_writer *json, const char *name, struct digest *digest)
{
    char text[DIGEST_TEXT_SIZE];
    uint64_t bytes = digest_bytes(digest);
    digest_text(digest, text);
    json_object(json, name);
    json_text(json, "sha256", text);
    json_count(json, "bytes", bytes);
    json_end(json);
}

int state_put_seal(struct json_writer *json, struct error *err)
{
    char text[DIGEST_TEXT_SIZE];
    if (digest_of(buffer_string(json->out), json->out->length, text, err) != 0)
        return -1;
    json_text(json, "sha256", text);
    json_end(json);
    return json_finish(json, err);
}

int state_seal_holds(const struct buffer *text)
{
    char digest[DIGEST_TEXT_SIZE];
    if (text->length < SEAL)
        return 0;
    const char *seal = text->data + text->length - SEAL;
    if (memcmp(seal, seal_begins, sizeof seal_begins - 1) != 0 ||
        memcmp(text->data + text->length - (sizeof seal_ends - 1), seal_ends,
               sizeof seal_ends - 1) != 0)
        return 0;
    return digest_of(text->data, text->length - SEAL, digest, NULL) == 0 &&
                   memcmp(seal + sizeof seal_begins - 1, digest, sizeof digest - 1) == 0
               ? 1
               : -1;
}

/* "PATH is damaged: WHAT", and what to go on from. */
static int set_damaged(const char *folder, const char *path, const char *what, struct error *err)
{
    int64_t before = state_step_before(folder);
    if (before < 0)
        return error_set(err, "%s is damaged: %s; there is no checkpoint before it", path, what);
    return error_set(err,
                     "%s is damaged: %s; with --step %" PRId64 " resume, eval, generate and export "
                     "take the checkpoint before it",
                     path, what, before);
}

cJSON *state_read_json(const char *folder, char **path, struct error *err)
{
    struct error why = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    cJSON *json = NULL;
    int seal = -1;
    if (!(*path = path_join(folder, "state.json", err)))
        return NULL;
    if (file_read_all(&text, *path, STATE_JSON_MAX, &why) != 0)
        set_damaged(folder, *path, why.text, err);
    else if ((seal = state_seal_holds(&text)) < 0)
        set_damaged(folder, *path, "its bytes are not those that were written", err);
    else if (!(json = json_parse(buffer_string(&text), text.length, JSON_STRICT, *path, &why)))
        set_damaged(folder, *path, why.text, err);
    else if (seal == 0 && json_get(json, "files")) { /* who writes one writes the other */
        set_damaged(folder, *path, "it does not end as it was written", err);
        cJSON_Delete(json);
        json = NULL;
    }
    buffer_free(&text);
    return json;
}

static int check_file(const char *folder, const char *name, const cJSON *said, struct error *err)
{
    const char *digest = "";
    char found[DIGEST_TEXT_SIZE], what[160];
    struct error why = ERROR_INIT;
    int64_t bytes = 0;
    uint64_t size = 0;
    char *path = path_join(folder, name, err);
    if (!path)
        return -1;
    json_get_string(said, "sha256", &digest);
    json_get_int64(said, "bytes", &bytes);
    int status = -1, fd = file_open_read(path, &size, &why);
    if (fd >= 0)
        sys.close(fd);
    if (fd < 0)
        set_damaged(folder, path, why.text, err);
    else if (size != (uint64_t)bytes) {
        snprintf(what, sizeof what, "it has %" PRIu64 " bytes, not %" PRId64, size, bytes);
        set_damaged(folder, path, what, err);
    } else if (digest_of_file(path, found, &why) != 0)
        set_damaged(folder, path, why.text, err);
    else if (strcmp(found, digest) != 0)
        set_damaged(folder, path, "its bytes are not those that were written", err);
    else
        status = 0;
    free(path);
    return status;
}

int state_check(const char *folder, enum state_part part, bool *digested, struct error *err)
{
    char *path;
    cJSON *json = state_read_json(folder, &path, err);
    const cJSON *files = json_get(json, "files"), *said;
    int status = json ? 0 : -1;
    *digested = files != NULL;
    for (size_t i = 0; files && status == 0 && i < STATE_FILES; i++) {
        const char *name = state_file_name(i);
        if (i > 0 && part == STATE_WEIGHTS)
            break;
        if ((said = json_get(files, name)))
            status = check_file(folder, name, said, err);
        else if (i == 0)
            status = error_set(err, "%s: \"files\" has no %s", path, name);
    }
    cJSON_Delete(json);
    free(path);
    return status;
}
