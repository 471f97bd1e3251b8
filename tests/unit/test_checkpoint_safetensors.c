/* Safetensors files and folders that are not what they should be are refused in a line. */
#include "test.h"

#include "checkpoint_data.h"

static void a_tensor_that_no_shard_has_is_missed(void **state)
{
    (void)state;
    char *folder = data_folder();
    data_shards(folder);
    checkpoint_close(data_open(folder, NULL));
    data_text(folder, "model.safetensors.index.json",
              "{\"weight_map\": {\"one.weight\": \"a.safetensors\","
              " \"three.weight\": \"b.safetensors\"}}");
    data_open(folder, "tensor three.weight should be in b.safetensors, and no shard has it");
    data_folder_remove(folder);
}

/* A file with one tensor of four bytes, of the type that the JSON string says. */
static struct checkpoint *open_dtype(const char *folder, const char *dtype, const char *says)
{
    struct buffer header = BUFFER_INIT, file = BUFFER_INIT;
    buffer_format(&header,
                  "{\"one.weight\":{\"dtype\":\"%s\",\"shape\":[2,2],\"data_offsets\":[0,4]}}",
                  dtype);
    for (int i = 0; i < 8; i++)
        buffer_byte(&file, (char)(header.length >> 8 * i & 0xFF));
    buffer_append(&file, header.data, header.length);
    buffer_append(&file, "\1\2\3\4", 4);
    data_file(folder, "dtype.safetensors", file.data, file.length);
    char *path = path_join(folder, "dtype.safetensors", NULL);
    struct checkpoint *checkpoint = data_open(path, says);
    free(path);
    buffer_free(&header);
    buffer_free(&file);
    return checkpoint;
}

static void a_dtype_is_a_printable_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "\\u001b[31mRED",   "f32",      "F32 ",
                                      "\\u009b5m", "F32_F32_F32_F32_", "F\xC3\xA9"};
    char *folder = data_folder();
    struct checkpoint *checkpoint = open_dtype(folder, "F8_E4M3", NULL);
    assert_string_equal(checkpoint_tensor(checkpoint, 0)->dtype_name, "F8_E4M3");
    checkpoint_close(checkpoint);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        open_dtype(folder, bad[i], "tensor one.weight: \"dtype\" must be 1 to 15 capitals");
    data_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tensor_that_no_shard_has_is_missed),
        cmocka_unit_test(a_dtype_is_a_printable_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
