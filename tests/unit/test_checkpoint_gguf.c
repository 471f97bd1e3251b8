/* GGUF files that are not what they should be are refused in a line that says why; models in parts. */
#include "test.h"

#include "gguf_data.h"

static void put_count(struct buffer *file, const char *key, uint64_t value)
{
    gguf_key(file, key, GGUF_U16);
    gguf_number(file, value, 2);
}

/* --- models in parts --- */

/* Part `number` of `count` (from 1 on) under a name, with one tensor, called as the part's file would
 * be; the first says how many tensors there are in all. */
static void put_part(const char *folder, const char *name, int number, int count, int tensors)
{
    struct buffer file = BUFFER_INIT;
    char tensor[16];
    gguf_begin(&file, 1, number == 1 ? 4 : 2);
    put_count(&file, "split.no", (uint64_t)number - 1);
    put_count(&file, "split.count", (uint64_t)count);
    if (number == 1) {
        put_count(&file, "split.tensors.count", (uint64_t)tensors);
        put_count(&file, "of.the.first", 7);
    }
    snprintf(tensor, sizeof tensor, "part.%d", number);
    gguf_tensor(&file, tensor, strlen(tensor), 0, 2, 2);
    while (file.length % 32 != 0)
        buffer_byte(&file, 0);
    for (int i = 0; i < 4; i++)
        gguf_number(&file, 0x3F800000u + ((uint64_t)number << 16), 4);
    data_file(folder, name, file.data, file.length);
    buffer_free(&file);
}

static void open_named(const char *folder, const char *name, const char *says)
{
    char *path = path_join(folder, name, NULL);
    checkpoint_close(data_open(path, says));
    free(path);
}

static void check_parts(const char *path, char fingerprint[33])
{
    struct checkpoint *checkpoint = data_open(path, NULL);
    int64_t seven = 0;
    assert_int_equal(checkpoint_count(checkpoint), 3);
    for (int i = 0; i < 3; i++) {
        char name[32];
        float value = 0;
        snprintf(name, sizeof name, "part.%d", i + 1);
        const struct tensor_info *tensor = checkpoint_tensor(checkpoint, (size_t)i);
        assert_string_equal(tensor->name, name);
        assert_int_equal(checkpoint_read_f32(checkpoint, tensor, 3, 1, &value, NULL), 0);
        assert_true(value == 1 + (float)(i + 1) / 128);
    }
    assert_true(json_get_int64(checkpoint_metadata(checkpoint), "of.the.first", &seven));
    assert_int_equal(checkpoint_fingerprint(checkpoint, fingerprint, NULL), 0);
    checkpoint_close(checkpoint);
}

static void any_part_opens_all(void **state)
{
    (void)state;
    static const char *const names[] = {"", "m-00001-of-00003.gguf", "m-00002-of-00003.gguf",
                                        "m-00003-of-00003.gguf"};
    char *folder = data_folder(), first[33], other[33];
    for (int i = 1; i <= 3; i++)
        put_part(folder, names[i], i, 3, 3);
    for (int i = 0; i <= 3; i++) { /* the folder, too */
        char *path = path_join(folder, names[i], NULL);
        check_parts(path, i == 0 ? first : other);
        if (i > 0)
            assert_string_equal(first, other);
        free(path);
    }
    put_part(folder, "n-00001-of-00003.gguf", 1, 3, 3);
    struct error err = ERROR_INIT;
    struct checkpoint *checkpoint = NULL;
    assert_int_equal(checkpoint_open(&checkpoint, folder, &err), -1);
    assert_non_null(strstr(err.text, "holds 4 .gguf files; name one of them"));
    data_folder_remove(folder);
}

static void parts_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    char *folder = data_folder();
    put_part(folder, "m-00001-of-00003.gguf", 1, 3, 3);
    put_part(folder, "m-00003-of-00003.gguf", 3, 3, 0);
    open_named(folder, "m-00001-of-00003.gguf",
               "m-00002-of-00003.gguf: it is not there, and the "
               "model is split into 3 parts");
    put_part(folder, "m-00002-of-00003.gguf", 3, 3, 0);
    open_named(folder, "m-00003-of-00003.gguf",
               "its name says part 2 of 3, its metadata part 3 of 3");
    put_part(folder, "m-00002-of-00003.gguf", 2, 4, 0);
    open_named(folder, "m-00001-of-00003.gguf",
               "its name says part 2 of 3, its metadata part 2 of 4");
    put_part(folder, "m-00002-of-00003.gguf", 2, 3, 0);
    put_part(folder, "m-00001-of-00003.gguf", 1, 3, 4);
    open_named(folder, "m-00002-of-00003.gguf", "its 3 parts have 3 tensors, and should have 4");
    put_part(folder, "other.gguf", 2, 3, 0);
    open_named(folder, "other.gguf",
               "is one of the 3 parts of a split model, and is not called as "
               "such: the others are found by the name "
               "NAME-00001-of-00003.gguf");
    put_part(folder, "-00002-of-00003.gguf", 2, 3, 0);
    put_part(folder, "m-00009-of-00003.gguf", 2, 3, 0);
    open_named(folder, "m-00009-of-00003.gguf", "is not called as such");
    put_part(folder, "whole-00001-of-00003.gguf", 1, 1, 1); /* its metadata decide */
    open_named(folder, "whole-00001-of-00003.gguf", NULL);
    data_folder_remove(folder);
}

static void rows_that_are_no_whole_blocks_are_refused(void **state)
{
    (void)state;
    struct buffer file = BUFFER_INIT;
    gguf_begin(&file, 1, 0);
    gguf_tensor(&file, "a.weight", 8, 3, 2, 33);
    gguf_open(&file, "tensor a.weight: its rows have 33 elements; Q4_1 has blocks of 32");
}

static void a_type_that_is_not_known_has_no_length(void **state)
{
    (void)state;
    struct buffer file = BUFFER_INIT;
    gguf_begin(&file, 1, 0);
    gguf_tensor(&file, "a.weight", 8, 40, 2, 32);
    struct checkpoint *checkpoint = gguf_open(&file, NULL);
    const struct tensor_info *tensor = checkpoint_tensor(checkpoint, 0);
    assert_string_equal(tensor->dtype_name, "type 40");
    assert_true(tensor->bytes_unknown && tensor->elements == 64);
    checkpoint_close(checkpoint);
}

static void a_shape_is_bounded_in_any_type(void **state)
{
    (void)state;
    struct buffer file = BUFFER_INIT;
    gguf_begin(&file, 1, 0);
    gguf_tensor(&file, "a.weight", 8, 40, 1, (uint64_t)1 << 62);
    gguf_open(&file, "tensor a.weight: 4611686018427387904 elements cannot be in 4096 bytes");
}

static void names_with_nul_are_refused(void **state)
{
    (void)state;
    struct buffer tensor = BUFFER_INIT, key = BUFFER_INIT;
    gguf_begin(&tensor, 1, 0);
    gguf_tensor(&tensor, "a.weight\0zz", 11, 0, 2, 2);
    gguf_open(&tensor, "a tensor name has a NUL byte in it: \"a.weight\"");
    gguf_begin(&key, 0, 1);
    gguf_string(&key, "split.count\0", 12);
    gguf_open(&key, "a metadata key has a NUL byte in it: \"split.count\"");
}

/* One reader would take the first, another the last. */
static void a_key_twice_is_refused(void **state)
{
    (void)state;
    struct buffer file = BUFFER_INIT;
    gguf_begin(&file, 0, 3);
    for (int i = 0; i < 3; i++) {
        gguf_key(&file, i == 1 ? "b" : "tokenizer.chat_template", GGUF_STRING);
        gguf_string(&file, "x", 1);
    }
    gguf_open(&file, "the key \"tokenizer.chat_template\" appears twice");
}

/* Each array is within what a tokenizer may have; together they would take gigabytes. */
static void many_arrays_share_one_budget(void **state)
{
    (void)state;
    enum { COUNT = 1500 * 1000 };
    struct buffer file = BUFFER_INIT;
    char *bytes = calloc(COUNT, 1), key[24];
    gguf_begin(&file, 0, 3);
    for (int i = 0; i < 3; i++) {
        snprintf(key, sizeof key, "list.%d", i);
        gguf_key(&file, key, GGUF_ARRAY);
        gguf_number(&file, GGUF_U8, 4);
        gguf_number(&file, COUNT, 8);
        buffer_append(&file, bytes, COUNT);
    }
    gguf_open(&file, "with key list.2 its metadata has more than 4194304 values");
    free(bytes);
}

static void long_texts_share_one_budget(void **state)
{
    (void)state;
    enum { LENGTH = 1 << 24 };
    struct buffer file = BUFFER_INIT;
    char *text = calloc(LENGTH, 1), key[24];
    gguf_begin(&file, 0, 5);
    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "text.%d", i);
        gguf_key(&file, key, GGUF_STRING);
        gguf_string(&file, text, LENGTH);
    }
    gguf_open(&file, "with key text.4 its metadata has more than");
    free(text);
}

static void a_file_that_ends_early_is_truncated(void **state)
{
    (void)state;
    struct buffer counts = BUFFER_INIT, name = BUFFER_INIT, list = BUFFER_INIT;
    gguf_begin(&counts, 60000, 33);
    gguf_open(&counts, "is truncated: its header needs 1440429 bytes at 24");
    gguf_begin(&name, 0, 1);
    gguf_key(&name, "text", GGUF_STRING);
    gguf_number(&name, 100000, 8);
    gguf_open(&name, "is truncated: its header needs 100000 bytes");
    gguf_begin(&list, 0, 1);
    gguf_key(&list, "list", GGUF_ARRAY);
    gguf_number(&list, GGUF_U16, 4);
    gguf_number(&list, 1 << 20, 8);
    gguf_open(&list, "is truncated: its header needs 2097152 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_part_opens_all),
        cmocka_unit_test(parts_that_do_not_fit_are_refused),
        cmocka_unit_test(rows_that_are_no_whole_blocks_are_refused),
        cmocka_unit_test(a_type_that_is_not_known_has_no_length),
        cmocka_unit_test(a_shape_is_bounded_in_any_type),
        cmocka_unit_test(names_with_nul_are_refused),
        cmocka_unit_test(a_key_twice_is_refused),
        cmocka_unit_test(many_arrays_share_one_budget),
        cmocka_unit_test(long_texts_share_one_budget),
        cmocka_unit_test(a_file_that_ends_early_is_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
