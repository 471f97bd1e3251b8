#include "tui/screen/data_look.h"

#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/added_tokens.h"
#include "text/data/data_files.h"
#include "text/tokenizer/tokenizer.h"

#include <stdlib.h>

/* Records of so many bytes, or so many records, are a look. */
enum { HEAD = 256 * 1024, RECORDS_MAX = 4096, ARRAY_MAX = 64 << 20 };

/* The files that a look may reach into, as far as they are read whole. */
static int check_arrays(const char *path, struct error *err)
{
    struct data_files files;
    struct stat info;
    int64_t reached = 0;
    int status = data_files_list(&files, &path, 1, err);
    for (size_t i = 0; status == 0 && i < files.count && reached <= HEAD; i++) {
        const char *file = files.items[i].path;
        if (sys.stat(file, &info) != 0)
            continue; /* reading it says why */
        if (text_ends_with(file, ".json") && info.st_size > ARRAY_MAX)
            status = error_set(
                err, "%s: a .json file over 64 MiB is too large for a look; .jsonl is not", file);
        reached += info.st_size;
    }
    data_files_free(&files);
    return status;
}

/* 1: a record more; 0: there is none. */
static int add_record(struct data_look *look, struct record_walk *walk, struct error *err)
{
    if (array_reserve((void **)&look->records, &look->capacity, look->count + 1,
                      sizeof *look->records, err) != 0)
        return -1;
    struct record_look *record = &look->records[look->count];
    int status = record_walk_next(walk, record, err);
    if (status > 0) {
        look->count++;
        look->tokens += record->tokens.count;
        look->supervised += record_look_supervised(&record->tokens);
        look->undesired += record->undesired;
        look->too_short += record->tokens.count < 2;
    }
    return status;
}

static int read_head(struct data_look *look, struct record_walk *walk, struct error *err)
{
    int status = 1;
    for (size_t bytes = 0; status > 0 && bytes < HEAD && look->count < RECORDS_MAX;) {
        status = add_record(look, walk, err);
        bytes += status > 0 ? look->records[look->count - 1].bytes : 0;
    }
    if (status > 0) { /* is there another? */
        struct record_look next;
        status = record_walk_next(walk, &next, err);
        look->cut = status > 0;
        record_look_free(&next);
    }
    return status < 0 ? -1 : 0;
}

int data_look_read(struct data_look *look, const struct checkpoint *checkpoint, const char *path,
                   const struct dataset_options *options, bool add_tokens, struct error *err)
{
    struct record_walk *walk = NULL;
    *look = (struct data_look){0};
    int status = check_arrays(path, err);
    if (status == 0)
        status = tokenizer_for_checkpoint(&look->tokenizer, checkpoint, err);
    if (status == 0)
        status = added_tokens_look(look->tokenizer, options->template_name, add_tokens, look->marks,
                                   sizeof look->marks, err);
    if (add_tokens)
        look->marks[0] = '\0';
    if (status == 0)
        status = record_walk_open(&walk, &path, 1, options, look->tokenizer, err);
    if (status == 0)
        status = read_head(look, walk, err);
    if (status == 0 && look->count == 0)
        status = error_set(err, "%s: no text in it", path);
    record_walk_close(walk);
    if (status != 0)
        data_look_free(look);
    return status;
}

void data_look_free(struct data_look *look)
{
    for (size_t i = 0; i < look->count; i++)
        record_look_free(&look->records[i]);
    free(look->records);
    tokenizer_close(look->tokenizer);
    *look = (struct data_look){0};
}
