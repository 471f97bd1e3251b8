#include "text/notes.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 32, NOTE_TEXT_MAX = 80 };

/* How much of the text is kept: no more than NOTE_TEXT_MAX bytes, in whole letters. */
static size_t kept(const char *text)
{
    size_t length = strlen(text);
    if (length <= NOTE_TEXT_MAX)
        return length;
    length = NOTE_TEXT_MAX;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return length;
}

/* Puts a new one at the end; NULL: no memory. */
static struct dataset_note *append(struct dataset_notes *notes, const char *text, size_t length,
                                   struct error *err)
{
    if (array_reserve((void **)&notes->items, &notes->capacity, notes->count + 1,
                      sizeof *notes->items, err) != 0)
        return NULL;
    struct dataset_note *note = &notes->items[notes->count];
    *note = (struct dataset_note){.text = array_alloc(length + 1, 1, err)};
    if (!note->text)
        return NULL;
    memcpy(note->text, text, length);
    notes->count++;
    return note;
}

int notes_add(struct dataset_notes *notes, const char *text, size_t file, size_t line,
              struct error *err)
{
    size_t length = kept(text);
    for (size_t i = 0; i < notes->count; i++)
        if (strncmp(notes->items[i].text, text, length) == 0 && !notes->items[i].text[length]) {
            notes->items[i].count++;
            return 0;
        }
    if (notes->count == NOTES_MAX)
        return 0;
    struct dataset_note *note = append(notes, text, length, err);
    if (!note)
        return -1;
    note->file = file;
    note->line = line;
    note->count = 1;
    return 0;
}

void notes_free(struct dataset_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        free(notes->items[i].text);
        free(notes->items[i].path);
    }
    free(notes->items);
    *notes = (struct dataset_notes){0};
}

int notes_name_files(struct dataset_notes *notes, const struct data_files *files, struct error *err)
{
    for (size_t i = 0; i < notes->count; i++) {
        struct dataset_note *note = &notes->items[i];
        if (note->file >= files->count)
            return error_set(err, "a note of a file that is not among the data");
        free(note->path);
        if (!(note->path = string_copy(files->items[note->file].path, err)))
            return -1;
    }
    return 0;
}

void notes_put(struct buffer *out, const struct dataset_notes *notes)
{
    buffer_byte(out, '[');
    for (size_t i = 0; i < notes->count; i++) {
        const struct dataset_note *note = &notes->items[i];
        buffer_text(out, i > 0 ? ",[" : "[");
        json_put_string(out, note->text);
        buffer_format(out, ",%zu,%zu,%zu]", note->file, note->line, note->count);
    }
    buffer_byte(out, ']');
}

/* A whole number from 0 on. */
static bool get_size(const cJSON *item, size_t *out)
{
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= 0 && value <= 9007199254740992.0))
        return false;
    *out = (size_t)value;
    return true;
}

int notes_get(struct dataset_notes *out, const cJSON *list, struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > NOTES_MAX)
        return error_set(err, "notes that are no list of at most %d", NOTES_MAX);
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *text = cJSON_IsArray(item) ? item->child : NULL;
        if (!cJSON_IsString(text) || strlen(text->valuestring) > NOTE_TEXT_MAX)
            return error_set(err, "a note without a text");
        struct dataset_note *note = append(out, text->valuestring, strlen(text->valuestring), err);
        if (!note)
            return -1;
        if (!get_size(cJSON_GetArrayItem(item, 1), &note->file) ||
            !get_size(cJSON_GetArrayItem(item, 2), &note->line) ||
            !get_size(cJSON_GetArrayItem(item, 3), &note->count))
            return error_set(err, "a note without its place");
    }
    return 0;
}
