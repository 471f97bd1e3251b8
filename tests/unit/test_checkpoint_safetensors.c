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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_tensor_that_no_shard_has_is_missed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
