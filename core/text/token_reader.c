#include "text/token_reader.h"

#include "base/file.h"
#include "base/sys.h"

#include <float.h>
#include <stdlib.h>

bool token_weights_fit(const float *weights, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(weights[i] >= 0 && weights[i] <= FLT_MAX))
            return false;
    return true;
}

int token_reader_read(const struct token_reader *file, uint64_t from, size_t count, int32_t *ids,
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

void token_reader_close(struct token_reader *file)
{
    if (!file)
        return;
    sys.close(file->fd);
    free(file->path);
    free(file);
}
