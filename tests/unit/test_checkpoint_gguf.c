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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_a_split_model_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
