/* Data files as people have them: what is read, byte for byte, and what the refusals say. */
#include "test_folder.h"

#include "base/buffer.h"
#include "base/folder.h"
#include "base/json_fault.h"
#include "base/memory.h"
#include "text/data/data_files.h"
#include "text/data/records.h"

#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static const char *put(const char *name, const void *content, size_t length)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *below = path_folder(path, NULL);
    assert_int_equal(folder_make(below, NULL), 0);
    free(below);
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(content, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void add_gzip(struct buffer *out, const void *data, size_t length)
{
    static unsigned char packed[1 << 20];
    z_stream zlib = {.next_in = (Bytef *)(uintptr_t)data,
                     .avail_in = (uInt)length,
                     .next_out = packed,
                     .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&zlib, 6, Z_DEFLATED, MAX_WBITS + 16, 8, 0), Z_OK);
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    buffer_append(out, packed, zlib.total_out);
    deflateEnd(&zlib);
}

static void add_zstd(struct buffer *out, const void *data, size_t length)
{
    static char packed[1 << 20];
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    size_t count = ZSTD_compress2(zstd, packed, sizeof packed, data, length);
    assert_false(ZSTD_isError(count));
    buffer_append(out, packed, count);
    ZSTD_freeCCtx(zstd);
}

/* All records with their lines, as "1:{...}|2:{...}|"; or the error. */
static const char *read_all(const char *path, const char *mark)
{
    static struct buffer got;
    struct record_reader reader;
    struct record record;
    struct error err = ERROR_INIT;
    size_t line;
    buffer_clear(&got);
    int status = record_reader_open(&reader, path, mark, &err) == 0 ? 1 : -1;
    while (status > 0 && (status = record_next(&reader, &record, &err)) > 0) {
        cJSON *tree = reader.form == RECORD_TEXT ? NULL : record_parse(&record, &line, &err);
        if (!tree && reader.form != RECORD_TEXT)
            status = error_prefix(&err, "%s:%zu", path, line);
        cJSON_Delete(tree);
        buffer_format(&got, "%zu:", record.line);
        buffer_append(&got, record.text, record.length);
        buffer_byte(&got, '|');
    }
    record_reader_free(&reader);
    if (status == 0)
        return buffer_string(&got);
    buffer_clear(&got);
    buffer_text(&got, err.text);
    return buffer_string(&got);
}

static void says(const char *name, const void *content, size_t length, const char *expected)
{
    const char *got = read_all(put(name, content, length), NULL);
    if (!strstr(got, expected))
        fail_msg("%s: \"%s\" does not say \"%s\"", name, got, expected);
}

#define SAYS(name, content, expected) says(name, content, sizeof content - 1, expected)

static void gives(const char *name, const char *content, const char *expected)
{
    assert_string_equal(read_all(put(name, content, strlen(content)), NULL), expected);
}

static void reads_lines_however_they_end(void **state)
{
    (void)state;
    static const char two[] = "1:\"a\"|2:\"b\"|";
    gives("a.jsonl", "\"a\"\n\"b\"\n", two);
    gives("a.jsonl", "\"a\"\n\"b\"", two);
    gives("a.jsonl", "\xEF\xBB\xBF\"a\"\n\"b\"\n", two);
    gives("a.ndjson", "\"a\"\n\"b\"\n", two);
    gives("A.JSONL", "\"a\"\n\"b\"\n", two);
    gives("a.json", "{}\n{}\n", "1:{}|2:{}|");
    gives("a.jsonl", "\r\n\r\n\"a\"\r\n \t\r\n\"b\"\r\n\r\n", "3:\"a\"\r|5:\"b\"\r|");
    gives("a.jsonl", "\"a\"  \n\n\n", "1:\"a\"  |");
    /* only "\n" ends a line */
    gives("a.jsonl", "\"a\xE2\x80\xA8\xC2\x85\"\n", "1:\"a\xE2\x80\xA8\xC2\x85\"|");
    gives("a.jsonl", "[\n\"a\",\r\n\"b\"]\n", "2:\"a\"|3:\"b\"|");
    gives("a.json", "\xEF\xBB\xBF[\"a\",\"b\"]", "1:\"a\"|1:\"b\"|");
}

static void reads_texts_with_one_kind_of_line_end(void **state)
{
    (void)state;
    gives("a.txt", "a\r\nb\rc\n\r\n\r\rd \f\r", "1:a\nb\nc\n\n\n\nd \f\n|");
    gives("a.txt", "\xEF\xBB\xBF\r\na", "1:\na|");
    gives("a.txt", " a", "1: a|");
    assert_string_equal(read_all(put("a.txt", "a\r\n\r\nb\n\nc", 9), "\n\n"), "1:a|3:b|5:c|");
    /* "\r" and "\n" on either side of what is read at once */
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < 3 << 19; i++)
        buffer_text(&text, i == 0 ? "x\r\n" : "\r\n");
    const char *got = read_all(put("a.txt", text.data, text.length), "x");
    size_t ends = 0;
    for (const char *at = got; (at = strchr(at, '\n')); at++)
        ends++;
    assert_int_equal(ends, 3 << 19);
    assert_null(strchr(got, '\r'));
    buffer_free(&text);
}

static void reads_archives_by_their_content(void **state)
{
    (void)state;
    static const char lines[] = "\"a\"\n\"b\"\n", two[] = "1:\"a\"|2:\"b\"|";
    for (int zstd = 0; zstd < 2; zstd++) {
        void (*add)(struct buffer *, const void *, size_t) = zstd ? add_zstd : add_gzip;
        const char *name = zstd ? "a.jsonl.zst" : "a.jsonl.gz";
        struct buffer packed = BUFFER_INIT;
        add(&packed, lines, 6); /* in two parts, cut inside a line */
        add(&packed, lines + 6, 0);
        add(&packed, lines + 6, 2);
        assert_string_equal(read_all(put(name, packed.data, packed.length), NULL), two);
        assert_string_equal(read_all(put("b.jsonl", packed.data, packed.length), NULL), two);
        for (size_t cut = 5; cut + 1 < packed.length; cut++) { /* inside, or between the parts */
            const char *got = read_all(put(name, packed.data, cut), NULL);
            if (!strstr(got, "is cut off;") && !strstr(got, "cut off?") && !strstr(got, "empty"))
                fail_msg("cut at %zu: %s", cut, got);
        }
        packed.data[12] ^= 0x11; /* of the first part's data */
        if (strcmp(read_all(put(name, packed.data, packed.length), NULL), two) == 0)
            fail_msg("damage was not seen");
        buffer_clear(&packed);
        add(&packed, "[\"a\",\n\"b\"]", 10);
        assert_string_equal(read_all(put("a.json.gz", packed.data, packed.length), NULL), two);
        buffer_clear(&packed);
        add(&packed, "\r\na", 3);
        assert_string_equal(read_all(put("a.txt.zst", packed.data, packed.length), NULL), "1:\na|");
        buffer_text(&packed, "more");
        says(name, packed.data, packed.length, "data is damaged before byte");
        buffer_free(&packed);
    }
    gives("plain.jsonl.gz", lines, two);
    struct buffer once = BUFFER_INIT, twice = BUFFER_INIT;
    add_gzip(&once, lines, 8);
    buffer_append(&once, "\0\0\0", 3); /* as tapes were filled */
    assert_string_equal(read_all(put("a.jsonl.gz", once.data, once.length), NULL), two);
    add_gzip(&twice, once.data, once.length);
    says("a.jsonl.gz", twice.data, twice.length, "packed twice; unpack it once: gzip -dk '");
    buffer_free(&once);
    buffer_free(&twice);
    SAYS("a.jsonl", "\x28\xB5\x2F\xFD....", "zstd data is damaged");
}

/* 64 MB of lines in a small file: read through a window. */
static void large_archives_take_no_memory(void **state)
{
    (void)state;
    enum { LINES = 64, LENGTH = 1 << 20 };
    struct buffer packed = BUFFER_INIT;
    char *line = array_alloc(LENGTH, 1, NULL);
    memset(line, ' ', LENGTH);
    memcpy(line, "\"a\"", 3);
    line[LENGTH - 1] = '\n';
    for (int i = 0; i < LINES; i++)
        add_gzip(&packed, line, LENGTH);
    free(line);
    struct record_reader reader;
    struct record record;
    struct error err = ERROR_INIT;
    const char *path = put("large.jsonl.gz", packed.data, packed.length);
    buffer_free(&packed);
    assert_int_equal(record_reader_open(&reader, path, NULL, &err), 0);
    for (int i = 0; i < LINES; i++) {
        assert_int_equal(record_next(&reader, &record, &err), 1);
        assert_int_equal(record.line, i + 1);
        assert_true(reader.content.capacity < 8 * LENGTH);
    }
    assert_int_equal(record_next(&reader, &record, &err), 0);
    record_reader_free(&reader);
}

static void refuses_other_encodings(void **state)
{
    (void)state;
    SAYS("a.jsonl", "\xFF\xFE\"\0a\0\"\0\n\0",
         "a.jsonl: this is UTF-16, and data files are UTF-8: "
         "iconv -f UTF-16 -t UTF-8 '");
    SAYS("a.jsonl", "\xFE\xFF\0\"\0a\0\"\0\n", "iconv -f UTF-16 -t UTF-8");
    SAYS("a.jsonl", "\"\0a\0\"\0\n\0", "iconv -f UTF-16LE -t UTF-8");
    SAYS("a.txt", "\0\"\0a\0\"\0\n", "iconv -f UTF-16BE -t UTF-8");
    SAYS("a.jsonl", "\xFF\xFE\0\0\"\0\0\0", "iconv -f UTF-32 -t UTF-8");
    SAYS("a.jsonl", "\"\0\0\0\"\0\0\0", "iconv -f UTF-32LE -t UTF-8");
    SAYS("a.jsonl", "\0\0\0\"\0\0\0\"", "iconv -f UTF-32BE -t UTF-8");
    SAYS("a.jsonl", "\"a\"\n\"b \xE9\"\n",
         "a.jsonl:2: not UTF-8, byte 3 of the line is 0xE9; if the file is Windows's or Latin-1: "
         "iconv -f WINDOWS-1252 -t UTF-8 '");
    SAYS("a.json", "[\"a\",\n\"b \xE9\"]", "a.json:2: not UTF-8");
    SAYS("a.txt", "one\ntwo \x93", "a.txt:2: not UTF-8, byte 4 of the line is 0x93");
    SAYS("a.txt", "some text of which\nthis \0 is none", "a.txt:2: a NUL byte");
    SAYS("a.jsonl", "\"some text\"\n\"this \0 is none\"", "a.jsonl:2: a NUL byte");
    SAYS("a.jsonl", "\"a\"\r\"b\"\r",
         "a.jsonl:1: a carriage return inside a line; if it ends "
         "lines: tr '\\r' '\\n' < '");
    SAYS("a.txt", "abc\0def", "a NUL byte");
    SAYS("a.txt", "abc\0defg", "a NUL byte");
    SAYS("a.jsonl", "\"a\"\n\"\xED\xA0\xBD\xED\xB8\x80\"",
         "a.jsonl:2: half of a surrogate pair in bytes (as Java");
    SAYS("a.jsonl", "{\"text\":\"a\nb\"}",
         "a line break in a text is written \\n; or is the line cut");
    /* a command that is copied runs nothing else */
    SAYS("$(id).jsonl", "\xFF\xFE\"\0", "-t UTF-8 'FILE' > NEW.jsonl, with FILE its path");
    SAYS("it's.csv", "a", "data_files='FILE', split='train'");
}

static void refuses_what_is_no_data(void **state)
{
    (void)state;
    SAYS("a.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
         "git lfs pull");
    SAYS("a.parquet", "version https://git-lfs.github.com/spec/v1\noid", "git lfs pull");
    SAYS("a.jsonl", " \n<!DOCTYPE html>\n", "is a web page");
    SAYS("a.json", "<?xml version='1.0'?>", "is a web page");
    gives("a.txt", "<html>", "1:<html>|");
    SAYS("a.jsonl", "", "no text in it, the file is empty");
    SAYS("a.jsonl", "\n \n", "no record in it");
    SAYS("a.json", "[ ]", "no record in it");
    SAYS("a.txt", "\xEF\xBB\xBF", "no record in it");
    SAYS("a.jsonl", "PAR1....",
         "is Parquet; convert it: python -c \"import datasets; "
         "datasets.load_dataset('parquet', data_files='");
    SAYS("a.arrow", "\xFF\xFF\xFF\xFF....", "load_dataset('arrow'");
    SAYS("a.tsv", "a\tb", "sep='\\t', split='train').to_json('data.jsonl')\"");
    SAYS("a.csv.gz", "a,b", "load_dataset('csv'");
    SAYS("a.xlsx", "PK\x03\x04", "pandas.read_excel('");
    SAYS("a.pkl", "\x80\x04\x95", "where you trust its maker");
    SAYS("a.jsonl.zst", "\x28\xB5\x2F\xFD\0\xA8\1\0\0",
         "a larger window (zstd --long) than is read here; unpack it: zstd -d --long=31 '");
    SAYS("a.json", "[\"a\"]\n[\"b\"]",
         "a.json:2: expected nothing after the array; several become");
    SAYS("a.json", "null", "expected an array \"[...]\" or an object");
    SAYS("a.jsonl", "BZh9", "unpack it: bzip2 -dk '");
    SAYS("a.jsonl", "\xFD\x37zXZ", "unpack it: xz -dk '");
    SAYS("a.zip", "PK\x03\x04", "unpack it: unzip '");
    SAYS("a.md", "# a", "data files end in .txt, .jsonl or .json");
    char tar[512] = "a.jsonl";
    memcpy(tar + 257, "ustar", 5);
    says("a.jsonl", tar, sizeof tar, "unpack it: tar -xf '");
}

static void names_what_is_wrong_with_json(void **state)
{
    (void)state;
    SAYS("a.jsonl", "{}\n{\"a\": 1,}\n",
         "a.jsonl:2: not valid JSON, column 8: a comma before the "
         "end of an object: JSON has none");
    SAYS("a.json", "[\n \"a\",\n \"b\",\n]",
         "a.json:3: not valid JSON, column 5: a comma before "
         "the end of an array");
    SAYS("a.json", "[\n{\n\"a\": 1\n\"b\": 2\n}]",
         "a.json:4: not valid JSON, column 1: \"\"\" where "
         "a comma or the end of an object should be");
    SAYS("a.json", "[\"\xC3\xA9\", {\"a\" 1}]",
         "a.json:1: not valid JSON, column 12: \"1\" where "
         "the colon after a key");
    SAYS("a.json", "// a\n[1]", "a.json:1: not valid JSON, column 1: a comment");
    SAYS("a.json", "[{}, // it's\n{}]", "column 6: a comment");
    SAYS("a.jsonl", "{'a': 'b'}", "column 2: a text in single quotes");
    SAYS("a.jsonl", "{a: 1}", "column 2: a key without quotes");
    SAYS("a.jsonl", "{\"a\": None}", "column 7: Python's None");
    SAYS("a.jsonl", "{\xE2\x80\x9C: 1}", "column 2: a typographic quotation mark");
    SAYS("a.jsonl", "{\"a\": .5}", "column 7: \".\" where a value should be");
    SAYS("a.jsonl", "{\"a\": \"\\x\"}", "a backslash that begins no escape");
    SAYS("a.jsonl", "{\"a\": \"\\u12\"}", "\\u without four hexadecimal digits");
    SAYS("a.jsonl", "{}\n{\"a\": \"b \\uD83D\"}",
         "a.jsonl:2: not valid JSON, column 11: \\ud83d is half of a surrogate pair");
    SAYS("a.jsonl", "\"\\ude00\"", "\\ude00 is half of a surrogate pair");
    SAYS("a.jsonl", "\"\\ud83d\\u0041\"", "\\ud83d is half");
    gives("a.jsonl", "\"\\ud83d\\ude00\"", "1:\"\\ud83d\\ude00\"|");
    gives("a.jsonl", "{\"a\": NaN}", "1:{\"a\": NaN}|"); /* as Python writes it */
    SAYS("a.jsonl", "{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n",
         "a.jsonl:1: not valid JSON, column 2: it "
         "ends where");
    SAYS("a.jsonl", "{\n \"a\": 1\n}\n",
         "a record has one line for itself, and a line one "
         "record: jq -c . '");
    SAYS("a.json", "{\n\"a\": 1}\n{\n\"a\": 2}\n", "a.json:3: expected nothing after the object");
    SAYS("a.jsonl", "{} {}\n", "a line one record: jq -c . '");
    SAYS("a.jsonl", "{},\n{}\n", "the lines of an array?: sed 's/, *\\r*$//' '");
    SAYS("a.jsonl", "{}\n{\"a\": \"b",
         "a.jsonl:2: not valid JSON, column 9: it ends inside a text "
         "that begins at byte 6; is the file cut off?");
    SAYS("a.json", "[{},\n{", "a.json:2: not valid JSON, column 2: it ends where a key");
    SAYS("a.jsonl", "{}\nnull\n", "a.jsonl:2: the record is null: expected an object or a text");
    SAYS("a.jsonl", "3\n", "the record is a number");
    SAYS("a.json", "[[1]]", "the record is an array");
    SAYS("a.json", "{\"type\": \"x\", \"instances\": [{\"text\": \"a\"}]}",
         "a.json:1: \"instances\" holds a data set, not a record: jq -c '.instances[]' '");
    SAYS("a.json", "{\"data\":[{\"text\":\"a\"}],\"meta\":{}}", "jq -c '.data[]' '");
    SAYS("a.json", "{\"data\":[\"a\",\"b\"]}", "jq -c '.data[]' '");
    SAYS("a.json", "{\"features\":[{}],\"rows\":[{\"row_idx\":0,\"row\":{\"text\":\"a\"}}]}",
         "jq -c '.rows[].row' '");
    SAYS("a.json", "{\n\"train\": [{\"text\": \"a\"}], \"test\": [{\"text\": \"a\"}]}",
         "jq -c '.train[]' '");
    static const char turns[] = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}";
    gives("a.jsonl", turns, "1:{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}|");
    gives("a.jsonl", "{\"text\": \"a\", \"data\": [{\"b\": 1}]}",
          "1:{\"text\": \"a\", \"data\": [{\"b\": 1}]}|");
}

/* What is no fault for the parser is none here, at any cut and change of a text. */
static void faults_are_those_of_the_parser(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": [1, -2.5e+3, \"b\\n\\u00e9\\ud83d\\ude00\", true, null], "
                               "\"c\": {}, \"d\": [{\"e\": \"\"}]}";
    static const char bytes[] = ",:]}[{\"\\ x1u";
    struct json_fault fault;
    for (size_t length = 0; length < sizeof text; length++)
        for (size_t at = 0; at <= length; at++)
            for (size_t b = 0; b < sizeof bytes - 1; b++) {
                char changed[sizeof text];
                memcpy(changed, text, sizeof text);
                changed[at] = bytes[b];
                cJSON *tree = json_parse(changed, length, JSON_STRICT, "text", NULL);
                bool wrong = json_fault_find(changed, length, false, &fault);
                if (!tree && !wrong && !strstr(changed, "\\u0000"))
                    fail_msg("no fault in %.*s", (int)length, changed);
                if (wrong && (fault.at > length || !fault.what[0]))
                    fail_msg("%.*s: %zu", (int)length, changed, fault.at);
                cJSON_Delete(tree);
            }
}

/* The names below a folder of what is listed, one behind another; or the error. */
static const char *list(const char *name)
{
    static char got[1024];
    char path[512];
    const char *paths[] = {path};
    struct data_files files;
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    got[0] = '\0';
    if (data_files_list(&files, paths, 1, &err) != 0)
        snprintf(got, sizeof got, "%s", err.text);
    for (size_t i = 0; i < files.count && !err.text[0]; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s ",
                 files.items[i].path + strlen(path) + 1);
    data_files_free(&files);
    /* the form says the same */
    struct error look = ERROR_INIT;
    data_files_look(path, &look);
    if (err.text[0])
        assert_string_equal(look.text, err.text);
    return got;
}

static void listed(const char *name, const char *expected)
{
    const char *got = list(name);
    if (!strstr(got, expected))
        fail_msg("%s: \"%s\" does not have \"%s\"", name, got, expected);
}

static void folders_without_what_is_no_data(void **state)
{
    (void)state;
    static const char *const names[] = {
        "hidden/a.jsonl",     "hidden/.a.jsonl",          "hidden/._a.jsonl",
        "hidden/.git/a.json", "hidden/.cache/a.txt",      "hidden/__MACOSX/a.txt",
        "hidden/__x/a.txt",   "hidden/dataset_info.json", "hidden/dataset_infos.json",
        "hidden/README.md",   "hidden/below/b.txt.gz",    "hidden/below/C.JSON.ZST",
        "hidden/notes.csv",   "hidden/state.json",        "hidden/contest/latest-devil.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(names[i], "\"a\"", 3);
    assert_string_equal(list("hidden"),
                        "a.jsonl below/C.JSON.ZST below/b.txt.gz contest/latest-devil.jsonl ");
}

static void folders_with_parts_are_refused(void **state)
{
    (void)state;
    put("parts/train.jsonl", "\"a\"", 3);
    assert_string_equal(list("parts"), "train.jsonl ");
    put("parts/Test-00.jsonl", "\"a\"", 3);
    listed("parts", "parts has a set for evaluation (Test-00.jsonl) beside one for training "
                    "(train.jsonl); name the files");
    listed("parts/", "has a set for evaluation (Test-00.jsonl)");
    put("parts2/a/x.jsonl", "\"a\"", 3);
    put("parts2/dev/x.jsonl", "\"a\"", 3);
    listed("parts2", "for training (a/x.jsonl) beside one for evaluation (dev/x.jsonl)");
    put("parts3/test_0.jsonl", "\"a\"", 3);
    put("parts3/test_1.jsonl", "\"a\"", 3);
    assert_string_equal(list("parts3"), "test_0.jsonl test_1.jsonl ");
    put("parts3/validation.jsonl", "\"a\"", 3);
    listed("parts3", "has a set for evaluation (test_0.jsonl)");
}

static void folders_of_tables_say_how_to_convert(void **state)
{
    (void)state;
    put("hub/README.md", "# a", 3);
    put("hub/data/train-00000-of-00001.parquet", "PAR1", 4);
    listed("hub", "is a data set in Parquet (data/train-00000-of-00001.parquet); convert it: "
                  "python -c \"import datasets; d = datasets.load_dataset('");
    listed("hub", "/hub'); [d[s].to_json(s + '.jsonl') for s in d]\"");
    put("hub/notes.txt", "a", 1);
    listed("hub", "is a data set in Parquet");
    put("saved/data-00000-of-00001.arrow", "\xFF\xFF\xFF\xFF", 4);
    put("saved/state.json", "{}", 2);
    put("saved/dataset_info.json", "{}", 2);
    listed("saved", "saved'); d.to_json('data.jsonl')\"");
    put("several/train/data-00000-of-00001.arrow", "\xFF\xFF\xFF\xFF", 4);
    put("several/train/state.json", "{}", 2);
    put("several/dataset_dict.json", "{}", 2);
    listed("several", "d = datasets.load_from_disk('");
    listed("several", "several'); [d[s].to_json(s + '.jsonl') for s in d]\"");
    listed("several/train", "several/train'); d.to_json('data.jsonl')\"");
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid";
    put("pointers/a.parquet", pointer, sizeof pointer - 1);
    listed("pointers", "a.parquet is a pointer of Git LFS");
    put("zipped/a.zip", "PK\x03\x04", 4);
    listed("zipped", "a.zip is packed as it is not read here; unpack it");
    put("tables/a.csv", "a", 1);
    listed("tables", "tables/a.csv is a table in CSV; convert it");
    put("packed/a.jsonl", "\"a\"", 3);
    put("packed/b.jsonl.xz", "a", 1);
    listed("packed", "packed/b.jsonl.xz is packed as it is not read here");
}

/* The form's check reads no more than it must, and says what reading would. */
static void looks_before_reading(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(data_files_look(put("look.jsonl", "{]", 2), &err), 0); /* not judged */
    assert_int_equal(data_files_look(put("look.csv", "a", 1), &err), -1);
    assert_non_null(strstr(err.text, "load_dataset('csv'"));
    assert_int_equal(data_files_look(put("look.txt", "", 0), &err), -1);
    assert_non_null(strstr(err.text, "the file is empty"));
    assert_int_equal(data_files_look("/nowhere/at/all.txt", &err), -1);
    assert_non_null(strstr(err.text, "cannot open /nowhere/at/all.txt"));
    put("many/readme.md", "", 0); /* too many for a look while a path is typed */
    for (int i = 0; i < 300; i++) {
        char name[512];
        snprintf(name, sizeof name, "%s/many/%d.md", folder, i);
        assert_int_equal(symlink("readme.md", name), 0);
    }
    char path[512];
    const char *paths[] = {path};
    struct data_files files;
    snprintf(path, sizeof path, "%s/many", folder);
    assert_int_equal(data_files_look(path, &err), 0);
    assert_int_equal(data_files_list(&files, paths, 1, &err), -1);
    assert_non_null(strstr(err.text, "no data in this folder"));
    data_files_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lines_however_they_end),
        cmocka_unit_test(reads_texts_with_one_kind_of_line_end),
        cmocka_unit_test(reads_archives_by_their_content),
        cmocka_unit_test(large_archives_take_no_memory),
        cmocka_unit_test(refuses_other_encodings),
        cmocka_unit_test(refuses_what_is_no_data),
        cmocka_unit_test(names_what_is_wrong_with_json),
        cmocka_unit_test(faults_are_those_of_the_parser),
        cmocka_unit_test(folders_without_what_is_no_data),
        cmocka_unit_test(folders_with_parts_are_refused),
        cmocka_unit_test(folders_of_tables_say_how_to_convert),
        cmocka_unit_test(looks_before_reading),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
