/* What is not data here, and the command that makes it some: one table of other tools' tables, one
 * of archives, then encodings and what stands in a file's place. */
#include "text/data/records.h"

#include "base/folder.h"
#include "base/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { TAR_MAGIC = 257 };

/* Tables of other tools: by name, by content, and what reads them in Python. */
static const struct table {
    const char *name, *ending, *magic;
    size_t magic_length;
    const char *opens, *closes; /* around the path */
} tables[] = {
#define DATASETS(kind, more)                                                                       \
    "import datasets; datasets.load_dataset('" kind "', data_files='",                             \
        "'" more ", split='train').to_json('data.jsonl')"
#define PANDAS(call)                                                                               \
    "import pandas; pandas." call "('", "').to_json('data.jsonl', orient='records', lines=True)"
    {"Parquet", ".parquet", "PAR1", 4, DATASETS("parquet", "")},
    {"Arrow", ".arrow", "ARROW1", 6, DATASETS("arrow", "")},
    {"Arrow", ".feather", "\xFF\xFF\xFF\xFF", 4, DATASETS("arrow", "")},
    {"a table in CSV", ".csv", NULL, 0, DATASETS("csv", "")},
    {"a table in TSV", ".tsv", NULL, 0, DATASETS("csv", ", sep='\\t'")},
    {"an Excel sheet", ".xlsx", NULL, 0, PANDAS("read_excel")},
    {"an Excel sheet", ".xls", NULL, 0, PANDAS("read_excel")},
    {"a pickle (which can run code: only where you trust its maker)", ".pkl", "\x80\x04\x95", 3,
     PANDAS("read_pickle")},
    {"a pickle (which can run code: only where you trust its maker)", ".pickle", "\x80\x05\x95", 3,
     PANDAS("read_pickle")},
#undef DATASETS
#undef PANDAS
};

static const struct archive {
    const char *name, *ending, *magic;
    size_t magic_length;
    const char *command;
} archives[] = {
    {"bzip2", ".bz2", "BZh", 3, "bzip2 -dk"},
    {"xz", ".xz", "\xFD\x37zXZ", 5, "xz -dk"},
    {"zip", ".zip", "PK\x03\x04", 4, "unzip"},
    {"LZ4", ".lz4", "\x04\x22\x4D\x18", 4, "lz4 -dm"},
    {"7z", ".7z", "7z\xBC\xAF\x27\x1C", 6, "7z x"},
    {"tar", ".tar", NULL, 0, "tar -xf"},
    {"tar", ".tgz", NULL, 0, "tar -xf"},
};

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path), n = strlen(end);
    return length >= n && strcasecmp(path + length - n, end) == 0;
}

static const struct table *table_named(const char *path)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (data_name_ends(path, tables[i].ending))
            return &tables[i];
    return NULL;
}

bool data_name_is_foreign(const char *path)
{
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++)
        if (ends_with(path, archives[i].ending))
            return true;
    return table_named(path);
}

/* An archive is one where what is packed is a data file: a model's weights may lie in a zip,
 * too. */
bool data_name_is_rival(const char *path)
{
    char inner[4096];
    if (data_name_ends(path, ".parquet") || data_name_ends(path, ".arrow"))
        return true;
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++)
        if (ends_with(path, archives[i].ending)) {
            snprintf(inner, sizeof inner, "%.*s", (int)(strlen(path) - strlen(archives[i].ending)),
                     path);
            return *data_name_form(inner) || table_named(inner);
        }
    return false;
}

/* The last part of a refusal where the command does not have the path itself. */
static const char *where_file_is(const char *path)
{
    return data_path_in_command(path) == path ? "" : ", with FILE its path";
}

void data_remedy(const struct data_stream *stream, const char *command, char out[DATA_REMEDY_MAX])
{
    const char *path = stream->path, *from = data_path_in_command(path);
    const char *ending = data_name_form(path), *where = where_file_is(path);
    size_t length = strlen(command); /* without a "<" at its end, which a pipe takes the place of */
    if (stream->packing != DATA_PLAIN && length > 2 && command[length - 1] == '<')
        length -= 2;
    if (stream->packing == DATA_PLAIN)
        snprintf(out, DATA_REMEDY_MAX, "%s '%s' > NEW%s%s", command, from, ending, where);
    else
        snprintf(out, DATA_REMEDY_MAX, "%s -dc '%s' | %.*s > NEW%s%s",
                 stream->packing == DATA_GZIP ? "gzip" : "zstd", from, (int)length, command, ending,
                 where);
}

int data_refuse_with(const struct data_stream *stream, size_t line, const char *what,
                     const char *command, struct error *err)
{
    char place[24] = "", remedy[DATA_REMEDY_MAX];
    if (line > 0)
        snprintf(place, sizeof place, ":%zu", line);
    data_remedy(stream, command, remedy);
    return error_set(err, "%s%s: %s: %s", stream->path, place, what, remedy);
}

static int refuse_table(const struct table *table, const char *path, struct error *err)
{
    return error_set(err, "%s is %s; convert it: python -c \"%s%s%s\"%s", path, table->name,
                     table->opens, data_path_in_command(path), table->closes, where_file_is(path));
}

static bool begins(const char *head, size_t length, const char *magic, size_t magic_length)
{
    return magic && length >= magic_length && memcmp(head, magic, magic_length) == 0;
}

/* By the first bytes: what is inside a gzip or zstd file may be an archive, too. */
static int check_archives(const struct data_stream *stream, const char *head, size_t length,
                          struct error *err)
{
    const char *path = stream->path, *name = data_path_in_command(path);
    bool twice = begins(head, length, "\x1F\x8B", 2) || begins(head, length, "\x28\xB5\x2F\xFD", 4);
    bool tar = length >= TAR_MAGIC + 5 && memcmp(head + TAR_MAGIC, "ustar", 5) == 0;
    if (twice && stream->packing != DATA_PLAIN)
        return error_set(err, "%s is packed twice; unpack it once: %s '%s'%s", path,
                         stream->packing == DATA_GZIP ? "gzip -dk" : "zstd -dk", name,
                         where_file_is(path));
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++) {
        const struct archive *archive = &archives[i];
        if (begins(head, length, archive->magic, archive->magic_length) ||
            (tar && strcmp(archive->name, "tar") == 0))
            return error_set(err,
                             "%s is a file of %s, which is not read here as gzip and zstd are; "
                             "unpack it: %s '%s'%s",
                             path, archive->name, archive->command, name, where_file_is(path));
    }
    return 0;
}

/* How the text is encoded, as iconv calls it; NULL: it may be UTF-8. Without a mark at its start,
 * UTF-16 and UTF-32 show by the zeros in the high bytes of ASCII's characters, which every .jsonl
 * has. */
static const char *encoding_of(const char *head, size_t length)
{
    size_t zeros[4] = {0}, count = length < 1024 ? length & ~(size_t)1 : 1024;
    if (begins(head, length, "\xFF\xFE\0\0", 4) || begins(head, length, "\0\0\xFE\xFF", 4))
        return "UTF-32";
    if (begins(head, length, "\xFF\xFE", 2) || begins(head, length, "\xFE\xFF", 2))
        return "UTF-16";
    for (size_t i = 0; i < count; i++)
        zeros[i % 4] += head[i] == '\0';
    size_t even = zeros[0] + zeros[2], odd = zeros[1] + zeros[3], quads = count / 4;
    if (quads > 0 && zeros[2] >= quads && zeros[3] >= quads)
        return "UTF-32LE";
    if (quads > 0 && zeros[0] >= quads && zeros[1] >= quads)
        return "UTF-32BE";
    if (length < DATA_HEAD && length % 2 != 0)
        return NULL;
    size_t share =
        count < 64 ? 4 : 8; /* of a short text, more of it: a NUL byte does not make one */
    if (odd * share >= count && count > 0 && even * 4 < odd)
        return "UTF-16LE";
    if (even * share >= count && count > 0 && odd * 4 < even)
        return "UTF-16BE";
    return NULL;
}

/* What stands in the place of a file that did not come. */
static int check_placeholders(const char *path, const char *head, size_t length, struct error *err)
{
    static const char pointer[] = "version https://git-lfs.github.com/spec/";
    static const char *const pages[] = {"<!doctype html", "<html", "<?xml"};
    if (begins(head, length, pointer, sizeof pointer - 1))
        return error_set(err,
                         "%s is a pointer of Git LFS, not the data itself; fetch that, in its "
                         "folder: git lfs pull",
                         path);
    if (data_name_ends(path, ".txt")) /* it may be about web pages */
        return 0;
    size_t at = 0;
    while (at < length && head[at] && strchr(" \t\r\n", head[at]))
        at++;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (length - at >= strlen(pages[i]) &&
            strncasecmp(head + at, pages[i], strlen(pages[i])) == 0)
            return error_set(err,
                             "%s is a web page (%.5s...), not data: what was downloaded was an "
                             "error, a log-in or the page about the file; take the file's own "
                             "address (on Hugging Face with /resolve/ instead of /blob/)",
                             path, head + at);
    return 0;
}

/* What the bytes say goes before what the name says: a Parquet file may be called .json. */
int data_foreign_check(const struct data_stream *stream, const char *head, size_t length,
                       struct error *err)
{
    const char *path = stream->path;
    if (check_placeholders(path, head, length, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (begins(head, length, tables[i].magic, tables[i].magic_length))
            return refuse_table(&tables[i], path, err);
    if (table_named(path))
        return refuse_table(table_named(path), path, err);
    if (check_archives(stream, head, length, err) != 0)
        return -1;
    if (!*data_name_form(path))
        return error_set(err,
                         "%s: data files end in .txt, .jsonl or .json, packed ones in .gz or .zst "
                         "after that",
                         path);
    const char *encoding = encoding_of(head, length);
    if (!encoding)
        return 0;
    char what[64], command[64];
    snprintf(what, sizeof what, "this is %s, and data files are UTF-8", encoding);
    snprintf(command, sizeof command, "iconv -f %s -t UTF-8", encoding);
    return data_refuse_with(stream, 0, what, command, err);
}

/* Of a set in several parts, d: a file of each. */
#define EACH_SPLIT "[d[s].to_json(s + '.jsonl') for s in d]"

static bool is_beside(const char *folder, const char *name)
{
    char *path = path_join(folder, name, NULL);
    bool there = path && sys.access(path, F_OK) == 0;
    free(path);
    return there;
}

int data_foreign_folder(const char *folder, const char *file, struct error *err)
{
    const struct table *table = table_named(file);
    char *own = path_folder(file, err), head[DATA_HEAD];
    struct data_stream stream;
    size_t length = 0;
    if (!own)
        return -1;
    /* What save_to_disk() of `datasets` wrote, a set or several: the one that the file lies in. */
    bool several = is_beside(folder, "dataset_dict.json");
    if (several || is_beside(own, "state.json")) {
        const char *saved = several ? folder : own;
        error_set(err,
                  "%s was written by datasets' save_to_disk(); convert it: python -c \"import "
                  "datasets; d = datasets.load_from_disk('%s'); %s\"%s",
                  saved, data_path_in_command(saved),
                  several ? EACH_SPLIT : "d.to_json('data.jsonl')", where_file_is(saved));
        goto out;
    }
    bool missing = data_stream_open(&stream, file, NULL) == 0 &&
                   data_stream_read(&stream, head, sizeof head, &length, NULL) == 0 &&
                   check_placeholders(file, head, length, err) != 0;
    data_stream_close(&stream);
    if (missing)
        goto out;
    if (table && strcmp(table->name, "Parquet") == 0)
        error_set(err,
                  "%s is a data set in Parquet (%s); convert it: python -c \"import datasets; d = "
                  "datasets.load_dataset('%s'); " EACH_SPLIT "\"%s",
                  folder, file + strlen(folder) + 1, data_path_in_command(folder),
                  where_file_is(folder));
    else if (table)
        refuse_table(table, file, err);
    else
        error_set(err,
                  "%s is packed as it is not read here; unpack it, or name the files that are "
                  "meant instead of their folder",
                  file);
out:
    free(own);
    return -1;
}
