/* GGUF files that are not what they should be are refused in a line that says why. */
#include "test.h"

#include "gguf_data.h"

static void put_count(struct buffer *file, const char *key, uint64_t value)
{
    gguf_key(file, key, GGUF_U16);
    gguf_number(file, value, 2);
}

static void a_part_of_a_split_model_is_refused(void **state)
{
    (void)state;
    struct buffer part = BUFFER_INIT, whole = BUFFER_INIT;
    gguf_begin(&part, 0, 2);
    put_count(&part, "split.no", 1);
    put_count(&part, "split.count", 3);
    gguf_open(&part, "part 2 of 3 of a split model");
    gguf_begin(&whole, 1, 1);
    put_count(&whole, "split.count", 1);
    gguf_tensor(&whole, "a.weight", 8, 0, 2, 2);
    checkpoint_close(gguf_open(&whole, NULL));
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
        cmocka_unit_test(a_part_of_a_split_model_is_refused),
        cmocka_unit_test(rows_that_are_no_whole_blocks_are_refused),
        cmocka_unit_test(a_type_that_is_not_known_has_no_length),
        cmocka_unit_test(a_shape_is_bounded_in_any_type),
        cmocka_unit_test(names_with_nul_are_refused),
        cmocka_unit_test(many_arrays_share_one_budget),
        cmocka_unit_test(long_texts_share_one_budget),
        cmocka_unit_test(a_file_that_ends_early_is_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
