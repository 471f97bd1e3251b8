/* What was seen in the records of a data set: names with a count and a first place. Kept with the
 * tokens, where files are known by their number; and said to whoever watches. */
#include "text/dataset/loader.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 256, NOTE_TEXT_MAX = 80 };

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
    size_t length = strlen(text);
    if (length > NOTE_TEXT_MAX) { /* in whole letters */
        length = NOTE_TEXT_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
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

/* Columns, and members of turns, that no form reads: said once each, with their first place. */
int notes_add_unread(struct dataset_notes *notes, const struct form *form, const cJSON *record,
                     size_t file, size_t line, struct error *err)
{
    const cJSON *item = cJSON_IsObject(record) ? record->child : NULL;
    for (; item; item = item->next)
        if (form_unread(form, item) && notes_add(notes, item->string, file, line, err) != 0)
            return -1;
    for (size_t i = 0; i < form->member_count; i++)
        if (notes_add(notes, form->members[i], file, line, err) != 0)
            return -1;
    return 0;
}

/* From numbers in the cache to paths of this command. */
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

/* As lists and not objects: thousands of notes are kept with the tokens. */
void notes_put(struct json_writer *json, const struct dataset_notes *notes)
{
    json_list(json, NULL);
    for (size_t i = 0; i < notes->count; i++) {
        const struct dataset_note *note = &notes->items[i];
        json_list(json, NULL);
        json_text(json, NULL, note->text);
        json_count(json, NULL, note->file);
        json_count(json, NULL, note->line);
        json_count(json, NULL, note->count);
        json_end(json);
    }
    json_end(json);
}

int notes_get(struct dataset_notes *out, const cJSON *list, struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > NOTES_MAX)
        return error_set(err, "notes that are not a list of at most %d", NOTES_MAX);
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *text = cJSON_IsArray(item) ? item->child : NULL;
        if (!cJSON_IsString(text) || strlen(text->valuestring) > NOTE_TEXT_MAX)
            return error_set(err, "a note without a text");
        struct dataset_note *note = append(out, text->valuestring, strlen(text->valuestring), err);
        if (!note)
            return -1;
        size_t *numbers[] = {&note->file, &note->line, &note->count};
        for (int i = 0; i < 3; i++) {
            const cJSON *number = cJSON_GetArrayItem(item, i + 1);
            double value = cJSON_IsNumber(number) ? number->valuedouble : -1;
            if (!(value >= 0 && value <= 9007199254740992.0)) /* 2^53 */
                return error_set(err, "a note without its place");
            *numbers[i] = (size_t)value;
        }
    }
    return 0;
}

/* --- for whoever is told --- */

size_t dataset_plain_texts(const struct dataset *data)
{
    size_t others = data->documents + data->left_out;
    for (size_t i = 0; i < data->recognised.count; i++)
        others -= data->recognised.items[i].count;
    return others;
}

static void put_counts(struct json_writer *json, const struct dataset_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        json_count(json, notes->items[i].text, notes->items[i].count);
}

void dataset_put_counts(struct json_writer *json, const char *key,
                        const struct dataset_notes *notes)
{
    json_object(json, key);
    put_counts(json, notes);
    json_end(json);
}

void dataset_put_forms(struct json_writer *json, const char *key, const struct dataset *data)
{
    size_t texts = dataset_plain_texts(data);
    json_object(json, key);
    put_counts(json, &data->recognised);
    if (texts > 0)
        json_count(json, "plain text", texts);
    json_end(json);
}

/* "data: columns that are not read: id (data.jsonl:1), ... and 3 more". */
static void tell(const struct dataset_notes *notes, const char *what, const char *are, bool places,
                 void (*say)(void *context, const char *line), void *context)
{
    struct buffer line = BUFFER_INIT;
    buffer_format(&line, "%s: %s: ", what, are);
    size_t i = 0;
    for (; i < notes->count && line.length < 500; i++) {
        const struct dataset_note *note = &notes->items[i];
        const char *slash = places ? strrchr(note->path, '/') : NULL;
        buffer_format(&line, "%s%s", i > 0 ? ", " : "", note->text);
        if (places)
            buffer_format(&line, " (%s:%zu)", slash ? slash + 1 : note->path, note->line);
        else
            buffer_format(&line, " (%zu record%s)", note->count, text_s(note->count));
    }
    if (i < notes->count)
        buffer_format(&line, " and %zu more", notes->count - i);
    if (notes->count > 0 && !line.failed) {
        utf8_sanitize(line.data);
        say(context, line.data);
    }
    buffer_free(&line);
}

void dataset_tell(const struct dataset *data, const char *what,
                  void (*say)(void *context, const char *line), void *context)
{
    char line[120];
    tell(&data->recognised, what, "recognised", false, say, context);
    snprintf(line, sizeof line, "%s: %zu undesired (label false): nothing of them is trained", what,
             data->undesired);
    if (data->undesired > 0)
        say(context, line);
    tell(&data->unread, what, "columns that are not read", true, say, context);
}
