#include "text/dataset.h"

#include <stdlib.h>
#include <string.h>

void dataset_notes_free(struct dataset_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        free(notes->items[i].text);
        free(notes->items[i].path);
    }
    free(notes->items);
    *notes = (struct dataset_notes){0};
}

void dataset_free(struct dataset *dataset)
{
    token_reader_close(dataset->file);
    free(dataset->ids);
    free(dataset->weights);
    free(dataset->offsets);
    free(dataset->kinds);
    free(dataset->sources);
    dataset_notes_free(&dataset->recognised);
    dataset_notes_free(&dataset->unread);
    dataset_notes_free(&dataset->absent);
    *dataset = (struct dataset){0};
}

int dataset_read(const struct dataset *dataset, uint64_t from, size_t count, int32_t *ids,
                 float *weights, struct error *err)
{
    if (dataset->file)
        return token_reader_read(dataset->file, from, count, ids, weights, err);
    if (ids)
        memcpy(ids, dataset->ids + from, count * sizeof *ids);
    if (weights)
        memcpy(weights, dataset->weights + from, count * sizeof *weights);
    return 0;
}

int32_t dataset_largest_id(const struct dataset *dataset)
{
    int32_t largest = dataset->file ? dataset->file->largest_id : 0;
    for (uint64_t i = 0; !dataset->file && i < dataset->tokens; i++)
        if ((uint32_t)dataset->ids[i] > (uint32_t)largest)
            largest = dataset->ids[i];
    return largest;
}

static bool lists(const struct dataset_notes *notes, const char *text)
{
    for (size_t i = 0; i < notes->count; i++)
        if (strcmp(notes->items[i].text, text) == 0)
            return true;
    return false;
}

int dataset_check_absent(const struct dataset *data, const struct dataset *other, const char *path,
                         struct error *err)
{
    for (size_t i = 0; i < data->absent.count; i++) {
        const char *named = data->absent.items[i].text;
        bool mark = strncmp(named, "--mark ", 7) == 0;
        if (!other || lists(&other->absent, named))
            return error_set(err, "%s: %.100s: %s", path, named,
                             mark
                                 ? "it stands nowhere in the .txt files of the data (where CRLF is "
                                   "read as LF)"
                                 : "no record of the data has a column of that name");
    }
    return 0;
}

int dataset_refuse_template(const char *path, const char *template_name, struct error *err)
{
    return error_set(err,
                     "%s: --template %s has nothing to write: the data has no turns, prompts or "
                     "instructions, only texts; leave --template out, or name the columns with "
                     "--columns",
                     path, template_name);
}

int dataset_kind(const struct dataset *dataset, size_t document)
{
    return dataset->kinds ? dataset->kinds[document] : 0;
}

bool dataset_all_supervised(const struct dataset *dataset)
{
    return dataset->supervised == dataset->tokens - dataset->documents;
}
