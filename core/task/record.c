#include "task/record.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int record_text(char **to, const char *text, size_t length, struct error *err)
{
    char *copy = array_alloc(length + 1, 1, err);
    if (!copy)
        return -1;
    memcpy(copy, text, length);
    free(*to);
    *to = copy;
    return 0;
}

int record_member(char **to, const struct task_reader *reader, const char *key, struct error *err)
{
    const char *text;
    if (json_need_string(reader->json, key, &text, reader->where, err) != 0)
        return -1;
    return record_text(to, text, strlen(text), err);
}

int record_choice(struct task_record *record, const struct task_reader *reader, const char *text,
                  size_t length, struct error *err)
{
    if (length == 0)
        return error_set(err, "%s: choice %d is empty", reader->where, record->count + 1);
    if (record->count == TASK_CHOICES_MAX)
        return error_set(err, "%s: over %d choices", reader->where, TASK_CHOICES_MAX);
    if (record_text(&record->choices[record->count], text, length, err) != 0)
        return -1;
    record->count++;
    return 0;
}

int record_gold(struct task_record *record, const struct task_reader *reader, const char *key,
                double gold, struct error *err)
{
    if (!(gold >= 0 && gold < record->count && gold == floor(gold)))
        return error_set(
            err,
            "%s: \"%s\" names none of the %d choices; splits without answers cannot be "
            "counted: take the one that has them",
            reader->where, key, record->count);
    record->gold = (int)gold;
    return 0;
}

void task_record_free(struct task_record *record)
{
    free(record->question);
    free(record->about);
    free(record->answer);
    for (int i = 0; i < record->count; i++)
        free(record->choices[i]);
    *record = (struct task_record){.count = 0};
}
