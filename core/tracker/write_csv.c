/* metrics.csv: a header, and a row a line of training or of an evaluation. Columns are few and fixed,
 * as a table that widens on the way is none; what a line does not have is empty. Rows after a step
 * that a resume goes back to are cut off, by a new file in the place of the old one. */
#include "base/buffer.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "tracker/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In the file without "train/"; those of an evaluation with "eval_". */
static const char *const columns[] = {
    "train/loss",          "train/learning_rate", "train/grad_norm", "train/tokens_per_s",
    "train/step_s",        "train/time_s",        "train/tokens",    "train/supervised_tokens",
    "train/process_bytes", "eval/loss",           "eval/tokens",     "eval/seconds",
};
enum { COLUMNS = sizeof columns / sizeof *columns, FILE_MAX = 1 << 30 };

struct csv_writer {
    char *path;
    int fd;
};

/* Not to be waited for, as a pipe without a reader would be. */
static int open_file(struct csv_writer *writer, struct error *err)
{
    struct stat info;
    writer->fd =
        sys.open(writer->path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (writer->fd < 0 || sys.fstat(writer->fd, &info) != 0)
        return error_set_errno(err, errno, "cannot write %s", writer->path);
    return S_ISREG(info.st_mode) ? 0 : error_set(err, "%s is not a regular file", writer->path);
}

static void put_header(struct buffer *header)
{
    buffer_text(header, "step");
    for (int i = 0; i < COLUMNS; i++)
        if (strncmp(columns[i], "eval/", 5) == 0)
            buffer_format(header, ",eval_%s", columns[i] + 5);
        else
            buffer_format(header, ",%s", strchr(columns[i], '/') + 1);
    buffer_byte(header, '\n');
}

/* Does the file begin as ours does? What a person or another program has there is not written to. */
static int check_header(const struct csv_writer *writer, const struct buffer *header,
                        struct error *err)
{
    char *begins = array_alloc(header->length, 1, err);
    if (!begins)
        return -1;
    ssize_t read = sys.pread(writer->fd, begins, header->length, 0);
    bool ours =
        read == (ssize_t)header->length && memcmp(begins, header->data, header->length) == 0;
    free(begins);
    return ours ? 0
                : error_set(err,
                            "%s is there, and no file of this program: move it, or leave csv out "
                            "of --log",
                            writer->path);
}

/* An empty file gets its header. */
static int begin(struct csv_writer *writer, struct error *err)
{
    struct buffer header = BUFFER_INIT;
    struct stat info;
    put_header(&header);
    int status = buffer_check(&header, err);
    if (status == 0 && sys.fstat(writer->fd, &info) != 0)
        status = error_set_errno(err, errno, "cannot look at %s", writer->path);
    if (status == 0)
        status = info.st_size > 0
                     ? check_header(writer, &header, err)
                     : file_write(writer->fd, header.data, header.length, writer->path, err);
    buffer_free(&header);
    return status;
}

int write_csv_open(void **state, const char *folder, const char *run, struct error *err)
{
    struct csv_writer *writer = array_alloc(1, sizeof *writer, err);
    (void)run;
    if (!writer)
        return -1;
    writer->fd = -1;
    writer->path = path_join(folder, "metrics.csv", err);
    if (writer->path && open_file(writer, err) == 0 && begin(writer, err) == 0) {
        *state = writer;
        return 0;
    }
    write_csv_close(writer);
    return -1;
}

static double value_of(const struct target_line *line, const char *name)
{
    for (size_t i = 0; i < line->count; i++)
        if (strcmp(line->values[i].name, name) == 0)
            return line->values[i].value;
    return NAN;
}

int write_csv_put(void *state, const struct target_line *line, struct error *err)
{
    struct csv_writer *writer = state;
    struct buffer row = BUFFER_INIT;
    buffer_format(&row, "%" PRId64, line->step);
    for (int i = 0; i < COLUMNS; i++) {
        double value = value_of(line, columns[i]);
        if (isnan(value))
            buffer_byte(&row, ',');
        else
            buffer_format(&row, ",%.9g", value);
    }
    buffer_byte(&row, '\n');
    struct stat before;
    int status = buffer_check(&row, err);
    if (status == 0 && sys.fstat(writer->fd, &before) != 0)
        status = error_set_errno(err, errno, "cannot look at %s", writer->path);
    if (status == 0) {
        status = file_write(writer->fd, row.data, row.length, writer->path, err);
        if (status != 0 && sys.ftruncate(writer->fd, before.st_size) != 0)
            error_prefix(err, "half a row is left at its end");
    }
    buffer_free(&row);
    return status;
}

/* The rows that stay; the first line is the header. What a kill left of a row goes, too. */
static void keep_rows(struct buffer *out, const struct buffer *all, int64_t step)
{
    const char *at = buffer_string(all), *end;
    for (bool first = true; (end = strchr(at, '\n')); at = end + 1, first = false)
        if (first || strtoll(at, NULL, 10) <= step)
            buffer_append(out, at, (size_t)(end + 1 - at));
}

int write_csv_go_back(void *state, int64_t step, struct error *err)
{
    struct csv_writer *writer = state;
    struct buffer all = BUFFER_INIT, kept = BUFFER_INIT;
    int status = file_read_all(&all, writer->path, FILE_MAX, err);
    if (status == 0) {
        keep_rows(&kept, &all, step);
        status = buffer_check(&kept, err);
    }
    if (status == 0)
        status = file_save(writer->path, buffer_string(&kept), kept.length, err);
    if (status == 0) {
        sys.close(writer->fd);
        status = open_file(writer, err);
    }
    if (status == 0)
        status = begin(writer, err);
    buffer_free(&all);
    buffer_free(&kept);
    return status;
}

void write_csv_close(void *state)
{
    struct csv_writer *writer = state;
    if (writer->fd >= 0)
        sys.close(writer->fd);
    free(writer->path);
    free(writer);
}
