#include "base/cache_note.h"

#include "base/file.h"
#include "base/json.h"
#include "base/sys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES = 8 }; /* of data; the others are counted */

static void put_path(struct buffer *out, const char *path)
{
    char *whole = realpath(path, NULL);
    json_put_string(out, whole ? whole : path);
    free(whole);
}

void cache_note_save(const char *file, const char *model, const char *const *data, size_t count)
{
    struct buffer path = BUFFER_INIT, text = BUFFER_INIT;
    buffer_format(&path, "%s" CACHE_NOTE_ENDING, file);
    bool wanted = buffer_check(&path, NULL) == 0 && sys.access(file, F_OK) == 0 &&
                  sys.access(path.data, F_OK) != 0;
    buffer_text(&text, "{\"format\": \"spectrum.cache-note\", \"version\": 1");
    if (model) {
        buffer_text(&text, ", \"model\": ");
        put_path(&text, model);
    }
    for (size_t i = 0; i < count && i < NAMES; i++) {
        buffer_text(&text, i == 0 ? ", \"data\": [" : ", ");
        put_path(&text, data[i]);
    }
    buffer_text(&text, count > 0 ? "]" : "");
    if (count > NAMES)
        buffer_format(&text, ", \"more\": %zu", count - NAMES);
    buffer_text(&text, "}\n");
    if (wanted && buffer_check(&text, NULL) == 0 && text.length <= CACHE_NOTE_MAX)
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
