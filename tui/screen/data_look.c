#include "tui/screen/data_look.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 256 * 1024, ARRAY_MAX = 64 << 20 };

static const char *ending(const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    return dot && (!slash || dot > slash) ? dot : "";
}

/* The length of the first part: up to its last line's end, if it has one. */
static size_t head_length(const char *text)
{
    const char *end = memrchr(text, '\n', HEAD);
    return end ? (size_t)(end - text) + 1 : HEAD;
}

/* Copies the first part of the file beside nothing of the user's: into a temporary folder. */
static int copy_head(const char *path, char *out, size_t size, struct error *err)
{
    uint64_t length = 0;
    const char *folder = getenv("TMPDIR");
    int fd = file_open_read(path, &length, err);
    char *text = fd < 0 ? NULL : array_alloc(HEAD, 1, err);
    int status = text ? file_read_at(fd, text, HEAD, 0, path, err) : -1;
    snprintf(out, size, "%s/spectrum-look-%d%s", folder && folder[0] ? folder : "/tmp", getpid(),
             ending(path));
    if (status == 0)
        status = file_save(out, text, head_length(text), err);
    if (fd >= 0)
        sys.close(fd);
    free(text);
    return status;
}

static int file_length(const char *path, uint64_t *length, struct error *err)
{
    int fd = file_open_read(path, length, err);
    if (fd >= 0)
        sys.close(fd);
    return fd >= 0 ? 0 : -1;
}

/* Messages name the user's file, not the copy of its first part. */
static void name_whole_file(struct error *err, const char *head, const char *path)
{
    char text[ERROR_TEXT_MAX];
    size_t length = strlen(head);
    snprintf(text, sizeof text, "%s", err->text);
    if (strncmp(text, head, length) == 0)
        error_set_kind(err, err->kind, "%s%s", path, text + length);
}

int data_look_read(struct data_look *look, const struct checkpoint *checkpoint, const char *path,
                   const struct dataset_options *options, struct error *err)
{
    char head[4096];
    uint64_t length;
    const char *from = path;
    bool array = strcmp(ending(path), ".json") == 0;
    *look = (struct data_look){0};
    if (file_length(path, &length, err) != 0 ||
        tokenizer_for_checkpoint(&look->tokenizer, checkpoint, err) != 0)
        return -1;
    look->cut = length > HEAD && !array;
    int status = 0;
    if (array && length > ARRAY_MAX)
        status = error_set(
            err, "%s: a .json file over 64 MB is too large for a look; .jsonl is not", path);
    else if (look->cut)
        status = copy_head(path, head, sizeof head, err);
    if (look->cut)
        from = head;
    if (status == 0)
        status = dataset_load(&look->data, &from, 1, options, look->tokenizer, err);
    if (status != 0 && look->cut)
        name_whole_file(err, head, path);
    if (look->cut)
        sys.unlink(head);
    if (status != 0)
        tokenizer_close(look->tokenizer);
    return status;
}

void data_look_free(struct data_look *look)
{
    dataset_free(&look->data);
    tokenizer_close(look->tokenizer);
}
