/* Every quantised type of GGUF against the gguf package (tests/oracle/make_quantized.py), to the
 * bit: whole tensors, and from a block in their middle on. */
#include "test.h"

#include "base/folder.h"
#include "checkpoint/checkpoint.h"

#include <string.h>

static struct checkpoint *open_data(const char *name)
{
    struct checkpoint *checkpoint = NULL;
    struct error err = ERROR_INIT;
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), name, NULL);
    if (checkpoint_open(&checkpoint, path, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    return checkpoint;
}

static float *read_from(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                        int64_t first)
{
    struct error err = ERROR_INIT;
    int64_t count = tensor->elements - first;
    float *values = malloc((size_t)count * sizeof *values);
    if (checkpoint_read_f32(checkpoint, tensor, first, count, values, &err) != 0)
        fail_msg("%s", err.text);
    return values;
}

static void check_tensor(const struct checkpoint *ours, const struct checkpoint *theirs,
                         const struct tensor_info *tensor, int64_t first)
{
    const struct tensor_info *expected = checkpoint_find(theirs, tensor->name);
    assert_non_null(expected);
    assert_int_equal(expected->elements, tensor->elements);
    float *a = read_from(ours, tensor, first), *b = read_from(theirs, expected, first);
    for (int64_t i = 0; i < tensor->elements - first; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fail_msg("%s, element %lld: %.9g, the gguf package has %.9g", tensor->name,
                     (long long)(first + i), (double)a[i], (double)b[i]);
    free(a);
    free(b);
}

static void equals_gguf_package(void **state)
{
    (void)state;
    struct checkpoint *ours = open_data("checkpoint/quantized.gguf");
    struct checkpoint *theirs = open_data("checkpoint/quantized.safetensors");
    assert_int_equal(checkpoint_count(ours), 25);
    for (size_t i = 0; i < checkpoint_count(ours); i++) {
        const struct tensor_info *tensor = checkpoint_tensor(ours, i);
        assert_string_equal(tensor->name, tensor->dtype_name);
        assert_int_equal(tensor->elements, 3 * 512);
        check_tensor(ours, theirs, tensor, 0);
        check_tensor(ours, theirs, tensor, 768);
    }
    checkpoint_close(ours);
    checkpoint_close(theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_gguf_package)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
