/* Records looked at one by one: the same tokens as training has, by their place in the data. */
#include "test_folder.h"
#include "text_data.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "text/dataset/dataset.h"
#include "text/dataset/record_look.h"
#include "text/record/form.h"

static const struct dataset_options marked = {.mark = "##"};
static struct tokenizer *letters;

static void write_file(const char *name, const char *content)
{
    char *path = path_join(folder, name, NULL);
    assert_int_equal(file_save(path, content, strlen(content), NULL), 0);
    free(path);
}

/* Three files of seven records. */
static void write_data(void)
{
    write_file("1.txt", "ab\nc##d");
    write_file("2.jsonl", "{\"text\":\"ef\",\"id\":1}\n\n{\"prompt\":\"gh\",\"completion\":\"i\"}\n"
                          "{\"text\":\"\"}\n");
    write_file("3.json",
               "[\"j\",\n {\"instruction\":\"k\",\"output\":\"l\",\"id\":2,\"a\\u0007\":3,"
               "\"none\":null}]");
}

static const char *const all[] = {folder};

static struct record_look look_at(uint64_t row)
{
    struct record_look look;
    struct error err = ERROR_INIT;
    if (record_look_at(&look, all, 1, &marked, letters, row, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(look.row, row);
    return look;
}

/* The row's place, form and text. */
static void expect(uint64_t row, const char *file, size_t line, const char *form, const char *text)
{
    const struct look_style style = {.begin = "[", .end = "]", .newline = "|"};
    struct record_look look = look_at(row);
    struct buffer shown = BUFFER_INIT;
    record_look_put_text(&shown, &look.tokens, letters, &style);
    assert_string_equal(strrchr(look.path, '/') + 1, file);
    assert_int_equal(look.line, line);
    assert_string_equal(look.form, form);
    assert_string_equal(buffer_string(&shown), text);
    assert_false(look.cut);
    buffer_free(&shown);
    record_look_free(&look);
}

static void a_row_is_found_over_all_files(void **state)
{
    (void)state;
    write_data();
    expect(1, "1.txt", 1, "plain text", "<s>[ab|c</s>]");
    expect(2, "1.txt", 2, "plain text", "<s>[d</s>]");
    expect(3, "2.jsonl", 1, "text", "<s>[ef</s>]");
    expect(4, "2.jsonl", 3, "prompt and completion, texts", "<s>gh[i</s>]");
    expect(6, "3.json", 1, "text", "<s>[j</s>]");
    struct record_look empty = look_at(5);
    assert_int_equal(empty.tokens.count, 0);
    record_look_free(&empty);
}

static void a_row_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct record_look look;
    struct error err = ERROR_INIT;
    write_data();
    assert_int_equal(record_look_at(&look, all, 1, &marked, letters, 8, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "no record 8: the data has 7,"));
}

static void unread_columns_are_listed(void **state)
{
    (void)state;
    write_data();
    struct record_look look = look_at(7);
    assert_int_equal(look.unread.count, 2); /* not the one that is null */
    assert_string_equal(look.unread.items[0].text, "id");
    assert_string_equal(look.unread.items[1].text, "a\a");
    record_look_free(&look);
}

/* What stands first is predicted by nothing: it is no target, whatever its weight. */
static void the_first_token_is_no_target(void **state)
{
    (void)state;
    const struct look_style style = {"[", "]", "\\n", 0, 0};
    struct token_list tokens = {0};
    struct buffer shown = BUFFER_INIT;
    for (int i = 0; i < 3; i++)
        assert_int_equal(token_list_add(&tokens, i, 1, NULL), 0);
    assert_false(record_look_trains(&tokens, 0));
    assert_true(record_look_trains(&tokens, 1));
    assert_int_equal(record_look_supervised(&tokens), 2);
    record_look_put_text(&shown, &tokens, letters, &style);
    assert_string_equal(buffer_string(&shown), "a[bc]");
    token_list_free(&tokens);
    buffer_free(&shown);
}

static void an_undesired_record_says_so(void **state)
{
    (void)state;
    write_data();
    write_file("2.jsonl", "{\"prompt\":\"e\",\"completion\":\"f\",\"label\":true}\n"
                          "{\"prompt\":\"g\",\"completion\":\"h\",\"label\":false}\n");
    struct record_look desired = look_at(3), undesired = look_at(4);
    assert_false(desired.undesired);
    assert_int_equal(record_look_supervised(&desired.tokens), 2);
    assert_true(undesired.undesired);
    assert_int_equal(record_look_supervised(&undesired.tokens), 0);
    record_look_free(&desired);
    record_look_free(&undesired);
}

/* Every record of a walk is the document that training has. */
static void tokens_are_the_loaders(void **state)
{
    (void)state;
    struct dataset data;
    struct record_walk *walk;
    struct record_look look;
    size_t document = 0, records = 0;
    write_data();
    assert_int_equal(dataset_load(&data, all, 1, &marked, letters, NULL), 0);
    assert_int_equal(record_walk_open(&walk, all, 1, &marked, letters, NULL), 0);
    int status;
    while ((status = record_walk_next(walk, &look, NULL)) > 0) {
        records++;
        if (look.tokens.count >= 2) {
            uint64_t begin = data.offsets[document], count = data.offsets[++document] - begin;
            assert_int_equal(look.tokens.count, count);
            assert_memory_equal(look.tokens.ids, data.ids + begin, count * sizeof *data.ids);
            assert_memory_equal(look.tokens.weights, data.weights + begin,
                                count * sizeof *data.weights);
        }
        record_look_free(&look);
    }
    assert_int_equal(status, 0);
    assert_int_equal(document, data.documents);
    assert_int_equal(records, data.documents + data.left_out);
    record_walk_close(walk);
    dataset_free(&data);
}

/* One document of 3 MB comes in parts and is one record; what is behind it is found. */
static void a_long_text_is_one_record(void **state)
{
    (void)state;
    enum { LENGTH = 3 << 20 };
    char *text = malloc(LENGTH + 8);
    for (size_t i = 0; i < LENGTH; i++)
        text[i] = i % 6 == 5 ? ' ' : 'a';
    strcpy(text + LENGTH, "##zz");
    write_data();
    write_file("1.txt", text);
    free(text);
    struct record_look look = look_at(1);
    assert_true(look.cut);
    assert_int_equal(look.tokens.count, LOOK_TOKENS_MAX);
    record_look_free(&look);
    expect(2, "1.txt", 1, "plain text", "<s>[zz</s>]");
    expect(3, "2.jsonl", 1, "text", "<s>[ef</s>]");
}

static void errors_name_the_line(void **state)
{
    (void)state;
    struct record_look look;
    struct error err = ERROR_INIT;
    write_data();
    write_file("2.jsonl", "{\"text\":\"ef\"}\n\n{\"nothing\":1}\n[1]\n");
    assert_int_equal(record_look_at(&look, all, 1, &marked, letters, 4, &err), -1);
    assert_non_null(strstr(err.text, "2.jsonl:3: "));
    assert_int_equal(record_look_at(&look, all, 1, &marked, letters, 5, &err), -1);
    assert_non_null(strstr(err.text, "2.jsonl:4: "));
    /* a record behind them is found all the same */
    expect(6, "3.json", 1, "text", "<s>[j</s>]");
}

/* A long stretch is shown by its ends, a long record by its beginning; controls are not shown. */
static void texts_are_shortened(void **state)
{
    (void)state;
    const struct look_style style = {"[", "]", "\\n", 6, 9};
    struct token_list tokens = {0};
    struct buffer shown = BUFFER_INIT;
    for (int i = 0; i < 12; i++)
        assert_int_equal(token_list_add(&tokens, i % 26, i >= 10, NULL), 0);
    record_look_put_text(&shown, &tokens, letters, &style);
    assert_string_equal(buffer_string(&shown), "abc ... hij ... ");
    buffer_clear(&shown);
    tokens.count = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(token_list_add(&tokens, i == 1 ? 27 : i, i > 1, NULL), 0);
    record_look_put_text(&shown, &tokens, letters, &style);
    assert_string_equal(buffer_string(&shown), "a\\n[cd]");
    token_list_free(&tokens);
    buffer_free(&shown);
}

/* What --help lists are the keys that --columns takes. */
static void the_keys_of_columns_are_listed(void **state)
{
    (void)state;
    char listed[512] = "", *at = listed;
    for (int i = 0; i < COLUMN_COUNT; i++)
        at += snprintf(at, sizeof listed - (size_t)(at - listed), "%s%s", i ? ", " : "",
                       column_key((enum column)i));
    assert_string_equal(COLUMN_KEYS, listed);
}

static int open_letters(void **state)
{
    letters = letter_tokenizer(true);
    return make_folder(state);
}

static int close_letters(void **state)
{
    tokenizer_close(letters);
    return remove_folder(state);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, open_letters, close_letters)
    const struct CMUnitTest tests[] = {
        TEST(a_row_is_found_over_all_files), TEST(a_row_that_is_not_there_is_named),
        TEST(unread_columns_are_listed),     TEST(tokens_are_the_loaders),
        TEST(a_long_text_is_one_record),     TEST(errors_name_the_line),
        TEST(texts_are_shortened),           TEST(the_first_token_is_no_target),
        TEST(an_undesired_record_says_so),   TEST(the_keys_of_columns_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
