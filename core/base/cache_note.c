#include "base/cache_note.h"

#include "base/file_writer.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/sys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A note is written once, when its file is new, and never read by what made the file: a wrong one
 * costs nothing but a wrong line in a list. */
enum { NAMES = 8 }; /* of data; the others are counted */

static void put_path(struct json_writer *json, const char *key, const char *path)
{
    char *whole = sys.realpath(path, NULL);
    json_text(json, key, whole ? whole : path);
    free(whole);
}

void cache_note_save(const char *file, const char *model, const char *const *data, size_t count)
{
    struct buffer path = BUFFER_INIT, text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    buffer_format(&path, "%s" CACHE_NOTE_ENDING, file);
    bool wanted = buffer_check(&path, NULL) == 0 && sys.access(file, F_OK) == 0 &&
                  sys.access(path.data, F_OK) != 0;
    json_begin(&json, "spectrum.cache-note");
    if (model)
        put_path(&json, "model", model);
    if (count > 0) {
        json_list(&json, "data");
        for (size_t i = 0; i < count && i < NAMES; i++)
            put_path(&json, NULL, data[i]);
        json_end(&json);
    }
    if (count > NAMES)
        json_count(&json, "more", count - NAMES);
    json_end(&json);
    if (json_finish(&json, NULL) == 0 && wanted && text.length <= CACHE_NOTE_MAX)
        file_save_private(path.data, text.data, text.length, NULL);
    buffer_free(&path);
    buffer_free(&text);
}

cJSON *cache_note_parse(const struct buffer *text)
{
    const char *format = "";
    int64_t version = 0;
    cJSON *note =
        text->length > 0 ? json_parse(text->data, text->length, JSON_STRICT, "note", NULL) : NULL;
    if (note && json_get_string(note, "format", &format) &&
        strcmp(format, "spectrum.cache-note") == 0 && json_get_int64(note, "version", &version) &&
        version == 1)
        return note;
    cJSON_Delete(note);
    return NULL;
}
