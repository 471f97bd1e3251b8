#include "text/token_list.h"

#include "base/memory.h"

#include <stdlib.h>

int token_list_add(struct token_list *list, int32_t id, float weight, struct error *err)
{
    if (list->count == list->capacity || list->count == list->weight_capacity) {
        if (array_reserve((void **)&list->ids, &list->capacity, list->count + 1, sizeof *list->ids,
                          err) != 0 ||
            array_reserve((void **)&list->weights, &list->weight_capacity, list->count + 1,
                          sizeof *list->weights, err) != 0)
            return -1;
    }
    list->ids[list->count] = id;
    list->weights[list->count++] = weight;
    return 0;
}

void token_list_free(struct token_list *list)
{
    free(list->ids);
    free(list->weights);
    *list = (struct token_list){0};
}
