#include "bench_list.h"

#include <stdlib.h>
#include <string.h>

enum { KINDS = 7 };

static const struct size {
    const char *name;
    int64_t hidden, intermediate, kv;
} sizes[] = {{"8b", 4096, 14336, 1024}, {"70b", 8192, 28672, 1024}};

static int start_list(struct bench_list *out, int64_t count, struct error *err)
{
    *out = (struct bench_list){calloc((size_t)count, sizeof *out->matrices), 0};
    return out->matrices ? 0 : error_set(err, "not enough memory");
}

static void append(struct bench_list *list, int64_t rows, int64_t cols)
{
    list->matrices[list->count] =
        (struct bench_matrix){.rows = rows, .cols = cols, .seed = list->count};
    list->count++;
}

int list_shape(struct bench_list *out, int64_t rows, int64_t cols, int64_t count, struct error *err)
{
    if (start_list(out, count, err) != 0)
        return -1;
    for (int64_t i = 0; i < count; i++)
        append(out, rows, cols);
    return 0;
}

static void append_block(struct bench_list *list, const struct size *size)
{
    append(list, size->hidden, size->intermediate); /* down */
    append(list, size->intermediate, size->hidden); /* gate */
    append(list, size->intermediate, size->hidden); /* up */
    append(list, size->kv, size->hidden);           /* k */
    append(list, size->hidden, size->hidden);       /* o */
    append(list, size->hidden, size->hidden);       /* q */
    append(list, size->kv, size->hidden);           /* v */
}

static int compare_work(const void *a, const void *b)
{
    const struct bench_matrix *x = a, *y = b;
    uint64_t left = matrix_bytes(x), right = matrix_bytes(y);
    if (left != right)
        return left < right ? 1 : -1;
    return x->seed < y->seed ? -1 : 1;
}

int list_model(struct bench_list *out, const char *name, int64_t layers, struct error *err)
{
    const struct size *size = NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].name, name) == 0)
            size = &sizes[i];
    if (!size)
        return error_set_kind(err, ERROR_USAGE, "there is no model %.40s, only 8b and 70b", name);
    if (start_list(out, KINDS * layers, err) != 0)
        return -1;
    for (int64_t layer = 0; layer < layers; layer++)
        append_block(out, size);
    qsort(out->matrices, out->count, sizeof *out->matrices, compare_work);
    return 0;
}

uint64_t list_bytes(const struct bench_list *list)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < list->count; i++)
        sum += matrix_bytes(&list->matrices[i]);
    return sum;
}

double list_flops(const struct bench_list *list)
{
    double sum = 0;
    for (size_t i = 0; i < list->count; i++)
        sum += matrix_flops(&list->matrices[i]);
    return sum;
}
