#include "model/score_table.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

void scan_model_clear(struct scan_model *of)
{
    for (size_t i = 0; i < of->end_count; i++)
        free(of->ends[i].tensor);
    for (size_t i = 0; i < of->omission_count; i++)
        free(of->omissions[i].first);
    free(of->ends);
    free(of->omissions);
    *of = (struct scan_model){0};
}

void scan_free(struct scan *scan)
{
    if (!scan)
        return;
    for (size_t i = 0; i < scan->count; i++) {
        free(scan->rows[i].module);
        free(scan->rows[i].type);
    }
    scan_model_clear(&scan->of);
    free(scan->rows);
    free(scan->model);
    free(scan);
}

const struct scan_row *scan_find(const struct scan *scan, const char *module)
{
    size_t length = strlen(module), tail = strlen(".weight");
    if (length > tail && strcmp(module + length - tail, ".weight") == 0)
        length -= tail;
    for (size_t i = 0; i < scan->count; i++)
        if (strncmp(scan->rows[i].module, module, length) == 0 && !scan->rows[i].module[length])
            return &scan->rows[i];
    return NULL;
}
