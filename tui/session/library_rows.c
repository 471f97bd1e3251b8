/* Rows of the library as they are listed, and the folders that are watched for them. */
#include "base/memory.h"
#include "base/text.h"
#include "tui/session/library.h"

#include <math.h>
#include <stdlib.h>

int library_watch(struct library *library, const char *folder, struct error *err)
{
    if (array_reserve((void **)&library->watched, &library->watched_capacity,
                      library->watched_count + 1, sizeof *library->watched, err) != 0)
        return -1;
    char *copy = string_copy(folder, err);
    if (copy)
        library->watched[library->watched_count++] = copy;
    return copy ? 0 : -1;
}

/* Text of folders may be anything, so what is shown of it is made printable here, once. */
int library_add(struct library *library, enum library_kind kind, const char *path,
                const char *title, const char *origin, struct error *err)
{
    if (kind != LIBRARY_JOB && library->count >= LIBRARY_MODELS_MAX) {
        library->hidden++;
        return 0;
    }
    if (array_reserve((void **)&library->rows, &library->capacity, library->count + 1,
                      sizeof *library->rows, err) != 0)
        return -1;
    struct library_row *row = &library->rows[library->count++];
    *row = (struct library_row){.kind = kind,
                                .path = string_copy(path, err),
                                .title = string_copy(title, err),
                                .origin = string_copy(origin, err),
                                .model = {.parameters = NAN, .bytes = NAN, .plans = -1},
                                .job = {.kind = job_kind_of(NULL),
                                        .done = -1,
                                        .total = -1,
                                        .began = -1,
                                        .left = {.seconds = NAN},
                                        .loss = NAN,
                                        .evaluation = NAN,
                                        .best = NAN}};
    if (!row->path || !row->title || !row->origin)
        return -1;
    utf8_sanitize(row->title);
    utf8_sanitize(row->origin);
    return 0;
}

static void row_free(struct library_row *row)
{
    free(row->path);
    free(row->title);
    free(row->origin);
    job_best_free(&row->best);
}

void library_free(struct library *library)
{
    for (size_t i = 0; i < library->count; i++)
        row_free(&library->rows[i]);
    for (size_t i = 0; i < library->watched_count; i++)
        free(library->watched[i]);
    free(library->watched);
    free(library->rows);
    *library = (struct library){0};
}
