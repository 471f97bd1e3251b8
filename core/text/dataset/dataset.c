/* A data set once it is made: reading its tokens, and what is asked of it. */
#include "text/dataset/dataset.h"

#include "base/file.h"
#include "base/sys.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

bool token_weights_fit(const float *weights, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(weights[i] >= 0 && weights[i] <= FLT_MAX))
            return false;
    return true;
}

/* What was checked when the file was opened is checked once more for what would do harm: an id that
 * is not a row of the model, a weight that is not a number. */
static int read_file(const struct token_reader *file, uint64_t from, size_t count, int32_t *ids,
                     float *weights, struct error *err)
{
    if ((ids && file_read_at(file->fd, ids, count * sizeof *ids, from * sizeof *ids, file->path,
                             err) != 0) ||
        (weights && file_read_at(file->fd, weights, count * sizeof *weights,
                                 (file->tokens + from) * sizeof *weights, file->path, err) != 0))
        return -1;
    bool same = !weights || token_weights_fit(weights, count);
    for (size_t i = 0; ids && i < count; i++)
        same &= (uint32_t)ids[i] <= (uint32_t)file->largest_id;
    return same ? 0
                : error_set(err, "%s was changed while it was in use; delete it and resume",
                            file->path);
}

void dataset_notes_free(struct dataset_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        free(notes->items[i].text);
        free(notes->items[i].path);
    }
    free(notes->items);
    *notes = (struct dataset_notes){0};
}

/* In memory or in a file: what is not there is NULL. */
void dataset_free(struct dataset *dataset)
{
    if (dataset->file) {
        sys.close(dataset->file->fd);
        free(dataset->file->path);
        free(dataset->file);
    }
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
        return read_file(dataset->file, from, count, ids, weights, err);
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

/* A column or mark that was named and occurs in no record of either data set is a mistake in the
 * name. */
int dataset_check_absent(const struct dataset *data, const struct dataset *other, const char *path,
                         struct error *err)
{
    for (size_t i = 0; i < data->absent.count; i++) {
        const char *named = data->absent.items[i].text;
        bool mark = strncmp(named, "--mark ", 7) == 0, lacks = !other;
        for (size_t k = 0; other && k < other->absent.count; k++)
            lacks |= strcmp(other->absent.items[k].text, named) == 0;
        if (lacks)
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
