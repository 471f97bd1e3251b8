/* Data sets on disk: found again by content, made again where they are damaged, the same tokens as
 * in memory; folders; memory. */
#include "test_folder.h"
#include "text_data.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "text/data/records.h"
#include "text/dataset/dataset.h"
#include "text/tokenizer/tokenizer.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const struct dataset_options plain = {0};

/* What was said, one line behind another. */
static char said[4096];

static void say(void *context, const char *line)
{
    (void)context;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", line);
}

static bool stop(void *context)
{
    return context != NULL;
}

static const struct dataset_watch watch = {.say = say, .stop = stop};

static void put_file(const char *name, const char *content)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *below = path_folder(path, NULL);
    assert_int_equal(folder_make(below, NULL), 0);
    assert_int_equal(file_save(path, content, strlen(content), NULL), 0);
    free(below);
}

static int open_with(struct dataset *out, const char *name, const struct dataset_options *options,
                     bool adds_bos, struct error *err)
{
    char path[512];
    const char *paths[] = {path};
    struct tokenizer *tokenizer = letter_tokenizer(adds_bos);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    said[0] = '\0';
    int status = dataset_open(out, paths, 1, options, tokenizer, &watch, err);
    tokenizer_close(tokenizer);
    return status;
}

/* Opens and says whether the cache had it. */
static bool is_found(const char *name, const struct dataset_options *options, bool adds_bos)
{
    struct dataset data;
    struct error err = ERROR_INIT;
    if (open_with(&data, name, options, adds_bos, &err) != 0)
        fail_msg("%s", err.text);
    dataset_free(&data);
    bool found = strstr(said, "tokenised data found: ") != NULL;
    assert_int_equal(found, strstr(said, "tokenising") == NULL);
    return found;
}

static void same_tokens(const struct dataset *a, const struct dataset *b)
{
    assert_int_equal(a->tokens, b->tokens);
    assert_int_equal(a->documents, b->documents);
    assert_int_equal(a->supervised, b->supervised);
    assert_int_equal(a->left_out, b->left_out);
    assert_int_equal(a->weighted, b->weighted);
    assert_memory_equal(a->kinds, b->kinds, a->documents);
    assert_string_equal(a->fingerprint, b->fingerprint);
    assert_int_equal(dataset_largest_id(a), dataset_largest_id(b));
    assert_memory_equal(a->offsets, b->offsets, (a->documents + 1) * sizeof *a->offsets);
    for (uint64_t i = 0; i < a->tokens; i += 3) {
        int32_t ids[2][5];
        float weights[2][5];
        size_t count = a->tokens - i < 5 ? (size_t)(a->tokens - i) : 5;
        assert_int_equal(dataset_read(a, i, count, ids[0], weights[0], NULL), 0);
        assert_int_equal(dataset_read(b, i, count, ids[1], weights[1], NULL), 0);
        assert_memory_equal(ids[0], ids[1], count * sizeof *ids[0]);
        assert_memory_equal(weights[0], weights[1], count * sizeof *weights[0]);
    }
}

static void is_the_data_set_in_memory(void **state)
{
    (void)state;
    put_file("pairs.jsonl", "{\"prompt\":\"ab\",\"completion\":\"cd\"}\n{\"text\":\"x\"}\n"
                            "{\"text\":\"\"}\n{\"text\":\"hello there\"}");
    char path[512];
    const char *paths[] = {path};
    struct dataset in_memory, made, found;
    snprintf(path, sizeof path, "%s/pairs.jsonl", folder);
    struct tokenizer *tokenizer = letter_tokenizer(true);
    assert_int_equal(dataset_load(&in_memory, paths, 1, &plain, tokenizer, NULL), 0);
    assert_int_equal(in_memory.documents, 3);
    tokenizer_close(tokenizer);
    assert_int_equal(open_with(&made, "pairs.jsonl", &plain, true, NULL), 0);
    assert_non_null(strstr(said, "tokenising 1 file, 81 B; kept for later runs\n"));
    assert_null(made.ids);
    assert_int_equal(open_with(&found, "pairs.jsonl", &plain, true, NULL), 0);
    assert_string_equal(said, "tokenised data found: 22 tokens in 3 documents\ndata: recognised: "
                              "prompt and completion, texts (1 record), text (3 records)\n");
    same_tokens(&in_memory, &made);
    same_tokens(&in_memory, &found);
    assert_int_equal(strlen(found.sources[0].fingerprint), 32);
    dataset_free(&in_memory);
    dataset_free(&made);
    dataset_free(&found);
}

/* What was seen of the records is kept with their tokens, and is said of a copy under its name. */
static void notes_are_found_again(void **state)
{
    (void)state;
    const struct dataset_options chat = {.template_name = "chatml"};
    const char *records = "{\"text\":\"x y\",\"id\":1}\n"
                          "{\"prompt\":\"a\",\"completion\":\"b\",\"label\":false,\"id\":2,"
                          "\"a\\u009b\":[3]}";
    struct dataset made, found;
    put_file("notes.jsonl", records);
    assert_int_equal(open_with(&made, "notes.jsonl", &chat, true, NULL), 0);
    put_file("copy.jsonl", records);
    assert_int_equal(open_with(&found, "copy.jsonl", &chat, true, NULL), 0);
    assert_non_null(strstr(said, "data: recognised: text (1 record), KTO, prompt and completion, "
                                 "texts as turns (1 record)\ndata: 1 undesired (label false): "
                                 "nothing of them is trained\ndata: columns that are not read: id "
                                 "(copy.jsonl:1), a? (copy.jsonl:2)\n"));
    assert_true(found.templated);
    assert_int_equal(found.undesired, 1);
    assert_int_equal(found.unread.count, 2);
    assert_int_equal(found.unread.items[0].count, 2);
    assert_non_null(strstr(found.unread.items[1].path, "copy.jsonl"));
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    dataset_put_counts(&json, NULL, &found.unread);
    assert_string_equal(buffer_string(&text), "{\"id\": 2, \"a\\u009b\": 1}");
    buffer_clear(&text);
    json = (struct json_writer){.out = &text};
    dataset_put_forms(&json, NULL, &found);
    assert_string_equal(buffer_string(&text),
                        "{\"text\": 1, \"KTO, prompt and completion, texts as turns\": 1}");
    buffer_free(&text);
    dataset_free(&made);
    dataset_free(&found);
}

/* Found again, too, a --template that writes nothing is an error. */
static void template_must_write_something(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct dataset_options chat = {.template_name = "chatml", .template_may_rest = true};
    struct dataset data;
    put_file("texts.jsonl", "{\"text\":\"x y\"}");
    assert_int_equal(open_with(&data, "texts.jsonl", &chat, true, NULL), 0);
    dataset_free(&data);
    chat.template_may_rest = false;
    assert_int_equal(open_with(&data, "texts.jsonl", &chat, true, &err), -1);
    assert_non_null(strstr(err.text, "texts.jsonl: --template chatml has nothing to write"));
    put_file("texts.jsonl", "{\"text\":\"x y\"}\n{\"prompt\":\"a\",\"completion\":\"b\"}");
    assert_int_equal(open_with(&data, "texts.jsonl", &chat, true, NULL), 0);
    dataset_free(&data);
}

static void is_found_by_content_tokenizer_and_options(void **state)
{
    (void)state;
    const struct dataset_options marked = {.mark = "q"}, mapped = {.columns = "label="};
    const struct dataset_options chat = {.template_name = "chatml", .template_may_rest = true};
    put_file("key/a.txt", "one q two");
    assert_false(is_found("key/a.txt", &plain, true));
    assert_true(is_found("key/a.txt", &plain, true));
    assert_false(is_found("key/a.txt", &plain, false)); /* another tokenizer */
    assert_false(is_found("key/a.txt", &marked, true));
    assert_false(is_found("key/a.txt", &chat, true));
    assert_false(is_found("key/a.txt", &mapped, true));
    put_file("key/b.txt", "one q two");
    assert_true(is_found("key/b.txt", &plain, true)); /* a copy */
    put_file("key/b.jsonl", "\"one\"");
    put_file("key/b.json", "[\"one\"]");
    assert_false(is_found("key/b.jsonl", &plain, true));
    put_file("key/b.json", "\"one\"");
    put_file("key/a.txt", "one q twp"); /* as long */
    assert_false(is_found("key/a.txt", &plain, true));
    assert_true(is_found("key/a.txt", &plain, true));
    assert_true(is_found("key/b.jsonl", &plain, true));
    struct dataset data;
    assert_int_equal(open_with(&data, "key/b.json", &plain, true, NULL), -1); /* same bytes */
}

/* The one file of tokens that is in the cache. */
static void cached_path(char *out, size_t size)
{
    char below[256];
    snprintf(below, sizeof below, "%s/spectrum/data", folder);
    DIR *entries = opendir(below);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] != '.' && text_ends_with(entry->d_name, ".tokens") && ++count)
            snprintf(out, size, "%s/%s", below, entry->d_name);
    closedir(entries);
    assert_int_equal(count, 1);
}

static void empty_cache(void)
{
    char below[256];
    snprintf(below, sizeof below, "%s/spectrum/data", folder);
    folder_remove(below);
}

/* At every byte: cut off there, that byte another, and followed by one more. */
static void damage_is_found_and_mended(void **state)
{
    (void)state;
    char path[600];
    struct buffer good = BUFFER_INIT;
    struct dataset first, again;
    empty_cache();
    put_file("harm.txt", "to be");
    assert_int_equal(open_with(&first, "harm.txt", &plain, true, NULL), 0);
    cached_path(path, sizeof path);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600); /* data may be private */
    assert_int_equal(file_read_all(&good, path, 4096, NULL), 0);
    for (size_t at = 0; at < good.length; at++) {
        assert_int_equal(file_save(path, good.data, at, NULL), 0);
        assert_false(is_found("harm.txt", &plain, true));
        good.data[at] ^= 0x10;
        assert_int_equal(file_save(path, good.data, good.length, NULL), 0);
        if (is_found("harm.txt", &plain, true))
            fail_msg("byte %zu of %zu was believed", at, good.length);
        good.data[at] ^= 0x10;
    }
    buffer_byte(&good, 'x');
    assert_int_equal(file_save(path, good.data, good.length, NULL), 0);
    assert_false(is_found("harm.txt", &plain, true));
    assert_int_equal(file_save(path, "", 0, NULL), 0);
    assert_false(is_found("harm.txt", &plain, true));
    assert_int_equal(open_with(&again, "harm.txt", &plain, true, NULL), 0);
    assert_non_null(strstr(said, "found"));
    same_tokens(&first, &again);
    dataset_free(&first);
    dataset_free(&again);
    buffer_free(&good);
}

/* A sound file of other data under this data's name. */
static void foreign_file_is_not_believed(void **state)
{
    (void)state;
    char path[600];
    struct buffer foreign = BUFFER_INIT;
    struct dataset data;
    empty_cache();
    put_file("other.txt", "something else");
    assert_false(is_found("other.txt", &plain, true));
    cached_path(path, sizeof path);
    assert_int_equal(file_read_all(&foreign, path, 4096, NULL), 0);
    empty_cache();
    put_file("mine.txt", "mine");
    assert_false(is_found("mine.txt", &plain, true));
    cached_path(path, sizeof path);
    assert_int_equal(file_save(path, foreign.data, foreign.length, NULL), 0);
    assert_int_equal(open_with(&data, "mine.txt", &plain, true, NULL), 0);
    assert_null(strstr(said, "found"));
    assert_int_equal(data.tokens, 6);
    dataset_free(&data);
    buffer_free(&foreign);
}

/* The file shrinks, or changes, while the data set is open. */
static void change_in_use_is_an_error(void **state)
{
    (void)state;
    char path[600];
    int32_t ids[4];
    struct dataset data;
    struct error err = ERROR_INIT;
    empty_cache();
    put_file("use.txt", "used");
    assert_int_equal(open_with(&data, "use.txt", &plain, true, NULL), 0);
    cached_path(path, sizeof path);
    FILE *file = fopen(path, "r+");
    assert_int_equal(fwrite("\xFF\xFF\xFF\x7F", 1, 4, file), 4);
    fclose(file);
    assert_int_equal(dataset_read(&data, 0, 4, ids, NULL, &err), -1);
    assert_non_null(strstr(err.text, "changed while it was in use"));
    assert_int_equal(truncate(path, 6), 0);
    assert_int_equal(dataset_read(&data, 1, 2, ids, NULL, &err), -1);
    assert_non_null(strstr(err.text, "truncated"));
    dataset_free(&data);
}

static int writes_left;
static struct sys_table real_sys;

static ssize_t full_disk(int fd, const void *data, size_t count)
{
    if (writes_left-- == 0) {
        errno = ENOSPC;
        return -1;
    }
    return real_sys.write(fd, data, count);
}

/* A cache folder that cannot be made, and a disk that is full at the n-th write. */
static void cache_that_cannot_be_written(void **state)
{
    (void)state;
    struct dataset data, expected;
    empty_cache();
    put_file("full.txt", "full of words");
    assert_int_equal(open_with(&expected, "full.txt", &plain, true, NULL), 0);
    empty_cache();
    real_sys = sys;
    for (int n = 0; n < 6; n++) {
        writes_left = n;
        sys.write = full_disk;
        int status = open_with(&data, "full.txt", &plain, true, NULL);
        sys = real_sys;
        assert_int_equal(status, 0);
        assert_non_null(strstr(said, "cannot be kept for the next run: cannot write"));
        same_tokens(&expected, &data);
        dataset_free(&data);
        empty_cache();
    }
    put_file("a-file", "");
    char path[512];
    snprintf(path, sizeof path, "%s/a-file", folder);
    setenv("XDG_CACHE_HOME", path, 1);
    assert_int_equal(open_with(&data, "full.txt", &plain, true, NULL), 0);
    assert_non_null(strstr(said, "cannot be kept for the next run: cannot make folder"));
    same_tokens(&expected, &data);
    dataset_free(&data);
    setenv("TMPDIR", "/nowhere/at/all", 1);
    struct error err = ERROR_INIT;
    assert_int_equal(open_with(&data, "full.txt", &plain, true, &err), -1);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    setenv("TMPDIR", folder, 1);
    setenv("XDG_CACHE_HOME", folder, 1);
    dataset_free(&expected);
}

static int little_room(int fd, struct statvfs *out)
{
    (void)fd;
    *out = (struct statvfs){.f_blocks = 10, .f_frsize = 1, .f_bavail = 10};
    return 0;
}

/* It may not fit: said, and tried all the same. */
static void little_room_is_said(void **state)
{
    (void)state;
    struct dataset data;
    put_file("room.txt", "more words than there is room for");
    real_sys = sys;
    sys.fstatvfs = little_room;
    int status = open_with(&data, "room.txt", &plain, true, NULL);
    sys = real_sys;
    assert_int_equal(status, 0);
    assert_non_null(strstr(said, "the tokens may take about 96 B, and 10 B are left there"));
    dataset_free(&data);
}

static void stops_when_asked(void **state)
{
    (void)state;
    char path[512];
    const char *paths[] = {path};
    const struct dataset_watch stopping = {.context = said, .say = say, .stop = stop};
    struct dataset data;
    struct error err = ERROR_INIT;
    put_file("stop.txt", "stop it");
    snprintf(path, sizeof path, "%s/stop.txt", folder);
    struct tokenizer *tokenizer = letter_tokenizer(true);
    assert_int_equal(dataset_open(&data, paths, 1, &plain, tokenizer, &stopping, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    tokenizer_close(tokenizer);
}

static void folder_is_its_files_in_order(void **state)
{
    (void)state;
    char path[512], to[512];
    struct dataset data;
    struct error err = ERROR_INIT;
    put_file("tree/b.txt", "b");
    put_file("tree/a/z.jsonl", "\"az\"");
    put_file("tree/a-.json", "[\"am\"]");
    put_file("tree/a/readme.md", "no data");
    put_file("elsewhere/c.txt", "c");
    snprintf(to, sizeof to, "%s/elsewhere/c.txt", folder);
    snprintf(path, sizeof path, "%s/tree/c.txt", folder);
    assert_int_equal(symlink(to, path), 0);
    snprintf(path, sizeof path, "%s/tree/a/loop", folder);
    assert_int_equal(symlink("..", path), 0);
    snprintf(path, sizeof path, "%s/tree/pipe.txt", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    if (open_with(&data, "tree", &plain, false, &err) != 0)
        fail_msg("%s", err.text);
    static const int32_t expected[] = {0, 12, 29, 0, 25, 29, 1, 29, 2, 29}; /* "-" before "/" */
    int32_t ids[10];
    assert_int_equal(data.tokens, 10);
    assert_int_equal(dataset_read(&data, 0, 10, ids, NULL, NULL), 0);
    assert_memory_equal(ids, expected, sizeof expected);
    assert_int_equal(data.source_count, 1);
    assert_int_equal(data.sources[0].end, 4);
    dataset_free(&data);
    put_file("empty/below/readme.md", "no data");
    assert_int_equal(open_with(&data, "empty", &plain, false, &err), -1);
    assert_non_null(strstr(err.text, "no data in this folder; it takes .txt, .jsonl and .json"));
    assert_int_equal(open_with(&data, "none", &plain, false, &err), -1);
    assert_non_null(strstr(err.text, "cannot open"));
}

/* Both parts together are the whole, wherever a known tokenizer's text is cut. */
static void parts_give_the_tokens_of_the_whole(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    static const char *const names[] = {"gpt2_hf", "llama2_hf", "llama3.2_hf", "qwen2.5_hf",
                                        "smollm_hf"};
    struct buffer text = BUFFER_INIT;
    char path[1024];
    snprintf(path, sizeof path, "%s/text/tinyshakespeare.txt", shared);
    assert_int_equal(file_read_all(&text, path, 4 << 20, NULL), 0);
    text.length = 100000;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        struct tokenizer *tokenizer = shared_tokenizer(names[n]);
        struct token_list whole = {0}, parts = {0};
        const unsigned flags = ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL;
        assert_int_equal(tokenizer_encode(tokenizer, text.data, text.length, flags, &whole, NULL),
                         0);
        for (size_t at = 0, step = 0; at < text.length; at += step) {
            size_t left = text.length - at, most = 40 + at % 97; /* lines, and parts of lines */
            step = left > most ? record_seam(text.data + at, most) : left;
            unsigned part =
                flags | (at > 0 ? ENCODE_GOES_ON : 0u) | (step < left ? ENCODE_UNENDED : 0u);
            assert_int_equal(tokenizer_encode(tokenizer, text.data + at, step, part, &parts, NULL),
                             0);
        }
        assert_int_equal(whole.count, parts.count);
        assert_memory_equal(whole.ids, parts.ids, whole.count * sizeof *whole.ids);
        token_list_free(&whole);
        token_list_free(&parts);
        tokenizer_close(tokenizer);
    }
    buffer_free(&text);
}

/* A piece behind a token of its own begins with a space where all pieces do, but a part does not.
 */
static void parts_begin_no_piece(void **state)
{
    (void)state;
    static const char text[] = "ab<x>c\nd<x>a", spelled[] = "~ab<x>~c\nd<x>~a";
    put_file("prefixed/tokenizer.json",
             "{\"added_tokens\": [{\"id\": 6, \"content\": \"<x>\", \"special\": true}],"
             "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true,"
             "\"use_regex\": true}, \"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\":"
             "\"BPE\", \"merges\": [], \"vocab\": {\"a\": 0, \"b\": 1, \"c\": 2, \"d\": 3,"
             "\"\xC4\xA0\": 4, \"\xC4\x8A\": 5}}}");
    char path[512], got[64] = "";
    struct tokenizer *tokenizer;
    struct token_list list = {0};
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/prefixed", folder);
    if (tokenizer_open(&tokenizer, path, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t cut = 7; cut <= sizeof text - 1; cut += sizeof text - 8) { /* in two, and whole */
        list.count = 0;
        unsigned end = cut < sizeof text - 1 ? ENCODE_UNENDED : 0;
        assert_int_equal(
            tokenizer_encode(tokenizer, text, cut, ENCODE_PARSE_SPECIAL | end, &list, NULL), 0);
        if (end)
            assert_int_equal(tokenizer_encode(tokenizer, text + cut, sizeof text - 1 - cut,
                                              ENCODE_PARSE_SPECIAL | ENCODE_GOES_ON, &list, NULL),
                             0);
        got[0] = '\0';
        for (size_t i = 0; i < list.count; i++) {
            static const char *const letters[] = {"a", "b", "c", "d", "~", "\n", "<x>"};
            strcat(got, letters[list.ids[i]]);
        }
        assert_string_equal(got, spelled);
    }
    token_list_free(&list);
    tokenizer_close(tokenizer);
}

static void seams_are_between_words(void **state)
{
    (void)state;
    assert_int_equal(record_seam("ab cd\nef gh", 11), 6);
    assert_int_equal(record_seam("ab cd\n\nef gh", 12), 9);    /* not between two line ends */
    assert_int_equal(record_seam("ab\xE3\x80\x80\nef", 8), 7); /* nor behind another space */
    assert_int_equal(record_seam("ab  cd", 6), 5);
    assert_int_equal(record_seam("abc\xC3\xA9", 5), 3); /* and not in a letter */
    assert_int_equal(record_seam("\xC3\xA9", 2), 2);
}

static void add_letters(struct buffer *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buffer_byte(text, (char)('a' + i % 25));
}

/* Documents and lines around and far above what is read at once: a token for each letter. */
static void long_documents_are_whole(void **state)
{
    (void)state;
    static const size_t lengths[] = {
        1, RECORD_PART_MAX - 1,     RECORD_PART_MAX,    RECORD_PART_MAX + 1,
        5, 3 * RECORD_PART_MAX + 7, 2 * RECORD_PART_MAX};
    enum { COUNT = sizeof lengths / sizeof *lengths };
    const struct dataset_options marked = {.mark = "zz"};
    for (int lines = 0; lines < 2; lines++) {
        struct buffer text = BUFFER_INIT;
        struct dataset data;
        char path[512];
        const char *name = lines ? "long.jsonl" : "long.txt";
        snprintf(path, sizeof path, "%s/%s", folder, name);
        for (size_t i = 0; i < COUNT; i++) {
            buffer_text(&text, lines ? "{\"text\": \"" : "");
            add_letters(&text, lengths[i]);
            buffer_text(&text, lines ? "\"}\n" : "zz");
        }
        assert_int_equal(file_save(path, text.data, text.length, NULL), 0);
        assert_int_equal(open_with(&data, name, lines ? &plain : &marked, true, NULL), 0);
        assert_int_equal(data.documents, COUNT);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(data.offsets[i + 1] - data.offsets[i], lengths[i] + 2);
        assert_int_equal(data.supervised, data.tokens - COUNT);
        dataset_free(&data);
        buffer_free(&text);
    }
}

enum { MEGABYTES = 24 };

/* A text of one document, a token for each of its letters. */
static void put_large_text(const char *path)
{
    char line[64];
    FILE *file = fopen(path, "w");
    for (long at = 0; at < MEGABYTES * 1000000L; at += (long)strlen(line)) {
        snprintf(line, sizeof line, "the %c%c%c and the %c%c saw one of them\n",
                 (char)('a' + at % 26), (char)('a' + at % 23), (char)('a' + at % 19),
                 (char)('a' + at % 17), (char)('a' + at % 13));
        fputs(line, file);
    }
    fclose(file);
}

/* 24 million tokens are 120 MB, and the same measure sees them where they are in memory. */
static void memory_does_not_grow_with_the_data(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    printf("SKIPPED: the address sanitizer keeps what was freed\n");
    skip();
#endif
    char path[512];
    const char *paths[] = {path};
    struct dataset data, in_memory;
    snprintf(path, sizeof path, "%s/large.txt", folder);
    put_large_text(path);
    size_t before = process_peak_bytes();
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(open_with(&data, "large.txt", &plain, true, NULL), 0);
        assert_int_equal(strstr(said, "found") != NULL, turn);
        assert_true(data.tokens > MEGABYTES * 1000000L);
        if (process_peak_bytes() - before > 16 << 20)
            fail_msg("it took %zu MB", (process_peak_bytes() - before) >> 20);
        dataset_free(&data);
    }
    struct tokenizer *tokenizer = letter_tokenizer(true);
    assert_int_equal(dataset_load(&in_memory, paths, 1, &plain, tokenizer, NULL), 0);
    assert_true(process_peak_bytes() - before > 100 << 20);
    tokenizer_close(tokenizer);
    dataset_free(&in_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_does_not_grow_with_the_data), /* first: peaks stay */
        cmocka_unit_test(is_the_data_set_in_memory),
        cmocka_unit_test(notes_are_found_again),
        cmocka_unit_test(template_must_write_something),
        cmocka_unit_test(is_found_by_content_tokenizer_and_options),
        cmocka_unit_test(damage_is_found_and_mended),
        cmocka_unit_test(foreign_file_is_not_believed),
        cmocka_unit_test(change_in_use_is_an_error),
        cmocka_unit_test(cache_that_cannot_be_written),
        cmocka_unit_test(little_room_is_said),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(folder_is_its_files_in_order),
        cmocka_unit_test(parts_give_the_tokens_of_the_whole),
        cmocka_unit_test(parts_begin_no_piece),
        cmocka_unit_test(seams_are_between_words),
        cmocka_unit_test(long_documents_are_whole),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
